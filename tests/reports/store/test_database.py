"""This file is for the connection to the database."""

from __future__ import annotations

import sqlite3
from typing import cast

import pytest

from reports.store.database import _write_ahead


def test_two_that_open_a_new_store_at_once_wait_for_each_other() -> None:
    class Contended:
        def __init__(self, refusals: int, code: int = sqlite3.SQLITE_BUSY) -> None:
            self.refusals, self.code = refusals, code

        def execute(self, _statement: str) -> None:
            self.refusals -= 1
            if self.refusals >= 0:
                problem = sqlite3.OperationalError("database is locked")
                problem.sqlite_errorcode = self.code
                raise problem

    _write_ahead(cast(sqlite3.Connection, Contended(3)))
    with pytest.raises(sqlite3.OperationalError):
        _write_ahead(cast(sqlite3.Connection, Contended(1, sqlite3.SQLITE_FULL)))
