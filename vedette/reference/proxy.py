"""This file is for a weighted reverse proxy on loopback: it sends a share of the requests to a canary, and counts both sides."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from enum import StrEnum
from random import Random
from urllib.parse import urlsplit

from vedette.reference.kit.metrics import CONTENT_TYPE, Metrics
from vedette.reference.proxy_wire import BadMessage, Head, head_of, pass_body
from vedette.reference.server import HttpServer, Request, Response, json_response

ROUTE_HEADER = "x-route"
METRICS_PATH = "/metrics"
_CONNECT_S = 5.0
_BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Way(StrEnum):
    """Where a request is sent."""

    CANARY = "canary"
    BASELINE = "baseline"


class Proxy:
    """Sends `weight` percent of the requests to the canary, the others to the baseline.

    A request that names its side, by the header `X-Route` or by `cookie`, is sent there. Heads and bodies pass as they
    are, piece by piece. Without `seed` the share is kept exactly, spread evenly; with it, each request is drawn.
    """

    def __init__(self, canary: str, baseline: str, *, weight: float = 0.0, cookie: str = "", seed: int | None = None) -> None:
        self._addresses = {Way.CANARY: _address(canary), Way.BASELINE: _address(baseline)}
        self._cookie = re.compile(rf"(?:^|;\s*){re.escape(cookie)}=(canary|baseline)(?:;|$)") if cookie else None
        self._draw = None if seed is None else Random(seed).random
        self._owed = 0.0  # of a request to the canary
        self._weight = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._metrics = Metrics(())
        self._metrics.add("counter", "proxy_requests_total", "requests passed on", ("side", "chosen"))
        self._metrics.add("counter", "proxy_errors_total", "of these, answered with 5xx, or not whole", ("side", "chosen"))
        for way in Way:
            for chosen in ("weight", "caller"):
                self._metrics.inc("proxy_requests_total", way, chosen, by=0)
                self._metrics.inc("proxy_errors_total", way, chosen, by=0)
        self.turn_to(weight)

    @property
    def weight(self) -> float:
        return self._weight

    def turn_to(self, weight: float) -> None:
        """Give the canary this share, in percent, from the next request on. Raises: ValueError."""
        if not 0 <= weight <= 100:
            raise ValueError(f"a weight is between 0 and 100 percent, not {weight:g}")
        self._weight, self._owed = weight, 0.5

    def counted(self, way: Way, chosen: str = "weight", *, errors: bool = False) -> int:
        """Return how many requests went that way because of the weight, or because the caller chose."""
        return int(self._metrics.value("proxy_errors_total" if errors else "proxy_requests_total", way, chosen))

    @asynccontextmanager
    async def running(self, *, host: str = "127.0.0.1", port: int = 0, metrics_port: int = 0) -> AsyncIterator[tuple[str, str]]:
        """Listen for as long as the context is open, and yield its address and that of its counters."""
        counters = HttpServer(self._exposition)
        server = await asyncio.start_server(self._serve, host, port, backlog=512)
        try:
            counters_at = await counters.start(host, metrics_port)
            yield f"http://{host}:{server.sockets[0].getsockname()[1]}", f"http://{host}:{counters_at}{METRICS_PATH}"
        finally:
            server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await counters.stop()
            await server.wait_closed()

    async def _exposition(self, request: Request) -> Response:
        if request.path != METRICS_PATH:
            return json_response(404, {"error": "not_found"})
        return Response(200, self._metrics.text().encode(), {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await _Caller((reader, writer), self._addresses, self._way, self._told).run()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # one of the ends went away, or we are being stopped: in each case this connection is over
        finally:
            self._tasks.discard(task)
            await _closed(writer)

    def _way(self, head: Head) -> tuple[Way, str]:
        """Return where a request goes, and who chose: the caller or the weight."""
        named = head.fields.get(ROUTE_HEADER, "")
        if self._cookie is not None and named not in set(Way):
            found = self._cookie.search(head.fields.get("cookie", ""))
            named = found.group(1) if found else ""
        if named in set(Way):
            return Way(named), "caller"
        if self._draw is not None:
            return (Way.CANARY if self._draw() * 100 < self._weight else Way.BASELINE), "weight"
        self._owed += self._weight / 100
        if self._owed < 1:
            return Way.BASELINE, "weight"
        self._owed -= 1
        return Way.CANARY, "weight"

    def _told(self, way: Way, chosen: str, status: int) -> None:
        self._metrics.inc("proxy_requests_total", way, chosen)
        if status >= 500 or not status:
            self._metrics.inc("proxy_errors_total", way, chosen)


class _Caller:
    """One caller's connection, with one connection of its own to each side."""

    def __init__(
        self,
        streams: Streams,
        addresses: dict[Way, tuple[str, int]],
        choose: Callable[[Head], tuple[Way, str]],
        told: Callable[[Way, str, int], None],
    ) -> None:
        self._reader, self._writer = streams
        self._addresses = addresses
        self._choose = choose
        self._told = told
        self._sides: dict[Way, Streams] = {}

    async def run(self) -> None:
        try:
            while await self._one():
                pass
        except BadMessage:
            self._writer.write(_BAD_REQUEST)
            await self._writer.drain()
        finally:
            for _, writer in self._sides.values():
                await _closed(writer)

    async def _one(self) -> bool:
        """Pass on one request and its answer; return whether the connection is good for another."""
        head = await head_of(self._reader)
        if head is None:
            return False
        framing = head.framing  # refused before any side sees it
        way, chosen = self._choose(head)
        status = 0
        try:
            status, goes_on = await self._passed_on(head, framing, way)
        finally:
            self._told(way, chosen, status)
        return goes_on and head.keeps_alive

    async def _passed_on(self, head: Head, framing: int, way: Way) -> tuple[int, bool]:
        try:
            reader, writer = await self._side(way)
        except (OSError, TimeoutError):
            self._writer.write(_BAD_GATEWAY)
            await self._writer.drain()
            return 502, False
        writer.write(head.raw)
        sending = asyncio.ensure_future(pass_body(self._reader, writer, framing))
        try:
            answer = await self._answer(reader)
            await pass_body(reader, self._writer, answer.framing_of_answer(head.method))
        finally:
            whole = sending.done() and not sending.cancelled() and sending.exception() is None
            if not whole:  # an answer before the whole body: the rest cannot be told from a next request
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
        return answer.status, whole and answer.keeps_alive and not answer.ends_by_closing(head.method)

    async def _answer(self, reader: asyncio.StreamReader) -> Head:
        """Pass on the answer's head, and those of interim answers before it, and return it."""
        while True:
            answer = await head_of(reader)
            if answer is None:
                raise ConnectionError("the side closed before it answered")
            self._writer.write(answer.raw)
            await self._writer.drain()
            if answer.status >= 200 or answer.status == 101:
                return answer

    async def _side(self, way: Way) -> Streams:
        kept = self._sides.get(way)
        if kept is not None and not kept[0].at_eof() and not kept[1].is_closing():
            return kept
        opened = await asyncio.wait_for(asyncio.open_connection(*self._addresses[way]), _CONNECT_S)
        self._sides[way] = opened
        return opened


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError, asyncio.CancelledError):
        await writer.wait_closed()


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname or not parts.port or parts.path not in ("", "/"):
        raise ValueError(f"a side's address is 'http://HOST:PORT', not '{url}'")
    return parts.hostname, parts.port
