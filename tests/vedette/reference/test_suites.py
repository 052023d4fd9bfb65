"""The bundled suites, against the reference target that they must pass on, and against one that is broken."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from probes.outcome import Outcome, Verdict
from probes.target import Grant
from probes.undo import Journal
from scenarios.loader import LIBRARY, bundled_suites, load_suite
from scenarios.runner import run
from vedette.reference.askpro.system import AskPro
from vedette.reference.faults import FAULTS

TOKEN = "control-token-of-this-test"
PRODUCTION_LINES = {"two_hour_monitoring", "week_one"}  # asked on staging too, and proven by production only


async def _askpro(folder: Path, target: str, *faults: str, redis_url: str = "", only: str = "") -> dict[str, Outcome]:
    async with AskPro(faults, folder=folder, redis_url=redis_url).running() as variables:
        suite = load_suite("askpro", target=target, environ=variables)
        if only:
            suite = suite.model_copy(update={"scenarios": tuple(s for s in suite.scenarios if s.name == only)})
        result = await run(suite, target, journal=Journal(folder / "undo"))
    return {outcome.subject.scenario: outcome for outcome in result.outcomes}


def _troubles(outcomes: dict[str, Outcome]) -> dict[str, str]:
    return {name: o.sentence for name, o in outcomes.items() if o.verdict not in (Verdict.PASS, Verdict.DEGRADED)}


@pytest.mark.anyio
async def test_askpro_passes_on_staging_and_proves_the_lines_of_the_sign_off(tmp_path: Path) -> None:
    outcomes = await _askpro(tmp_path, "staging")
    assert _troubles(outcomes) == {}
    assert {o.subject.kind for o in outcomes.values()} >= {f.owner for f in FAULTS.values() if f.system == "askpro"}
    lines = {line for o in outcomes.values() for line in o.subject.sign_off}
    assert lines == {"staging_tests", "security_verification", "performance", "immediate_verification", *PRODUCTION_LINES}


@pytest.mark.anyio
async def test_from_the_server_itself_the_keys_in_redis_are_looked_at_too(tmp_path: Path, redis_url: str) -> None:
    outcomes = await _askpro(tmp_path, "staging_inside", redis_url=redis_url)
    assert _troubles(outcomes) == {}
    assert outcomes["every cache key carries its company"].verdict is Verdict.PASS


@pytest.mark.anyio
async def test_production_is_only_looked_at(tmp_path: Path) -> None:
    outcomes = await _askpro(tmp_path, "production")
    assert _troubles(outcomes) == {}
    assert {line for o in outcomes.values() for line in o.subject.sign_off} >= {"immediate_verification", *PRODUCTION_LINES}
    assert {exchange.method for o in outcomes.values() for exchange in o.exchanges} == {"GET"}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("fault", "scenario", "words"),
    [
        ("cache_key_without_tenant", "companies never share a cache entry", "tenant 20 was served tenant 15's slots"),
        ("log_validation_error_leaks", "nothing of a caller stands in the log", "planted email address stands in the logs"),
        ("limit_off", "one call may ask fifty times and no more", "the limit of 50 does not hold"),
        ("hours_not_adjusted", "appointments lie within business hours", "08:00, before opening at 09:00"),
        ("breaker_absent", "the circuit breaker opens after five failures and closes again", "never opened"),
    ],
)
async def test_each_verification_test_fails_where_it_should(tmp_path: Path, fault: str, scenario: str, words: str) -> None:
    outcome = (await _askpro(tmp_path, "staging", fault, only=scenario))[scenario]
    assert outcome.verdict is Verdict.FAIL
    assert words in outcome.sentence


def test_askpro_needs_no_variable_to_be_read_and_grants_production_nothing() -> None:
    suite = load_suite("askpro", environ={}, all_targets=True)
    assert suite.targets["production"].allow == frozenset() and suite.targets["production"].environment == "production"
    assert suite.targets["staging"].allow == {Grant.BURST, Grant.WRITE, Grant.FAULTS}
    for scenario in suite.scenarios:
        assert scenario.why and scenario.owner and scenario.runbook and scenario.tags and scenario.sign_off, scenario.name
        assert ("passive" in scenario.tags) == scenario.is_for("production")


def test_the_demo_shows_every_kind_that_has_a_fault(tmp_path: Path) -> None:
    environ = {"VEDETTE_DEMO_URL": "http://127.0.0.1:1", "VEDETTE_DEMO_LOG": str(tmp_path), "VEDETTE_REFERENCE_TOKEN": TOKEN}
    suite = load_suite("demo", environ=environ)
    assert sorted(s.kind for s in suite.scenarios) == sorted({f.owner for f in FAULTS.values() if f.system == "demo"})


@pytest.mark.parametrize("name", bundled_suites())
def test_every_bundled_suite_carries_the_editor_modeline(name: str) -> None:
    first = (LIBRARY / f"{name}.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert re.fullmatch(r"# yaml-language-server: \$schema=\.\./suite\.schema\.json", first)
