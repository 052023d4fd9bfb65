"""This file is for the CRM itself: what it serves, and what it logs, counts, tells Sentry and Slack on the way."""

from __future__ import annotations

import secrets
import traceback
from collections.abc import Callable, Collection
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path
from typing import Any

from vedette.reference.kit.accounts import Accounts
from vedette.reference.kit.call import Call, current
from vedette.reference.kit.health import HealthAnswers, Words
from vedette.reference.kit.jobs import Job, Jobs
from vedette.reference.kit.service import Asked, Handler, Problem, Service, utc_now
from vedette.reference.server import Request, Response, json_response
from vedette.reference.travel_crm.agencies import AGENCY, BOOKING, PEOPLE
from vedette.reference.travel_crm.alerts import AlertService, Switches
from vedette.reference.travel_crm.families import PREFIX, families, measure_process
from vedette.reference.travel_crm.sentry import Sentry
from vedette.reference.travel_crm.winston import Winston

_ASKED: ContextVar[Request] = ContextVar("asked")  # what is being answered, for the error handler


class TravelCrm(Service):
    """Bookings and queries of two agencies."""

    correlation_header = "X-Trace-ID"

    def __init__(
        self,
        bugs: Collection[str],
        folder: Path,
        *,
        control_token: str = "",
        sentry_token: str = "",
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.log = Winston(folder, bugs, clock)
        self.alerts = AlertService(bugs, clock)
        self.sentry = Sentry(sentry_token, bugs, clock)
        accounts = Accounts(PEOPLE, secrets.token_bytes(32), bugs, clock)
        super().__init__(self.log, families(bugs), accounts, Switches(self.alerts, control_token, bugs), bugs)
        self.jobs = Jobs(bugs, self._job_done)
        self.health = HealthAnswers(self.levers, ("mongodb", "redis"), Words(), bugs, clock)
        known = {"id": BOOKING, "tenant": AGENCY, "status": "confirmed", "reference": f"TC-{secrets.token_hex(6)}"}
        self.things: dict[str, dict[str, dict[str, Any]]] = {"bookings": {BOOKING: known}}
        self._add_routes()

    def observed(self, method: str, route: str, status: int, seconds: float) -> None:
        if "middleware_missing" in self.bugs:
            return
        self.metrics.inc(PREFIX + "http_requests_total", method, route, status)
        self.metrics.observe(PREFIX + "http_request_duration_seconds", method, route, status, seconds=seconds)

    def problem(self, status: int, code: str, message: str) -> dict[str, Any]:
        if "error_answer_without_message" in self.bugs:
            return {"error": code}
        return {"success": "error_answer_success" in self.bugs, "message": message}

    async def close(self) -> None:
        await self.jobs.stop()
        await super().close()

    async def handle(self, request: Request) -> Response:
        gauge = PREFIX + "active_connections"
        self.metrics.set(gauge, to=self.metrics.value(gauge) + 1)
        try:
            return await super().handle(request)
        finally:
            self.metrics.set(gauge, to=self.metrics.value(gauge) - 1)

    def queried(self, operation: str, collection: str) -> None:
        """Look into MongoDB. Raises: Down."""
        self.levers.need("mongodb")
        self.metrics.observe(PREFIX + "db_query_duration_seconds", operation, collection, seconds=0.003)
        self.journal.debug("Query done", operation=operation, collection=collection)

    def own(self, collection: str, asked: Asked) -> dict[str, Any]:
        """Return the thing that the path names, if it is the caller's agency's. Raises: Problem."""
        self.queried("findOne", collection)
        thing = self.things[collection].get(asked.path["id"])
        foreign = thing is not None and thing["tenant"] != asked.who.tenant and "tenant_unchecked" not in self.bugs
        if thing is None or foreign:
            raise Problem(404, "not_found", "not found")
        return thing

    def _begun(self, request: Request) -> Call:
        _ASKED.set(request)
        return super()._begun(request)

    def _log(self, request: Request, call: Call, response: Response, seconds: float) -> None:
        """Log one request as morgan does, with the address as it was asked."""
        if "log_requests_missing" in self.bugs:
            return
        url = f"{request.path}?{request.query}" if request.query else request.path
        told = {"method": request.method, "url": url, "status": response.status, "duration_ms": round(seconds * 1000, 3)}
        self.journal.info(f"{request.method} {url} {response.status}", **told)

    def _broke(self, bug: Exception) -> Response:
        """Do what the error handler does: tell Sentry, tell the log, answer."""
        call, stack = current(), "".join(traceback.format_exception(bug))
        email = self.accounts.person(call.user).login if call.user is not None else ""
        tenant = call.tenant if call.user is not None else 0
        self.sentry.capture(bug, _ASKED.get(), call.route, user=call.user, email=email, tenant=tenant, stack=stack)
        if "error_not_logged" not in self.bugs:
            self.log.failed(bug, stack, user=call.user, tenant=call.tenant)
        status = 200 if "error_as_200" in self.bugs else getattr(bug, "status", 500)
        told = self.problem(status, "server_error", str(bug) or "Internal server error")
        if "error_stack_shown" in self.bugs:
            told["stack"] = stack
        return json_response(status, told)

    def _job_done(self, job: Job, attempt: int, outcome: str, seconds: float) -> None:
        self.metrics.inc(PREFIX + "emails_sent_total", "sent", "transactional")

    async def scrape(self, asked: Asked) -> Response:
        measure_process(self.metrics, self.bugs)
        return await super().scrape(asked)

    def _add_routes(self) -> None:
        from vedette.reference.travel_crm import bookings

        self.route("GET", "/metrics", self.scrape, login=False, quiet=True)
        checks = (("live", self.health.live), ("ready", self.health.ready), ("startup", self.health.startup))
        for name, answer in checks:
            self.route("GET", f"/health/{name}", _of_request(answer), login=False, quiet=True)
        bookings.add_routes(self)


def _of_request(answer: Callable[[Request], Any]) -> Handler:
    async def handle(asked: Asked) -> Response:
        return await answer(asked.request)  # type: ignore[no-any-return]

    return handle
