"""The booking platform: sound it passes its suite in staging and in production, and each statement has a fault that breaks it."""

from __future__ import annotations

from pathlib import Path

import pytest

from probes.outcome import Outcome, Verdict
from probes.undo import Journal
from scenarios.loader import load_suite
from scenarios.runner import run
from scenarios.statements import coverage_of
from vedette.jobs.prove import judge_fault, run_once
from vedette.reference.bookando.system import BookandoSystem
from vedette.reference.faults import FAULTS, named


async def _asked(folder: Path, target: str) -> list[Outcome]:
    async with BookandoSystem(folder=folder).running() as variables:
        suite = load_suite("bookando", target=target, environ=variables)
        return list((await run(suite, target, journal=Journal(folder / "undo"))).outcomes)


@pytest.mark.anyio
async def test_in_staging_everything_passes(tmp_path: Path) -> None:
    outcomes = await _asked(tmp_path, "staging")
    assert {o.subject.scenario: o.sentence for o in outcomes if o.verdict is not Verdict.PASS} == {}


@pytest.mark.anyio
async def test_in_production_what_only_looks_passes_and_the_rest_says_which_grant_it_lacks(tmp_path: Path) -> None:
    outcomes = await _asked(tmp_path, "production")
    told = {o.subject.scenario: o.sentence for o in outcomes if o.verdict is not Verdict.PASS}
    assert set(told.values()) == {
        "not permitted: target 'production' does not grant write; permit it there with 'allow: [write]'"
    }
    assert len(outcomes) - len(told) >= 5


def test_all_that_can_be_seen_is_covered_and_each_of_it_is_broken_by_a_fault() -> None:
    suite = load_suite("bookando", environ={})
    found = coverage_of(suite)
    broken = {statement for fault in FAULTS.values() if fault.system == "bookando" for statement in fault.breaks}
    assert found.missing == [] and set(found.covered) - broken == set()
    assert broken <= set(found.covered)


def test_there_are_enough_faults_and_enough_that_hide_the_evidence() -> None:
    own = [fault for fault in FAULTS.values() if fault.system == "bookando"]
    assert len(own) >= 25 and sum(fault.vacuity for fault in own) >= 5


@pytest.mark.parametrize(
    "name", ["bookando_job_retry_correlation_lost", "bookando_flag_name_free", "bookando_flag_for_all_tenants"]
)
def test_a_telling_fault_is_caught_by_who_covers_what_it_breaks(name: str) -> None:
    assert judge_fault(named(name), run_once("bookando", "staging", name)).why_missed == ""
