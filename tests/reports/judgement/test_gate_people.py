"""This file is for people who hold, resume, promote, roll back or cancel, and for rollouts that move on, back or by leaps."""

from __future__ import annotations

import pytest

from reports.judgement.gate import Decision, Phase, Verb, decide, step
from scenarios.gates.records import BadRecord, Looked, Record, Told
from tests.reports.judgement.gate_making import BEGAN, EVERY, LEAK, a_round, decided, folded, opened, rounds, side, stage

THREE = opened(
    stages=[
        {"weight": 0, "min_rounds": 3, "max_rounds": 60, "max_time": 3600},
        {"weight": 25, "margin": 20, "min_rounds": 5, "max_rounds": 90, "max_time": 3600},
        {"weight": 50, "margin": 10, "min_rounds": 10, "max_rounds": 400, "max_time": 36000},
    ]
)


def told(action: str, by: str = "ann", reason: str = "we looked", *, after: int = 0) -> Told:
    return Told(BEGAN + EVERY * after, action, by, reason)


def short(decision: Decision) -> tuple[Verb, Phase, str]:
    return decision.verb, decision.phase, decision.reason_code


def test_a_held_gate_holds_what_is_shown_and_says_who_holds_it() -> None:
    held = [stage(), told("hold", reason="lunch"), *rounds(30)]
    decision = decided(held)
    assert short(decision) == (Verb.HOLD, Phase.RUNNING, "held")
    assert decision.reason == "held by ann: lunch"
    assert decision.held_by == "ann: lunch"
    assert short(decided([*held, told("resume", after=31)])) == (Verb.PROMOTE, Phase.PROMOTED, "shown")


def test_a_held_gate_rolls_back_all_the_same() -> None:
    assert decided([stage(), told("hold"), a_round(1, side(leak=True))]).reason_code == f"trigger:{LEAK}"
    assert decided([stage(), told("hold"), *rounds(9, side("search"))]).reason_code == "worse"


def test_time_that_it_is_held_is_not_the_stages_time() -> None:
    records: list[Record] = [stage(), told("hold"), Looked(BEGAN + 9000), told("resume", after=900), Looked(BEGAN + 9010)]
    assert decided(records).verb is Verb.HOLD
    assert decided([stage(), Looked(BEGAN + 9000)]).verb is Verb.INCONCLUSIVE


def test_a_person_promotes_one_stage_by_name_and_reason() -> None:
    records = [stage(), told("promote", reason="seen by hand")]
    decision = decided(records, THREE)
    assert short(decision) == (Verb.PROMOTE, Phase.RUNNING, "told")
    assert decision.reason == "promoted by ann: seen by hand"
    assert short(decided([*records, stage(1, after=1)], THREE)) == (Verb.HOLD, Phase.RUNNING, "no_data")


def test_a_person_promotes_what_could_not_be_decided() -> None:
    records = [stage(), Looked(BEGAN + 9000)]
    assert decided(records, THREE).phase is Phase.INCONCLUSIVE
    assert short(decided([*records, told("promote", after=901)], THREE)) == (Verb.PROMOTE, Phase.RUNNING, "told")


def test_a_person_promotes_the_last_stage_and_with_it_all() -> None:
    assert short(decided([stage(2), told("promote")], THREE)) == (Verb.PROMOTE, Phase.PROMOTED, "told")


def test_what_a_person_promoted_is_rolled_back_by_a_leak() -> None:
    assert decided([stage(), told("promote"), a_round(1, side(leak=True))], THREE).verb is Verb.ROLLBACK


@pytest.mark.parametrize(("by", "reason"), [("", "why"), ("ann", ""), (" \t", "why"), ("ann", "\x00\n")], ids=repr)
def test_nobody_promotes_without_a_name_and_a_reason(by: str, reason: str) -> None:
    with pytest.raises(BadRecord, match="name of a person, and a reason"):
        step(folded([stage()]), told("promote", by, reason))


def test_nobody_promotes_before_a_stage_began() -> None:
    with pytest.raises(BadRecord, match="no stage has begun"):
        step(folded([]), told("promote"))


def test_nobody_can_tell_a_gate_anything_else() -> None:
    with pytest.raises(BadRecord, match="nobody can tell a gate to 'pass'"):
        step(folded([stage()]), told("pass"))


@pytest.mark.parametrize("began", [True, False], ids=["in a stage", "before any"])
def test_a_person_rolls_back_and_cancels(began: bool) -> None:
    before = [stage()] if began else []
    decision = decided([*before, told("rollback", "ann\x1b[2J", "support is called")])
    assert short(decision) == (Verb.ROLLBACK, Phase.ROLLED_BACK, "told")
    assert decision.reason == "rolled back by ann [2J: support is called"
    assert short(decided([*before, told("cancel")])) == (Verb.INCONCLUSIVE, Phase.CANCELLED, "cancelled")


