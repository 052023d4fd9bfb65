"""This file is for the wire: a small HTTP/1.1 server over asyncio streams, one handler for all requests."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote

import httptools

MAX_BODY_BYTES = 1024 * 1024
MAX_HEADER_BYTES = 64 * 1024
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came; header names are lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    peer: str  # address and port of the caller's end of the connection

    def fields(self) -> dict[str, Any]:
        """Return the body's fields, from JSON or a form. As curl does, JSON may come labelled as a form.

        Raises: ValueError when it is neither, or holds what cannot be worked with; the cause tells what.
        """
        text = self.body.decode("utf-8")
        if text.lstrip().startswith("{"):
            return _object(text)
        if "json" in self.headers.get("content-type", ""):
            raise ValueError("the body is not a JSON object")
        return dict(parse_qsl(text, keep_blank_values=True))


def _object(text: str) -> dict[str, Any]:
    """Return a JSON object. One that is nested too deep, or holds half of a surrogate pair, could not be written again."""
    try:
        found = dict(json.loads(text))
        json.dumps(found, ensure_ascii=False).encode("utf-8")
    except (RecursionError, UnicodeEncodeError) as trouble:
        raise ValueError("the body holds what cannot be worked with") from trouble
    return found


@dataclass(frozen=True, slots=True)
class Response:
    """One answer. `cut` sends less than was promised and hangs up, as a dying worker does."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def with_headers(self, more: Mapping[str, str]) -> Response:
        return Response(self.status, self.body, {**self.headers, **more}, self.cut)


def json_response(status: int, data: Any, headers: Mapping[str, str] | None = None) -> Response:
    body = json.dumps(data, ensure_ascii=False).encode()
    return Response(status, body, {"Content-Type": "application/json", **(headers or {})})


def html_response(status: int, text: str) -> Response:
    return Response(status, text.encode(), {"Content-Type": "text/html; charset=utf-8"})


Handler = Callable[[Request], Awaitable[Response]]


class HttpServer:
    """Serves one handler on a loopback port. Connections live until the caller or `stop` ends them."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Begin to listen and return the port."""
        self._server = await asyncio.start_server(self._serve, host, port, backlog=512)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and end every connection."""
        if self._server is not None:
            self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await _Connection(self._handler, reader, writer).run()
        except (ConnectionError, httptools.HttpParserError, asyncio.CancelledError):
            pass  # the caller went away, spoke nonsense, or we are being stopped: in each case this connection is over
        finally:
            self._connections.discard(task)
            writer.close()
            with suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()


class _Connection:
    """One connection: requests are read by httptools' callbacks and answered one after another."""

    def __init__(self, handler: Handler, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._handler = handler
        self._reader = reader
        self._writer = writer
        host, port = writer.get_extra_info("peername")[:2]
        self._peer = f"{host}:{port}"
        self._parser = httptools.HttpRequestParser(self)
        self._ready: deque[Request] = deque()
        self._keep_alive = True
        self._begin()

    async def run(self) -> None:
        while self._keep_alive:
            data = await self._reader.read(_CHUNK)
            if not data:
                return
            self._parser.feed_data(data)
            if self._too_big():
                await self._write(json_response(413, {"error": "payload_too_large"}), keep_alive=False)
                return
            while self._ready:
                request = self._ready.popleft()
                response = await self._handler(request)
                await self._write(response, keep_alive=self._keep_alive and not response.cut)

    # the names that httptools calls
    def on_message_begin(self) -> None:
        self._begin()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        path, _, query = self._url.decode("latin-1").partition("?")
        method = self._parser.get_method().decode("ascii")
        self._keep_alive = bool(self._parser.should_keep_alive())
        self._ready.append(Request(method, unquote(path), query, self._headers, bytes(self._body), self._peer))

    def _begin(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._header_bytes = 0
        self._body = bytearray()

    def _too_big(self) -> bool:
        return len(self._body) > MAX_BODY_BYTES or self._header_bytes > MAX_HEADER_BYTES

    async def _write(self, response: Response, *, keep_alive: bool) -> None:
        reason = HTTPStatus(response.status).phrase
        headers = {
            "Server": "askpro-reference",
            **response.headers,
            "Content-Length": str(len(response.body)),
            "Connection": "keep-alive" if keep_alive else "close",
        }
        lines = [f"HTTP/1.1 {response.status} {reason}", *(f"{name}: {value}" for name, value in headers.items())]
        body = response.body[: len(response.body) // 2] if response.cut else response.body
        self._writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
        await self._writer.drain()
        self._keep_alive = keep_alive
