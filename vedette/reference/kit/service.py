"""This file is for a service of JSON over HTTP: its routes, and what happens to every request on its way in and out."""

from __future__ import annotations

import re
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from vedette.reference.kit.accounts import Account, Accounts
from vedette.reference.kit.call import CALL, Call, begun
from vedette.reference.kit.journal import Journal
from vedette.reference.kit.levers import Down, Levers
from vedette.reference.kit.metrics import CONTENT_TYPE, Metrics
from vedette.reference.server import HttpServer, Request, Response, json_response


def utc_now() -> datetime:
    return datetime.now(UTC)


class Problem(Exception):
    """The request cannot be done as it is. `code` is for programs, the text for people."""

    def __init__(self, status: int, code: str, message: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message or code.replace("_", " "))
        self.status = status
        self.code = code
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as a handler gets it: who asks, what stood in the path, and the body's fields."""

    request: Request
    account: Account | None
    path: Mapping[str, str]

    def fields(self) -> dict[str, Any]:
        """Raises: Problem for a body that is no JSON object."""
        try:
            return self.request.fields() if self.request.body.strip() else {}
        except (ValueError, RecursionError):
            raise Problem(400, "malformed_body") from None

    @property
    def who(self) -> Account:
        if self.account is None:
            raise Problem(401, "unauthenticated")
        return self.account


