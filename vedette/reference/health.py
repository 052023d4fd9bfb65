"""This file is for the health endpoints: alive, ready, started, and the details an operator wants."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Set
from datetime import datetime, timedelta
from typing import Any

from vedette.reference.breaker import Breaker
from vedette.reference.dependencies import NAMES, Dependencies
from vedette.reference.server import Request, Response, html_response, json_response

_NOT_CACHEABLE = {"Cache-Control": "no-store"}
_REQUIRED = ("database", "redis")  # the calendar service has a breaker: without it we still answer


class Health:
    """Answers the health endpoints; `clock` gives UTC."""

    def __init__(
        self,
        *,
        faults: Set[str],
        dependencies: Dependencies,
        breaker: Breaker,
        clock: Callable[[], datetime],
        redis: bool,
        version: str = "",
    ) -> None:
        self._version = {"version": version} if version else {}
        self._faults = faults
        self._dependencies = dependencies
        self._breaker = breaker
        self._clock = clock
        self._store = "redis" if redis else "memory"
        self._started_at = clock()
        self._remembered: Response | None = None

    async def live(self, request: Request) -> Response:
        if "health_live_slow" in self._faults:
            await asyncio.sleep(1.3)
        if "health_live_needs_database" in self._faults and not self._dependencies.is_up("database"):
            return self._json(503, {"status": "down", "timestamp": self._timestamp()})
        return self._spoilt(request, self._json(200, {"status": "ok", "timestamp": self._timestamp()}))

    async def ready(self, request: Request) -> Response:
        if "health_ready_remembered" in self._faults:
            self._remembered = self._remembered or self._ready()
            return self._remembered
        return self._spoilt(request, self._ready())

    async def alias(self, request: Request) -> Response:
        if "health_alias_disagrees" in self._faults:
            data = {"status": "not_ready", "checks": {"database": "ok", "redis": "ok", "memcached": "down"}}
            return self._json(503, {**data, "timestamp": self._timestamp()})
        if "health_alias_always_up" in self._faults:
            data = {"status": "ready", "checks": dict.fromkeys(_REQUIRED, "ok")}
            return self._json(200, {**data, "timestamp": self._timestamp()})
        return await self.ready(request)

    async def startup(self, request: Request) -> Response:
        if "health_startup_missing" in self._faults:
            return json_response(404, {"error": "not_found"})
        up_for = (self._clock() - self._started_at).total_seconds()
        return self._json(200, {"status": "started", "uptime": round(up_for, 3), "timestamp": self._timestamp()})

    async def detailed(self, request: Request) -> Response:
        checks = {name: {"status": "ok" if self._dependencies.is_up(name) else "down"} for name in NAMES}
        healthy = all(self._dependencies.is_up(name) for name in _REQUIRED)
        data: dict[str, Any] = {
            "status": "healthy" if healthy else "unhealthy",
            "timestamp": self._timestamp(),
            "checks": {**checks, "cache": {"status": "ok", "driver": self._store}},
            "circuit_breakers": {"calcom_api": self._breaker.status()},
        }
        if "breaker_state_missing" in self._faults:
            del data["circuit_breakers"]
        if "detailed_redis_missing" in self._faults:
            del data["checks"]["redis"]
        if "detailed_breaker_renamed" in self._faults:
            status = data["circuit_breakers"]["calcom_api"]
            data["circuit_breakers"]["calcom_api"] = {"failures": status.pop("failure_count"), **status}
        return self._json(200 if healthy else 503, data)

    async def brief(self, request: Request) -> Response:
        if "brief_health_fails" in self._faults:
            return self._json(500, {"success": False, "error": "server_error"})
        return self._json(200, {"status": "ok", "timestamp": self._timestamp()})

    def _ready(self) -> Response:
        lies = "health_ready_lies" in self._faults
        checks = {name: "ok" if lies or self._dependencies.is_up(name) else "down" for name in _REQUIRED}
        ready = all(state == "ok" for state in checks.values())
        if "health_culprit_unnamed" in self._faults:
            checks = dict.fromkeys(checks, "ok")
        if "health_dependency_unchecked" in self._faults:
            del checks["redis"]
        if "health_dependency_unknown" in self._faults:
            checks["redis"] = "unknown"
        data = {"status": "ready" if ready else "not_ready", "checks": checks, "timestamp": self._timestamp()}
        if "health_stack_trace_shown" in self._faults:
            trace = "#0 /var/www/api-gateway/vendor/laravel/framework/src/Illuminate/Database/Connection.php(829): runQuery()"
            data["last_error"] = f"PDOException: gone away\n{trace}\n#1 {{main}}"
        if "health_dsn_shown" in self._faults:
            data["database"] = "mysql://askproai_user:s3cr3t-Pa55@db.internal:3306/askproai_db"
        return self._json(200 if ready else 503, data)

    def _spoilt(self, request: Request, response: Response) -> Response:
        if "health_needs_login" in self._faults and "authorization" not in request.headers:
            return json_response(401, {"error": "unauthenticated"}, {"WWW-Authenticate": "Bearer", **_NOT_CACHEABLE})
        if "health_html" in self._faults:
            return html_response(200, "<!doctype html><title>OK</title>OK").with_headers(_NOT_CACHEABLE)
        if "health_text_plain" in self._faults:
            return response.with_headers({"Content-Type": "text/plain"})
        return response

    def _json(self, status: int, data: dict[str, Any]) -> Response:
        cacheable = "health_cacheable" in self._faults
        told = {**data, **self._version}
        return json_response(status, told, {"Cache-Control": "public, max-age=60"} if cacheable else _NOT_CACHEABLE)

    def _timestamp(self) -> str:
        now = self._clock()
        if "health_timestamp_frozen" in self._faults:
            now = self._started_at - timedelta(hours=2)  # the image was built then, and the value baked in
        if "health_timestamp_without_offset" in self._faults:
            return now.strftime("%Y-%m-%d %H:%M:%S")
        return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
