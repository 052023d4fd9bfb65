"""This file is for the burn-in as data: which phase decided, which goes on, and what each was to show."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from probes.outcome import Verdict
from reports.deployments import Deployment, DeploymentState, FirstRun, planned
from reports.status.deployments import FIGURES_SHOWN, shown
from scenarios.burn_in import DEFAULT_PHASES
from tests.reports.watched import AT


def deployment(*judged: Verdict, **more: Any) -> Deployment:
    """Return a deployment of AT whose first phases have these verdicts."""
    phases = list(planned(DEFAULT_PHASES, AT))
    for place, verdict in enumerate(judged):
        phases[place] = replace(phases[place], judged_at=phases[place].ends_at, verdict=verdict, sentence=f"it was {verdict}")
    return Deployment(**{"id": "d", "suite": "shop", "target": "production", "location": "local", "version": "1.4.2",
                         "deployed_at": AT, "reported_by": "ci", "phases": tuple(phases), **more})  # fmt: skip


def test_the_phase_that_goes_on_says_what_is_left_of_it() -> None:
    found = shown(deployment(Verdict.PASS), AT + timedelta(minutes=65))
    assert (found.tone, found.sentence) == ("running", "intensive, 1 h left")
    assert [(p.tone, p.percent) for p in found.phases] == [("pass", 100), ("running", 50), ("coming", 0), ("coming", 0)]


def test_a_failed_burn_in_says_which_phase_failed_and_why() -> None:
    failed = deployment(Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, state=DeploymentState.FAILED)
    found = shown(failed, AT + timedelta(days=2))
    assert (found.tone, found.sentence) == ("fail", "intensive: it was fail")


def test_what_was_not_judged_is_not_green() -> None:
    ended = deployment(Verdict.PASS, state=DeploymentState.SUPERSEDED, ended_at=AT + timedelta(hours=1))
    found = shown(ended, AT + timedelta(days=1))
    assert (found.tone, [p.tone for p in found.phases]) == ("skipped", ["pass", "skipped", "skipped", "skipped"])


def test_a_passed_burn_in_says_so() -> None:
    passed = deployment(*[Verdict.PASS] * 4, state=DeploymentState.PASSED, ended_at=AT + timedelta(days=9))
    assert shown(passed, AT + timedelta(days=10)).sentence == "every phase passed"


@pytest.mark.parametrize(
    ("run", "tone"),
    [(None, ""), (FirstRun("r"), "running"), (FirstRun("r", Verdict.FAIL, "x"), "fail")],
    ids=["none", "on", "over"],
)
def test_the_run_of_the_whole_suite_is_told(run: FirstRun | None, tone: str) -> None:
    assert shown(deployment(run=run), AT).run_tone == tone


def test_each_phase_says_its_pace_and_what_it_wants() -> None:
    first, *_, last = shown(deployment(), AT).phases
    assert first.pace == "asked 5 times as often, at most every 5 s"
    assert first.wanted == "100 % of the ticks good, 1 tick of each scenario, no P0 may fail"
    assert (last.pace, last.wanted.partition(" of")[0]) == ("normal pace", "99 %")


def test_of_many_figures_the_first_are_shown_and_the_rest_counted() -> None:
    rows = [{"scenario": f"s{n}", "severity": "P1", "verdict": "pass", "good": 5, "asked": 5, "pass_ratio": 1.0, "sentence": ""}
            for n in range(30)]  # fmt: skip
    made = deployment(Verdict.PASS)
    phase = replace(made.phases[0], figures={"scenarios": rows, "scenarios_left_out": 7, "beside": ["nobody watched for 1 h"]})
    found = shown(replace(made, phases=(phase, *made.phases[1:])), AT).phases[0]
    assert (len(found.rows), found.rows_left_out, found.rows[0].good) == (FIGURES_SHOWN, 30 - FIGURES_SHOWN + 7, "5 of 5")
    assert found.beside == ("nobody watched for 1 h",)