ENDS: dict[str, list[Record]] = {
    "rolled back by a trigger": [stage(), a_round(1, side(leak=True))],
    "rolled back by evidence": [stage(), *rounds(9, side("search"))],
    "rolled back by a person": [stage(), told("rollback")],
    "cancelled": [stage(), told("cancel")],
}
LATER: list[Record] = [
    *rounds(50, after=10),
    told("resume", after=70),
    told("promote", after=71),
    stage(1, after=72),
    stage(0, after=73),
    told("rollback", after=74),
    told("cancel", after=75),
    *rounds(200, after=80),
]


@pytest.mark.parametrize("records", ENDS.values(), ids=ENDS.keys())
def test_what_is_over_stays_so(records: list[Record]) -> None:
    state = folded(records, THREE)
    ended = decide(state)
    for record in LATER:
        state = step(state, record)
        assert decide(state) == ended


def test_the_same_stage_again_changes_nothing() -> None:
    state = folded([stage(), *rounds(12)])
    again = step(state, stage(after=12))
    assert decide(again) == decide(state)
    assert decided([stage(), *rounds(12), stage(after=12), *rounds(9, after=12)]).verb is Verb.PROMOTE


def test_the_same_stage_again_does_not_reopen_what_could_not_be_decided() -> None:
    records = [stage(), Looked(BEGAN + 9000), stage(after=901), *rounds(50, after=901)]
    assert short(decided(records)) == (Verb.INCONCLUSIVE, Phase.INCONCLUSIVE, "no_data")


def test_what_could_not_be_decided_is_rolled_back_all_the_same() -> None:
    records = [stage(), Looked(BEGAN + 9000), *rounds(9, side("search"), after=900)]
    assert short(decided(records)) == (Verb.ROLLBACK, Phase.ROLLED_BACK, "worse")


def test_a_rollout_goes_through_its_stages() -> None:
    smoke = [stage(), *rounds(3)]
    assert short(decided(smoke[:-1], THREE)) == (Verb.HOLD, Phase.RUNNING, "insufficient_evidence")
    assert short(decided(smoke, THREE)) == (Verb.PROMOTE, Phase.RUNNING, "shown")
    second = [*smoke, stage(1, after=4), *rounds(17, after=4)]
    assert short(decided(second, THREE)) == (Verb.PROMOTE, Phase.RUNNING, "shown")
    third = [*second, stage(2, after=22), *rounds(50, after=22)]
    assert short(decided(third, THREE)) == (Verb.PROMOTE, Phase.PROMOTED, "shown")
    weights = [decide(folded(records, THREE)).weight for records in (smoke, second, third)]
    assert weights == [0, 25, 50]


def test_each_stage_asks_for_its_own_least_rounds() -> None:
    """Evidence is carried on, and says little about a weight at which nobody looked."""
    waiting = [stage(), *rounds(200), stage(1, after=200), *rounds(4, after=200)]
    decision = decided(waiting, THREE)
    assert (decision.verb, decision.rounds, decision.rounds_all) == (Verb.HOLD, 4, 204)
    assert decision.reason == "4 of at least 5 rounds; increase < 2.1 points at 95 %, need < 20.0"
    assert decided([*waiting, a_round(205)], THREE).verb is Verb.PROMOTE


def test_what_fails_in_this_stage_is_not_outvoted_by_those_before() -> None:
    records = [stage(), *rounds(500), stage(1, after=500)]
    records += [a_round(500 + n, side("search") if n % 4 == 1 else None) for n in range(1, 6)]
    decision = decided(records, THREE)
    assert (decision.verb, decision.reason_code) == (Verb.HOLD, "insufficient_evidence")
    assert decision.reason == "in this stage's 5 rounds the canary failed 2 times more often, 1.0 are borne"


def test_a_round_that_began_before_the_stage_is_not_of_it() -> None:
    records = [stage(), *rounds(3), stage(1, after=6), a_round(5), a_round(6)]
    decision = decided(records, THREE)
    assert (decision.rounds, decision.rounds_all) == (1, 5)


def test_who_skips_a_stage_has_to_show_what_it_asks() -> None:
    skipped = [stage(), *rounds(3), stage(2, after=4), *rounds(9, after=4)]
    decision = decided(skipped, THREE)
    assert (decision.verb, decision.margin, decision.min_rounds, decision.max_rounds) == (Verb.HOLD, 10, 10, 400)
    assert any("were skipped" in one for one in decision.warnings)
    assert short(decided([*skipped, *rounds(30, after=13)], THREE)) == (Verb.PROMOTE, Phase.PROMOTED, "shown")


