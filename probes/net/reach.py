"""This file is for reaching a port: find the address, judge it, connect to exactly it, shake hands; timed and written down."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import TypedDict, Unpack
from urllib.parse import urlsplit

from probes.net import egress
from probes.net.flight import Flight, Phase, WireTrouble
from probes.net.ledger import Ledger
from probes.net.tls import context_for, why
from probes.net.transport import Transport
from probes.net.trouble import TargetError
from probes.net.wire import why_no_handshake, why_not
from probes.outcome import Exchange, Phases
from probes.target import Target, Tls

Turn = Callable[[], AbstractAsyncContextManager[None]]


class Names(TypedDict, total=False):
    """What one reaching is called."""

    scheme: str  # of the address that is written down; default: tcp
    request: str  # its name in sentences, such as `WEBSOCKET /live`; default: the scheme with host and port
    correlation_id: str  # where one is sent


@dataclass(slots=True, kw_only=True)
class Found:
    """A place that may be talked to, for as long as the `async with` block; what is said there is one exchange."""

    flight: Flight
    url: str
    status: int | None = None  # set it where the protocol has one; it goes into the exchange
    exchange: Exchange | None = None  # as written down, once the block is left

    @property
    def address(self) -> str:
        """The one address to use: judged, and never to be resolved again."""
        return self.flight.address

    @property
    def where(self) -> str:
        """The address and port, as a person would write them."""
        return self.flight.where

    @property
    def phases(self) -> Phases:
        return self.flight.phases()

    def trouble(self, sentence: str) -> WireTrouble:
        """Return what to raise inside the block when the target breaks its protocol; outside it is a TargetError."""
        return self.flight.trouble(sentence)

    @asynccontextmanager
    async def within(self, limit_s: float) -> AsyncIterator[None]:
        """Bound what is waited for inside. Raises: WireTrouble that says in which phase the time was over."""
        limit = asyncio.timeout(limit_s)
        try:
            async with limit:
                yield
        except TimeoutError as problem:
            if limit.expired():
                raise self.flight.too_slow(limit_s) from problem
            raise


@dataclass(slots=True, kw_only=True)
class Reached(Found):
    """A connection that is open for as long as the `async with` block, and dropped at its end."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def ssl_object(self) -> ssl.SSLObject | None:
        found: ssl.SSLObject | None = self.writer.get_extra_info("ssl_object")
        return found

    async def send(self, data: bytes) -> None:
        """Send, and wait until it is taken. Raises: WireTrouble."""
        flight = self.flight
        flight.phase = Phase.SEND
        try:
            self.writer.write(data)
            await self.writer.drain()
        except OSError as problem:
            raise self._broken_off(problem) from problem
        flight.phase = Phase.FIRST_BYTE if flight.first_byte is None else Phase.BODY

    async def read(self, at_most: int = 65536) -> bytes:
        """Return what has come, at least one byte, or nothing where the other side has ended. Raises: WireTrouble."""
        flight = self.flight
        flight.phase = Phase.FIRST_BYTE if flight.first_byte is None else Phase.BODY
        try:
            data = await self.reader.read(at_most)
        except OSError as problem:
            raise self._broken_off(problem) from problem
        if data and flight.first_byte is None:
            flight.first_byte, flight.phase = perf_counter(), Phase.BODY
        flight.received += len(data)
        return data

    def _broken_off(self, problem: OSError) -> WireTrouble:
        how = "connection reset" if isinstance(problem, ConnectionResetError) else str(problem.strerror or problem).lower()
        return self.trouble(f"{self.flight.target} broke off the connection at {self.where} ({self.flight.request}): {how}")


