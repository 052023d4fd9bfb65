"""Proving: what counts as caught, what as an alarm, and a small proof over real sockets."""

from __future__ import annotations

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
    assert false_alarms(3, [_seen("http", Verdict.PASS), _seen("health", verdict, "why")]) == [f"run 3: a health: {verdict}: why"]


def test_a_sound_run_in_which_nothing_was_asked_is_a_false_alarm() -> None:
    assert false_alarms(1, []) == ["run 1: no scenario was run"]


def test_a_proof_of_nothing_does_not_hold() -> None:
    assert not Proof((), 0, (), 0.0).holds
    assert Proof((), 1, (), 0.0).holds
    assert not Proof((), 1, ("run 1: …",), 0.0).holds


def test_the_matrix_has_a_letter_for_each_verdict_and_marks_the_owner() -> None:
    seen = (_seen("http", Verdict.PASS), _seen("rate_limit", Verdict.FAIL), _seen("health", Verdict.INCONCLUSIVE))
    lines = Proof((Row(FAULT, seen, ""),), 2, (), 3.0).render().splitlines()
    assert "limit_off  . [F] ?   caught" in lines
    assert lines[-1] == "1 of 1 faults caught, 0 vacuous passes; 2 sound runs, 0 false alarms; 3 s"


@pytest.mark.anyio
async def test_real_faults_are_caught_over_real_sockets_and_the_sound_target_passes() -> None:
    told: list[str] = []
    proof = await prove(faults=["limit_off", "cache_off", "log_nothing"], sound_runs=1, jobs=2, progress=told.append)
    said = proof.to_json()
    assert (said["faults"], said["caught"], said["missed"], said["vacuous_passes"]) == (3, 3, [], [])
    assert said["false_alarms"] == [] and proof.holds
    assert said["matrix"]["cache_off"]["tenant_cache_isolation"] == "inconclusive"
    assert set(said["matrix"]["limit_off"]) >= {fault.owner for fault in FAULTS.values()}
    assert len(told) == 4 and "sound run 1: all pass" in told


@pytest.mark.anyio
async def test_a_fault_that_nobody_knows_is_refused_before_anything_starts() -> None:
    with pytest.raises(ValueError, match="there is no fault 'limit_of'"):
        await prove(faults=["limit_of"])
