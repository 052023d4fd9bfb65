"""This file is for the wire itself: one fresh connection, one request, one answer. It knows neither httpx nor targets."""

from __future__ import annotations

import asyncio
import ssl
from time import perf_counter
from typing import cast

from probes.net.flight import Flight, Phase
from probes.net.reading import Reading, Reply


class Wire(asyncio.Protocol):
    """One connection for one exchange; the ends of its phases are noted in the flight.

    TLS runs through memory buffers here and not through asyncio's own layer: that halves its cost
    and leaves the instant of the handshake's end to be seen.
    """

    def __init__(self, flight: Flight, reading: Reading, context: ssl.SSLContext | None = None, server_name: str = "") -> None:
        self._flight = flight
        self._reading = reading
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._ready = context is None  # to send the request
        self.tls: ssl.SSLObject | None = None
        if context is not None:
            self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)

    async def open(self) -> None:
        """Connect to the flight's address, and shake hands. Raises: WireTrouble, ssl.SSLError."""
        self._flight.phase = Phase.CONNECT
        try:
            await asyncio.get_running_loop().create_connection(lambda: self, self._flight.address, self._flight.port)
        except OSError as problem:
            raise self._flight.trouble(why_not(self._flight, problem)) from problem
        if not self._ready:
            await self._wait()
        if self._reading.finished:
            self._reading.reply()  # raises what stopped the handshake

    async def ask(self, request: bytes) -> Reply:
        """Send the request and return the whole answer. Raises: WireTrouble."""
        assert self._transport is not None
        self._flight.phase = Phase.FIRST_BYTE
        if self.tls is not None:
            self.tls.write(request)
            self._flush()
        else:
            self._transport.write(request)
        if not self._reading.finished:
            await self._wait()
        return self._reading.reply()

    def close(self) -> None:
        """Drop the connection at once, and what was read; nothing more is read or written."""
        self._reading.drop()
        if self._transport is not None:
            self._transport.abort()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._flight.connected = perf_counter()
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(0)  # so that a request which the target does not take is seen
        if self.tls is not None:
            self._flight.phase = Phase.TLS
            self._shake_hands()

    def pause_writing(self) -> None:
        if self._flight.phase is Phase.FIRST_BYTE:
            self._flight.phase = Phase.SEND

    def resume_writing(self) -> None:
        if self._flight.phase is Phase.SEND:
            self._flight.phase = Phase.FIRST_BYTE

    def data_received(self, data: bytes) -> None:
        if self._reading.finished:
            return
        if self.tls is None:
            self._reading.feed(data)
        else:
            self._incoming.write(data)
            if not self._ready:
                self._shake_hands()
            if self._ready:
                self._read_tls()
        self._wake()

    def eof_received(self) -> bool:
        self._ended(None)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended(exc)

    # TLS

    def _shake_hands(self) -> None:
        assert self.tls is not None
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return
        except ssl.SSLError as problem:
            self._flush()  # the alert that tells the other side why
            self._reading.stop(problem)
            return
        self._flush()
        self._ready = True
        self._flight.secured = perf_counter()

    def _read_tls(self) -> None:
        assert self.tls is not None
        try:
            while not self._reading.finished and (plain := self.tls.read(65536)):
                self._reading.feed(plain)
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLZeroReturnError:
            self._ended(None)
        except ssl.SSLError as problem:
            reason = (problem.reason or str(problem)).replace("_", " ").lower()
            self._reading.stop(self._flight.trouble(f"{self._flight.target} broke off the TLS connection: {reason}"))

    def _flush(self) -> None:
        if self._outgoing.pending and self._transport is not None:
            self._transport.write(self._outgoing.read())

    # Endings

    def _ended(self, exc: Exception | None) -> None:
        flight = self._flight
        if not self._reading.finished:
            if self._ready:
                self._reading.ended(exc)
            else:
                self._reading.stop(flight.trouble(why_no_handshake(flight, exc)))
        self._wake()

    def _wake(self) -> None:
        """Let whoever waits go on when there is something to go on with: a handshake done, or all over."""
        waiter = self._waiter
        if waiter is None or waiter.done():
            return
        if self._reading.finished or (self._ready and self._flight.phase is Phase.TLS):
            waiter.set_result(None)

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None


def why_not(flight: Flight, problem: OSError) -> str:
    """Return the sentence for a connection that did not come about."""
    if isinstance(problem, ConnectionRefusedError):
        return f"{flight.target} refused the connection at {flight.where} ({flight.request})"
    reason = (problem.strerror or str(problem)).lower()
    return f"{flight.target} could not be reached at {flight.where} ({flight.request}): {reason}"


def why_no_handshake(flight: Flight, problem: Exception | None) -> str:
    """Return the sentence for a TLS handshake that the other side ended."""
    how = "connection reset" if isinstance(problem, ConnectionResetError) else "connection closed"
    return f"{flight.target} broke off the TLS handshake at {flight.where} ({flight.request}): {how}"
