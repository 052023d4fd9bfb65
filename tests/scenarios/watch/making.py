"""This file is for watching with faked clocks: series whose probes send nothing, and a sink that can be waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from probes.target import Target
from scenarios.events import RunStarted
from scenarios.model import Scenario, Suite
from scenarios.schedule_spec import ScheduleSpec
from scenarios.watch.events import Missed, MissedReason, Retired, SeriesKey, Tick, WatchEvent
from scenarios.watch.series import Watched, watched
from scenarios.watch.watcher import Watcher

Answer = TypeVar("Answer")
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class FakeClocks:
    """A wall clock that can be set, and a monotonic one that cannot."""

    def __init__(self, at: datetime = NOON) -> None:
        self.wall_s, self.mono_s = at.timestamp(), 1000.0

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self.wall_s, UTC)

    def monotonic(self) -> float:
        return self.mono_s

    def advance(self, seconds: float) -> None:
        self.wall_s += seconds
        self.mono_s += seconds

    def set_by(self, seconds: float) -> None:
        self.wall_s += seconds


class Told:
    """A watch sink that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[WatchEvent] = []
        self._changed = asyncio.Event()

    def take_watched(self, event: WatchEvent) -> None:
        self.events.append(event)
        self._changed.set()

    @property
    def ticks(self) -> list[Tick]:
        return [e for e in self.events if isinstance(e, Tick)]

    @property
    def names(self) -> list[str]:
        return [tick.key.scenario for tick in self.ticks]

    @property
    def runs(self) -> list[RunStarted]:
        return [e for e in self.events if isinstance(e, RunStarted)]

    @property
    def retired(self) -> list[SeriesKey]:
        return [key for e in self.events if isinstance(e, Retired) for key in e.keys]

    def missed(self, reason: MissedReason) -> int:
        return sum(e.ticks for e in self.events if isinstance(e, Missed) and e.reason is reason)

    async def until(self, ticks: int) -> list[Tick]:
        """Wait until so many ticks were answered."""
        async with asyncio.timeout(10):
            while len(self.ticks) < ticks:
                self._changed.clear()
                await self._changed.wait()
        return self.ticks


async def within(awaitable: Awaitable[Answer]) -> Answer:
    """Await, but let no mistake of ours hang the tests."""
    return await asyncio.wait_for(awaitable, 10)


async def settled(turns: int = 50) -> None:
    """Let everything go on that needs no time."""
    for _ in range(turns):
        await asyncio.sleep(0)


def every(seconds: float, **more: Any) -> ScheduleSpec:
    return ScheduleSpec(every=seconds, **more)


def target(name: str = "staging", **keys: Any) -> Target:
    return Target(**{"name": name, "base_url": f"http://{name}.test", **keys})


def suite_of(scenarios: Sequence[Scenario], *targets: Target, name: str = "tiny") -> Suite:
    made = targets or (target(),)
    return Suite(
        name=name, path=f"{name}.yaml", targets={t.name: t for t in made},
        target_names=tuple(t.name for t in made), scenarios=tuple(scenarios),
    )  # fmt: skip


def series_of(*suites: Suite) -> list[Watched]:
    return watched(suites, "local")


class Watching:
    """A watcher on faked clocks: `goes_on` lets time pass in steps and starts what is due."""

    def __init__(self, *suites: Suite, at: datetime = NOON, **options: Any) -> None:
        self.clocks, self.told = FakeClocks(at), Told()
        self.watcher = Watcher(
            series_of(*suites), sinks=[self.told, *options.pop("sinks", ())],
            clock=self.clocks, monotonic=self.clocks.monotonic, **options,
        )  # fmt: skip
        self.watcher.begin()

    async def goes_on(self, seconds: float, step_s: float = 1.0, done: Callable[[], bool] = lambda: False) -> None:
        passed = 0.0
        while passed < seconds and not done():
            self.clocks.advance(min(step_s, seconds - passed))
            passed += step_s
            self.watcher.clockwork.beat()
            self.watcher.turn()
            await settled()

    async def stop(self) -> None:
        await within(self.watcher.stop(0))
