"""This file is for what a service does again and again beside probing: tell that it lives, look for changes, forget."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from reports.store.errors import StoreError, StoreHeld
from vedette.service.assembly import past_of
from vedette.settings import Settings, forget_artifacts

if TYPE_CHECKING:
    from reports.store.watch.lock import ServiceLock
    from vedette.service.assembly import Assembly

SWEEP_S = 1.0  # how often it is looked whether a job's report is late
ALIVE_S = 5.0  # how often the store is told that we live: a gap in watching is known as exactly as that
FILES_S = 2.0  # how often it is looked whether a suite's file has changed
CALENDAR_S = 60.0  # how often windows are read that another service opened
TIDY_S = 3600.0
PAST_S = 2.0  # how soon after the start the long windows are read, and again where the store does not answer
PAST_AT_ONCE = 5  # series: the loop is held up for a few milliseconds
_AUDIT_KEPT = timedelta(days=400)
_log = logging.getLogger("vedette.watch")


class Chores:
    """The chores of one service. What waits for the store does so in a thread.

    `lost` is told why when another service has taken over the store: two must not keep it.
    """

    def __init__(self, made: Assembly, lock: ServiceLock, lost: Callable[[str], None]) -> None:
        self._made, self._lock, self._lost = made, lock, lost

    def begin(self) -> None:
        """Give them to the clockwork, which ends with the watcher."""
        clockwork = self._made.service.watcher.clockwork
        clockwork.every("heartbeats", SWEEP_S, self._made.service.heartbeats.sweep)
        clockwork.every("alive", ALIVE_S, self.alive)
        clockwork.every("files", FILES_S, self._made.reloader.look)
        clockwork.every("calendar", CALENDAR_S, self.calendar)
        clockwork.every("histories", ALIVE_S, self._made.swap.carrying.carry_over)
        clockwork.every("past", PAST_S, self.past)
        clockwork.every("tidy", TIDY_S, self.tidy)

    async def alive(self) -> None:
        """Say that we live, and make sure that the store is still ours; where it is not, two would keep it."""
        try:
            await asyncio.to_thread(self._tell_that_we_live)
        except StoreHeld as problem:
            self._made.service.sink.let_go(str(problem))
            self._lost(str(problem))
        except StoreError as problem:
            _log.warning("the store could not be told that the service lives: %s", problem)

    async def calendar(self) -> None:
        """Read the maintenance windows anew."""
        await asyncio.to_thread(self._made.service.calendar.refresh)

    async def past(self) -> None:
        """Tell the board what lies behind, after a start: until then it says nothing of 30 days."""
        board = self._made.service.board
        if board.past_is_known:
            return
        loop = asyncio.get_running_loop()

        def read() -> None:
            service = self._made.service
            since, until = past_of(service.started_at)
            told = service.history.hour_counts(service.settings.location, since, until, whole=until)
            while some := list(islice(told, PAST_AT_ONCE)):
                loop.call_soon_threadsafe(partial(board.refill_past, some, is_all=False))
            loop.call_soon_threadsafe(partial(board.refill_past, (), is_all=True))

        try:
            await asyncio.to_thread(read)
        except StoreError as problem:
            _log.warning("the past could not be read, so nothing is said of 30 days yet: %s", problem)

    async def tidy(self) -> None:
        """Forget what is older than it is to be kept."""
        try:
            await asyncio.to_thread(self._forget)
        except StoreError as problem:
            _log.warning("what is old could not be forgotten: %s", problem)

    def _tell_that_we_live(self) -> None:
        self._lock.renew()
        self._made.service.history.alive(self._made.id, self._made.service.clock())

    def _forget(self) -> None:
        service, settings = self._made.service, self._made.service.settings
        now = service.clock()
        ticks, outcomes = (now - timedelta(days=days) for days in (settings.keep_ticks_d, settings.keep_outcomes_d))
        while service.history.prune(ticks_before=ticks, outcomes_before=outcomes).more and not service.stopping:
            pass
        forget_artifacts(Settings(settings.state), outcomes)
        service.calendar.prune(ticks)
        service.gates.ledger.prune(evidence_before=outcomes, gates_before=ticks)
        service.audit.prune(now - _AUDIT_KEPT)