def test_a_last_stage_without_a_margin_asks_what_was_skipped_before_it() -> None:
    bake = opened(stages=[{"weight": 50, "margin": 2, "min_rounds": 200, "max_rounds": 400}, {"weight": 100, "max_rounds": 400}])
    decision = decided([stage(1), *rounds(20)], bake)
    assert (decision.verb, decision.margin, decision.min_rounds) == (Verb.HOLD, 2, 200)


def test_who_goes_back_has_to_show_the_stages_again() -> None:
    shown = [stage(), *rounds(3), stage(1, after=4), *rounds(17, after=4)]
    back = [*shown, stage(0, after=22)]
    assert short(decided(back, THREE)) == (Verb.HOLD, Phase.RUNNING, "no_data")
    assert decide(folded(back, THREE), stage=1).reason_code == "stage_not_begun"
    leaped = decide(folded([*back, stage(2, after=23)], THREE), stage=1)
    assert (leaped.verb, leaped.reason_code) == (Verb.HOLD, "stage_skipped")
    again = [*back, *rounds(3, after=22), stage(1, after=26)]
    assert short(decided(again, THREE)) == (Verb.HOLD, Phase.RUNNING, "no_data")


def test_another_stage_than_the_current_one_is_asked_for() -> None:
    state = folded([stage(), *rounds(3), stage(1, after=4), *rounds(2, after=4)], THREE)
    past, here, future = (decide(state, stage=n) for n in range(3))
    assert (past.verb, past.reason_code, past.stage, past.weight) == (Verb.PROMOTE, "shown", 0, 0)
    assert (here.verb, here.stage) == (Verb.HOLD, 1)
    assert (future.verb, future.reason_code, future.final) == (Verb.HOLD, "stage_not_begun", False)
    with pytest.raises(IndexError):
        decide(state, stage=3)
    skipped = folded([stage(2), *rounds(2)], THREE)
    assert decide(skipped, stage=1).reason_code == "stage_skipped"
    rolled = step(state, a_round(9, side(leak=True)))
    assert {decide(rolled, stage=n).verb for n in range(3)} == {Verb.ROLLBACK}
    held = step(state, told("hold", after=9))
    assert decide(held, stage=0).reason_code == "held"


def test_evidence_against_a_canary_is_carried_over_stages() -> None:
    first = [stage(), *rounds(3), *(a_round(n, side("search")) for n in (4, 5, 6))]
    before = decided(first, THREE).e
    after = decided([*first, stage(1, after=7)], THREE).e
    assert after == pytest.approx(before)
    assert before > 1


def test_shadow_mode_decides_and_says_so() -> None:
    start = opened(shadow=True)
    decision = decided([stage(), *rounds(30)], start)
    assert (decision.verb, decision.shadow) == (Verb.PROMOTE, True)
    assert decision.reason.startswith("shadow mode, binds nobody: ")
    assert decision.as_json()["shadow"] is True


def test_a_shared_incident_holds_what_was_shown_before() -> None:
    shown = [stage(), *rounds(3)]
    assert decided(shown, THREE).verb is Verb.PROMOTE
    both = [*shown, a_round(4, side("search"), side("search"))]
    assert short(decided(both, THREE)) == (Verb.HOLD, Phase.RUNNING, "shared_incident")
    assert decided([*both, a_round(5)], THREE).verb is Verb.PROMOTE


def test_a_clock_that_was_set_back_once_is_borne() -> None:
    start = opened(stages=[{"weight": 25, "margin": 20, "min_rounds": 5, "max_rounds": 60, "max_time": 900}])
    records = [stage(after=1000), *rounds(10, after=1000), *rounds(10, after=500)]
    decision = decided(records, start)
    assert decision.verb is Verb.PROMOTE
    assert any("clock was set back" in one for one in decision.warnings)


def test_nothing_is_shown_behind_the_back_of_who_holds_it() -> None:
    held = [stage(), told("hold"), *rounds(22), *rounds(2, side("search"), after=22)]
    decision = decided([*held, told("resume", after=25)])
    assert short(decision) == (Verb.HOLD, Phase.RUNNING, "insufficient_evidence")
    assert decision.k < decision.k_threshold


def test_a_later_stage_lays_a_part_of_the_evidence_anew_and_only_once() -> None:
    shown = [stage(), *rounds(20)]
    states = [
        folded(records, THREE)
        for records in (shown, [*shown, stage(1, after=21)], [*shown, stage(1, after=21), stage(0, after=21)])
    ]
    first, second, back = (state.metrics[0].pairs for state in states)
    assert first is not None and second is not None
    assert second.log_shares != first.log_shares
    assert second.e == pytest.approx(first.e)
    assert back == second
