"""This file is for a server that misbehaves on purpose, byte by byte, over a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

Script = Callable[["Talk"], Awaitable[None]]


@dataclass
class Talk:
    """One connection: what was asked, and how to answer."""

    head: bytes
    body: bytes
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    server: BadServer

    @property
    def path(self) -> str:
        return self.head.split(b" ", 2)[1].decode()

    def header(self, name: str) -> str | None:
        found = re.search(rf"^{re.escape(name)}: ?(.*?)\r$".encode(), self.head, re.IGNORECASE | re.MULTILINE)
        return found.group(1).decode("latin-1") if found else None

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()
        self.server.bytes_sent += len(data)

    def reset(self) -> None:
        """End the connection with a RST instead of a FIN."""
        raw: socket.socket = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass
class BadServer:
    """What the server saw and did."""

    port: int = 0
    scheme: str = "http"
    talks: list[Talk] = field(default_factory=list)
    bytes_sent: int = 0
    connections: int = 0
    closed: asyncio.Event = field(default_factory=asyncio.Event)  # set whenever the client has gone away

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def url_at(self, host: str) -> str:
        return f"{self.scheme}://{host}:{self.port}"


@contextlib.asynccontextmanager
async def serving(script: Script, context: ssl.SSLContext | None = None) -> AsyncIterator[BadServer]:
    """Serve `script` on loopback, one call for each request."""
    seen = BadServer(scheme="https" if context else "http")
    tasks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        seen.connections += 1
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"^content-length: (\d+)", head, re.IGNORECASE | re.MULTILINE)
            body = await reader.readexactly(int(length.group(1))) if length else b""
            said = Talk(head, body, reader, writer, seen)
            seen.talks.append(said)
            await script(said)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client went away, as many of these tests want, or the test is over
        finally:
            seen.closed.set()
            tasks.discard(task)
            writer.transport.abort() if isinstance(
                writer.transport, asyncio.Transport
            ) and writer.is_closing() else writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()
        left = list(tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.sleep(0)  # lets the transports that were aborted close their sockets
        await server.wait_closed()


def saying(*pieces: bytes) -> Script:
    """Answer with these very bytes, and close."""

    async def script(talk: Talk) -> None:
        for piece in pieces:
            await talk.send(piece)

    return script


def answer(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    """Return a sound answer; header names take `_` for `-`."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def echoing() -> Script:
    """Answer with the request's own head."""

    async def script(talk: Talk) -> None:
        await talk.send(answer(talk.head, content_type="text/plain"))

    return script


def endless_body(total: int = 200 * 1024 * 1024, *, announced: bool = False) -> Script:
    """Stream a body of that many bytes, for as long as somebody takes it."""

    async def script(talk: Talk) -> None:
        length = f"Content-Length: {total}\r\n" if announced else ""
        await talk.send(f"HTTP/1.1 200 OK\r\n{length}\r\n".encode())
        for _ in range(total // 65536):
            await talk.send(b"x" * 65536)

    return script


def endless_headers() -> Script:
    async def script(talk: Talk) -> None:
        await talk.send(b"HTTP/1.1 200 OK\r\n")
        while True:
            await talk.send(b"X-More: " + b"y" * 1000 + b"\r\n")

    return script


def one_endless_header() -> Script:
    async def script(talk: Talk) -> None:
        await talk.send(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while True:
            await talk.send(b"y" * 65536)

    return script


def trickling(body: bytes, pause_s: float) -> Script:
    """Send the body one byte at a time."""

    async def script(talk: Talk) -> None:
        await talk.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        for byte in body:
            await talk.send(bytes([byte]))
            await asyncio.sleep(pause_s)

    return script


def silent() -> Script:
    """Say nothing until the client goes away."""

    async def script(talk: Talk) -> None:
        await talk.reader.read()

    return script


def bomb(unpacked: int) -> bytes:
    """Return an answer whose small body unpacks to that many bytes."""
    return answer(gzip.compress(bytes(unpacked)), content_encoding="gzip")
