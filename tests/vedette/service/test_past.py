"""This file is for the past after a start: nobody waits for it, and what is said of it in the end is what the store holds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reports.board import Board
from reports.store.errors import StoreError
from reports.store.watch.answers import WINDOWS_S, Counts
from reports.store.watch.history import WatchHistory
from tests.reports.store.watch.filling import Past, fill
from vedette.service.assembly import past_of
from vedette.service.chores import Chores

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 21, 10, 17, 3, tzinfo=UTC)
PAST = Past(series=12, ticks=4000, every_s=900, until=NOW)  # 41 days, a series in ten fails now and then
HOUR, MONTH = timedelta(hours=1), timedelta(days=30)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("past") / "results.db"
    fill(where, PAST)
    return where


@pytest.fixture
def history(filled: Path) -> Iterator[WatchHistory]:
    made = WatchHistory(filled)
    yield made
    made.close()


def counts_of(board: Board) -> dict[str, dict[str, Counts]]:
    return {line.slug: {name: line.counts(name) for name in WINDOWS_S} for line in board.lines()}


def started(history: WatchHistory) -> Board:
    """Return a board as it is after a start that waited for nothing."""
    board = Board(history.states("local"), clock=lambda: NOW)
    hours = history.hour_counts("local", past_of(NOW)[1])
    board.refill(history.minute_counts("local", NOW - HOUR), hours, past_follows=True)
    return board


async def told_the_past(board: Board, history: Any) -> None:
    settings = SimpleNamespace(location="local")
    service: Any = SimpleNamespace(board=board, history=history, settings=settings, started_at=NOW)
    made: Any = SimpleNamespace(service=service)
    lock: Any = None
    await Chores(made, lock, print).past()
    await asyncio.sleep(0)  # what the thread handed over is taken in


async def test_the_past_that_is_told_later_is_the_past_that_the_store_holds(history: WatchHistory) -> None:
    whole = Board(history.states("local"), clock=lambda: NOW)
    hours = history.hour_counts("local", NOW - MONTH, whole=NOW - timedelta(hours=26))
    whole.refill(history.minute_counts("local", NOW - HOUR), hours)
    board, wanted = started(history), counts_of(whole)
    assert {one["30d"] for one in counts_of(board).values()} == {Counts()}
    assert {slug: one["24h"] for slug, one in counts_of(board).items()} == {slug: one["24h"] for slug, one in wanted.items()}
    await told_the_past(board, history)
    assert counts_of(board) == wanted
    assert any(one["30d"].failed for one in wanted.values())
    assert board.past_is_known


async def test_a_past_that_cannot_be_read_is_read_again_and_never_told_in_part(
    history: WatchHistory, caplog: pytest.LogCaptureFixture
) -> None:
    board, real = started(history), history.hour_counts

    def breaking(*args: Any, **keys: Any) -> Iterator[Any]:
        told = real(*args, **keys)
        for _ in range(7):  # five are handed over, two are on their way
            yield next(told)
        raise StoreError("the database is locked")

    gone: Any = SimpleNamespace(hour_counts=breaking)
    with caplog.at_level(logging.WARNING):
        await told_the_past(board, gone)
    assert "nothing is said of 30 days yet: the database is locked" in caplog.text
    ratios = [line.ratios()["30d"] for line in board.lines()]
    assert (ratios.count(None), board.past_is_known) == (7, False)
    before = {slug: one["30d"] for slug, one in counts_of(board).items() if one["30d"].asked}
    await told_the_past(board, history)
    after = {slug: one["30d"] for slug, one in counts_of(board).items()}
    assert {slug: after[slug] for slug in before} == before and all(one.asked for one in after.values())
    assert board.past_is_known
