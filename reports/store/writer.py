"""This file is for writing records to the database: a group of them in one transaction, all or none."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Insert, bindparam, func, select, update
from sqlmodel import SQLModel, col

from probes.outcome import Outcome
from reports.store import rows
from reports.store.database import Database
from reports.store.lines import Finish, Record
from reports.store.prepared import Prepared
from reports.store.tables import CheckRow, MeasurementRow, OutcomeRow, RunRow
from scenarios.events import RunStarted


class Writer:
    """Writes in groups. A record that is there already is left as it is, so that taking a file in twice does no harm."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._statements: _Statements | None = None
        self._places: dict[str, int] = {}  # of each run that is being written, the place of its next outcome

    def write(self, records: Sequence[Record]) -> None:
        """Write all records in one transaction; when this returns they are on the disk. Raises: StoreError."""
        try:
            with self._database.writing() as connection:
                self._statements = self._statements or _Statements(connection)
                for kind, group in groupby(records, key=type):
                    if kind is RunStarted:
                        made = [rows.run_row(r) for r in group if isinstance(r, RunStarted)]
                        connection.execute(_insert(connection, RunRow), made)
                    elif kind is Outcome:
                        self._write_outcomes(connection, [r for r in group if isinstance(r, Outcome)], self._statements)
                    elif kind is Finish:
                        for finish in group:
                            self._finish(connection, finish, self._statements)  # type: ignore[arg-type]  # groupby's key says so
        except BaseException:
            self._places.clear()  # what was counted is not there after all
            raise

    def close(self) -> None:
        self._database.close()

    def _write_outcomes(self, connection: Connection, outcomes: Sequence[Outcome], statements: _Statements) -> None:
        made, checks, measurements = [], [], []
        for outcome in outcomes:
            if outcome.run_id not in self._places:  # another process may have written a part of the run
                self._places[outcome.run_id] = _next_place(connection, outcome.run_id)
            own, its_checks, its_measurements = rows.outcome_rows(outcome, self._places[outcome.run_id])
            self._places[outcome.run_id] += 1
            made.append(own)
            checks += its_checks
            measurements += its_measurements
        statements.outcomes.run(connection, made)
        statements.checks.run(connection, checks)
        statements.measurements.run(connection, measurements)

    def _finish(self, connection: Connection, finish: Finish, statements: _Statements) -> None:
        self._places.pop(finish.run_id, None)
        connection.execute(update(RunRow).where(col(RunRow.id) == finish.run_id).values(**rows.finish_row(finish)))
        # The run's own order, not the order of arrival.
        places = [{"outcome": outcome_id, "rightly": place} for place, outcome_id in enumerate(finish.outcome_ids)]
        statements.places.run(connection, places)


class _Statements:
    """What is run again and again while a run goes."""

    def __init__(self, connection: Connection) -> None:
        self.outcomes = Prepared(connection, _insert(connection, OutcomeRow))
        self.checks = Prepared(connection, _insert(connection, CheckRow))
        self.measurements = Prepared(connection, _insert(connection, MeasurementRow))
        rightly = bindparam("rightly", type_=OutcomeRow.__table__.c.place.type)  # type: ignore[attr-defined]
        self.places = Prepared(
            connection,
            update(OutcomeRow)
            .where(col(OutcomeRow.id) == bindparam("outcome"), col(OutcomeRow.place) != rightly)
            .values(place=rightly),
        )


def _next_place(connection: Connection, run_id: str) -> int:
    last = connection.execute(select(func.max(col(OutcomeRow.place))).where(col(OutcomeRow.run_id) == run_id)).scalar()
    return 0 if last is None else last + 1


def _insert(connection: Connection, table: type[SQLModel]) -> Insert:
    made: Any
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]  # the same call, another class
    made = insert(table).on_conflict_do_nothing()
    return made  # type: ignore[no-any-return]
