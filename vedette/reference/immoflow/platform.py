"""This file is for ImmoflowMe itself: what it serves, and what it logs, counts, audits and exports on the way."""

from __future__ import annotations

import secrets
import time
import traceback
from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path
from typing import Any

from vedette.reference.immoflow import billing, guards
from vedette.reference.immoflow.exporters import Exporters
from vedette.reference.immoflow.families import families
from vedette.reference.immoflow.people import PEOPLE
from vedette.reference.kit.accounts import Accounts
from vedette.reference.kit.audit import Trail
from vedette.reference.kit.call import Call, current
from vedette.reference.kit.jobs import Job, Jobs
from vedette.reference.kit.journal import Entry, Journal
from vedette.reference.kit.levers import Levers
from vedette.reference.kit.service import Asked, Service, utc_now
from vedette.reference.server import Request, Response, json_response

LOG = "immoflow.log"
_PINO = {"debug": 20, "info": 30, "warning": 40, "error": 50, "critical": 60}
_LEDGER = "ledger_"


def shaped(entry: Entry, bugs: Collection[str]) -> dict[str, Any]:
    """Return a log entry as Pino writes it."""
    told = dict(entry.context)
    duration = told.pop("duration", None)
    if duration is not None and "duration_in_seconds" in bugs:
        duration /= 1000
    return {
        "level": _PINO.get(entry.level, entry.level),
        "time": int(entry.at.timestamp() * 1000),
        "pid": 17,
        "hostname": "immoflowme-5d8",
        "service": told.pop("service", "web"),
        "traceId": told.pop("trace", entry.call.trace),
        "spanId": entry.call.span,
        "tenantId": entry.call.tenant,
        "userId": entry.call.user,
        "duration": f"{duration} ms" if "duration_as_text" in bugs and duration is not None else duration,
        "err": told.pop("error", None),
        "msg": entry.message,
        **told,
    }


class Immoflow(Service):
    """Invoices, payments and billing runs of two landlords' offices."""

    def __init__(
        self, bugs: Collection[str], folder: Path, *, control_token: str = "", clock: Callable[[], datetime] = utc_now
    ) -> None:
        journal = Journal(folder / LOG, lambda entry: shaped(entry, bugs), bugs, clock)
        accounts = Accounts(PEOPLE, secrets.token_bytes(32), bugs, clock)
        super().__init__(journal, families(bugs), accounts, Levers(("tempo", "sentry"), control_token, bugs), bugs)
        self.clock = clock
        self.exporters = Exporters(self.levers, bugs, clock)
        own = [bug for bug in bugs if not bug.startswith(_LEDGER)]
        self.trail = Trail(folder / "audit.jsonl", own, clock, chained=True)
        self.ledger = Trail(None, [b.removeprefix(_LEDGER) for b in bugs if b.startswith(_LEDGER)], clock, chained=True)
        self.jobs = Jobs(bugs, self._job_done)
        self.in_flight = 0
        self.route("GET", "/metrics", self._metrics, login=False, quiet=True)
        self.route("POST", "/api/debug-sentry", self._break)
        guards.Guards(self).add_routes()
        billing.Billing(self).add_routes()

    def observed(self, method: str, route: str, status: int, seconds: float) -> None:
        if "middleware_after_routes" in self.bugs and route.startswith("/api/"):
            return  # the routes answered before the middleware came to it
        self.metrics.inc("http_requests_total", method, route, status)
        self.metrics.observe("http_request_duration_seconds", method, route, seconds=seconds)

    async def close(self) -> None:
        await self.jobs.stop()
        await super().close()

    async def handle(self, request: Request) -> Response:
        if request.path.startswith("/_control/"):
            return await super().handle(request)
        began = time.perf_counter()
        self.exporters.crumb(request)
        self.in_flight += 1
        try:
            response = await super().handle(request)
        finally:
            self.in_flight -= 1
        call = current()
        if request.path != "/metrics":
            await self.exporters.trace(request, call, response.status, time.perf_counter() - began)
        return response

    def _begun(self, request: Request) -> Call:
        call = super()._begun(request)
        if "trace_shared" in self.bugs:
            call.trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        return call

    def _marks(self, request: Request, call: Call) -> dict[str, str]:
        marks = super()._marks(request, call)
        marks.pop(self.correlation_header, None)  # nothing but the trace leads from answer to log
        return {} if "trace_not_shown" in self.bugs else marks

    def _log(self, request: Request, call: Call, response: Response, seconds: float) -> None:
        parts = ("/api/billing", "/api/invoices", "/api/payments")
        is_billing = call.route.startswith(parts) and "log_service_lost" not in self.bugs
        told = {"method": request.method, "route": call.route, "status": response.status, "duration": round(seconds * 1000, 3)}
        trace = {"trace": Call().trace} if "log_trace_lost" in self.bugs else {}
        self.journal.info("request completed", service="billing" if is_billing else "web", **told, **trace)

    async def _break(self, asked: Asked) -> Response:
        fields = asked.fields()
        stack = ""
        try:
            raise RuntimeError(f"no tariff for the unit {str(fields.get('unit', ''))[:80]}")
        except RuntimeError as bug:
            stack = "".join(traceback.format_exception(bug))
            error = {"type": type(bug).__name__, "message": str(bug), "stack": stack}
            if "log_stack_lost" in self.bugs:
                del error["stack"]
            self.journal.error("unhandled error", error=error)
            await self.exporters.capture(bug, asked.request, current(), stack)
        told = self.problem(500, "server_error", "internal server error")
        return json_response(500, told | ({"stack": stack} if "error_stack_shown" in self.bugs else {}))

    async def _metrics(self, asked: Asked) -> Response:
        self.metrics.set("http_requests_in_flight", to=self.in_flight - 1)
        self.metrics.set("job_queue_pending_total", to=self.jobs.pending)
        return await self.scrape(asked)

    def _job_done(self, job: Job, attempt: int, outcome: str, seconds: float) -> None:
        self.journal.info("job completed", service="billing", job=job.name, attempt=attempt, duration=round(seconds * 1000, 3))
