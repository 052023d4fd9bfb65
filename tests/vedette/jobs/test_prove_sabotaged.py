"""Proving that `vedette prove` can fail: each part of the proof is sabotaged once, and the command must say so."""

from __future__ import annotations

import argparse
import json
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from probes import probe as frame
from probes.kinds import tenant_cache_isolation
from probes.kinds.rate_limit import RateLimit
from probes.outcome import Check, Judgement, Verdict, check, control
from vedette.cli.commands import prove as command
from vedette.exit_codes import Exit
from vedette.jobs import prove as job


class InThreads(ThreadPoolExecutor):
    """Runs where the sabotage is: a spawned process would import the sound probes anew."""

    def __init__(self, workers: int, mp_context: Any) -> None:
        super().__init__(workers)


@pytest.fixture
def proving(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, dict[str, Any]]]:
    monkeypatch.setattr(job, "ProcessPoolExecutor", InThreads)

    def prove(*faults: str, sound_runs: int = 0) -> tuple[int, dict[str, Any]]:
        asked = argparse.Namespace(json=True, fault=list(faults), system=[], whole=False, sound_runs=sound_runs, jobs=1)
        code = command.run(asked)
        return code, json.loads(capsys.readouterr().out)

    return prove


Proving = Callable[..., tuple[int, dict[str, Any]]]


def saying(holds: bool) -> Callable[..., AsyncIterator[Check]]:
    async def ask(self: RateLimit, session: Any) -> AsyncIterator[Check]:
        yield control("it was looked", holds=True)
        yield check("all is well", holds=holds, say="all served, the limit of 50 does not hold")

    return ask


def test_unharmed_it_holds(proving: Proving) -> None:
    code, said = proving("limit_off", "cache_off", sound_runs=1)
    assert (code, said["missed"], said["vacuous_passes"], said["false_alarms"]) == (Exit.PASSED, [], [], [])


def test_a_probe_that_always_passes_is_found_out(proving: Proving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RateLimit, "ask", saying(True))
    code, said = proving("limit_off", "limit_global")
    assert (code, said["missed"], said["caught"]) == (Exit.FAILED, ["limit_off", "limit_global"], 0)


def test_a_probe_that_always_fails_is_found_out_by_the_sound_target(proving: Proving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RateLimit, "ask", saying(False))
    code, said = proving("limit_off", sound_runs=1)
    assert (code, said["missed"]) == (Exit.FAILED, []) and "does not hold" in said["false_alarms"][0]


def test_a_control_that_always_holds_is_found_out_as_a_vacuous_pass(proving: Proving, monkeypatch: pytest.MonkeyPatch) -> None:
    def held(name: str, *, holds: bool, **more: Any) -> Check:
        return control(name, holds=True)

    monkeypatch.setattr(tenant_cache_isolation, "control", held)
    code, said = proving("cache_off")
    assert (code, said["missed"], said["vacuous_passes"]) == (Exit.FAILED, ["cache_off"], ["cache_off"])


def test_a_law_that_lets_everything_pass_is_found_out(proving: Proving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame, "judge", lambda checks: Judgement(Verdict.PASS, "all is well"))
    code, said = proving("limit_off", "cache_off")
    assert (code, said["missed"], said["vacuous_passes"]) == (Exit.FAILED, ["limit_off", "cache_off"], ["cache_off"])


def test_a_suite_in_which_the_owner_is_not_asked_catches_nothing(proving: Proving, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = job.run_once
    monkeypatch.setattr(job, "run_once", lambda *about: [seen for seen in asked(*about) if seen.kind != "rate_limit"])
    code, said = proving("limit_off")
    assert (code, said["missed"]) == (Exit.FAILED, ["limit_off"])
