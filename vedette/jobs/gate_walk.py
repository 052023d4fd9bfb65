"""This file is for walking through the stages of a rollout: advance, ask round after round, keep each before it is acted on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from reports.judgement.gate import Decision, GateState, Verb, begun, decide, step
from scenarios.gates.loading import LoadedPolicy
from scenarios.gates.records import Looked, Opened, Record, StageBegan
from scenarios.runner import spoken_duration
from vedette.exit_codes import Exit, of_signal
from vedette.jobs.gate_advance import WITHIN_S, NotMoved, advance
from vedette.jobs.gate_evidence import EvidenceFile
from vedette.jobs.gate_progress import Progress
from vedette.jobs.stopping import Signals
from vedette.service.gating import Asking

_CODES = {Verb.PROMOTE: Exit.PASSED, Verb.ROLLBACK: Exit.FAILED, Verb.INCONCLUSIVE: Exit.INCONCLUSIVE}


@dataclass(frozen=True, slots=True)
class End:
    """How a walk ended. `say` tells why nothing was decided, and is empty where something was."""

    decision: Decision
    code: Exit  # of what was decided, as if it bound
    say: str = ""

    @property
    def is_decided(self) -> bool:
        return not self.say


class Walk:
    """Goes through the stages of one rollout, once. All that it knows is in its evidence, so another walk can go on with it."""

    def __init__(
        self,
        loaded: LoadedPolicy,
        asking: Asking,
        evidence: EvidenceFile,
        *,
        name: str,
        only: int | None = None,
        advance: Sequence[str] | None = None,
        move: Callable[[float], Awaitable[None]] | None = None,
        timeout_s: float | None = None,
        clock: Callable[[], float] = time.time,
        hurry: float = 1.0,
    ) -> None:
        """`move` is `advance` in our own process. Waits are `hurry` times as short; `clock` is to run as much faster."""
        self.loaded, self.evidence, self._name = loaded, evidence, name
        self.path = tuple(range(len(loaded.policy.stages))) if only is None else (only,)
        self.decision: Decision | None = None
        self._asking, self._advance, self._clock = asking, advance, clock
        self._move, self._hurry = move, hurry
        self._timeout_s = self._longest_s() if timeout_s is None else timeout_s
        self._progress = Progress(loaded.policy, self.path)
        self._state: GateState | None = None
        self._keeping = asyncio.Lock()
        self._moved = asyncio.Event()
        self._stop: tuple[Exit, str] | None = None
        self._work: asyncio.Task[None] | None = None

    def request_stop(self, reason: str, signal: int = 0) -> None:
        """Stop: what is being asked is cancelled and mended, and the evidence stays whole."""
        self._halt(of_signal(signal), reason)

    async def run(self, signals: Signals) -> End:
        """Walk, and return how it ended. Raises: UsageError, also where evidence could not be kept."""
        try:
            await self._begin()
            self._work = asyncio.create_task(self._walk())
            with signals.stop(self):
                await self._finished(self._work)
        finally:
            self._progress.close()
            await self._asking.close()
        return self._end()

    async def _finished(self, work: asyncio.Task[None]) -> None:
        """Wait until the walk is over, or was stopped."""
        say = f"the time given ({spoken_duration(self._timeout_s)}) was over"
        deadline = asyncio.get_running_loop().call_later(self._timeout_s, self._halt, Exit.DEADLINE, say)
        try:
            await work
        except asyncio.CancelledError:
            if self._stop is None:
                raise
        except NotMoved as problem:
            self._stop = problem.exit, str(problem)
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None  # all for one reason: the first says it
        finally:
            deadline.cancel()

    def _longest_s(self) -> float:
        """Return how long all stages may take: only a shared incident at the end could take longer."""
        return sum(self.loaded.policy.stages[place].max_time + WITHIN_S for place in self.path)

    def _halt(self, code: Exit, reason: str) -> None:
        if self._stop is None and self._work is not None and not self._work.done():
            self._stop = code, reason
            self._work.cancel(reason)

    def _end(self) -> End:
        """Return what was decided about the last stage that was to be judged, never of one before it."""
        now = self._now
        if now.verb in (Verb.ROLLBACK, Verb.INCONCLUSIVE):
            return End(now, _CODES[now.verb])
        if self._stop is not None:
            code, reason = self._stop
            return End(now, code, reason)
        asked = decide(self._standing, stage=self.path[-1])
        if asked.verb is Verb.HOLD or asked.stage != self.path[-1]:
            raise RuntimeError("a walk that is over has decided nothing")
        return End(asked, _CODES[asked.verb])

    async def _walk(self) -> None:
        if self.evidence.found is not None and self._now.verb is Verb.PROMOTE and not self._now.phase.is_over:
            await self._keep(await self._asking.round(self._clock()))  # it was shown before it was away: is it still so?
        for place in self.path:
            if place < self._standing.shown_upto and place != self._standing.stage:
                continue  # an earlier walk has shown it
            await self._begin_stage(place)
            while self._now.verb is Verb.HOLD:  # also where what was seen just after it was shown holds it again
                await self._judge()
            if self._now.verb is not Verb.PROMOTE:
                return

    async def _begin(self) -> None:
        """Open the gate, or take up what an earlier walk has found."""
        found = self.evidence.found
        if found is None:
            policy, at = self.loaded.policy, self._clock()
            names = tuple(one.name for one in self.loaded.scenarios)
            opened = Opened(at, self._name, self.loaded.recorded(), self._gap_s(), dict(self.loaded.triggers), scenarios=names)
            self._progress.begins(self.evidence.path, self.loaded.scenarios, policy)
            await self._keep(opened)
            return
        self._state, self.decision = found.state, found.newest
        self._progress.goes_on(self.evidence.path, found.newest)
        if not found.newest.phase.is_over:
            await self._keep(Looked(self._clock(), "the gate was away, and goes on"))

    def _gap_s(self) -> float:
        from scenarios.gates.bursts import LEAST_S

        given = self.loaded.policy.gap
        return LEAST_S if given is None else given

    async def _begin_stage(self, place: int) -> None:
        """Let the traffic be moved, then begin the stage; one that has begun already goes on."""
        if self._now.phase.is_over or self._standing.stage == place:
            return
        stage = self.loaded.policy.stages[place]
        if self._advance is not None:
            self._progress.advances(stage)
            await advance(self._advance, stage.weight)
        if self._move is not None:
            await self._move(stage.weight)
        await self._keep(StageBegan(self._clock(), place))
        self._asking.moved()

    async def _judge(self) -> None:
        """Ask round after round until the stage is decided."""
        if self._is_over(self._now):
            return
        async with asyncio.TaskGroup() as group:
            asking = [group.create_task(self._rounds())]
            asking += [group.create_task(self._readings(n, every)) for n, every in self._asking.counters.items()]
            while not self._is_over(self._now):
                await self._moved.wait()
                self._moved.clear()
            for task in asking:
                task.cancel()

    async def _rounds(self) -> None:
        await self._again_and_again(self.loaded.policy.every, self._asking.round)

    async def _readings(self, metric: int, every_s: float) -> None:
        await self._again_and_again(every_s, lambda at: self._asking.traffic(metric, at))

    async def _again_and_again(self, every_s: float, ask: Callable[[float], Awaitable[Record]]) -> None:
        due = time.monotonic()
        while not self._is_over(self._now):
            await self._keep(await ask(self._clock()))
            due = max(due + every_s / self._hurry, time.monotonic())
            await asyncio.sleep(due - time.monotonic())

    @property
    def _now(self) -> Decision:
        if self.decision is None:
            raise RuntimeError("the gate is not opened")
        return self.decision

    def _is_over(self, decision: Decision) -> bool:
        return decision.phase.is_over or decision.verb is not Verb.HOLD

    async def _keep(self, record: Record) -> None:
        """Fold a record, and bring it to the disk before anybody is told what it decides, even while we are stopped."""
        async with self._keeping:
            state = self._folded(record)
            decision = decide(state)
            writing = asyncio.ensure_future(asyncio.to_thread(self.evidence.write, record, decision))
            try:
                await asyncio.shield(writing)
            finally:
                await asyncio.wait([writing])
                if writing.exception() is None:
                    self._state, self.decision = state, decision
            self._moved.set()
        self._progress.saw(record, decision)

    def _folded(self, record: Record) -> GateState:
        return begun(record) if isinstance(record, Opened) else step(self._standing, record)

    @property
    def _standing(self) -> GateState:
        if self._state is None:
            raise RuntimeError("the gate is not opened")
        return self._state
