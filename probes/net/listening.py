"""This file is for listening: places of ours that targets send log lines to, open once for all who read from them."""

from __future__ import annotations

import asyncio
import ipaddress
import weakref
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator

from probes.evidence.source import EvidenceError, LogLine, LogWindow
from probes.net.egress import is_address

_NOTES = 100  # remarks that are kept
_PLACES = 1000  # senders whose lines are numbered
_ENTRY_BYTES = 200  # what keeping a line costs beside its text
_MOST_PEERS = 64  # connections at once


def _listen_address(value: str) -> str:
    host, port = split_address(value)
    if host != "localhost" and not is_address(host):
        raise ValueError("should be an address of this machine and a port, such as 127.0.0.1:5514; a name is not listened at")
    if not 1 <= port <= 65535:
        raise ValueError("should end with a port from 1 to 65535, such as 127.0.0.1:5514")
    return value


def _network(value: str) -> str:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise ValueError(f"'{value}' is neither an address nor a network such as 10.0.0.0/8") from None
    return value


ListenAddress = Annotated[str, AfterValidator(_listen_address)]
Network = Annotated[str, AfterValidator(_network)]


def split_address(address: str) -> tuple[str, int]:
    """Return host and port of `127.0.0.1:5514` or `[::1]:5514`; port 0 where there is none."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port) if port.isascii() and port.isdigit() and len(port) < 6 else 0


@dataclass(frozen=True, slots=True)
class SinkMark:
    """A place in what a sink received: so many lines and remarks came before."""

    sink: Sink
    lines: int
    notes: int


class Received:
    """What was received, the oldest thrown away where it is more than `max_bytes`."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lines: deque[LogLine] = deque()
        self._notes: deque[tuple[str, bool]] = deque(maxlen=_NOTES)
        self._numbers: Counter[str] = Counter()
        self._bytes = 0
        self.lines = 0  # all that ever came
        self.notes = 0

    def add(self, text: str, where: str, *, damaged: bool = False) -> None:
        number = 0
        if where in self._numbers or len(self._numbers) < _PLACES:
            self._numbers[where] += 1
            number = self._numbers[where]
        self.lines += 1
        self._lines.append(LogLine(text, where, number, damaged))
        self._bytes += len(text) + _ENTRY_BYTES
        while self._bytes > self._max_bytes:
            self._bytes -= len(self._lines.popleft().text) + _ENTRY_BYTES

    def note(self, remark: str, *, doubt: bool) -> None:
        """Keep a remark; with `doubt`, something was not received, so that nothing can be cleared."""
        if doubt or not self._notes or self._notes[-1] != (remark, doubt):  # a doubt counts again for a younger mark
            self.notes += 1
            self._notes.append((remark, doubt))

    def since(self, lines: int, notes: int) -> tuple[tuple[LogLine, ...], bool, list[str]]:
        """Return the lines after a place, whether something is missing, and the remarks."""
        fresh, kept = self.lines - lines, len(self._lines)
        remarks, cut_short = [], fresh > kept
        if cut_short:
            remarks.append(f"more than {self._max_bytes} bytes were received; the oldest {fresh - kept} lines were thrown away")
        told = self.notes - notes
        for remark, doubt in list(self._notes)[-told:] if told else ():
            remarks.append(remark)
            cut_short = cut_short or doubt
        wanted = min(fresh, kept)
        return (tuple(self._lines)[-wanted:] if wanted else ()), cut_short, list(dict.fromkeys(remarks))


class Sink(ABC):
    """One place that is listened at. It is open from the first mark until its event loop ends."""

    def __init__(self, called: str, address: str, peers: Sequence[str], max_bytes: int) -> None:
        self.called, self.address = called, address
        self.host, self.port = split_address(address)
        self.received = Received(max_bytes)
        self.closed = False
        self._peers = [ipaddress.ip_network(peer, strict=False) for peer in peers]
        self._connections: set[asyncio.Transport] = set()

    @abstractmethod
    async def open(self) -> None:
        """Listen. Raises: OSError where the address cannot be had; what was opened before is closed by `close`."""

    async def close(self) -> None:
        self.closed = True
        for transport in list(self._connections):
            transport.abort()
        await asyncio.sleep(0)  # transports close with the loop's next turn

    def place(self) -> SinkMark:
        return SinkMark(self, self.received.lines, self.received.notes)

    def read_since(self, mark: SinkMark) -> LogWindow:
        """Return what was received since. Raises: EvidenceError where the mark is of a sink that was closed."""
        if mark.sink is not self:
            raise EvidenceError(f"the {self.called} was closed and opened again meanwhile, so what was sent to it may be lost")
        lines, cut_short, remarks = self.received.since(mark.lines, mark.notes)
        return LogWindow(lines, self.place(), cut_short, tuple(remarks))

    def admits(self, peer: str) -> bool:
        """Say whether a peer may send, and note it where not."""
        address = ipaddress.ip_address(peer.partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        if not self._peers or any(address.version == net.version and address in net for net in self._peers):
            return True
        self.received.note(f"what {address} sent to the {self.called} was refused ('peers')", doubt=False)
        return False

    def connected(self, transport: asyncio.Transport) -> bool:
        """Take a connection in, or refuse it."""
        peer = transport.get_extra_info("peername")
        if len(self._connections) >= _MOST_PEERS:
            self.received.note(
                f"more than {_MOST_PEERS} connections to the {self.called} were open; others were refused", doubt=True
            )
        elif peer is not None and self.admits(peer[0]):
            self._connections.add(transport)
            return True
        transport.abort()
        return False

    def disconnected(self, transport: asyncio.Transport) -> None:
        self._connections.discard(transport)


AnySink = TypeVar("AnySink", bound=Sink)


class _Places:
    """What is open in one event loop, and the generator whose end closes it: `asyncio.run` ends generators before the loop."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.sinks: dict[str, tuple[Any, Sink]] = {}
        self.keeper: AsyncGenerator[None, None] | None = None


# By event loop: a sink serves every scenario of a process, and what it opened must be closed before its loop is.
_OPEN: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Places] = weakref.WeakKeyDictionary()


async def shared(address: str, keys: object, make: Callable[[], AnySink]) -> AnySink:
    """Return the sink that is open at an address, or open one. Raises: EvidenceError where it cannot be had."""
    places = _OPEN.setdefault(asyncio.get_running_loop(), _Places())
    async with places.lock:
        if places.keeper is None:
            places.keeper = _until_the_loop_ends(places)
            await anext(places.keeper)
        if address in places.sinks:
            before, sink = places.sinks[address]
            if before != keys:
                raise EvidenceError(f"two sinks with different keys listen at {address}; give both the same, or another port")
            return sink  # type: ignore[return-value]  # the same keys are those of the same kind
        made = make()
        try:
            await made.open()
        except OSError as problem:
            await made.close()
            reason = (problem.strerror or str(problem)).lower()
            raise EvidenceError(f"the {made.called} could not be opened: {reason}") from problem
        places.sinks[address] = (keys, made)
        return made


async def close_all() -> None:
    """Close what is open in this event loop before it ends."""
    places = _OPEN.pop(asyncio.get_running_loop(), None)
    if places is not None and places.keeper is not None:
        await places.keeper.aclose()


async def _until_the_loop_ends(places: _Places) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        _OPEN.pop(asyncio.get_running_loop(), None)
        for _, sink in places.sinks.values():
            await sink.close()
