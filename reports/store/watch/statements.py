"""This file is for the statements of the ticks' writer, as text for the driver: compiling them costs more than the ticks do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, update
from sqlmodel import col

from reports.store.lines import subject_json
from reports.store.watch import rollups
from reports.store.watch.gathering import TICK_COLUMNS, Group
from reports.store.watch.memory import Known
from reports.store.watch.tables import SeriesRow

_GOES_ON = ("last_at", "last_good_at", "duration_s", "in_row")  # what changes of a series with every tick
_SAYS = (
    "verdict", "sentence", "since_at", "good", "outcome_id", "version", "certificate_expires_at", "maintenance",
)  # and what seldom does  # fmt: skip
_ROLLUP_KEY = 3  # columns


class Statements:
    """What is run for every group, in the words of one driver."""

    def __init__(self, connection: Connection) -> None:
        in_sqlite = connection.dialect.name == "sqlite"
        mark = "?" if in_sqlite else "%s"
        self._stamp: Callable[[datetime | None], Any] = _stamp_of_sqlite if in_sqlite else _as_it_is
        self._ticks = f"INSERT INTO ticks ({', '.join(TICK_COLUMNS)}) VALUES ({_marks(mark, len(TICK_COLUMNS))})"
        self._goes_on, self._says = (
            f"UPDATE series SET {', '.join(f'{name} = {mark}' for name in names)}, retired_at = NULL WHERE id = {mark}"
            for names in (_GOES_ON, _GOES_ON + _SAYS)
        )
        columns, key = rollups.COLUMNS, rollups.COLUMNS[:_ROLLUP_KEY]
        renewed = ", ".join(f"{name} = excluded.{name}" for name in columns[_ROLLUP_KEY:])
        self._rollups = (
            f"INSERT INTO rollups ({', '.join(columns)}) VALUES ({_marks(mark, len(columns))}) "
            f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {renewed}"
        )

        # In PostgreSQL the rows are locked until the end: whoever renames a series waits, or this waits for the new names.
        lock = "" if in_sqlite else " FOR UPDATE"
        self._lives = f"SELECT id, applied, generation FROM tick_writers WHERE id IN ({mark}, {mark}){lock}"
        self._note = f"UPDATE tick_writers SET applied = {mark}, at = {mark} WHERE id = {mark}"

    def lives(self, connection: Connection, ids: tuple[str, str]) -> Sequence[Sequence[Any]]:
        """Return how far the lines of sinks' lives are in, and the generation: id, applied, generation."""
        return connection.exec_driver_sql(self._lives, ids).all()

    def note(self, connection: Connection, life: str, applied: int, at: datetime) -> None:
        """Note how far the lines of a life are in."""
        connection.exec_driver_sql(self._note, (applied, self._stamp(at), life))

    def write(self, connection: Connection, group: Group) -> None:
        """Write what a group changes, runs and whole outcomes apart."""
        if group.ticks:
            connection.exec_driver_sql(self._ticks, group.ticks)
        asked = [known for series, known in group.asked.items() if series not in group.told]
        if asked:
            connection.exec_driver_sql(self._goes_on, [(*self._going_on(known), known.id) for known in asked])
        if group.told:
            rows = [(*self._going_on(known), *self._saying(known), known.id) for known in group.told.values()]
            connection.exec_driver_sql(self._says, rows)
        if group.rollups:
            values = [rollup.row(series_id, span_s) for (series_id, span_s, _), rollup in group.rollups.items()]
            connection.exec_driver_sql(self._rollups, values)
        _describe(connection, group.about.values())
        _retire(connection, group)

    def _going_on(self, known: Known) -> tuple[Any, ...]:
        stands = known.standing
        last = self._stamp(stands.last_at)
        last_good = last if stands.last_good_at is stands.last_at else self._stamp(stands.last_good_at)
        return last, last_good, stands.duration_s, stands.in_row

    def _saying(self, known: Known) -> tuple[Any, ...]:
        stands = known.standing
        return (
            stands.verdict and stands.verdict.value, stands.sentence, self._stamp(stands.since_at), stands.good,
            known.outcome_id, stands.version, self._stamp(known.certificate_at), stands.maintenance,
        )  # fmt: skip


def _describe(connection: Connection, changed: Iterable[Known]) -> None:
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
