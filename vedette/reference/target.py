"""This file is for starting and stopping a reference target, embedded in a test or on its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from vedette.reference.app import App
from vedette.reference.faults import asked_for
from vedette.reference.server import HttpServer
from vedette.reference.settings import Settings


def utc_now() -> datetime:
    return datetime.now(UTC)


class ReferenceTarget:
    """A small booking service that keeps the contracts of the seeds, sound unless faults are named.

    Raises: ValueError for a fault that nobody knows.
    """

    def __init__(
        self,
        faults: Iterable[str] = (),
        *,
        log_path: Path | None = None,
        clock: Callable[[], datetime] = utc_now,
        settings: Settings | None = None,
    ) -> None:
        self.faults = frozenset(asked_for(name) for name in faults)
        self._log_path = log_path
        self._clock = clock
        self._settings = settings or Settings()

    @asynccontextmanager
    async def running(self, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
        """Listen on loopback for as long as the context is open, and yield the base address."""
        app = App(self._settings, self.faults, log_path=self._log_path, clock=self._clock)
        server = HttpServer(app.handle)
        try:
            yield f"http://{host}:{await server.start(host, port)}"
        finally:
            await server.stop()
            await app.close()
