"""This file is for plans of policies: what is foretold has to be what the gate's own judgement does."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from reports.judgement.betting import Betting
from reports.judgement.gate import Phase, begun, step
from reports.judgement.planning import Plan, fewest_rounds, plan_of, rounds_per_unit
from reports.judgement.walking import PROMOTED, ROLLED_BACK, UNDECIDED, Rollout, StageBounds, same_to_show, walk
from scenarios.gates.policy import Policy, Profile
from scenarios.gates.profiles import STAGES
from scenarios.gates.records import Opened, RoundSeen, ScenarioSeen, Seat, SideSeen, StageBegan

SHORT = ({"weight": 0, "max_rounds": 60}, {"weight": 5, "margin": 12.0, "min_rounds": 30, "max_rounds": 80})


def _policy(stages: Sequence[Any] = SHORT, **more: Any) -> Policy:
    told = {
        "name": "p", "service": "shop", "suite": "s", "target": "t", "identity": {"header": "x"}, "triggers": [],
        "canary": {"version": "2"}, "baseline": {"version": "1"}, "stages": list(stages),
    }  # fmt: skip
    return Policy.model_validate(told | more)


def _standard(**more: Any) -> Policy:
    return _policy([stage.model_dump() for stage in STAGES[Profile.STANDARD]], **more)


def _side(bad: bool) -> SideSeen:
    return SideSeen({"a": ScenarioSeen(Seat.BAD if bad else Seat.GOOD, armed=True, seconds=0.1)}, 1, 0, 0)


def _folded(policy: Policy, baseline: float, canary: float, chance: Random) -> tuple[Phase, int]:
    """Walk a rollout through the gate's own fold, and return its end and its rounds."""
    state = step(begun(Opened(0.0, "g", policy.model_dump(mode="json"), 10.0, {})), StageBegan(0.0, 0))
    at, stage = 0.0, 0
    while not state.phase.is_over:
        at += policy.every
        state = step(state, RoundSeen(at, _side(chance.random() < canary), _side(chance.random() < baseline)))
        if state.shown_upto > stage and not state.phase.is_over:
            stage += 1
            state = step(state, StageBegan(at, stage))
    return state.phase, state.rounds_all


@pytest.mark.parametrize(("canary", "times"), [(0.02, 40), (0.3, 40)], ids=["sound", "regressed"])
def test_a_walked_rollout_ends_as_a_folded_one(canary: float, times: int) -> None:
    policy = _policy()
    folded = [_folded(policy, 0.02, canary, Random(f"folded {n}")) for n in range(times)]
    rollout = Rollout((StageBounds(None, 3, 60, spotless=3), StageBounds(12.0, 30, 80)), 0.05, 0.05, 1.0)
    walked = [walk(rollout, 0.02, canary, Random(f"walked {n}")) for n in range(1000)]
    for phase, end in ((Phase.PROMOTED, PROMOTED), (Phase.ROLLED_BACK, ROLLED_BACK), (Phase.INCONCLUSIVE, UNDECIDED)):
        foretold = sum(one.end == end for one in walked) / len(walked)
        error = math.sqrt(max(foretold * (1 - foretold), 0.02) / times)
        assert abs(sum(seen is phase for seen, _ in folded) / times - foretold) <= 3 * error
    took = [one.units_all for one in walked]
    mean = sum(took) / len(took)
    spread = math.sqrt(sum((one - mean) ** 2 for one in took) / len(took) / times)
    assert abs(sum(rounds for _, rounds in folded) / times - mean) <= 3 * spread


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_of(_standard(), gap_s=10.0)


def test_the_standard_profile_takes_what_its_table_says(plan: Plan) -> None:
    assert plan.promoted >= 0.95 and plan.rolled_back <= 0.05
    needs = {one.weight: one.takes for one in plan.stages}
    five, quarter, half = (needs[weight] for weight in (5, 25, 50))
    assert five and quarter and half
    assert 100 <= five.rounds <= 145
    assert 300 <= five.rounds + quarter.rounds <= 420
    assert 750 <= five.rounds + quarter.rounds + half.rounds <= 1100
    assert five.seconds == pytest.approx(10 * five.rounds) and five.rounds_p90 > five.rounds


def test_a_regression_is_seen_the_sooner_the_worse_it_is(plan: Plan) -> None:
    assert [one.rate for one in plan.regressions] == [0.02, 0.05, 0.2, 1.0]
    took = [one.takes.rounds for one in plan.regressions if one.takes is not None]
    assert len(took) == 4 and took == sorted(took, reverse=True)
    assert took[-1] <= 8 and took[0] <= 1000
    assert all(one.promoted <= 0.02 for one in plan.regressions)
    assert all(one.rolled_back + one.promoted + one.undecided == pytest.approx(1) for one in plan.regressions)


