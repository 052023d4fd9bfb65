"""This file is for the suite `immoflow` and its system: sound it passes, and all that the document states is covered."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from probes.outcome import Outcome, Verdict
from probes.undo import Journal
from scenarios.loader import load_suite
from scenarios.model import Suite
from scenarios.runner import run
from scenarios.statements import coverage_of
from vedette.reference.immoflow.faults import FAULTS
from vedette.reference.immoflow.system import ImmoflowSystem

HEARTBEATS = {"the nightly backup reports by itself", "the billing run reports by itself"}


async def asked(folder: Path, target: str, *bugs: str, covers: str = "") -> dict[str, Outcome]:
    """Return the outcomes by scenario; with `covers` only those of the scenarios that cover that statement."""
    async with ImmoflowSystem(bugs, folder=folder).running() as variables:
        suite = load_suite("immoflow", target=target, environ={**os.environ, **variables})
        if covers:
            suite = suite.model_copy(update={"scenarios": tuple(s for s in suite.scenarios if covers in s.covers)})
        result = await run(suite, target, journal=Journal(folder / "undo"))
    return {outcome.subject.scenario: outcome for outcome in result.outcomes}


def troubles(outcomes: dict[str, Outcome]) -> dict[str, str]:
    return {
        name: f"{o.verdict}: {o.sentence}" for name, o in outcomes.items() if o.verdict not in (Verdict.PASS, Verdict.SKIPPED)
    }


def suite_without_variables() -> Suite:
    return load_suite("immoflow", environ={})


@pytest.mark.anyio
async def test_all_of_it_passes_on_a_sound_staging(tmp_path: Path) -> None:
    outcomes = await asked(tmp_path, "staging")
    assert troubles(outcomes) == {}
    assert {name for name, o in outcomes.items() if o.verdict is Verdict.SKIPPED} == HEARTBEATS
    assert not any(o.undo_failures for o in outcomes.values())


@pytest.mark.anyio
async def test_production_is_only_looked_at(tmp_path: Path) -> None:
    outcomes = await asked(tmp_path, "production")
    assert troubles(outcomes) == {}
    assert all(o.sentence for o in outcomes.values())
    assert sum(o.verdict is Verdict.PASS for o in outcomes.values()) > 30
    records = (tmp_path / "audit.jsonl").read_text().splitlines()
    assert len(records) == 1, "production's audit log has a record that was not there from the start"


def test_every_statement_that_can_be_seen_is_covered_and_broken_by_a_fault() -> None:
    coverage = coverage_of(suite_without_variables())
    broken = {name for fault in FAULTS for name in fault.breaks}
    assert coverage.missing == []
    assert set(coverage.covered) == broken
    assert all(coverage.statements[name].unobservable for name in coverage.statements if name not in broken)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("bug", "statement", "words"),
    [
        ("inhibition_without_equal", "inhibition.severity", "though it tells of something else"),
        ("sentry_iban_kept", "errors.pii", "the iban that was sent stands in it"),
        ("alert_one_signal", "alerts.multi-signal", "does not hold 'and' in its expression"),
        ("audit_chain_broken", "worm.chain", "the chain of audit records is broken"),
    ],
)
async def test_what_breaks_a_statement_is_caught_by_who_covers_it(tmp_path: Path, bug: str, statement: str, words: str) -> None:
    outcomes = await asked(tmp_path, "staging", bug, covers=statement)
    assert any(o.verdict is Verdict.FAIL and words in o.sentence for o in outcomes.values()), troubles(outcomes)
