"""This file is for reading rows from MySQL and MariaDB, in a transaction that cannot write."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

from probes.apart import apart
from probes.evidence.source import EvidenceError
from probes.net.tls import BadTls, context_for
from probes.sql_reading import Dialect
from probes.sql_source import APPLICATION, Row, Server, SqlSource
from probes.target import Tls

_UNKNOWN_SETTING = 1193  # ER_UNKNOWN_SYSTEM_VARIABLE: an older server, or the other one of the two
# Source of the numbers: https://mariadb.com/kb/en/mariadb-error-code-reference/, MySQL 8.4 error reference
_REASONS: Mapping[int, str] = {
    1040: "it has no connection left",
    1045: "it refused the user or the password",
    1129: "it blocks this host after too many broken connections",
    1130: "it lets nobody in from this host",
    1203: "this user has no connection left",
    1205: "what it reads is locked, and was not free within the time-out",
    1226: "this user may not connect so often",
    1317: "the server ended the statement",
    1698: "it refused the user or the password",
    1969: "the statement took longer than the time-out, and the server ended it",
    2006: "the server went away while it was read",
    2013: "the server went away while it was read",
    3024: "the statement took longer than the time-out, and the server ended it",
    3159: "it lets nobody in without TLS; give 'tls'",
}
_IN_WORDS: Mapping[int, str] = {
    1044: "the user may not use that database",
    1049: "there is no database '{}'",
    1054: "there is no column '{}'",
    1064: "the statement is no SQL that it understands",
    1142: "the user may not read it",
    1143: "the user may not read it",
    1146: "there is no table '{}'",
    1305: "there is no function '{}'",
    1370: "the user may not run it",
    1792: "the statement would write, and the transaction only reads",
}
_QUOTED = re.compile(r"'([^']{1,200})'")


class _TooMuch(Exception):
    """The server sent more than may be read."""


class Mysql(SqlSource, source="mysql"):
    """Run one statement in a read-only transaction with a time limit at the server, and roll it back.

    The user needs no more than SELECT on the tables.
    Source: https://dev.mysql.com/doc/refman/8.4/en/commit.html (READ ONLY), and MariaDB's `max_statement_time`.
    """

    extra: ClassVar[str] = "mysql"
    schemes: ClassVar[tuple[str, ...]] = ("mysql", "mariadb")
    port: ClassVar[int] = 3306
    title: ClassVar[str] = "MySQL"
    dialect: ClassVar[Dialect] = Dialect.MYSQL
    options: ClassVar[frozenset[str]] = frozenset({"socket"})
    socket_option: ClassVar[str] = "socket"

    tls: Tls | None = None  # speak TLS, and how the certificate is verified; default: without TLS

    async def _read(self, server: Server, text: str, values: Mapping[str, Any], most: int) -> tuple[Row, ...]:
        try:
            import pymysql  # noqa: F401
        except ImportError:
            raise EvidenceError("reading MySQL needs the extra 'mysql': pip install 'vedette[mysql]'") from None
        try:
            context = context_for(self.tls) if self.tls is not None else None
        except BadTls as problem:
            raise self.unread(str(problem)) from None
        reading = _Reading(self, server, text, values, most, context, time.monotonic() + self.timeout)
        return await apart(reading.run, stop=reading.hang_up, name="vedette-mysql")


@dataclass
class _Reading:
    """One reading, in a thread of its own."""

    source: Mysql
    server: Server
    text: str
    values: Mapping[str, Any]
    most: int
    tls: ssl.SSLContext | None
    until: float  # by the monotonic clock
    seen: int = 0  # bytes of the answers
    sockets: list[socket.socket] = field(default_factory=list)
    connection: Any = None
    stopped: bool = False

    def run(self) -> tuple[Row, ...]:
        import pymysql

        try:
            connection = self.connection = _connection_class()(self)
            connection.connect(self._socket())
            self._hold_to_reading(connection)
            return self._rows(connection)
        except _TooMuch:
            raise self.source.too_many_bytes() from None
        except TimeoutError:
            raise self.source.unread(f"it took more than {self.source.timeout:g} s") from None
        except pymysql.MySQLError as problem:
            raise self._unread(problem) from None
        except ssl.SSLError as problem:
            raise self.source.unread(f"the TLS handshake failed ({problem.reason or problem})") from None
        except OSError as problem:
            raise self.source.unread(_no_way_in(problem)) from None
        except RuntimeError as problem:  # such as a missing package for the login
            raise self.source.unread(str(problem)) from None
        except (
            ValueError,
            LookupError,
            TypeError,
            AssertionError,
            struct.error,
        ):  # which the driver raises at what it cannot read
            raise self.source.unread("it does not answer as MySQL does") from None
        finally:
            self.hang_up()

    def hang_up(self) -> None:
        """Close the connection, which rolls back; a polite end would read what still comes."""
        self.stopped = True
        spoken = getattr(self.connection, "_sock", None)  # with TLS another one than ours, which has the file now
        for one in [*self.sockets, *([spoken] if spoken else [])]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(OSError):
                one.close()

    @property
    def left_s(self) -> float:
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def options(self) -> dict[str, Any]:
        at = self.server
        return {
            "host": at.host,
            "port": at.port,
            "user": at.user,
            "password": at.password,
            "database": at.database or None,
            "charset": "utf8mb4",
            "read_timeout": self.left_s,
            "write_timeout": self.left_s,
            "program_name": APPLICATION,
            "ssl": self.tls,
            "ssl_disabled": self.tls is None,
            "local_infile": False,  # else a server might ask for a file of ours
            "conv": _conversions(),
            "defer_connect": True,
        }

    def _socket(self) -> socket.socket:
        """Connect to the address that was judged, never to a name that is resolved once more."""
        path = self.server.options.get("socket")
        place = (self.server.address, self.server.port)
        made = socket.socket(socket.AF_UNIX) if path else socket.create_connection(place, self.left_s)
        self.sockets.append(made)
        if self.stopped:  # while it connected, when there was nothing yet to hang up
            raise TimeoutError
        if path:
            made.settimeout(self.left_s)
            made.connect(path)
        else:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def _hold_to_reading(self, connection: Any) -> None:
        """Set the time limits that this server knows, and begin a transaction that reads."""
        from pymysql import OperationalError

        whole = max(1, round(self.source.timeout + 0.5))
        limits = (
            ["max_statement_time = %(s)s"]
            if "mariadb" in connection.get_server_info().lower()
            else ["max_execution_time = %(ms)s"]
        )
        limits += ["innodb_lock_wait_timeout = %(whole)s", "lock_wait_timeout = %(whole)s", "net_write_timeout = %(whole)s"]
        limits += ["wait_timeout = %(whole)s", "time_zone = '+00:00'"]
        numbers = {"s": self.source.timeout, "ms": int(self.source.timeout * 1000) or 1, "whole": whole}
        with connection.cursor() as cursor:
            for limit in limits:
                try:
                    cursor.execute(f"SET SESSION {limit}", numbers)
                except OperationalError as problem:
                    if problem.args[0] != _UNKNOWN_SETTING:
                        raise
            cursor.execute("SET SESSION TRANSACTION READ ONLY")  # so that what ends our transaction begins no other one
            cursor.execute("START TRANSACTION READ ONLY")

    def _rows(self, connection: Any) -> tuple[Row, ...]:
        from pymysql.cursors import SSCursor

        rows: list[Row] = []
        cursor = connection.cursor(SSCursor)
        try:
            cursor.execute(self.text, dict(self.values))
            names = self.source._told_apart([column[0] for column in cursor.description or ()])
            while (row := cursor.fetchone()) is not None:
                if len(rows) == self.most:
                    raise self.source.too_many_rows(self.most)
                rows.append(self.source._row(names, row))
        finally:
            # else either reads the rest to its end when it is thrown away
            cursor.connection = None
            if connection._result is not None:
                connection._result.unbuffered_active = False
        return tuple(rows)

    def _unread(self, problem: Any) -> EvidenceError:
        number, text = (*problem.args, "", "")[:2] if problem.args and isinstance(problem.args[0], int) else (0, str(problem))
        cause = getattr(problem, "original_exception", None)
        if isinstance(cause, ssl.SSLError):
            return self.source.unread(
                f"the TLS handshake failed ({getattr(cause, 'verify_message', '') or cause.reason or cause})"
            )
        if time.monotonic() >= self.until or "timed out" in str(text):
            return self.source.unread(f"it took more than {self.source.timeout:g} s")
        if number in _REASONS:
            hint = " (or it wants TLS: give 'tls')" if number == 1045 and self.tls is None else ""
            return self.source.unread(_REASONS[number] + hint)
        if number in _IN_WORDS:
            named = _QUOTED.search(str(text))
            words = _IN_WORDS[number]
            if "{}" in words:
                return self.source.unread(words.format(named[1] if named else "?"))
            return self.source.unread(f"{words} ({text})")
        if "SSL" in str(text):
            return self.source.unread(f"it does not speak TLS, which 'tls' asks for ({text})")
        return self.source.unread(f"{text} ({number})")


@lru_cache(1)
def _connection_class() -> Any:
    from pymysql.connections import Connection

    class Bounded(Connection):  # type: ignore[misc]
        """Counts what it reads before it reads it, and watches the clock over all of it: each read has a time-out only."""

        def __init__(self, reading: _Reading) -> None:
            self.reading = reading
            super().__init__(**reading.options())

        def _read_bytes(self, num_bytes: int) -> Any:
            self.reading.seen += num_bytes
            if self.reading.seen > self.reading.source.max_bytes + _OVERHEAD:
                raise _TooMuch
            self._sock.settimeout(self.reading.left_s)
            return super()._read_bytes(num_bytes)

    return Bounded


_OVERHEAD = 64 * 1024  # of the greeting, the settings and the names of columns


@lru_cache(1)
def _conversions() -> dict[Any, Callable[..., Any]]:
    """Return how values come: times in ISO 8601 as the server writes them, for it has dates that Python does not know."""
    from pymysql.constants import FIELD_TYPE as TYPE
    from pymysql.converters import conversions

    ours: dict[int, Callable[..., Any]] = {
        TYPE.DATE: str,
        TYPE.TIME: str,
        TYPE.DATETIME: lambda text: text.replace(" ", "T", 1),
        TYPE.TIMESTAMP: lambda text: text.replace(" ", "T", 1) + "+00:00",  # of the session, which is UTC
        TYPE.JSON: json.loads,
        TYPE.BIT: lambda raw: int.from_bytes(raw),
    }
    return {**conversions, **ours}


def _no_way_in(problem: OSError) -> str:
    if isinstance(problem, ConnectionRefusedError):
        return "nothing listens there"
    if isinstance(problem, FileNotFoundError):
        return "there is no such socket"
    return f"it could not be reached ({problem.strerror or problem})"