def test_what_a_stage_excludes_is_a_bound_of_the_bets(plan: Plan) -> None:
    first = plan.stages[1]
    assert first.fewest == fewest_rounds(4.5, 0.05)
    assert Betting(4.5, 0.05, same=first.fewest).is_shown and not Betting(4.5, 0.05, same=first.fewest - 1).is_shown
    assert first.bound_points is not None and first.bound_usual_points is not None
    assert 0 < first.bound_points < first.bound_usual_points < 4.5
    assert plan.stages[0].fewest is None and plan.stages[0].bound_points is None


def test_a_plan_is_the_same_each_time_and_all_its_numbers_are_finite(plan: Plan) -> None:
    assert plan_of(_standard(), gap_s=10.0) == plan
    json.dumps(plan.as_json(), allow_nan=False)


def test_a_stage_too_short_for_its_margin_lets_few_pass() -> None:
    plan = plan_of(_policy([{"weight": 5, "margin": 4.5, "min_rounds": 90, "max_rounds": 95}]), gap_s=10.0)
    assert plan.stages[0].passes < 0.7 and plan.undecided > 0.3
    assert plan.promoted == pytest.approx(plan.stages[0].passes, abs=0.05)


def test_time_ends_a_stage_as_rounds_do() -> None:
    plan = plan_of(_policy([{"weight": 5, "margin": 4.5, "min_rounds": 90, "max_rounds": 4000, "max_time": 950}]), gap_s=10.0)
    assert plan.stages[0].max_rounds == 96 and plan.undecided > 0.3


def test_a_stage_lasts_its_shortest_time() -> None:
    plan = plan_of(_policy([{"weight": 100, "min_time": 600, "max_time": 900, "max_rounds": 100}]), gap_s=10.0)
    assert plan.promoted >= 0.99 and plan.total is not None and plan.total.rounds == pytest.approx(61, abs=1)


def test_a_failure_ends_a_stage_whose_rounds_are_over_and_whose_time_is_not() -> None:
    plan = plan_of(_policy([{"weight": 100, "min_time": 600, "max_time": 900, "max_rounds": 10}]), gap_s=10.0)
    assert plan.undecided > 0.1


def test_rounds_within_a_gap_count_as_one() -> None:
    assert [rounds_per_unit(10, gap) for gap in (0, 10, 10.4, 20, 120)] == [1, 1, 1, 2, 12]
    plan = plan_of(_policy(every=5.0), gap_s=10.0)
    assert (plan.rounds_per_unit, plan.round_s) == (2, 10.0)


def test_latency_is_walked_beside_failures_and_costs_evidence() -> None:
    alone = plan_of(_policy(), gap_s=10.0, baseline_failure=0.01)
    metrics = [{"kind": "rounds", "weight": 0.5}, {"kind": "latency", "weight": 0.5, "above": "p75"}]
    both = plan_of(_policy(metrics=metrics), gap_s=10.0, baseline_failure=0.01)
    slower, sooner = both.regressions[-1].takes, alone.regressions[-1].takes
    assert slower is not None and sooner is not None and slower.rounds > sooner.rounds
    assert both.rolled_back <= 0.05


def test_a_stage_waits_for_the_bound_of_a_latency() -> None:
    metrics = [{"kind": "rounds", "weight": 0.5}, {"kind": "latency", "weight": 0.5, "above": "p75", "calibration": 60}]
    total = plan_of(_policy(metrics=metrics), gap_s=10.0).total
    assert total is not None and total.rounds >= 61


def test_a_failing_scenario_among_many_costs_little_evidence() -> None:
    one, many = (plan_of(_policy(), gap_s=10.0, scenarios=count).regressions[-2].takes for count in (1, 30))
    assert one is not None and many is not None
    assert one.rounds <= many.rounds <= 1.25 * one.rounds


def test_real_traffic_is_foretold_for_stages_in_which_both_sides_have_some() -> None:
    counters = dict.fromkeys(("canary_total", "canary_failed", "baseline_total", "baseline_failed"), "requests_total")
    traffic = {"kind": "traffic", "weight": 0.5, **counters}
    plan = plan_of(_policy([*SHORT, {"weight": 100}], metrics=[{"kind": "rounds", "weight": 0.5}, traffic]), gap_s=10.0)
    assert {one.weight for one in plan.traffic} == {5.0}
    assert [one.requests for one in plan.traffic] == sorted((one.requests for one in plan.traffic), reverse=True)


@pytest.mark.parametrize("rate", [0.0, 0.3, 0.5], ids=str)
def test_any_rate_of_a_sound_side_can_be_planned_with(rate: float) -> None:
    plan = plan_of(_policy(), gap_s=10.0, baseline_failure=rate)
    assert plan.promoted + plan.rolled_back + plan.undecided == pytest.approx(1)
    assert all(one.rate > rate for one in plan.regressions)
    assert plan.rolled_back <= 0.06


def test_how_many_alike_rounds_show_a_margin_is_exact() -> None:
    for worse, better in ((0, 0), (3, 0), (2, 5)):
        same = same_to_show(2.0, 0.05, worse, better)
        assert Betting(2.0, 0.05, worse, better, same).is_shown
        assert not Betting(2.0, 0.05, worse, better, same - 1).is_shown
