"""This file is for what happens after a deploy: the whole suite at once, then phases of denser watching, each with a verdict."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from probes.ids import new_id
from probes.outcome import Verdict
from reports.deployments import Deployment, DeploymentState, DeploymentTold, Phase, planned, state_after
from reports.judgement.burn_in import judge_phase
from reports.store.errors import StoreError
from reports.store.ledger.deployments import Deployments
from scenarios.runner import utc_now
from scenarios.watch.asks import NotWatching
from scenarios.watch.events import SeriesKey, Trigger
from vedette.service.deploying import Unknown, Wanted, Watching, concerned
from vedette.service.first_run import RunSink, ask_whole_suite
from vedette.service.phase_evidence import ClockWatch, Evidence, never_asked, settles_at, watched_of
from vedette.service.versions import Versions

TURN_S = 1.0  # how often it is looked whether a phase is over; a clock that was set is noticed as soon
LAST_CALL_S = 60.0  # before the end of a phase, what was not asked in it is asked
_log = logging.getLogger(__name__)


class BurnIns:
    """The burn-ins of one service: all state is in the ledger, so they go on after a restart.

    Every method but `run` and `turn` is for routes. All are to be called on the event loop's thread.
    `make_run_sink` makes the sink that stores a run; `tell` hears of every step.
    """

    def __init__(
        self,
        ledger: Deployments,
        watching: Watching,
        evidence: Evidence,
        versions: Versions,
        *,
        make_run_sink: Callable[[], RunSink],
        tell: Sequence[Callable[[DeploymentTold], None]] = (),
        location: str = "local",
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ledger = ledger
        self._watching, self._evidence, self._versions = watching, evidence, versions
        self._make_run_sink, self._listeners = make_run_sink, tell
        self._location, self._clock = location, clock
        self._clocks = ClockWatch(clock, monotonic)
        self._open: dict[str, Deployment] = {}  # whose phases are not all judged
        self._runs: dict[str, asyncio.Task[None]] = {}  # by the deployment's id
        self._tasks: set[asyncio.Task[None]] = set()  # the runs, and last calls
        self._called: set[tuple[str, int]] = set()  # phases whose last call was made
        self._paces: dict[tuple[str, str], tuple[float, float]] = {}  # as they were set last
        self._group: asyncio.TaskGroup | None = None
        self._writing = asyncio.Lock()

    @property
    def active(self) -> list[Deployment]:
        """The burn-ins that go on, the oldest first."""
        return list(self._open.values())

    async def start(self, wanted: Wanted, by: str) -> list[Deployment]:
        """Note a deployment for each suite that is concerned, end what it supersedes, and begin.

        What has begun is finished, even if nobody waits for the answer any more.

        Raises: Unknown for a target or a suite that is not watched, StoreError.
        """
        return await asyncio.shield(self._start(wanted, by))

    async def _start(self, wanted: Wanted, by: str) -> list[Deployment]:
        async with self._writing:
            made = [self._made(suite, wanted, by) for suite in concerned(wanted, self._watching.series)]
            superseded = await asyncio.to_thread(self.ledger.begin, made)
            for old in superseded:
                self._drop(old)
            for deployment in made:
                self._versions.mark(deployment.suite, deployment.target, deployment.version)
                self._open[deployment.id] = deployment
                self._tell(deployment, f"version {deployment.version} was deployed to {deployment.target} ('{deployment.suite}')")
                self._begin_run(deployment)
            self._set_paces()
        return made

    async def cancel(self, deployment_id: str) -> Deployment:
        """End a burn-in before its time. One that is over stays as it is.

        Raises: Unknown, StoreError.
        """
        async with self._writing:
            ended = await asyncio.to_thread(self.ledger.cancel, deployment_id, self._clock())
            deployment = await asyncio.to_thread(self.ledger.get, deployment_id)
            if deployment is None:
                raise Unknown("there is no deployment with this id")
            if ended:
                self._drop(deployment_id)
                self._set_paces()
                self._tell(deployment, f"the burn-in of version {deployment.version} on {deployment.target} was cancelled")
        return deployment

    async def run(self) -> None:
        """Go on with what a restart interrupted, and with what comes, until cancelled."""
        while True:
            if await self.resume():
                break
            await asyncio.sleep(TURN_S)
        async with self.at_work():
            while True:
                await self.turn()
                await asyncio.sleep(TURN_S)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Let runs and last calls be made while the block goes on; at its end they are stopped."""
        async with asyncio.TaskGroup() as self._group:
            try:
                yield
            finally:
                self._group = None
                for task in self._tasks:
                    task.cancel()

    async def resume(self) -> bool:
        """Take up the burn-ins that are not over; false where the store does not answer yet."""
        try:
            unfinished = await asyncio.to_thread(self.ledger.unfinished, self._location)
        except StoreError as problem:
            _log.warning("burn-ins cannot be taken up yet: %s", problem)
            return False
        self._open = {one.id: one for one in unfinished} | self._open
        self._set_paces()
        return True

    async def turn(self) -> None:
        """Do what is due: judge the phases that are over, and ask before their end what was not asked in them."""
        self._clocks.look(min((d.deployed_at for d in self._open.values()), default=self._clock()))
        for deployment_id, deployment in list(self._open.items()):
            self._begin_run(deployment)  # again, where watching had not begun yet
            try:
                await self._step(deployment_id)
            except StoreError as problem:  # nothing is lost: what is due now is due in the next turn, too
                _log.warning("the burn-in %s waits for the store: %s", deployment_id, problem)
            except Exception:  # the edge to one burn-in: whatever is wrong with it, the others and the watching go on
                _log.exception("the burn-in %s broke", deployment_id)
        self._set_paces()

    async def _step(self, deployment_id: str) -> None:
        while (deployment := self._open.get(deployment_id)) is not None and (phase := deployment.next_phase) is not None:
            now = self._clock()
            failed_at_once = phase.place == 0 and deployment.run is not None and deployment.run.verdict is Verdict.FAIL
            if now < phase.ends_at and not failed_at_once:
                await self._last_call(deployment, phase, now)
                return
            if now >= phase.ends_at and not self._is_settled(deployment, phase, now):
                return
            if not await self._judge(deployment, phase, now):
                return

    async def _judge(self, deployment: Deployment, phase: Phase, now: datetime) -> bool:
        """Judge a phase; false where it has to wait for what is not in the store yet."""
        until = min(now, phase.ends_at)
        seen = await self._evidence.seen(deployment, phase, until, self._watching.series.values())
        if seen is None:
            return False
        verdict = judge_phase(
            phase.plan,
            seen,
            length_s=max(0.0, (until - phase.starts_at).total_seconds()),
            unwatched_s=await self._evidence.unwatched_s(phase.starts_at, until, self._clocks.jumps),
            is_first=phase.place == 0,
            run=deployment.run,
        )
        judged = replace(phase, judged_at=now, verdict=verdict.verdict, sentence=verdict.sentence, figures=verdict.figures)
        state = state_after(deployment, judged)
        over_at = now if phase.place == len(deployment.phases) - 1 else None
        async with self._writing:
            is_mine = await asyncio.to_thread(self.ledger.judge, deployment.id, judged, state, over_at)
            kept = await asyncio.to_thread(self.ledger.get, deployment.id)
            if kept is None or kept.ended_at is not None:
                self._drop(deployment.id)
            else:
                run = self._open[deployment.id].run if deployment.id in self._open else None
                self._open[deployment.id] = replace(kept, run=run or kept.run)  # the run may have ended meanwhile
        if is_mine and kept is not None:
            said = f"phase '{phase.name}' of version {kept.version} on {kept.target}"
            self._tell(kept, f"{said}: {judged.verdict}, {judged.sentence}", judged)
        return True

    def _is_settled(self, deployment: Deployment, phase: Phase, now: datetime) -> bool:
        """Return whether no tick that began in the phase can still be at work."""
        lane = self._watching.figures().by_target.get((deployment.suite, deployment.target))
        is_quiet = lane is None or not lane.running
        if is_quiet and deployment.id not in self._runs:
            return True
        return now >= settles_at(phase, watched_of(deployment, self._watching.series.values()))

    async def _last_call(self, deployment: Deployment, phase: Phase, now: datetime) -> None:
        """Ask, shortly before the end, what was not asked in the phase: a rare schedule must not leave it unproven."""
        before = timedelta(seconds=min(LAST_CALL_S, phase.plan.lasts / 5))
        if self._group is None or now < phase.ends_at - before or (deployment.id, phase.place) in self._called:
            return
        seen = await self._evidence.seen(deployment, phase, now, self._watching.series.values())
        if seen is None:
            return
        self._called.add((deployment.id, phase.place))
        for name in never_asked(seen):
            key = SeriesKey(deployment.suite, name, deployment.target, self._location)
            self._spawn(self._group, self._ask(key))

    async def _ask(self, key: SeriesKey) -> None:
        with suppress(KeyError, ValueError, NotWatching):  # it was taken away, or the service stops
            await self._watching.ask_now(key, Trigger.DEPLOY)

    def _begin_run(self, deployment: Deployment) -> None:
        """Ask the whole suite, unless that is done already, or the first phase has its verdict without it."""
        is_asked = deployment.run is not None and deployment.run.verdict is not None
        first_is_open = deployment.phases[0].judged_at is None and self._clock() < deployment.phases[0].ends_at
        if self._group is not None and first_is_open and not is_asked and deployment.id not in self._runs:
            self._runs[deployment.id] = self._spawn(self._group, self._run(deployment))

    def _spawn(self, group: asyncio.TaskGroup, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = group.create_task(_outliving(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _run(self, deployment: Deployment) -> None:
        try:
            run = await ask_whole_suite(deployment, self._watching, self.ledger, self._make_run_sink)
        finally:
            self._runs.pop(deployment.id, None)
        known = self._open.get(deployment.id)
        if run is not None and known is not None:
            self._open[deployment.id] = replace(known, run=run)
            self._tell(
                self._open[deployment.id], f"the run after the deployment of {deployment.version}: {run.verdict}, {run.sentence}"
            )

    def _drop(self, deployment_id: str) -> None:
        """Go on no longer with a burn-in. Its run, if it still goes, is stopped with its undos; a newer one waits for that."""
        self._open.pop(deployment_id, None)
        self._called = {(own_id, place) for own_id, place in self._called if own_id != deployment_id}
        running = self._runs.get(deployment_id)
        if running is not None:
            running.cancel()

    def _set_paces(self) -> None:
        """Let the watcher go as dense as the phases want, and normally where none does."""
        now = self._clock()
        wanted = {(d.suite, d.target): pace for d in self._open.values() if (pace := d.pace(now)) != (1.0, 0.0)}
        for lane in {*wanted, *self._paces}:
            pace = wanted.get(lane, (1.0, 0.0))
            if self._paces.get(lane, (1.0, 0.0)) != pace:
                self._watching.set_pace(*lane, *pace)
        self._paces = wanted

    def _made(self, suite: str, wanted: Wanted, by: str) -> Deployment:
        now = self._clock()
        keys = (key for key in self._watching.series if (key.suite, key.target) == (suite, wanted.target))
        phases = planned(wanted.phases or self._watching.series[next(keys)].suite.burn_in, now)
        return Deployment(
            id=new_id(), suite=suite, target=wanted.target, location=self._location, version=wanted.version, deployed_at=now,
            reported_by=by, note=wanted.note, phases=phases, state=DeploymentState.BURNING_IN,
        )  # fmt: skip

    def _tell(self, deployment: Deployment, sentence: str, phase: Phase | None = None) -> None:
        _log.info(sentence, extra={"deployment_id": deployment.id})
        for listener in self._listeners:
            listener(DeploymentTold(deployment, sentence, phase))


async def _outliving(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:  # the edge to one run: in a task group it would take all others, and the watching, with it
        _log.exception("a run after a deployment broke")
