"""This file is for running the booking service under the suite `askpro`, with Prometheus beside it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from vedette.reference.app import App
from vedette.reference.askpro.watching import Watching
from vedette.reference.faults import asked_for
from vedette.reference.server import HttpServer
from vedette.reference.settings import Settings
from vedette.reference.system import System
from vedette.reference.target import utc_now


class AskPro(System):
    """The booking service of the demo, after a week of callers; its breaker stays open for half a second only."""

    name = "askpro"
    suite = "askpro"

    def __init__(self, bugs: Collection[str] = (), *, folder: Path, redis_url: str = "") -> None:
        super().__init__({asked_for(bug) for bug in bugs}, folder=folder)
        self._redis_url = redis_url  # where its cache lives; empty: in memory, and nobody can look from inside

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Mapping[str, str]]:
        log, calcom_log, token = self.folder / "laravel.log", self.folder / "calcom.log", secrets.token_hex(16)
        about = Settings(control_token=token, open_s=0.5, calcom_log=calcom_log, history=True, redis_url=self._redis_url)
        app = App(about, self.bugs, log_path=log, clock=utc_now)
        server, prometheus = HttpServer(app.handle), HttpServer(Watching(app.measured, self.bugs).handle)
        try:
            url = f"http://127.0.0.1:{await server.start('127.0.0.1', 0)}"
            prometheus_url = f"http://127.0.0.1:{await prometheus.start('127.0.0.1', 0)}"
            yield {
                "ASKPRO_STAGING_URL": url,
                "ASKPRO_STAGING_LOG": str(log),
                "ASKPRO_STAGING_CALCOM_LOG": str(calcom_log),
                "ASKPRO_STAGING_PROMETHEUS_URL": prometheus_url,
                "ASKPRO_STAGING_REDIS_URL": self._redis_url or "redis://127.0.0.1:6379/0",
                "ASKPRO_CONTROL_TOKEN": token,
                "ASKPRO_WAIT": "1500ms",
                "ASKPRO_SETTLE": "300ms",
                "ASKPRO_RECOVER_WITHIN": "4s",
                "ASKPRO_PRODUCTION_URL": url,
                "ASKPRO_PRODUCTION_LOG": str(log),
                "ASKPRO_PRODUCTION_PROMETHEUS_URL": prometheus_url,
                "ASKPRO_PRODUCTION_IS_PRIVATE": "true",
            }
        finally:
            await server.stop()
            await prometheus.stop()
            await app.close()
