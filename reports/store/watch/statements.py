"""This file is for the statements of the ticks' writer, as text for the driver: compiling them costs more than the ticks do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, update
from sqlmodel import col

from reports.store.lines import subject_json
from reports.store.watch import rollups
from reports.store.watch.gathering import TICK_COLUMNS, Group
from reports.store.watch.memory import Known
from reports.store.watch.tables import SeriesRow

_STANDING = (
    "verdict", "sentence", "since_at", "last_at", "last_good_at", "duration_s", "in_row", "good",
    "outcome_id", "version", "certificate_expires_at", "maintenance",
)  # fmt: skip
_ROLLUP_KEY = 3  # columns


class Statements:
    """What is run for every group, in the words of one driver."""

    def __init__(self, connection: Connection) -> None:
        in_sqlite = connection.dialect.name == "sqlite"
        mark = "?" if in_sqlite else "%s"
        self._stamp: Callable[[datetime | None], Any] = _stamp_of_sqlite if in_sqlite else _as_it_is
        self._ticks = f"INSERT INTO ticks ({', '.join(TICK_COLUMNS)}) VALUES ({_marks(mark, len(TICK_COLUMNS))})"
        sets = ", ".join(f"{name} = {mark}" for name in _STANDING)
        self._series = f"UPDATE series SET {sets}, retired_at = NULL WHERE id = {mark}"
        columns, key = rollups.COLUMNS, rollups.COLUMNS[:_ROLLUP_KEY]
        renewed = ", ".join(f"{name} = excluded.{name}" for name in columns[_ROLLUP_KEY:])
        self._rollups = (
            f"INSERT INTO rollups ({', '.join(columns)}) VALUES ({_marks(mark, len(columns))}) "
            f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {renewed}"
        )

    def write(self, connection: Connection, group: Group) -> None:
        """Write what a group changes, runs and whole outcomes apart."""
        if group.ticks:
            connection.exec_driver_sql(self._ticks, list(group.ticks.values()))
        if group.changed:
            connection.exec_driver_sql(self._series, [self._standing(known) for known in group.changed.values()])
        if group.rollups:
            values = [rollup.row(series_id, span_s) for (series_id, span_s, _), rollup in group.rollups.items()]
            connection.exec_driver_sql(self._rollups, values)
        _tell_more(connection, group.told_more.values())
        _retire(connection, group)

    def _standing(self, known: Known) -> tuple[Any, ...]:
        stands, stamp = known.standing, self._stamp
        return (
            stands.verdict and stands.verdict.value, stands.sentence, stamp(stands.since_at), stamp(stands.last_at),
            stamp(stands.last_good_at), stands.duration_s, stands.in_row, stands.good,
            known.outcome_id, stands.version, stamp(known.certificate_at), stands.maintenance, known.id,
        )  # fmt: skip


def _tell_more(connection: Connection, changed: Iterable[Known]) -> None:
    for known in changed:
        statement = update(SeriesRow).where(col(SeriesRow.id) == known.id)
        connection.execute(statement.values(subject=subject_json(known.subject)))


def _retire(connection: Connection, group: Group) -> None:
    for key, at in group.retired.items():
        named = [getattr(SeriesRow, name) == value for name, value in key._asdict().items()]
        connection.execute(update(SeriesRow).where(*named).values(retired_at=at))


def _marks(mark: str, number: int) -> str:
    return ", ".join([mark] * number)


def _as_it_is(at: datetime | None) -> datetime | None:
    return at


def _stamp_of_sqlite(at: datetime | None) -> str | None:
    """Return an instant, which must be in UTC, as `Instant` stores it."""
    return None if at is None else at.isoformat(" ", "microseconds")[:26]
