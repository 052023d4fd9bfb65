"""This file is for listening: real sockets, slow and rude callers, and an end that comes in time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from fastapi import APIRouter, FastAPI
from starlette.responses import Response, StreamingResponse

from reports.store.ledger.tokens import Tokens
from scenarios.runner import utc_now
from tests.vedette.service.conftest import token_of
from vedette.service import server as module
from vedette.service.access import Scope, needs
from vedette.service.app import build_app, close_app
from vedette.service.server import ListenError, Server
from vedette.service.state import ServeSettings, Service

pytestmark = pytest.mark.anyio


class Trial:
    """Routes that go on until they are let go."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()

    def router(self) -> APIRouter:
        router = APIRouter(dependencies=[needs(Scope.READ)])

        @router.get("/trial/slow")
        async def slow() -> dict[str, bool]:
            self.begun.set()
            await self.go_on.wait()
            return {"done": True}

        @router.get("/trial/stream")
        async def stream() -> StreamingResponse:
            async def lines() -> AsyncIterator[str]:
                yield "data: 1\n\n"
                self.begun.set()
                await self.go_on.wait()

            return StreamingResponse(lines(), media_type="text/event-stream")

        @router.get("/trial/large")
        async def large() -> Response:
            async def endless() -> AsyncIterator[bytes]:
                self.begun.set()
                while True:
                    yield b"x" * 65536

            return StreamingResponse(endless(), media_type="application/octet-stream")

        return router


@pytest.fixture
async def trial() -> Trial:
    return Trial()


@pytest.fixture
async def app(make_service: Callable[..., Service], trial: Trial) -> AsyncIterator[FastAPI]:
    made = build_app(make_service(settings={"port": 0}))
    made.include_router(trial.router())
    yield made
    await close_app(made)


@contextlib.asynccontextmanager
async def serving(app: FastAPI, settings: ServeSettings | None = None) -> AsyncIterator[Server]:
    server = Server(app, settings or app.state.service.settings)
    task = asyncio.create_task(server.serve())
    try:
        yield server
    finally:
        await server.stop(within_s=0.2)
        async with asyncio.timeout(5):
            await task


@pytest.fixture
async def server(app: FastAPI) -> AsyncIterator[Server]:
    async with serving(app) as made:
        yield made


def port_of(server: Server) -> int:
    return int(server.url.rpartition(":")[2])


