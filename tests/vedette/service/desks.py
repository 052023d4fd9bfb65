"""This file is for desks of heartbeats whose clock the tests hold; everything else of them is real."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from probes.kinds.heartbeat import Heartbeat
from probes.outcome import Outcome
from scenarios.events import RunStarted
from scenarios.schedule_spec import ScheduleSpec
from scenarios.watch.events import Tick, WatchEvent
from scenarios.watch.series import Watched, watched
from tests.scenarios.making import scenario, suite
from vedette.service.heartbeats import Heartbeats

START = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
NAME = "nightly backup"


class Hands:
    """A wall clock and the time that passes; `jump` moves only the first."""

    def __init__(self) -> None:
        self.now, self.passed_s = START, 1000.0

    def pass_(self, span: timedelta) -> None:
        self.now += span
        self.passed_s += span.total_seconds()

    def jump(self, span: timedelta) -> None:
        self.now += span


class Told:
    """A sink that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[WatchEvent] = []

    def tell(self, event: WatchEvent) -> None:
        self.events.append(event)

    @property
    def ticks(self) -> list[Tick]:
        return [event for event in self.events if isinstance(event, Tick)]

    @property
    def runs(self) -> list[RunStarted]:
        return [event for event in self.events if isinstance(event, RunStarted)]

    @property
    def verdicts(self) -> list[str]:
        return [tick.outcome.verdict.value for tick in self.ticks]

    @property
    def last(self) -> Outcome:
        return self.ticks[-1].outcome


def job(name: str = NAME, *, schedule: ScheduleSpec | None = None, formerly: tuple[str, ...] = (), **options: Any) -> Any:
    """Return a scenario that waits for a job, due every hour with five minutes of grace where nothing else is said."""
    probe = Heartbeat(**{"grace": "5m", **options})
    return scenario(name, probe, schedule=schedule or ScheduleSpec(every=3600.0), formerly=formerly)


def series_of(*jobs: Any, **target: Any) -> list[Watched]:
    return watched([suite(*jobs, **target)], "local")


def opened(folder: Path, told: Told, hands: Hands, series: Sequence[Watched] = (), **options: Any) -> Heartbeats:
    """Return a desk with what the store of this folder knows."""
    return Heartbeats.opened(
        folder / "results.db",
        list(series) or series_of(job()),
        state=folder,
        tell=told.tell,
        clock=lambda: hands.now,
        monotonic=lambda: hands.passed_s,
        **options,
    )


def watch_for(desk: Heartbeats, hands: Hands, span: timedelta) -> None:
    """Let time pass as it does in a service: with a sweep each second, or each few where that changes nothing."""
    end, step = hands.now + span, timedelta(seconds=5)
    while hands.now < end:
        hands.pass_(min(step, end - hands.now))
        desk.sweep()
