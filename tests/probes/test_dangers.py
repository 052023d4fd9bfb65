"""This file is for testing dangers: what is found exactly is told, what merely fails is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from probes.dangers import DANGERS, LASTING, Danger, of_state, of_status
from probes.outcome import Outcome, Subject, Verdict, check, control, from_json, note, to_json
from probes.registry import KINDS
from scenarios.loader import load_suite
from scenarios.runner import Runner
from scenarios.selection import Selection
from tests.probes.answers import NOW
from vedette.reference.settings import Settings
from vedette.reference.target import ReferenceTarget

CACHE, LOG = "tenants never share a cache entry", "no personal data reaches the log"
LIMIT, BREAKER = "a caller that asks too much is held back", "the circuit breaker opens and recovers"
API = "free appointments are offered"


async def asked(scenario: str, fault: str, folder: Path) -> Outcome:
    """Return what the demo's scenario says of the reference target with that fault, or of a sound one."""
    log = folder / "app.log"
    token = "token-of-this-test"
    target = ReferenceTarget([fault] if fault else [], log_path=log, settings=Settings(control_token=token))
    async with target.running() as url:
        environ = {"VEDETTE_DEMO_URL": url, "VEDETTE_DEMO_LOG": str(log), "VEDETTE_REFERENCE_TOKEN": token}
        suite = load_suite("demo", environ=environ)
        result = await Runner(suite, "reference", Selection(text=scenario)).run()
    return result.outcomes[0]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("scenario", "fault", "danger"),
    [
        pytest.param(CACHE, "cache_key_without_tenant", "cross_tenant_leak", id="another tenant's marker"),
        pytest.param(CACHE, "tenant_marker_missing", "", id="a marker that is missing"),
        pytest.param(LOG, "log_email_raw", "personal_data_in_logs", id="a planted value"),
        pytest.param(LOG, "log_other_customer", "", id="what only a pattern finds"),
        pytest.param(LOG, "log_markers_missing", "", id="no sign of redaction"),
        pytest.param(LIMIT, "limit_blocks_everyone", "limit_blocks_legitimate", id="a caller never seen before"),
        pytest.param(LIMIT, "limit_bystander_blocked", "limit_blocks_legitimate", id="a bystander"),
        pytest.param(LIMIT, "limit_20", "limit_blocks_legitimate", id="a caller within the limit"),
        pytest.param(LIMIT, "limit_off", "", id="no limit at all"),
        pytest.param(LIMIT, "limit_answers_500", "server_errors", id="a limiter that breaks"),
        pytest.param(BREAKER, "breaker_open_at_start", "breaker_stuck_open", id="open at the start"),
        pytest.param(BREAKER, "breaker_never_half_opens", "breaker_stuck_open", id="does not close again"),
        pytest.param(BREAKER, "breaker_threshold_10", "", id="opens late"),
        pytest.param(API, "api_fails", "server_errors", id="500 instead of 200"),
        pytest.param(API, "api_redirects_to_login", "", id="302 instead of 200"),
    ],
)
async def test_a_fault_tells_of_its_danger_and_of_no_other(scenario: str, fault: str, danger: str, tmp_path: Path) -> None:
    outcome = await asked(scenario, fault, tmp_path)
    assert outcome.verdict is Verdict.FAIL, outcome.sentence
    assert {made.danger for made in outcome.checks if made.danger} == ({danger} if danger else set())
    assert all(made.verdict is Verdict.FAIL for made in outcome.checks if made.danger)


@pytest.mark.anyio
@pytest.mark.parametrize("scenario", [CACHE, LOG, LIMIT, API])
async def test_a_sound_target_tells_of_none(scenario: str, tmp_path: Path) -> None:
    outcome = await asked(scenario, "", tmp_path)
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    assert not any(made.danger for made in outcome.checks)


def test_a_check_tells_of_its_danger_only_where_it_fails() -> None:
    told = {"danger": Danger.SERVER_ERRORS}
    assert check("x", holds=False, **told).danger == "server_errors"  # type: ignore[arg-type]
    assert check("x", holds=True, **told).danger == ""  # type: ignore[arg-type]
    assert check("x", holds=False, soft=True, **told).danger == ""  # type: ignore[arg-type]


def test_an_outcome_that_was_written_before_dangers_is_read_as_before() -> None:
    subject = Subject("s", "c", "http", "t", "staging")
    checks = (control("seen", holds=True), check("x", holds=False, danger=Danger.SERVER_ERRORS), note("n", "why"))
    made = Outcome("1", "r", subject, Verdict.FAIL, "x", NOW, 0.1, checks)
    written = to_json(made)
    assert from_json(written) == made and type(written["checks"][1]["danger"]) is str
    for one in written["checks"]:
        del one["danger"]
    assert [one.danger for one in from_json(written).checks] == ["", "", ""]


@pytest.mark.parametrize(
    ("status", "danger"), [(500, "server_errors"), (599, "server_errors"), (499, ""), (200, ""), (600, ""), (None, "")]
)
def test_a_status_tells_of_server_errors(status: int | None, danger: str) -> None:
    assert of_status(status) == danger


@pytest.mark.parametrize(
    ("name", "seen", "danger"),
    [
        ("$.circuit_breakers.cal.state", "'open'", "breaker_stuck_open"),
        ("$.Circuit.State", '"OPEN"', "breaker_stuck_open"),
        ("$.breaker.state", "'half-open'", ""),
        ("$.door.state", "'open'", ""),
        ("the body", "<p>open</p>", ""),
    ],
)
def test_a_state_tells_of_a_breaker_that_is_open(name: str, seen: str, danger: str) -> None:
    assert of_state(name, seen) == danger


def test_each_danger_is_described_and_what_kinds_declare_is_known() -> None:
    assert set(DANGERS) == set(Danger) and set(Danger) >= LASTING
    declared = {danger for name in KINDS.names() if (kind := KINDS.find(name)) for danger in kind.dangers}
    assert declared == set(Danger)
