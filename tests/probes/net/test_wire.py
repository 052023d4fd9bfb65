"""This file is for what a target may do wrong on the wire: each gets a sentence, a phase, and a bound."""

from __future__ import annotations

import asyncio
import gzip
import resource
import socket
import time
import zlib
from pathlib import Path

import pytest

from probes.request import RequestTemplate
from probes.session import Answer, NotJson, Phase, TargetError
from tests.probes import badserver
from tests.probes.badserver import answer, saying, serving
from tests.probes.sessions import session_at

pytestmark = pytest.mark.anyio


async def get(script: badserver.Script, template: RequestTemplate | None = None, **options: object) -> Answer:
    async with serving(script) as server:
        return await session_at(server.url, **options).send(template or RequestTemplate(path="/x?token=t"))


async def trouble(script: badserver.Script, template: RequestTemplate | None = None, **options: object) -> TargetError:
    with pytest.raises(TargetError) as caught:
        await get(script, template, **options)
    return caught.value


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_a_sound_answer_is_read_whole_with_all_its_phases() -> None:
    got = await get(saying(answer(b'{"a": 1}', content_type="application/json; charset=utf-8")))
    assert (got.status, got.json(), got.content_type, got.http_version) == (200, {"a": 1}, "application/json", "1.1")
    assert got.phases.dns_s is None and got.phases.tls_s is None
    assert got.phases.connect_s is not None and got.phases.first_byte_s is not None and got.phases.body_s is not None
    assert got.duration_s >= got.phases.connect_s + got.phases.first_byte_s + got.phases.body_s
    assert got.address == "127.0.0.1"


async def test_a_name_is_resolved_and_timed_on_its_own() -> None:
    async with serving(saying(answer(b"ok"))) as server:
        got = await session_at(server.url_at("localhost")).send(RequestTemplate())
    assert got.phases.dns_s is not None and got.phases.dns_s > 0
    assert got.address == "127.0.0.1"


async def test_a_refused_port_is_named_with_address_and_request() -> None:
    port = free_port()
    with pytest.raises(TargetError) as caught:
        await session_at(f"http://127.0.0.1:{port}").send(RequestTemplate(method="POST", path="/x?secret=1"))
    assert str(caught.value) == f"staging refused the connection at 127.0.0.1:{port} (POST /x)"
    assert caught.value.phase is Phase.CONNECT
    assert caught.value.exchange is not None and caught.value.exchange.trouble == str(caught.value)


async def test_a_name_that_does_not_exist_is_a_dns_failure() -> None:
    with pytest.raises(TargetError, match=r"the name api\.example\.invalid could not be resolved") as caught:
        await session_at("http://api.example.invalid").send(RequestTemplate())
    assert caught.value.phase is Phase.DNS


BODIES = {
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Trailer: t\r\n\r\n",
    "until close": b"HTTP/1.1 200 OK\r\n\r\nabcde",
    "http 1.0": b"HTTP/1.0 200 OK\r\n\r\nabcde",
    "after interim answers": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + answer(b"abcde"),
    "gzip": answer(gzip.compress(b"abcde"), content_encoding="gzip"),
    "gzip in members": answer(gzip.compress(b"abc") + gzip.compress(b"de"), content_encoding="x-gzip"),
    "deflate": answer(zlib.compress(b"abcde"), content_encoding="deflate"),
    "raw deflate": answer(zlib.compress(b"abcde")[2:-4], content_encoding="deflate"),
    "more than announced": answer(b"abcde") + b"HTTP/1.1 500 Smuggled\r\n\r\n",
}


@pytest.mark.parametrize("raw", BODIES.values(), ids=BODIES.keys())
async def test_every_framing_of_a_body_is_read(raw: bytes) -> None:
    got = await get(saying(raw))
    assert (got.status, got.body) == (200, b"abcde")
    assert got.header("link") is None and got.header("x-trailer") is None


@pytest.mark.parametrize("raw", BODIES.values(), ids=BODIES.keys())
async def test_every_framing_is_read_when_it_comes_in_single_bytes(raw: bytes) -> None:
    async def script(talk: badserver.Talk) -> None:
        talk.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in raw:
            await talk.send(bytes([byte]))
            await asyncio.sleep(0)

    assert (await get(script)).body == b"abcde"


