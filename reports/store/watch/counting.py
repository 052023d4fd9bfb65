"""This file is for counts of ticks between two instants: from rollups where they fit, from the ticks at the edges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from reports.store.watch.answers import Counts
from reports.store.watch.lines import IN_MAINTENANCE, microseconds
from reports.store.watch.rollups import COARSE_S, COUNTS, FINE_S, MISSED, place_of
from reports.store.watch.selecting import ROLLUP_COUNTS, ROLLUPS, SERIES, Counted, added_up, pieces
from reports.store.watch.tables import TickRow
from scenarios.watch.events import SeriesKey

_SECOND = 1_000_000
_MINUTE_S = 60

_TICKS: Any = TickRow.__table__  # type: ignore[attr-defined]
_MAINTAINED = _TICKS.c.flags.op("&")(IN_MAINTENANCE)

Sums = defaultdict[int, list[int]]  # by series, in the order of COUNTS


class Part(NamedTuple):
    """A stretch in seconds (of ticks: microseconds) and where its counts stand: a rollup's span, or 0 for ticks."""

    span_s: int
    start: int
    end: int


def parts(since_us: int, until_us: int, fine_from_s: int) -> list[Part]:
    """Cut a time into whole hours, whole five minutes and the edges of ticks. Before `fine_from_s` there are no five minutes."""
    made: list[Part] = []
    hours = _whole(since_us, until_us, COARSE_S)
    sides = [(since_us, until_us)] if hours is None else [(since_us, hours[0] * _SECOND), (hours[1] * _SECOND, until_us)]
    if hours is not None:
        made.append(Part(COARSE_S, *hours))
    for start, end in sides:
        fives = _whole(start, end, FINE_S) if start >= fine_from_s * _SECOND else None
        if fives is None:
            made.append(Part(0, start, end))
            continue
        made += [Part(FINE_S, *fives), Part(0, start, fives[0] * _SECOND), Part(0, fives[1] * _SECOND, end)]
    return [part for part in made if part.start < part.end]


def counts_between(
    connection: Connection, ids: Collection[int], since: datetime, until: datetime, fine_from_s: int
) -> dict[int, Counts]:
    """Return the counts of each series that has any, exact to the microsecond; missed ones to five minutes."""
    sums: Sums = defaultdict(lambda: [0] * len(COUNTS))
    for part in parts(microseconds(since), microseconds(until), fine_from_s):
        for some in pieces(ids):
            if part.span_s:
                _add_rollups(connection, some, part, sums)
            else:
                _add_ticks(connection, some, part, sums)
    return {series: Counts(*values) for series, values in sums.items()}


def minute_counts(
    connection: Connection, location: str, since: datetime
) -> Iterator[tuple[SeriesKey, Sequence[tuple[float, Counts]]]]:
    """Yield each series of a location with its counts by minute, from the ticks; missed ones stand at five minutes."""
    made = Counted()
    minute = _TICKS.c.started_us // (_MINUTE_S * _SECOND)
    for some, keys in series_of(connection, location):
        by_minute: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0] * len(COUNTS))
        query = (
            select(_TICKS.c.series_id, minute.label("minute"), _TICKS.c.verdict, _MAINTAINED.label("maintained"), func.count())
            .where(_TICKS.c.series_id.in_(some), _TICKS.c.started_us >= microseconds(since))
            .group_by(_TICKS.c.series_id, "minute", _TICKS.c.verdict, "maintained")
        )
        for series, at, verdict, maintained, ticks in connection.execute(query):
            by_minute[series, at * _MINUTE_S][place_of(verdict, maintained)] += ticks
        missed = select(ROLLUPS.c.series_id, ROLLUPS.c.at, ROLLUPS.c.missed).where(
            ROLLUPS.c.series_id.in_(some), ROLLUPS.c.span_s == FINE_S, ROLLUPS.c.at >= since.timestamp(), ROLLUPS.c.missed > 0
        )
        for series, at, ticks in connection.execute(missed):
            by_minute[series, at][MISSED] += ticks
        yield from _by_series(by_minute, keys, made)


def hour_counts(
    connection: Connection, location: str, since: datetime, until: datetime | None, whole: datetime | None, whole_s: int
) -> Iterator[tuple[SeriesKey, Sequence[tuple[float, Counts]]]]:
    """Yield each series of a location with its counts by hour; before `whole`, by `whole_s` seconds (a multiple of an hour)."""
    made = Counted()
    for some, keys in series_of(connection, location):
        by_series: dict[int, list[tuple[float, Counts]]] = {}
        for series, at, values in _hours(connection, some, since, until, whole, whole_s):
            by_series.setdefault(series, []).append((float(at), made.of(values)[0]))
        for series, counted in by_series.items():
            yield keys[series], counted


