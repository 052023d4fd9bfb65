"""This file is for the promises of the throttle of sign-ins."""

from __future__ import annotations

import pytest

from vedette.service.security import throttle as module
from vedette.service.security.throttle import FREE, FREE_OF_ALL, LONGEST_OF_ALL_S, LONGEST_S, Throttle


class Clock:
    s = 0.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def throttle(clock: Clock) -> Throttle:
    return Throttle(clock)


def fail(throttle: Throttle, address: str, times: int) -> None:
    for _ in range(times):
        assert throttle.attempt(address) == 0


def test_the_first_failures_are_free(throttle: Throttle) -> None:
    fail(throttle, "10.0.0.1", FREE)
    assert throttle.attempt("10.0.0.1") > 0


def test_each_further_failure_doubles_the_wait_up_to_a_bound(throttle: Throttle, clock: Clock) -> None:
    fail(throttle, "10.0.0.1", FREE)
    waits = []
    for _ in range(15):
        waits.append(wait_s := throttle.attempt("10.0.0.1"))
        clock.s += wait_s
        fail(throttle, "10.0.0.1", 1)
    assert waits[:5] == [1, 2, 4, 8, 16] and waits[-1] == LONGEST_S


def test_an_attempt_that_has_to_wait_does_not_lengthen_the_wait(throttle: Throttle, clock: Clock) -> None:
    fail(throttle, "10.0.0.1", FREE + 0)
    for _ in range(100):
        throttle.attempt("10.0.0.1")
    clock.s += 1
    assert throttle.attempt("10.0.0.1") == 0


def test_many_attempts_at_once_gain_nothing(throttle: Throttle) -> None:
    assert sum(throttle.attempt("10.0.0.1") == 0 for _ in range(1000)) == FREE


def test_a_success_forgives_the_address(throttle: Throttle) -> None:
    fail(throttle, "10.0.0.1", FREE)
    throttle.succeeded("10.0.0.1")
    fail(throttle, "10.0.0.1", FREE)


def test_an_hour_without_a_failure_forgives(throttle: Throttle, clock: Clock) -> None:
    fail(throttle, "10.0.0.1", FREE)
    clock.s += module.FORGIVEN_S + 1
    fail(throttle, "10.0.0.1", FREE)


def test_one_address_does_not_hold_back_another(throttle: Throttle) -> None:
    fail(throttle, "10.0.0.1", FREE)
    assert throttle.attempt("10.0.0.2") == 0


def test_a_network_of_ipv6_is_one_address(throttle: Throttle) -> None:
    fail(throttle, "2001:db8::1", FREE)
    assert throttle.attempt("2001:db8::ffff:1") > 0
    assert throttle.attempt("2001:db8:0:1::1") == 0


def test_many_addresses_together_are_held_back_but_not_for_long(throttle: Throttle, clock: Clock) -> None:
    for number in range(FREE_OF_ALL):
        fail(throttle, f"10.1.{number // 250}.{number % 250}", 1)
    for number in range(20):
        wait_s = throttle.attempt("10.2.0.1")
        assert 0 < wait_s <= LONGEST_OF_ALL_S
        clock.s += wait_s
        fail(throttle, f"10.3.0.{number}", 1)


def test_what_is_remembered_is_bounded(throttle: Throttle, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ADDRESSES", 100)
    monkeypatch.setattr(module, "FREE_OF_ALL", 10**9)
    for number in range(1000):
        fail(throttle, f"10.1.{number // 250}.{number % 250}", 1)
    assert len(throttle._each) == 100


def test_an_address_that_is_none_is_counted_too(throttle: Throttle) -> None:
    fail(throttle, "", FREE)
    assert throttle.attempt("") > 0
