"""This file is for writing lines of watching to the database: a group in one transaction, each line once, whatever happens."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, insert
from sqlalchemy.exc import DataError, IntegrityError

from probes.outcome import Outcome
from reports.store.database import Database
from reports.store.errors import StoreError
from reports.store.watch.gathering import Group
from reports.store.watch.lines import Line
from reports.store.watch.memory import Memory
from reports.store.watch.statements import Statements
from reports.store.watch.tables import WriterRow
from reports.store.writer import OutcomeWriter, insert_runs
from scenarios.events import RunInfo, RunStarted

# A server that is up but does not get on with it (a migration holds the tables) is as good as gone.
_SERVER_PATIENCE = ("SET LOCAL lock_timeout = '5s'", "SET LOCAL statement_timeout = '30s'")


class TickWriter:
    """Writes the lines of sinks' lives, those of `life` and those that an earlier life left behind.

    With each group the database notes how far the life's lines are in. A line that is in already, because a commit
    was not answered or a process died between commit and clean-up, is left out when it comes again.
    """

    def __init__(self, database: Database, life: str) -> None:
        self._database = database
        self._life = life
        self._memory = Memory()
        self._outcomes = OutcomeWriter()
        self._statements: Statements | None = None
        self._runs: set[str] = set()
        self._generation: int | None = None
        self._file: tuple[int, int] | None = None

    def write(self, lines: Sequence[Line], life: str = "") -> None:
        """Write all lines in one transaction; when this returns they are on the disk. Raises: StoreError.

        Raises also what Python raises for a line that no database takes; `is_about_content` tells which is which.
        """
        if not lines:
            return
        try:
            self._stay_with_the_file()
            with self._database.writing() as connection:
                if connection.dialect.name == "postgresql":
                    for patience in _SERVER_PATIENCE:
                        connection.exec_driver_sql(patience)
                statements = self._statements = self._statements or Statements(connection)
                new = self._not_in_yet(connection, statements, lines, life or self._life)
                if new:
                    self._write(connection, statements, new)
        except BaseException:
            self.forget()
            raise

    def forget(self) -> None:
        """Remember nothing of the database any more: what was counted may not be there."""
        self._memory.forget()
        self._outcomes.forget()
        self._runs.clear()

    def close(self) -> None:
        self._database.close()

    def _write(self, connection: Connection, statements: Statements, lines: Sequence[Line]) -> None:
        group = Group(connection, self._memory)
        group.gather(lines)
        runs = [*group.runs, *self._unknown_runs(group)]
        if runs:
            insert_runs(connection, [RunStarted(run, ()) for run in runs])
            self._runs.update(run.id for run in runs)
        if group.outcomes:
            self._outcomes.write(connection, group.outcomes)
        statements.write(connection, group)

    def _unknown_runs(self, group: Group) -> list[RunInfo]:
        """Return what can be said of runs that were never told, so that the outcome is kept all the same."""
        known = self._runs | {run.id for run in group.runs}
        return [_bracket_of(outcome) for outcome in group.outcomes if outcome.run_id not in known]

    def _not_in_yet(self, connection: Connection, statements: Statements, lines: Sequence[Line], life: str) -> Sequence[Line]:
        """Return the lines that the database does not hold yet, and note in it that it will hold them all."""
        found = {row[0]: row for row in statements.lives(connection, (life, self._life))}
        generation = found[self._life][2] if self._life in found else None
        if generation is None or generation != self._generation:
            self.forget()
        self._generation = generation or 0
        now = datetime.now(UTC)
        for missing in {life, self._life} - set(found):
            connection.execute(insert(WriterRow).values(id=missing, applied=-1, generation=0, at=now))
        applied = found[life][1] if life in found else -1
        new = [line for line in lines if line.seq > applied] if lines[0].seq <= applied else lines
        if new:
            statements.note(connection, life, new[-1].seq, now)
        return new

    def _stay_with_the_file(self) -> None:
        """Open the database, and notice when somebody moves its file away: SQLite would go on writing to the moved one."""
        path = self._database.path
        if path is None:
            if self._file is None:
                self._database.make_ready()
                self._file = (0, 0)
            return
        there = _identity(path)
        if there is not None and there == self._file:
            return
        if self._file is not None:
            self._database.close()
            self.forget()
            if there is None:  # a new one in its place would hide it
                raise StoreError(f"the store '{path}' is gone: put it back, or start the service again to begin a new one")
        self._database.make_ready()
        self._file = _identity(path)


def is_about_content(problem: BaseException) -> bool:
    """Return whether a group was refused because of what stands in it, so that another group may well be taken."""
    if not isinstance(problem, StoreError):
        return isinstance(problem, Exception)
    cause = problem.__cause__
    if isinstance(cause, IntegrityError | DataError):
        return True
    return isinstance(getattr(cause, "orig", None), sqlite3.InterfaceError)  # a value of a type that it does not know


def _bracket_of(outcome: Outcome) -> RunInfo:
    about = outcome.subject
    return RunInfo(outcome.run_id, about.suite, "", about.target, about.environment, "", outcome.started_at, "", kind="watch")


def _identity(path: os.PathLike[str]) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
