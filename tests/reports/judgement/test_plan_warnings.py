"""This file is for what a person hears of a policy before they wait for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.gates.policy_making import HEAD, load
from vedette.jobs.gate_plan import planned

STAGES = HEAD + "gap: 10s\nstages:\n"
FINE = STAGES + "  - {weight: 5, margin: 4.5, min_rounds: 100, max_rounds: 500, max_time: 2h}\n"


def _warnings(folder: Path, text: str) -> str:
    loaded = load(folder, text)
    return "\n".join(planned(loaded).warnings)


def test_a_policy_that_works_is_warned_of_for_nothing_but_triggers_it_has_not(tmp_path: Path) -> None:
    said = _warnings(tmp_path, FINE).splitlines()
    assert len(said) == 4 and all(one.startswith("the trigger '") and "is not armed" in one for one in said)


def test_who_could_arm_a_trigger_is_named_with_why_it_does_not(tmp_path: Path) -> None:
    said = _warnings(tmp_path, FINE)
    assert "'rate_limiter_blocks_legit' is not armed: no scenario of a round can tell of 'limit_blocks_legitimate'; " in said
    assert "'callers are limited' could, but is left out: it needs burst, which target 'staging' does not grant" in said


CASES = {
    "a stage too short": (STAGES + "  - {weight: 5, margin: 4.5, max_rounds: 95}\n", "the stage '5 %' is too short for its"),
    "no margin": (STAGES + "  - {weight: 5}\n", "no stage has a margin: nothing is shown by counting"),
    "no rounds": (FINE + "metrics: [{kind: latency, weight: 1, above: p75}]\n", "no metric is of kind 'rounds'"),
    "no trigger": (FINE + "triggers: []\n", "no trigger is armed: nothing rolls back at once"),
    "a wide margin": (STAGES + "  - {weight: 5, margin: 40}\n", "a canary that fails in 5% of its rounds is rolled back in 0%"),
    "time beyond rounds": (
        STAGES + "  - {weight: 5, min_time: 10m, max_rounds: 9}\n",
        "the stage '5 %' lasts for 61 rounds at least, and its 'max_rounds' are 9: one failure",
    ),
    "a gap of history": (HEAD, "'gap' is not given: it is taken from the history of failures when the gate is opened."),
    "a gap too long for a stage": (HEAD, "it may be up to 120 s, and above 84 s '5 %' cannot be shown in its time"),
    "rounds within a gap": (FINE + "every: 2s\n", "of 5 rounds one counts as independent: 'every' is shorter than the gap"),
    "days": (STAGES + "  - {weight: 5, margin: 1, max_rounds: 9000, max_time: 30d}\nevery: 5m\n", "takes longer than "),
    "a shadow": (FINE + "shadow: true\n", "it is a shadow: it decides, and nobody is bound by it"),
    "traffic at no weight": (
        STAGES + "  - {name: smoke, weight: 0}\n  - {weight: 5, margin: 12}\n"
        "metrics:\n  - {kind: rounds, weight: 0.5}\n"
        "  - {kind: traffic, weight: 0.5, canary_total: a, canary_failed: b, baseline_total: c, baseline_failed: d}\n",
        "at the stage 'smoke' one side has no real traffic",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_will_not_work_well_is_said(case: str, tmp_path: Path) -> None:
    text, wanted = CASES[case]
    assert wanted in _warnings(tmp_path, text)
