"""This file is for what holds of a gate whatever it is told: no promotion without proof, no way back from a rollback.

What is proof is counted here once more, from the records alone and in another way than the gate counts it.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.judgement.betting import BETS, PRIOR
from reports.judgement.gate import BadState, Decision, GateState, Phase, Verb, begun, decide, step
from scenarios.gates.records import BadRecord, Looked, Opened, Record, RoundSeen, ScenarioSeen, Seat, SideSeen, StageBegan, Told
from scenarios.gates.records import TrafficSeen as Traffic
from tests.reports.judgement.gate_making import BEGAN, ERRORS, EVERY, LEAK, a_round, dead, opened, side, stage

COUNTERS = dict.fromkeys(("canary_total", "canary_failed", "baseline_total", "baseline_failed"), "up")
STAGES = (
    {"weight": 0, "min_rounds": 2, "max_rounds": 30, "max_time": 690},
    {"weight": 25, "margin": 30, "min_rounds": 6, "max_rounds": 24, "min_time": 50, "max_time": 690},
    {"weight": 100, "margin": 25, "min_rounds": 8, "max_rounds": 24, "max_time": 690},
)
LATENCY = {"kind": "latency", "weight": 0.2, "above": "p75", "calibration": 20}
START = opened(stages=STAGES, metrics=[{"kind": "rounds", "weight": 0.8}, LATENCY])
WITH_TRAFFIC = opened(stages=STAGES, metrics=[{"kind": "rounds", "weight": 0.5}, {"kind": "traffic", "weight": 0.5, **COUNTERS}])
STARTS = (START, WITH_TRAFFIC)
SETTINGS = settings(max_examples=30, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32)  # a course is drawn by chance of its own: a draw for each field would take minutes


def a_scenario(chance: Random, harm: float) -> ScenarioSeen:
    seat = chance.choices((Seat.GOOD, Seat.BAD, Seat.NONE), (1 - harm, harm / 2, harm / 2))[0]
    return ScenarioSeen(
        seat,
        say=chance.choice(["", "it answered 500"]),
        seconds=chance.choice([None, 0.0, 0.05, 0.07, 3.0]),
        dangers=(LEAK,) if chance.random() < harm / 20 else (),
        armed=chance.random() < 0.8,
    )


def a_side(chance: Random, harm: float) -> SideSeen:
    if chance.random() < harm / 4:
        return dead()
    return SideSeen(
        {"login": a_scenario(chance, harm), "search": a_scenario(chance, harm)},
        right=0 if chance.random() < harm / 5 else 4,
        wrong=2 if chance.random() < harm / 5 else 0,
        unmarked=1 if chance.random() < harm / 5 else 0,
        clock_offset_s=chance.choice([None, 0.0, 1.0, 40.0 * (chance.random() < harm)]),
    )


def a_record(chance: Random, at: float, harms: tuple[float, float]) -> Record:
    match chance.choices(("round", "stage", "traffic", "looked", "told"), (60, 1, 20, 1, 1))[0]:
        case "stage":
            return StageBegan(at, chance.choice([0, 1, 2]))
        case "traffic":
            low = -1 if chance.random() < 0.02 else 0
            counts = [chance.randint(20, 40), chance.randint(low, 1), chance.randint(20, 400), chance.randint(0, 3)]
            return Traffic(at, 1, *counts, trouble="gone" if chance.random() < 0.1 else "")
        case "looked":
            return Looked(at, chance.choice(["", "no route"]))
        case "told":
            return Told(at, chance.choices(("hold", "resume", "rollback", "cancel"), (4, 12, 1, 1))[0], "ann", "why")
    return RoundSeen(at, a_side(chance, harms[0]), a_side(chance, harms[1]))


def course(seed: int, longest: int = 110) -> list[Record]:
    """A course of records. Most go well for a while, so that promotions happen; some are harmed on one side, some on both."""
    chance = Random(seed)
    harms = chance.choice([0.0, 0.02, 0.1, 0.4]), chance.choice([0.0, 0.02, 0.1])
    leaps = chance.choice([0.0, 0.1])
    at, index = BEGAN, chance.choice([0, 0, 1])
    made: list[Record] = [StageBegan(at, index)]
    for _ in range(chance.randint(0, longest)):
        at = max(0.0, at + (chance.choice([0.0, 1.0, -EVERY, -4000.0, 700.0]) if chance.random() < leaps else EVERY))
        made.append(a_record(chance, at, harms))
        if chance.random() < 0.04:
            index = min(2, index + 1)
            made.append(StageBegan(at, index))
    return made


def walked(start: Opened, records: list[Record]) -> Iterator[tuple[Record, GateState, Decision]]:
    """What a gate was told, and came to, one by one; what it refuses is left out, as where it is asked."""
    state = begun(start)
    for one in records:
        try:
            state = step(state, one)
        except BadRecord:
            continue
        yield one, state, decide(state)


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        for one in value.values():
            yield from numbers(one)
    elif isinstance(value, list):
        for one in value:
            yield from numbers(one)
    elif isinstance(value, int | float):
        yield value


class Proof:
    """What was proven since the stage began, counted from the records, each rule as plainly as it can be said."""

    def __init__(self) -> None:
        self.stage = -1
        self.new_stage(-1)
        self.worse = self.better = self.same = self.rounds_all = 0

    def new_stage(self, index: int) -> None:
        self.stage, self.rounds, self.armed = index, 0, dict.fromkeys((LEAK, ERRORS), False)

    def take(self, one: Record) -> None:
        if isinstance(one, StageBegan) and one.index != self.stage:
            self.new_stage(one.index)
        if not isinstance(one, RoundSeen) or self.stage < 0:
            return
        canary, baseline = one.canary, one.baseline
        mine = canary.right > 0 and canary.wrong == canary.unmarked == 0
        theirs = baseline.right > 0 and baseline.wrong == baseline.unmarked == 0
        if mine:
            self.armed[LEAK] |= canary.scenarios["search"].armed
            self.armed[ERRORS] |= canary.scenarios["login"].armed
        both = [n for n in ("login", "search") if Seat.NONE not in (canary.scenarios[n].seat, baseline.scenarios[n].seat)]
        if not (mine and theirs and both):
            return
        self.rounds, self.rounds_all = self.rounds + 1, self.rounds_all + 1
        worse = any(canary.scenarios[n].seat is Seat.BAD for n in both)
        better = any(baseline.scenarios[n].seat is Seat.BAD for n in both)
        self.worse, self.better, self.same = (
            self.worse + (worse > better),
            self.better + (better > worse),
            self.same + (worse == better),
        )

    def k_at_most(self, margin: float) -> float:
        """The evidence of all rounds: where the gate counts each of them, it may have less of it, never more."""
        worth = 0.0
        for part, weight in zip(BETS, PRIOR, strict=True):
            lam = part / (1 - margin)
            lost, won, drew = 1 + lam * (margin - 1), 1 + lam * (margin + 1), 1 + lam * margin
            worth += weight * lost**self.worse * won**self.better * drew**self.same
        return worth


@pytest.mark.parametrize("start", [START, WITH_TRAFFIC], ids=["latency", "traffic"])
@given(seed=seeds)
@SETTINGS
def test_whatever_is_told_a_promotion_is_proven(start: Opened, seed: int) -> None:
    proof, shown_here = Proof(), False
    for one, state, decision in walked(start, course(seed)):
        stage_before = proof.stage
        proof.take(one)
        shown_here = shown_here and proof.stage == stage_before
        if decision.verb is Verb.PROMOTE and not shown_here:
            shown_here = True
            asked = STAGES[decision.stage]
            assert proof.rounds >= asked["min_rounds"], "too few rounds were proven on both sides"
            assert all(proof.armed.values()), "a trigger was never armed in this stage"
            assert not any(one.state in ("fired", "watched") for one in decision.triggers)
            assert decision.e < decision.e_threshold
            if decision.margin is not None:
                assert decision.k >= decision.k_threshold
                if state.rounds_all == proof.rounds_all:  # none was too near to another one
                    assert proof.k_at_most(decision.margin / 100) >= 1 / decision.beta * (1 - 1e-9)
                assert decision.upper_bound is not None
                assert decision.upper_bound <= decision.margin + 1e-6
            if start is WITH_TRAFFIC and decision.weight:
                assert state.metrics[1].read_at is not None
        if decision.phase in (Phase.PROMOTED, Phase.ROLLED_BACK, Phase.CANCELLED):
            break  # what is told from then on changes nothing


@given(seed=seeds)
@SETTINGS
def test_a_rollback_and_an_end_are_latched(seed: int) -> None:
    ended: Decision | None = None
    for _, _, decision in walked(START, course(seed)):
        if ended is not None:
            assert decision == ended
        if decision.phase in (Phase.ROLLED_BACK, Phase.CANCELLED, Phase.PROMOTED):
            ended = decision
        assert (decision.verb is Verb.ROLLBACK) == (decision.phase is Phase.ROLLED_BACK)


@pytest.mark.parametrize("start", [START, WITH_TRAFFIC], ids=["latency", "traffic"])
@given(seed=seeds)
@SETTINGS
def test_a_restart_at_any_point_changes_nothing(start: Opened, seed: int) -> None:
    state = again = begun(start)
    for one in course(seed, longest=60):
        try:
            state = step(state, one)
        except BadRecord:
            with pytest.raises(BadRecord):
                step(again, one)
            continue
        again = step(GateState.read(json.loads(json.dumps(again.as_json(), allow_nan=False))), one)
        assert again == state
        assert decide(again) == decide(state)
    if state.stage >= 0:
        assert decide(step(state, StageBegan(state.at, state.stage))) == decide(state)


@given(seed=seeds)
@SETTINGS
def test_no_number_is_beyond_all_bounds(seed: int) -> None:
    for _, state, decision in walked(WITH_TRAFFIC, course(seed)):
        body = decision.as_json(session="s" * 200, evidence_url="/e")
        assert all(math.isfinite(one) for one in numbers(body))
        assert all(math.isfinite(one) for one in numbers(state.as_json()))
        assert all(math.isfinite(one) for one in (decision.e, decision.k))
        assert len(json.dumps(body, allow_nan=False)) < 2000
        assert decision.reason


@given(seed=seeds)
@SETTINGS
def test_evidence_in_another_order_never_helps_a_canary_that_is_not_shown(seed: int) -> None:
    """Whatever the order, a gate has no more independent rounds than fit between the first and the last."""
    shuffled = course(seed)
    Random(seed).shuffle(shuffled)
    seen_at = [BEGAN]
    for one, state, _ in walked(START, shuffled):
        seen_at.append(one.at)
        fit = (max(seen_at) - min(seen_at)) / (0.95 * START.gap_s) + 1
        assert state.rounds_all <= fit + state.clock.setbacks
        assert state.clock.now >= BEGAN


def test_the_courses_come_to_every_end() -> None:
    """The control of all here: what is claimed of promotions was looked at in many of them."""
    ends, stages = Counter[Phase](), Counter[int]()
    for seed in range(120):
        decisions = [decision for _, _, decision in walked(STARTS[seed % 2], course(seed))]
        ends[decisions[-1].phase] += 1
        stages.update({one.stage for one in decisions if one.verb is Verb.PROMOTE})
    assert min(ends[phase] for phase in (Phase.RUNNING, Phase.PROMOTED, Phase.ROLLED_BACK, Phase.INCONCLUSIVE)) >= 5, ends
    assert min(stages[index] for index in range(3)) >= 10, stages


@given(many=st.integers(1, 60), bad=st.integers(1, 60))
@SETTINGS
def test_what_fails_only_on_the_canary_never_makes_it_look_better(many: int, bad: int) -> None:
    records: list[Record] = [stage(1), *(a_round(n) for n in range(1, many + 1))]
    spoilt = [
        replace(one, canary=side("search")) if isinstance(one, RoundSeen) and i == bad else one for i, one in enumerate(records)
    ]
    sound, worse = (list(walked(opened(stages=STAGES), course))[-1][1] for course in (records, spoilt))
    assert worse.e >= sound.e
    assert worse.bets(30).k <= sound.bets(30).k


def states_that_are_none() -> dict[str, dict[str, Any]]:
    whole = begun(START).as_json()
    return {
        "empty": {},
        "another form": {**whole, "version": 2},
        "something lacks": {name: value for name, value in whole.items() if name != "clock"},
        "something more": {**whole, "more": 1},
        "no phase": {**whole, "phase": "running fast"},
        "no number": {**whole, "worse": "many"},
        "not finite": {**whole, "at": float("nan")},
        "deep inside": {**whole, "clock": {**whole["clock"], "more": 1}},
    }


@pytest.mark.parametrize("told", states_that_are_none().values(), ids=states_that_are_none().keys())
def test_what_is_no_state_is_refused(told: dict[str, Any]) -> None:
    with pytest.raises(BadState):
        GateState.read(told)


def test_a_state_stays_small() -> None:
    state = begun(START)
    for number in range(2000):
        names = [f"scenario {number} {i}" for i in range(10)]
        bad, none = names[:3], names[3:6]
        state = step(state, a_round(number, side(*bad, none=none, names=names), side(*bad[:1], none=none, names=names)))
        state = step(state, stage(1, after=number)) if number == 5 else state
    assert len(json.dumps(state.as_json())) < 20_000