def _hours(
    connection: Connection, some: Sequence[int], since: datetime, until: datetime | None, whole: datetime | None, whole_s: int
) -> Iterator[tuple[int, int, Sequence[int]]]:
    """Yield series, start and counts, in the order of time for each series."""
    at, of_series = ROLLUPS.c.at, [ROLLUPS.c.series_id.in_(some), ROLLUPS.c.span_s == COARSE_S]
    if until is not None:
        of_series.append(at < int(until.timestamp()))
    start, edge = int(since.timestamp()), int((whole or since).timestamp()) // whole_s * whole_s
    if whole is not None and start < edge:
        yield from added_up(connection, (*of_series, at >= start, at < edge), at - at % whole_s)
        start = edge
    query = select(ROLLUPS.c.series_id, at, *ROLLUP_COUNTS).where(*of_series, at >= start).order_by(ROLLUPS.c.series_id, at)
    for row in connection.execute(query).all():
        yield row[0], row[1], row[2:]


def _by_series(
    found: Mapping[tuple[int, int], Sequence[int]], keys: Mapping[int, SeriesKey], made: Counted
) -> Iterator[tuple[SeriesKey, Sequence[tuple[float, Counts]]]]:
    by_series: defaultdict[int, list[tuple[float, Counts]]] = defaultdict(list)
    for (series, at), values in sorted(found.items()):
        by_series[series].append((float(at), made.of(values)[0]))
    for series, counted in by_series.items():
        yield keys[series], counted


def series_of(connection: Connection, location: str) -> Iterator[tuple[Sequence[int], Mapping[int, SeriesKey]]]:
    """Yield the series of a location that are still watched, some at a time."""
    query = select(SERIES.c.id, SERIES.c.suite, SERIES.c.scenario, SERIES.c.target, SERIES.c.location)
    found = connection.execute(query.where(SERIES.c.location == location, SERIES.c.retired_at.is_(None)))
    keys = {row[0]: SeriesKey(*row[1:]) for row in found}
    for some in pieces(sorted(keys)):
        yield some, keys


def _whole(start_us: int, end_us: int, span_s: int) -> tuple[int, int] | None:
    """Return the start and the end, in seconds, of the whole stretches of a length in a time; None where there are none."""
    span = span_s * _SECOND
    first, last = -(-start_us // span), end_us // span
    return (first * span_s, last * span_s) if first < last else None


def _add_rollups(connection: Connection, some: Sequence[int], part: Part, sums: Sums) -> None:
    query = (
        select(ROLLUPS.c.series_id, *(func.sum(column) for column in ROLLUP_COUNTS))
        .where(ROLLUPS.c.series_id.in_(some), ROLLUPS.c.span_s == part.span_s)
        .where(ROLLUPS.c.at >= part.start, ROLLUPS.c.at < part.end)
        .group_by(ROLLUPS.c.series_id)
    )
    for series, *values in connection.execute(query):
        sums[series] = [before + int(value) for before, value in zip(sums[series], values, strict=True)]


def _add_ticks(connection: Connection, some: Sequence[int], part: Part, sums: Sums) -> None:
    query = (
        select(_TICKS.c.series_id, _TICKS.c.verdict, _MAINTAINED.label("maintained"), func.count())
        .where(_TICKS.c.series_id.in_(some), _TICKS.c.started_us >= part.start, _TICKS.c.started_us < part.end)
        .group_by(_TICKS.c.series_id, _TICKS.c.verdict, "maintained")
    )
    for series, verdict, maintained, ticks in connection.execute(query):
        sums[series][place_of(verdict, maintained)] += ticks
    missed = select(ROLLUPS.c.series_id, ROLLUPS.c.missed).where(
        ROLLUPS.c.series_id.in_(some), ROLLUPS.c.span_s == FINE_S, ROLLUPS.c.missed > 0,
        ROLLUPS.c.at >= -(-part.start // _SECOND), ROLLUPS.c.at < -(-part.end // _SECOND),
    )  # fmt: skip
    for series, ticks in connection.execute(missed):
        sums[series][MISSED] += ticks
