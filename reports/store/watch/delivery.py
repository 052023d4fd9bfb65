"""This file is for bringing lines of watching to rest: in the store, else in the spool, else in memory until one takes them."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime

from reports.store.errors import StoreError, explain
from reports.store.watch.lines import Line, TickLine, instant
from reports.store.watch.spool import Spool, SpoolFull
from reports.store.watch.tick_writer import TickWriter, is_about_content
from scenarios.watch.events import SeriesKey

GROUP = 500  # lines in one transaction at most: so long does a reader of PostgreSQL, or another writer, wait
MOST_WAITING = 100_000  # ticks that wait in memory when neither store nor spool takes them, about 50 MB
RETRY_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)  # after the first failure, the second, …
_log = logging.getLogger(__name__)

_REPLAY_S = 0.5  # so long is the spool emptied before what came meanwhile is put to rest


class Delivery:
    """The way of lines, on one thread. They stay in order: while older ones wait in the spool, none goes past them."""

    def __init__(
        self,
        writer: TickWriter,
        spool: Spool,
        *,
        store: str,
        acknowledged: Callable[[SeriesKey, datetime], None] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._writer = writer
        self._spool = spool
        self._store = store
        self._acknowledged = acknowledged
        self._monotonic = monotonic
        self._pending: deque[Line] = deque()
        self._failures = 0
        self._retry_at = 0.0
        self.written = 0  # ticks that came into the store
        self.write_errors = 0  # groups that the store did not take
        self.refused = 0  # ticks that no store would take, for what is in them
        self.dropped = 0  # ticks that neither store nor spool took
        self._let_go = ""  # why nothing may be written to the store any more
        self._problem = ""  # of the store, the newest
        self._spool_problem = ""

    @property
    def last_error(self) -> str:
        """Return what went wrong last, empty as long as nothing did."""
        return "; ".join(filter(None, (self._let_go or self._problem, self._spool_problem)))

    @property
    def healthy(self) -> bool:
        return self._failures == 0 and not self._let_go

    @property
    def waiting(self) -> int:
        """Return how many lines wait in memory."""
        return len(self._pending)

    @property
    def spool(self) -> Spool:
        return self._spool

    def deliver(self, lines: Sequence[Line] = (), *, now: bool = False) -> None:
        """Bring lines to rest, those that wait already first. With `now` the store is tried whatever it did before."""
        self._pending.extend(lines)
        if (now or self._monotonic() >= self._retry_at) and not self._let_go:
            self._try_store()
        if self._pending:
            self._set_aside()
        while len(self._pending) > MOST_WAITING:
            self.dropped += isinstance(self._pending.popleft(), TickLine)

    @property
    def settled(self) -> bool:
        """Return whether everything is in the store."""
        return not self._pending and self._spool.empty

    def wait_s(self) -> float | None:
        """Return in how many seconds it wants to be called again, None when nothing waits."""
        return None if self.settled or self._let_go else max(0.0, self._retry_at - self._monotonic())

    def let_go(self, reason: str) -> None:
        """Write nothing to the store from now on: it is another service's. What comes waits in the spool. From any thread."""
        self._let_go = reason

    def close(self) -> None:
        self._writer.close()
        self._spool.close()

    def _try_store(self) -> None:
        """Write what waits until all of it is in, the time is over, or the store fails."""
        until = self._monotonic() + _REPLAY_S
        try:
            while (batch := self._spool.first(GROUP)) is not None:
                self._write(batch.lines, batch.life)
                self._spool.done()
                if self._monotonic() > until:
                    return
            while self._pending:
                group = [self._pending[place] for place in range(min(GROUP, len(self._pending)))]
                self._write(group)
                self._rest(group)
        except Exception as problem:  # the edge to the store: whatever it is, the lines must not be lost, nor the thread
            self._failed(explain(problem, self._store))

    def _write(self, group: Sequence[Line], life: str = "") -> None:
        """Write a group; lines that no store would take are left out of it. Raises: StoreError, or what a bug raises.

        Only what fails while others succeed is refused for good: where nothing succeeds, it is not the lines.
        """
        try:
            self._writer.write(group, life)
        except Exception as problem:  # the edge to the store: one odd line must not keep all others from it
            if not is_about_content(problem):
                raise
            refused = self._write_apart(group, life)
            if len(refused) == len(group):
                raise
            for line, reason in refused:
                self._refuse(line, reason)
        else:
            self._written(group)

    def _write_apart(self, group: Sequence[Line], life: str) -> list[tuple[Line, Exception]]:
        """Write a group, cut in halves where it is not taken whole; return the lines that are not taken alone."""
        try:  # the whole group once more: what the writer remembered may have been wrong, and it forgot that
            self._writer.write(group, life)
        except Exception as problem:  # as above
            if not is_about_content(problem):
                raise
            if len(group) == 1:
                return [(group[0], problem)]
            middle = len(group) // 2
            return self._write_apart(group[:middle], life) + self._write_apart(group[middle:], life)
        self._written(group)
        return []

    def _refuse(self, line: Line, reason: Exception) -> None:
        self.write_errors += 1
        self.refused += isinstance(line, TickLine)
        self._problem = str(explain(reason, self._store))
        self._spool.refuse(line, self._problem)

    def _written(self, group: Sequence[Line]) -> None:
        self.written += sum(isinstance(line, TickLine) for line in group)
        self._failures, self._retry_at = 0, 0.0

    def _failed(self, problem: StoreError) -> None:
        self.write_errors += 1
        self._problem = str(problem)
        self._retry_at = self._monotonic() + RETRY_S[min(self._failures, len(RETRY_S) - 1)]
        self._failures += 1

    def _set_aside(self) -> None:
        """Put what waits into the spool, in groups; where it takes no more, the rest goes on waiting."""
        try:
            while self._pending:
                group = [self._pending[place] for place in range(min(GROUP, len(self._pending)))]
                self._spool.add(group)
                self._spool_problem = ""
                self._rest(group)
        except SpoolFull:
            self._spool_problem = "the spool is full"
        except Exception as problem:  # the edge to the disk, as above
            self._spool_problem = f"the spool takes nothing either: {getattr(problem, 'strerror', None) or problem}"

    def _rest(self, group: Sequence[Line]) -> None:
        for _ in group:
            self._pending.popleft()
        if self._acknowledged is None:
            return
        try:
            for line in group:
                if isinstance(line, TickLine):
                    self._acknowledged(line.key, instant(line.started_us))
        except Exception:  # the edge to whoever listens: that its count is short must not stop the storing
            _log.exception("a listener to acknowledgements failed")
