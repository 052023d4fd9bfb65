"""This file is for the moment in which changed suites take the place of the old ones, in every part that knows them."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from scenarios.watch.series import watched

if TYPE_CHECKING:
    from reports.board import Board
    from scenarios.model import Suite
    from scenarios.watch.changes import Changes
    from scenarios.watch.watcher import Watcher
    from vedette.service.calendar import Calendar
    from vedette.service.carrying import Carrying
    from vedette.service.heartbeats import Heartbeats
    from vedette.service.state import ServeSettings


class Swap:
    """Puts suites in. `suites` is what everybody looks at who asks what is watched now; it is changed in place."""

    def __init__(
        self,
        settings: ServeSettings,
        watcher: Watcher,
        board: Board,
        calendar: Calendar,
        heartbeats: Heartbeats,
        carrying: Carrying,
        suites: dict[str, Suite],
    ) -> None:
        self._settings, self._watcher, self._board = settings, watcher, board
        self._calendar, self._heartbeats, self.carrying = calendar, heartbeats, carrying
        self._suites = suites
        self.on_swapped: Callable[[Sequence[Suite]], None] = lambda suites: None  # somebody else who must know

    async def __call__(self, suites: list[Suite]) -> Changes:
        """Watch these suites from now on, and return what that changes."""
        series = watched(suites, self._settings.location, self._settings.targets)
        changes = self._watcher.replace(series)
        for old, new in changes.renamed:  # before anything new is told under the new name
            self._board.rename(old, new)
        self._board.watch(series)
        self._heartbeats.watch(series)
        self._calendar.replace(suites)
        self.on_swapped(suites)
        self._suites.clear()
        self._suites.update({suite.name: suite for suite in suites})
        await self.carrying.carry_over(changes.renamed)
        gc.collect()
        gc.freeze()  # what was loaded stays; looking through it again and again would hold up the ticks
        return changes
