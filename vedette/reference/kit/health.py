"""This file is for health answers in each system's own words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from vedette.reference.kit.levers import Levers
from vedette.reference.server import Request, Response, html_response, json_response

_TRACE = (
    'Traceback (most recent call last):\n  File "/app/src/health.py", line 88, in ready\n    pool.ping()\nConnectionError: gone'
)


@dataclass(frozen=True, slots=True)
class Words:
    """What a system calls its states."""

    live: str = "ok"
    ready: str = "ready"
    not_ready: str = "not_ready"
    up: str = "ok"
    down: str = "down"
    started: str = "started"


class HealthAnswers:
    """Liveness needs nothing; readiness needs every one of `required`; the alias is readiness under its old name."""

    def __init__(
        self, levers: Levers, required: Sequence[str], words: Words, bugs: Collection[str], clock: Callable[[], datetime]
    ) -> None:
        self._levers = levers
        self._required = tuple(required)
        self._words = words
        self._bugs = bugs
        self._clock = clock
        self._started_at = clock()
        self._remembered: Response | None = None

    async def live(self, request: Request) -> Response:
        if "health_live_needs_database" in self._bugs and not all(map(self._levers.is_up, self._required)):
            return self._json(503, {"status": "down"})
        return self._spoilt(request, self._json(200, {"status": self._words.live}))

    async def ready(self, request: Request) -> Response:
        if "health_ready_remembered" in self._bugs:
            self._remembered = self._remembered or self._ready()
            return self._remembered
        return self._spoilt(request, self._ready())

    async def startup(self, request: Request) -> Response:
        if "health_startup_missing" in self._bugs:
            return json_response(404, {"error": "not_found"})
        uptime = round((self._clock() - self._started_at).total_seconds(), 3)
        return self._json(200, {"status": self._words.started, "uptime": uptime})

    async def alias(self, request: Request) -> Response:
        if "health_alias_always_up" in self._bugs:
            return self._json(200, {"status": self._words.ready, "checks": dict.fromkeys(self._required, self._words.up)})
        if "health_alias_disagrees" in self._bugs:
            return self._json(503, {"status": self._words.not_ready, "checks": dict.fromkeys(self._required, self._words.down)})
        return await self.ready(request)

    def _ready(self) -> Response:
        words, lies = self._words, "health_ready_lies" in self._bugs
        checks = {name: words.up if lies or self._levers.is_up(name) else words.down for name in self._required}
        is_ready = all(state == words.up for state in checks.values())
        if "health_culprit_unnamed" in self._bugs:
            checks = dict.fromkeys(checks, words.up)
        if "health_dependency_unchecked" in self._bugs:
            checks.popitem()
        body: dict[str, Any] = {"status": words.ready if is_ready else words.not_ready, "checks": checks}
        if "health_checks_missing" in self._bugs:
            del body["checks"]
        if "health_stack_trace_shown" in self._bugs:
            body["last_error"] = _TRACE
        if "health_dsn_shown" in self._bugs:
            body["database"] = "postgres://app:s3cr3t-Pa55@db.internal:5432/app"
        return self._json(200 if is_ready else 503, body)

    def _spoilt(self, request: Request, response: Response) -> Response:
        if "health_needs_login" in self._bugs and "authorization" not in request.headers:
            return json_response(401, {"error": "unauthenticated"}, {"Cache-Control": "no-store"})
        if "health_html" in self._bugs:
            return html_response(200, "<!doctype html><title>OK</title>OK").with_headers({"Cache-Control": "no-store"})
        return response

    def _json(self, status: int, body: Mapping[str, Any]) -> Response:
        told = {**body, "timestamp": self._timestamp()}
        if "health_timestamp_missing" in self._bugs:
            del told["timestamp"]
        cached = "public, max-age=60" if "health_cacheable" in self._bugs else "no-store"
        return json_response(status, told, {"Cache-Control": cached})

    def _timestamp(self) -> str:
        now = self._started_at - timedelta(hours=2) if "health_timestamp_frozen" in self._bugs else self._clock()
        return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
