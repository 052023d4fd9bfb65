"""This file is for answering HTTP requests that are sent to a sink of ours, each bounded in size."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import cast

import httptools

from probes.net.inflate import Body, Unreadable
from probes.net.listening import Sink

_HEAD_BYTES = 32 * 1024
BODY_BYTES = 8 * 1024 * 1024  # after unpacking


@dataclass(frozen=True, slots=True)
class HttpReply:
    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"


class HttpSink(Sink):
    """A sink that takes HTTP requests."""

    _server: asyncio.Server | None = None

    async def open(self) -> None:
        host = "127.0.0.1" if self.host == "localhost" else self.host
        self._server = await asyncio.get_running_loop().create_server(lambda: _Connection(self), host, self.port)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        await super().close()

    @abstractmethod
    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> HttpReply:
        """Take a request, read to its end, and return the reply."""


@dataclass(slots=True)
class _Asked:
    path: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    head_bytes: int = 0
    body: Body | None = None
    refused: HttpReply | None = None


class _Connection(asyncio.Protocol):
    """One connection: requests are read by httptools' callbacks and answered one after another."""

    def __init__(self, sink: HttpSink) -> None:
        self._sink, self._asked, self._open = sink, _Asked(), False
        self._parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._open = self._sink.connected(self._transport)

    def connection_lost(self, problem: Exception | None) -> None:
        self._open = False
        self._sink.disconnected(self._transport)

    def data_received(self, data: bytes) -> None:
        if not self._open:
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if self._open:
                self._sink.received.note(f"what was sent to the {self._sink.called} is not HTTP, so it was not read", doubt=True)
                self._reply(HttpReply(HTTPStatus.BAD_REQUEST, b"this is not HTTP as RFC 9112 has it\n"), stay=False)

    # the names that httptools calls

    def on_message_begin(self) -> None:
        self._asked = _Asked()

    def on_url(self, url: bytes) -> None:
        self._asked.path += url
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._asked.headers[name.decode("latin-1").lower()] = value.decode("latin-1")
        self._count(len(name) + len(value))

    def on_headers_complete(self) -> None:
        asked = self._asked
        try:
            asked.body = Body(asked.headers.get("content-encoding", ""), BODY_BYTES)
        except Unreadable as problem:
            return self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"the body {problem}")
        if asked.headers.get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return None

    def on_body(self, piece: bytes) -> None:
        if self._asked.body is None or self._asked.refused is not None:
            return
        try:
            self._asked.body.feed(piece)
        except Unreadable as problem:
            long = "limit body_bytes" in str(problem)
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE if long else HTTPStatus.BAD_REQUEST
            self._refuse(status, f"the request {problem}".replace(" (limit body_bytes)", ""))

    def on_message_complete(self) -> None:
        asked, stay = self._asked, self._parser.should_keep_alive()
        if asked.refused is not None or asked.body is None or not self._open:
            return
        try:
            body = asked.body.end()
        except Unreadable as problem:
            self._refuse(HTTPStatus.BAD_REQUEST, f"the request {problem}")
            return
        method, path = self._parser.get_method().decode("ascii"), asked.path.decode("latin-1").partition("?")[0]
        self._reply(self._sink.answer(method, path, asked.headers, body), stay=stay)

    def _count(self, length: int) -> None:
        self._asked.head_bytes += length
        if self._asked.head_bytes > _HEAD_BYTES and self._asked.refused is None:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"the headers are longer than {_HEAD_BYTES} bytes")

    def _refuse(self, status: int, why: str) -> None:
        """Answer at once and close: the rest of what is sent is not read. What was meant to be said is lost, which is told."""
        self._asked.refused = HttpReply(status, f"{why}\n".encode())
        self._sink.received.note(f"a request to the {self._sink.called} was refused: {why}", doubt=True)
        self._reply(self._asked.refused, stay=False)

    def _reply(self, reply: HttpReply, *, stay: bool) -> None:
        if not self._open:
            return
        head = [
            f"HTTP/1.1 {int(reply.status)} {HTTPStatus(reply.status).phrase}",
            f"Content-Type: {reply.content_type}",
            f"Content-Length: {len(reply.body)}",
            f"Connection: {'keep-alive' if stay else 'close'}",
        ]
        self._transport.write("\r\n".join([*head, "", ""]).encode("latin-1") + reply.body)
        if not stay:
            self._open = False
            self._transport.close()
