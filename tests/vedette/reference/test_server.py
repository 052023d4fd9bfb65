"""The reference target's wire: real sockets, several requests a connection, caps, and an end that comes at once."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest

from vedette.reference.server import MAX_BODY_BYTES, HttpServer, Request, Response
from vedette.reference.target import ReferenceTarget

pytestmark = pytest.mark.anyio


async def test_two_requests_sent_at_once_over_one_connection_are_answered_in_order() -> None:
    async with ReferenceTarget().running() as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        writer.write(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answers = (await reader.read()).decode()
        writer.close()
        await writer.wait_closed()
    assert answers.index("HTTP/1.1 200 OK") < answers.index("HTTP/1.1 404 Not Found")


async def test_a_body_over_the_cap_is_refused() -> None:
    async with ReferenceTarget().running() as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        size = MAX_BODY_BYTES + 200_000
        writer.write(b"POST /api/webhooks/retell HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
        assert (await reader.readline()).startswith(b"HTTP/1.1 413")
        writer.close()


async def test_nonsense_ends_the_connection_and_not_the_server() -> None:
    async with ReferenceTarget().running() as url:
        for text in (b"\x16\x03\x01 hello\r\n\r\n", b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
            writer.write(text)
            answer = await reader.read()
            writer.close()
    assert answer.startswith(b"HTTP/1.1 200")


async def test_stopping_ends_what_still_hangs() -> None:
    entered = asyncio.Event()

    async def hang(request: Request) -> Response:
        entered.set()
        await asyncio.Event().wait()
        return Response(200)

    server = HttpServer(hang)
    port = await server.start("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await entered.wait()
    await asyncio.wait_for(server.stop(), 5)
    assert await reader.read() == b""
    writer.close()
