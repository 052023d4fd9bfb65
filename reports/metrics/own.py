"""This file is for what the service says of itself: is it asking, is it storing, what is running, how long is the page."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from probes.outcome import Exchange
from reports.board import Board
from reports.metrics import names
from reports.metrics.histogram import Histogram, filling, template_of
from reports.metrics.labels import number, pairs
from reports.metrics.limit import Limit
from reports.metrics.names import Metric
from reports.store.watch.answers import PHASES
from scenarios.watch.events import MissedReason

_PHASE_FIELDS = tuple(zip(PHASES, ("dns_s", "connect_s", "tls_s", "first_byte_s", "body_s"), strict=True))
_PHASE = template_of(names.PHASE)
_LATENESS = template_of(names.LATENESS)


class Lane(Protocol):
    """How busy one target is."""

    @property
    def running(self) -> int: ...
    @property
    def waiting(self) -> int: ...


class Scheduling(Protocol):
    """What is asked of the watcher's figures."""

    @property
    def running(self) -> int: ...
    @property
    def waiting(self) -> int: ...
    @property
    def answered(self) -> int: ...
    @property
    def by_target(self) -> Mapping[tuple[str, str], Lane]: ...
    @property
    def overdue_s(self) -> float: ...
    @property
    def left_behind(self) -> int: ...
    @property
    def sink_errors(self) -> int: ...
    @property
    def loop_lag_s(self) -> float: ...
    @property
    def clock_jumps(self) -> int: ...


class Storing(Protocol):
    """What is asked of the figures of the store's sink."""

    @property
    def queued(self) -> int: ...
    @property
    def spooled(self) -> int: ...
    @property
    def spooled_bytes(self) -> int: ...
    @property
    def written(self) -> int: ...
    @property
    def write_errors(self) -> int: ...
    @property
    def lost(self) -> int: ...
    @property
    def shed(self) -> int: ...
    @property
    def healthy(self) -> bool: ...


@dataclass(slots=True)
class Sources:
    """Where figures come from that are read when the page is written; set once the parts are there."""

    scheduling: Callable[[], Scheduling] | None = None
    storing: Callable[[], Storing] | None = None


@dataclass(slots=True)
class Own:
    """What was told of the service itself."""

    version: str
    sources: Sources = field(default_factory=Sources)
    beats: int = 0  # grows on the store's thread
    missed: dict[MissedReason, int] = field(default_factory=lambda: dict.fromkeys(MissedReason, 0))
    lateness: Histogram = field(default_factory=lambda: Histogram(names.LATENESS))
    phases: dict[tuple[str, str], list[Histogram]] = field(default_factory=dict)  # by suite and target
    deploys: dict[tuple[str, str], tuple[str, datetime]] = field(default_factory=dict)
    reload_ok: bool = True
    reload_at: datetime | None = None

    def count_phases(self, suite: str, target: str, exchanges: Iterable[Exchange]) -> None:
        """Count how long each phase of each request took; what did not happen is not counted."""
        kept = self.phases.get((suite, target))
        if kept is None:
            kept = self.phases[suite, target] = [Histogram(names.PHASE) for _ in PHASES]
        for exchange in exchanges:
            phases = exchange.phases
            for histogram, (_, name) in zip(kept, _PHASE_FIELDS, strict=True):
                seconds = getattr(phases, name)
                if seconds is not None:
                    histogram.observe(names.PHASE, seconds)

    def keep_only(self, places: set[tuple[str, str]]) -> None:
        """Forget the suites' targets that are watched no longer."""
        for table in (self.phases, self.deploys):
            for place in [place for place in table if place not in places]:
                del table[place]

    def families(self, board: Board) -> Iterator[tuple[Metric, str]]:
        """Yield each metric with its lines."""
        yield _labelled(names.SCENARIOS, {str(mark): count for mark, count in board.totals().items()})
        yield names.PHASE, "".join(self._phase_lines())
        deploys = sorted(self.deploys.items())
        yield _by_place(names.DEPLOY, {(*place, version): 1 for place, (version, _) in deploys})
        yield _by_place(names.DEPLOY_AT, {place: at.timestamp() for place, (_, at) in deploys})
        yield _bare(names.HEARTBEAT, self.beats)
        yield names.LATENESS, _LATENESS % filling("", self.lateness)
        yield _labelled(names.MISSED, {str(reason): count for reason, count in self.missed.items()})
        yield from self._figures()
        yield _by_place(names.BUILD, {(self.version, platform.python_version()): 1})
        yield _bare(names.RELOAD_OK, int(self.reload_ok))
        if self.reload_at is not None:
            yield _bare(names.RELOAD_AT, self.reload_at.timestamp())

    def _figures(self) -> Iterator[tuple[Metric, str]]:
        if self.sources.scheduling is not None:
            asked = self.sources.scheduling()
            yield _bare(names.ANSWERED, asked.answered)
            yield _bare(names.RUNNING, asked.running)
            yield _bare(names.WAITING, asked.waiting)
            lanes = sorted(asked.by_target.items())
            yield _by_place(names.TARGET_RUNNING, {place: lane.running for place, lane in lanes})
            yield _by_place(names.TARGET_WAITING, {place: lane.waiting for place, lane in lanes})
            yield _bare(names.OVERDUE, asked.overdue_s)
            yield _bare(names.LEFT_BEHIND, asked.left_behind)
            yield _bare(names.SINK_ERRORS, asked.sink_errors)
            yield _bare(names.LOOP_LAG, asked.loop_lag_s)
            yield _bare(names.CLOCK_JUMPS, asked.clock_jumps)
        if self.sources.storing is not None:
            stored = self.sources.storing()
            yield _bare(names.STORE_QUEUE, stored.queued)
            yield _bare(names.STORE_SPOOLED, stored.spooled)
            yield _bare(names.STORE_SPOOLED_BYTES, stored.spooled_bytes)
            yield _bare(names.STORE_WRITTEN, stored.written)
            yield _bare(names.STORE_ERRORS, stored.write_errors)
            yield _bare(names.STORE_LOST, stored.lost)
            yield _bare(names.STORE_SHED, stored.shed)
            yield _bare(names.STORE_HEALTHY, int(stored.healthy))

    def _phase_lines(self) -> Iterator[str]:
        for place, histograms in sorted(self.phases.items()):
            for phase, histogram in zip(PHASES, histograms, strict=True):
                if any(histogram.counts):  # without TLS, say, there is none
                    yield _PHASE % filling(pairs(names.PHASE.labels, (*place, phase)), histogram)


def length_of_page(lines: int, limit: Limit) -> Iterator[tuple[Metric, str]]:
    """Yield what tells how many lines scenarios make, may make, and do not make."""
    yield _bare(names.LINES, lines)
    yield _bare(names.LINES_LIMIT, limit.most)
    yield _labelled(names.LEFT_OUT, {str(what): count for what, count in limit.left_out.items()})


def _bare(metric: Metric, value: float) -> tuple[Metric, str]:
    return metric, f"{metric.name} {number(value)}\n"


def _labelled(metric: Metric, values: Mapping[str, int]) -> tuple[Metric, str]:
    """Return the lines of a metric with one label."""
    label = metric.labels[0]
    return metric, "".join(f'{metric.name}{{{label}="{value}"}} {count}\n' for value, count in values.items())


def _by_place(metric: Metric, values: Mapping[tuple[str, ...], float]) -> tuple[Metric, str]:
    """Return the lines of a metric with several labels, by the labels' values."""
    lines = [f"{metric.name}{{{pairs(metric.labels, place)}}} {number(value)}\n" for place, value in values.items()]
    return metric, "".join(lines)
