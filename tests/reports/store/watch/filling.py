"""This file is for a store with a past: millions of ticks with their rollups, written in minutes, for tests and benchmarks.

What it writes is what the ticks' writer would have written; `test_filling.py` compares the two.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from probes.outcome import Severity, Subject, Verdict
from reports.durations import bucket_of
from reports.store.database import Database
from reports.store.lines import dump_json, subject_json
from reports.store.watch.gathering import TICK_COLUMNS
from reports.store.watch.rollups import COARSE_S, COLUMNS, FINE_S, Rollup
from scenarios.watch.events import SeriesKey

_ROWS = 20_000  # in one statement
_MANY = 4096  # different durations: they are drawn once and then used again and again
_PHASES = (300, 800, 2000, 9000, 700)
_PASS, _DEGRADED, _FAIL = Verdict.PASS.rank, Verdict.DEGRADED.rank, Verdict.FAIL.rank


@dataclass(frozen=True, slots=True)
class Past:
    """What lies behind each series: a tick every `every_s` up to `until`, some slow, some failed in stretches."""

    series: int = 250
    ticks: int = 40_000  # of each
    every_s: int = 60
    until: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    suite: str = "shop"
    target: str = "production"
    location: str = "local"
    seed: int = 1

    def key(self, place: int) -> SeriesKey:
        return SeriesKey(self.suite, f"scenario {place:05d}", self.target, self.location)


def fill(where: Path, past: Past) -> int:
    """Write the past of all series into a SQLite store and return how many ticks that are. Fast, and not safe: for tests."""
    database = Database(where)
    database.make_ready()
    database.close()
    dice = random.Random(past.seed)
    marks = {table: ", ".join("?" * len(columns)) for table, columns in (("ticks", TICK_COLUMNS), ("rollups", COLUMNS))}
    durations_us = [round(1e6 * dice.lognormvariate(-2.5, 0.5)) for _ in range(_MANY)]
    with closing(sqlite3.connect(where, isolation_level=None)) as connection:
        for pragma in ("synchronous=OFF", "cache_size=-200000", "journal_mode=MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        for place in range(past.series):
            series = _series(connection, past, place)
            ticks = list(_ticks(past, series, durations_us, dice))
            _state(connection, series, ticks)
            for start in range(0, len(ticks), _ROWS):
                connection.executemany(f"INSERT INTO ticks VALUES ({marks['ticks']})", ticks[start : start + _ROWS])
            connection.executemany(f"INSERT INTO rollups VALUES ({marks['rollups']})", _rollups(series, ticks))
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("ANALYZE")
    return past.series * past.ticks


def _series(connection: sqlite3.Connection, past: Past, place: int) -> int:
    key = past.key(place)
    about = Subject(key.suite, key.scenario, "http", key.target, "prod", list(Severity)[place % 4], ("smoke",), "backend")
    first = past.until - timedelta(seconds=past.every_s * past.ticks)
    made = connection.execute(
        "INSERT INTO series (suite, scenario, target, location, subject, first_seen_at, sentence, in_row, version, maintenance)"
        " VALUES (?, ?, ?, ?, ?, ?, '', 0, '', '')",
        (*key, dump_json(subject_json(about)), _stamp(first)),
    )
    return int(made.lastrowid or 0)


def _ticks(past: Past, series: int, durations_us: Sequence[int], dice: random.Random) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of one series. One series in ten fails for ten minutes a day, another is slow all night."""
    first_us = (int(past.until.timestamp()) - past.every_s * past.ticks) * 1_000_000 + dice.randrange(1_000_000)
    fails, slow = series % 10 == 0, series % 10 == 1
    place = dice.randrange(_MANY)
    for n in range(past.ticks):
        us = first_us + n * past.every_s * 1_000_000
        second = us // 1_000_000 % 86_400
        if fails and second < 600:
            verdict, sentence = _FAIL, "the answer is 500, it should be 200"
        elif slow and second > 80_000:
            verdict, sentence = _DEGRADED, "it took longer than it should"
        else:
            verdict, sentence = _PASS, None
        yield (series, us, verdict, 0, 1500, durations_us[(place + n) % _MANY], *_PHASES, "1.4.2", sentence, None)


def _rollups(series: int, ticks: Sequence[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of both spans: five minutes are added up tick by tick, hours out of those."""
    fine_us = FINE_S * 1_000_000
    bucket: dict[int, int] = {}
    hour, rollup, end_us = Rollup(-1), Rollup(-1), -1
    for tick in [*ticks, (series, 2**62)]:
        if tick[1] >= end_us:
            if end_us >= 0:
                good = sum(rollup.counts[:2])
                rollup.phases = [good * took for took in _PHASES]
                yield rollup.row(series, FINE_S)
                if rollup.at // COARSE_S * COARSE_S != hour.at:
                    if hour.at >= 0:
                        yield hour.row(series, COARSE_S)
                    hour = Rollup(rollup.at // COARSE_S * COARSE_S)
                hour.merge(rollup)
            at = tick[1] // fine_us
            rollup, end_us = Rollup(at * FINE_S), (at + 1) * fine_us
        if len(tick) == 2:
            break
        rank, took = tick[2], tick[5]
        if rank == _FAIL:
            rollup.counts[2] += 1
            continue
        rollup.counts[rank == _DEGRADED] += 1
        place = bucket.get(took)
        if place is None:
            place = bucket[took] = bucket_of(took / 1e6)
        rollup.duration_us += took
        rollup.durations[place] = rollup.durations.get(place, 0) + 1
    yield hour.row(series, COARSE_S)


def _state(connection: sqlite3.Connection, series: int, ticks: Sequence[tuple[Any, ...]]) -> None:
    last = ticks[-1]
    good = last[2] in (_PASS, _DEGRADED)
    in_row = next((n for n, tick in enumerate(reversed(ticks)) if (tick[2] in (_PASS, _DEGRADED)) is not good), len(ticks))
    last_good = next((tick for tick in reversed(ticks) if tick[2] in (_PASS, _DEGRADED)), None)
    at = [None if us is None else _stamp(datetime.fromtimestamp(us / 1e6, UTC)) for us in (
        ticks[-in_row][1], last[1], last_good[1] if last_good else None
    )]  # fmt: skip
    connection.execute(
        "UPDATE series SET verdict = ?, sentence = ?, since_at = ?, last_at = ?, last_good_at = ?, duration_s = ?,"
        " in_row = ?, good = ?, version = ? WHERE id = ?",
        (list(Verdict)[last[2]].value, last[12] or "1 check held", *at, last[5] / 1e6, in_row, good, last[11], series),
    )


def _stamp(at: datetime) -> str:
    return at.isoformat(" ", "microseconds")[:26]
