"""This file is for one service a store: a second one says who is there already, and stops before it asks anything."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from reports.store.errors import StoreError, StoreHeld, explain, name_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

_NAME_BYTES = 63  # what PostgreSQL keeps of an application's name
_HOLDER = """
    SELECT a.application_name, a.backend_start AT TIME ZONE 'UTC' FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE l.locktype = 'advisory' AND l.granted AND l.classid = %s AND l.objid = %s
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class ServiceLock(Protocol):
    """The right to keep a store."""

    def renew(self) -> None:
        """Make sure that it is still ours; call it now and then. Raises: StoreHeld when it is not, StoreError when unknown."""


@contextmanager
def only_service(where: Path | str, location: str) -> Iterator[ServiceLock]:
    """Hold a store for one service. Raises: StoreError when another one holds it, with its process id.

    A SQLite file has one service, whatever its location; in PostgreSQL there is one for each location. The lock goes
    with the process, so that nobody needs to clean up after `kill -9`.
    """
    lock = _ServerLock(str(where), location) if "://" in str(where) else _FileLock(Path(where))
    lock.take()
    try:
        yield lock
    finally:
        lock.release()


class _FileLock:
    """A lock on a file beside the database; the database's own locks come and go with each transaction."""

    def __init__(self, store: Path) -> None:
        self._store = store
        real = Path(os.path.realpath(store))  # two names of one file are one store
        self._path = real.with_name(real.name + ".service")
        self._file = -1

    def take(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as problem:
            raise explain(problem, str(self._store)) from problem
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            holder = _read(self._file)
            self.release()
            if problem.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise explain(problem, str(self._store)) from problem
            raise _held(str(self._store), holder) from problem
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, json.dumps({"pid": os.getpid(), "since": _now()}).encode(), 0)

    def renew(self) -> None:
        """Take it again where its file was deleted: another service may hold a new one of its name. Else it cannot be lost."""
        if self._file >= 0 and _identity(self._path) == _identity(self._file):
            return
        self.release()
        if self._path.parent.is_dir():  # a store whose folder is gone is nobody's, and making it again would hide that
            self.take()

    def release(self) -> None:
        if self._file >= 0:
            os.close(self._file)  # the file stays: deleting it could let two hold two files of one name
        self._file = -1


class _ServerLock:
    """An advisory lock of PostgreSQL, held by a connection of its own that says in its name who holds it."""

    def __init__(self, address: str, location: str) -> None:
        from reports.store.database import Database

        self._name = name_of(address)
        self._location = location
        self._database = Database(address)
        self._connection: Connection | None = None

    def take(self) -> None:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            holder = self._try(self._database.lasting())
        except (SQLAlchemyError, StoreError) as problem:
            self.release()
            raise explain(problem, self._name) from problem
        if holder is not None:
            self.release()
            raise _held(self._name, holder, f"location '{self._location}' of ")

    def renew(self) -> None:
        """Take it again where the connection was lost: the server may have restarted, or another service taken over."""
        from sqlalchemy.exc import SQLAlchemyError

        if self._connection is not None:
            try:
                self._connection.exec_driver_sql("SELECT 1")
                return
            except SQLAlchemyError:
                self.release()
        self.take()

    def release(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._database.close()  # only the end of the connection gives the lock back

    def _try(self, connection: Connection) -> dict[str, Any] | None:
        """Take the lock and return None, or return what is known of its holder."""
        self._connection = connection
        if connection.dialect.name != "postgresql":
            return None
        schema = connection.exec_driver_sql("SELECT current_schema()").scalar()
        digest = sha256(f"vedette service\0{schema}\0{self._location}".encode()).digest()
        key = int.from_bytes(digest[:4]) & 0x7FFFFFFF, int.from_bytes(digest[4:8]) & 0x7FFFFFFF
        if connection.exec_driver_sql("SELECT pg_try_advisory_lock(%s, %s)", key).scalar():
            me = f"vedette service, pid {os.getpid()} on {socket.gethostname()}"[:_NAME_BYTES]
            connection.exec_driver_sql("SELECT set_config('application_name', %s, false)", (me,))
            return None
        found = connection.exec_driver_sql(_HOLDER, key).first()
        return {"who": found[0], "since": f"{found[1]:%Y-%m-%d %H:%M:%S} UTC"} if found else {}


def _identity(file: Path | int) -> tuple[int, int] | None:
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _read(file: int) -> dict[str, Any]:
    try:
        found = json.loads(os.pread(file, 1000, 0))
        return {"who": f"pid {int(found['pid'])}", "since": str(found["since"])}
    except (OSError, ValueError, KeyError, TypeError):  # it is just being written, or by somebody else
        return {}


def _held(store: str, holder: dict[str, Any], part: str = "") -> StoreHeld:
    who = str(holder.get("who", "")).removeprefix("vedette service, ")
    another = f"another vedette service{f' ({who})' if who else ''}"
    since = f" since {holder['since']}" if "since" in holder else ""
    return StoreHeld(f"{another} already keeps {part}'{store}'{since}: stop it, or name another store")


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
