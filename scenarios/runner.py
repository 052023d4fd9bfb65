"""This file is for one run: one selection of one suite against one target, every scenario with exactly one outcome."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probes.ids import new_id
from probes.outcome import Outcome, Verdict
from probes.target import Target
from scenarios.asking import LEFT_BEHIND, Asking, Course, bounded
from scenarios.events import Ended, Event, OutcomeReady, RunFinished, RunInfo, RunResult, RunStarted, ScenarioStarted, Sink
from scenarios.hidden import secrets_of
from scenarios.model import Scenario, Suite
from scenarios.plan import PARTICIPLE, Span, breaks_neighbours, critical_path_s, next_to_start, waiting_chains, why_not
from scenarios.selection import Chosen, Selection, choose

if TYPE_CHECKING:
    from probes.session import Answer
    from probes.undo import Journal


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a run ends before its time; `reason` finishes the sentence `not run: …`."""

    ended: Ended
    reason: str
    signal: int = 0


@dataclass(slots=True)
class _State:
    """What is known of the scenarios while the run goes."""

    waiting: dict[str, Scenario]  # those first on which the longest chains wait
    alone: frozenset[str] = frozenset()
    running: dict[str, asyncio.Task[Outcome]] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    began_s: dict[str, float] = field(default_factory=dict)
    spans: dict[str, Span] = field(default_factory=dict)


