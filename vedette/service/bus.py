"""This file is for telling open pages what happens: every listener has a queue of its own that forgets rather than waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from reports.deployments import DeploymentTold
from scenarios.watch.events import WatchEvent

Happening = WatchEvent | DeploymentTold

KEPT = 1000  # events that wait for one listener; a listener that is slower misses the oldest


class Bus:
    """Hands every event to all who listen. A WatchSink, so it is told on the event loop's thread."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[Happening]] = set()

    def take_watched(self, event: WatchEvent) -> None:
        self.tell(event)

    def tell(self, event: Happening) -> None:
        for waiting in self._listeners:
            if waiting.full():
                waiting.get_nowait()
            waiting.put_nowait(event)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[asyncio.Queue[Happening]]:
        """Yield a queue of what happens from now on."""
        waiting: asyncio.Queue[Happening] = asyncio.Queue(KEPT)
        self._listeners.add(waiting)
        try:
            yield waiting
        finally:
            self._listeners.discard(waiting)
