"""This file is for asking, before a run sends anything, whether its outcomes can be stored; it loads no database library."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from pathlib import Path

from reports.store.errors import StoreError, explain, foreign, newer, unknown_schema
from reports.store.schema import HEAD, REVISION_FORM

PATIENCE_S = 2.0  # another process that holds the lock this long is not just committing
_ROOM_BYTES = 256 * 1024  # what must fit beside the store: the first outcomes, and SQLite's log
_FULL_CHECK_BYTES = 1024 * 1024  # a larger file is only looked into, as a whole check reads every page of it


def check_store(path: Path | str) -> None:
    """Raise StoreError, with one sentence, if this SQLite file cannot take a run. Creates its folder, not the file.

    An address with `://` is another database's; whether it takes a run shows when the first outcome is there.
    """
    if "://" in str(path):
        return
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.parent.is_dir() or (path.exists() and not path.is_file()):  # a folder, or a device such as /dev/null
            raise StoreError(f"the store '{path}' is not a file in a folder: name another store")
        _try_to_write(path.parent)
        if path.exists() and path.stat().st_size:
            path.open("r+b").close()
            _look_into(path)
    except (OSError, sqlite3.Error) as problem:
        raise explain(problem, str(path), waited_s=PATIENCE_S) from problem


def _try_to_write(folder: Path) -> None:
    """Write a little beside the store: SQLite's log must go there, and a full disk shows only by writing."""
    trial = folder / f".vedette-trial-{os.getpid()}"
    file = os.open(trial, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    try:
        room = memoryview(bytes(_ROOM_BYTES))
        while room:
            room = room[os.write(file, room) :]
    finally:
        os.close(file)
        with contextlib.suppress(OSError):
            trial.unlink()


def _look_into(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(16) != b"SQLite format 3\x00":
            raise StoreError(f"the store '{path}' is not a SQLite database: name another file")
    connection = sqlite3.connect(path, timeout=PATIENCE_S, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")  # the lock that a writer needs
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables:
            _know_schema(connection, tables, str(path))
        if path.stat().st_size <= _FULL_CHECK_BYTES:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                raise StoreError(f"the store '{path}' is damaged ({found}): move it away, a new one is made at the next run")
        connection.execute("ROLLBACK")
    finally:
        connection.close()


def _know_schema(connection: sqlite3.Connection, tables: set[str], store: str) -> None:
    if "alembic_version" not in tables:
        raise foreign(store)
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    found = str(row[0]) if row else ""
    if not re.fullmatch(REVISION_FORM, found):
        raise unknown_schema(store, found)
    if found > HEAD:
        raise newer(store, found, HEAD)
