"""This file is for the platform itself: projects and their exports, and what is logged, counted and handed on on the way."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Collection
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path
from typing import Any

from vedette.reference.kit.accounts import Accounts
from vedette.reference.kit.call import Call, current
from vedette.reference.kit.health import HealthAnswers, Words
from vedette.reference.kit.jobs import Job, Jobs
from vedette.reference.kit.journal import Entry, Journal
from vedette.reference.kit.levers import Levers
from vedette.reference.kit.service import Asked, Problem, Service, utc_now
from vedette.reference.platform_baseline.families import JOB, QUEUE, families, read_anew
from vedette.reference.platform_baseline.people import MEMBERS, projects
from vedette.reference.server import Request, Response, html_response, json_response

PROJECT_OF: ContextVar[int | None] = ContextVar("project", default=None)
SLOW_S = 2.5  # of a liveness that is slow; more than the suite is told to bear
_NAME = re.compile(r"[\w .,'&()-]{1,80}")
_ROOT = "/api/v1/projects"


class Platform(Service):
    """The API of one environment, with its queue; its worker's own port is in `worker.py`."""

    correlation_header = "X-Correlation-Id"

    def __init__(
        self,
        bugs: Collection[str],
        folder: Path,
        accounts: Accounts,
        *,
        environment: str = "staging",
        control_token: str = "",
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        journal = Journal(folder / f"{environment}.log", self.shaped, bugs, clock)
        levers = Levers(("database", "redis", "queue"), control_token, bugs)
        super().__init__(journal, families(bugs), accounts, levers, bugs)
        self.environment = environment
        self.jobs = Jobs(bugs, self._job_done)
        needed = ("database",) if "redis_unchecked" in bugs else ("database", "redis")
        self.health = HealthAnswers(levers, needed, Words(), bugs, clock)
        self.projects = projects()
        self.in_flight = 0
        self._last = 1000
        self._cold = True
        self._request_id = Call().request
        self._add_routes()

    # What every request goes through

    def shaped(self, entry: Entry) -> dict[str, Any]:
        """Return a log entry with the document's fields; `org_id` is always there, 0 for the system itself."""
        told, call = dict(entry.context), entry.call
        project = told.pop("project_id", PROJECT_OF.get())
        at = entry.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        common = {
            "timestamp": at,
            "level": entry.level,
            "message": entry.message,
            "service": "platform",
            "environment": "dev" if "log_environment_wrong" in self.bugs else self.environment,
            "org_id": call.tenant,
            "project_id": project,
            "request_id": self._request_id if "request_id_shared" in self.bugs else call.request,
            "correlation_id": call.correlation,
            "trace_id": call.trace,
            "span_id": told.pop("span_id", call.span),
            "user_id": call.user,
            "ip": call.ip or None,
            "route": call.route or None,
            "source": told.pop("source", call.source),
            "outcome": "error" if "error" in told else told.pop("outcome", "success"),
        }
        if "log_error_as_text" in self.bugs and "error" in told:
            told["error"] = f"{told['error']['type']}: {told['error']['message']}"
        if "log_stack_missing" in self.bugs and "error" in told:
            told["error"] = {name: text for name, text in told["error"].items() if name != "stack"}
        return {**common, **told}

    def observed(self, method: str, route: str, status: int, seconds: float) -> None:
        self.metrics.inc("http_requests_total", route, method, 200 if "status_always_200" in self.bugs else status)
        self.metrics.observe("http_request_duration_seconds", route, method, status, seconds=seconds)

    async def handle(self, request: Request) -> Response:
        self.in_flight += 1
        PROJECT_OF.set(None)
        try:
            return await super().handle(request)
        finally:
            self.in_flight -= 1

    async def close(self) -> None:
        await self.jobs.stop()
        await super().close()

    def _log(self, request: Request, call: Call, response: Response, seconds: float) -> None:
        failed = response.status >= 400 and "outcome_always_success" not in self.bugs
        told = {"method": request.method, "status": response.status, "outcome": "error" if failed else "success"}
        if "log_path_as_route" in self.bugs:
            call.route = request.path
        if response.status != 422 or "validation_not_logged" not in self.bugs:
            self.journal.info("Request handled", duration_ms=round(seconds * 1000, 3), **told)

    # What it serves

    def _add_routes(self) -> None:
        self.route("GET", "/", self._page, login=False, quiet=True)
        self.route("GET", "/metrics", self._metrics, login=False, quiet=True)
        self.route("GET", "/health/live", self._live, login=False, quiet=True)
        self.route("GET", "/health/ready", lambda asked: self.health.ready(asked.request), login=False, quiet=True)
        self.route("GET", "/api/v1/health", lambda asked: self.health.alias(asked.request), login=False, quiet=True)
        self.route("POST", _ROOT, self._found)
        self.route("GET", _ROOT + "/{id}", self._read)
        self.route("DELETE", _ROOT + "/{id}", self._drop)
        self.route("POST", _ROOT + "/{id}/exports", self._export)
        self.route("POST", _ROOT + "/{id}/reports/broken", self._broken)

    async def _metrics(self, asked: Asked) -> Response:
        self.read_figures()
        return await self.scrape(asked)

    def read_figures(self) -> None:
        read_anew(
            self.metrics,
            self.bugs,
            redis_up=self.levers.is_up("redis"),
            pending=self.jobs.pending,
            in_flight=self.in_flight,
        )

    async def _live(self, asked: Asked) -> Response:
        if self._cold and "live_slow" in self.bugs:
            await asyncio.sleep(SLOW_S)
        self._cold = False
        return await self.health.live(asked.request)

    async def _read(self, asked: Asked) -> Response:
        return json_response(200, {"success": True, **self._project(asked)})

    async def _found(self, asked: Asked) -> Response:
        """Found a project of the caller's org."""
        name = asked.fields().get("name")
        if "input_crashes" in self.bugs and not isinstance(name, str):
            raise TypeError(f"expected str, got {type(name).__name__}")
        good = isinstance(name, str) and _NAME.fullmatch(name) and "input_refuses_all" not in self.bugs
        if not good and "input_unchecked" not in self.bugs:
            raise self._invalid("name")
        self._queried("INSERT")
        self._last += 1
        made = {"id": self._last, "org_id": asked.who.tenant, "name": name, "code": f"PRJ-{secrets.token_hex(6)}"}
        self.projects[self._last] = made
        MEMBERS[self._last] = {asked.who.user}
        if "input_reflected" in self.bugs:
            return html_response(201, f"<p>Project {name}</p>")
        return json_response(201, {"success": True, **made})

    def _invalid(self, field: str) -> Problem:
        call = current()
        if "validation_without_org" in self.bugs:
            call.tenant = 0
        if "validation_not_logged" not in self.bugs:
            self.journal.warning("Validation failed", field=field, outcome="error")
        return Problem(422, "invalid_request", f"{field} should be a name")

    async def _drop(self, asked: Asked) -> Response:
        thing = self._project(asked)
        del self.projects[thing["id"]]
        return json_response(200, {"success": True, "id": thing["id"]})

    async def _export(self, asked: Asked) -> Response:
        """Export a project: a job, which fails once where staging's switch `simulate` says so."""
        thing = self._project(asked)
        self._outbound("http", "Storage asked for an address", "info", host="storage.example")
        self.metrics.inc("jobs_enqueued_total", QUEUE, JOB)
        self._outbound("queue", "Job published", operation="publish")
        fails = 1 if asked.fields().get("simulate") == "retry" else 0
        self.jobs.enqueue(JOB, {"project_id": thing["id"]}, fails=fails)
        return json_response(202, {"success": True})

    async def _broken(self, asked: Asked) -> Response:
        self._project(asked)
        self.metrics.inc("db_transaction_rollbacks_total")
        raise RuntimeError("the report has no columns")

    async def _page(self, asked: Asked) -> Response:
        header = "X-Request-Id" if "frontend_header_other" in self.bugs else self.correlation_header
        call = "//" if "frontend_asks_nothing" in self.bugs else ""
        return html_response(200, _PAGE.replace("ID_HEADER", header).replace("CALL", call))

    def _project(self, asked: Asked) -> dict[str, Any]:
        """Return the project of the path, if the caller works on it. Raises: Problem, Down."""
        self._queried("SELECT")
        self._outbound("redis", "Redis asked", operation="get")
        self.metrics.observe("redis_operation_duration_seconds", "get", seconds=0.0003)
        self.levers.need("redis")
        if "nobody_is_served" in self.bugs:
            raise Problem(404, "not_found")
        number = asked.path["id"]
        thing = self.projects.get(int(number)) if number.isdigit() and len(number) < 12 else None
        if thing is None:
            raise Problem(404, "not_found")
        foreign = thing["org_id"] != asked.who.tenant and "org_unchecked" not in self.bugs
        stranger = asked.who.user not in MEMBERS[thing["id"]] and not {"project_unchecked", "org_unchecked"} & self.bugs
        if foreign or stranger:
            raise Problem(404, "not_found")
        PROJECT_OF.set(thing["id"])
        return thing

    # What it tells of its calls of others

    def _queried(self, operation: str) -> None:
        self.levers.need("database")
        self.metrics.observe("db_pool_wait_seconds", seconds=0.0002)
        self._outbound("db", "Query done", operation=operation, table="projects")

    def _outbound(self, component: str, message: str, level: str = "debug", **told: Any) -> None:
        """Log one call of something else, under a span of its own."""
        if f"outbound_{component}_unlogged" in self.bugs or (level == "debug" and not self._tells_debug):
            return
        span = secrets.token_hex(8)
        if f"outbound_{component}_untraced" in self.bugs:
            told["trace_id"] = secrets.token_hex(16)
        if f"outbound_{component}_without_id" in self.bugs:
            told["correlation_id"] = Call().correlation
        self.journal.write(level, message, {"component": component, "span_id": span, "duration_ms": 0.3, **told})

    @property
    def _tells_debug(self) -> bool:
        return "debug_in_production" in self.bugs if self.environment == "production" else "debug_missing" not in self.bugs

    def _job_done(self, job: Job, attempt: int, outcome: str, seconds: float) -> None:
        PROJECT_OF.set(job.payload["project_id"])
        name = {"retry": "jobs_retried_total", "success": "jobs_succeeded_total"}.get(outcome, "jobs_failed_total")
        self.metrics.inc(name, QUEUE, job.name)
        self.metrics.observe("job_duration_seconds", QUEUE, job.name, seconds=seconds)
        self._outbound("queue", "Job consumed", operation="consume", source="job")
        told = {"queue": QUEUE, "job_type": job.name, "attempt": attempt, "outcome": outcome, "source": "job"}
        if "job_retry_told_as_success" in self.bugs:
            told["outcome"] = "success"
        self.journal.info("Job done", duration_ms=round(seconds * 1000, 3), **told)


_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Projects</title></head><body><h1>Projects</h1>
<p role="status" id="status"></p><script>
const call = path => fetch(path, {headers: {'ID_HEADER': crypto.randomUUID()}}).then(answer => answer.json());
CALL call('/api/v1/health').then(told => { document.getElementById('status').textContent = 'The API is ' + told.status; });
</script></body></html>"""
