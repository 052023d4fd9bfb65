"""This file is for writing records to the database: a group of them in one transaction, all or none."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, func, select, update
from sqlmodel import SQLModel, col

from probes.outcome import Outcome
from reports.store import rows
from reports.store.database import Database
from reports.store.lines import Finish, Record
from reports.store.tables import CheckRow, MeasurementRow, OutcomeRow, RunRow
from scenarios.events import RunStarted


class Writer:
    """Writes in groups. A record that is there already is left as it is, so that taking a file in twice does no harm."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, records: Sequence[Record]) -> None:
        """Write all records in one transaction; when this returns they are on the disk. Raises: StoreError."""
        with self._database.writing() as connection:
            for kind, group in groupby(records, key=type):
                if kind is RunStarted:
                    _insert(connection, RunRow, [rows.run_row(r) for r in group if isinstance(r, RunStarted)])
                elif kind is Outcome:
                    _insert_outcomes(connection, [r for r in group if isinstance(r, Outcome)])
                elif kind is Finish:
                    for finish in group:
                        _finish(connection, finish)  # type: ignore[arg-type]  # the key of groupby says so

    def close(self) -> None:
        self._database.close()


def _insert_outcomes(connection: Connection, outcomes: Sequence[Outcome]) -> None:
    places = _next_places(connection, {o.run_id for o in outcomes})
    made, checks, measurements = [], [], []
    for outcome in outcomes:
        own, its_checks, its_measurements = rows.outcome_rows(outcome, places[outcome.run_id])
        places[outcome.run_id] += 1
        made.append(own)
        checks += its_checks
        measurements += its_measurements
    _insert(connection, OutcomeRow, made)
    _insert(connection, CheckRow, checks)
    _insert(connection, MeasurementRow, measurements)


def _next_places(connection: Connection, run_ids: set[str]) -> dict[str, int]:
    found = connection.execute(
        select(col(OutcomeRow.run_id), func.max(col(OutcomeRow.place)))
        .where(col(OutcomeRow.run_id).in_(run_ids))
        .group_by(col(OutcomeRow.run_id))
    )
    return dict.fromkeys(run_ids, 0) | {run_id: last + 1 for run_id, last in found}


def _finish(connection: Connection, finish: Finish) -> None:
    connection.execute(update(RunRow).where(col(RunRow.id) == finish.run_id).values(**rows.finish_row(finish)))
    for place, outcome_id in enumerate(finish.outcome_ids):  # the run's own order, not the order of arrival
        connection.execute(
            update(OutcomeRow).where(col(OutcomeRow.id) == outcome_id, col(OutcomeRow.place) != place).values(place=place)
        )


def _insert(connection: Connection, table: type[SQLModel], made: list[dict[str, Any]]) -> None:
    if not made:
        return
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]  # the same call, another class
    connection.execute(insert(table).on_conflict_do_nothing(), made)