async def talk(server: Server, *words: bytes) -> bytes:
    """Say something on a connection of its own, and return what comes until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
    try:
        for word in words:
            writer.write(word)
            await writer.drain()
        return await heard(reader)
    finally:
        writer.close()


async def heard(reader: asyncio.StreamReader) -> bytes:
    """Return what comes until the connection ends, however it ends."""
    said = b""
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(65536):
            said += piece
    return said


async def closed_after_s(reader: asyncio.StreamReader) -> float:
    began = time.monotonic()
    async with asyncio.timeout(10):
        await heard(reader)
    return time.monotonic() - began


async def test_it_finds_a_port_tells_it_and_answers_there(server: Server) -> None:
    assert port_of(server) > 0
    async with httpx.AsyncClient(base_url=server.url) as client:
        answer = await client.get("/health/live")
    assert answer.status_code == 200
    assert "server" not in answer.headers and "x-correlation-id" in answer.headers and "date" in answer.headers


async def test_a_port_in_use_is_told_before_anything_starts(app: FastAPI, make_service: Callable[..., Service]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        settings = make_service(settings={"port": port}).settings
        with pytest.raises(ListenError) as refused:
            Server(app, settings)
    assert str(refused.value) == (
        f"cannot listen at '127.0.0.1' port {port}: another program does; give another port with --port, or 0 for any"
    )


@pytest.mark.parametrize(
    ("host", "why"),
    [("203.0.113.7", "this machine has no such address"), ("a" * 300, "cannot listen at 'aaa")],
    ids=["not ours", "no name"],
)
async def test_an_address_that_is_not_ours_is_told(
    app: FastAPI, make_service: Callable[..., Service], host: str, why: str
) -> None:
    with pytest.raises(ListenError, match=why):
        Server(app, make_service(settings={"host": host, "port": 0}).settings)


async def test_signals_stay_with_whoever_started_us(app: FastAPI) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    async with serving(app) as server, httpx.AsyncClient(base_url=server.url) as client:
        await client.get("/health/live")
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


async def test_nobody_touches_the_logging_that_was_set_up(app: FastAPI) -> None:
    handlers, level = list(logging.getLogger().handlers), logging.getLogger("uvicorn.error").level
    async with serving(app):
        assert logging.getLogger().handlers == handlers
        assert (logging.getLogger("uvicorn.error").level, logging.getLogger("uvicorn").handlers) == (level, [])


# The end


async def test_stopping_lets_requests_finish(server: Server, trial: Trial) -> None:
    async with httpx.AsyncClient(base_url=server.url) as client:
        asked = asyncio.create_task(client.get("/trial/slow"))
        await trial.begun.wait()
        stopping = asyncio.create_task(server.stop(within_s=10))
        await asyncio.sleep(0)
        trial.go_on.set()
        assert (await asked).json() == {"done": True}
        async with asyncio.timeout(5):
            await stopping


async def test_a_request_that_does_not_finish_in_time_is_cut_and_told_so(server: Server, trial: Trial) -> None:
    async with httpx.AsyncClient(base_url=server.url) as client:
        asked = asyncio.create_task(client.get("/trial/slow"))
        await trial.begun.wait()
        async with asyncio.timeout(5):
            await server.stop(within_s=0.1)
        answer = await asked
    assert (answer.status_code, answer.json()["detail"]) == (503, "the service is stopping")


async def test_open_streams_do_not_hold_up_the_stop_and_are_ended_whole(server: Server, trial: Trial) -> None:
    async with httpx.AsyncClient(base_url=server.url) as client, client.stream("GET", "/trial/stream") as stream:
        await trial.begun.wait()
        began = time.monotonic()
        await server.stop(within_s=30)
        assert time.monotonic() - began < 5
        assert b"".join([piece async for piece in stream.aiter_bytes()]) == b"data: 1\n\n"


async def test_a_reader_that_reads_nothing_does_not_hold_up_the_stop(server: Server, trial: Trial) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(b"GET /trial/large HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    await trial.begun.wait()
    async with asyncio.timeout(5):
        await server.stop(within_s=0.1)
    writer.close()


async def test_after_the_stop_nobody_is_answered(app: FastAPI) -> None:
    async with serving(app) as server:
        await server.stop(within_s=1)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port_of(server))


async def test_a_server_that_is_stopped_before_it_began_gives_its_port_back(app: FastAPI) -> None:
    server = Server(app, app.state.service.settings)
    await server.stop(within_s=1)
    await server.serve()
    with socket.create_server(("127.0.0.1", port_of(server))):
        pass


async def test_cancelling_ends_it_too(app: FastAPI) -> None:
    server = Server(app, app.state.service.settings)
    task = asyncio.create_task(server.serve())
    async with httpx.AsyncClient(base_url=server.url) as client:
        await client.get("/health/live")
    task.cancel()
    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await task
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port_of(server))


async def test_a_token_that_another_process_revokes_is_refused_within_two_seconds(
    make_service: Callable[..., Service],
) -> None:
    service = make_service(settings={"port": 0, "require_tokens": True})
    header = token_of(service, Scope.READ)
    app = build_app(service)
    async with serving(app) as server, httpx.AsyncClient(base_url=server.url, headers=header) as client:
        assert (await client.get("/api/v1/openapi.json")).status_code == 200
        other = Tokens(service.settings.store)
        await asyncio.to_thread(other.revoke, "tester", at=utc_now())
        other.close()
        began = time.monotonic()
        while (await client.get("/api/v1/openapi.json")).status_code == 200:
            assert time.monotonic() - began < 10
            await asyncio.sleep(0.02)
        assert time.monotonic() - began < 2 + 1  # a second for a machine that is busy
    await close_app(app)


# Slow and rude callers


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEAD_S", 0.2)
    monkeypatch.setattr(module, "UNREAD_S", 0.2)
    monkeypatch.setattr(module, "KEEP_ALIVE_S", 1)


def test_patience_is_ten_seconds() -> None:
    assert module.HEAD_S == 10


async def test_a_connection_that_says_nothing_is_closed(impatient: None, server: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
    assert await closed_after_s(reader) < 3
    writer.close()


async def drip(writer: asyncio.StreamWriter, head: bytes) -> None:
    with contextlib.suppress(ConnectionError):
        for sign in head:
            writer.write(bytes([sign]))
            await writer.drain()
            await asyncio.sleep(0.02)


HEAD = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + b"x" * 1000


async def test_a_head_that_drips_is_cut_though_bytes_keep_coming(impatient: None, server: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
    dripping = asyncio.create_task(drip(writer, HEAD))
    assert await closed_after_s(reader) < 3
    dripping.cancel()
    writer.close()


async def test_the_second_head_of_a_connection_may_not_drip_either(impatient: None, server: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
    writer.write(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
    dripping = asyncio.create_task(drip(writer, HEAD))
    assert await closed_after_s(reader) < 3
    dripping.cancel()
    writer.close()


async def test_a_request_at_work_is_not_cut_for_its_head(impatient: None, server: Server, trial: Trial) -> None:
    async with httpx.AsyncClient(base_url=server.url) as client:
        asked = asyncio.create_task(client.get("/trial/slow"))
        await trial.begun.wait()
        await asyncio.sleep(0.5)  # longer than the patience with a head
        trial.go_on.set()
        assert (await asked).status_code == 200


async def test_a_reader_that_reads_nothing_is_hung_up_on(impatient: None, server: Server, trial: Trial) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(b"GET /trial/large HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    async with asyncio.timeout(5):
        await trial.begun.wait()
        while server._uvicorn.server_state.tasks:  # noqa: ASYNC110  # uvicorn tells nobody
            await asyncio.sleep(0.01)
    writer.close()


async def test_a_body_that_drips_is_refused_over_a_real_connection(app: FastAPI, server: Server) -> None:
    app.user_middleware[3].kwargs["within_s"] = 0.2
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
    writer.write(b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n")
    dripping = asyncio.create_task(drip(writer, b"x" * 1000))
    async with asyncio.timeout(5):
        answer = await heard(reader)
    assert answer.startswith(b"HTTP/1.1 408 ") and b"the body did not arrive within 0.2 s" in answer
    dripping.cancel()
    writer.close()


async def test_a_body_that_is_too_large_is_refused_over_a_real_connection(server: Server) -> None:
    announced = await talk(server, b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999999999999999\r\n\r\n")
    assert announced.startswith(b"HTTP/1.1 413 ")
    chunk = b"2000\r\n" + b"x" * 0x2000 + b"\r\n"
    chunked = await talk(server, b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n", chunk * 9)
    assert chunked.startswith(b"HTTP/1.1 413 ")


async def test_a_head_that_is_too_large_is_refused(server: Server) -> None:
    answer = await talk(server, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + b"x" * (module.LARGEST_HEAD_BYTES + 1))
    assert answer.startswith(b"HTTP/1.1 400 ")


RUDE = [
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n",
    b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00",
    b"GET /\xff HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
    b"\r\n\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]


@pytest.mark.parametrize("words", RUDE, ids=str)
async def test_what_is_no_request_of_ours_is_refused_and_the_next_is_answered(
    impatient: None, server: Server, words: bytes
) -> None:
    async with asyncio.timeout(10):
        answer = await talk(server, words)
    assert answer.startswith((b"HTTP/1.1 4", b"")) and not answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 3", b"HTTP/1.1 5"))
    assert b"evil" not in answer
    async with httpx.AsyncClient(base_url=server.url) as client:
        assert (await client.get("/health/live")).status_code == 200


async def test_more_connections_than_we_want_are_closed_unheard(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    monkeypatch.setattr(module, "REFUSED_AT", 5)
    opened = [await asyncio.open_connection("127.0.0.1", port_of(server)) for _ in range(8)]
    refused = [asyncio.create_task(reader.read()) for reader, _ in opened]
    done, _ = await asyncio.wait(refused, timeout=5, return_when=asyncio.FIRST_COMPLETED)
    assert done
    assert len(server._uvicorn.server_state.connections) <= 5
    for task, (_, writer) in zip(refused, opened, strict=True):
        task.cancel()
        writer.close()
    await asyncio.gather(*refused, return_exceptions=True)


async def test_a_websocket_is_not_spoken(server: Server) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n"
    answer = await talk(
        server,
        b"GET /api/v1/events2 HTTP/1.1\r\nHost: 127.0.0.1\r\n" + upgrade.replace(b"Upgrade\r\n", b"Upgrade, close\r\n") + b"\r\n",
    )
    assert answer.startswith(b"HTTP/1.1 404 ")


# TLS


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def with_tls(tmp_path: Path, authority: trustme.CA, make_service: Callable[..., Service]) -> ServeSettings:
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    return make_service(settings={"port": 0, "tls_cert": tmp_path / "cert.pem", "tls_key": tmp_path / "key.pem"}).settings


async def test_with_a_certificate_it_speaks_https(app: FastAPI, with_tls: ServeSettings, authority: trustme.CA) -> None:
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with serving(app, with_tls) as server, httpx.AsyncClient(base_url=server.url, verify=trusting) as client:
        assert server.url.startswith("https://")
        assert (await client.get("/health/live")).status_code == 200


async def test_a_handshake_that_does_not_go_on_is_closed(impatient: None, app: FastAPI, with_tls: ServeSettings) -> None:
    async with serving(app, with_tls) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
        assert await closed_after_s(reader) < 3
        writer.close()


@pytest.mark.parametrize("broken", ["missing", "swapped", "garbage"])
async def test_a_certificate_that_does_not_fit_is_told(
    app: FastAPI, with_tls: ServeSettings, tmp_path: Path, broken: str
) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    if broken == "missing":
        cert.unlink()
    elif broken == "swapped":
        cert, key = key, cert
    else:
        key.write_text("no key")
    chosen: Any = {"tls_cert": cert, "tls_key": key}
    with pytest.raises(ListenError, match=r"no certificate with its key in '(?!.*_ssl\.c)"):
        Server(app, replace(with_tls, **chosen))


async def test_an_answer_on_a_kept_connection_does_not_wait_for_the_reader_to_acknowledge(server: Server) -> None:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
        await client.get("/health/live")
        [connection] = server._uvicorn.server_state.connections
        accepted = connection.transport.get_extra_info("socket")  # type: ignore[union-attr]
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
