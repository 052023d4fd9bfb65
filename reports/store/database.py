"""This file is for the connection to the database and for its schema being ours, made or upgraded where it is not."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from reports.store.errors import LOCKED_WAIT_S, StoreError, explain, foreign, name_of, newer, unknown_schema
from reports.store.schema import HEAD, REVISION_FORM

# libpq: seconds to connect, milliseconds until sent data must be acknowledged, seconds of silence before asking.
_PATIENCE = {"connect_timeout": 5, "tcp_user_timeout": 10_000, "keepalives_idle": 10, "keepalives_interval": 5}

_LOOK_AGAIN_S = 5.0

_compact = json.JSONEncoder(separators=(",", ":")).encode


class Database:
    """A SQLite file (a path) or any database that SQLAlchemy knows (an address with `://`)."""

    def __init__(self, where: Path | str) -> None:
        address = str(where)
        self._is_file = "://" not in address
        self.name = address if self._is_file else _without_password(address)
        self._path = Path(address)
        self._looked_at: tuple[float, tuple[int, int] | None] | None = None  # when the schema was seen to be ours
        with self._translated():
            self._engine = self._sqlite(address) if self._is_file else _server(address)

    @property
    def path(self) -> Path | None:
        """Return the SQLite file, None for another database."""
        return self._path if self._is_file else None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection in one transaction, so that all that is read fits together. Raises: StoreError."""
        with self._translated():
            if self._is_file and not self._path.is_file():
                raise StoreError(f"there is no store '{self.name}' yet: it is made by the first run")
        with self._translated(), self._engine.connect() as connection, connection.begin():
            if not self._looked_lately() and self._revision(connection) != HEAD:
                raise StoreError(f"the store '{self.name}' has no tables of this version yet: the next run makes them")
            self._looked_at = self._looked_at or (time.monotonic(), self._identity())
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yield a connection in one transaction that holds the writer's lock from its start. Raises: StoreError.

        What was written is on the disk when the block has ended without an exception.
        """
        with self._translated(), self._writer() as connection:
            yield connection

    def lasting(self) -> Connection:
        """Return a connection to keep, on which each statement stands for itself. Raises: StoreError."""
        with self._translated():
            return self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    def make_ready(self) -> None:
        """Create or upgrade the tables where needed; alembic is loaded only then. Raises: StoreError."""
        with self._translated():
            if self._is_file:
                self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._engine.connect() as connection:
                revision = self._revision(connection)
            if revision == HEAD:
                return
            with self._writer() as connection:  # look again under the lock: another process may have been faster
                if self._engine.dialect.name == "postgresql":
                    connection.execute(text("SELECT pg_advisory_xact_lock(7320170)"))  # any number, the same for all of us
                if self._revision(connection) != HEAD:
                    from reports.store.migrations import upgrade

                    upgrade(connection)

    def close(self) -> None:
        self._engine.dispose()

    def _looked_lately(self) -> bool:
        """Return whether the schema was looked at a moment ago, in this very file: a page asks many times in a row."""
        if self._looked_at is None:
            return False
        at, identity = self._looked_at
        if time.monotonic() - at < _LOOK_AGAIN_S and identity == self._identity():
            return True
        self._looked_at = None
        return False

    def _identity(self) -> tuple[int, int] | None:
        if not self._is_file:
            return None
        found = os.stat(self._path)
        return found.st_dev, found.st_ino

    def _revision(self, connection: Connection) -> str:
        """Return the schema's revision, empty for an empty database. Raises: StoreError for one that we must not touch."""
        tables = set(inspect(connection).get_table_names())
        if "alembic_version" not in tables:
            if tables:
                raise foreign(self.name)
            return ""
        rows = connection.execute(text("SELECT version_num FROM alembic_version")).all()
        found = str(rows[0][0]) if rows else ""
        if not found or not re.fullmatch(REVISION_FORM, found):
            raise unknown_schema(self.name, found)
        if found > HEAD:
            raise newer(self.name, found, HEAD)
        return found

    @contextmanager
    def _writer(self) -> Iterator[Connection]:
        with self._engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except ModuleNotFoundError as problem:
            raise StoreError(
                f"the store '{self.name}' needs the package '{problem.name}' (pip install 'vedette[postgres]')"
            ) from problem
        except (SQLAlchemyError, sqlite3.Error, OSError) as problem:
            raise explain(problem, self.name) from problem

    @staticmethod
    def _sqlite(path: str) -> Engine:
        options = {"timeout": LOCKED_WAIT_S, "isolation_level": None}
        place = URL.create("sqlite", database=os.path.join(".", path))  # not a text: `?` and `:memory:` have a meaning there
        engine = create_engine(place, connect_args=options, json_serializer=_compact)
        event.listen(engine, "connect", _set_up)
        event.listen(engine, "begin", _begin)
        return engine


def _server(address: str) -> Engine:
    """Return the engine of a database behind an address.

    What the address does not say is given so that a server that went away is noticed in seconds: left alone, the
    kernel tries for minutes. A connection of the pool is tried before it is used, since the server may have restarted.
    """
    url = make_url(address)
    patience = _PATIENCE if url.get_backend_name() == "postgresql" else {}
    options = {name: value for name, value in patience.items() if name not in url.query}
    return create_engine(url, json_serializer=_compact, pool_pre_ping=True, connect_args=options)


def _without_password(address: str) -> str:
    try:
        return name_of(make_url(address).render_as_string(hide_password=True))
    except (SQLAlchemyError, ValueError):  # not an address after all, but it may hold a password
        raise StoreError(f"'{address.partition('://')[0]}://…' is not an address of a database: name another store") from None


def _set_up(connection: sqlite3.Connection, _record: object) -> None:
    """Set what SQLite forgets with each connection.

    WAL lets reports read while a run writes. `synchronous=FULL` makes every commit wait until the log is on the
    disk: for `kill -9` NORMAL would do (what the kernel was given survives the process), but then a power cut
    could take back what was acknowledged. With one commit for a group of outcomes the price is one fsync a group,
    in the writer's thread.
    """
    connection.execute(f"PRAGMA busy_timeout={int(LOCKED_WAIT_S * 1000)}")
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to WAL. Two that open a new file at once may each wait for the other, so SQLite refuses without waiting."""
    deadline = time.monotonic() + LOCKED_WAIT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as problem:
            if problem.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _begin(connection: Connection) -> None:
    """Begin for real: left alone, Python's sqlite3 begins late and a reader that turns writer fails at once.

    A writer takes the lock at its start, where waiting for another process is possible.
    """
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")
