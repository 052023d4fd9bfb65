"""This file is for a decision as JSON: its form, that it stays small, and that every number in it is finite."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from reports.judgement.gate import Decision, MetricStands, TriggerStands, decide
from tests.reports.judgement.gate_making import BEGAN, ERRORS, LEAK, decided, folded, opened, rounds, side, stage


def test_the_form_is_the_contract() -> None:
    body = decided([stage(), *rounds(12)]).as_json(session="shop@2.0", evidence_url="/e", next_poll_s=10)
    assert body == {
        "schema_version": 1,
        "session": "shop@2.0",
        "phase": "running",
        "stage": {"index": 0, "weight": 25.0, "since": "2027-01-15T08:00:00Z"},
        "decision": "hold",
        "final": False,
        "reason_code": "insufficient_evidence",
        "reason": "12 of about 20 rounds; increase < 29.4 points at 95 %, need < 20.0",
        "shadow": False,
        "held_by": "",
        "rollback": {"e": body["rollback"]["e"], "threshold": 20.0, "alpha": 0.05},
        "promote": {
            "k": body["promote"]["k"],
            "threshold": 20.0,
            "beta": 0.05,
            "margin_pp": 20.0,
            "upper_bound_pp": pytest.approx(29.36, abs=0.1),
        },
        "samples": {
            "pairs": 12,
            "expected": 20,
            "all_stages": 12,
            "canary_failed": 0,
            "baseline_failed": 0,
            "min": 5,
            "max": 60,
            "no_data": 0,
        },
        "hard_triggers": [
            {"id": LEAK, "state": "clear", "ran": 12, "positive_control": "ok"},
            {"id": ERRORS, "state": "clear", "ran": 12, "positive_control": "ok"},
            {"id": "canary_unreachable", "state": "clear", "ran": 12, "positive_control": "ok"},
        ],
        "metrics": [{"id": "rounds", "weight": 1.0, "e": body["rollback"]["e"]}],
        "warnings": [],
        "next_poll_s": 10.0,
        "evidence_url": "/e",
        "generated_at": "2027-01-15T08:02:00Z",
    }
    assert 0 < body["rollback"]["e"] < 1 < body["promote"]["k"] < 20


def test_before_the_first_stage_there_is_none() -> None:
    body = decide(folded([])).as_json()
    assert (body["stage"], body["session"], body["generated_at"]) == (None, "shop@2.0", "2027-01-15T08:00:00Z")


def test_a_stage_without_a_margin_has_no_figures_of_one() -> None:
    body = decided([stage(), *rounds(2)], opened(stages=[{"weight": 0}])).as_json()
    assert (body["promote"]["k"], body["promote"]["margin_pp"], body["promote"]["upper_bound_pp"]) == (None, None, None)


def crowded(name: str) -> Decision:
    """A decision of which everything is as long as it can be."""
    triggers = [TriggerStands(f"{'t' * 60}{n:03}", "clear" if n else "fired", n, 0, name * 3) for n in range(100)]
    return replace(
        decided([stage(), *rounds(12)]),
        reason=name * 2,
        triggers=tuple(triggers),
        metrics=tuple(MetricStands(f"latency_above_{n}s", 0.05, 123456.789, name) for n in range(20)),
        warnings=(name,) * 9,
        held_by=name,
        gate=name,
    )


@pytest.mark.parametrize("letter", ["a", '"', "é", "漢", "\U0001f600", "\\", "\ud800"], ids=ascii)
def test_however_long_the_names_are_the_answer_is_small(letter: str) -> None:
    body = crowded(letter * 200).as_json(session=letter * 200, evidence_url=f"/api/v1/gates/{'a' * 200}/evidence")
    assert len(json.dumps(body, allow_nan=False)) < 2000
    assert body["hard_triggers"][0]["state"] == "fired"
    assert len(body["hard_triggers"]) + body["hard_triggers_more"] == 100


def test_twenty_triggers_and_a_name_of_200_letters_leave_the_reason_whole() -> None:
    triggers = [TriggerStands(f"a_trigger_with_a_name_{n:02}", "clear", 12, 0) for n in range(20)]
    body = replace(decided([stage(), *rounds(12)]), triggers=tuple(triggers)).as_json(
        session="a" * 200, evidence_url=f"/api/v1/gates/{'a' * 200}/evidence"
    )
    assert len(json.dumps(body, allow_nan=False)) < 2000
    assert (body["session"], body["evidence_url"].count("a" * 200)) == ("a" * 200, 1)
    assert body["reason"].endswith("need < 20.0")
    assert body["hard_triggers_more"] == 20 - len(body["hard_triggers"])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")], ids=str)
def test_what_is_no_number_is_null(value: float) -> None:
    odd = replace(decided([stage(), *rounds(12)]), e=value, k=value, upper_bound=value)
    body = odd.as_json(next_poll_s=value)
    assert (body["rollback"]["e"], body["promote"]["k"], body["promote"]["upper_bound_pp"], body["next_poll_s"]) == (None,) * 4
    json.dumps(body, allow_nan=False)


def test_evidence_beyond_all_bounds_is_capped() -> None:
    bad = folded([stage(), *rounds(4000, side("search"))], opened(alpha=1e-300, triggers=[]))
    assert decide(bad).as_json()["rollback"]["e"] == 1e12
    assert decide(bad).at == BEGAN + 40_000
