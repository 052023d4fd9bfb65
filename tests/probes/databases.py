"""This file is for the real databases of tests: a schema or a prefix of our own in each, dropped afterwards."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from probes.ids import new_id

POSTGRES = os.environ.get("VEDETTE_TEST_POSTGRES_DSN", "postgresql://postgres@127.0.0.1:5432/test")
MYSQL = os.environ.get("VEDETTE_TEST_MYSQL_DSN", "mysql://root@127.0.0.1:3306/test")


@dataclass(frozen=True)
class Database:
    """One database; `own` begins the name of everything that a test makes in it."""

    dsn: str
    own: str
    run: Callable[..., list[tuple[Any, ...]]]


@contextmanager
def postgres() -> Iterator[Database | None]:
    """Lend a schema of our own, None where there is no server."""
    import psycopg

    own = f"vedette_{new_id()[-12:]}"
    try:
        connection = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=2)
    except psycopg.OperationalError:
        yield None
        return

    def run(statement: str, *values: Any) -> list[tuple[Any, ...]]:
        cursor = connection.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []

    with connection:
        run(f"CREATE SCHEMA {own}")
        try:
            yield Database(POSTGRES, own, run)
        finally:
            run(f"DROP SCHEMA {own} CASCADE")


@contextmanager
def mysql() -> Iterator[Database | None]:
    """Lend a database of our own, None where there is no server."""
    import pymysql

    own = f"vedette_{new_id()[-12:]}"
    at = urlsplit(MYSQL)
    where = {"host": at.hostname, "port": at.port or 3306, "user": at.username, "password": at.password or ""}
    try:
        connection = pymysql.connect(**where, autocommit=True, connect_timeout=2)
    except pymysql.MySQLError:
        yield None
        return

    def run(statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return list(cursor.fetchall())

    with connection:
        run(f"CREATE DATABASE {own}")
        try:
            run(f"USE {own}")
            yield Database(f"{MYSQL.rpartition('/')[0]}/{own}", own, run)
        finally:
            run(f"DROP DATABASE {own}")


async def until(holds: Callable[[], bool]) -> None:
    """Wait until it holds, at most 20 s: a server says of its own work only when asked."""
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never held")


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(talk: Talk) -> AsyncIterator[int]:
    """Lend a port at which each connection is talked to, and leave no connection open behind."""
    tasks: set[asyncio.Task[Any]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(ConnectionError, asyncio.CancelledError):
            await talk(reader, writer)
        writer.close()
        with suppress(ConnectionError, asyncio.CancelledError):
            await writer.wait_closed()

    server = await asyncio.start_server(one, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
