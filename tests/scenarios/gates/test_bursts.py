"""This file is for testing how long failures last by a history, and the gap between rounds that follows from it."""

from __future__ import annotations

import math
import random

import pytest

from scenarios.gates.bursts import LEAST_S, MOST_S, Tick, independence_gap_s, mean_burst_s


def history(mean_burst: float, *, every: float, hours: float, seed: int = 1, up: float = 3000.0) -> list[Tick]:
    """Return ticks of a system that fails for exponential times, asked every so often."""
    rng, ticks, at, failed = random.Random(seed), [], 0.0, False
    until = rng.expovariate(1 / up)
    while at < hours * 3600:
        while until <= at:
            failed = not failed
            until += rng.expovariate(1 / (mean_burst if failed else up))
        ticks.append(Tick(at, failed))
        at += every
    return ticks


@pytest.mark.parametrize("mean", [30.0, 60.0, 200.0])
def test_the_mean_burst_is_found_though_ticks_are_a_minute_apart(mean: float) -> None:
    found = mean_burst_s(history(mean, every=60, hours=2000))
    assert found is not None and found == pytest.approx(mean, rel=0.25)


def test_the_order_of_the_history_does_not_matter() -> None:
    ticks = history(60, every=60, hours=200)
    assert mean_burst_s(ticks) == mean_burst_s(random.Random(2).sample(ticks, len(ticks)))


@pytest.mark.parametrize(
    "ticks",
    [
        pytest.param([], id="none"),
        pytest.param([Tick(0, True)], id="one"),
        pytest.param([Tick(60.0 * n, False) for n in range(1000)], id="never failed"),
        pytest.param([Tick(60.0 * n, n in (5, 50, 500)) for n in range(1000)], id="failed seldom"),
        pytest.param([Tick(7.0, True)] * 20, id="all at one time"),
        pytest.param([Tick(math.nan, True), Tick(math.inf, True)], id="no times"),
    ],
)
def test_too_little_history_says_nothing_and_the_gap_is_the_least(ticks: list[Tick]) -> None:
    assert mean_burst_s(ticks) is None
    assert independence_gap_s([ticks]) == LEAST_S


def test_the_scenario_whose_failures_last_longest_decides_within_bounds() -> None:
    short, long = history(10, every=5, hours=100), history(40, every=5, hours=100, seed=3)
    assert independence_gap_s([]) == LEAST_S
    assert independence_gap_s([short, long]) == pytest.approx(3 * 40, rel=0.3)
    assert independence_gap_s([short, long, history(3000, every=60, hours=500)]) == MOST_S


def test_a_time_in_which_nobody_looked_is_no_part_of_a_burst() -> None:
    asleep = [Tick(10_000.0 * night + 10 * n, n != 1) for night in range(20) for n in range(3)]  # fails before and after each
    together = [Tick(10.0 * n, n % 2 == 0) for n in range(41)]
    assert mean_burst_s(asleep) == pytest.approx(mean_burst_s(together))
