"""This file is for latency as yes or no: a bound that was fixed before, the same for both sides, whatever the distribution."""

from __future__ import annotations

import json
import math
from random import Random

import pytest

from reports.judgement.e_values import BadState
from reports.judgement.latency_bits import KEPT, Bounds, Calibration
from reports.judgement.pair_process import PairProcess


def times(random: Random, slower: float = 1.0) -> dict[str, float]:
    return {"search": 0.02 * slower * random.lognormvariate(0, 0.5), "checkout": 1.5 * slower * random.lognormvariate(0, 0.5)}


def calibrated(random: Random, rounds: int = 200) -> Calibration:
    calibration = Calibration(rounds)
    while not calibration.is_ready:
        calibration = calibration.updated(times(random))
    return calibration


@pytest.mark.parametrize(("percentile", "share"), [("p75", 0.25), ("p95", 0.05)])
def test_so_many_rounds_of_the_baseline_are_slower_than_its_percentile(percentile: str, share: float) -> None:
    random = Random(5)
    bounds = calibrated(random).bounds(percentile)
    bits = [bounds.bits(times(random), times(random)) for _ in range(4000)]
    slow = sum(sum(both) for both in bits if both) / (2 * len(bits))
    assert slow == pytest.approx(share, abs=0.05)


def test_a_canary_that_is_half_as_slow_again_is_seen_and_an_equal_one_is_not() -> None:
    random = Random(8)
    bounds = calibrated(random).bounds("p75")

    def rounds_until_seen(slower: float) -> int | None:
        process = PairProcess.new()
        for number in range(1, 600):
            bits = bounds.bits(times(random, slower), times(random))
            assert bits is not None
            process = process.updated(1, bits[1], 1, bits[0])
            if process.e >= 20:
                return number
        return None

    assert (rounds_until_seen(1.5) or 600) < 80
    assert rounds_until_seen(1.0) is None


def test_a_time_of_the_policy_is_for_each_answer() -> None:
    bounds = Bounds.absolute(2.0)
    assert bounds.bits({"a": 0.1, "b": 2.5}, {"a": 1.9, "b": 2.0}) == (True, False)


def test_both_sides_are_compared_by_the_scenarios_that_both_answered() -> None:
    assert Bounds.absolute(2.0).bits({"a": 0.1, "b": 9.0}, {"a": 0.1}) == (False, False)
    assert Bounds.absolute(2.0).bits({"a": 0.1}, {"b": 0.1}) is None
    bounds = calibrated(Random(1)).bounds("p75")
    assert bounds.bits({"unknown": 9.0}, {"unknown": 1.0}) is None
    assert bounds.bits({}, {}) is None


def test_rounds_without_times_do_not_calibrate() -> None:
    calibration = Calibration(2).updated({}).updated({"a": math.nan}).updated({"a": math.inf})
    assert calibration == Calibration(2) and not calibration.is_ready
    with pytest.raises(ValueError, match="from 0 rounds"):
        calibration.bounds("p75")
    with pytest.raises(ValueError, match="no bound for 'p50'"):
        calibrated(Random(1)).bounds("p50")


def test_times_of_zero_are_borne() -> None:
    calibration = Calibration(2).updated({"a": 0.0}).updated({"a": 0.0})
    assert calibration.bounds("p95").bits({"a": 0.5}, {"a": 0.0}) == (True, False)


def test_a_long_calibration_keeps_some_rounds_and_counts_all() -> None:
    calibration = calibrated(Random(2), 5 * KEPT + 1)
    assert calibration.seen == 5 * KEPT + 1 and KEPT / 2 < len(calibration.rounds) <= KEPT
    assert calibration.updated({"a": 1.0}) == calibration


def test_what_is_read_is_what_was_told() -> None:
    calibration = calibrated(Random(4), 30)
    assert Calibration.read(json.loads(json.dumps(calibration.as_json()))) == calibration
    for bounds in (calibration.bounds("p95"), Bounds.absolute(2.0)):
        assert Bounds.read(json.loads(json.dumps(bounds.as_json()))) == bounds


@pytest.mark.parametrize(
    "changes", [{"medians": None}, {"slowness": None, "seconds": None}, {"seconds": 1.0}, {"slowness": "x"}], ids=str
)
def test_bounds_that_we_did_not_write_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(BadState):
        Bounds.read(calibrated(Random(1)).bounds("p75").as_json() | changes)


@pytest.mark.parametrize("changes", [{"wanted": None}, {"rounds": [1]}, {"rounds": 3}], ids=str)
def test_a_calibration_that_we_did_not_write_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(BadState):
        Calibration.read(Calibration(5).as_json() | changes)
