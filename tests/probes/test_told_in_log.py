"""This file is for lines in a log that tell of what a probe saw: of our own requests, of the right ones, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from probes.evidence.log_file import LogFile
from probes.faults.http_hook import HttpHook
from probes.kinds.circuit_breaker import CircuitBreaker
from probes.kinds.rate_limit import RateLimit
from probes.outcome import Outcome, Verdict
from tests.probes.kinds.serving import Call, Said
from tests.probes.kinds.serving import outcome_of as asked_once
from tests.probes.kinds.serving import serving as serving_calls
from tests.probes.kinds.test_rate_limit import OPTIONS as LIMIT
from tests.probes.kinds.test_rate_limit import Limiter
from tests.probes.small_service import Asked, BreakerService, Reply, a_session, a_target, asked, serving, with_lever

pytestmark = pytest.mark.anyio

LINE = "Rate limit exceeded"
Tell = Callable[[str, bool], str]  # the correlation id and whether it was served: the line that is logged


def sound(one: str, served: bool) -> str:
    return f"INFO: Request handled {one}" if served else f"WARNING: {LINE} {one}"


async def limited(folder: Path, tell: Tell, **source: Any) -> Outcome:
    log, limiter = folder / "app.log", Limiter()
    log.touch()

    async def serve(call: Call) -> Said:
        said = await limiter.serve(call)
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{tell(call.headers['x-correlation-id'], said.status == 200)}\n")
        return said

    logged = [{"source": "app", "message": LINE, "within": "200ms"}]
    async with serving_calls(serve) as url:
        probe = RateLimit.model_validate({**LIMIT, "logged": logged})
        return await asked_once(probe, url, evidence={"app": LogFile(path=str(log), **source)})


async def test_a_refusal_that_is_logged_with_our_id_is_found(tmp_path: Path) -> None:
    outcome = await limited(tmp_path, sound)
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    assert f"the line '{LINE}' was logged" in [made.name for made in outcome.checks]


@pytest.mark.parametrize(
    ("tell", "verdict", "words"),
    [
        pytest.param(
            lambda one, served: f"INFO: Request handled {one}",
            Verdict.FAIL,
            ("a caller was refused 10 times, but no line 'Rate limit exceeded' says so in log file", "within 0.2 s (correlation"),
            id="not logged",
        ),
        pytest.param(
            lambda one, served: f"{LINE} {one}", Verdict.FAIL, ("for a request of which it is not true",), id="logged for all"
        ),
        pytest.param(
            lambda one, served: f"{LINE} (somebody)",
            Verdict.INCONCLUSIVE,
            ("nothing was logged for our 20 requests", "could not be looked for"),
            id="without ids of ours",
        ),
    ],
)
async def test_a_log_that_does_not_tell_the_truth_is_named(
    tmp_path: Path, tell: Tell, verdict: Verdict, words: tuple[str, ...]
) -> None:
    outcome = await limited(tmp_path, tell)
    assert outcome.verdict is verdict
    assert [word for word in words if word not in outcome.sentence] == []


async def test_what_could_not_be_read_is_not_said_to_be_missing(tmp_path: Path) -> None:
    outcome = await limited(tmp_path, lambda one, served: f"handled {one} " + "x" * 400, max_bytes=3000)
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "what was logged could not all be read" in outcome.sentence


async def broken(folder: Path, message: str, answer: Callable[[Reply], Reply] = lambda reply: reply, **options: Any) -> Outcome:
    """Ask about a breaker whose service logs each failing call with its id."""
    log, service = folder / "calls.log", BreakerService()
    log.touch()

    async def handle(request: Asked) -> Reply:
        reply = await service.handle(request)
        if request.path.startswith("/slots"):
            with log.open("a", encoding="utf-8") as file:
                file.write(f"{'answered' if reply[0] == 200 else 'exception'} {request.headers['x-correlation-id']}\n")
        return answer(reply) if request.path.startswith("/slots") else reply

    probe = CircuitBreaker.model_validate(
        {
            "status": {"request": {"path": "/health"}, "json": "$.circuit_breakers.calcom_api"},
            "service": "calcom_api",
            "request": {"path": "/slots?call={{call}}"},
            "fault": "down",
            "recover_within": "1500ms",
            "logged": [{"source": "calls", "message": message, "within": "200ms"}],
            **options,
        }
    )
    async with serving(handle) as url:
        evidence = {"calls": LogFile(path=str(log))}
        target = a_target(url, faults={"down": with_lever(HttpHook, service.lever())}, evidence=evidence)
        return await asked(probe, a_session(target))


async def test_the_lines_of_calls_that_fail_are_found(tmp_path: Path) -> None:
    outcome = await broken(tmp_path, "exception")
    assert outcome.verdict is Verdict.PASS, outcome.sentence


async def test_calls_that_fail_and_are_not_logged_are_told(tmp_path: Path) -> None:
    outcome = await broken(tmp_path, "Circuit breaker opened")
    assert outcome.verdict is Verdict.FAIL
    assert "opened after failing calls, but no line 'Circuit breaker opened' says so in log file" in outcome.sentence


async def test_what_callers_get_before_it_opens_is_held_against_what_was_declared(tmp_path: Path) -> None:
    as_agreed = await broken(tmp_path, "exception", failed_answer={"status": 502})
    assert as_agreed.verdict is Verdict.PASS, as_agreed.sentence
    other = await broken(tmp_path, "exception", failed_answer={"status": 504})
    assert other.verdict is Verdict.FAIL
    assert "its breaker still closed, a call was answered with status 502 instead of 504 (correlation id" in other.sentence


async def test_an_answer_that_shows_a_stack_trace_while_the_dependency_is_down_fails(tmp_path: Path) -> None:
    trace = {"error": "boom", "trace": "#0 /var/www/app/vendor/guzzle/Client.php(189): request()"}

    def shown(reply: Reply) -> Reply:
        return (reply[0], reply[1], trace) if reply[0] == 502 else reply

    outcome = await broken(tmp_path, "exception", shown, failed_answer={"status": 502})
    assert outcome.verdict is Verdict.FAIL
    assert "a call was answered with a stack trace" in outcome.sentence


def test_a_line_without_text_is_a_mistake_of_the_file() -> None:
    with pytest.raises(ValidationError, match="at least 1 character"):
        RateLimit.model_validate({**LIMIT, "logged": [{"source": "app", "message": ""}]})
