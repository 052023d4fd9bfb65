"""This file is for reading rows from PostgreSQL, in a transaction that cannot write."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from contextlib import aclosing
from functools import lru_cache
from typing import Any, ClassVar

from probes.evidence.source import EvidenceError
from probes.sql_reading import Dialect
from probes.sql_source import APPLICATION, Row, Server, SqlSource

# The clock and the forms in which values come, for this transaction only; a pooler between us may not take start-up options.
_SETTINGS = (
    "SELECT set_config('statement_timeout', %(ms)s, true), set_config('lock_timeout', %(ms)s, true), "
    "set_config('idle_in_transaction_session_timeout', %(ms)s, true), set_config('timezone', 'UTC', true), "
    "set_config('datestyle', 'ISO', true), set_config('intervalstyle', 'iso_8601', true), "
    "set_config('bytea_output', 'hex', true)"
)
# The driver takes a value as a whole, up to 1 GB, so the server measures each row before it sends one. The words are no
# number, which ends the statement; they hold a value of the row, else they would be tried before there is any.
_MEASURED = (
    "SELECT {row}.*, CASE WHEN octet_length({row}::text) > %({row}_most)s::bigint "
    "THEN ('{row}_most ' || octet_length({row}::text))::int ELSE octet_length({row}::text) END FROM (\n{text}\n) AS {row}"
)
_ROW = "vedette_row"
_TEXT_TYPES = ("date", "timestamp", "timestamptz", "time", "timetz", "interval")
_QUOTED = re.compile(r"[\"»„«“]([^\"»„«“”]{1,200})[\"«“»”]")
_BEFORE_LOGIN = (  # the server's words before it takes settings; it says them in its own language, which then stands as it is
    ("password authentication failed", "it refused the user or the password"),
    ("no password supplied", "it wants a password"),
    ("no encryption", "it lets this user in over TLS only, or from elsewhere; try ?sslmode=require"),
    ("no pg_hba.conf entry", "it lets this user not in from here (pg_hba.conf)"),
    ("does not support SSL", "it does not speak TLS, which the address asks for (sslmode)"),
    ("certificate", "its certificate was not accepted"),
    ("Connection refused", "nothing listens there"),
    ("too many clients", "it has no connection left"),
    ("remaining connection slots", "it has no connection left"),
    ("the database system is starting up", "it is starting up"),
)


class Postgres(SqlSource, source="postgres"):
    """Run one statement in a read-only transaction with a time limit at the server, and roll it back.

    The user needs no more than CONNECT, USAGE on the schema and SELECT on the tables.
    Source: https://www.postgresql.org/docs/current/sql-set-transaction.html (what a read-only transaction refuses).
    """

    extra: ClassVar[str] = "postgres"
    schemes: ClassVar[tuple[str, ...]] = ("postgresql", "postgres")
    port: ClassVar[int] = 5432
    title: ClassVar[str] = "PostgreSQL"
    dialect: ClassVar[Dialect] = Dialect.POSTGRES
    options: ClassVar[frozenset[str]] = frozenset({"sslmode", "sslrootcert", "sslcert", "sslkey", "channel_binding", "host"})
    socket_option: ClassVar[str] = "host"

    async def _read(self, server: Server, text: str, values: Mapping[str, Any], most: int) -> tuple[Row, ...]:
        try:
            import psycopg
        except ImportError:
            raise EvidenceError("reading PostgreSQL needs the extra 'postgres': pip install 'vedette[postgres]'") from None
        connection: Any = None
        try:
            connection = await _connection_class().connect(**self._options(server))
            await connection.set_read_only(True)
            await connection.execute(_SETTINGS, {"ms": str(self._timeout_ms)})
            return await self._stream(connection, text, values, most)
        except psycopg.Error as problem:
            if f"{_ROW}_most" in (problem.diag.message_primary or ""):
                raise self.too_many_bytes() from None
            raise self.unread(_reason(problem, connected=connection is not None)) from None
        except UnicodeDecodeError:
            raise self.unread("a value in it is no text in UTF-8") from None
        finally:
            if connection is not None:
                connection.pgconn.finish()  # which rolls back; a polite end would wait for what still comes

    async def _stream(self, connection: Any, text: str, values: Mapping[str, Any], most: int) -> tuple[Row, ...]:
        """Read row by row, so that no more is held than may be; the extended protocol takes one statement only."""
        rows: list[Row] = []
        names: list[str] = []
        held = 0
        cursor = connection.cursor()
        measured = _MEASURED.format(row=_ROW, text=text)
        async with aclosing(cursor.stream(measured, {**values, f"{_ROW}_most": self.max_bytes})) as found:
            async for *row, size in found:
                names = names or self._told_apart([column.name for column in cursor.description[:-1]])
                held += size
                if len(rows) == most or held > self.max_bytes:
                    connection.pgconn.finish()  # else the rest would be read to its end
                    raise self.too_many_rows(most) if len(rows) == most else self.too_many_bytes()
                rows.append(self._row(names, row))
        return tuple(rows)

    def _options(self, server: Server) -> dict[str, Any]:
        """Return what libpq connects with. All is said, so that nothing of PGHOST and its like comes in from the environment."""
        where = {} if server.options.get("host") else {"host": server.host, "hostaddr": server.address}
        return {
            "sslmode": "prefer",
            **server.options,
            **where,
            "port": server.port,
            "user": server.user,
            "password": server.password,
            "passfile": "/dev/null/none",  # no file, and no word of libpq about it
            "dbname": server.database or server.user,
            "application_name": APPLICATION,
            "options": "",
            "client_encoding": "utf-8",
            "gssencmode": "disable",
            "connect_timeout": max(2, -(-self._timeout_ms // 1000)),
            "prepare_threshold": None,
        }


@lru_cache(1)
def _connection_class() -> Any:
    from psycopg import AsyncConnection, waiting
    from psycopg.types.string import TextLoader

    class AsIso(TextLoader):
        """Takes a time as the server writes it, also `infinity` and years before Christ, which Python does not know."""

        def load(self, data: Any) -> Any:
            return as_iso(bytes(data).decode())

    class Connection(AsyncConnection[Any]):
        """Hangs up at once when the reading is cancelled, where its base would wait: a server that is gone answers nothing."""

        def __init__(self, *arguments: Any, **more: Any) -> None:
            super().__init__(*arguments, **more)
            for name in _TEXT_TYPES:
                self.adapters.register_loader(name, AsIso)

        async def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
            try:
                return await waiting.wait_async(gen, self.pgconn.socket, interval=interval)
            except asyncio.CancelledError:
                self.pgconn.finish()
                raise

    return Connection


def as_iso(text: str) -> str:
    """Return a time as PostgreSQL writes it in ISO 8601: `2026-01-15 14:30:00+00` is `2026-01-15T14:30:00+00:00`."""
    text = text.replace(" ", "T", 1) if text[:1].isdigit() and not text.endswith(" BC") else text
    return re.sub(r"(?<=:\d\d)(\.\d+)?([+-]\d\d)$", r"\1\2:00", text)


def _reason(problem: Any, *, connected: bool) -> str:
    """Say in one clause what is wrong. Source of the codes: PostgreSQL documentation, appendix A."""
    code, primary = problem.sqlstate or "", problem.diag.message_primary or str(problem)
    named = _QUOTED.search(primary)
    name = named[1] if named else ""
    known = {
        "42P01": f"there is no table '{name}'" if name else "",
        "42703": f"there is no column: {primary}",
        "3D000": f"there is no database '{name}'" if name else "",
        "25006": f"the statement would write, and the transaction only reads ({primary})",
        "57014": "the statement took longer than the time-out, and the server ended it",
        "55P03": "what it reads is locked, and was not free within the time-out",
        "42501": f"the user may not read it ({primary})",
        "42601": f"the statement is no SQL that it understands ({primary})",
        "28P01": "it refused the user or the password",
        "57P01": "the server went away while it was read",
        "57P02": "the server went away while it was read",
        "57P03": "it is starting up or shutting down",
        "53300": "it has no connection left",
    }
    if known.get(code):
        return known[code]
    if not connected:
        return _refusal(str(problem), name)
    if not code:
        return "the server went away while it was read"
    return f"{primary} ({code})"


def _refusal(text: str, name: str) -> str:
    """Say why there is no connection, which libpq tells in words only."""
    if "does not exist" in text and name:
        return f"there is no {'database' if 'database' in text else 'user'} '{re.findall(_QUOTED, text)[-1]}'"
    for words, meaning in _BEFORE_LOGIN:
        if words.lower() in text.lower():
            return meaning
    last = text.strip().splitlines()[-1] if text.strip() else "no reason was given"
    return f"there was no connection ({re.split(r'FATAL: |failed: ', last)[-1].strip()})"
