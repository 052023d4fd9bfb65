"""This file is for reading one answer as it comes, bounded in headers and body, and for knowing whether it came whole."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

import httptools

from probes.net.flight import Flight, Phase, WireTrouble
from probes.net.inflate import Body, Unreadable, size

_NO_BODY = frozenset({204, 304})  # RFC 9112 section 6.3


@dataclass(slots=True)
class Reply:
    """An answer as it came; `body` is unpacked, `headers` are in the order of the wire."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    http_version: str


class Reading:
    """Feed it bytes until `finished`; then `reply` returns the answer or raises the trouble.

    The parser's callbacks never raise: they stop the reading, and what still comes is ignored.
    """

    __slots__ = ("_bodiless", "_body", "_body_bytes", "_flight", "_framed", "_header_bytes", "_headers", "_overhead", "_parser",
                 "_reply", "_trouble", "finished")  # fmt: skip

    def __init__(self, flight: Flight, *, header_bytes: int, body_bytes: int, bodiless: bool) -> None:
        self._flight = flight
        self._header_bytes = header_bytes
        self._body_bytes = body_bytes
        self._bodiless = bodiless  # the answer to HEAD
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._overhead = 0  # bytes since the last byte of a body: bounds headers, interim answers, chunk frames, trailers
        self._body: Body | None = None  # there from the end of the headers on
        self._framed = False  # the answer says itself where it ends
        self._reply: Reply | None = None
        self._trouble: Exception | None = None
        self.finished = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        flight, parser = self._flight, self._parser
        assert parser is not None, "nothing is fed after `drop`"
        if flight.first_byte is None:
            flight.first_byte = perf_counter()
            flight.phase = Phase.HEADERS
        self._overhead += len(data)
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.stop(self._switched())
        except httptools.HttpParserError as problem:
            self.stop(flight.trouble(f"the answer to {flight.request} is not valid HTTP ({problem})"))
        if self._overhead > self._header_bytes:
            self.stop(self._too_much_overhead())

    def ended(self, exc: Exception | None) -> None:
        """The connection ended: that is the end of an answer without a length, and else a premature end."""
        if exc is None and self._body is not None and not self._framed:
            self._complete()
            return
        flight = self._flight
        how = "connection reset" if isinstance(exc, ConnectionResetError) else str(exc) if exc else "connection closed"
        if flight.phase is Phase.BODY:
            of = f" of {flight.expected}" if flight.expected is not None else ""
            sentence = f"the answer to {flight.request} stopped after {flight.received}{of} bytes: {how}"
        elif flight.phase is Phase.HEADERS:
            sentence = f"the answer to {flight.request} stopped within its headers: {how}"
        else:
            sentence = f"{flight.target} ended the connection at {flight.where} without an answer to {flight.request}: {how}"
        self.stop(flight.trouble(sentence))

    def stop(self, trouble: Exception) -> None:
        """Stop with this trouble, unless all is over already."""
        if not self.finished:
            self._trouble = trouble
            self.finished = True

    def reply(self) -> Reply:
        """Return the whole answer. Raises: WireTrouble, or whatever stopped the reading."""
        if self._trouble is not None:
            raise self._trouble
        assert self._reply is not None
        return self._reply

    def drop(self) -> None:
        """Let go of what was read. Parser and reading hold each other, so a body would stay until garbage is collected."""
        self.finished = True
        self._parser = self._body = self._reply = self._trouble = None

    # The parser's callbacks

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._body is None and not self.finished:  # trailers are bounded, and not kept
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        status = self._parser.get_status_code()
        if status == 101:
            self.stop(self._switched())
        if self.finished or status < 200:
            return  # an interim answer; the real one follows
        if sum(len(name) + len(value) + 4 for name, value in self._headers) > self._header_bytes:
            self.stop(self._too_much_overhead())
            return
        coding = self._read_framing()
        self._flight.phase = Phase.BODY
        if self._bodiless or status in _NO_BODY:
            self._complete()
            return
        try:
            self._body = Body(coding, self._body_bytes)
        except Unreadable as problem:
            self._stop_reading(problem)
            return
        announced = self._flight.expected or 0
        if announced > self._body_bytes and not coding:
            long = f"a body longer than {size(self._body_bytes)} (limit body_bytes): it announces {announced} bytes"
            self.stop(self._flight.trouble(f"the answer to {self._flight.request} has {long}"))

    def on_body(self, piece: bytes) -> None:
        self._overhead = 0
        if self._body is None or self.finished:
            return
        self._flight.received += len(piece)
        try:
            self._body.feed(piece)
        except Unreadable as problem:
            self._stop_reading(problem)

    def on_message_complete(self) -> None:
        if self._body is None:
            self._headers = []  # an interim answer is over
        elif not self.finished:
            self._complete()

    def _read_framing(self) -> str:
        """Note how the answer says where it ends, and return how its body is packed."""
        codings = []
        for name, value in self._headers:
            key = name.lower()
            if key == b"content-length":
                self._framed = True
                self._flight.expected = int(value) if value.isdigit() else None
            elif key == b"transfer-encoding" and value.lower().endswith(b"chunked"):
                self._framed = True
            elif key == b"content-encoding":
                codings.append(value.decode("latin-1").strip())
        return ", ".join(codings)

    def _complete(self) -> None:
        try:
            body = self._body.end() if self._body is not None else b""
        except Unreadable as problem:
            self._stop_reading(problem)
            return
        assert self._parser is not None
        self._flight.done = perf_counter()
        self._reply = Reply(self._parser.get_status_code(), self._headers, body, self._parser.get_http_version())
        self.finished = True

    def _stop_reading(self, problem: Unreadable) -> None:
        self.stop(self._flight.trouble(f"the answer to {self._flight.request} {problem}"))

    def _switched(self) -> WireTrouble:
        return self._flight.trouble(f"{self._flight.target} switched protocols, which {self._flight.request} did not ask for")

    def _too_much_overhead(self) -> WireTrouble:
        flight, limit = self._flight, f"{size(self._header_bytes)} (limit header_bytes)"
        what = "chunk frames or trailers" if flight.phase is Phase.BODY else "headers"
        return flight.trouble(f"the answer to {flight.request} has {what} longer than {limit}")
