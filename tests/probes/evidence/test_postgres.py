"""This file is for the PostgreSQL source: it reads, cannot write, is bounded, and says in one sentence what is wrong."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from probes.evidence.postgres import Postgres, as_iso
from probes.evidence.source import EvidenceError
from probes.fields import Expanded
from tests.probes.databases import Database, listening, postgres, until

pytestmark = pytest.mark.anyio
PASSWORD = "s3cr3t-pass-word"


@pytest.fixture
def db(require: Callable[[str, bool], None]) -> Iterator[Database]:
    with postgres() as found:
        require("a PostgreSQL server at 127.0.0.1:5432 with a database 'test'", found is not None)
        assert found is not None
        found.run(f"CREATE TABLE {found.own}.audit (id int PRIMARY KEY, what text, after jsonb)")
        found.run(f"INSERT INTO {found.own}.audit VALUES (1, 'a%:b', '{{}}')")
        yield found


def at(dsn: str, **more: object) -> Postgres:
    return Postgres.model_validate({"dsn": dsn, **more})


def source(db: Database, **more: Any) -> Postgres:
    return at(db.dsn, **more)


async def refusal(reading: Postgres, statement: str, **values: Any) -> str:
    with pytest.raises(EvidenceError) as caught:
        await reading.rows(statement, values)
    assert "\n" not in str(caught.value) and caught.value.__cause__ is None
    return str(caught.value)


async def test_rows_come_as_json_values(db: Database) -> None:
    statement = (
        "SELECT timestamptz '2026-01-02 03:04:05.25+05:30' AS zoned, timestamp '2026-01-02 03:04:05' AS naive, "
        "date '2026-01-02' AS day, 'infinity'::timestamptz AS never, interval '1 day 2 hours' AS span, 1.50 AS exact, "
        "'\\x00ff'::bytea AS raw, '{\"a\": null}'::jsonb AS inner, NULL AS nothing, array[1, 2] AS many, true AS yes, "
        "'00000000-0000-0000-0000-000000000007'::uuid AS id"
    )
    (row,) = await source(db).rows(statement, {})
    assert row == {
        "zoned": "2026-01-01T21:34:05.25+00:00",
        "naive": "2026-01-02T03:04:05",
        "day": "2026-01-02",
        "never": "infinity",
        "span": "P1DT2H",
        "exact": 1.5,
        "raw": "00ff",
        "inner": {"a": None},
        "nothing": None,
        "many": [1, 2],
        "yes": True,
        "id": "00000000-0000-0000-0000-000000000007",
    }


async def test_parameters_are_bound_and_never_pasted(db: Database) -> None:
    statement = f"SELECT id FROM {db.own}.audit WHERE what = :what AND what LIKE '%' -- :no"
    assert await source(db).rows(statement, {"what": "a%:b"}) == ({"id": 1},)
    assert await source(db).rows(statement, {"what": "' OR true --"}) == ()


WRITING = [
    "WITH x AS (DELETE FROM {own}.audit RETURNING 1) SELECT * FROM x",
    "SELECT nextval('{own}.numbers')",
    "SELECT {own}.adds()",
    "SELECT 1 AS a INTO {own}.made",
    "SELECT id FROM {own}.audit FOR UPDATE",
    "SELECT set_config('transaction_read_only', 'off', false), {own}.adds()",
    "INSERT INTO {own}.audit VALUES (2)",
    "UPDATE {own}.audit SET what = 'b'",
    "DROP TABLE {own}.audit",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SELECT 1; DROP TABLE {own}.audit",
    "SELECT 1) AS a; DROP TABLE {own}.audit; SELECT * FROM (SELECT 1",
]


@pytest.mark.parametrize("statement", WRITING, ids=[one[:40] for one in WRITING])
async def test_nothing_is_written(db: Database, statement: str) -> None:
    db.run(f"CREATE SEQUENCE {db.own}.numbers")
    insert = f"INSERT INTO {db.own}.audit VALUES (9) RETURNING id"
    db.run(f"CREATE FUNCTION {db.own}.adds() RETURNS int LANGUAGE sql AS '{insert}'")
    await refusal(source(db), statement.format(own=db.own))
    assert db.run(f"SELECT id, what FROM {db.own}.audit") == [(1, "a%:b")]


@pytest.mark.parametrize("deed", ["INSERT INTO {}.audit VALUES (2)", "DROP TABLE {}.audit", "UPDATE {}.audit SET id = 2"])
async def test_the_database_itself_refuses_to_write_in_our_transaction(
    db: Database, deed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probes.evidence.postgres._MEASURED", "{text}")  # the first two locks are open
    with pytest.raises(EvidenceError, match="the statement would write, and the transaction only reads"):
        await source(db)._rows(deed.format(db.own), {}, 10)
    assert db.run(f"SELECT id FROM {db.own}.audit") == [(1,)]


async def test_a_slow_statement_is_ended_at_both_ends(db: Database) -> None:
    said = await refusal(source(db, timeout=0.3), "SELECT pg_sleep(60), :mark::text", mark=db.own)
    assert said.endswith(("it took more than 0.3 s", "longer than the time-out, and the server ended it"))
    running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND application_name = 'vedette'"
    await until(lambda: db.run(running) == [(0,)])


async def test_more_rows_than_may_be_are_an_error_and_not_a_part(db: Database) -> None:
    many = "SELECT n FROM generate_series(1, 1000000) AS n"
    assert "more than 1000 rows" in await refusal(source(db), many)
    assert "more than 3 rows" in await refusal(source(db, max_rows=3), many)
    assert len(await source(db).rows("SELECT n FROM generate_series(1, 4) AS n", {}, limit=4)) == 4


async def test_values_that_are_too_large_are_not_sent_at_all(db: Database) -> None:
    assert "more than 1000 bytes (max_bytes)" in await refusal(source(db, max_bytes=1000), "SELECT repeat('x', 5000000) AS a")
    small = "SELECT repeat('x', 100) AS a FROM generate_series(1, 20)"
    assert "more than 1000 bytes (max_bytes)" in await refusal(source(db, max_bytes=1000), small)


TROUBLE = [
    ("SELECT * FROM vedette_nope", "there is no table 'vedette_nope'"),
    ("SELECT nope FROM pg_class", "there is no column"),
    ("SELECT FROM WHERE", "no SQL that it understands"),
    ("SELECT 1 AS a, 2 AS a", "two columns named 'a'; tell them apart with AS"),
    ("SELECT 'x'::int AS a", "invalid input syntax"),
    ("SELECT :nope", "for which there is no value"),
]


@pytest.mark.parametrize(("statement", "words"), TROUBLE, ids=[words for _, words in TROUBLE])
async def test_what_is_wrong_with_a_statement_is_one_sentence(db: Database, statement: str, words: str) -> None:
    said = await refusal(source(db), statement)
    assert said.startswith("PostgreSQL at 127.0.0.1:5432/test ") and words in said


async def test_a_user_who_may_not_read_is_told_so(db: Database) -> None:
    db.run(f"CREATE ROLE {db.own} LOGIN")
    try:
        reading = at(db.dsn.replace("postgres@", f"{db.own}@"))
        assert "the user may not read it (permission denied" in await refusal(reading, f"SELECT * FROM {db.own}.audit")
    finally:
        db.run(f"DROP ROLE {db.own}")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("/test", "/vedette_nope"), "there is no database 'vedette_nope'"),
        (("postgres@", "vedette_nope@"), "there is no user 'vedette_nope'"),
        (("/test", "/test?sslmode=require"), "it does not speak TLS, which the address asks for (sslmode)"),
        (("127.0.0.1:5432", "169.254.169.254"), "link-local, where clouds keep their metadata"),
        (("127.0.0.1:5432", "vedette.invalid"), "its host name could not be resolved"),
    ],
    ids=["database", "user", "tls", "metadata", "name"],
)
async def test_why_there_is_no_connection_is_one_sentence(db: Database, change: tuple[str, str], words: str) -> None:
    assert words in await refusal(at(db.dsn.replace(*change)), "SELECT 1")


def refusing(code: bytes, text: bytes) -> bytes:
    """Return an ErrorResponse. Source: PostgreSQL documentation, 55.7 and 55.8."""
    body = b"SFATAL\0VFATAL\0C" + code + b"\0M" + text + b"\0\0"
    return b"E" + struct.pack(">i", len(body) + 4) + body


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refusing(b"28P01", b'password authentication failed for user "watch"'), "it refused the user or the password"),
        (refusing(b"28000", b'no pg_hba.conf entry for host "::1", user "watch", no encryption'), "over TLS only"),
        (refusing(b"53300", b"sorry, too many clients already"), "no connection left"),
        (refusing(b"XX000", f"odd {PASSWORD}".encode()), "there was no connection (odd ***)"),
        (b"HTTP/1.1 400 Bad\r\n\r\n", "there was no connection"),
        (b"", "there was no connection"),
    ],
    ids=["password", "hba", "full", "echo", "http", "hangs up"],
)
async def test_a_refusal_is_told_without_the_password(answer: bytes, words: str) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)
        writer.write(answer)

    async with listening(talk) as port:
        dsn = Expanded(f"postgresql://watch:{PASSWORD}@127.0.0.1:{port}/app?sslmode=disable", "${DSN}")
        said = await refusal(at(dsn), "SELECT 1")
    assert words in said and PASSWORD not in said and said.startswith(f"PostgreSQL at 127.0.0.1:{port}/app ")


async def test_a_port_where_nothing_listens_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        said = await refusal(at(f"postgresql://u@127.0.0.1:{taken.getsockname()[1]}/d"), "SELECT 1")
    assert said.endswith("nothing listens there")


async def test_a_server_that_goes_away_while_it_is_read_is_told(db: Database) -> None:
    reading = asyncio.ensure_future(source(db).rows("SELECT pg_sleep(20), :mark::text", {"mark": db.own}))
    ours = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(20)%' AND pid <> pg_backend_pid()"
    ours += " AND application_name = 'vedette'"
    await until(lambda: bool(db.run(ours)))
    with pytest.raises(EvidenceError, match="the server went away while it was read"):
        await reading


async def test_a_server_that_says_nothing_does_not_hold_up_a_cancelled_reading() -> None:
    came = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set()
        await reader.read(-1)

    async with listening(silent) as port:
        dsn = f"postgresql://u@127.0.0.1:{port}/d"
        task = asyncio.ensure_future(at(dsn, timeout=60).rows("SELECT 1", {}))
        await came.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            async with asyncio.timeout(5):
                await task
        with pytest.raises(EvidenceError, match=r"it took more than 0.05 s"):
            await at(dsn, timeout=0.05).rows("SELECT 1", {})


MISTAKES = [
    (f"postgresql://u:{PASSWORD}@h/d", "a password may not stand in the file"),
    (Expanded(f"postgresql://u:{PASSWORD}@h/d", "postgresql://u:${P:-" + PASSWORD + "}@h/d"), "may not stand in the file"),
    ("mysql://u@h/d", "starts with postgresql:// or postgres://"),
    ("postgresql://u@h:x/d", "a port number"),
    ("postgresql://h/d", "should name the user"),
    ("postgresql://u@a,b/d", "should name one host"),
    ("postgresql://u@h/d?options=-c", "should not hold 'options'"),
    ("postgresql://u@h/d#x", "should not hold a '#'"),
]


@pytest.mark.parametrize(("dsn", "words"), MISTAKES, ids=[words for _, words in MISTAKES])
async def test_an_address_that_cannot_be_used_is_told_when_it_is_read(dsn: str, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        at(dsn)
    told = caught.value.errors(include_input=False, include_url=False)[0]["msg"]
    assert words in told and PASSWORD not in told


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-01-15 14:30:00+00", "2026-01-15T14:30:00+00:00"),
        ("2026-01-15 14:30:00.5+05:30", "2026-01-15T14:30:00.5+05:30"),
        ("14:30:00-03", "14:30:00-03:00"),
        ("-infinity", "-infinity"),
        ("0044-03-15 00:00:00 BC", "0044-03-15 00:00:00 BC"),
    ],
)
async def test_times_are_iso_8601(text: str, wanted: str) -> None:
    assert as_iso(text) == wanted
