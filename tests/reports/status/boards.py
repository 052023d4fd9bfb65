"""This file is for boards as pages read them: real ones, told real ticks, with a clock that stands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from probes.outcome import Verdict
from reports.board import Board
from reports.status.overview import Asked, Chosen, choose
from scenarios.watch.series import Watched
from tests.reports.watched import AT, SetClock, scenario, series, tick


def board_of(said: Mapping[str, Verdict | None], clock: SetClock | None = None, **keys: Any) -> Board:
    """Return a board whose scenarios said this in their newest tick, ten seconds ago; None was not asked yet."""
    clock = clock or SetClock()
    watched = series(*(scenario(name, **keys) for name in said))
    board = Board(clock=clock)
    board.watch(watched)
    for one in watched:
        verdict = said[one.key.scenario]
        if verdict is not None:
            board.take_watched(tick(one, verdict, at=clock() - timedelta(seconds=10)))
    return board


def told(board: Board, watched: list[Watched], verdict: Verdict, **more: Any) -> None:
    """Tell a board one tick of each of these."""
    for one in watched:
        board.take_watched(tick(one, verdict, **more))


def chosen(board: Board, wish: Asked | None = None, clock: SetClock | None = None) -> Chosen:
    return choose(list(board.lines()), board.problems(), wish or Asked(), clock() if clock else AT)
