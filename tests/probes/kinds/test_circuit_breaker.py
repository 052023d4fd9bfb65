"""This file is for the circuit breaker probe, against a real small service, sound and with each of its bugs."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from probes.breaker_trial import look_every_s
from probes.faults.http_hook import HttpHook
from probes.kinds.circuit_breaker import CircuitBreaker
from probes.outcome import Outcome, Verdict
from probes.target import Grant, Limits
from probes.undo import Fate, Journal, restore
from tests.probes.small_service import BreakerService, a_session, a_target, asked, serving, with_lever

pytestmark = pytest.mark.anyio

OPTIONS: dict[str, Any] = {
    "status": {"request": {"path": "/health"}, "json": "$.circuit_breakers.calcom_api"},
    "service": "calcom_api",
    "threshold": 5,
    "request": {"path": "/slots?call={{call}}"},
    "fault": "calcom_down",
    "dependency_calls": {"request": {"path": "/_calls"}, "json": "$.calls"},
    "fast_within": "600ms",
    "recover_within": "1500ms",
}


async def outcome_of(
    service: BreakerService, *, allow: tuple[str, ...] = ("faults",), fault: bool = True, **options: Any
) -> Outcome:
    probe = CircuitBreaker.model_validate({**OPTIONS, **options})
    async with serving(service.handle) as url:
        faults = {"calcom_down": with_lever(HttpHook, service.lever())} if fault else {}
        return await asked(probe, a_session(a_target(url, allow=allow, faults=faults)))


def names(outcome: Outcome, verdict: Verdict) -> list[str]:
    return [check.name for check in outcome.checks if check.verdict is verdict]


async def test_a_sound_breaker_passes_and_its_times_are_measured() -> None:
    service = BreakerService()
    outcome = await outcome_of(service)
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    measured = {m.name: (m.value, m.unit) for m in outcome.measurements}
    assert measured["calls_to_open"] == (5, "calls")
    assert 0 < measured["time_to_open"][0] < 5
    assert 0 < measured["time_to_recover"][0] < 1.5
    assert service.undone == 1 and not service.down


async def test_every_call_is_another_so_that_no_cache_answers() -> None:
    service = BreakerService()
    await outcome_of(service)
    asked_for = [request.path for request in service.seen if request.path.startswith("/slots")]
    assert len(asked_for) == len(set(asked_for)) > 8


BUGS = {
    "absent": "the circuit breaker of 'calcom_api' never opened: 11 calls failed one after the other, its threshold is 5",
    "never_half_opens": "did not recover: ",
    "stuck_half_open": "is stuck half-open",
    "open_but_calls": "the open circuit breaker of 'calcom_api' still called the dependency (3 times in 3 calls)",
    "slow_when_open": "the open circuit breaker of 'calcom_api' answered only after 9",
    "wrong_form": "the open circuit breaker of 'calcom_api' answered with status 500 instead of 503",
    "no_retry_after": "the open circuit breaker of 'calcom_api' answered with no Retry-After",
    "says_closed": "the circuit breaker of 'calcom_api' refuses calls, but its state says 'closed",
    "never_resets": "is closed and serves again, but still counts 5 failures",
    "frozen_state": "the circuit breaker of 'calcom_api' refuses calls, but its state says 'closed",
}


@pytest.mark.parametrize("bug", BUGS)
async def test_a_broken_breaker_fails_with_a_sentence_that_names_the_bug(bug: str) -> None:
    # long enough open that no trial call falls into the calls made meanwhile
    service = BreakerService(frozenset({bug}), pause_s=3.5 if bug == "slow_when_open" else 0.8)
    outcome = await outcome_of(service, recover_within="4500ms" if bug == "slow_when_open" else "1500ms")
    assert outcome.verdict is Verdict.FAIL
    assert BUGS[bug] in outcome.sentence
    assert service.undone == 1


async def test_a_breaker_that_never_half_opens_is_told_as_such() -> None:
    outcome = await outcome_of(BreakerService(frozenset({"never_half_opens"})))
    assert "its state is still 'open" in outcome.sentence and "never became half-open" in outcome.sentence


@pytest.mark.parametrize(("real", "words"), [(3, "opened already after 3 failures"), (9, "opened only after 9 failures")])
async def test_a_breaker_that_opens_elsewhere_than_it_says_fails(real: int, words: str) -> None:
    service = BreakerService(frozenset({"lies_about_threshold"}), threshold=real)
    outcome = await outcome_of(service)
    assert outcome.verdict is Verdict.FAIL
    assert words in outcome.sentence


async def test_failures_that_others_cause_meanwhile_are_counted_too() -> None:
    """On a shared system other callers fail as well; the dependency's own counter tells of them."""
    service = BreakerService()
    sound = service._slots

    async def busy() -> Any:
        if service.down and service.state == "closed":
            await sound()  # somebody else's call, just before ours
        return await sound()

    service._slots = busy  # type: ignore[method-assign]
    outcome = await outcome_of(service)
    assert outcome.verdict is Verdict.PASS, outcome.sentence


