"""This file is for the booking site: sound it passes, and faults are caught and named. `vedette prove` tries them all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from scenarios.loader import load_suite
from scenarios.model import Scenario, Suite
from scenarios.runner import run
from vedette.jobs.prove import Seen, false_alarms, judge_fault
from vedette.reference.pages.faults import FAULTS
from vedette.reference.pages.system import Pages

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("browsing"), pytest.mark.xdist_group("browser")]
SOME = ("button_covered", "script_error", "redirect_loop", "confirmation_everywhere")


def patient(suite: Suite, within_s: float) -> Suite:
    """Return the suite with another patience: what does not come need not be waited for in a test."""

    def changed(scenario: Scenario) -> Scenario:
        return scenario.model_copy(update={"probe": scenario.probe.model_copy(update={"within": within_s, "keep": "never"})})

    return suite.model_copy(update={"scenarios": tuple(changed(one) for one in suite.scenarios)})


async def asked(environ: Mapping[str, str], within_s: float) -> list[Seen]:
    suite = patient(load_suite("pages", target="staging", environ=environ), within_s)
    return [Seen.of(one) for one in (await run(suite, "staging", run_deadline_s=60.0)).outcomes]


async def test_the_sound_site_passes(tmp_path: Path) -> None:
    async with Pages((), folder=tmp_path).running() as environ:
        assert false_alarms("sound", await asked(environ, 15)) == []


@pytest.mark.parametrize("name", SOME)
async def test_a_fault_is_caught_and_named(name: str, tmp_path: Path) -> None:
    fault = next(one for one in FAULTS if one.name == f"browser_{name}")
    async with Pages({fault.asked_for}, folder=tmp_path).running() as environ:
        assert judge_fault(fault, await asked(environ, 3)).why_missed == ""
