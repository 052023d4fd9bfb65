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
        self._outcomes = OutcomeWriter()

    def write(self, records: Sequence[Record]) -> None:
        """Write all records in one transaction; when this returns they are on the disk. Raises: StoreError."""
        try:
            with self._database.writing() as connection:
                for kind, group in groupby(records, key=type):
                    if kind is RunStarted:
                        insert_runs(connection, [r for r in group if isinstance(r, RunStarted)])
                    elif kind is Outcome:
                        self._outcomes.write(connection, [r for r in group if isinstance(r, Outcome)])
                    elif kind is Finish:
                        for finish in group:
                            self._outcomes.finish(connection, finish)  # type: ignore[arg-type]  # groupby's key says so
        except BaseException:
            self._outcomes.forget()
            raise

    def close(self) -> None:
        self._database.close()


class OutcomeWriter:
    """Writes whole outcomes, with their checks and measurements, inside a transaction of its caller."""

    def __init__(self) -> None:
        self._statements: _Statements | None = None
        self._places: dict[str, int] = {}  # of each run that is being written, the place of its next outcome

    def write(self, connection: Connection, outcomes: Sequence[Outcome]) -> None:
        self._statements = self._statements or _Statements(connection)
        made, checks, measurements = [], [], []
        for outcome in outcomes:
            if outcome.run_id not in self._places:  # another process may have written a part of the run
                self._places[outcome.run_id] = _next_place(connection, outcome.run_id)
            own, its_checks, its_measurements = rows.outcome_rows(outcome, self._places[outcome.run_id])
            self._places[outcome.run_id] += 1
            made.append(own)
            checks += its_checks
            measurements += its_measurements
        self._statements.outcomes.run(connection, made)
        self._statements.checks.run(connection, checks)
        self._statements.measurements.run(connection, measurements)

    def finish(self, connection: Connection, finish: Finish) -> None:
        """Fill in the end of a run, and put its outcomes into its own order, not the order of arrival."""
        self._statements = self._statements or _Statements(connection)
        self._places.pop(finish.run_id, None)
        connection.execute(update(RunRow).where(col(RunRow.id) == finish.run_id).values(**rows.finish_row(finish)))
        places = [{"outcome": outcome_id, "rightly": place} for place, outcome_id in enumerate(finish.outcome_ids)]
        self._statements.places.run(connection, places)

    def forget(self) -> None:
        """Forget what was counted: the transaction was taken back, so it is not there after all."""
        self._places.clear()


def insert_runs(connection: Connection, started: Sequence[RunStarted]) -> None:
    """Write the rows of runs; one that is there already stays as it is."""
    connection.execute(insert_new(connection, RunRow), [rows.run_row(r) for r in started])


class _Statements:
    """What is run again and again while a run goes."""

    def __init__(self, connection: Connection) -> None:
        self.outcomes = Prepared(connection, insert_new(connection, OutcomeRow))
        self.checks = Prepared(connection, insert_new(connection, CheckRow))
        self.measurements = Prepared(connection, insert_new(connection, MeasurementRow))
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


def insert_new(connection: Connection, table: type[SQLModel]) -> Insert:
    """Return the statement that inserts what is not there yet."""
    made: Any
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]  # the same call, another class
    made = insert(table).on_conflict_do_nothing()
    return made  # type: ignore[no-any-return]
