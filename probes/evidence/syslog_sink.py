"""This file is for log lines that a target sends to us by syslog."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys
from typing import Any, Literal, cast

from pydantic import Field, PositiveInt

from probes.evidence.source import LogSource, LogWindow
from probes.net.listening import ListenAddress, Network, Sink, SinkMark, shared
from probes.shorten import shorten
from probes.syslog import Frames, TooLong, understand

_DATAGRAMS = 200  # taken in one turn of the event loop
_ROOM_BYTES = 4 * 1024 * 1024  # asked of the system for datagrams that wait
_OVERFLOWS = 40  # SO_RXQ_OVFL of Linux: how many datagrams were dropped comes with the next one (socket(7))


class SyslogSink(LogSource, source="syslog_sink"):
    """Listens for syslog over UDP and TCP, from the first mark on until the end of the run; configure the target to send there.

    Both forms of messages are understood (RFC 5424, RFC 3164), and both ways to tell them apart in a stream (RFC 6587).
    Sources with the same keys share one sink. The text of a line is the message; with `text: whole` it is a JSON object that
    also holds host, application and structured data, where personal data may stand as well.
    """

    listen: ListenAddress = "127.0.0.1:5514"  # an address of this machine and a port; what is not loopback must be written here
    protocols: frozenset[Literal["udp", "tcp"]] = Field(frozenset({"udp", "tcp"}), min_length=1)  # which of them
    peers: tuple[Network, ...] = ()  # who may send, such as 10.1.0.0/16; default: everybody who can reach the address
    text: Literal["message", "whole"] = "message"  # what a line of evidence is
    max_bytes: PositiveInt = 16 * 1024 * 1024  # kept; more throws the oldest away and makes the window cut short

    def describe(self) -> str:
        return f"syslog sink at {self.listen}"

    async def mark(self) -> SinkMark:
        return (await self._sink()).place()

    async def read_since(self, mark: Any) -> LogWindow:
        return (await self._sink()).read_since(mark)

    async def _sink(self) -> SyslogListener:
        return await shared(self.listen, self, lambda: SyslogListener(self))


class SyslogListener(Sink):
    """One open place for syslog."""

    def __init__(self, keys: SyslogSink) -> None:
        super().__init__(keys.describe(), keys.listen, keys.peers, keys.max_bytes)
        self._keys = keys
        self._server: asyncio.Server | None = None
        self._socket: socket.socket | None = None
        self._dropped = 0

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        host = "127.0.0.1" if self.host == "localhost" else self.host
        if "tcp" in self._keys.protocols:
            self._server = await loop.create_server(lambda: _Stream(self), host, self.port)
        if "udp" in self._keys.protocols:
            self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM_BYTES)
            if sys.platform == "linux":
                self._socket.setsockopt(socket.SOL_SOCKET, _OVERFLOWS, 1)
            self._socket.bind((host, self.port))
            loop.add_reader(self._socket, self._take_datagrams)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
        await super().close()

    def take(self, raw: bytes) -> None:
        """Keep one message."""
        message = understand(raw)
        app = shorten("".join(sign for sign in message.fields.get("app_name", "") if sign.isprintable()), 48)
        where = f"{self.called}, {app}" if app else self.called
        if self._keys.text == "whole":
            self.received.add(json.dumps(message.as_json, ensure_ascii=False), where, damaged=message.damaged)
            return
        self.received.add(message.text, where, damaged=message.damaged)
        if "structured_data" in message.fields:
            remark = f"messages to the {self.called} have structured data that was not read; 'text: whole' reads it"
            self.received.note(remark, doubt=False)

    def _take_datagrams(self) -> None:
        assert self._socket is not None
        for _ in range(_DATAGRAMS):
            try:
                raw, beside, _, peer = self._socket.recvmsg(65_536, 64)
            except BlockingIOError:
                return
            except OSError:  # such as an ICMP error for something that was never sent
                continue
            self._note_dropped(beside)
            if self.admits(peer[0]) and raw.strip(b"\r\n\0"):
                self.take(raw.rstrip(b"\r\n\0"))

    def _note_dropped(self, beside: list[tuple[int, int, bytes]]) -> None:
        """Tell of datagrams that the system had no room for. Its number counts from the opening of the socket."""
        for level, kind, data in beside:
            if (level, kind) != (socket.SOL_SOCKET, _OVERFLOWS) or len(data) < 4:
                continue
            dropped = struct.unpack("@I", data[:4])[0]
            if dropped != self._dropped:
                lost, self._dropped = (dropped - self._dropped) % 2**32, dropped
                self.received.note(f"{lost} datagrams to the {self.called} came too fast and were lost", doubt=True)


class _Stream(asyncio.Protocol):
    """One connection over TCP."""

    def __init__(self, sink: SyslogListener) -> None:
        self._sink, self._frames, self._taken = sink, Frames(), False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._taken = self._sink.connected(self._transport)

    def data_received(self, data: bytes) -> None:
        if not self._taken:
            return
        try:
            for message in self._frames.feed(data):
                self._sink.take(message)
        except TooLong as problem:
            self._taken = False
            self._sink.received.note(f"{problem} to the {self._sink.called}; its connection was closed", doubt=True)
            self._transport.abort()

    def connection_lost(self, problem: Exception | None) -> None:
        self._sink.disconnected(self._transport)
        rest, cut_off = self._frames.end() if self._taken else (b"", False)
        if rest:
            self._sink.take(rest)
        if cut_off and not self._sink.closed:
            self._sink.received.note(f"a connection to the {self._sink.called} ended within a message", doubt=True)
