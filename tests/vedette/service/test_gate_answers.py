"""This file is for the decision as it is told: about any stage that is asked for, and never a promotion of what was not shown."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reports.gates import Standing
from reports.judgement.gate_decision import Phase
from vedette.service.gate_answers import NOT_BEGUN, NoSuchStage, told

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
WEIGHTS = (0.0, 5.0, 25.0, 100.0)
VERBS = ("hold", "promote", "rollback", "inconclusive")


def standing(decision: str = "hold", phase: Phase = Phase.RUNNING, index: int = 2, shown: int = 2, **keys: Any) -> Standing:
    made = {
        "schema_version": 1, "decision": decision, "final": decision != "hold", "reason_code": "why", "reason": "because",
        "stage": {"index": index, "weight": WEIGHTS[index], "since": "2026-03-01T11:00:00Z"} if index >= 0 else None,
        "phase": phase.value,
        "promote": {"k": 3.0}, "samples": {"pairs": 3}, "rollback": {"e": 1.0}, "warnings": ["thin"],
    }  # fmt: skip
    fresh = keys.pop("fresh_until", AT + timedelta(seconds=30))
    more = {"weights": WEIGHTS, "fresh_until": fresh, "ended_at": None, "every_s": 10.0, "shown_upto": shown}
    return Standing(decision={**made, **keys}, phase=phase, **more)


@pytest.mark.parametrize("weight", [None, 25])
@pytest.mark.parametrize("decision", VERBS)
def test_of_its_own_stage_the_decision_is_told_as_it_is_stored(decision: str, weight: float | None) -> None:
    stored = standing(decision)
    assert told(stored, AT, weight) == {**stored.decision, "fresh": True}


@pytest.mark.parametrize("decision", ["hold", "promote", "inconclusive"])
def test_a_stage_that_is_behind_was_shown(decision: str) -> None:
    found = told(standing(decision), AT, 5)
    assert (found["decision"], found["final"], found["reason_code"]) == ("promote", True, "shown")
    assert found["stage"] == {"index": 1, "weight": 5, "since": None}


@pytest.mark.parametrize("decision", ["hold", "promote", "rollback"])
def test_a_stage_that_is_ahead_has_not_begun(decision: str) -> None:
    found = told(standing(decision), AT, 100)
    assert (found["decision"], found["final"], found["reason_code"]) == ("hold", False, NOT_BEGUN)


@pytest.mark.parametrize("weight", WEIGHTS)
def test_after_a_rollback_every_stage_is_rolled_back(weight: float) -> None:
    assert told(standing("rollback", Phase.ROLLED_BACK), AT, weight)["decision"] == "rollback"


@pytest.mark.parametrize("weight", WEIGHTS)
def test_a_cancelled_gate_promotes_nothing(weight: float) -> None:
    assert told(standing("inconclusive", Phase.CANCELLED), AT, weight)["decision"] == "inconclusive"


@pytest.mark.parametrize("weight", [0, 5])
def test_while_a_person_holds_it_nothing_is_promoted(weight: float) -> None:
    assert told(standing("hold", held_by="jo: I look first"), AT, weight)["decision"] == "hold"


def test_a_stage_that_was_skipped_is_not_promoted() -> None:
    found = told(standing("promote", shown=1), AT, 5)
    assert (found["decision"], found["final"], found["reason_code"]) == ("hold", False, "stage_skipped")


def test_in_shadow_mode_it_is_said_that_nobody_is_bound() -> None:
    for weight in WEIGHTS:
        found = told(standing(shadow=True, reason="shadow mode, binds nobody: because"), AT, weight)
        assert found["reason"].startswith("shadow mode, binds nobody: ")


def test_what_is_ahead_of_a_gate_that_could_not_decide_is_not_waited_for() -> None:
    assert told(standing("inconclusive", Phase.INCONCLUSIVE), AT, 100)["decision"] == "inconclusive"


@pytest.mark.parametrize("weight", WEIGHTS)
def test_before_the_first_stage_every_stage_has_not_begun(weight: float) -> None:
    found = told(standing("hold", Phase.PENDING, index=-1, shown=0), AT, weight)
    assert (found["decision"], found["reason_code"]) == ("hold", NOT_BEGUN)


def test_no_stage_is_promoted_that_the_gate_is_not_behind_or_has_not_shown() -> None:
    for decision, phase, index, weight, shown in itertools.product(VERBS, Phase, range(-1, 4), WEIGHTS, range(5)):
        asked = WEIGHTS.index(weight)
        found = told(standing(decision, phase, index, shown), AT, weight)
        if found["decision"] == "promote" and decision != "promote":
            assert asked < index and asked < shown, (decision, phase, index, weight, shown)
        if asked > index and phase in (Phase.PENDING, Phase.RUNNING, Phase.PROMOTED):
            assert found["decision"] == "hold", (decision, phase, index, weight, shown)


@pytest.mark.parametrize("weight", [1, 50, -0.5, 24.999])
def test_a_weight_that_no_stage_has_is_no_stage(weight: float) -> None:
    with pytest.raises(NoSuchStage, match="its stages have 0, 5, 25, 100"):
        told(standing(), AT, weight)


@pytest.mark.parametrize(
    ("phase", "until", "fresh", "warned"),
    [
        (Phase.RUNNING, AT, True, []),
        (Phase.RUNNING, AT - timedelta(microseconds=1), False, ["rounds are no longer asked: the newest is older than 30 s"]),
        (Phase.RUNNING, None, False, ["no round was asked yet"]),
        (Phase.PENDING, None, False, []),
        (Phase.PROMOTED, AT - timedelta(days=1), True, []),
        (Phase.ROLLED_BACK, None, True, []),
    ],
    ids=["just now", "too old", "none yet", "pending", "promoted", "rolled back"],
)
def test_it_says_whether_it_speaks_for_now(phase: Phase, until: datetime | None, fresh: bool, warned: list[str]) -> None:
    found = told(standing("hold", phase, fresh_until=until), AT)
    assert found["fresh"] is fresh
    assert found["warnings"] == ["thin", *warned]


def test_what_was_shown_is_held_while_nobody_watches() -> None:
    late = AT + timedelta(seconds=31)
    assert told(standing("promote", Phase.RUNNING), AT)["decision"] == "promote"
    found = told(standing("promote", Phase.RUNNING), late)
    assert (found["decision"], found["final"], found["reason_code"]) == ("hold", False, "not_fresh")
    assert told(standing("promote", Phase.PROMOTED), late)["decision"] == "promote"
