"""This file is for running the booking service under the suite `demo`."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from vedette.reference.settings import Settings
from vedette.reference.system import System
from vedette.reference.target import ReferenceTarget


class Demo(System):
    """The booking service; its breaker stays open for half a second only, so that proving does not wait."""

    name = "demo"
    suite = "demo"
    targets = ("reference",)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Mapping[str, str]]:
        log, token = self.folder / "laravel.log", secrets.token_hex(16)
        settings = Settings(control_token=token, open_s=0.5)
        async with ReferenceTarget(self.bugs, log_path=log, settings=settings).running() as url:
            yield {"VEDETTE_DEMO_URL": url, "VEDETTE_DEMO_LOG": str(log), "VEDETTE_REFERENCE_TOKEN": token}
