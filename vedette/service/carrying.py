"""This file is for history that goes on under another name: carried over in the store, sooner or later, with nothing left."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from reports.store.errors import StoreError
from scenarios.watch.events import SeriesKey

if TYPE_CHECKING:
    from reports.store.watch.answers import SeriesState
    from reports.store.watch.history import WatchHistory
    from reports.store.watch.sink import TickSink
    from scenarios.watch.series import Watched

Pair = tuple[SeriesKey, SeriesKey]  # the old name and the new one
FLUSHED_WITHIN_S = 5.0
_log = logging.getLogger("vedette.watch")


def renamed_since(states: Iterable[SeriesState], series: Sequence[Watched]) -> list[Pair]:
    """Return whose history lies under a former name: renamed while nobody watched, or not carried over before the end.

    One that was retired is none: it was taken away in order, and did not get another name.
    """
    left = {state.key for state in states if state.retired_at is None} - {watched.key for watched in series}
    found = []
    for watched in series:
        for name in watched.scenario.formerly:
            old = watched.key._replace(scenario=name)
            if old in left:
                left.remove(old)
                found.append((old, watched.key))
    return found


class Carrying:
    """Carries histories over. What the store does not take now stays owed, and is tried again."""

    def __init__(self, history: WatchHistory, sink: TickSink, owed: Iterable[Pair] = ()) -> None:
        self._history, self._sink = history, sink
        self._turn = asyncio.Lock()
        self.owed = list(owed)

    async def carry_over(self, renamed: Iterable[Pair] = ()) -> None:
        """Carry over these and all that is owed, as far as the store takes it."""
        self.owed += renamed
        async with self._turn:
            if not self.owed:
                return
            # Ticks that wait still bear the old names: coming after the renaming they would make series of their own.
            if not await asyncio.to_thread(self._sink.flush, FLUSHED_WITHIN_S):
                return
            while self.owed:
                old, new = self.owed[0]
                try:
                    await asyncio.to_thread(self._history.rename, old, new)
                except StoreError as problem:
                    _log.warning("the history of '%s' is not carried over to '%s' yet: %s", old.scenario, new.scenario, problem)
                    return
                del self.owed[0]
