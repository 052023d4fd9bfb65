"""This file is for what the store's tests share: a store's place, a run that uses every field, a schema in PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from probes.ids import new_id


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "results.db"


@pytest.fixture
def postgres(require: Callable[[str, bool], None]) -> Iterator[str]:
    """Yield the address of a schema of our own in a real PostgreSQL (VEDETTE_TEST_POSTGRES_URL changes the server)."""
    import sqlalchemy

    address = os.environ.get("VEDETTE_TEST_POSTGRES_URL", "postgresql+psycopg://postgres@127.0.0.1:5432/test")
    schema = f"vedette_test_{new_id().replace('-', '')}"
    engine = sqlalchemy.create_engine(address, connect_args={"connect_timeout": 2})
    try:
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text(f"CREATE SCHEMA {schema}"))
        there = True
    except (sqlalchemy.exc.OperationalError, ModuleNotFoundError):
        there = False
    require("a PostgreSQL server at 127.0.0.1:5432 with a database 'test'", there)
    yield f"{address}?options=-csearch_path%3D{schema}"
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def anywhere(request: pytest.FixtureRequest) -> str:
    """Return a place for a store, once in SQLite and once in PostgreSQL."""
    return str(request.getfixturevalue("path" if request.param == "sqlite" else "postgres"))
