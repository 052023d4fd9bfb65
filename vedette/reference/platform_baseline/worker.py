"""This file is for the worker's own port: its readiness, which mirrors the API's and adds the queue, and its metrics."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from vedette.reference.kit.health import HealthAnswers, Words
from vedette.reference.kit.metrics import CONTENT_TYPE
from vedette.reference.kit.service import utc_now
from vedette.reference.platform_baseline.platform import Platform
from vedette.reference.server import HttpServer, Request, Response, json_response

_PREFIX = "worker_"


class Worker:
    """What the worker of a platform answers. Its bugs are those of the kit with `worker_` before them."""

    def __init__(self, platform: Platform, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._platform = platform
        self._bugs = frozenset(bug.removeprefix(_PREFIX) for bug in platform.bugs if bug.startswith(_PREFIX))
        needs = ("database", "redis") if "queue_unchecked" in self._bugs else ("database", "redis", "queue")
        self._health = HealthAnswers(platform.levers, needs, Words(), self._bugs, clock)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        server = HttpServer(self._answer)
        try:
            yield f"http://127.0.0.1:{await server.start('127.0.0.1', 0)}"
        finally:
            await server.stop()

    async def _answer(self, request: Request) -> Response:
        if request.path == "/health/live":
            return await self._health.live(request)
        if request.path == "/health/ready":
            return await self._health.ready(request)
        if request.path == "/metrics" and "metrics_missing" not in self._bugs:
            self._platform.read_figures()
            return Response(200, self._platform.metrics.text().encode(), {"Content-Type": CONTENT_TYPE})
        return json_response(404, {"success": False, "error": "not_found"})
