"""This file is for a service after a deploy, as its burn-ins see it: a clock that is turned by hand, a watcher that obeys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from probes.ids import new_id
from probes.outcome import Outcome, Verdict
from probes.target import Target
from reports.deployments import Deployment, DeploymentTold, Phase
from reports.store.errors import StoreError
from reports.store.ledger.deployments import Deployments
from reports.store.watch.answers import Counts, Gap
from scenarios.burn_in import DEFAULT_PHASES, BurnInPhase
from scenarios.events import Ended, OutcomeReady, RunFinished, RunInfo, RunResult, RunStarted, Sink
from scenarios.model import Suite
from scenarios.watch.asks import NotWatching
from scenarios.watch.events import SeriesKey, Tick, Trigger
from scenarios.watch.figures import Figures, LaneFigures
from scenarios.watch.series import Watched, watched
from tests.scenarios.making import scenario
from vedette.service.burn_in import BurnIns
from vedette.service.deploying import Wanted
from vedette.service.phase_evidence import Evidence
from vedette.service.versions import Versions

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIELD = {Verdict.PASS: "passed", Verdict.FAIL: "failed", Verdict.ERROR: "errors", Verdict.SKIPPED: "skipped"}


class HandClock:
    """Two clocks that agree until somebody sets the one on the wall."""

    def __init__(self) -> None:
        self.now, self.monotonic_s = AT, 1000.0

    def go(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.monotonic_s += seconds

    def set(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def suite_of(name: str = "shop", targets: Sequence[str] = ("production",), **keys: Any) -> Suite:
    made = {one: Target(name=one, base_url=f"http://{one}.example.com") for one in targets}
    scenarios = (scenario("checkout", severity="P0"), scenario("search"), scenario("a rare one"))
    given = {"name": name, "path": "x.yaml", "targets": made, "target_names": tuple(targets), "scenarios": scenarios}
    return Suite(**given | keys)


@dataclass
class StandInHistory:
    """Counts the ticks that a test put in."""

    ticks: list[tuple[SeriesKey, datetime, str]] = field(default_factory=list)
    gap_list: list[Gap] = field(default_factory=list)
    is_down: bool = False

    def counts_between(self, keys: Sequence[SeriesKey], since: datetime, until: datetime) -> dict[SeriesKey, Counts]:
        if self.is_down:
            raise StoreError("the store is gone")
        found: dict[SeriesKey, Counts] = {}
        for key, at, name in self.ticks:
            if key in keys and since <= at < until:
                found[key] = found.get(key, Counts()) + Counts(**{name: 1})
        return found

    def gaps(self, location: str, since: datetime) -> list[Gap]:
        return [gap for gap in self.gap_list if gap.until_at > since]


class StandInWatcher:
    """Runs a suite at once, with the verdicts that a test wants."""

    def __init__(self, series: Sequence[Watched], clock: HandClock, history: StandInHistory) -> None:
        self.series = {one.key: one for one in series}
        self.clock, self.history = clock, history
        self.verdicts: dict[str, Verdict] = {}
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.is_open = True
        self.runs: list[str] = []
        self.stopped_runs: list[str] = []
        self.paces: list[tuple[str, str, float, float]] = []
        self.asked: list[str] = []
        self.at_work = 0
        self.in_maintenance = False

    async def run_suite(
        self, suite_name: str, target_name: str, *, sinks: Sequence[Sink] = (), kind: str = "deploy"
    ) -> RunResult:
        if not self.is_open:
            raise NotWatching("the service is stopping")
        own = [one for one in self.series.values() if (one.key.suite, one.key.target) == (suite_name, target_name)]
        if not own:
            raise KeyError((suite_name, target_name))
        info = RunInfo(new_id(), suite_name, "x.yaml", target_name, "", "", self.clock.now, "1", kind=kind)
        self.runs.append(info.id)
        for sink in sinks:
            sink.take(RunStarted(info, ()))
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.stopped_runs.append(info.id)
            raise
        outcomes = tuple(self._outcome(one, info.id) for one in own)
        result = RunResult(info, outcomes, Ended.COMPLETED, self.clock.now, 0.0, 0.0)
        for sink in sinks:
            for outcome in outcomes:
                sink.take(OutcomeReady(outcome))
            sink.take(RunFinished(result))
        return result

    async def ask_now(self, key: SeriesKey, trigger: Trigger = Trigger.MANUAL) -> Tick:
        self.asked.append(key.scenario)
        return Tick(key, self._outcome(self.series[key], "run"), self.clock.now, trigger=trigger)

    def set_pace(self, suite: str, target: str, factor: float, least_s: float) -> None:
        self.paces.append((suite, target, factor, least_s))

    def figures(self) -> Figures:
        lanes = {(key.suite, key.target): LaneFigures(self.at_work, 0, 8, False) for key in self.series}
        return Figures(self.at_work, 0, len(self.series), lanes, 0)

    def _outcome(self, one: Watched, run_id: str) -> Outcome:
        verdict = self.verdicts.get(one.key.scenario, Verdict.PASS)
        self.history.ticks.append((one.key, self.clock.now, "maintained" if self.in_maintenance else FIELD[verdict]))
        subject = one.scenario.subject(one.suite.name, one.target)
        return Outcome(new_id(), run_id, subject, verdict, f"it said {verdict}", self.clock.now, 0.1)


class KeptSink:
    """Keeps that it was closed."""

    def __init__(self, closed: list[int]) -> None:
        self.events: list[Any] = []
        self._closed = closed

    def take(self, event: Any) -> None:
        self.events.append(event)

    def close(self) -> None:
        self._closed.append(len(self.events))


class World:
    """One service with its store. `restarted` is the same store with a new service, as after `kill -9`."""

    def __init__(self, where: Path | str, *suites: Suite, clock: HandClock | None = None, history: StandInHistory | None = None):
        self.where, self.suites = where, suites or (suite_of(),)
        self.clock, self.history = clock or HandClock(), history or StandInHistory()
        self.watcher = StandInWatcher(watched(self.suites, "local"), self.clock, self.history)
        self.ledger, self.versions = Deployments(where), Versions()
        self.told: list[DeploymentTold] = []
        self.closed_sinks: list[int] = []
        self.is_stored = True
        self.burn_ins = BurnIns(
            self.ledger, self.watcher, Evidence(self.history, "local", lambda within_s: self.is_stored), self.versions,
            make_run_sink=lambda: KeptSink(self.closed_sinks), tell=[self.told.append],
            clock=lambda: self.clock.now, monotonic=lambda: self.clock.monotonic_s,
        )  # fmt: skip

    @asynccontextmanager
    async def going(self) -> AsyncIterator[BurnIns]:
        """Let the service go on until the block ends."""
        await self.burn_ins.resume()
        async with self.burn_ins.at_work():
            await self.burn_ins.turn()
            yield self.burn_ins

    def restarted(self, down_s: float = 0.0) -> World:
        died_at = self.clock.now
        self.clock.go(down_s)
        if down_s:
            self.history.gap_list.append(Gap("local", died_at, self.clock.now, graceful=False))
        self.ledger.close()
        return World(self.where, *self.suites, clock=self.clock, history=self.history)

    async def deploy(self, version: str = "1.4.2", phases: Sequence[BurnInPhase] = DEFAULT_PHASES, **keys: Any) -> Deployment:
        wanted = Wanted(**{"target": "production", "version": version, "phases": tuple(phases)} | keys)
        (made, *_) = await self.burn_ins.start(wanted, "ci")
        await self.quiet()
        return made

    async def quiet(self) -> None:
        """Wait until every run and every last call has ended."""
        while (waiting := set(self.burn_ins._tasks)) and self.watcher.may_end.is_set():
            await asyncio.wait(waiting)

    async def pass_time(self, seconds: float, *, step_s: float = 60.0, every: str = "passed", only: Sequence[str] = ()) -> None:
        """Let time pass, every scenario (or those named) being asked once a step; then do what is due."""
        until = self.clock.now + timedelta(seconds=seconds)
        while self.clock.now < until:
            self.clock.go(min(step_s, (until - self.clock.now).total_seconds()))
            at = self.clock.now - timedelta(milliseconds=1)
            self.history.ticks += [(key, at, every) for key in self.watcher.series if not only or key.scenario in only]
            await self.burn_ins.turn()
            await self.quiet()

    def kept(self, deployment: Deployment) -> Deployment:
        found = self.ledger.get(deployment.id)
        assert found is not None
        return found

    def phases(self, deployment: Deployment) -> list[Phase]:
        return list(self.kept(deployment).phases)

    def verdicts(self, deployment: Deployment) -> list[str]:
        return [phase.verdict.value if phase.verdict else "" for phase in self.phases(deployment)]


def phase(name: str = "first", lasts: float = 300, **keys: Any) -> BurnInPhase:
    return BurnInPhase(name=name, lasts=lasts, **keys)


def later(at: datetime, seconds: float) -> datetime:
    return at + timedelta(seconds=seconds)


def as_started(deployment: Deployment) -> Deployment:
    """Return a deployment without what its first run said."""
    return replace(deployment, run=None)
