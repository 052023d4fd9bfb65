"""This file is for the Redis source: it reads key names without blocking anybody, and shows no password."""

from __future__ import annotations

import asyncio
import socket
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from probes.evidence.redis import Redis
from probes.evidence.source import EvidenceError
from probes.fields import Expanded

PASSWORD = "s3cr3t-pass-word"


@pytest.fixture
async def prefix(redis_url: str) -> AsyncIterator[str]:
    """Return a prefix of our own, whose keys are removed afterwards."""
    from redis.asyncio import Redis as Client

    mine = f"vedette-test-{uuid.uuid4().hex}:"
    client = Client.from_url(redis_url)
    try:
        yield mine
    finally:
        keys = [key async for key in client.scan_iter(match=f"{mine}*")]
        if keys:
            await client.delete(*keys)
        await client.aclose()


async def put(url: str, *keys: str | bytes) -> None:
    from redis.asyncio import Redis as Client

    client = Client.from_url(url)
    try:
        for key in keys:
            await client.set(key, "x", ex=60)
    finally:
        await client.aclose()


@pytest.mark.anyio
async def test_the_keys_that_match_are_returned_and_no_others(redis_url: str, prefix: str) -> None:
    await put(redis_url, f"{prefix}cal_slots_15_a", f"{prefix}cal_slots_20_a", f"{prefix}other_15_a")
    found = await Redis(url=redis_url).keys(f"{prefix}cal_slots_15_*")
    assert found == {f"{prefix}cal_slots_15_a"}


@pytest.mark.anyio
async def test_all_keys_are_found_over_many_scan_calls(redis_url: str, prefix: str) -> None:
    wanted = {f"{prefix}{n}" for n in range(60)}
    await put(redis_url, *wanted)
    assert await Redis(url=redis_url, count=1, timeout=30).keys(f"{prefix}*") == wanted


@pytest.mark.anyio
async def test_no_key_is_an_empty_answer(redis_url: str, prefix: str) -> None:
    assert await Redis(url=redis_url).keys(f"{prefix}*") == frozenset()


@pytest.mark.anyio
async def test_more_keys_than_the_limit_are_an_error_and_not_a_part(redis_url: str, prefix: str) -> None:
    await put(redis_url, *(f"{prefix}{n}" for n in range(4)))
    with pytest.raises(EvidenceError, match="more than 3 keys match"):
        await Redis(url=redis_url).keys(f"{prefix}*", limit=3)
    assert len(await Redis(url=redis_url).keys(f"{prefix}*", limit=4)) == 4


@pytest.mark.anyio
async def test_a_key_that_is_no_text_is_shown_escaped(redis_url: str, prefix: str) -> None:
    await put(redis_url, prefix.encode() + b"\xff")
    assert await Redis(url=redis_url).keys(f"{prefix}*") == {f"{prefix}\\xff"}


@pytest.mark.anyio
async def test_the_database_can_be_named_beside_the_address(redis_url: str, prefix: str) -> None:
    await put(redis_url, f"{prefix}x")
    base, _, number = redis_url.rpartition("/")
    assert await Redis(url=f"{base}/0", db=int(number)).keys(f"{prefix}*") == {f"{prefix}x"}


