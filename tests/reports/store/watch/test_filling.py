"""This file is for a filled store being what the writer would have made, and for its queries reading no more than they must."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy import Connection, event

from probes.outcome import Verdict
from reports.store.watch.history import WatchHistory
from reports.store.watch.sink import TickSink
from tests.reports.store.watch.filling import Past, fill
from tests.reports.store.watch.looking import assert_rollups_add_up, rows
from tests.reports.store.watch.ticking import a_tick

UNTIL = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
PAST = Past(series=22, ticks=800, every_s=120, until=UNTIL)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("filled") / "results.db"
    assert fill(path, PAST) == 17_600
    return path


def test_a_filled_store_adds_up(filled: Path) -> None:
    assert_rollups_add_up(filled)
    assert {verdict for (verdict,) in rows(filled, "SELECT DISTINCT verdict FROM ticks")} == {0, 3, 4}


def test_its_series_stand_as_if_their_ticks_had_been_told(filled: Path, tmp_path: Path) -> None:
    history = WatchHistory(filled)
    for place in (0, 9, 10):
        key = PAST.key(place)
        where = tmp_path / f"told {place}.db"
        sink = TickSink(where, spool=tmp_path / "spool")
        for seen in reversed(history.recent(key, 3000)):
            sink.take_watched(a_tick(seen.verdict, key=key, at=seen.at, sentence=seen.sentence, duration_s=seen.duration_s))
        assert sink.close()
        told, state = WatchHistory(where).state(key), history.state(key)
        assert told is not None and state is not None
        for name in ("verdict", "good", "since_at", "last_at", "last_good_at", "in_row", "duration_s"):
            assert getattr(state, name) == getattr(told, name), name
    history.close()


@pytest.fixture
def plans(filled: Path) -> Iterator[list[str]]:
    """Return a list that fills with how SQLite goes about each query of our own."""
    told: list[str] = []

    def explain(connection: Connection, cursor: object, statement: str, parameters: object, *_: object) -> None:
        if statement.lstrip().upper().startswith("SELECT"):
            driver = connection.connection.driver_connection
            told.extend(row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}", parameters))  # type: ignore[union-attr]

    event.listen(sqlalchemy.engine.Engine, "before_cursor_execute", explain)
    yield told
    event.remove(sqlalchemy.engine.Engine, "before_cursor_execute", explain)


KEY, OTHERS = PAST.key(3), [PAST.key(n) for n in range(20)]
MONTH, DAY = timedelta(days=30), timedelta(days=1)


@pytest.mark.parametrize(
    "ask",
    [
        lambda h: h.state(KEY),
        lambda h: h.recent(KEY, 20),
        lambda h: h.recent(KEY, 20, UNTIL),
        lambda h: h.recent(PAST.key(9), 20, only_bad=True),
        lambda h: h.chart(KEY, UNTIL - MONTH, UNTIL, 3600),
        lambda h: h.chart(KEY, UNTIL - DAY, UNTIL, 300),
        lambda h: h.strips(OTHERS, 90, 28_800, UNTIL),
        lambda h: h.strips(OTHERS, 90, 900, UNTIL),
        lambda h: h.counts_between(OTHERS, UNTIL - timedelta(hours=30, minutes=1), UNTIL),
        lambda h: h.durations_between(OTHERS, UNTIL - DAY, UNTIL),
        lambda h: h.outcome("x"),
        lambda h: list(h.minute_counts("local", UNTIL - timedelta(hours=1))),
        lambda h: list(h.hour_counts("local", UNTIL - MONTH, whole=UNTIL - DAY)),
        lambda h: h.window_counts("local", UNTIL),
    ],
    ids=["state", "recent", "recent before", "recent bad", "chart of a month", "chart of a day", "strips of a month",
         "strips of a day", "counts", "durations", "outcome", "minutes", "hours", "windows"],
)  # fmt: skip
def test_no_query_reads_a_whole_table_of_ticks_or_rollups(filled: Path, plans: list[str], ask: object) -> None:
    history = WatchHistory(filled, clock=lambda: UNTIL)
    ask(history)  # type: ignore[operator]
    history.close()
    assert plans
    assert [
        step for step in plans if step.startswith("SCAN") and step.split()[1] in ("ticks", "rollups", "outcomes", "checks")
    ] == []
    sought = [step for step in plans if step.split()[1] in ("ticks", "rollups")]
    assert all("series_id=?" in step for step in sought), sought
    assert not any("AUTOMATIC" in step for step in plans)


def test_bad_ticks_are_found_by_their_own_index(filled: Path, plans: list[str]) -> None:
    history = WatchHistory(filled)
    found = history.recent(PAST.key(9), 5, only_bad=True)
    history.close()
    assert [seen.verdict for seen in found] == [Verdict.FAIL] * 5
    assert any("ix_ticks_not_good" in step for step in plans)
