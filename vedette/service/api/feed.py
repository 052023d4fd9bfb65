"""This file is for live events: one batch a second for all who listen, made once, and changes of a verdict at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from probes.outcome import Verdict
from reports.deployments import DeploymentTold
from scenarios.events import RunStarted
from scenarios.watch.events import Missed, Retired, SeriesKey, Tick
from vedette.service.bus import Happening
from vedette.service.problems import Problem

if TYPE_CHECKING:
    from vedette.service.state import Service

MOST_LISTENERS = 100
BATCH_S = 1.0  # a person sees no more; at 10,000 scenarios one event a tick would be 167 a second for every open page
CHANGE_S = 0.05  # what a changed verdict waits for others that change with it
MOST_IN_BATCH = 500  # what is above waits for nobody: an unchanged tick is left out, too many changes are a `resync`
KEPT = 32  # batches that wait for one listener; one that is slower begins anew
LOOK_S = 0.1  # how often it is looked whether the service stops
RETRY_MS = 3000  # after which a browser comes back


@dataclass(eq=False)
class Listener:
    """One open stream: the messages that wait for it, None for its end."""

    waiting: asyncio.Queue[str | None] = field(default_factory=lambda: asyncio.Queue(KEPT))

    def tell(self, message: str | None) -> bool:
        """Put a message in; forget all others where there is no room. Return whether there was room."""
        fits = not self.waiting.full()
        while not fits and not self.waiting.empty():
            self.waiting.get_nowait()
        self.waiting.put_nowait(message)
        return fits


class Feed:
    """Tells all listeners of one service what happens. It works only while somebody listens."""

    def __init__(
        self, service: Service, *, most: int = MOST_LISTENERS, batch_s: float = BATCH_S, change_s: float = CHANGE_S
    ) -> None:
        self._service = service
        self._most = most
        self._batch_s = batch_s
        self._change_s = change_s
        self._listeners: set[Listener] = set()
        self._work: asyncio.Task[None] | None = None
        self._number = 0
        self._ticks: dict[SeriesKey, Tick] = {}
        self._changed: set[SeriesKey] = set()
        self._verdicts: dict[SeriesKey, Verdict] = {}
        self._resync = False

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    @contextmanager
    def joined(self) -> Iterator[Listener]:
        """Let one more listen. Raises: Problem 503 where there are enough, or where the service stops."""
        if self._service.stopping:
            raise Problem(503, "the service is stopping", headers={"Retry-After": "5"})
        if len(self._listeners) >= self._most:
            say = f"{self._most} are listening already, which is the most that this service takes; ask again later"
            raise Problem(503, say, headers={"Retry-After": "30"})
        listener = Listener()
        self._listeners.add(listener)
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._run())
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            if not self._listeners and self._work is not None:
                self._work.cancel()
                self._work = None

    def greeting(self, last_event_id: str) -> Iterator[str]:
        """Yield what a new listener is told first. One that comes back has missed what is not kept: it must read anew."""
        yield f"retry: {RETRY_MS}\n\n"
        yield self._message("resync" if last_event_id else "hello", {"at": self._service.clock().isoformat()})

    async def _run(self) -> None:
        self._verdicts = {line.key: line.verdict for line in self._service.board.lines() if line.verdict is not None}
        async with self._service.bus.listening() as happening:
            try:
                while not self._service.stopping:
                    await self._gather(happening)
                    self._tell_batch()
            finally:
                self._forget()
                for listener in self._listeners:
                    listener.tell(None)

    async def _gather(self, happening: asyncio.Queue[Happening]) -> None:
        """Take in what happens until the batch is due: after its time, or shortly after something changed."""
        loop = asyncio.get_running_loop()
        due = loop.time() + self._batch_s
        while not self._service.stopping and (left := due - loop.time()) > 0:
            try:
                async with asyncio.timeout(min(left, LOOK_S)):
                    event = await happening.get()
            except TimeoutError:
                continue
            self._resync |= happening.qsize() >= happening.maxsize - 1  # the oldest were forgotten, perhaps
            if self._take(event):
                due = min(due, loop.time() + self._change_s)

    def _take(self, event: Happening) -> bool:
        """Note what happened; return whether it is to be told at once."""
        match event:
            case Tick(key=key, outcome=outcome):
                self._ticks[key] = event
                if self._verdicts.get(key) is outcome.verdict:
                    return False
                self._verdicts[key] = outcome.verdict
                self._changed.add(key)
                return True
            case Retired(keys=keys):
                for key in keys:
                    self._verdicts.pop(key, None)
                self._resync = True  # what is watched has changed: rows come and go
                return True
            case DeploymentTold():
                self._resync = True  # markers, pages of deployments
                return True
            case RunStarted() | Missed():
                return False

    def _tell_batch(self) -> None:
        if self._resync or len(self._changed) > MOST_IN_BATCH:
            self._tell(self._message("resync", {"at": self._service.clock().isoformat()}))
        elif self._ticks:
            others = (key for key in self._ticks if key not in self._changed)
            chosen = [*self._changed, *others][:MOST_IN_BATCH]
            body = {"at": self._service.clock().isoformat(), "events": [self._said(self._ticks[key]) for key in chosen]}
            self._tell(self._message("ticks", body))
        self._forget()

    def _said(self, tick: Tick) -> dict[str, Any]:
        line = self._service.board.line(tick.key)
        since_at = None if line is None else line.since_at
        return {
            "slug": tick.key.slug,
            "verdict": tick.outcome.verdict.value,
            "sentence": tick.outcome.sentence,
            "since_at": since_at.isoformat() if since_at else None,
            "at": tick.outcome.started_at.isoformat(),
            "duration_s": round(tick.outcome.duration_s, 6),
            "maintenance": bool(tick.maintenance),
        }

    def _tell(self, message: str) -> None:
        for listener in self._listeners:
            if not listener.tell(message):
                listener.tell(self._message("resync", {"at": self._service.clock().isoformat()}))

    def _message(self, event: str, body: dict[str, Any]) -> str:
        """Return one event as it goes over the wire. JSON holds no line break, so nothing in it can begin another field."""
        self._number += 1
        mark = f"{int(self._service.started_at.timestamp())}-{self._number}"
        return f"event: {event}\nid: {mark}\ndata: {json.dumps(body, separators=(',', ':'))}\n\n"

    def _forget(self) -> None:
        self._ticks.clear()
        self._changed.clear()
        self._resync = False


def feed_of(state: Any, make: Callable[[Service], Feed] = Feed) -> Feed:
    """Return the one feed of an application, made when somebody listens for the first time."""
    if not hasattr(state, "feed"):
        state.feed = make(state.service)
    return state.feed  # type: ignore[no-any-return]