async def test_a_counter_behind_the_cut_line_is_not_taken_for_a_breaker_that_is_open() -> None:
    """A fault on the way to the dependency keeps its counter still; that says nothing of the breaker."""
    service = BreakerService(pause_s=0.8)
    sound = service._slots

    async def cut() -> Any:
        before = service.calls
        answer = await sound()
        service.calls = before if service.down else service.calls
        return answer

    service._slots = cut  # type: ignore[method-assign]
    outcome = await outcome_of(service)
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    assert "an open breaker does not call the dependency" in names(outcome, Verdict.SKIPPED)


async def test_one_failure_more_is_within_the_tolerance() -> None:
    service = BreakerService(frozenset({"lies_about_threshold"}), threshold=6)
    assert (await outcome_of(service)).verdict is Verdict.PASS
    service = BreakerService(frozenset({"lies_about_threshold"}), threshold=6)
    assert (await outcome_of(service, tolerance=0)).verdict is Verdict.FAIL


async def test_a_frozen_state_is_found_by_the_form_of_answers_where_no_counter_is_there() -> None:
    service = BreakerService(frozenset({"frozen_state"}), pause_s=0.8)
    outcome = await outcome_of(service, dependency_calls=None)
    assert outcome.verdict is Verdict.FAIL
    assert "refuses calls, but its state says 'closed" in outcome.sentence


async def test_without_a_counter_it_is_said_that_the_dependency_was_not_watched() -> None:
    outcome = await outcome_of(BreakerService(), dependency_calls=None)
    assert outcome.verdict is Verdict.PASS
    assert "an open breaker does not call the dependency" in names(outcome, Verdict.SKIPPED)


async def test_a_lever_that_does_nothing_is_inconclusive() -> None:
    outcome = await outcome_of(BreakerService(frozenset({"lever_does_nothing"})))
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "the fault 'calcom_down' did not bite" in outcome.sentence


async def test_calls_that_a_cache_answers_are_inconclusive() -> None:
    outcome = await outcome_of(BreakerService(frozenset({"cached"})))
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "did not reach the dependency before the fault" in outcome.sentence


async def test_a_service_that_is_down_before_the_fault_is_inconclusive_and_not_broken_further() -> None:
    service = BreakerService(down=True)
    outcome = await outcome_of(service)
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert service.undone == 0


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"allow": ()}, "target 'staging' does not grant faults"),
        ({"fault": False}, "target 'staging' has no fault 'calcom_down'"),
        ({"mode": "passive"}, "mode is 'passive'"),
    ],
)
async def test_where_it_may_not_break_it_only_looks_and_says_so(options: dict[str, Any], reason: str) -> None:
    service = BreakerService()
    outcome = await outcome_of(service, **options)
    assert outcome.verdict is Verdict.PASS
    assert [c.say for c in outcome.checks if c.verdict is Verdict.SKIPPED] == [f"not tried: {reason}"]
    assert service.calls == 0 and service.undone == 0


async def test_active_without_the_grant_is_skipped() -> None:
    outcome = await outcome_of(BreakerService(), allow=(), mode="active")
    assert outcome.verdict is Verdict.SKIPPED
    assert CircuitBreaker.model_validate(OPTIONS).needs() == frozenset()
    assert CircuitBreaker.model_validate({**OPTIONS, "mode": "active"}).needs() == {Grant.FAULTS}


