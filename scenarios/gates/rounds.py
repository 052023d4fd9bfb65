"""This file is for one round of a gate: the whole selection asked of both sides at the same time, and what it showed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from probes.ids import new_id
from probes.net.egress import NotSent
from probes.net.trouble import TargetError
from probes.outcome import Outcome, Subject, Verdict
from probes.request import RequestTemplate, UnknownVariable
from probes.shorten import shorten
from scenarios.asking import Asking
from scenarios.gates.identity import Proof
from scenarios.gates.policy import Identity
from scenarios.gates.records import RoundSeen, ScenarioSeen, Seat, SideSeen
from scenarios.gates.sides import OneSide, Sides
from scenarios.hidden import secrets_of
from scenarios.model import Scenario, Suite
from scenarios.plan import breaks_neighbours
from scenarios.runner import Runner

if TYPE_CHECKING:
    from probes.undo import Journal

DEADLINE_S = 300.0  # of one round, undoing not counted
_SAY = 300  # characters of an outcome's sentence
_SEATS = {Verdict.PASS: Seat.GOOD, Verdict.DEGRADED: Seat.GOOD, Verdict.FAIL: Seat.BAD}
_OUT_OF_TIME = "not asked: the round's time was over"

Outcomes = Callable[[str, Outcome], None]  # side, outcome


def utc_now() -> datetime:
    return datetime.now(UTC)


class Rounds:
    """Asks rounds of both sides, one after the other, never two at once.

    Which side begins is drawn by `rng`. What breaks, changes or bursts is asked of the canary, then of the baseline, never of
    both at once, and while nothing else is asked: both may stand on the same dependencies. `told` gets each outcome.
    """

    def __init__(
        self,
        sides: Sides,
        *,
        rng: random.Random,
        journal: Journal | None = None,
        artifacts: Path | None = None,
        deadline_s: float = DEADLINE_S,
        jobs: int = 8,
        told: Outcomes | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.sides = sides
        self._rng = rng
        self._deadline_s = deadline_s
        serial = _serial(sides)
        self._together = tuple(s for s in sides.scenarios if s.name not in serial)
        self._serial = tuple(s for s in sides.scenarios if s.name in serial)
        make = (sides.identity, journal, artifacts, jobs, told, clock)
        self._canary, self._baseline = _Asker(sides.canary, *make), _Asker(sides.baseline, *make)

    async def ask(self, at: float) -> RoundSeen:
        """Ask one round, which begins at `at` (seconds since 1970). Cancelled, it mends what it broke and stops.

        Never raises for what a probe or a side does.
        """
        until = monotonic() + self._deadline_s
        drawn = [self._canary, self._baseline]
        self._rng.shuffle(drawn)
        for asker in drawn:
            asker.begin()
        await _all(*(asker.identify(until) for asker in drawn))
        if self._together:
            await _all(*(asker.ask(self._together, until) for asker in drawn))
        if self._serial:
            for asker in (self._canary, self._baseline):
                await asker.ask(self._serial, until)
        await _all(*(asker.identify(until) for asker in drawn))
        return RoundSeen(at, self._canary.seen(), self._baseline.seen())


class _Asker:
    """Asks one side, round after round."""

    def __init__(
        self,
        side: OneSide,
        identity: Identity,
        journal: Journal | None,
        artifacts: Path | None,
        jobs: int,
        told: Outcomes | None,
        clock: Callable[[], datetime],
    ) -> None:
        self._side, self._identity = side, identity
        self._journal, self._artifacts, self._jobs, self._told, self._clock = journal, artifacts, jobs, told, clock
        hidden = secrets_of(side.suite, side.target, [s.probe for s in side.suite.scenarios])
        self._asking = Asking(side.suite, side.target, hidden, clock=clock)
        self.begin()

    def begin(self) -> None:
        """Forget the round before."""
        self._proof = Proof(self._identity, self._side.version, self._asking.plain.text)
        self._outcomes: dict[str, Outcome] = {}

    async def identify(self, until: float) -> None:
        """Ask `identity.path`, where the policy has it, which version answers; silence is no proof of any."""
        left_s = until - monotonic()
        if self._identity.path is None or left_s <= 0:
            return
        target = self._side.target
        subject = Subject(self._side.suite.name, "which version answers", "gate", target.name, target.environment.value)
        asked = RequestTemplate.model_validate({"path": self._identity.path, "timeout": min(target.limits.request, left_s)})
        try:
            session = self._asking.session(self._asking.plain.own(subject), new_id())
            answer = await session.send(asked)
        except (TargetError, NotSent, UnknownVariable, OSError, ValueError):  # each scenario will tell by itself what is wrong
            return
        self._proof.take_asked(answer)

    async def ask(self, scenarios: Sequence[Scenario], until: float) -> None:
        """Ask these scenarios, of which some may need what was asked before."""
        left_s = until - monotonic()
        if left_s <= 0:
            for scenario in scenarios:
                self._take(scenario.name, self._unasked(scenario))
            return
        suite: Suite = self._side.suite.model_copy(update={"scenarios": tuple(scenarios)})
        runner = Runner(
            suite,
            self._side.target.name,
            run_deadline_s=left_s,
            journal=self._journal,
            artifacts=self._artifacts,
            jobs=self._jobs,
            kind="gate",
            known={name: outcome.verdict for name, outcome in self._outcomes.items()},
            seen=self._proof.take,
            clock=self._clock,
        )
        result = await runner.run()
        for scenario, outcome in zip(suite.scenarios, result.outcomes, strict=True):
            self._take(scenario.name, outcome)

    def seen(self) -> SideSeen:
        """Return what the round showed of this side."""
        proof = self._proof
        return SideSeen(
            scenarios={one.subject.scenario: self._scenario(one) for one in self._outcomes.values()},
            right=proof.right,
            wrong=proof.wrong,
            unmarked=proof.unmarked,
            unreachable=nothing_answered(list(self._outcomes.values())),
            said_versions=proof.said_versions,
            clock_offset_s=proof.clock_offset_s,
        )

    def _scenario(self, outcome: Outcome) -> ScenarioSeen:
        slowest_s = self._proof.slowest_s.get(outcome.subject.scenario)
        return scenario_seen(outcome, slowest_s)

    def _unasked(self, scenario: Scenario) -> Outcome:
        return self._asking.unasked(self._asking.subject(scenario), "", Verdict.SKIPPED, _OUT_OF_TIME)

    def _take(self, name: str, outcome: Outcome) -> None:
        self._outcomes[name] = outcome
        if self._told is not None:
            self._told(self._side.name, outcome)


def scenario_seen(outcome: Outcome, slowest_s: float | None) -> ScenarioSeen:
    """Return what an outcome is to a gate.

    It is armed where it shows that the opposite would have been noticed: all controls held, and it came to its end,
    or found a danger before.
    """
    seat = _SEATS.get(outcome.verdict, Seat.NONE)
    dangers = tuple(sorted({made.danger for made in outcome.checks if made.danger}))
    controls = outcome.controls
    held = bool(controls) and all(made.verdict is Verdict.PASS for made in controls)
    return ScenarioSeen(
        seat=seat,
        say="" if outcome.verdict is Verdict.PASS else shorten(outcome.sentence, _SAY),
        seconds=slowest_s,
        dangers=dangers,
        armed=held and (seat is Seat.GOOD or (seat is Seat.BAD and bool(dangers))),
    )


def nothing_answered(outcomes: Sequence[Outcome]) -> bool:
    """Say whether a side was not there: what failed did so without any answer, and nothing passed."""
    failed = [one for one in outcomes if one.verdict is Verdict.FAIL]
    passed = any(_SEATS.get(one.verdict) is Seat.GOOD for one in outcomes)
    return bool(failed) and not passed and all(_in_vain(one) for one in failed)


def _in_vain(outcome: Outcome) -> bool:
    tried = outcome.exchanges
    return bool(tried) and all(one.trouble and one.status is None for one in tried)


def _serial(sides: Sides) -> frozenset[str]:
    """Return the names of what is not asked of both sides at once, and of what needs one of these."""
    target = sides.canary.target
    serial = {s.name for s in sides.scenarios if breaks_neighbours(s, target) or s.probe.needs()}
    moved = bool(serial)
    while moved:
        waiting = {s.name for s in sides.scenarios if s.name not in serial and not serial.isdisjoint(s.needs)}
        serial |= waiting
        moved = bool(waiting)
    return frozenset(serial)


async def _all(*several: Coroutine[None, None, None]) -> None:
    """Await all at once, begun in this order."""
    async with asyncio.TaskGroup() as group:
        for one in several:
            group.create_task(one)
