"""This file is for looking into a store past our own queries: what tests count must not be counted by what they test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy

from reports.durations import bucket_of, loaded
from reports.store.watch.rollups import COUNTS
from scenarios.watch.events import SeriesKey

_BY_RANK = ("failed", "errors", "inconclusive", "degraded", "passed", "skipped")


def rows(where: object, query: str, *values: Any) -> list[Sequence[Any]]:
    """Return what a query finds; `?` stands for a value."""
    address = str(where)
    engine = sqlalchemy.create_engine(address if "://" in address else f"sqlite:///{address}")
    try:
        with engine.connect() as connection:
            query = query if "://" not in address else query.replace("?", "%s")
            return [tuple(row) for row in connection.exec_driver_sql(query, values)]
    finally:
        engine.dispose()


def starts(where: object, key: SeriesKey | None = None) -> list[int]:
    """Return when the stored ticks began, in µs, in order."""
    scenario = key.scenario if key else "%"
    return [us for (us,) in rows(
        where, "SELECT t.started_us FROM ticks t JOIN series s ON s.id = t.series_id WHERE s.scenario LIKE ? ORDER BY 1", scenario
    )]  # fmt: skip


def assert_rollups_add_up(where: object, missed: Iterable[tuple[int, int, int]] = ()) -> None:
    """Assert that every rollup says what the ticks of its stretch add up to, and that none is missing or too many.

    `missed` are (series id, seconds, ticks).
    """
    wanted: dict[tuple[int, int, int], Counter[str]] = {}
    for series, us, rank, flags, took, *phases in rows(
        where,
        "SELECT series_id, started_us, verdict, flags, duration_us, dns_us, connect_us, tls_us, first_byte_us, body_us"
        " FROM ticks",
    ):
        for span in (300, 3600):
            sums = wanted.setdefault((series, span, us // 1_000_000 // span * span), Counter())
            sums["maintained" if flags & 1 else _BY_RANK[rank]] += 1
            if not flags & 1 and rank in (3, 4):
                sums["duration_us"] += took
                sums[f"bucket {bucket_of(took / 1e6)}"] += 1
                sums.update({f"phase {n}": phase for n, phase in enumerate(phases) if phase})
    for series, at, ticks in missed:
        for span in (300, 3600):
            wanted.setdefault((series, span, at // span * span), Counter())["missed"] += ticks
    found = {}
    for series, span, at, *values in rows(
        where, f"SELECT series_id, span_s, at, {', '.join(COUNTS)}, duration_us, durations, phases FROM rollups"
    ):
        sums = Counter(dict(zip((*COUNTS, "duration_us"), values[:9], strict=True)))
        sums.update({f"bucket {bucket}": count for bucket, count in loaded(values[9]).items()})
        sums.update({f"phase {n}": int(part) for n, part in enumerate(filter(None, values[10].split(",")))})
        found[series, span, at] = +sums
    assert found == {place: +sums for place, sums in wanted.items()}