class Runner:
    """Runs one selection against one target, once. `request_stop` ends it early and cleanly, from the event loop's thread.

    `jobs` bounds the scenarios at work at once; requests are bounded by the target's own `concurrency`.
    A scenario that puts a fault in has the target to itself. `known` are verdicts of scenarios that others need and that
    this run does not ask. `seen` is told of each answer of the target's own host, with the name of its scenario.
    """

    def __init__(
        self,
        suite: Suite,
        target_name: str,
        selection: Selection | None = None,
        *,
        sinks: Sequence[Sink] = (),
        run_deadline_s: float | None = None,
        fail_fast: bool = False,
        journal: Journal | None = None,
        artifacts: Path | None = None,
        jobs: int = 8,
        version: str = "",
        kind: str = "smoke",
        known: Mapping[str, Verdict] | None = None,
        seen: Callable[[str, Answer], None] | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        if target_name not in suite.targets:
            raise ValueError(f"the suite has no target '{target_name}' that is ready to be used")
        if jobs < 1:
            raise ValueError("a run needs at least one job")
        self._target: Target = suite.targets[target_name]
        self._selection = selection or Selection()
        self._chosen: Chosen = choose(suite, target_name, self._selection)
        self._by_name = {s.name: s for s in self._chosen.scenarios}
        hidden = secrets_of(suite, self._target, [s.probe for s in self._chosen.scenarios])
        self._asking = Asking(suite, self._target, hidden, journal=journal, artifacts=artifacts, seen=seen, clock=clock)
        self._sinks: list[Sink] = list(sinks)
        self._deadline_s = run_deadline_s
        self._fail_fast = fail_fast
        self._jobs = jobs
        self._version = version
        self._kind = kind
        self._verdicts = dict(known or {})  # of what is settled
        self._courses: dict[str, Course] = {}
        self._clock = clock
        self._trouble: list[str] = []
        self._stop: Stop | None = None
        self._stopping = asyncio.Event()
        self._run_id, self._zero = new_id(), 0.0
        self._chains = waiting_chains(self._chosen.scenarios)
        alone = frozenset(s.name for s in self._chosen.scenarios if breaks_neighbours(s, self._target))
        self._names = {*self._by_name, *self._verdicts}
        self._has_needs = any(s.needs for s in self._chosen.scenarios)
        in_order = sorted(self._chosen.scenarios, key=lambda s: -self._chains[s.name])
        self._state = _State({s.name: s for s in in_order}, alone)

    def request_stop(self, reason: str, signal: int = 0) -> None:
        """Cancel what is running, undo what it did, skip the rest; what was seen until then is kept."""
        self._halt(Stop(Ended.INTERRUPTED, reason, signal))

    async def run(self) -> RunResult:
        """Run, and return what came of it. Never raises for what a probe, a target or a sink does."""
        info = self._asking.run(self._run_id, version=self._version, kind=self._kind, selection=self._selection.typed)
        self._zero = time.perf_counter()
        self._tell(RunStarted(info, tuple(self._asking.subject(s) for s in self._chosen.scenarios)))
        deadline = None
        if self._deadline_s is not None:
            over = Stop(Ended.DEADLINE, f"the run's time ({spoken_duration(self._deadline_s)}) was over")
            deadline = asyncio.get_running_loop().call_later(self._deadline_s, self._halt, over)
        try:
            async with asyncio.TaskGroup() as group:
                await self._drive(group)
        finally:
            if deadline is not None:
                deadline.cancel()
        result = self._result(info)
        self._tell(RunFinished(result))
        return replace(result, trouble=tuple(self._trouble))

    async def _drive(self, group: asyncio.TaskGroup) -> None:
        """Start what may start and settle what has finished, until every scenario has its outcome."""
        state = self._state
        stopping = group.create_task(self._stopping.wait())
        try:
            while state.waiting or state.running:
                self._skip_what_cannot_run()
                self._start_what_may(group)
                if not state.running:
                    self._settle_circle()
                    continue
                watched = {*state.running.values(), *(() if self._stop else (stopping,))}
                await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
                self._settle_finished()
        finally:
            stopping.cancel()

    def _skip_what_cannot_run(self) -> None:
        """Settle what is waiting in vain, again and again: each skip may decide the fate of another."""
        state, skipped = self._state, True
        dependent = [s for s in state.waiting.values() if s.needs or self._stop] if self._stop or self._has_needs else ()
        while skipped:
            skipped = False
            for scenario in dependent:
                if scenario.name not in state.waiting:
                    continue
                why_not_here = why_not(scenario, self._verdicts, self._names, self._target.name)
                reason = f"not run: {self._stop.reason}" if self._stop else why_not_here
                if reason:
                    del state.waiting[scenario.name]
                    self._settle(scenario.name, self._unasked(scenario, Verdict.SKIPPED, reason))
                    skipped = True

    def _settle_circle(self) -> None:
        """Settle what waits for itself. The loader refuses circles, but a suite need not come from the loader."""
        state = self._state
        for scenario in state.waiting.values():
            self._settle(scenario.name, self._unasked(scenario, Verdict.ERROR, "its needs wait for it in a circle"))
        state.waiting.clear()

    def _start_what_may(self, group: asyncio.TaskGroup) -> None:
        state = self._state
        ready = (s for s in state.waiting.values() if all(need in self._verdicts for need in s.needs))
        first = list(islice(ready, self._jobs + len(state.alone)))  # more cannot start, and there may be ten thousand
        for scenario in next_to_start(first, state.running, self._verdicts, state.alone, self._chains, self._jobs):
            del state.waiting[scenario.name]
            state.began_s[scenario.name] = time.perf_counter() - self._zero
            self._tell(ScenarioStarted(self._run_id, self._asking.subject(scenario)))
            state.running[scenario.name] = group.create_task(self._ask(scenario), name=scenario.name)

    def _settle_finished(self) -> None:
        state = self._state
        for name in [name for name, task in state.running.items() if task.done()]:
            task = state.running.pop(name)
            state.spans[name] = Span(state.began_s[name], time.perf_counter() - self._zero)
            outcome = self._cut_short(self._by_name[name]) if task.cancelled() else task.result()
            self._settle(name, outcome)
            if self._fail_fast and outcome.verdict in (Verdict.FAIL, Verdict.ERROR):
                why = f"'{name}' {PARTICIPLE[outcome.verdict]}, and the run stops at the first failure"
                self._halt(Stop(Ended.FAIL_FAST, why))

    def _settle(self, name: str, outcome: Outcome) -> None:
        self._state.outcomes[name] = outcome
        self._verdicts[name] = outcome.verdict
        self._tell(OutcomeReady(outcome))

    def _halt(self, stop: Stop) -> None:
        if self._stop is not None:
            return
        self._stop = stop
        self._stopping.set()
        for name, task in self._state.running.items():
            if name in self._courses:
                self._courses[name].is_given_up = True
            task.cancel(stop.reason)

    async def _ask(self, scenario: Scenario) -> Outcome:
        subject = self._asking.subject(scenario)
        course = self._courses[scenario.name] = Course(is_given_up=self._stop is not None)
        asked = self._asking.outcome(scenario, subject, self._run_id, course)
        return await bounded(asked, scenario, course, lambda: self._unasked(scenario, Verdict.ERROR, LEFT_BEHIND))

    def _cut_short(self, scenario: Scenario) -> Outcome:
        """Return the outcome of a task that was cancelled before its first step, and so was never asked."""
        return self._unasked(scenario, Verdict.SKIPPED, f"not run: {self._stop.reason if self._stop else 'it was cancelled'}")

    def _unasked(self, scenario: Scenario, verdict: Verdict, say: str) -> Outcome:
        return self._asking.unasked(self._asking.subject(scenario), self._run_id, verdict, say)

    def _tell(self, event: Event) -> None:
        for sink in list(self._sinks):
            try:
                sink.take(event)
            except Exception as problem:  # whatever a reporter or the store does, the run goes on and says so
                self._sinks.remove(sink)
                why = next(iter(str(problem).splitlines()), "") or type(problem).__name__
                say = f"{type(sink).__name__} failed and was told nothing more: {why}"
                self._trouble.append(self._asking.plain.text(say))

    def _result(self, info: RunInfo) -> RunResult:
        state = self._state
        return RunResult(
            run=info,
            outcomes=tuple(state.outcomes[s.name] for s in self._chosen.scenarios),
            ended=self._stop.ended if self._stop else Ended.COMPLETED,
            finished_at=self._clock(),
            wall_s=time.perf_counter() - self._zero,
            critical_path_s=critical_path_s(self._chosen.scenarios, state.spans, state.alone),
            signal=self._stop.signal if self._stop else 0,
            trouble=tuple(self._trouble),
        )


async def run(suite: Suite, target_name: str, selection: Selection | None = None, **options: Any) -> RunResult:
    """Run one selection against one target; options as of `Runner`."""
    return await Runner(suite, target_name, selection, **options).run()


def spoken_duration(seconds: float) -> str:
    """Return `5 min`, `1 h 30 min`, `2.5 s`."""
    if seconds < 60:
        return f"{seconds:g} s"
    hours, rest = divmod(round(seconds), 3600)
    minutes, left = divmod(rest, 60)
    return " ".join(f"{n} {unit}" for n, unit in ((hours, "h"), (minutes, "min"), (left, "s")) if n)