BODILESS = {
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", "GET", 204),
    "304": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", "GET", 304),
    "HEAD": (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nContent-Encoding: gzip\r\n\r\n", "HEAD", 200),
    "empty with gzip": (answer(b"", content_encoding="gzip"), "GET", 200),
}


@pytest.mark.parametrize(("raw", "method", "status"), BODILESS.values(), ids=BODILESS.keys())
async def test_an_answer_without_a_body_ends_with_its_headers(raw: bytes, method: str, status: int) -> None:
    async def script(talk: badserver.Talk) -> None:
        await talk.send(raw)
        await asyncio.Event().wait()  # the connection stays open: nobody may wait for its end

    got = await get(script, RequestTemplate(method=method, timeout=5.0))
    assert (got.status, got.body) == (status, b"")
    with pytest.raises(NotJson, match="the body is empty instead of JSON"):
        got.json()


PREMATURE = {
    "closed mid-body": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 4096\r\n\r\nabcdefghijkl",
        Phase.BODY,
        "stopped after 12 of 4096 bytes",
    ),
    "closed mid-chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc", Phase.BODY, "stopped after 3 bytes"),
    "closed in the headers": (b"HTTP/1.1 200 OK\r\nContent-", Phase.HEADERS, "stopped within its headers"),
    "closed after an interim answer": (b"HTTP/1.1 100 Continue\r\n\r\n", Phase.HEADERS, "stopped within its headers"),
    "closed without a word": (b"", Phase.FIRST_BYTE, "without an answer to GET /x: connection closed"),
}


@pytest.mark.parametrize(("raw", "phase", "words"), PREMATURE.values(), ids=PREMATURE.keys())
async def test_an_answer_that_ends_too_early_is_a_failure_that_says_where(raw: bytes, phase: Phase, words: str) -> None:
    caught = await trouble(saying(raw))
    assert caught.phase is phase
    assert words in str(caught)
    assert "token" not in str(caught)


async def test_a_connection_reset_in_the_body_is_told_as_one() -> None:
    async def script(talk: badserver.Talk) -> None:
        await talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4096\r\n\r\nabcdefghijkl")
        await asyncio.sleep(0.05)  # the bytes must have arrived: a RST discards what has not
        talk.reset()

    caught = await trouble(script)
    assert str(caught) == "the answer to GET /x stopped after 12 of 4096 bytes: connection reset"


NOT_HTTP = {
    "garbage": (b"\x00\x01SSH-2.0-OpenSSH_9.2\r\n\r\n", "is not valid HTTP"),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "is not valid HTTP"),
    "length and chunked": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "is not valid HTTP",
    ),
    "bad chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "is not valid HTTP"),
    "switched protocols": (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        "switched protocols",
    ),
    "switched without a word": (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "switched protocols"),
    "unknown coding": (answer(b"abc", content_encoding="br"), "is packed as 'br', which was not asked for"),
    "codings in a chain": (answer(b"abc", content_encoding="gzip, gzip"), "is packed as 'gzip, gzip'"),
    "not gzip": (answer(b"abcdefghijk", content_encoding="gzip"), "says that it is packed as gzip, but it is not"),
    "cut gzip": (answer(gzip.compress(b"abcde")[:-6], content_encoding="gzip"), "the packed data stop too early"),
}


@pytest.mark.parametrize(("raw", "words"), NOT_HTTP.values(), ids=NOT_HTTP.keys())
async def test_what_is_not_http_is_a_failure_that_says_so(raw: bytes, words: str) -> None:
    assert words in str(await trouble(saying(raw)))


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "unannounced"])
async def test_a_body_of_200_mb_is_dropped_at_the_cap_and_not_cut_in_silence(announced: bool) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with serving(badserver.endless_body(announced=announced)) as server:
        with pytest.raises(TargetError) as caught:
            await session_at(server.url).send(RequestTemplate())
        await server.closed.wait()
    assert "the answer to GET / has a body longer than 1 MiB (limit body_bytes)" in str(caught.value)
    assert ("it announces 209715200 bytes" in str(caught.value)) is announced
    assert server.bytes_sent < 16 * 1024 * 1024  # what the kernel's buffers took beyond the cap
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024  # KiB


async def test_a_body_of_just_the_cap_is_read() -> None:
    body = bytes(range(256)) * 16
    assert (await get(saying(answer(body)), limits={"body_bytes": 4096})).body == body
    packed = answer(gzip.compress(body), content_encoding="gzip")
    assert (await get(saying(packed), limits={"body_bytes": 4096})).body == body
    assert "longer than 4095 bytes" in str(await trouble(saying(packed), limits={"body_bytes": 4095}))


