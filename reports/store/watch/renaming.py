"""This file is for a series that goes on under another name, with its history."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping, delete, select, update

from probes.outcome import Verdict
from reports.store.ledger.tables import HeartbeatRow
from reports.store.watch.lines import IN_MAINTENANCE, microseconds
from reports.store.watch.memory import stored_rollup
from reports.store.watch.rollups import COLUMNS, Rollup
from reports.store.watch.selecting import ROLLUPS, SERIES, is_named
from reports.store.watch.tables import TickRow, WriterRow
from reports.store.writer import insert_new
from scenarios.watch.events import SeriesKey

_TICKS: Any = TickRow.__table__  # type: ignore[attr-defined]
_HEARTBEATS: Any = HeartbeatRow.__table__  # type: ignore[attr-defined]
_WRITERS: Any = WriterRow.__table__  # type: ignore[attr-defined]

_STANDING = (
    "verdict", "sentence", "since_at", "last_at", "last_good_at", "duration_s", "in_row", "good",
    "outcome_id", "version", "certificate_expires_at", "maintenance", "subject",
)  # fmt: skip
_KNOWN_ONCE = ("last_good_at", "outcome_id", "certificate_expires_at")  # what stays known although a tick does not say it


def rename(connection: Connection, old: SeriesKey, new: SeriesKey) -> bool:
    """Give a series its new name; one that has the name already becomes part of it. Return whether there was one to rename.

    Whoever writes ticks meanwhile remembers series and rollups that are right no longer: it is told by `generation`.
    """
    if old == new:
        return False
    mine = _row(connection, old)
    if mine is None:
        return False
    connection.execute(update(_WRITERS).values(generation=_WRITERS.c.generation + 1))
    theirs = _row(connection, new)
    kept: dict[str, Any] = {"subject": mine["subject"], "retired_at": None}
    if theirs is not None:
        kept |= _merged(connection, mine, theirs)
    subject = {**kept.pop("subject"), "suite": new.suite, "scenario": new.scenario, "target": new.target}
    renamed = update(SERIES).where(SERIES.c.id == mine["id"]).values(**new._asdict(), subject=subject, **kept)
    connection.execute(renamed)
    _rename_heartbeat(connection, old.slug, new.slug)
    return True


def _rename_heartbeat(connection: Connection, old: str, new: str) -> None:
    """Let what is known of a job's reports go on under the new name, unless it was reported under that already."""
    if connection.execute(select(1).where(_HEARTBEATS.c.slug == new)).first() is None:
        connection.execute(update(_HEARTBEATS).where(_HEARTBEATS.c.slug == old).values(slug=new))
    connection.execute(delete(_HEARTBEATS).where(_HEARTBEATS.c.slug == old))


def _row(connection: Connection, key: SeriesKey) -> RowMapping | None:
    return connection.execute(select(SERIES).where(*is_named(key))).mappings().first()


def _merged(connection: Connection, mine: RowMapping, theirs: RowMapping) -> dict[str, Any]:
    """Take in all that belongs to another series, and delete that; return what the row is to say then."""
    newer = mine["last_at"] is None or (theirs["last_at"] is not None and theirs["last_at"] > mine["last_at"])
    stands = _one_after_the_other(connection, mine, theirs) if newer else _one_after_the_other(connection, theirs, mine)
    _take_in_ticks(connection, mine["id"], theirs["id"])
    _take_in_rollups(connection, mine["id"], theirs["id"])
    connection.execute(delete(SERIES).where(SERIES.c.id == theirs["id"]))
    return {
        **stands,
        "first_seen_at": min(mine["first_seen_at"], theirs["first_seen_at"]),
        "retired_at": theirs["retired_at"],
    }


def _one_after_the_other(connection: Connection, older: RowMapping, newer: RowMapping) -> dict[str, Any]:
    """Return how a series stands whose last stretch may have begun under the older name and gone on under the newer."""
    stands = {name: newer[name] for name in _STANDING}
    for name in _KNOWN_ONCE:
        stands[name] = newer[name] if newer[name] is not None else older[name]
    if newer["good"] is None:  # nothing that counts was seen under the newer name
        stands |= {name: older[name] for name in ("good", "since_at", "in_row")}
    elif newer["good"] == older["good"] and not _stood_otherwise_before(connection, newer):
        stands |= {"since_at": older["since_at"], "in_row": older["in_row"] + newer["in_row"]}
    return stands


def _stood_otherwise_before(connection: Connection, row: RowMapping) -> bool:
    """Return whether a series has ticks that count from before its present stretch."""
    before = _TICKS.c.started_us < microseconds(row["since_at"])
    counts = (_TICKS.c.flags.op("&")(IN_MAINTENANCE) == 0) & (_TICKS.c.verdict != Verdict.SKIPPED.rank)
    wanted = select(1).where(_TICKS.c.series_id == row["id"], before, counts).limit(1)
    return connection.execute(wanted).first() is not None


def _take_in_ticks(connection: Connection, mine: int, theirs: int) -> None:
    """Move the ticks over; where both have one in the same microsecond, the one moved comes after it."""
    other = _TICKS.alias()
    both = select(_TICKS.c.started_us).where(
        _TICKS.c.series_id == theirs,
        select(1).where(other.c.series_id == mine, other.c.started_us == _TICKS.c.started_us).exists(),
    )
    for us in connection.execute(both).scalars().all():
        free = us + 1
        while connection.execute(select(1).where(_TICKS.c.series_id.in_((mine, theirs)), _TICKS.c.started_us == free)).first():
            free += 1
        place = update(_TICKS).where(_TICKS.c.series_id == theirs, _TICKS.c.started_us == us)
        connection.execute(place.values(started_us=free))
    connection.execute(update(_TICKS).where(_TICKS.c.series_id == theirs).values(series_id=mine))


def _take_in_rollups(connection: Connection, mine: int, theirs: int) -> None:
    query = select(*(ROLLUPS.c[name] for name in COLUMNS)).where(ROLLUPS.c.series_id == theirs)
    summed = []
    for row in connection.execute(query).all():
        rollup = stored_rollup(connection, mine, row[1], row[2])
        rollup.merge(Rollup.of_row(row))
        summed.append(dict(zip(COLUMNS, rollup.row(mine, row[1]), strict=True)))
        connection.execute(delete(ROLLUPS).where(ROLLUPS.c.series_id == mine, ROLLUPS.c.span_s == row[1], ROLLUPS.c.at == row[2]))
    if summed:
        connection.execute(insert_new(connection, ROLLUPS), summed)
