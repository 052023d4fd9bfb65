"""This file is for the platform of the second document under its suite: sound, and with its most telling faults.

Every fault is put to the suite by `vedette prove`. The frontend needs a Chromium and is left to it as well.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from probes.kinds.browser import Browser
from probes.outcome import Outcome, Verdict
from probes.undo import Journal
from scenarios.finding import LIBRARY
from scenarios.loader import load_suite
from scenarios.runner import run
from scenarios.statements import coverage_of
from vedette.reference.platform_baseline.faults import FAULTS
from vedette.reference.platform_baseline.system import PlatformBaseline

pytestmark = pytest.mark.anyio


async def outcomes_of(
    folder: Path, target: str, bugs: Sequence[str] = (), *, kind: str = "", covering: str = ""
) -> tuple[Outcome, ...]:
    """Run what the suite asks, without the browser; with `kind` or `covering` only scenarios of it."""
    async with PlatformBaseline(bugs, folder=folder).running() as variables:
        suite = load_suite("platform-baseline", target=target, environ={**os.environ, **variables})
        chosen = [one for one in suite.scenarios if one.kind != "browser" and kind in ("", one.kind)]
        chosen = [one for one in chosen if not covering or covering in one.covers]
        suite = suite.model_copy(update={"scenarios": tuple(chosen)})
        result = await run(suite, target, journal=Journal(folder / "undo"), run_deadline_s=60)
    return result.outcomes


@pytest.mark.parametrize("target", ["staging", "production"])
async def test_the_sound_platform_passes_where_it_is_asked(tmp_path: Path, target: str) -> None:
    outcomes = await outcomes_of(tmp_path, target)
    wrong = {one.subject.scenario: one.sentence for one in outcomes if one.verdict is not Verdict.PASS}
    assert not wrong
    assert len(outcomes) >= 20


def test_all_of_the_document_that_can_be_seen_is_looked_at() -> None:
    found = coverage_of(load_suite("platform-baseline", target="production", environ={}))
    assert found.missing == []
    assert len(found.covered) >= 50


def test_every_statement_that_is_looked_at_is_broken_by_a_fault() -> None:
    found = coverage_of(load_suite("platform-baseline", target="staging", environ={}))
    broken = {statement for fault in FAULTS for statement in fault.breaks}
    assert broken <= set(found.covered)
    assert [name for name in found.covered if name not in broken] == []
    assert sum(fault.vacuity for fault in FAULTS) >= 5


@pytest.mark.parametrize(
    ("target", "bug", "kind", "statement", "words"),
    [
        pytest.param(
            "staging", "job_request_lost", "log_contract", "correlation.job-context", "$.request_id is not that of", id="job"
        ),
        pytest.param("staging", "worker_queue_unchecked", "health", "health.worker-queue", "does not name queue", id="worker"),
        pytest.param("staging", "alert_half_ScrapeMissing", "promql", "alerts.scrape", "does not hold 'worker'", id="alert"),
        pytest.param(
            "production", "debug_in_production", "log_contract", "levels.per-environment", "'level' is 'debug'", id="debug"
        ),
    ],
)
async def test_a_fault_is_told_by_who_covers_what_it_breaks(
    tmp_path: Path, target: str, bug: str, kind: str, statement: str, words: str
) -> None:
    outcomes = await outcomes_of(tmp_path, target, [bug], kind=kind, covering=statement)
    failed = [one.sentence for one in outcomes if one.verdict is Verdict.FAIL]
    assert any(words in sentence for sentence in failed), [one.sentence for one in outcomes]


def test_the_journey_of_a_bundled_suite_lies_beside_it_wherever_it_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    suite = load_suite("platform-baseline", target="staging", environ={})
    probe = next(one.probe for one in suite.scenarios if isinstance(one.probe, Browser))
    assert probe.file == LIBRARY / "journeys" / "platform_frontend.py"
