"""This file is for the page that Prometheus reads: told of every tick, and written piece by piece so that probing goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

from reports.board import Board
from reports.line import Line
from reports.metrics.counting import Series
from reports.metrics.families import FAMILIES, Block
from reports.metrics.gates import GateLines
from reports.metrics.labels import pairs
from reports.metrics.limit import Limit
from reports.metrics.names import LATENESS, SERIES_LABELS
from reports.metrics.own import Own, Sources, length_of_page
from reports.metrics.process import Process
from scenarios.watch.events import Missed, SeriesKey, Tick, Trigger, WatchEvent

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
RECENT_S = 300.0  # an answer that was asked for longer ago, such as one that waited on disk, is no sign of life

_BLOCK = 500  # series in one piece: a few milliseconds of work
_YIELD_EVERY = 200  # series that are named anew without letting others have a turn


def utc_now() -> datetime:
    return datetime.now(UTC)


class Exposition:
    """A WatchSink that counts for Prometheus. It is to be told after the board, whose lines it shows.

    `sources` is to be set to where the figures of scheduling and storing come from, `acknowledged` to be handed to the
    store's sink. Everything else belongs to the event loop's thread.
    """

    def __init__(
        self, board: Board, *, max_series: int = 200_000, version: str = "", clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._board = board
        self._clock = clock
        self._own = Own(version, reload_at=clock())
        self._process = Process()
        self.gates = GateLines()
        self._limit = Limit(max_series)
        self._series: dict[SeriesKey, Series] = {}
        self._blocks: list[Block] = []
        self._revision = -1
        self._syncing = asyncio.Lock()

    # What it is told

    @property
    def sources(self) -> Sources:
        return self._own.sources

    def take_watched(self, event: WatchEvent) -> None:
        if isinstance(event, Tick):
            self._take_tick(event)
        elif isinstance(event, Missed):
            self._own.missed[event.reason] += event.ticks

    def acknowledged(self, key: SeriesKey, started_at: datetime) -> None:
        """Take note that an answer is stored for good. May be called on any one thread."""
        if abs((self._clock() - started_at).total_seconds()) < RECENT_S:
            self._own.beats += 1

    def reloaded(self, *, ok: bool, at: datetime) -> None:
        """Take note of how a reload went."""
        self._own.reload_ok = ok
        if ok:
            self._own.reload_at = at

    def deployed(self, suite: str, target: str, version: str, at: datetime) -> None:
        """Take note of the version that a target has now."""
        self._own.deploys[suite, target] = (version, at)

    def _take_tick(self, tick: Tick) -> None:
        one = self._series.get(tick.key)
        if one is None:
            line = self._board.line(tick.key)
            if line is None:
                return  # a late answer about what is watched no longer
            one = self._series[tick.key] = Series(line)
            self._limit.admit(one)
            self._revision = -1
        outcome = tick.outcome
        for name in one.count(outcome, in_maintenance=bool(tick.maintenance)):
            self._limit.count_check(one, name)
        if tick.trigger is Trigger.SCHEDULE:
            self._own.lateness.observe(LATENESS, max(0.0, tick.lateness_s))
        if outcome.exchanges:
            subject = one.line.subject
            self._own.count_phases(subject.suite, subject.target, outcome.exchanges)

    # What it tells

    async def pieces(self, *, openmetrics: bool = False) -> AsyncIterator[bytes]:
        """Yield the page in pieces of a few milliseconds' work each; between them others have their turn."""
        await self._sync()
        self._board.sweep()  # so that what is no longer asked does not look good for one more page
        blocks, minute, lines = self._blocks, self._board.minute(), 0
        for block in blocks:
            block.look(minute)
            await asyncio.sleep(0)
        for family in FAMILIES:
            header = family.metric.header(openmetrics=openmetrics)
            for block in blocks:
                text = block.text(family, minute)
                if text:
                    lines += text.count("\n")
                    yield (header + text).encode()
                    header = ""
                await asyncio.sleep(0)
        own, gates = self._own.families(self._board), self.gates.families(self._clock())
        for metric, text in (*gates, *own, *length_of_page(lines, self._limit)):
            if text:
                yield (metric.header(openmetrics=openmetrics) + text).encode()
        yield self._process.text(openmetrics=openmetrics)
        if openmetrics:
            yield b"# EOF\n"

    async def render(self, write: Callable[[bytes], Awaitable[None]], *, openmetrics: bool = False) -> None:
        """Hand the page to `write`, piece by piece."""
        async for piece in self.pieces(openmetrics=openmetrics):
            await write(piece)

    async def text(self, *, openmetrics: bool = False) -> bytes:
        """Return the whole page."""
        return b"".join([piece async for piece in self.pieces(openmetrics=openmetrics)])

    async def _sync(self) -> None:
        """Show what the board has and nothing else: what is watched no longer is gone from the next page on."""
        async with self._syncing:
            while self._revision != self._board.revision:
                revision = self._board.revision
                series = await self._named(list(self._board.lines()))
                if revision == self._board.revision:
                    self._take_over(series)
                    self._revision = revision

    async def _named(self, lines: list[Line]) -> dict[SeriesKey, Series]:
        """Return the series of these lines, each with its labels; what was counted of them goes on."""
        series: dict[SeriesKey, Series] = {}
        taken: set[str] = set()
        for number, line in enumerate(lines):
            one = self._series.get(line.key)
            if one is None or one.line is not line:
                one = self._series[line.key] = Series(line)
                self._limit.admit(one)
            one.name(_labels(line, taken))
            series[line.key] = one
            if number % _YIELD_EVERY == 0:
                await asyncio.sleep(0)
        return series

    def _take_over(self, series: dict[SeriesKey, Series]) -> None:
        self._series = series
        self._own.keep_only({(one.line.subject.suite, one.line.subject.target) for one in series.values()})
        self._limit.share(series.values())
        shown = [one for one in series.values() if one.shows_any]
        self._blocks = [Block(shown[start : start + _BLOCK]) for start in range(0, len(shown), _BLOCK)]


def _labels(line: Line, taken: set[str]) -> str:
    """Return the labels of a series. Two that look the same without their secrets, or cut off, stay apart by their slug."""
    subject = line.subject
    values = [subject.suite, subject.scenario, subject.target, line.key.location]
    made = pairs(SERIES_LABELS, values)
    if made in taken:
        values[1] = f"{subject.scenario[:180]} ({line.slug})"
        made = pairs(SERIES_LABELS, values)
    taken.add(made)
    return made
