"""This file is for triggers: what rolls back at once, what holds because the baseline shows it, and what arms them."""

from __future__ import annotations

from typing import Any

import pytest

from reports.judgement.count_process import CountProcess
from reports.judgement.gate import Decision, Phase, TriggerStands, Verb
from reports.judgement.gate_metrics import after_traffic
from reports.judgement.gate_rules import MetricRule, TriggerRule
from reports.judgement.gate_state import MetricState, TriggerState
from reports.judgement.gate_triggers import Fired
from reports.judgement.gate_triggers import after_traffic as spiked
from scenarios.gates.policy import WhenShared
from scenarios.gates.records import Seat, TrafficSeen
from tests.reports.judgement.gate_making import (
    BEGAN,
    ERRORS,
    EVERY,
    LEAK,
    NAMES,
    a_round,
    dead,
    decided,
    opened,
    rounds,
    seen,
    side,
    stage,
)


def stands(decision: Decision, name: str) -> TriggerStands:
    return next(one for one in decision.triggers if one.id == name)


def test_one_leak_rolls_back_and_says_who_was_hurt() -> None:
    decision = decided([stage(), *rounds(5), a_round(6, side(leak=True))])
    assert (decision.verb, decision.phase, decision.final) == (Verb.ROLLBACK, Phase.ROLLED_BACK, True)
    assert decision.reason_code == f"trigger:{LEAK}"
    assert decision.reason == "tenant 20 was served tenant 15's slots"
    assert stands(decision, LEAK).state == "fired"


def test_a_leak_that_the_baseline_has_too_rolls_back_and_says_so() -> None:
    decision = decided([stage(), a_round(1, side(leak=True), side(leak=True))])
    assert (decision.verb, "preexisting" in decision.reason) == (Verb.ROLLBACK, True)


def test_a_leak_of_the_baseline_alone_is_a_warning() -> None:
    decision = decided([stage(), a_round(1, None, side(leak=True)), *rounds(40, after=1)])
    assert decision.verb is Verb.PROMOTE
    assert any(LEAK in one for one in decision.warnings)


def test_a_leak_in_a_round_that_others_answered_too_rolls_back() -> None:
    assert decided([stage(), a_round(1, side(leak=True, wrong=1))]).verb is Verb.ROLLBACK


def test_a_leak_before_the_first_stage_rolls_back() -> None:
    assert decided([a_round(1, side(leak=True))]).verb is Verb.ROLLBACK


@pytest.mark.parametrize(("many", "verb"), [(1, Verb.HOLD), (2, Verb.HOLD), (3, Verb.ROLLBACK)])
def test_what_needs_three_rounds_is_watched_before(many: int, verb: Verb) -> None:
    decision = decided([stage(), *rounds(5), *rounds(many, side("login"), after=5)])
    assert decision.verb is verb
    if verb is Verb.HOLD:
        assert (decision.reason_code, stands(decision, ERRORS).state) == ("trigger_watched", "watched")
        assert f"{many} round" in decision.reason


def test_rounds_in_a_row_end_with_a_good_one() -> None:
    canaries = ["login", "login", None, "login", "login", None]
    records = [a_round(n, side(bad) if bad else side()) for n, bad in enumerate(canaries, start=1)]
    assert decided([stage(), *records]).reason_code == "insufficient_evidence"


def test_a_round_that_others_answered_is_not_the_canarys_fault() -> None:
    records = [a_round(n, side("login", wrong=1)) for n in range(1, 9)]
    assert decided([stage(), *records]).verb is Verb.HOLD


def test_what_both_show_holds_and_rolls_back_once_only_the_canary_goes_on() -> None:
    shared = [stage(), *rounds(8, side("login"), side("login"))]
    assert (decided(shared).verb, decided(shared).reason_code) == (Verb.HOLD, "shared_incident")
    later = [*shared, *rounds(2, side("login"), after=8)]
    assert (decided(later).verb, decided(later).reason_code) == (Verb.HOLD, "shared_incident")
    later += rounds(2, side("login"), after=10)
    assert (decided(later).verb, decided(later).reason_code) == (Verb.HOLD, "trigger_watched")
    assert decided([*later, a_round(13, side("login"))]).reason_code == f"trigger:{ERRORS}"


def test_a_baseline_that_shows_it_a_round_earlier_is_a_shared_incident() -> None:
    once = {"id": ERRORS, "scenarios": ["login"], "times": 1, "shared": "hold"}
    records = [stage(), a_round(1, None, side("login")), a_round(2, side("login"))]
    assert decided(records, opened(triggers=[once])).reason_code == "shared_incident"


def test_without_a_baseline_that_answers_nothing_is_the_canarys_alone() -> None:
    decision = decided([stage(), *rounds(30, side("login"), dead())])
    assert (decision.verb, decision.reason_code) == (Verb.HOLD, "shared_incident")


@pytest.mark.parametrize(
    "canary",
    [dead(), side(*NAMES, right=0, unmarked=2), side(*NAMES, right=0)],
    ids=["nothing answers", "a proxy answers", "no answer ends"],
)
def test_a_dead_canary_is_seen_within_five_rounds(canary: Any) -> None:
    records = [stage(), *rounds(10), *rounds(5, canary, after=10)]
    assert decided(records[:-1], opened(triggers=[])).verb is Verb.HOLD
    decision = decided(records, opened(triggers=[]))
    assert (decision.verb, decision.reason_code) == (Verb.ROLLBACK, "trigger:canary_unreachable")


