"""This file is for the exit codes: one table, the worst wins, and a run is 0 only when it was proven."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import pytest

from probes.outcome import check, control
from scenarios.events import Ended, RunResult
from tests.reports.sample_runs import HELD, mixed, outcome, passed, result
from vedette.exit_codes import Exit, worst
from vedette.jobs.smoke import exit_code_of

DEGRADED = result(outcome("slow", (*HELD, check("quick", holds=False, soft=True))))
UNPROVEN = result(outcome("a", (*HELD, control("seen", holds=False))))
NOT_UNDONE = result(replace(outcome("a", (check("a", holds=False),)), undo_failures=("the breaker is still open",)))


@pytest.mark.parametrize(
    ("run", "strict", "code"),
    [
        (passed(), False, Exit.PASSED),
        (passed(), True, Exit.PASSED),
        (DEGRADED, False, Exit.PASSED),
        (DEGRADED, True, Exit.FAILED),
        (mixed(), False, Exit.FAILED),
        (UNPROVEN, False, Exit.INCONCLUSIVE),
        (result(outcome("a", skipped=True)), False, Exit.INCONCLUSIVE),
        (result(), False, Exit.INCONCLUSIVE),
        (result(outcome("a"), ended=Ended.DEADLINE), False, Exit.DEADLINE),
        (replace(passed(), trouble=("the store is full",)), False, Exit.INCONCLUSIVE),
        (replace(mixed(), ended=Ended.INTERRUPTED, signal=signal.SIGTERM), False, Exit.TERMINATED),
        (replace(passed(), ended=Ended.INTERRUPTED, signal=signal.SIGINT), False, Exit.INTERRUPTED),
        (NOT_UNDONE, False, Exit.UNDO_FAILED),
    ],
    ids=["passed", "passed, strict", "degraded", "degraded, strict", "mixed", "unproven", "all skipped", "empty", "deadline",
         "trouble", "sigterm", "sigint", "not undone"],
)  # fmt: skip
def test_a_run_ends_with_the_code_of_its_worst_reason(run: RunResult, strict: bool, code: Exit) -> None:
    assert exit_code_of(run, strict=strict) is code


def test_what_is_left_broken_outranks_what_failed() -> None:
    assert worst([Exit.FAILED, Exit.UNDO_FAILED, Exit.PASSED]) is Exit.UNDO_FAILED


def test_no_code_at_all_is_passed() -> None:
    assert worst([]) is Exit.PASSED


@pytest.mark.parametrize("code", list(Exit), ids=lambda code: code.name)
def test_the_readme_has_every_code_with_its_meaning(code: Exit) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert f"| {int(code)} | {code.meaning} |" in readme
