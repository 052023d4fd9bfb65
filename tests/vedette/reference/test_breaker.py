"""The reference target's circuit breaker, seen from outside and with a clock in the hand."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.vedette.reference.conftest import Start
from vedette.reference.breaker import Breaker, BreakerOpen
from vedette.reference.dependencies import DependencyDown
from vedette.reference.settings import Settings

pytestmark = pytest.mark.anyio


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def _down() -> str:
    raise DependencyDown("calcom")


async def _up() -> str:
    return "slots"


def _breaker(clock: Clock, told: list[str] | None = None, faults: frozenset[str] = frozenset()) -> Breaker:
    def tell(message: str, context: dict[str, Any]) -> None:
        if told is not None:
            told.append(message)

    return Breaker(Settings(open_s=30.0), faults, tell, clock)


async def _fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        with pytest.raises(DependencyDown):
            await breaker.call(_down)


async def test_it_opens_at_the_fifth_failure_in_a_row_and_not_before() -> None:
    told: list[str] = []
    breaker = _breaker(Clock(), told)
    await _fail(breaker, 4)
    assert breaker.status()["state"] == "closed"
    await _fail(breaker, 1)
    assert breaker.status() == {
        "service": "calcom_api",
        "state": "open",
        "failure_count": 5,
        "failure_threshold": 5,
        "seconds_until_retry": 30,
    }
    assert told == ["Circuit breaker opened"]


async def test_a_success_between_failures_starts_the_count_anew() -> None:
    breaker = _breaker(Clock())
    await _fail(breaker, 4)
    await breaker.call(_up)
    await _fail(breaker, 4)
    assert breaker.status()["state"] == "closed"


async def test_open_it_asks_nobody() -> None:
    breaker, asked = _breaker(Clock()), []
    await _fail(breaker, 5)

    async def ask() -> None:
        asked.append(1)

    with pytest.raises(BreakerOpen) as refusal:
        await breaker.call(ask)
    assert asked == [] and refusal.value.retry_after_s == 30.0


async def test_after_its_time_one_trial_closes_it() -> None:
    clock = Clock()
    breaker = _breaker(clock)
    await _fail(breaker, 5)
    clock.now = 30.0
    assert breaker.status()["state"] == "half_open"
    assert await breaker.call(_up) == "slots"
    assert breaker.status()["state"] == "closed"


async def test_a_failed_trial_opens_it_again() -> None:
    clock = Clock()
    breaker = _breaker(clock)
    await _fail(breaker, 5)
    clock.now = 31.0
    await _fail(breaker, 1)
    assert breaker.status()["state"] == "open"
    with pytest.raises(BreakerOpen):
        await breaker.call(_up)


async def test_while_a_trial_is_under_way_the_others_are_refused() -> None:
    clock, go_on = Clock(), asyncio.Event()
    breaker = _breaker(clock)
    await _fail(breaker, 5)
    clock.now = 30.0

    async def slow() -> str:
        await go_on.wait()
        return "slots"

    trial = asyncio.create_task(breaker.call(slow))
    await asyncio.sleep(0)
    with pytest.raises(BreakerOpen):
        await breaker.call(_up)
    go_on.set()
    assert await trial == "slots"


async def test_a_trial_that_is_cancelled_lets_another_try() -> None:
    clock = Clock()
    breaker = _breaker(clock)
    await _fail(breaker, 5)
    clock.now = 30.0
    trial = asyncio.create_task(breaker.call(asyncio.Event().wait))
    await asyncio.sleep(0)
    trial.cancel()
    await asyncio.gather(trial, return_exceptions=True)
    assert await breaker.call(_up) == "slots"


async def test_an_outage_is_502_until_it_opens_then_503_with_retry_after(start: Start) -> None:
    async with start(open_s=30.0) as target:
        await target.pull("POST", "calcom")
        statuses = [(await target.ask(service=f"s{n}")).status_code for n in range(6)]
        refused = await target.ask(service="other")
        calls = await target.calls()
        state = await target.breaker()
    assert statuses == [502] * 5 + [503]
    assert calls == 5
    assert refused.headers["retry-after"] == "30" and state["state"] == "open"


async def test_once_the_dependency_is_back_it_serves_again(start: Start) -> None:
    async with start(open_s=0.0) as target:
        await target.pull("POST", "calcom")
        for n in range(6):
            await target.ask(service=f"s{n}")
        await target.pull("DELETE", "calcom")
        assert (await target.ask(service="again")).status_code == 200
        assert (await target.breaker())["state"] == "closed"


async def test_where_it_falls_back_the_answer_says_so_and_offers_nothing(start: Start) -> None:
    async with start(open_s=30.0, fallback=True) as target:
        await target.pull("POST", "calcom")
        for n in range(5):
            await target.ask(service=f"s{n}")
        told = await target.ask(service="other")
    assert told.status_code == 200
    assert told.json()["fallback"] is True and told.json()["slots"] == []
