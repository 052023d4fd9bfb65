"""This file is for the verdict of a burn-in's phase: no pass without proof, no fail without the target's fault."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.outcome import Severity, Verdict
from reports.deployments import FirstRun
from reports.judgement.burn_in import KEPT_SCENARIOS, PhaseVerdict, Seen, judge_phase
from reports.store.watch.answers import Counts
from scenarios.burn_in import BurnInPhase

RUN = FirstRun("run", Verdict.PASS, "12 of 12 passed")


def seen(name: str = "checkout", severity: Severity = Severity.P1, awaits: bool = False, **counts: int) -> Seen:
    return Seen(name, severity, Counts(**counts), awaits)


def judge(
    *all_seen: Seen, unwatched_s: float = 0, run: FirstRun | None = RUN, is_first: bool = False, **plan: Any
) -> PhaseVerdict:
    phase = BurnInPhase(**{"name": "first", "lasts": 3600} | plan)
    return judge_phase(phase, all_seen, length_s=3600, unwatched_s=unwatched_s, is_first=is_first, run=run)


@pytest.mark.parametrize(
    ("all_seen", "plan", "verdict", "sentence"),
    [
        ([seen(passed=20), seen("cart", passed=19, degraded=1)], {}, "pass", "40 of 40 ticks of 2 scenarios were good"),
        ([seen(passed=1)], {}, "pass", "1 of 1 tick of 1 scenario were good"),
        (
            [seen(passed=20), seen("cart", passed=19, failed=1)], {"pass_ratio": 0.95}, "pass",
            "39 of 40 ticks of 2 scenarios were good; the worst: 'cart' with 19 of 20 (95 %, 95 % asked for)",
        ),
        (
            [seen(passed=20), seen("cart", passed=18, failed=2)], {"pass_ratio": 0.95}, "fail",
            "'cart' failed 2 of 20 ticks, 95 % of them must be good",
        ),
        (
            [seen("cart", failed=3), seen("search", failed=3), seen(severity=Severity.P0, passed=999, failed=1)],
            {"pass_ratio": 0.5}, "fail", "'checkout' failed 1 of 1000 ticks, and none of a P0 may fail; 2 more scenarios failed",
        ),
        (
            [seen(passed=999, failed=1)], {"pass_ratio": 0.5, "never_fail": [Severity.P1]}, "fail",
            "'checkout' failed 1 of 1000 ticks, and none of a P1 may fail",
        ),
        ([seen(severity=Severity.P0, passed=999, failed=1)], {"pass_ratio": 0.9, "never_fail": []}, "pass",
         "999 of 1000 ticks of 1 scenario were good; the worst: 'checkout' with 999 of 1000 (99.9 %, 90 % asked for)"),
        # our own fault, or nothing proven, is never the target's fail
        (
            [seen(passed=10, errors=5, inconclusive=5)], {"pass_ratio": 0.9}, "inconclusive",
            "'checkout' was not proven in 10 of 20 ticks, 90 % of them must be good",
        ),
        ([seen(passed=17, failed=1, errors=2)], {"pass_ratio": 0.9}, "inconclusive",
         "'checkout' was not proven in 3 of 20 ticks, 90 % of them must be good"),
        # too little
        ([seen(passed=9)], {"asked": 10}, "inconclusive", "'checkout' was asked 9 times, at least 10 are needed"),
        ([seen(passed=1)], {"asked": 2}, "inconclusive", "'checkout' was asked once, at least 2 are needed"),
        ([seen(passed=2, failed=1)], {"asked": 10, "pass_ratio": 0.9}, "inconclusive",
         "'checkout' was asked 3 times, at least 10 are needed"),
        ([seen(passed=2, failed=2)], {"asked": 10, "pass_ratio": 0.9}, "fail",
         "'checkout' failed 2 of 4 ticks, 90 % of them must be good"),
        # nothing
        ([], {}, "inconclusive", "nothing is watched there any more"),
        ([seen()], {}, "inconclusive", "nothing was asked"),
        ([seen("cart", passed=5), seen()], {}, "inconclusive", "'checkout' was never asked"),
        ([seen("cart", passed=5), seen(missed=4)], {}, "inconclusive",
         "'checkout' was never asked, 4 times it was missed (4 ticks missed)"),
        ([seen("cart", passed=5), seen(maintained=4)], {}, "inconclusive",
         "'checkout' was asked in maintenance only, where nothing counts (4 ticks in maintenance not counted)"),
        ([seen("cart", passed=5), seen(maintained=4, skipped=1)], {}, "inconclusive",
         "'checkout' was asked in maintenance only, where nothing counts (4 ticks in maintenance not counted)"),
        # left out by its own rules
        ([seen("cart", passed=5), seen(skipped=3)], {"asked": 5}, "pass",
         "5 of 5 ticks of 1 scenario were good (1 scenario not asked, by its own rules)"),
        ([seen(skipped=3), seen("cart", skipped=3)], {}, "inconclusive",
         "nothing was asked (2 scenarios not asked, by their own rules)"),
        ([seen("cart", passed=5), seen("backup", awaits=True)], {}, "pass",
         "5 of 5 ticks of 1 scenario were good (1 scenario not asked, by its own rules)"),
        ([seen("cart", passed=50), seen("backup", awaits=True, passed=1)], {"asked": 50}, "pass",
         "51 of 51 ticks of 2 scenarios were good"),
        ([seen("cart", passed=50), seen("backup", awaits=True, failed=1)], {"asked": 50}, "fail",
         "'backup' failed 1 of 1 tick, 100 % of them must be good"),
        # maintenance and what was missed are told beside a pass
        ([seen(passed=20, maintained=7, missed=2)], {}, "pass",
         "20 of 20 ticks of 1 scenario were good (7 ticks in maintenance not counted, 2 ticks missed)"),
    ],
)  # fmt: skip
def test_each_case_has_its_verdict_and_its_sentence(
    all_seen: list[Seen], plan: dict[str, Any], verdict: str, sentence: str
) -> None:
    found = judge(*all_seen, **plan)
    assert (found.verdict.value, found.sentence) == (verdict, sentence)


@pytest.mark.parametrize(
    ("run", "verdict", "words"),
    [
        (RUN, "pass", "20 of 20 ticks"),
        (FirstRun("run", Verdict.DEGRADED, "slow"), "pass", "20 of 20 ticks"),
        (FirstRun("run", Verdict.FAIL, "'cart' failed: 502"), "fail", "the run after the deployment failed: 'cart' failed: 502"),
        (FirstRun("run", Verdict.ERROR, "no route"), "inconclusive", "the run after the deployment proved nothing: no route"),
        (FirstRun("run", Verdict.INCONCLUSIVE, "all skipped"), "inconclusive", "proved nothing: all skipped"),
        (FirstRun("run"), "inconclusive", "did not come to its end"),
        (None, "inconclusive", "did not take place"),
    ],
)
def test_the_run_after_the_deployment_counts_for_the_first_phase_only(run: FirstRun | None, verdict: str, words: str) -> None:
    found = judge(seen(passed=20), run=run, is_first=True)
    assert found.verdict.value == verdict and words in found.sentence
    assert judge(seen(passed=20), run=run).verdict is Verdict.PASS


def test_a_phase_that_nobody_watched_for_long_is_no_pass() -> None:
    slept = judge(seen(passed=20), unwatched_s=361)
    assert (slept.verdict, slept.sentence) == (Verdict.INCONCLUSIVE, "nobody watched for 6 min 1 s of 1 h")
    dozed = judge(seen(passed=20), unwatched_s=360)
    assert dozed.sentence == "20 of 20 ticks of 1 scenario were good (nobody watched for 6 min)"
    assert judge(seen(failed=20), unwatched_s=3600).verdict is Verdict.FAIL  # what was seen to fail did fail


def test_a_failed_run_is_told_before_the_scenarios_that_failed() -> None:
    failed = FirstRun("run", Verdict.FAIL, "'cart' failed: 502")
    found = judge(seen("cart", failed=1), run=failed, is_first=True)
    assert found.sentence == "the run after the deployment failed: 'cart' failed: 502; 1 scenario failed"


def test_the_figures_are_json_and_hold_the_worst_first() -> None:
    many = [seen(f"s{n:03}", passed=20) for n in range(KEPT_SCENARIOS + 5)]
    figures = judge(*many, seen("broken", failed=2), is_first=True).figures
    assert json.loads(json.dumps(figures)) == figures
    assert len(figures["scenarios"]) == KEPT_SCENARIOS and figures["scenarios_left_out"] == 6
    worst = figures["scenarios"][0]
    assert (worst["scenario"], worst["verdict"], worst["failed"], worst["pass_ratio"]) == ("broken", "fail", 2, 0.0)
    assert figures["total"]["asked"] == 20 * len(many) + 2
    assert figures["run"] == {"id": "run", "verdict": "pass", "sentence": "12 of 12 passed"}


numbers = st.integers(0, 30)
counts = st.builds(Counts, numbers, numbers, numbers, numbers, numbers, numbers, numbers, numbers)
some_seen = st.lists(st.builds(Seen, st.just("x"), st.sampled_from(Severity), counts), max_size=4)


@given(some_seen, st.floats(0, 1), st.integers(1, 40), st.floats(0, 3600))
def test_the_law_holds_for_whatever_was_seen(all_seen: list[Seen], ratio: float, asked: int, unwatched_s: float) -> None:
    found = judge(*all_seen, unwatched_s=unwatched_s, pass_ratio=ratio, asked=asked)
    assert found.sentence and found.verdict in (Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE)
    if found.verdict is Verdict.PASS:
        judged = [one.counts for one in all_seen if one.counts.asked]
        assert judged and unwatched_s <= 360
        assert all(c.asked >= asked and c.good / c.asked >= ratio for c in judged)
        assert all(c.asked or (c.skipped and not c.maintained) for c in (one.counts for one in all_seen))
        assert not any(one.severity is Severity.P0 and one.counts.failed for one in all_seen)
    if found.verdict is Verdict.FAIL:
        assert any(one.counts.failed for one in all_seen)


@given(some_seen, st.floats(0, 1))
def test_more_failures_never_make_it_better(all_seen: list[Seen], ratio: float) -> None:
    order = [Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS]
    worse = [Seen(o.scenario, o.severity, o.counts + Counts(failed=1)) for o in all_seen if o.counts.asked]
    rest = [one for one in all_seen if not one.counts.asked]
    before, after = judge(*all_seen, pass_ratio=ratio).verdict, judge(*worse, *rest, pass_ratio=ratio).verdict
    assert order.index(after) <= order.index(before)