async def test_a_gzip_bomb_is_named_and_never_unpacked() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    raw = badserver.answer(_bomb_of_512_mb(), content_encoding="gzip")
    caught = await trouble(saying(raw))
    assert "is a gzip bomb:" in str(caught) and "unpack to more than 1 MiB (limit body_bytes)" in str(caught)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024  # KiB


def _bomb_of_512_mb() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    piece = bytes(1024 * 1024)
    return b"".join(packer.compress(piece) for _ in range(512)) + packer.flush()


@pytest.mark.parametrize("script", [badserver.endless_headers(), badserver.one_endless_header()], ids=["many", "one"])
async def test_headers_without_end_are_cut_off(script: badserver.Script) -> None:
    async with serving(script) as server:
        with pytest.raises(TargetError, match=r"has headers longer than 64 KiB \(limit header_bytes\)"):
            await session_at(server.url).send(RequestTemplate())
        await server.closed.wait()
    assert server.bytes_sent < 16 * 1024 * 1024


UNENDING = {
    "interim answers": (b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 100, "headers longer than"),
    "a trailer": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ",
        b"y" * 4096,
        "chunk frames or trailers longer than",
    ),
    "a chunk extension": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=",
        b"y" * 4096,
        "chunk frames or trailers longer",
    ),
}


@pytest.mark.parametrize(("start", "more", "words"), UNENDING.values(), ids=UNENDING.keys())
async def test_nothing_else_can_go_on_without_end(start: bytes, more: bytes, words: str) -> None:
    async def script(talk: badserver.Talk) -> None:
        await talk.send(start)
        while True:
            await talk.send(more)

    assert words in str(await trouble(script))


async def test_a_body_that_trickles_is_cut_by_the_deadline_of_the_whole_exchange() -> None:
    began = time.perf_counter()
    caught = await trouble(badserver.trickling(b"x" * 60, 0.03), limits={"request": 0.3})
    assert time.perf_counter() - began < 1.5
    assert caught.phase is Phase.BODY
    assert str(caught).startswith("the answer to GET /x was not complete after 0.3 s (")
    assert str(caught).endswith(" of 60 bytes)")


async def test_silence_is_cut_by_the_deadline_of_the_template() -> None:
    caught = await trouble(badserver.silent(), RequestTemplate(path="/x", timeout=0.1))
    assert caught.phase is Phase.FIRST_BYTE
    assert str(caught) == "staging sent no byte of an answer within 0.1 s (GET /x)"


async def test_a_request_that_nobody_takes_is_told_as_such() -> None:
    async with asyncio.timeout(10):
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.bind(("127.0.0.1", 0))
            deaf.listen()
            large = RequestTemplate(method="POST", path="/x", body="x" * 20_000_000, timeout=0.3)
            with pytest.raises(TargetError) as caught:
                await session_at(f"http://127.0.0.1:{deaf.getsockname()[1]}").send(large)
    assert caught.value.phase is Phase.SEND
    assert str(caught.value) == "staging did not take the whole of POST /x within 0.3 s"


async def test_resolving_has_the_deadline_of_connecting() -> None:
    async def never(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    slow = session_at("http://api.test", session={"resolve": never}, limits={"connect": 0.05})
    with pytest.raises(TargetError, match=r"the name api\.test could not be resolved within 0\.05 s \(GET /\)"):
        await slow.send(RequestTemplate())


async def test_cancelling_leaves_no_socket_behind() -> None:
    async with serving(badserver.silent()) as server:
        session = session_at(server.url, concurrency=50)
        await _cancelled(session.send(RequestTemplate()))
        before = _open_files()
        for delay in range(100):
            await _cancelled(session.send(RequestTemplate()), turns=delay % 12)
        async with asyncio.timeout(5):
            while _open_files() > before:  # noqa: ASYNC110 - nobody tells when the kernel has closed a socket
                await asyncio.sleep(0.01)


async def _cancelled(sending: object, turns: int = 20) -> None:
    task = asyncio.ensure_future(sending)  # type: ignore[call-overload]
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_invalid_utf8_is_no_json_and_still_text() -> None:
    got = await get(saying(answer(b'{"name": "\xff\xfe"}', content_type="application/json")))
    assert "�" in got.text
    with pytest.raises(NotJson, match="invalid UTF-8 at byte 10"):
        got.json()