async def test_an_open_breaker_fails_with_the_seconds_until_retry() -> None:
    service = BreakerService(failures=5, opened_at=time.monotonic(), pause_s=42.0)
    outcome = await outcome_of(service)
    assert outcome.verdict is Verdict.FAIL
    assert "the circuit breaker of 'calcom_api' is open after 5 failures, it tries again in 4" in outcome.sentence
    assert service.undone == 0


async def test_a_breaker_that_stays_half_open_fails() -> None:
    service = BreakerService(failures=5, opened_at=0.0, pause_s=0.0)
    outcome = await outcome_of(service, recover_within="600ms")
    assert outcome.verdict is Verdict.FAIL
    assert "stuck half-open" in outcome.sentence


@pytest.mark.parametrize(
    ("path", "entry", "words"),
    [
        ("$.circuit_breakers.calcom", None, "there is no breaker at $.circuit_breakers.calcom"),
        (None, {"failure_threshold": 7}, "opens after 7 failures, not after 5"),
        (None, {"failure_count": "0"}, "'failure_count' is '0', not a whole number"),
        (None, {"failure_count": True}, "'failure_count' is True, not a whole number"),
        (None, {"seconds_until_retry": "soon"}, "'seconds_until_retry' is 'soon'"),
        (None, {"state": None}, "'state' is None, none of closed, open, half_open"),
        (None, {"state": "fine"}, "'state' is 'fine'"),
        (None, {"service": "stripe"}, "is that of 'stripe', not of 'calcom_api'"),
        (None, {"failure_count": ...}, "has no field 'failure_count'"),
    ],
)
async def test_a_state_that_is_not_as_declared_fails(path: str | None, entry: dict[str, Any] | None, words: str) -> None:
    service = BreakerService()
    told = {k: v for k, v in {**service._told(), **(entry or {})}.items() if v is not ...}
    service._told = lambda: told  # type: ignore[method-assign]
    status = {"request": {"path": "/health"}, "json": path or "$.circuit_breakers.calcom_api"}
    outcome = await outcome_of(service, status=status, mode="passive")
    assert outcome.verdict is Verdict.FAIL
    assert words in outcome.sentence


async def test_a_state_that_answers_to_every_name_is_inconclusive() -> None:
    """Without a service field, and with the same answer for any name, nothing shows whose state it is."""

    async def any_name(request: Any) -> Any:
        return 200, {}, {"state": "closed", "failure_count": 0, "failure_threshold": 5, "seconds_until_retry": None}

    service = BreakerService()
    service.handle = any_name  # type: ignore[method-assign]
    status = {"request": {"path": "/state?of={{service}}"}, "json": "$", "fields": {"service": ""}}
    outcome = await outcome_of(service, status=status, mode="passive")
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "nothing shows that the state read is that of 'calcom_api'" in outcome.sentence


async def test_a_state_asked_for_by_name_is_proven_by_an_invented_name() -> None:
    async def known_names(request: Any) -> Any:
        if not request.path.endswith("=calcom_api"):
            return 404, {}, {"error": "unknown"}
        return 200, {}, {"state": "CLOSED", "failure_count": 0, "failure_threshold": 5, "seconds_until_retry": None}

    service = BreakerService()
    service.handle = known_names  # type: ignore[method-assign]
    status = {"request": {"path": "/state?of={{service}}"}, "json": "$", "fields": {"service": ""}}
    assert (await outcome_of(service, status=status, mode="passive")).verdict is Verdict.PASS


