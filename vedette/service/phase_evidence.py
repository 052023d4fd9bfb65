"""This file is for gathering what a phase of a burn-in is judged by: counts from the store, and times nobody watched."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from reports.deployments import Deployment, Phase
from reports.judgement.burn_in import Seen
from reports.store.watch.answers import Counts, Gap
from scenarios.asking import longest_s
from scenarios.watch.events import SeriesKey
from scenarios.watch.series import Watched

FLUSH_S = 10.0  # for what was asked in the phase to be in the store
LONGEST_WAIT_S = 120.0  # after a phase's end, for ticks that began in it
JUMP_S = 5.0  # a clock that is that much ahead of where it should be was set


class History(Protocol):
    """What is read of the store of watching (`WatchHistory`)."""

    def counts_between(self, keys: Sequence[SeriesKey], since: datetime, until: datetime) -> Mapping[SeriesKey, Counts]: ...

    def gaps(self, location: str, since: datetime) -> Sequence[Gap]: ...


class Evidence:
    """Gathers for one location. `flush` blocks until what was told is stored, and returns whether it is."""

    def __init__(self, history: History, location: str, flush: Callable[[float], bool]) -> None:
        self._history = history
        self._location = location
        self._flush = flush

    async def seen(self, deployment: Deployment, phase: Phase, until: datetime, watched: Iterable[Watched]) -> list[Seen] | None:
        """Return what was seen of each scenario; None while some of it is not in the store yet. Raises: StoreError."""
        if not await asyncio.to_thread(self._flush, FLUSH_S):
            return None
        own = watched_of(deployment, watched)
        counts = await asyncio.to_thread(self._history.counts_between, [one.key for one in own], phase.starts_at, until)
        nothing = Counts()
        return [
            Seen(one.scenario.name, one.scenario.severity, counts.get(one.key, nothing), one.scenario.probe.awaits) for one in own
        ]

    async def unwatched_s(self, since: datetime, until: datetime, jumps: Iterable[tuple[datetime, datetime]]) -> float:
        """Return for how long nobody watched between two instants. Raises: StoreError."""
        gaps = await asyncio.to_thread(self._history.gaps, self._location, since)
        return _covered_s([*((gap.from_at, gap.until_at) for gap in gaps), *jumps], since, until)


class ClockWatch:
    """Notices when the clock was set forward: the time that it jumped over was not watched."""

    def __init__(self, clock: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._clock, self._monotonic = clock, monotonic
        self._last = clock(), monotonic()
        self.jumps: list[tuple[datetime, datetime]] = []

    def look(self, oldest: datetime) -> None:
        """Compare the clocks, and forget jumps that ended before `oldest`."""
        now, now_s = self._clock(), self._monotonic()
        expected = self._last[0] + timedelta(seconds=now_s - self._last[1])
        if now - expected > timedelta(seconds=JUMP_S):
            self.jumps.append((expected, now))
        self._last = now, now_s
        self.jumps = [jump for jump in self.jumps if jump[1] > oldest]


def watched_of(deployment: Deployment, watched: Iterable[Watched]) -> list[Watched]:
    """Return what is watched now of the suite and the target of a deployment."""
    return [one for one in watched if (one.key.suite, one.key.target) == (deployment.suite, deployment.target)]


def settles_at(phase: Phase, own: Sequence[Watched]) -> datetime:
    """Return until when a tick that began in the phase may still be at work, at the most."""
    longest = max((longest_s(one.scenario) for one in own if not one.scenario.probe.awaits), default=0.0)
    return phase.ends_at + timedelta(seconds=min(longest, LONGEST_WAIT_S))


def never_asked(seen: Sequence[Seen]) -> list[str]:
    """Return the scenarios that could have been asked and were not."""
    return [one.scenario for one in seen if not (one.counts.asked or one.counts.skipped or one.awaits)]


def _covered_s(stretches: Iterable[tuple[datetime, datetime]], since: datetime, until: datetime) -> float:
    """Return the length of the union of stretches of time, cut to what lies between two instants."""
    covered, reached = 0.0, since
    for begins, ends in sorted(stretches):
        begins, ends = max(begins, reached), min(ends, until)
        if ends > begins:
            covered += (ends - begins).total_seconds()
            reached = ends
    return covered
