"""The travel agencies' CRM and its suite: sound it passes, all that its document states is covered, and broken it is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from probes.outcome import Outcome, Verdict
from probes.undo import Journal
from scenarios.loader import load_suite
from scenarios.model import Suite
from scenarios.runner import run
from scenarios.statements import coverage_of
from vedette.reference.travel_crm.faults import FAULTS
from vedette.reference.travel_crm.system import TravelCrmSystem


async def _asked(folder: Path, target: str, *bugs: str, only: str = "") -> dict[str, Outcome]:
    async with TravelCrmSystem(bugs, folder=folder).running() as variables:
        suite = load_suite("travel-crm", target=target, environ=variables)
        chosen = tuple(s for s in suite.scenarios if only in s.name)
        made = await run(suite.model_copy(update={"scenarios": chosen}), target, journal=Journal(folder / "undo"))
    return {outcome.subject.scenario: outcome for outcome in made.outcomes}


def _unread() -> Suite:
    """Return the suite as it is read where no variable is set."""
    return load_suite("travel-crm", environ={}, all_targets=True)


@pytest.mark.anyio
async def test_all_of_it_passes_on_staging_and_what_was_broken_is_mended(tmp_path: Path) -> None:
    outcomes = await _asked(tmp_path, "staging")
    assert {n: o.sentence for n, o in outcomes.items() if o.verdict is not Verdict.PASS} == {}
    assert set(outcomes) == {s.name for s in _unread().scenarios}


@pytest.mark.anyio
async def test_production_is_only_looked_at(tmp_path: Path) -> None:
    outcomes = await _asked(tmp_path, "production")
    assert {o.verdict for o in outcomes.values()} == {Verdict.PASS, Verdict.SKIPPED}
    assert all("write" in o.sentence for o in outcomes.values() if o.verdict is Verdict.SKIPPED)
    assert {exchange.method for o in outcomes.values() for exchange in o.exchanges} <= {"GET", "TRACE"}


def test_it_needs_no_variable_to_be_read_and_grants_production_nothing() -> None:
    suite = _unread()
    assert suite.targets["production"].allow == frozenset() and suite.targets["production"].environment == "production"
    for scenario in suite.scenarios:
        assert scenario.why and scenario.owner and scenario.runbook and scenario.tags, scenario.name
        assert ("passive" in scenario.tags) != ("active" in scenario.tags or "staging" in scenario.tags), scenario.name


def test_all_that_the_document_states_and_that_can_be_seen_is_covered() -> None:
    assert coverage_of(_unread()).missing == []


def test_each_statement_that_is_covered_is_broken_by_a_fault() -> None:
    broken = {one for fault in FAULTS for one in fault.breaks}
    assert {one for scenario in _unread().scenarios for one in scenario.covers} - broken == set()


def test_a_fault_breaks_what_a_scenario_of_its_owner_covers() -> None:
    scenarios = _unread().scenarios
    lost = [f.name for f in FAULTS if not any(s.kind == f.owner and set(f.breaks) <= set(s.covers) for s in scenarios)]
    assert lost == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("bug", "scenario", "words"),
    [
        pytest.param("sentry_before_send_lost", "an error reaches Sentry", "[Aa]uthorization", id="credentials in Sentry"),
        pytest.param("alert_always", "up to the threshold", "4[.]97", id="an alert for nothing"),
        pytest.param("grafana_old_names", "the dashboard shows", "travel_crm_http_requests_total", id="an empty dashboard"),
    ],
)
async def test_the_most_telling_faults_are_named(tmp_path: Path, bug: str, scenario: str, words: str) -> None:
    [outcome] = (await _asked(tmp_path, "staging", bug, only=scenario)).values()
    assert outcome.verdict is Verdict.FAIL
    assert words in outcome.sentence or any(words in check.say for check in outcome.checks if check.verdict is Verdict.FAIL)