@pytest.mark.anyio
async def test_only_scan_is_sent_and_never_keys() -> None:
    said = b""

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal said
        while data := await reader.read(65536):
            said += data
            scan = b"*2\r\n$1\r\n0\r\n*1\r\n$3\r\nkey\r\n"
            commands = data.count(b"\r\n$") and data.split(b"*")[1:]
            writer.write(b"".join(scan if b"SCAN" in c.upper() else b"+OK\r\n" for c in commands or []))
        writer.close()

    async with await asyncio.start_server(server, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        assert await Redis(url=f"redis://127.0.0.1:{port}/0?protocol=2").keys("k") == {"key"}
    assert b"SCAN" in said and b"KEYS" not in said


@pytest.mark.anyio
async def test_a_refused_port_is_one_sentence_without_the_password() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
        port = taken.getsockname()[1]
        url = Expanded(f"redis://watch:{PASSWORD}@127.0.0.1:{port}/3", "${REDIS_URL}")
        with pytest.raises(EvidenceError) as caught:
            await Redis(url=url).keys("*")
    assert f"Redis at 127.0.0.1:{port}/3 could not be read: it could not be reached" in str(caught.value)
    assert PASSWORD not in str(caught.value) and caught.value.__cause__ is None


@pytest.mark.anyio
async def test_refused_credentials_are_said_without_them(redis_url: str) -> None:
    host = redis_url.split("://")[1]
    url = Expanded(f"redis://nobody:{PASSWORD}@{host}", "${REDIS_URL}")
    with pytest.raises(EvidenceError) as caught:
        await Redis(url=url).keys("*")
    assert "it refused the user or the password" in str(caught.value) and PASSWORD not in str(caught.value)


@pytest.mark.anyio
async def test_an_error_text_that_quotes_the_password_is_masked() -> None:
    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(f"-OOPS {PASSWORD}\r\n".encode() * 8)
        writer.close()

    async with await asyncio.start_server(server, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        url = Expanded(f"redis://watch:{PASSWORD}@127.0.0.1:{port}", "${REDIS_URL}")
        with pytest.raises(EvidenceError) as caught:
            await Redis(url=url).keys("*")
    assert PASSWORD not in str(caught.value)


@pytest.mark.anyio
async def test_a_server_that_never_answers_is_left_in_time() -> None:
    gone = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gone.wait()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(EvidenceError, match=r"took more than 0\.2 s|did not answer in time"):
            await Redis(url=f"redis://127.0.0.1:{port}", timeout="200ms").keys("*")
        gone.set()


@pytest.mark.anyio
async def test_a_metadata_address_is_refused_before_connecting() -> None:
    with pytest.raises(EvidenceError, match="never permitted"):
        await Redis(url="redis://169.254.169.254:6379/0").keys("*")


@pytest.mark.anyio
async def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(EvidenceError, match=r"pip install 'vedette\[redis\]'"):
        await Redis(url="redis://127.0.0.1").keys("*")


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("redis://:hunter2@cache/0", id="password alone"),
        pytest.param("rediss://user:hunter2@cache", id="user and password"),
        pytest.param("redis://cache/0?password=hunter2", id="in the query"),
        pytest.param(Expanded("redis://:hunter2@h/0", "redis://:hunter2@${HOST}/0"), id="beside a place"),
        pytest.param(Expanded("redis://:hunter2@h/0", "${URL:-redis://:hunter2@h/0}"), id="as a place's default"),
        pytest.param(Expanded("redis://:hunter2@h/0", "redis://:${PW:-hunter2}@h/0"), id="as the password's default"),
    ],
)
def test_a_password_in_the_file_is_refused_at_load(url: str) -> None:
    with pytest.raises(ValidationError, match="a password may not stand in the file"):
        Redis(url=url)


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1:6379/9",
        "unix:///run/redis.sock",
        Expanded("redis://:pw@h:1/2", "redis://:${PW}@h:1/2"),
        Expanded("redis://:pw@h:1/2", "${URL}"),
        Expanded("redis://h:1/2", "${URL:-redis://h:1/2}"),
    ],
)
def test_an_address_without_a_clear_password_is_taken(url: str) -> None:
    assert "pw" not in repr(Redis(url=url)) + Redis(url=url).describe()


def test_an_address_from_a_file_is_a_secret(tmp_path: Path) -> None:
    (tmp_path / "url").write_text(f"redis://:{PASSWORD}@127.0.0.1:6379/4\n", encoding="utf-8")
    source = Redis(url={"file": str(tmp_path / "url")})
    assert source.describe() == "Redis at 127.0.0.1:6379/4"
    assert PASSWORD not in repr(source) + source.model_dump_json()


@pytest.mark.parametrize("url", ["http://127.0.0.1", "127.0.0.1:6379", "redis://h:port"])
def test_what_is_no_redis_address_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match=r"redis://|port number"):
        Redis(url=url)
