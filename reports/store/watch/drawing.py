"""This file is for what pages draw: heat strips, latency charts, durations, and the newest ticks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, cast, func, select, text

from reports.durations import summed
from reports.store.watch.answers import PHASES, Bucket, Counts, Slot, TickSeen
from reports.store.watch.lines import IN_MAINTENANCE, VERDICTS, instant, microseconds, trigger_of
from reports.store.watch.rollups import COARSE_S, FINE_S, Rollup
from reports.store.watch.selecting import ROLLUP_COUNTS, ROLLUPS, Counted, added_up, pieces
from reports.store.watch.tables import TickRow
from scenarios.watch.events import SeriesKey

_TICKS: Any = TickRow.__table__  # type: ignore[attr-defined]
_BAD = text("verdict < 3")  # as the partial index says it: SQLite uses it for no other words


def strips(
    connection: Connection, keys: Mapping[int, SeriesKey], slots: int, slot_s: int, until: datetime, fine_from_s: int
) -> dict[SeriesKey, list[Slot]]:
    """Return so many slots of each series; the last one is the one that `until` falls into, or ends with."""
    first, end = _bounds(slots, slot_s, until)
    drawn = empty_strips(keys.values(), slots, slot_s, until)
    starts = [datetime.fromtimestamp(first + place * slot_s, UTC) for place in range(slots)]
    counted = Counted()
    made: dict[tuple[int, tuple[int, ...]], Slot] = {}
    for span in _spans(slot_s, first, end, fine_from_s):
        for some in pieces(keys):
            for series, place, values in _slots(connection, some, span, first, slot_s):
                slot = made.get((place, values))
                if slot is None:  # most series say the same in a slot
                    slot = made[place, values] = Slot(starts[place], slot_s, *counted.of(values))
                drawn[keys[series]][place] = slot
    return drawn


def empty_strips(keys: Collection[SeriesKey], slots: int, slot_s: int, until: datetime) -> dict[SeriesKey, list[Slot]]:
    """Return the strips of series of which nothing is known."""
    first, _ = _bounds(slots, slot_s, until)
    nothing = Counts()
    empty = [Slot(datetime.fromtimestamp(first + place * slot_s, UTC), slot_s, nothing, None) for place in range(slots)]
    return {key: list(empty) for key in keys}


def chart(connection: Connection, series: int, since: datetime, until: datetime, span_s: int, fine_from_s: int) -> list[Bucket]:
    """Return the stretches between two instants that hold anything, the whole first and last one included."""
    first = int(since.timestamp()) // span_s * span_s
    merged: dict[int, Rollup] = {}
    for of_s, start, stop in _spans(span_s, first, -int(-until.timestamp() // 1), fine_from_s):
        own = (ROLLUPS.c.series_id == series, ROLLUPS.c.span_s == of_s, ROLLUPS.c.at >= start, ROLLUPS.c.at < stop)
        for found in _stretches(connection, own, span_s):
            if found.at in merged:  # a stretch of hours and of five minutes
                merged[found.at].merge(found)
            else:
                merged[found.at] = found
    return [_bucket(rollup, span_s) for _, rollup in sorted(merged.items())]


def _stretches(connection: Connection, where: Sequence[Any], span_s: int) -> Iterator[Rollup]:
    """Yield the rollups that fit, added up to stretches of a length."""
    at = (ROLLUPS.c.at - ROLLUPS.c.at % span_s).label("stretch")
    sums = (cast(func.sum(column), BigInteger) for column in (*ROLLUP_COUNTS, ROLLUPS.c.duration_us))
    query = select(at, *sums, _joined(ROLLUPS.c.durations, ","), _joined(ROLLUPS.c.phases, ";"))
    for start, *counts, duration_us, durations, phases in connection.execute(query.where(*where).group_by("stretch")).all():
        rollup = Rollup(start, counts, duration_us)
        rollup.durations = summed(durations) if durations else {}
        if phases:
            each = (map(int, text.split(",")) for text in phases.split(";"))
            rollup.phases = [sum(phase) for phase in zip(*each, strict=True)]
        yield rollup


def _joined(column: Any, sign: str) -> Any:
    """Return all texts of a group as one, None where none of them holds anything: one row is read, not hundreds."""
    return func.aggregate_strings(func.nullif(column, ""), sign)


def durations_between(
    connection: Connection, keys: Mapping[int, SeriesKey], since: datetime, until: datetime
) -> dict[SeriesKey, dict[int, int]]:
    """Return the durations of good ticks by bucket, of each series that has any, by whole hours."""
    told: dict[SeriesKey, dict[int, int]] = {}
    start = int(since.timestamp()) // COARSE_S * COARSE_S
    for some in pieces(keys):
        query = select(ROLLUPS.c.series_id, _joined(ROLLUPS.c.durations, ",")).where(
            ROLLUPS.c.series_id.in_(some), ROLLUPS.c.span_s == COARSE_S, ROLLUPS.c.at >= start,
            ROLLUPS.c.at < until.timestamp(), ROLLUPS.c.durations != "",
        )  # fmt: skip
        for series, durations in connection.execute(query.group_by(ROLLUPS.c.series_id)).all():
            told[keys[series]] = summed(durations)
    return told


def recent(connection: Connection, series: int, limit: int, before: datetime | None, *, only_bad: bool) -> list[TickSeen]:
    """Return the newest ticks first, those that began before an instant."""
    query = select(_TICKS).where(_TICKS.c.series_id == series).order_by(_TICKS.c.started_us.desc()).limit(limit)
    if before is not None:
        query = query.where(_TICKS.c.started_us < microseconds(before))
    if only_bad:
        query = query.where(_BAD)
    return [
        TickSeen(
            at=instant(row["started_us"]),
            verdict=VERDICTS[row["verdict"]],
            duration_s=row["duration_us"] / 1e6,
            lateness_s=row["lateness_us"] / 1e6,
            trigger=trigger_of(row["flags"]),
            in_maintenance=bool(row["flags"] & IN_MAINTENANCE),
            version=row["version"] or "",
            sentence=row["sentence"] or "",
            outcome_id=row["outcome_id"],
        )
        for row in connection.execute(query).mappings()
    ]


def _bounds(slots: int, slot_s: int, until: datetime) -> tuple[int, int]:
    """Return the start of the first slot and the end of the last, on the grid of multiples of a slot's length."""
    end = -(-microseconds(until) // (slot_s * 1_000_000)) * slot_s
    return end - slots * slot_s, end


def _spans(length_s: int, start: int, end: int, fine_from_s: int) -> list[tuple[int, int, int]]:
    """Return which rollups make up stretches of a length: span, start and end of each part of the time."""
    if length_s % FINE_S:
        raise ValueError(f"a stretch of {length_s} s cannot be drawn: it should be a multiple of {FINE_S} s")
    if length_s % COARSE_S == 0:
        return [(COARSE_S, start, end)]
    edge = min(max(start, -(-fine_from_s // COARSE_S) * COARSE_S), end)  # before it, an hour counts where it begins
    return [(span_s, a, b) for span_s, a, b in ((COARSE_S, start, edge), (FINE_S, edge, end)) if a < b]


def _slots(
    connection: Connection, some: Collection[int], span: tuple[int, int, int], first: int, slot_s: int
) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """Yield series, place and counts of the slots that rollups of one span fill from a start to a stop."""
    span_s, start, stop = span
    own = (ROLLUPS.c.series_id.in_(some), ROLLUPS.c.span_s == span_s, ROLLUPS.c.at >= start, ROLLUPS.c.at < stop)
    place = (ROLLUPS.c.at - first) // slot_s
    if slot_s != span_s:
        yield from added_up(connection, own, place)
        return
    for row in connection.execute(select(ROLLUPS.c.series_id, place, *ROLLUP_COUNTS).where(*own)).all():
        yield row[0], row[1], row[2:]


def _bucket(rollup: Rollup, length_s: int) -> Bucket:
    counts = Counts(*rollup.counts)
    good: Sequence[int] = rollup.phases if counts.good else ()
    return Bucket(
        at=datetime.fromtimestamp(rollup.at, UTC),
        length_s=length_s,
        counts=counts,
        durations=rollup.durations,
        mean_s=rollup.duration_us / counts.good / 1e6 if counts.good else None,
        phases_s={name: us / counts.good / 1e6 for name, us in zip(PHASES, good, strict=False)},
    )
