"""This file is for telling open pages what happens: every listener has a queue of its own that forgets rather than waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from scenarios.watch.events import WatchEvent

KEPT = 1000  # events that wait for one listener; a listener that is slower misses the oldest


class Bus:
    """Hands every event to all who listen. A WatchSink, so it is told on the event loop's thread."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[WatchEvent]] = set()

    def take_watched(self, event: WatchEvent) -> None:
        for waiting in self._listeners:
            if waiting.full():
                waiting.get_nowait()
            waiting.put_nowait(event)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[asyncio.Queue[WatchEvent]]:
        """Yield a queue of what happens from now on."""
        waiting: asyncio.Queue[WatchEvent] = asyncio.Queue(KEPT)
        self._listeners.add(waiting)
        try:
            yield waiting
        finally:
            self._listeners.discard(waiting)