Handler = Callable[[Asked], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Route:
    """`template` has its places in braces, as in /api/invoices/{id}; it is what metrics and logs call the route."""

    method: str
    template: str
    handler: Handler
    login: bool
    roles: tuple[str, ...] = ()
    quiet: bool = False  # neither logged nor counted, as health is
    pattern: re.Pattern[str] = field(default=re.compile(""))


class Service(ABC):
    """The base of the embedded systems. A subclass adds its routes and says how it names and shapes things."""

    correlation_header = "X-Correlation-ID"

    def __init__(self, journal: Journal, metrics: Metrics, accounts: Accounts, levers: Levers, bugs: Collection[str]) -> None:
        self.journal = journal
        self.metrics = metrics
        self.accounts = accounts
        self.levers = levers
        self.bugs = frozenset(bugs)
        self._routes: list[Route] = []

    def route(
        self,
        method: str,
        template: str,
        handler: Handler,
        *,
        login: bool = True,
        roles: tuple[str, ...] = (),
        quiet: bool = False,
    ) -> None:
        pattern = re.compile("".join(_piece(part) for part in re.split(r"(\{\w+\})", template)))
        self._routes.append(Route(method, template, handler, login, roles, quiet, pattern))

    @abstractmethod
    def observed(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request that was answered."""

    def problem(self, status: int, code: str, message: str) -> dict[str, Any]:
        """Return the body of a refusal, in the system's form."""
        return {"success": False, "error": code, "message": message}

    def running(self, *, port: int = 0) -> AbstractAsyncContextManager[str]:
        """Serve on loopback for as long as the context is open, and yield the base address."""
        return self._running(port)

    async def close(self) -> None:
        self.journal.close()

    @asynccontextmanager
    async def _running(self, port: int) -> Any:
        server = HttpServer(self.handle)
        try:
            yield f"http://127.0.0.1:{await server.start('127.0.0.1', port)}"
        finally:
            await server.stop()
            await self.close()

    async def scrape(self, asked: Asked) -> Response:
        if "metrics_html" in self.bugs:
            return Response(200, b"<!doctype html><title>Metrics</title>", {"Content-Type": "text/html"})
        return Response(200, self.metrics.text().encode(), {"Content-Type": CONTENT_TYPE})

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        began = time.perf_counter()
        call = self._begun(request)
        CALL.set(call)
        if request.path.startswith("/_control/"):
            return self.levers.answer(request)
        route, places, allowed = self._find(request)
        call.route = route.template if route is not None else "unmatched"  # a path may hold what a person typed
        response = await self._answered(request, call, route, places, allowed)
        if route is None or not route.quiet:
            seconds = time.perf_counter() - began
            counted = request.path if "metrics_paths_raw" in self.bugs else call.route
            self.observed(request.method, counted, response.status, seconds)
            self._log(request, call, response, seconds)
        return response.with_headers(self._marks(request, call))

    def _begun(self, request: Request) -> Call:
        given = request.headers.get(self.correlation_header.lower())
        call = begun(given, request.headers.get("traceparent"))
        if "correlation_ignored" in self.bugs:
            call.correlation = Call().correlation
        if "correlation_constant" in self.bugs:
            call.correlation = "11111111-1111-4111-8111-111111111111"
        if "correlation_not_uuid" in self.bugs and call.correlation != given:
            call.correlation = f"req-{time.time_ns()}"
        if "correlation_unchecked" in self.bugs and given:
            call.correlation = given
        if "trace_not_continued" in self.bugs:
            call.trace = Call().trace
        call.ip, call.agent = request.peer.rpartition(":")[0], request.headers.get("user-agent", "")[:200]
        return call

    def _marks(self, request: Request, call: Call) -> dict[str, str]:
        marks = {"traceparent": request.headers.get("traceparent", "") if "trace_span_kept" in self.bugs else call.traceparent}
        if "correlation_not_echoed" not in self.bugs:
            marks[self.correlation_header] = call.correlation.encode("ascii", "replace").decode()
        return {name: value for name, value in marks.items() if value}

    def _find(self, request: Request) -> tuple[Route | None, Mapping[str, str], list[str]]:
        allowed = []
        for route in self._routes:
            match = route.pattern.fullmatch(request.path)
            if match and route.method == request.method:
                return route, match.groupdict(), []
            if match:
                allowed.append(route.method)
        return None, {}, allowed

    async def _answered(
        self, request: Request, call: Call, route: Route | None, places: Mapping[str, str], allowed: list[str]
    ) -> Response:
        try:
            if route is None:
                return self._unmatched(request, allowed)
            account = self.accounts.who(request)
            if account is not None:
                call.tenant, call.user = account.tenant, account.user
            self._permit(route, account)
            return await route.handler(Asked(request, account, places))
        except Problem as problem:
            return self._refused(problem)
        except Down as down:
            self.journal.error("Dependency down", dependency=str(down))
            return json_response(503, self.problem(503, "service_unavailable", "try again later"), {"Retry-After": "5"})
        except Exception as bug:  # the edge of the application: the caller gets a clean 500, the log the stack
            return self._broke(bug)

    def _unmatched(self, request: Request, allowed: list[str]) -> Response:
        if "env_served" in self.bugs and request.path == "/.env":
            return Response(200, b"APP_ENV=production\nDB_PASSWORD=hunter2-in-the-open\n", {"Content-Type": "text/plain"})
        if "catch_all_answers_ok" in self.bugs:
            return json_response(200, {"status": "ok", "success": True})
        if allowed and "method_fallthrough" not in self.bugs:
            return json_response(
                405, self.problem(405, "method_not_allowed", "method not allowed"), {"Allow": ", ".join(allowed)}
            )
        return json_response(404, self.problem(404, "not_found", "not found"))

    def _permit(self, route: Route, account: Account | None) -> None:
        if not route.login:
            return
        if account is None:
            raise Problem(401, "unauthenticated", headers={"WWW-Authenticate": "Bearer"})
        if route.roles and account.role not in route.roles and "roles_unchecked" not in self.bugs:
            raise Problem(403, "forbidden")

    def _refused(self, problem: Problem) -> Response:
        if "refusal_as_200" in self.bugs:
            return json_response(200, self.problem(problem.status, problem.code, str(problem)))
        return json_response(problem.status, self.problem(problem.status, problem.code, str(problem)), problem.headers)

    def _broke(self, bug: Exception) -> Response:
        stack = "".join(traceback.format_exception(bug))
        self.journal.error("Unhandled exception", error={"type": type(bug).__name__, "message": str(bug), "stack": stack})
        told = self.problem(500, "server_error", "internal server error")
        if "error_stack_shown" in self.bugs:
            told["stack"] = stack
        if "error_statement_shown" in self.bugs:
            told["message"] = "SQLSTATE[42S22]: Column not found: 1054 Unknown column 'x' in 'where clause'"
        return json_response(500, told)

    def _log(self, request: Request, call: Call, response: Response, seconds: float) -> None:
        if "log_requests_missing" in self.bugs:
            return
        outcome = "success" if response.status < 400 else "error"
        self.journal.info(
            "Request handled",
            action="http.request",
            method=request.method,
            route=call.route,
            status=response.status,
            duration_ms=round(seconds * 1000, 3),
            outcome=outcome,
        )


def _piece(part: str) -> str:
    return f"(?P<{part[1:-1]}>[^/]+)" if part.startswith("{") else re.escape(part)
