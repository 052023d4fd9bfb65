"""AskPro: all that its checklist states is asked, and each statement has a fault that breaks it."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from scenarios.loader import load_suite
from scenarios.statements import coverage_of
from vedette.jobs.prove import judge_fault, run_once
from vedette.reference.askpro.system import AskPro
from vedette.reference.faults import FAULTS, named

OWN = [fault for fault in FAULTS.values() if fault.system == "askpro"]


def test_all_that_can_be_seen_is_covered_and_each_of_it_is_broken_by_a_fault() -> None:
    suite = load_suite("askpro", environ={})
    found = coverage_of(suite)
    broken = {statement for fault in OWN for statement in fault.breaks}
    assert found.missing == [] and set(found.covered) - broken == set()
    assert broken <= set(found.covered)


def test_there_are_enough_faults_and_enough_that_hide_the_evidence() -> None:
    assert len(OWN) >= 25 and sum(fault.vacuity for fault in OWN) >= 5


@pytest.mark.parametrize(
    "name", ["askpro_calcom_log_leaks", "askpro_limit_unlogged", "askpro_debug_left_on", "askpro_scrape_stopped"]
)
def test_a_telling_fault_is_caught_by_who_covers_what_it_breaks(name: str) -> None:
    fault = named(name)
    assert judge_fault(fault, run_once("askpro", fault.target or "staging", name)).why_missed == ""


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("bug", "name", "value"),
    [
        pytest.param("", "askpro_cache_hits_total", 18_400, id="sound"),
        pytest.param("askpro_cache_mostly_missed", "askpro_cache_hits_total", 7_200, id="by a fault's name"),
        pytest.param("cache_mostly_missed", "askpro_cache_hits_total", 7_200, id="by the bug's name"),
    ],
)
async def test_a_week_of_callers_is_counted_before_anybody_asks(tmp_path: Path, bug: str, name: str, value: int) -> None:
    async with AskPro({bug} - {""}, folder=tmp_path).running() as variables, httpx.AsyncClient(trust_env=False) as client:
        told = (await client.get(f"{variables['ASKPRO_STAGING_URL']}/metrics")).text
    assert f"{name} {value}" in told.splitlines()


@pytest.mark.anyio
async def test_calls_of_calcom_are_told_in_a_log_of_their_own(tmp_path: Path) -> None:
    body = {"call_id": "company-15", "args": {"service": "x", "date": "2026-12-01", "time": "10:00"}}
    async with AskPro(folder=tmp_path).running() as variables, httpx.AsyncClient(trust_env=False) as client:
        url = variables["ASKPRO_STAGING_URL"]
        token = {"X-Control-Token": variables["ASKPRO_CONTROL_TOKEN"]}
        await client.post(f"{url}/api/retell/check-availability", json=body)
        await client.post(f"{url}/_control/faults/calcom-down", headers=token)
        failed = await client.post(f"{url}/api/retell/check-availability", json={**body, "call_id": "company-20"})
        lines = Path(variables["ASKPRO_STAGING_CALCOM_LOG"]).read_text().splitlines()
    assert failed.status_code == 502
    assert [line.split(": ")[1].split(" {")[0] for line in lines] == ["Cal.com request answered", "Cal.com request failed"]


def test_a_fault_of_another_system_is_no_bug_of_this_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="did you mean 'askpro_limit_uncounted'"):
        AskPro(["askpro_limit_uncountd"], folder=tmp_path)