class Reach:
    """Reaches ports for one session: where the egress policy permits, within the target's limits, counted and written down."""

    def __init__(self, target: Target, ledger: Ledger, *, resolve: egress.Resolve = egress.resolve) -> None:
        self._target = target
        self._ledger = ledger
        self._resolve = resolve

    @asynccontextmanager
    async def found(
        self, host: str, port: int, turn: Turn, *, judged: bool = True, **names: Unpack[Names]
    ) -> AsyncIterator[Found]:
        """Find the one address to use and let it through the policy; the block then talks to exactly `found.address`.

        For what brings its own wire, such as gRPC. `judged` is false only for what this machine is told to use anyway, such
        as its own resolver. Raises: TargetError, EgressRefused.
        """
        found = self._start(host, port, **names)
        async with turn(), self._written_down(found):
            await self._find(found.flight, self._transport(Tls()), judged=judged)
            yield found

    @asynccontextmanager
    async def connected(
        self,
        host: str,
        port: int,
        turn: Turn,
        *,
        tls: ssl.SSLContext | Tls | None = None,
        server_name: str = "",
        judged: bool = True,
        **names: Unpack[Names],
    ) -> AsyncIterator[Reached]:
        """Connect within the target's `limits.connect`, and shake hands where `tls` is given; drop the connection at the end.

        `tls` as settings tells dates and names of a certificate that is refused; a context of one's own does not.
        Raises: TargetError, EgressRefused, BadTls.
        """
        found = self._start(host, port, **names)
        async with turn(), self._written_down(found):
            reached = await self._connect(found, tls, server_name, judged=judged)
            try:
                yield reached
            finally:
                found.status = reached.status
                reached.writer.transport.abort()  # a polite end of TLS may take half a minute
                await asyncio.sleep(0)  # lets the transport close its socket
        reached.exchange = found.exchange

    def _start(self, host: str, port: int, scheme: str = "tcp", request: str = "", correlation_id: str = "") -> Found:
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        flight = Flight(self._target.name, request or f"{scheme.upper()} {place}", host, port, correlation_id)
        return Found(flight=flight, url=f"{scheme}://{place}")

    def _transport(self, tls: Tls) -> Transport:
        private, limits = self._target.private_networks, self._target.limits
        return Transport(tls=tls, private_networks=private, limits=limits, resolve=self._resolve)

    @asynccontextmanager
    async def _written_down(self, found: Found) -> AsyncIterator[None]:
        """Keep the flight in the book: in flight, then over; what stopped it by the target's doing is a TargetError."""
        flight, interrupted = found.flight, False
        flight.began = perf_counter()  # not while it waited for its turn
        self._ledger.start(flight)
        trouble = ""
        try:
            yield
        except WireTrouble as problem:
            trouble = str(problem)
            found.exchange = self._record(found, trouble)
            raise TargetError(problem.phase, trouble, found.exchange) from problem
        except asyncio.CancelledError:
            interrupted = True
            raise
        finally:
            self._ledger.land(flight, interrupted=interrupted)
            if not trouble and not interrupted and flight.phase is not Phase.EGRESS:
                found.exchange = self._record(found)

    def _record(self, found: Found, trouble: str = "") -> Exchange:
        flight = found.flight
        flight.done = perf_counter() if flight.first_byte is not None else None
        return self._ledger.record(flight, found.url, status=found.status, body_bytes=flight.received, trouble=trouble)

    async def _find(self, flight: Flight, transport: Transport, *, judged: bool = True) -> None:
        async with self._in_time(flight):
            await transport.find(flight, judged=judged)
        flight.phase = Phase.CONNECT

    async def _connect(self, found: Found, tls: ssl.SSLContext | Tls | None, server_name: str, *, judged: bool) -> Reached:
        flight = found.flight
        settings = tls if isinstance(tls, Tls) else Tls()
        if server_name:
            settings = settings.model_copy(update={"server_name": server_name})
        context = context_for(tls) if isinstance(tls, Tls) else tls
        transport = self._transport(settings)
        async with self._in_time(flight):
            await transport.find(flight, judged=judged)
            flight.phase = Phase.CONNECT
            sock = await _socket_to(flight)
            name = settings.server_name or flight.host
            try:
                reader, writer = await _streams(sock, flight, context, name)
            except ssl.SSLError as problem:
                if isinstance(tls, Tls):
                    raise flight.trouble(await transport.why_no_tls(problem, flight)) from problem
                raise flight.trouble(f"{why(problem, name, None)} ({flight.request} at {flight.where})") from problem
        return Reached(flight=flight, url=found.url, reader=reader, writer=writer)

    @asynccontextmanager
    async def _in_time(self, flight: Flight) -> AsyncIterator[None]:
        limit = asyncio.timeout(self._target.limits.connect)
        try:
            async with limit:
                yield
        except TimeoutError as problem:
            if limit.expired():
                raise flight.too_slow(self._target.limits.connect) from problem
            raise


def tls_for(target: Target, host: str, port: int) -> Tls:
    """Return the target's TLS settings; its client certificate and its special server name go to its own host and port only."""
    home = urlsplit(target.base_url)
    own = (home.hostname, home.port or (443 if home.scheme == "https" else 80)) == (host.lower(), port)
    return target.tls if own else Tls(verify=target.tls.verify, ca_file=target.tls.ca_file)


async def _socket_to(flight: Flight) -> socket.socket:
    """Connect to the flight's address. Raises: WireTrouble."""
    family = socket.AF_INET6 if ":" in flight.address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, (flight.address, flight.port))
    except OSError as problem:
        sock.close()
        raise flight.trouble(why_not(flight, problem)) from problem
    except BaseException:
        sock.close()
        raise
    flight.connected = perf_counter()
    return sock


async def _streams(
    sock: socket.socket, flight: Flight, context: ssl.SSLContext | None, server_name: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return the connection as streams, after the handshake if there is one. Raises: ssl.SSLError, WireTrouble."""
    if context is None:
        return await asyncio.open_connection(sock=sock)
    flight.phase = Phase.TLS
    try:
        streams = await asyncio.open_connection(sock=sock, ssl=context, server_hostname=server_name)
    except ssl.SSLError:
        raise
    except OSError as problem:
        raise flight.trouble(why_no_handshake(flight, problem)) from problem
    flight.secured = perf_counter()
    return streams
