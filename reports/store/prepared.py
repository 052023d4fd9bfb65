"""This file is for SQL that is compiled once and given to the driver as it is: compiling it costs more than the rows do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.compiler import SQLCompiler


class Prepared:
    """One statement in one dialect, run for many rows at once. A row is a mapping of the statement's parameters."""

    def __init__(self, connection: Connection, statement: Executable) -> None:
        dialect = connection.dialect
        compiled = statement.compile(dialect=dialect)  # type: ignore[attr-defined]  # Executable does not say that it can
        assert isinstance(compiled, SQLCompiler)
        self._sql = str(compiled)
        self._by_place = compiled.positiontup is not None
        names = list(compiled.positiontup or compiled.binds)
        # How the driver wants values of a column's type (times, JSON); most are wanted as they are.
        processors = {name: compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names}
        self._parts = [(name, processors[name]) for name in names]

    def run(self, connection: Connection, made: Sequence[dict[str, Any]]) -> None:
        """Run the statement once for each row."""
        if made:
            connection.exec_driver_sql(self._sql, [self._parameters(row) for row in made])

    def _parameters(self, row: dict[str, Any]) -> Any:
        if self._by_place:
            return tuple([row[name] if made is None else made(row[name]) for name, made in self._parts])
        return {name: row[name] if made is None else made(row[name]) for name, made in self._parts}