async def test_a_fallback_counts_as_the_declared_form() -> None:
    service = BreakerService()
    sound = service._slots

    async def with_fallback() -> Any:
        status, _, body = await sound()
        return 200, {}, {**body, "fallback": status != 200}

    service._slots = with_fallback  # type: ignore[method-assign]
    form = {"fallback": {"json": "$.fallback", "equals": True}}
    outcome = await outcome_of(service, open_answer=form)
    assert outcome.verdict is Verdict.PASS, outcome.sentence


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mode": "active", "fault": None}, "needs 'request' and 'fault'"),
        ({"request": None}, "'fault' needs 'request'"),
        ({"open_answer": {}}, "give 'status', or 'fallback'"),
        ({"status": {"request": {"path": "/"}, "json": "circuit"}}, "is not a JSONPath"),
        ({"service": "cal(com", "status": {"request": {"path": "/"}, "json": "$.{{service}}"}}, "is not a JSONPath"),
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        CircuitBreaker.model_validate({**OPTIONS, **options})


async def in_the_middle(stop: Callable[[asyncio.Task[Outcome]], None], deadline_s: float) -> tuple[BreakerService, Outcome]:
    """Stop an active probe while its fault is in and the service hangs, and return both."""
    service = BreakerService()
    hanging = asyncio.Event()
    sound = service._slots

    async def hang_while_down() -> Any:
        if service.down:
            hanging.set()
            await asyncio.Event().wait()
        return await sound()

    service._slots = hang_while_down  # type: ignore[method-assign]
    async with serving(service.handle) as url:
        target = a_target(url, faults={"calcom_down": with_lever(HttpHook, service.lever())})
        probe = CircuitBreaker.model_validate({**OPTIONS, "dependency_calls": None})
        task = asyncio.create_task(asked(probe, a_session(target), deadline_s=deadline_s))
        await hanging.wait()
        assert service.down
        stop(task)
        return service, await task


@pytest.mark.parametrize(
    ("stop", "deadline_s", "verdict", "words"),
    [
        (lambda task: task.cancel("SIGTERM"), 30.0, Verdict.INCONCLUSIVE, "stopped before it was finished: SIGTERM"),
        (lambda task: None, 1.0, Verdict.FAIL, "the target did not answer in time: after 1 s"),
    ],
    ids=["cancelled", "out of time"],
)
async def test_a_probe_stopped_in_the_middle_takes_its_fault_out(
    stop: Callable[[asyncio.Task[Outcome]], None], deadline_s: float, verdict: Verdict, words: str
) -> None:
    service, outcome = await in_the_middle(stop, deadline_s)
    assert (service.down, service.undone) == (False, 1)
    assert outcome.verdict is verdict
    assert words in outcome.sentence


CHILD = """
import asyncio, sys
from pathlib import Path
from probes.faults.http_hook import HttpHook
from probes.kinds.circuit_breaker import CircuitBreaker
from probes.undo import Journal
from tests.probes.kinds.test_circuit_breaker import OPTIONS
from tests.probes.small_service import BreakerService, a_session, a_target, asked, with_lever

url, folder = sys.argv[1:]
target = a_target(url, faults={"calcom_down": with_lever(HttpHook, BreakerService().lever())})
session = a_session(target, journal=Journal(Path(folder)))
asyncio.run(asked(CircuitBreaker.model_validate({**OPTIONS, "recover_within": "60s"}), session, deadline_s=120))
"""


async def test_after_a_kill_in_the_middle_of_the_probe_a_restore_takes_the_fault_out(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    service = BreakerService(frozenset({"absent"}))
    down = asyncio.Event()
    sound = service._slots

    async def hang_while_down() -> Any:
        if service.down:
            down.set()
            await asyncio.Event().wait()
        return await sound()

    service._slots = hang_while_down  # type: ignore[method-assign]
    async with serving(service.handle) as url:
        command = [sys.executable, "-c", CHILD, url, str(tmp_path / "undo")]
        child = await asyncio.create_subprocess_exec(*command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)})
        async with asyncio.timeout(20):
            await down.wait()
        child.kill()
        await child.wait()
        assert service.down
        (result,) = await restore(Journal(tmp_path / "undo"))
        assert (result.fate, result.what, service.down) == (Fate.UNDONE, "fault 'calcom_down'", False)


@pytest.mark.parametrize("within_s", [1.0, 60.0, 90.0, 3600.0])
def test_a_long_wait_for_recovery_stays_below_what_a_scenario_may_send(within_s: float) -> None:
    requests_a_look = 3
    assert within_s / look_every_s(within_s) * requests_a_look <= Limits().requests / 2
