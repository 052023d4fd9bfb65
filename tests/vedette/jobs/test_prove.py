"""Proving: what counts as caught, what as an alarm, and a small proof over real sockets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from probes.outcome import Verdict
from vedette.jobs.prove import Proof, Row, Seen, false_alarms, judge_fault, prove
from vedette.reference.faults import FAULTS, Fault

FAULT = Fault("limit_off", "rate_limit", "the middleware is not registered", ("all served", "limit of 50"))
VACUITY = Fault("cache_off", "tenant_cache_isolation", "nothing is kept", ("not tested",), vacuity=True)


def _seen(kind: str, verdict: Verdict, sentence: str = "60 requests were all served; the limit of 50 does not hold") -> Seen:
    return Seen(f"a {kind}", kind, verdict, sentence, ())


def test_a_fault_is_caught_when_its_owner_says_the_right_word_for_the_right_reason() -> None:
    row = judge_fault(FAULT, [_seen("http", Verdict.PASS), _seen("rate_limit", Verdict.FAIL)])
    assert row.why_missed == ""


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        pytest.param(_seen("rate_limit", Verdict.PASS), "said pass, not fail", id="the owner passes"),
        pytest.param(_seen("rate_limit", Verdict.INCONCLUSIVE), "said inconclusive, not fail", id="the owner cannot tell"),
        pytest.param(_seen("rate_limit", Verdict.ERROR), "said error, not fail", id="the owner breaks"),
        pytest.param(_seen("rate_limit", Verdict.FAIL, "no answer"), "does not name the cause", id="for another reason"),
        pytest.param(_seen("http", Verdict.FAIL), "no scenario of kind rate_limit was run", id="only another kind noticed"),
    ],
)
def test_anything_else_is_missed(seen: Seen, why: str) -> None:
    row = judge_fault(FAULT, [seen])
    assert why in row.why_missed
    assert Proof((row,), 1, (), 1.0).to_json()["missed"] == ["limit_off"]


def test_the_reason_may_stand_in_one_check_but_not_be_pieced_together_from_several() -> None:
    pieces = Seen("x", "rate_limit", Verdict.FAIL, "no answer", ("burst: 60 were all served", "size: the limit of 50"))
    whole = Seen("x", "rate_limit", Verdict.FAIL, "no answer", ("burst: all served despite the limit of 50",))
    assert judge_fault(FAULT, [pieces]).why_missed
    assert not judge_fault(FAULT, [whole]).why_missed


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.DEGRADED])
def test_a_pass_where_the_evidence_was_taken_away_is_a_vacuous_pass(verdict: Verdict) -> None:
    proof = Proof((judge_fault(VACUITY, [_seen("tenant_cache_isolation", verdict)]),), 0, (), 1.0)
    assert proof.vacuous_passes == ("cache_off",) and proof.missed == ("cache_off",) and not proof.holds


@pytest.mark.parametrize("verdict", [Verdict.INCONCLUSIVE, Verdict.FAIL])
def test_a_fault_that_takes_evidence_away_is_caught_by_either_word(verdict: Verdict) -> None:
    row = judge_fault(VACUITY, [_seen("tenant_cache_isolation", verdict, "so isolation was not tested")])
    assert not row.why_missed and not row.passed_vacuously


def test_the_worst_of_several_scenarios_of_a_kind_decides() -> None:
    row = judge_fault(FAULT, [_seen("rate_limit", Verdict.FAIL), _seen("rate_limit", Verdict.PASS)])
    assert not row.why_missed and row.verdicts() == {"rate_limit": "fail"}


@pytest.mark.parametrize("verdict", [v for v in Verdict if v is not Verdict.PASS])
def test_anything_but_a_pass_on_a_sound_target_is_a_false_alarm(verdict: Verdict) -> None:
    seen = [_seen("http", Verdict.PASS), _seen("health", verdict, "why")]
    assert false_alarms("run 3", seen, "staging") == [f"run 3: a health: {verdict}: why"]


def test_in_production_what_is_not_permitted_may_be_skipped_if_it_says_so() -> None:
    passed = _seen("http", Verdict.PASS)
    assert false_alarms("run 1", [passed, _seen("rate_limit", Verdict.SKIPPED, "not permitted")], "production") == []
    assert false_alarms("run 1", [passed, _seen("rate_limit", Verdict.SKIPPED, "")], "production")
    assert false_alarms("run 1", [passed, _seen("rate_limit", Verdict.INCONCLUSIVE, "why")], "production")


@pytest.mark.parametrize("seen", [[], [_seen("http", Verdict.SKIPPED, "not permitted")]], ids=["none", "all skipped"])
def test_a_sound_run_in_which_nothing_was_asked_is_a_false_alarm(seen: list[Seen]) -> None:
    assert false_alarms("run 1", seen, "production") == ["run 1: nothing was asked"]


def test_a_proof_of_nothing_does_not_hold() -> None:
    assert not Proof((), 0, (), 0.0).holds
    assert Proof((), 1, (), 0.0).holds
    assert not Proof((), 1, ("run 1: …",), 0.0).holds


def test_a_proof_that_leaves_a_system_out_does_not_hold_though_nothing_is_refuted() -> None:
    proof = Proof((), 1, (), 0.0, ("edge (needs the modules dns)",))
    assert not proof.holds and not proof.refuted
    assert proof.render().splitlines()[-1] == "left out: edge (needs the modules dns)"


def test_a_fault_is_caught_only_by_a_scenario_that_covers_what_it_breaks() -> None:
    fault = replace(FAULT, breaks=("limit.holds",))
    caught = _seen("rate_limit", Verdict.FAIL)
    assert "no scenario of kind rate_limit that covers limit.holds" in judge_fault(fault, [caught]).why_missed
    assert not judge_fault(fault, [replace(caught, covers=("limit.holds", "limit.told"))]).why_missed


def test_the_matrix_has_a_letter_for_each_verdict_and_marks_the_owner() -> None:
    seen = (_seen("http", Verdict.PASS), _seen("rate_limit", Verdict.FAIL), _seen("health", Verdict.INCONCLUSIVE))
    lines = Proof((Row(FAULT, seen, ""),), 2, (), 3.0).render().splitlines()
    assert "limit_off  . [F] ?   caught" in lines
    assert lines[-1] == "1 of 1 faults caught, 0 vacuous passes; 2 sound runs, 0 false alarms; 3 s"


@pytest.mark.anyio
async def test_real_faults_are_caught_over_real_sockets_and_the_sound_target_passes() -> None:
    told: list[str] = []
    proof = await prove(faults=["limit_off", "cache_off", "log_nothing"], sound_runs=1, jobs=2, whole=True, progress=told.append)
    said = proof.to_json()
    assert (said["faults"], said["caught"], said["missed"], said["vacuous_passes"]) == (3, 3, [], [])
    assert said["false_alarms"] == [] and proof.holds
    assert said["matrix"]["cache_off"]["tenant_cache_isolation"] == "inconclusive"
    assert set(said["matrix"]["limit_off"]) >= {fault.owner for fault in FAULTS.values() if fault.system == "demo"}
    assert sorted(told) == ["cache_off: caught", "limit_off: caught", "log_nothing: caught"]


@pytest.mark.anyio
async def test_a_fault_that_nobody_knows_is_refused_before_anything_starts() -> None:
    with pytest.raises(ValueError, match="there is no fault 'limit_of'"):
        await prove(faults=["limit_of"])
