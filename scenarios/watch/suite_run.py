"""This file is for a run of a whole suite in the midst of watching: it has the target to itself, and its outcomes are ticks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from probes.outcome import Verdict
from scenarios.asking import UNDO_MOST_S
from scenarios.events import Event, OutcomeReady, RunResult, RunStarted, Sink
from scenarios.model import Suite
from scenarios.plan import breaks_neighbours
from scenarios.runner import Runner
from scenarios.watch.answers import Answers
from scenarios.watch.asks import NotWatching
from scenarios.watch.desk import Desk, Series
from scenarios.watch.dispatch import Turn
from scenarios.watch.events import SeriesKey
from scenarios.watch.roster import Roster
from scenarios.watch.telling import Telling

if TYPE_CHECKING:
    from probes.undo import Journal


@dataclass(slots=True, eq=False)
class Hold(Turn):
    """One run of a whole suite, waiting for what runs at the target to end, then holding it."""

    desk: Desk = field(kw_only=True)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    runner: Runner | None = None
    task: asyncio.Task[RunResult] | None = None
    why_stopped: str = ""

    @classmethod
    def of(cls, desk: Desk) -> Hold:
        alone = any(breaks_neighbours(scenario, desk.target) for scenario in desk.scenarios)
        return cls(object(), desk.lane, alone=alone, whole=True, desk=desk)

    @property
    def undo_s(self) -> float:
        """How long its undos may take."""
        return UNDO_MOST_S if any(scenario.probe.needs() for scenario in self.desk.scenarios) else 0.0

    def stop(self, reason: str) -> None:
        self.why_stopped = reason
        self.started.set()
        if self.runner is not None:
            self.runner.request_stop(reason)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a run needs beside its suite."""

    kind: str
    vedette_version: str
    journal: Journal | None
    artifacts: Path | None
    clock: Callable[[], datetime]
    sinks: Sequence[Sink] = ()


async def run_held(
    hold: Hold, options: RunOptions, answers: Answers, telling: Telling, roster: Roster, location: str
) -> RunResult:
    """Run the suite of a hold as soon as it has its target. Raises: NotWatching when it is stopped before."""
    await hold.started.wait()
    if hold.why_stopped:
        raise NotWatching(hold.why_stopped)
    desk = hold.desk
    awaiting = {s.name for s in desk.scenarios if s.probe.awaits}
    asked = Suite.model_copy(desk.suite, update={"scenarios": tuple(s for s in desk.scenarios if s.name not in awaiting)})
    by_name = {
        desk.asking.subject(s).scenario: one  # a name can hold what must not be shown
        for s in asked.scenarios
        if (one := roster.get(SeriesKey(desk.suite.name, s.name, desk.target.name, location))) is not None
    }
    told = _AsTicks(answers, telling, roster, by_name, answers.version_at(desk))
    hold.runner = Runner(
        asked,
        desk.target.name,
        sinks=[told, *options.sinks],
        journal=options.journal,
        artifacts=options.artifacts,
        jobs=desk.target.concurrency,
        version=options.vedette_version,
        kind=options.kind,
        known={name: desk.verdicts.get(name, Verdict.INCONCLUSIVE) for name in awaiting},
        clock=options.clock,
    )
    return await hold.runner.run()


@dataclass(slots=True)
class _AsTicks:
    """Tells the watch's sinks what the runner tells, each under the name that its series has by then."""

    answers: Answers
    telling: Telling
    roster: Roster
    by_name: Mapping[str, Series]
    version: str

    def take(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self.telling.tell(event)
        elif isinstance(event, OutcomeReady):
            asked = self.by_name.get(event.outcome.subject.scenario)
            series = self.roster.get(asked.watched.key) if asked is not None else None
            if series is not None:  # else it went at a reload: the run keeps its outcome, nobody watches it any more
                series.desk.verdicts[series.watched.key.scenario] = event.outcome.verdict
                self.answers.of_suite(series.watched, event.outcome, self.version)
