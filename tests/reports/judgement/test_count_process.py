"""This file is for evidence from counters: an e-value at every share of traffic while the canary is no worse."""

from __future__ import annotations

import json
import math
from itertools import product

import pytest

from reports.judgement.count_process import PRIOR, RATIOS, CountProcess, gain
from reports.judgement.e_values import CAP, BadState

SHARES = [(1, 19), (1, 3), (1, 1), (3, 1), (19, 1)]


@pytest.mark.parametrize("sides", SHARES, ids=lambda one: f"{one[0]}:{one[1]}")
@pytest.mark.parametrize("ratio", RATIOS, ids=str)
def test_no_alternative_gains_while_each_failure_is_anybodys(sides: tuple[int, int], ratio: float) -> None:
    w = sides[0] / sum(sides)
    mean = w * math.exp(gain(w, ratio, 1, 0)) + (1 - w) * math.exp(gain(w, ratio, 0, 1))
    assert mean == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("sides", [(1, 9), (5, 5), (9, 1), (3, 4)], ids=lambda one: f"{one[0]}:{one[1]}")
@pytest.mark.parametrize("before", [(0, 0), (3, 1)], ids=str)
def test_no_reading_gains_on_average_while_the_canary_is_no_worse(sides: tuple[int, int], before: tuple[int, int]) -> None:
    """Every result of so few requests, each failing by itself: counts are small, so failures use up what can fail."""
    canary_total, baseline_total = sides
    start = CountProcess.new().updated(20, before[0], 20, before[1])
    for rate, canary_rate in product((0.001, 0.05, 0.3, 0.7, 1.0), repeat=2):
        if canary_rate <= rate:
            mean = sum(
                math.comb(canary_total, canary)
                * canary_rate**canary
                * (1 - canary_rate) ** (canary_total - canary)
                * math.comb(baseline_total, baseline)
                * rate**baseline
                * (1 - rate) ** (baseline_total - baseline)
                * start.updated(canary_total, canary, baseline_total, baseline).e
                for canary in range(canary_total + 1)
                for baseline in range(baseline_total + 1)
            )
            assert mean <= start.e * (1 + 1e-9), (rate, canary_rate, mean)


def test_an_incident_of_both_says_nothing_against_the_canary() -> None:
    process = CountProcess.new()
    for _ in range(50):
        process = process.updated(50, 5, 950, 95)
    assert process.e < 1


def test_a_canary_with_a_twentieth_of_the_traffic_and_four_times_the_failures_is_seen() -> None:
    process, asked = CountProcess.new(), 0
    while process.e < 20 and asked < 100_000:
        process, asked = process.updated(50, 1, 950, 5), asked + 50
    assert asked <= 400


def test_the_share_may_change_from_reading_to_reading() -> None:
    process = CountProcess.new()
    for _ in range(10):
        for canary, baseline in ((5, 95), (25, 75), (50, 50)):
            process = process.updated(canary * 100, canary, baseline * 100, baseline)
    assert process.e < 1


@pytest.mark.parametrize("reading", [(0, 0, 100, 50), (100, 50, 0, 0), (0, 0, 0, 0), (1000, 0, 1000, 0)], ids=str)
def test_a_reading_of_one_side_or_without_failures_says_nothing(reading: tuple[int, int, int, int]) -> None:
    assert CountProcess.new().updated(*reading).e == pytest.approx(1)


@pytest.mark.parametrize(
    "reading", [(10**12, 10**12, 10**12, 0), (10**12, 0, 10**12, 10**12), (1, 1, 10**15, 0), (10**15, 1, 1, 1)], ids=str
)
def test_no_count_gives_anything_but_finite_numbers(reading: tuple[int, int, int, int]) -> None:
    process = CountProcess.new()
    for _ in range(100):
        process = process.updated(*reading).at_new_stage()
    assert 0 <= process.e <= CAP
    told = json.dumps(process.as_json(), allow_nan=False)
    assert CountProcess.read(json.loads(told)) == process


def test_counts_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="7 of the canary's 5 failed"):
        CountProcess.new().updated(5, 7, 100, 0)


def test_a_state_that_we_did_not_write_is_refused() -> None:
    with pytest.raises(BadState):
        CountProcess.read(CountProcess.new().as_json() | {"log_shares": None})


def test_the_capital_that_is_laid_is_one() -> None:
    assert sum(PRIOR) == pytest.approx(1) and CountProcess.new().e == pytest.approx(1)
