"""This file is for circuit breakers that are hard to judge: stale states, faults that bite now and then, odd answers."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from probes.outcome import Verdict
from tests.probes.kinds.test_circuit_breaker import names, outcome_of
from tests.probes.small_service import Asked, BreakerService, Reply

pytestmark = pytest.mark.anyio


def answering_state(service: BreakerService, headers: dict[str, str]) -> BreakerService:
    sound = service.handle

    async def handle(request: Asked) -> Reply:
        status, more, body = await sound(request)
        return status, {**more, **headers} if request.path == "/health" else more, body

    service.handle = handle  # type: ignore[method-assign]
    return service


@pytest.mark.parametrize("headers", [{"Age": "3600"}, {"X-Cache": "HIT"}], ids=["age", "hit"])
async def test_a_state_out_of_a_cache_is_not_the_breakers_state(headers: dict[str, str]) -> None:
    outcome = await outcome_of(answering_state(BreakerService(), headers), mode="passive")
    assert outcome.verdict is Verdict.FAIL and "came out of a cache" in outcome.sentence, outcome.sentence


@pytest.mark.parametrize("headers", [{"Age": "0"}, {"X-Cache": "MISS"}], ids=["age", "miss"])
async def test_a_state_that_passed_a_cache_by_is_believed(headers: dict[str, str]) -> None:
    assert (await outcome_of(answering_state(BreakerService(), headers), mode="passive")).verdict is Verdict.PASS


def biting(service: BreakerService, bites: Any) -> BreakerService:
    """Let the fault bite only those calls that `bites` says: it is in one of several replicas of the dependency."""
    sound = service._slots

    async def now_and_then() -> Reply:
        down, service.down = service.down, service.down and next(bites)
        try:
            return await sound()
        finally:
            service.down = down

    service._slots = now_and_then  # type: ignore[method-assign]
    return service


async def test_a_fault_that_bites_every_other_call_does_not_accuse_a_breaker_that_counts_in_a_row() -> None:
    outcome = await outcome_of(biting(BreakerService(), itertools.cycle([True, False])))
    assert outcome.verdict is Verdict.INCONCLUSIVE, outcome.sentence
    assert "bit only now and then" in outcome.sentence


async def test_a_breaker_that_opens_after_five_in_a_row_is_sound_though_some_failed_before() -> None:
    outcome = await outcome_of(biting(BreakerService(), itertools.chain([True] * 4, [False], itertools.repeat(True))))
    assert outcome.verdict is Verdict.PASS, outcome.sentence


async def test_a_breaker_that_never_opens_is_caught_though_the_fault_bites_now_and_then() -> None:
    bites = itertools.chain([True] * 2, [False], itertools.repeat(True))
    outcome = await outcome_of(biting(BreakerService(frozenset({"absent"})), bites))
    assert outcome.verdict is Verdict.FAIL and "never opened" in outcome.sentence, outcome.sentence


@pytest.mark.parametrize(
    "value", ["1893456000", "Thu, 01 Jan 1970 00:00:00 GMT", "Mon, 01 Jan 2026 00:00:00 +99999999999999999999", "-1", "soon"]
)
async def test_a_retry_after_that_cannot_be_meant_is_none(value: str) -> None:
    service = BreakerService(pause_s=0.8)
    sound = service._slots

    async def odd() -> Reply:
        status, headers, body = await sound()
        return status, {"Retry-After": value} if headers else {}, body

    service._slots = odd  # type: ignore[method-assign]
    outcome = await outcome_of(service)
    assert outcome.verdict is Verdict.FAIL and f"Retry-After '{value[:20]}" in outcome.sentence, outcome.sentence


async def test_the_sign_of_a_fallback_is_compared_typed() -> None:
    """`1` is not `true`: to a caller that looks for `true` this made-up answer is a real one."""
    service = BreakerService()
    sound = service._slots

    async def with_fallback() -> Reply:
        status, _, body = await sound()
        return 200, {}, {**body, "fallback": int(status != 200)}

    service._slots = with_fallback  # type: ignore[method-assign]
    outcome = await outcome_of(service, open_answer={"fallback": {"json": "$.fallback", "equals": True}})
    assert outcome.verdict is Verdict.INCONCLUSIVE and "did not bite" in outcome.sentence, outcome.sentence
    assert "the breaker opens" not in names(outcome, Verdict.PASS)


BY_NAME: dict[str, Any] = {"status": {"request": {"path": "/state?of={{service}}"}, "json": "$"}, "mode": "passive"}
CLOSED = {"state": "closed", "failure_count": 0, "failure_threshold": 5, "seconds_until_retry": None}


def told(name: str | None) -> BreakerService:
    """Answer every name with a closed breaker, which says the name that was asked for, or always the same one."""
    service = BreakerService()

    async def handle(request: Asked) -> Reply:
        return 200, {}, {**CLOSED, "service": name or request.path.partition("=")[2]}

    service.handle = handle  # type: ignore[method-assign]
    return service


async def test_a_breaker_that_is_made_for_every_name_that_is_asked_for_proves_nothing() -> None:
    """A misspelt name would be answered with a fresh breaker, closed, under the very name: the real one may be open."""
    outcome = await outcome_of(told(None), **BY_NAME)
    assert outcome.verdict is Verdict.INCONCLUSIVE and "nothing shows that the state read is that of" in outcome.sentence


async def test_nor_does_one_that_bears_the_name_as_its_key() -> None:
    service = BreakerService()

    async def handle(request: Asked) -> Reply:
        return 200, {}, {request.path.partition("=")[2]: {**CLOSED, "service": "any"}}

    service.handle = handle  # type: ignore[method-assign]
    status = {**BY_NAME["status"], "json": "$.{{service}}", "fields": {"service": ""}}
    outcome = await outcome_of(service, **{**BY_NAME, "status": status})
    assert outcome.verdict is Verdict.INCONCLUSIVE, outcome.sentence


async def test_a_state_that_says_its_own_name_whatever_is_asked_is_believed() -> None:
    outcome = await outcome_of(told("calcom_api"), **BY_NAME)
    assert outcome.verdict is Verdict.PASS, outcome.sentence
