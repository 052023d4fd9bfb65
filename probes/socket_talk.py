"""This file is for talking over a web socket: the handshake and the frames of RFC 6455, over a connection that was reached."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from probes.net.building import Built
from probes.net.flight import WireTrouble
from probes.net.reach import Reached, tls_for

if TYPE_CHECKING:
    from probes.session import Session

_NOT_SENT = frozenset({"host", "connection", "content-length", "accept", "accept-encoding"})  # the handshake has its own
_BYE_S = 1.0


class NoExtra(Exception):
    """The library is not installed. The text is one sentence."""


class Refused(Exception):
    """The handshake did not end in a web socket. `why` reads after the target's name: `answered 403`."""

    def __init__(self, why: str, status: int | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.status = status


class Closed(Exception):
    """The other side ended the talk. `code` is None where it just hung up. Source: RFC 6455 section 7.4."""

    def __init__(self, code: int | None, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason

    def __str__(self) -> str:
        if self.code is None:
            return "it hung up without a word"
        return f"it closed with code {self.code}" + (f" ('{self.reason[:80]}')" if self.reason else "")


@dataclass(slots=True)
class Talk:
    """One open web socket. `heard` are the messages in order, text as str and binary as bytes."""

    reached: Reached
    protocol: Any
    subprotocol: str | None
    heard: list[str | bytes] = field(default_factory=list)
    _waiting: deque[str | bytes] = field(default_factory=deque)
    _pieces: list[bytes] = field(default_factory=list)
    _is_text: bool = True
    pongs: list[bytes] = field(default_factory=list)
    _over: Closed | None = None

    async def send(self, message: str | bytes) -> None:
        """Send one message. Raises: Closed, WireTrouble."""
        self._must_be_open()
        if isinstance(message, str):
            self.protocol.send_text(message.encode("utf-8", "surrogateescape"))
        else:
            self.protocol.send_binary(message)
        await self._flush()

    async def hear(self) -> str | bytes:
        """Return the next message, however long it takes. Raises: Closed, WireTrouble."""
        while not self._waiting:
            await self._more()
        message = self._waiting.popleft()
        self.heard.append(message)
        return message

    async def ping(self, payload: bytes) -> None:
        """Wait for the pong that belongs to a ping. Raises: Closed, WireTrouble. Source: RFC 6455 section 5.5.3."""
        self._must_be_open()
        self.protocol.send_ping(payload)
        await self._flush()
        while payload not in self.pongs:
            await self._more()

    async def closed(self) -> Closed:
        """Return how the other side ended, however long it takes; messages before it are let pass."""
        try:
            while True:
                await self.hear()
        except Closed as end:
            return end

    async def _more(self) -> None:
        self._must_be_open()
        data = await self.reached.read()
        if data:
            self.protocol.receive_data(data)
        else:
            self.protocol.receive_eof()
        for event in self.protocol.events_received():
            self._take(event)
        await self._flush()  # pongs, and our half of a close
        if not data and self._over is None:
            self._over = self._ending()

    def _take(self, frame: Any) -> None:
        opcode = frame.opcode.name
        if opcode == "PONG":
            self.pongs = [*self.pongs[-9:], bytes(frame.data)]
        if opcode not in ("TEXT", "BINARY", "CONT"):
            return
        if opcode != "CONT":
            self._is_text, self._pieces = opcode == "TEXT", []
        self._pieces.append(bytes(frame.data))
        if frame.fin:
            whole = b"".join(self._pieces)
            self._waiting.append(self._text(whole) if self._is_text else whole)

    def _text(self, raw: bytes) -> str:
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:  # RFC 6455 section 8.1
            self.protocol.fail(1007, "it sent text that is no UTF-8")
            return raw.decode("utf-8", "replace")

    def _ending(self) -> Closed:
        got, sent = self.protocol.close_rcvd, self.protocol.close_sent
        if got is not None:
            return Closed(int(got.code), str(got.reason))
        return Closed(None) if sent is None else Closed(int(sent.code), f"we had to end it: {sent.reason}")

    @property
    def is_open(self) -> bool:
        return self._over is None and self.protocol.state.name == "OPEN"

    def _must_be_open(self) -> None:
        """Raises: Closed, once the other side has ended the talk, or we had to."""
        if not self.is_open:
            self._over = self._over or self._ending()
            raise self._over

    async def _flush(self) -> None:
        data = b"".join(self.protocol.data_to_send())
        if data and not self.reached.writer.is_closing():
            await self.reached.send(data)

    async def bye(self) -> None:
        """Say good-bye politely, and do not wait for long."""
        if self.is_open:
            self.protocol.send_close(1000)
            await self._flush()


@asynccontextmanager
async def talking(
    session: Session, built: Built, *, subprotocols: Sequence[str], origin: str | None, max_bytes: int, within_s: float
) -> AsyncIterator[Talk]:
    """Open a web socket for the block. Raises: Refused, NoExtra, TargetError, NotSent; inside also Closed, WireTrouble."""
    parts = urlsplit(str(built.request.url))
    secure = parts.scheme == "https"
    tls = tls_for(session.target, str(parts.hostname), built.port) if secure else None
    name = f"WEBSOCKET {parts.path or '/'}"
    scheme = "wss" if secure else "ws"
    async with session.connect(
        str(parts.hostname), built.port, tls=tls, scheme=scheme, request=name, correlation_id=built.correlation_id
    ) as reached:
        async with reached.within(within_s):
            talk = await _handshake(reached, built, subprotocols, origin, max_bytes)
        reached.status = 101
        yield talk
        with contextlib.suppress(WireTrouble):  # who has gone already need not be told
            async with reached.within(_BYE_S):
                await talk.bye()


async def _handshake(reached: Reached, built: Built, subprotocols: Sequence[str], origin: str | None, max_bytes: int) -> Talk:
    try:
        from websockets.client import ClientProtocol
        from websockets.uri import parse_uri
    except ImportError as problem:
        raise NoExtra("the kind 'websocket' needs the extra 'websocket': pip install 'vedette[websocket]'") from problem
    address = "ws" + str(built.request.url).removeprefix("http")
    protocol = ClientProtocol(parse_uri(address), origin=origin, subprotocols=list(subprotocols) or None, max_size=max_bytes)  # type: ignore[arg-type]  # its names for texts
    request = protocol.connect()
    for raw_name, value in built.request.headers:
        if (name := raw_name.decode("ascii")).lower() not in _NOT_SENT:
            request.headers[name] = value.decode("latin-1")
    protocol.send_request(request)
    await reached.send(b"".join(protocol.data_to_send()))
    talk = Talk(reached, protocol, None)
    while True:
        data = await reached.read()
        if data:
            protocol.receive_data(data)
        else:
            protocol.receive_eof()
        events = protocol.events_received()
        if protocol.handshake_exc is not None:
            status = getattr(getattr(protocol.handshake_exc, "response", None), "status_code", None)
            reached.status = status
            raise Refused(_why(protocol.handshake_exc), status)
        if events:
            talk.subprotocol = protocol.subprotocol
            for event in events[1:]:  # the first one is the answer itself
                talk._take(event)
            return talk
        if not data:
            raise Refused("hung up before the handshake was done")


def _why(problem: Any) -> str:
    """Return what is wrong with the answer to the handshake, after the target's name. Source: RFC 6455 section 4.1."""
    kind = type(problem).__name__
    if kind == "InvalidStatus":
        answer = problem.response
        if 300 <= answer.status_code < 400:
            return (
                f"answered {answer.status_code} and leads to '{str(answer.headers.get('Location', '')).partition('?')[0][:80]}'"
            )
        html = "html" in str(answer.headers.get("Content-Type", "")).lower()
        return f"answered {answer.status_code}{' with an HTML page' if html else ''} instead of opening the web socket"
    if kind == "InvalidUpgrade":
        return "answered 101 without 'Upgrade: websocket', so a proxy on the way does not pass web sockets on"
    if "Sec-WebSocket-Accept" in str(problem):
        return "answered with a Sec-WebSocket-Accept that does not belong to our key, so a cache or a stub answers"
    if kind == "NegotiationError" or "Subprotocol" in str(problem) or "Sec-WebSocket-Protocol" in str(problem):
        return f"chose a subprotocol that was not offered ({problem})"
    if kind == "InvalidMessage":
        return "did not answer in HTTP"
    return f"broke the handshake: {problem}"
