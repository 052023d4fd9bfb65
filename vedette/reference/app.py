"""This file is for the application: its routes, and what happens to every request on its way in and out."""

from __future__ import annotations

import hmac
import time
from collections.abc import Awaitable, Callable, Set
from datetime import datetime
from pathlib import Path
from typing import Any

from vedette.reference.availability import Availability
from vedette.reference.breaker import Breaker
from vedette.reference.cache import SlotCache
from vedette.reference.context import CORRELATION, TENANT, Ids
from vedette.reference.dependencies import NAMES, Dependencies, DependencyDown
from vedette.reference.health import Health
from vedette.reference.kit.metrics import CONTENT_TYPE, Metrics
from vedette.reference.limiter import Limiter
from vedette.reference.logs import Log
from vedette.reference.server import Request, Response, json_response
from vedette.reference.settings import Settings
from vedette.reference.telemetry import Telemetry
from vedette.reference.webhooks import Webhooks

Route = Callable[[Request], Awaitable[Response]]
_LEVER = "/_control/faults/"


class App:
    """One running instance: its parts, joined. `handle` answers every request."""

    def __init__(self, settings: Settings, faults: Set[str], *, log_path: Path | None, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._faults = faults
        self._clock = clock
        self._ids = Ids(faults)
        self._dependencies = Dependencies(settings, faults)
        self._telemetry = Telemetry(faults, history=settings.history, clock=clock)
        about: Any = {"environment": settings.environment, "faults": faults, "clock": clock}
        self._log = Log(log_path, **about, counted=self._telemetry.logged)
        self._calcom_log = Log(settings.calcom_log, **about)
        self._cache = SlotCache(settings, faults, lambda: self._dependencies.is_up("redis"))
        self._breaker = Breaker(settings, faults, self._breaker_turned, time.monotonic)
        limiter = Limiter(settings, faults, time.monotonic)
        self._webhooks = Webhooks(faults=faults, limiter=limiter, log=self._log, telemetry=self._telemetry)
        self._availability = Availability(
            faults=faults,
            cache=self._cache,
            breaker=self._breaker,
            dependencies=self._dependencies,
            log=self._log,
            calcom_log=self._calcom_log,
            telemetry=self._telemetry,
            clock=clock,
            fallback=settings.fallback,
        )
        self._version = {"X-Version": settings.version} if settings.version else {}
        health = Health(
            faults=faults,
            dependencies=self._dependencies,
            breaker=self._breaker,
            clock=clock,
            redis=bool(settings.redis_url),
            version=settings.version,
        )
        self._routes: dict[str, tuple[str, Route]] = {
            "/api/retell/check-availability": ("POST", self._check_availability),
            "/api/webhooks/retell": ("POST", self._webhooks.received),
            "/api/webhooks/retell/function": ("POST", self._webhooks.function_called),
            "/health/live": ("GET", health.live),
            "/health/ready": ("GET", health.ready),
            "/health/startup": ("GET", health.startup),
            "/api/v1/health": ("GET", health.alias),
            "/api/health": ("GET", health.brief),
            "/api/health/detailed": ("GET", health.detailed),
            "/metrics": ("GET", self._exposition),
        }

    async def handle(self, request: Request) -> Response:
        began = time.perf_counter()
        CORRELATION.set(self._ids.of(request.headers.get("x-correlation-id")))
        TENANT.set(None)
        response = await self._answered(request)
        if not request.path.startswith(("/health", "/_control", "/metrics")):
            took_s = time.perf_counter() - began
            route = request.path if request.path in self._routes else "unmatched"  # a path may hold what a person typed
            self._telemetry.answered(route, response.status, took_s)
            if "log_query_logged" in self._faults and request.query:
                self._log.unsanitised("INFO", f"{request.method} {request.path}?{request.query}", {})
            told = {"method": request.method, "route": route, "status": response.status, "duration_ms": round(took_s * 1000, 1)}
            self._log.info("Request handled", told)
        return response.with_headers({**self._ids.shown(request.headers.get("traceparent")), **self._version})

    async def close(self) -> None:
        await self._webhooks.leaks.stop()
        await self._cache.close()
        self._log.close()
        self._calcom_log.close()

    def measured(self) -> Metrics:
        """Return what is counted, with the gauges as they stand now."""
        return self._telemetry.now(self._breaker.status())

    def _breaker_turned(self, message: str, context: dict[str, Any]) -> None:
        self._telemetry.breaker_turned(message.rpartition(" ")[2].replace("opened", "open"))
        if "breaker_unlogged" not in self._faults:
            self._log.warning(message, context)
            if "calcom_log_silent" not in self._faults:
                self._calcom_log.warning(message, context)

    async def _exposition(self, request: Request) -> Response:
        return Response(200, self.measured().text().encode(), {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})

    async def _answered(self, request: Request) -> Response:
        try:
            return await self._dispatch(request)
        except DependencyDown as down:
            self._log.error("Dependency down", {"dependency": str(down)})
            return json_response(503, {"success": False, "error": "service_unavailable"}, {"Retry-After": "5"})
        except Exception as bug:  # the edge of the application: the caller gets a clean 500, the log the bug's class
            self._log.error("Unhandled exception", {"exception": type(bug).__name__})
            return self._shown(500, {"success": False, "error": "server_error"})

    def _shown(self, status: int, data: dict[str, Any]) -> Response:
        """Return an error, as Laravel shows it to developers where APP_DEBUG is left on."""
        if "debug_left_on" in self._faults:
            trace = "#0 /var/www/api-gateway/vendor/laravel/framework/src/Illuminate/Routing/Router.php(763): findRoute()"
            data = {"message": "", "exception": "NotFoundHttpException", "file": "Router.php", "line": 763, "trace": [trace]}
        return json_response(status, data)

    async def _dispatch(self, request: Request) -> Response:
        if request.path.startswith("/_control/"):
            return await self._control(request)
        route = self._routes.get(request.path)
        if "catch_all_answers_ok" in self._faults and (route is None or request.path.startswith(("/health", "/api/v1/health"))):
            return self._catch_all()
        if route is None:
            self._webhooks.leaks.unmatched(request)
            return self._shown(404, {"error": "not_found"})
        method, answer = route
        if request.method != method:
            return json_response(405, {"error": "method_not_allowed"}, {"Allow": method})
        return await answer(request)

    async def _check_availability(self, request: Request) -> Response:
        try:
            fields = request.fields()
        except ValueError as trouble:
            cause = type(trouble.__cause__).__name__
            bugs = {"RecursionError": "input_nesting_crashes", "UnicodeEncodeError": "input_surrogate_crashes"}
            if bugs.get(cause) in self._faults:
                raise RuntimeError(cause) from trouble
            return json_response(400, {"success": False, "error": "malformed_body"})
        return await self._availability.answer(fields)

    def _catch_all(self) -> Response:
        checks = {"database": "ok", "redis": "ok"}
        data = {"status": "ok", "checks": checks, "timestamp": self._clock().isoformat()}
        return json_response(200, data, {"Cache-Control": "no-store"})

    async def _control(self, request: Request) -> Response:
        given = request.headers.get("x-control-token", "")
        if not self._settings.control_token or not hmac.compare_digest(given.encode(), self._settings.control_token.encode()):
            return json_response(403, {"error": "forbidden"})
        if request.path == "/_control/dependencies/calcom" and request.method == "GET":
            return json_response(200, {"calls": self._dependencies.calls})
        name = request.path.removeprefix(_LEVER).removesuffix("-down")
        if request.path != f"{_LEVER}{name}-down" or name not in NAMES:
            return json_response(404, {"error": "not_found"})
        if request.method == "POST":
            self._dependencies.take_down(name)
        elif request.method == "DELETE":
            self._dependencies.bring_up(name)
        else:
            return json_response(405, {"error": "method_not_allowed"}, {"Allow": "POST, DELETE"})
        return json_response(200, {"dependency": name, "down": request.method == "POST"})