def test_a_policy_may_name_when_a_canary_is_dead() -> None:
    mine = {"id": "gone", "danger": "unreachable", "times": 2}
    decision = decided([stage(), *rounds(2, dead())], opened(triggers=[mine], armed={"gone": NAMES}))
    assert [one.id for one in decision.triggers] == ["gone"]
    assert decision.reason_code == "trigger:gone"


def test_a_danger_that_is_named_for_some_scenarios_counts_only_there() -> None:
    only = {"id": LEAK, "danger": LEAK, "scenarios": ["login"], "shared": "rollback"}
    decision = decided([stage(), a_round(1, side(leak=True))], opened(triggers=[only], armed={LEAK: ("login",)}))
    assert decision.verb is Verb.HOLD


def test_a_danger_is_seen_wherever_it_is_told() -> None:
    leaks = {"login": seen(Seat.BAD, dangers=(LEAK,)), "search": seen()}
    assert decided([stage(), a_round(1, side(scenarios=leaks))]).reason_code == f"trigger:{LEAK}"


def test_a_trigger_is_armed_anew_in_each_stage() -> None:
    two = [{"weight": w, "margin": 20, "min_rounds": 5, "max_rounds": 200, "max_time": 36000} for w in (25, 50)]
    unarmed = {"login": seen(), "search": seen(armed=False)}
    start = opened(stages=two)
    first = [stage(), *rounds(25)]
    assert decided(first, start).verb is Verb.PROMOTE
    second = [*first, stage(1, after=25), *(a_round(n, side(scenarios=unarmed)) for n in range(26, 60))]
    assert (decided(second, start).verb, decided(second, start).reason_code) == (Verb.HOLD, "trigger_unproven")
    assert stands(decided(second, start), LEAK).state == "unproven"
    assert decided([*second, a_round(60)], start).verb is Verb.PROMOTE


@pytest.mark.parametrize("given", [{"unmarked": 1}, {"wrong": 1}, {"right": 0}], ids=str)
def test_an_answer_of_nobody_arms_nothing(given: dict[str, int]) -> None:
    decision = decided([stage(), a_round(1, side(**given))])
    assert {one.armed_rounds for one in decision.triggers} == {0}


SPIKE = TriggerRule("five_xx_spike", "server_errors", 5, WhenShared.HOLD, NAMES, anywhere=True)
MetricCounts = tuple[int, int, int, int]


def after(*readings: tuple[float, MetricCounts]) -> tuple[TriggerState, Fired | None]:
    """A trigger after readings of traffic, as (seconds, (canary, failed, baseline, failed))."""
    rule, metric = MetricRule("traffic", "traffic", 1.0, every=15.0), MetricState(counts=CountProcess.new())
    state, fired = TriggerState(), None
    for at, counts in readings:
        metric = after_traffic(rule, metric, TrafficSeen(at, 0, *counts), at)
        state, fired = spiked(SPIKE, state, metric)
    return state, fired


@pytest.mark.parametrize(
    ("counts", "fires", "shared"),
    [
        ((20, 10, 400, 19), True, False),
        ((19, 19, 400, 0), False, False),
        ((20, 9, 400, 0), False, False),
        ((20, 20, 400, 20), False, True),
        ((20, 20, 19, 0), False, False),
        ((20, 21, 400, 0), False, False),
        ((-20, 0, 400, 0), False, False),
    ],
    ids=["spike", "few requests", "not half of them", "both", "no baseline", "impossible", "below 0"],
)
def test_a_spike_of_errors_among_real_requests(counts: MetricCounts, fires: bool, shared: bool) -> None:
    state, fired = after((0.0, counts))
    assert (fired is not None, state.shared) == (fires, shared)


def test_a_spike_is_of_one_minute() -> None:
    half = (10, 5, 100, 0)
    assert after((0.0, half), (30.0, half))[1] is not None
    assert after((0.0, half), (80.0, half))[1] is None


def test_a_spike_that_has_to_settle_is_waited_for() -> None:
    rule, metric, state = (
        MetricRule("traffic", "traffic", 1.0, every=15.0, settle_s=60.0),
        MetricState(counts=CountProcess.new()),
        TriggerState(),
    )
    fired: dict[float, bool] = {}
    for at in (0.0, 15.0, 30.0, 45.0, 60.0):
        metric = after_traffic(rule, metric, TrafficSeen(at, 0, 30, 20, 400, 0), at)
        fired[at] = spiked(SPIKE, state, metric, 60.0)[1] is not None
    assert fired == {0.0: False, 15.0: False, 30.0: False, 45.0: False, 60.0: True}
    shared = after_traffic(rule, metric, TrafficSeen(75.0, 0, 30, 20, 400, 300), 75.0)
    assert (shared.spiked_since, spiked(SPIKE, state, shared, 60.0)[0].shared) == (None, True)


def test_a_spike_rolls_back_and_says_how_many_failed() -> None:
    counters = dict.fromkeys(("canary_total", "canary_failed", "baseline_total", "baseline_failed"), "up")
    start = opened(
        triggers=[{"id": "five_xx_spike", "danger": "server_errors", "times": 5}],
        armed={"five_xx_spike": NAMES},
        metrics=[{"kind": "rounds", "weight": 0.5}, {"kind": "traffic", "weight": 0.5, **counters}],
    )
    decision = decided([stage(), TrafficSeen(BEGAN + EVERY, 1, 40, 30, 400, 2)], start)
    assert (decision.verb, decision.reason_code) == (Verb.ROLLBACK, "trigger:five_xx_spike")
    assert decision.reason == "30 of the canary's 40 real requests failed in 60 s, of the baseline's 2 of 400"
