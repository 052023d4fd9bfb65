"""This file is for storing what watching tells, while it goes on for ever: the event loop never waits, and nothing is lost."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from probes.ids import new_id
from reports.store.errors import StoreError, name_of
from reports.store.watch.keeping import Told, worth_keeping
from reports.store.watch.lines import Line, RetiredLine, RunLine, missed_line, tick_line
from scenarios.events import RunStarted
from scenarios.watch.events import Missed, SeriesKey, Tick, Trigger, WatchEvent

if TYPE_CHECKING:
    from reports.store.watch.delivery import Delivery

SPOOL_BYTES = 256 * 1024 * 1024
MOST_ARRIVING = 100_000  # events that wait for the thread; more means that it hangs in the store
HURRY_AT = 500  # as many are written without waiting for more
LINGER_S = 0.4  # what the first event of a group waits for others: a commit costs as much as storing twenty of them


@dataclass(frozen=True, slots=True)
class StoreFigures:
    """How storing goes. `queued` wait in memory, `spooled` on the disk; `lost` are in neither and never come."""

    queued: int
    spooled: int
    spooled_bytes: int
    written: int
    write_errors: int
    lost: int
    healthy: bool
    last_error: str
    shed: int = 0  # whole outcomes that the spool had no room for; their ticks are kept


class _Barrier(threading.Event):
    """Stands in the queue behind what must be at rest before `flush` returns."""

    stored = False


class TickSink:
    """A WatchSink that stores. `take_watched` costs the event loop next to nothing; a thread writes in groups.

    `acknowledged` is called on that thread for each tick, after the commit or the fsync that holds it: from then on
    `kill -9` cannot lose it, and it is counted once. While the store takes nothing, ticks go to files in the folder
    `spool` and from there into the store as soon as it takes them, also those that a killed service left behind.

    Raises: StoreError when the spool's folder cannot be used.
    """

    def __init__(
        self,
        where: Path | str,
        *,
        spool: Path,
        spool_bytes: int = SPOOL_BYTES,
        acknowledged: Callable[[SeriesKey, datetime], None] | None = None,
    ) -> None:
        self._where = where
        self._arriving: deque[WatchEvent | _Barrier | None] = deque()
        self._hurry = threading.Event()  # somebody waits, or there is enough for a group
        self._arrived = threading.Event()
        self._overflowed = 0
        self._odd = 0  # ticks of which no line could be made
        self._closed = False
        self._seq = 0
        self._said: dict[SeriesKey, tuple[Told, datetime | None]] = {}  # and when the newest whole outcome began
        self._delivery = self._make_delivery(spool, spool_bytes, acknowledged)
        self._thread = threading.Thread(target=self._work, name="vedette-ticks", daemon=True)
        self._thread.start()

    def take_watched(self, event: WatchEvent) -> None:
        """Queue one event. Raises: StoreError only when it is already closed."""
        if self._closed:
            raise StoreError(f"the store '{name_of(self._where)}' is closed already")
        arriving = self._arriving
        if len(arriving) >= MOST_ARRIVING:  # waiting would stop the event loop, and every probe's clock with it
            self._drop_oldest()
        arriving.append(event)
        if not self._arrived.is_set():
            self._arrived.set()
        if len(arriving) >= HURRY_AT and not self._hurry.is_set():
            self._hurry.set()

    def flush(self, timeout_s: float = 30.0) -> bool:
        """Wait until everything taken is at rest; return whether all of it is in the store, nothing in the spool."""
        if not self._thread.is_alive():
            return self._delivery.settled
        barrier = _Barrier()
        self._call(barrier)
        return barrier.wait(timeout_s) and barrier.stored

    def let_go(self, reason: str) -> None:
        """Write nothing to the store any more, because another service keeps it: what one counts the other would undo."""
        self._delivery.let_go(reason)

    def close(self, timeout_s: float = 30.0) -> bool:
        """Flush and end the thread; return whether all of it is in the store. What is spooled comes at the next start."""
        if not self._closed:
            self._closed = True
            self._call(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive() and self._delivery.settled

    def figures(self) -> StoreFigures:
        """Return how it goes, at once, from any thread."""
        delivery, spool = self._delivery, self._delivery.spool
        return StoreFigures(
            queued=len(self._arriving) + delivery.waiting,
            spooled=spool.ticks,
            spooled_bytes=spool.size,
            written=delivery.written,
            write_errors=delivery.write_errors,
            lost=self._overflowed + self._odd + delivery.dropped + delivery.refused + spool.unreadable,
            healthy=delivery.healthy,
            last_error=delivery.last_error,
            shed=spool.shed,
        )

    def _make_delivery(
        self, folder: Path, spool_bytes: int, acknowledged: Callable[[SeriesKey, datetime], None] | None
    ) -> Delivery:
        from reports.store.database import Database
        from reports.store.watch.delivery import Delivery
        from reports.store.watch.spool import Spool
        from reports.store.watch.tick_writer import TickWriter

        life = new_id()
        try:
            spool = Spool(folder, life=life, most_bytes=spool_bytes)
        except OSError as problem:
            raise StoreError(f"the spool folder '{folder}' cannot be used: {problem.strerror}") from problem
        writer = TickWriter(Database(self._where), life)
        return Delivery(writer, spool, store=name_of(self._where), acknowledged=acknowledged)

    def _call(self, item: _Barrier | None) -> None:
        self._arriving.append(item)
        self._hurry.set()
        self._arrived.set()

    def _drop_oldest(self) -> None:
        try:
            dropped = self._arriving.popleft()
        except IndexError:  # the thread was faster
            return
        if isinstance(dropped, _Barrier):
            dropped.set()
        self._overflowed += isinstance(dropped, Tick)

    def _work(self) -> None:
        going_on = True
        while going_on:
            lines, barriers, going_on = self._next_group()
            # At the end a store that did not answer just now is not waited for again: the spool has all of it.
            self._delivery.deliver(lines, now=bool(barriers) or (not going_on and self._delivery.healthy))
            while (barriers or not going_on) and self._delivery.healthy and not self._delivery.settled:
                self._delivery.deliver(now=True)
            for barrier in barriers:
                barrier.stored = self._delivery.settled
                barrier.set()
        self._delivery.close()

    def _next_group(self) -> tuple[list[Line], list[_Barrier], bool]:
        """Return what has arrived, after a short wait for more; nothing when what waits is to be tried again."""
        if self._arrived.wait(self._delivery.wait_s()):
            self._hurry.wait(LINGER_S)
        self._arrived.clear()
        self._hurry.clear()
        lines: list[Line] = []
        barriers: list[_Barrier] = []
        for _ in range(len(self._arriving)):
            try:
                item = self._arriving.popleft()
            except IndexError:
                break
            if item is None:
                return lines, barriers, False
            if isinstance(item, _Barrier):
                barriers.append(item)
            elif (line := self._line(item)) is not None:
                lines.append(line)
        return lines, barriers, True

    def _line(self, event: WatchEvent) -> Line | None:
        self._seq += 1
        if isinstance(event, Tick):
            try:
                return tick_line(self._seq, event, whole=self._is_kept_whole(event))
            except Exception:  # what a probe made cannot be put into numbers: the thread must live to store all others
                self._odd += 1
                return None
        if isinstance(event, Missed):
            return missed_line(self._seq, event)
        if isinstance(event, RunStarted):
            return RunLine(self._seq, event.run)
        for key in event.keys:
            self._said.pop(key, None)
        return RetiredLine(self._seq, event.keys, datetime.now(UTC))

    def _is_kept_whole(self, tick: Tick) -> bool:
        outcome = tick.outcome
        previous, last_kept = self._said.get(tick.key, (None, None))
        whole = worth_keeping(previous, outcome, last_kept)
        kept = whole or tick.trigger is Trigger.DEPLOY  # then its own run keeps it
        self._said[tick.key] = Told(outcome.verdict, outcome.sentence), outcome.started_at if kept else last_kept
        return whole
