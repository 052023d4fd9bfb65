"""This file is for what the gate promises, in small: whole gates drawn from a seed, with three standard errors of room.

The same with more gates, and beside other gates, is benchmarks/gate.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import count
from random import Random

import pytest

from reports.judgement.betting import Betting
from reports.judgement.independence import Gap
from reports.judgement.pair_process import PairProcess

GATES = 80
STAGES = ((4.5, 100, 400), (2.0, 200, 1200), (1.0, 300, 2500))  # margin in points, rounds at least and at most


def at_most(bar: float, hits: int, of: int = GATES) -> bool:
    return hits / of <= bar + 3 * math.sqrt(bar * (1 - bar) / of)


def rolled_back_at(random: Random, baseline_rate: float, canary_rate: float, rounds: int) -> int | None:
    process = PairProcess.new()
    for number in range(1, rounds + 1):
        canary_bad = random.random() < canary_rate
        process = process.updated(1, random.random() < baseline_rate, 1, canary_bad)
        if canary_bad and process.e >= 20:  # without, it only fell
            return number
    return None


@pytest.mark.parametrize("rate", [0.005, 0.02, 0.06], ids=str)
def test_a_sound_canary_is_seldom_rolled_back_though_one_looks_after_each_round(rate: float) -> None:
    hits = sum(rolled_back_at(Random(f"{rate} {gate}"), rate, rate, 1000) is not None for gate in range(GATES))
    assert at_most(0.05, hits)


def test_a_canary_that_fails_four_times_as_often_is_seen() -> None:
    found = [rolled_back_at(Random(f"four {gate}"), 0.005, 0.02, 2000) for gate in range(GATES)]
    rounds = [at or 2000 for at in found]
    mean = sum(rounds) / GATES
    spread = math.sqrt(sum((one - mean) ** 2 for one in rounds) / GATES)
    assert at_most(0.05, found.count(None))
    assert mean <= 800 + 3 * spread / math.sqrt(GATES)


@pytest.mark.parametrize(("canary_rate", "rounds"), [(0.05, 220), (0.2, 40), (1.0, 6)], ids=str)
def test_a_worse_canary_is_seen_sooner(canary_rate: float, rounds: int) -> None:
    found = [rolled_back_at(Random(f"{canary_rate} {gate}"), 0.005, canary_rate, 2000) for gate in range(GATES)]
    assert None not in found and sum(at or 0 for at in found) / GATES <= rounds


def walked(random: Random, baseline_rate: float, canary_rate: float) -> str:
    process, bets = PairProcess.new(), Betting.new(STAGES[0][0], 0.05)
    for number, (margin, least, most) in enumerate(STAGES):
        process = process.at_new_stage() if number else process
        bets = Betting(margin, 0.05, bets.worse, bets.better, bets.same)
        for here in range(1, most + 1):
            canary_bad, baseline_bad = random.random() < canary_rate, random.random() < baseline_rate
            process, bets = process.updated(1, baseline_bad, 1, canary_bad), bets.updated(canary_bad, baseline_bad)
            if canary_bad and process.e >= 20:
                return "rolled back"
            if here >= least and bets.is_shown:
                break
        else:
            return "inconclusive"
    return "promoted"


def test_whole_rollouts_end_rightly() -> None:
    sound = [walked(Random(f"sound {gate}"), 0.005, 0.005) for gate in range(GATES)]
    assert at_most(0.05, GATES - sound.count("promoted"))
    assert at_most(0.03, sound.count("rolled back"))
    bad = [walked(Random(f"bad {gate}"), 0.005, 0.02) for gate in range(GATES)]
    assert at_most(0.01, bad.count("promoted")) and bad.count("rolled back") > GATES / 2


def test_a_shared_incident_is_not_the_canarys_fault() -> None:
    ends = [walked(Random(f"shared {gate}"), 0.06, 0.06) for gate in range(GATES)]
    assert at_most(0.05, ends.count("rolled back")) and ends.count("inconclusive") > GATES / 2


def in_bursts(random: Random, rate: float) -> Iterator[bool]:
    """Failures that last five seconds on average, one answer each second."""
    bad = False
    while True:
        bad = random.random() >= 0.2 if bad else random.random() < 0.2 * rate / (1 - rate)
        yield bad


def bursts_end(random: Random, gap_s: float, canary_rate: float, seconds: int) -> tuple[bool, bool]:
    """Whether such a canary was rolled back, and whether it was called shown to fail at most 4.5 points more often."""
    process, bets, gap = PairProcess.new(), Betting.new(4.5, 0.05), Gap.new(gap_s, every_s=1)
    rolled_back = shown = False
    for at, canary_bad, baseline_bad in zip(count(), in_bursts(random, canary_rate), in_bursts(random, 0.005), strict=False):
        if at >= seconds:
            return rolled_back, shown
        counted = gap.taken(at, canary_bad, baseline_bad)
        gap = counted.gap
        if counted.for_promotion:
            bets = bets.updated(canary_bad, baseline_bad)
            shown = shown or bets.is_shown
        if counted.block:
            process = process.updated(1, counted.block.baseline_bad, 1, counted.block.canary_bad)
            rolled_back = rolled_back or process.e >= 20
    raise AssertionError


def test_bursts_do_not_count_as_many_failures_where_the_gap_is_on() -> None:
    sound = [bursts_end(Random(f"bursts {gate}"), 15, 0.005, 2000)[0] for gate in range(40)]
    assert at_most(0.05, sum(sound), 40)
    at_margin = [bursts_end(Random(f"margin {gate}"), 15, 0.05, 4000)[1] for gate in range(40)]
    assert at_most(0.06, sum(at_margin), 40)


def test_without_the_gap_bursts_deceive() -> None:
    """The guard, broken once: what the test above would see."""
    assert sum(bursts_end(Random(f"margin {gate}"), 0, 0.05, 1000)[1] for gate in range(40)) > 10
