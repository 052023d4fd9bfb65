"""This file is for forgetting what is old, a little at a time, so that whoever writes never waits long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, CursorResult, and_, delete, select

from reports.store.database import Database
from reports.store.tables import OutcomeRow, RunRow
from reports.store.watch.lines import microseconds
from reports.store.watch.rollups import COARSE_S, FINE_S
from reports.store.watch.selecting import ROLLUPS, SERIES
from reports.store.watch.tables import ServiceRow, TickRow, WriterRow

BATCH = 2000  # rows deleted in one transaction at most: some 20 ms
_RUN_LENGTH = timedelta(hours=25)  # a stretch of watching is renewed every day
_REMEMBERED = timedelta(days=90)  # how long a sink's life is, after which nobody can have lines of it left to write

_TICKS: Any = TickRow.__table__  # type: ignore[attr-defined]
_OUTCOMES: Any = OutcomeRow.__table__  # type: ignore[attr-defined]
_RUNS: Any = RunRow.__table__  # type: ignore[attr-defined]
_WRITERS: Any = WriterRow.__table__  # type: ignore[attr-defined]
_SERVICES: Any = ServiceRow.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Pruned:
    """How much was forgotten; `more` says that there is more, because the limit was reached."""

    ticks: int = 0
    rollups: int = 0
    outcomes: int = 0
    runs: int = 0
    series: int = 0
    more: bool = False


def prune(
    database: Database,
    *,
    ticks_before: datetime,
    fine_rollups_before: datetime,
    rollups_before: datetime,
    outcomes_before: datetime,
    limit: int,
) -> Pruned:
    """Forget what is older, `limit` rows at most, in transactions of a few milliseconds. Raises: StoreError."""
    left = _Room(database, limit)
    with database.reading() as connection:
        series = list(connection.execute(select(SERIES.c.id)).scalars())
    ticks = sum(left.empty(_old_ticks(one, microseconds(ticks_before))) for one in series)
    rollups = sum(
        left.empty(_old_rollups(one, span_s, int(before.timestamp())))
        for one in series
        for span_s, before in ((FINE_S, fine_rollups_before), (COARSE_S, rollups_before))
    )
    with database.reading() as connection:
        old = select(_RUNS.c.id).where(_RUNS.c.kind == "watch", _RUNS.c.started_at < outcomes_before)
        runs = list(connection.execute(old).scalars())
    outcomes = sum(left.empty(_old_outcomes(run, outcomes_before)) for run in runs)
    emptied = left.empty(_empty_runs(outcomes_before - _RUN_LENGTH))
    gone = left.empty(_empty_series(rollups_before))
    with database.writing() as connection:
        connection.execute(delete(_WRITERS).where(_WRITERS.c.at < ticks_before - _REMEMBERED))
        connection.execute(delete(_SERVICES).where(_SERVICES.c.alive_at < rollups_before))
    return Pruned(ticks, rollups, outcomes, emptied, gone, left.rows <= 0)


class _Room:
    """How many rows may still be deleted."""

    def __init__(self, database: Database, rows: int) -> None:
        self._database = database
        self.rows = rows

    def empty(self, old: _Old) -> int:
        """Delete what a query finds, batch by batch, as far as there is room; return how many rows it were."""
        deleted = 0
        while self.rows > 0:
            with self._database.reading() as connection:
                if not old.is_any(connection):
                    return deleted
            with self._database.writing() as connection:
                found = old.delete(connection, min(BATCH, self.rows))
            deleted += found
            self.rows -= found
            if found == 0:
                return deleted
        return deleted


@dataclass(frozen=True, slots=True)
class _Old:
    """What is to be deleted from a table: the rows that `chosen` finds, known by their `key`."""

    table: Any
    key: Any  # a column that is unique among the chosen
    chosen: Any
    order: Any = None

    def is_any(self, connection: Connection) -> bool:
        return connection.execute(select(1).select_from(self.table).where(self.chosen).limit(1)).first() is not None

    def delete(self, connection: Connection, most: int) -> int:
        some = select(self.key).where(self.chosen).order_by(self.order if self.order is not None else self.key).limit(most)
        result: CursorResult[Any] = connection.execute(delete(self.table).where(self.chosen, self.key.in_(some)))
        return result.rowcount


def _old_ticks(series: int, before_us: int) -> _Old:
    return _Old(_TICKS, _TICKS.c.started_us, and_(_TICKS.c.series_id == series, _TICKS.c.started_us < before_us))


def _old_rollups(series: int, span_s: int, before_s: int) -> _Old:
    chosen = and_(ROLLUPS.c.series_id == series, ROLLUPS.c.span_s == span_s, ROLLUPS.c.at < before_s)
    return _Old(ROLLUPS, ROLLUPS.c.at, chosen)


def _old_outcomes(run: str, before: datetime) -> _Old:
    chosen = and_(_OUTCOMES.c.run_id == run, _OUTCOMES.c.started_at < before)
    return _Old(_OUTCOMES, _OUTCOMES.c.id, chosen, _OUTCOMES.c.place)


def _empty_runs(before: datetime) -> _Old:
    """Choose the stretches of watching that are over and hold no outcome any more."""
    holds = select(1).where(_OUTCOMES.c.run_id == _RUNS.c.id).correlate(_RUNS).exists()
    return _Old(_RUNS, _RUNS.c.id, and_(_RUNS.c.kind == "watch", _RUNS.c.started_at < before, ~holds))


def _empty_series(before: datetime) -> _Old:
    """Choose the series that are watched no longer and of which nothing is left."""
    ticks = select(1).where(_TICKS.c.series_id == SERIES.c.id).correlate(SERIES).exists()
    rollups = select(1).where(ROLLUPS.c.series_id == SERIES.c.id).correlate(SERIES).exists()
    return _Old(SERIES, SERIES.c.id, and_(SERIES.c.retired_at < before, ~ticks, ~rollups))
