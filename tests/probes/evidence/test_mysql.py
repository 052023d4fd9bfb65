"""This file is for the MySQL source, against a real MariaDB: it reads, cannot write, is bounded, and hangs on to nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from pydantic import ValidationError

from probes.evidence.mysql import Mysql
from probes.evidence.source import EvidenceError
from probes.fields import Expanded
from tests.probes.databases import Database, listening, mysql, until

pytestmark = pytest.mark.anyio
PASSWORD = "s3cr3t-pass-word"


@pytest.fixture
def db(require: Callable[[str, bool], None]) -> Iterator[Database]:
    with mysql() as found:
        require("a MariaDB server at 127.0.0.1:3306 that lets root in", found is not None)
        assert found is not None
        found.run("CREATE TABLE audit (id INT PRIMARY KEY, what TEXT, after_json JSON)")
        found.run("INSERT INTO audit VALUES (1, 'a%:b', '{}')")
        yield found


def at(dsn: str, **more: object) -> Mysql:
    return Mysql.model_validate({"dsn": dsn, **more})


def source(db: Database, **more: object) -> Mysql:
    return at(db.dsn, **more)


async def refusal(reading: Mysql, statement: str, **values: object) -> str:
    with pytest.raises(EvidenceError) as caught:
        await reading.rows(statement, values)
    assert "\n" not in str(caught.value) and caught.value.__cause__ is None
    return str(caught.value)


async def test_rows_come_as_json_values(db: Database) -> None:
    db.run(
        "CREATE TABLE kinds (naive DATETIME(3), zoned TIMESTAMP NULL, day DATE, clock TIME, exact DECIMAL(30,2), "
        "huge DECIMAL(30,2), raw BLOB, bits BIT(3), nothing TEXT, never DATETIME, number DOUBLE)"
    )
    db.run("SET time_zone = '+02:00', sql_mode = ''")
    db.run(
        "INSERT INTO kinds VALUES ('2026-01-02 03:04:05.250', '2026-01-02 03:04:05', '2026-01-02', '10:00:00', 1.50, "
        "12345678901234567890.12, x'00ff', b'101', NULL, '0000-00-00 00:00:00', 1.5)"
    )
    (row,) = await source(db).rows("SELECT * FROM kinds", {})
    assert row == {
        "naive": "2026-01-02T03:04:05.250",
        "zoned": "2026-01-02T01:04:05+00:00",
        "day": "2026-01-02",
        "clock": "10:00:00",
        "exact": 1.5,
        "huge": "12345678901234567890.12",
        "raw": "00ff",
        "bits": 5,
        "nothing": None,
        "never": "0000-00-00T00:00:00",
        "number": 1.5,
    }


async def test_parameters_are_bound_and_never_pasted(db: Database) -> None:
    statement = "SELECT id FROM audit WHERE what = :what AND what LIKE '%' # :no"
    assert await source(db).rows(statement, {"what": "a%:b"}) == ({"id": 1},)
    assert await source(db).rows(statement, {"what": "' OR 1=1 -- "}) == ()
    assert await source(db).rows(statement, {"what": "\\' OR 1=1 -- "}) == ()


DEEDS = [
    "INSERT INTO audit VALUES (2, '', '{}')",
    "INSERT INTO plain VALUES (2)",
    "UPDATE audit SET id = 2",
    "DELETE FROM audit",
    "DROP TABLE audit",
    "TRUNCATE audit",
    "SELECT adds()",
    "SELECT NEXTVAL(numbers)",
    "SELECT id FROM audit FOR UPDATE",
    "CREATE TABLE made (id INT)",
]


@pytest.mark.parametrize("deed", DEEDS)
async def test_the_database_itself_refuses_to_write_in_our_transaction(db: Database, deed: str) -> None:
    db.run("CREATE TABLE plain (id INT) ENGINE=MyISAM")  # which no transaction can roll back
    db.run("CREATE SEQUENCE numbers")
    db.run("CREATE FUNCTION adds() RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO plain VALUES (1); RETURN 1; END")
    with pytest.raises(EvidenceError, match="the statement would write, and the transaction only reads"):
        await source(db)._rows(deed, {}, 10)
    assert db.run("SELECT id FROM audit") == [(1,)] and db.run("SELECT * FROM plain") == []


async def test_two_statements_are_one_too_many_for_the_driver_as_well(db: Database) -> None:
    with pytest.raises(EvidenceError, match="no SQL that it understands"):
        await source(db)._rows("SELECT 1; DROP TABLE audit", {}, 10)
    assert "more than one statement" in await refusal(source(db), "SELECT 1; DROP TABLE audit")


async def test_a_slow_statement_is_ended_at_both_ends(db: Database) -> None:
    said = await refusal(source(db, timeout=0.3), "SELECT SLEEP(60), :mark", mark=db.own)
    assert said.endswith(("it took more than 0.3 s", "longer than the time-out, and the server ended it"))
    running = f"SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT SLEEP(60), ''{db.own}''%'"
    await until(lambda: db.run(running) == [(0,)])


async def test_more_rows_than_may_be_are_an_error_and_not_a_part(db: Database) -> None:
    many = "SELECT seq FROM seq_1_to_1000000"
    assert "more than 1000 rows" in await refusal(source(db), many)
    assert "more than 3 rows" in await refusal(source(db, max_rows=3), many)
    assert len(await source(db).rows("SELECT seq FROM seq_1_to_4", {}, limit=4)) == 4


async def test_more_bytes_than_may_be_are_not_read(db: Database) -> None:
    said = await refusal(source(db, max_bytes=1000), "SELECT REPEAT('x', 10000000) AS a")
    assert "more than 1000 bytes (max_bytes)" in said


TROUBLE = [
    ("SELECT * FROM nope", "there is no table '"),
    ("SELECT nope FROM audit", "there is no column 'nope'"),
    ("SELECT FROM WHERE", "no SQL that it understands"),
    ("SELECT 1 AS a, 2 AS a", "two columns named 'a'; tell them apart with AS"),
    ("SELECT 1 INTO OUTFILE '/tmp/vedette'", "writes a file on the server (INTO OUTFILE)"),
]


@pytest.mark.parametrize(("statement", "words"), TROUBLE, ids=[words for _, words in TROUBLE])
async def test_what_is_wrong_with_a_statement_is_one_sentence(db: Database, statement: str, words: str) -> None:
    said = await refusal(source(db), statement)
    assert said.startswith(f"MySQL at 127.0.0.1:3306/{db.own} ") and words in said


async def test_why_a_user_does_not_get_in_is_told_without_the_password(db: Database) -> None:
    who = f"'{db.own}'@'127.0.0.1'"
    db.run(f"CREATE USER {who} IDENTIFIED BY '{PASSWORD}'")
    try:
        for password, words in (("wrong", "it refused the user or the password"), (PASSWORD, "may not use that database")):
            dsn = Expanded(db.dsn.replace("root@", f"{db.own}:{password}@"), "${DSN}")
            said = await refusal(at(dsn), "SELECT 1")
            assert words in said and PASSWORD not in said
        db.run(f"GRANT INSERT ON audit TO {who}")
        assert "the user may not read it" in await refusal(at(dsn), "SELECT * FROM audit")
        db.run(f"GRANT SELECT ON audit TO {who}")
        assert await at(dsn).rows("SELECT id FROM audit", {}) == ({"id": 1},)
    finally:
        db.run(f"DROP USER {who}")


async def test_a_server_without_tls_where_it_is_wanted_is_told(db: Database) -> None:
    if db.run("SELECT @@have_ssl") == [("YES",)]:
        assert "certificate" in await refusal(source(db, tls={}), "SELECT 1")
    else:
        assert "it does not speak TLS" in await refusal(source(db, tls={}), "SELECT 1")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("/vedette_", "/nope_"), "there is no database 'nope_"),
        (("127.0.0.1:3306", "169.254.169.254"), "link-local, where clouds keep their metadata"),
        (("127.0.0.1:3306", "vedette.invalid"), "its host name could not be resolved"),
        (("@127.0.0.1:3306/", "@x/?socket=/nowhere/mysqld.sock&x="), "there is no such socket"),
    ],
    ids=["database", "metadata", "name", "socket"],
)
async def test_why_there_is_no_connection_is_one_sentence(db: Database, change: tuple[str, str], words: str) -> None:
    dsn = db.dsn.replace(*change).partition("&x=")[0]
    assert words in await refusal(at(dsn), "SELECT 1")


async def test_a_port_where_nothing_listens_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        said = await refusal(at(f"mysql://u@127.0.0.1:{taken.getsockname()[1]}/d"), "SELECT 1")
    assert said.endswith("nothing listens there")


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x01\x00\x00\x00\x09", os.urandom(4096)])
async def test_what_is_no_database_is_told(said: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)

    async with listening(talk) as port:
        assert f"MySQL at 127.0.0.1:{port}/d could not be read: " in await refusal(
            at(f"mysql://u@127.0.0.1:{port}/d"), "SELECT 1"
        )


async def test_a_server_that_drips_does_not_outlast_the_time_out() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\xff\xff\xff\x00")  # a packet of 16 MB
        with contextlib.suppress(ConnectionError):
            for _ in range(5000):
                writer.write(b"\x0a")
                await writer.drain()
                await asyncio.sleep(0.01)

    async with listening(drip) as port:
        dsn = f"mysql://u@127.0.0.1:{port}/d"
        async with asyncio.timeout(10):
            assert "it took more than 0.3 s" in await refusal(at(dsn, timeout=0.3), "SELECT 1")


async def test_a_cancelled_reading_leaves_no_thread() -> None:
    came, gone = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set()
        await reader.read(-1)
        gone.set()

    async with listening(silent) as port:
        dsn = f"mysql://u@127.0.0.1:{port}/d"
        task = asyncio.ensure_future(at(dsn, timeout=60).rows("SELECT 1", {}))
        await came.wait()
        ours = [one for one in threading.enumerate() if one.name == "vedette-mysql"]
        assert ours and all(one.daemon for one in ours)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(10):
            await gone.wait()
            for one in ours:
                await asyncio.to_thread(one.join)


async def test_a_password_may_not_stand_in_the_file() -> None:
    with pytest.raises(ValidationError, match="a password may not stand in the file"):
        at(f"mysql://u:{PASSWORD}@h/d")
