"""This file is for the pages of gates as data: how a gate stands is said first, and nothing is green that was not shown."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from datetime import timedelta

import pytest

from reports.judgement.gate import Phase, Verb
from reports.status.gate import ShownGate, listed, shown
from reports.status.gate_past import Past
from scenarios.gates.records import Told
from tests.reports.status.gates import AT, NOW, TRIGGERS, decision, gate, past, round_of, side, states

STANDS = {
    "pending": ("coming", "Waiting for its first stage", ["coming"] * 5),
    "early": ("running", "Gathering evidence", ["pass", "running", "coming", "coming", "coming"]),
    "running": ("running", "Gathering evidence", ["pass", "pass", "running", "coming", "coming"]),
    "shown": ("pass", "25 % is shown", ["pass", "pass", "pass", "coming", "coming"]),
    "held": ("degraded", "Held by a person", ["pass", "pass", "degraded", "coming", "coming"]),
    "promoted": ("pass", "Promoted", ["pass"] * 5),
    "rolled back": ("fail", "Rolled back", ["pass", "pass", "fail", "skipped", "skipped"]),
    "trigger": ("fail", "Rolled back", ["pass", "pass", "fail", "skipped", "skipped"]),
    "inconclusive": ("inconclusive", "Could not be decided", ["pass", "pass", "inconclusive", "skipped", "skipped"]),
    "misrouted": ("inconclusive", "Could not be decided", ["pass", "pass", "inconclusive", "skipped", "skipped"]),
    "cancelled": ("skipped", "Cancelled", ["pass", "pass", "skipped", "skipped", "skipped"]),
    "shadow": ("running", "Gathering evidence", ["pass", "pass", "running", "coming", "coming"]),
}


def page(name: str) -> ShownGate:
    return shown(*states()[name], NOW)


@pytest.mark.parametrize("name", STANDS)
def test_a_gate_stands_as_it_was_decided(name: str) -> None:
    told = page(name)
    assert (told.tone, told.word, [one.tone for one in told.stages]) == STANDS[name]
    assert told.reason == states()[name][1].reason


@pytest.mark.parametrize("name", sorted(set(STANDS) - {"held"}))
def test_the_list_says_the_same_as_the_page(name: str) -> None:
    told, one = page(name), listed(states()[name][0])
    assert (one.tone, [tone for _, tone, _ in one.beads]) == (told.tone, [stage.tone for stage in told.stages])
    assert one.reason == told.reason


def test_every_state_has_a_case_here() -> None:
    assert set(STANDS) == set(states())


def test_only_the_stage_that_goes_on_is_current_and_has_a_bar_that_is_never_full() -> None:
    stages = page("running").stages
    assert [one.current for one in stages] == [False, False, True, False, False]
    assert [one.percent for one in stages] == [None, None, 61, None, None]
    assert not any(one.current for one in page("promoted").stages)
    late = decision(rounds=900, rounds_expected=344)
    assert shown(gate(late), late, past(), NOW).stages[2].percent == 99


def test_a_stage_says_what_it_wants_and_what_was_shown() -> None:
    smoke, first, second, third, _ = page("running").stages
    assert (smoke.name, smoke.wanted) == ("smoke (0 %)", "wanted: not worse; 3 to 400 rounds, at most 10 min")
    assert first.wanted.startswith("wanted: increase < 4.5 points; 100 to 400 rounds")
    assert first.beside == ("122 rounds asked", "K was 21.3 at its end")
    assert second.beside[0] == "212 rounds, 2 failed on the canary, 1 on the baseline"
    assert third.wanted == "wanted: increase < 1 point; 300 to 2,500 rounds, at most 12 h"


def test_triggers_stand_with_their_control_the_worst_first() -> None:
    fired = page("trigger").triggers[0]
    assert (fired.id, fired.tone, fired.control, fired.seen) == (
        "cross tenant leak",
        "fail",
        "armed in 212 rounds",
        "1 round in a row",
    )
    assert "tenant 20" in fired.say
    assert page("trigger").trigger == listed(states()["trigger"][0]).trigger == "cross tenant leak"
    assert page("rolled back").trigger == ""
    unproven = page("early").triggers[0]
    assert (unproven.id, unproven.tone, unproven.control) == ("pii in logs", "inconclusive", "never armed in this stage")


def test_a_state_of_a_trigger_that_is_not_known_is_no_green() -> None:
    odd = decision(triggers=(*TRIGGERS, replace(TRIGGERS[0], state="something new")))
    assert shown(gate(odd), odd, past(), NOW).triggers[0].tone == "inconclusive"


def test_a_gate_before_its_first_stage_claims_nothing() -> None:
    told = page("pending")
    assert (told.stage, told.curves, told.rounds) == ("none yet", None, ())
    assert not any(one.beside for one in told.stages)


def test_who_did_what_is_told_the_newest_first() -> None:
    of = decision()
    acts = (Told(AT - 300, "hold", "maria", "moving"), Told(AT - 100, "resume", "jo", "moved"), Told(AT, "other", "x", ""))
    told = shown(gate(of), of, past(acts=deque(acts)), NOW)
    assert [(one.by, one.did) for one in told.acts] == [("x", "other"), ("jo", "let it go on"), ("maria", "held it")]


def test_a_round_says_what_was_bad_on_which_side() -> None:
    of = decision()
    bad = side("no personal data reaches the log", "the planted email stands in the logs")
    told = shown(gate(of), of, past(rounds=deque([round_of(20), round_of(10, bad)])), NOW).rounds
    assert [(one.canary.tone, one.baseline.tone) for one in told] == [("fail", "pass"), ("pass", "pass")]
    assert told[0].canary.word == "1 of 3 scenarios bad"
    assert told[0].canary.sentences == ("no personal data reaches the log: the planted email stands in the logs",)


@pytest.mark.parametrize(
    ("seen", "tone", "said"),
    [
        (side(wrong=30, said_versions=("1.4.1",)), "inconclusive", "30 of 30 answers by another version (1.4.1)"),
        (replace(side(), unmarked=2), "pass", "2 answers without a version"),
        (replace(side(), scenarios={}), "inconclusive", ""),
        (replace(side("x"), unreachable=True), "fail", ""),
    ],
    ids=["wrong side", "unmarked", "nothing asked", "unreachable"],
)
def test_a_side_that_proves_nothing_is_not_green(seen: object, tone: str, said: str) -> None:
    of = decision()
    found = shown(gate(of), of, past(rounds=deque([round_of(1, seen)])), NOW).rounds[0].canary  # type: ignore[arg-type]
    assert (found.tone, found.answers) == (tone, said)


def test_a_stage_that_is_shown_while_a_person_holds_is_not_told_as_shown() -> None:
    held = decision(Phase.RUNNING, Verb.HOLD, held_by="maria: wait", reason="held by maria: wait")
    assert shown(gate(held), held, past(), NOW).word == "Held by a person"


def test_a_gate_whose_rounds_are_no_longer_asked_says_so() -> None:
    of = decision()
    old = gate(of, fresh_until=NOW - timedelta(seconds=1))
    assert any("no round was asked lately" in say for say in shown(old, of, past(), NOW).warnings)
    assert shown(gate(of), of, past(), NOW).warnings == ()


def test_what_was_forgotten_with_the_evidence_is_not_made_up() -> None:
    of = decision(Phase.PROMOTED, Verb.PROMOTE, stage=4, weight=100.0)
    told = shown(gate(of), of, Past(), NOW)
    assert [(one.name, one.wanted) for one in told.stages] == [(f"{w} %", "") for w in (0, 5, 25, 50, 100)]
    assert (told.curves, told.rounds, told.acts) == (None, (), ())


@pytest.mark.parametrize(("every_s", "ms"), [(0.1, 5000), (10.0, 10_000), (600.0, 30_000)])
def test_a_gate_that_goes_on_is_looked_at_again_as_often_as_rounds_come(every_s: float, ms: int) -> None:
    of = decision()
    assert shown(gate(of, every_s=every_s), of, past(), NOW).refresh_ms == ms
    assert page("promoted").refresh_ms == 0
