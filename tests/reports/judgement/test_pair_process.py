"""This file is for evidence from pairs: an e-value in every world in which the canary is no worse, and ever finite."""

from __future__ import annotations

import json
import math
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.judgement import pair_process
from reports.judgement.e_values import CAP, BadState
from reports.judgement.pair_process import PRIOR, RATIOS, PairProcess

ALLOCATIONS = [(1, 1), (3, 1), (1, 3), (19, 1)]
RATES = [0.0, 1e-6, 0.001, 0.005, 0.01, 0.02, 0.06, 0.2, 0.5, 0.9, 1.0]


def chance(rate: float, asked: int, failed: int) -> float:
    return math.comb(asked, failed) * rate**failed * (1 - rate) ** (asked - failed)


def chances(rate: float, asked: int) -> list[tuple[int, float]]:
    return [(failed, chance(rate, asked, failed)) for failed in range(asked + 1)]


@pytest.mark.parametrize("allocation", ALLOCATIONS, ids=lambda one: f"{one[0]}:{one[1]}")
@pytest.mark.parametrize("before", [(0, 0), (50, 0), (100, 7), (100, 100)], ids=lambda one: f"{one[1]} of {one[0]}")
def test_no_block_gains_on_average_while_the_canary_is_no_worse(allocation: tuple[int, int], before: tuple[int, int]) -> None:
    asked, canary_asked = allocation
    start = PairProcess(PairProcess.new().log_shares, *before)
    for rate, canary_rate in product(RATES, RATES):
        if canary_rate <= rate:
            mean = sum(
                p * q * start.updated(asked, failed, canary_asked, canary_failed).e
                for failed, p in chances(rate, asked)
                for canary_failed, q in chances(canary_rate, canary_asked)
            )
            assert mean <= 1 + 1e-9, (rate, canary_rate, mean)


@pytest.mark.parametrize("allocation", ALLOCATIONS, ids=lambda one: f"{one[0]}:{one[1]}")
def test_each_alternative_gains_nothing_at_the_rate_it_is_compared_with(allocation: tuple[int, int]) -> None:
    asked, canary_asked = allocation
    for ratio, rate in product(RATIOS, (0.001, 0.01, 0.3)):
        canary_rate = ratio * rate / (1 - rate) / (1 + ratio * rate / (1 - rate))
        both = (asked * rate + canary_asked * canary_rate) / (asked + canary_asked)
        mean = sum(
            p * q * math.exp(pair_process.gain(rate, ratio, asked, failed, canary_asked, canary_failed))
            for failed, p in chances(both, asked)
            for canary_failed, q in chances(both, canary_asked)
        )
        assert mean == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("rate", [0.005, 0.2, 0.5, 0.9], ids=str)
def test_a_sound_canary_is_ever_rolled_back_with_a_chance_of_alpha_at_most(rate: float) -> None:
    """All courses of eight pairs, looked at after each, with a new stage in the middle; alpha is 0.4 so that some cross."""
    reached, held = 0.0, 0.0

    def walk(process: PairProcess, left: int, weight: float) -> None:
        nonlocal reached, held
        if process.e >= 1 / 0.4 or not left:
            reached += weight * (process.e >= 1 / 0.4)
            held += weight * process.e
            return
        process = process.at_new_stage() if left == 4 else process
        for failed, canary_failed in product((0, 1), (0, 1)):
            both = chance(rate, 1, failed) * chance(rate, 1, canary_failed)
            walk(process.updated(1, failed, 1, canary_failed), left - 1, weight * both)

    walk(PairProcess.new(), 8, 1.0)
    assert 0 < reached <= 0.4
    assert held <= 1 + 1e-9  # nobody gains by choosing when to stop


@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20), st.integers(0, 20)).map(
            lambda one: (max(one[:2]), min(one[:2]), max(one[2:]), min(one[2:]))
        ),
        max_size=30,
    )
)
@settings(max_examples=100, deadline=None)
def test_what_is_read_is_what_was_told_and_goes_on_the_same(blocks: list[tuple[int, int, int, int]]) -> None:
    process = PairProcess.new()
    for block in blocks:
        again = PairProcess.read(json.loads(json.dumps(process.as_json(), allow_nan=False)))
        assert again == process
        process, again = process.updated(*block), again.updated(*block)
        assert again == process
        assert 0 <= process.e <= CAP


@pytest.mark.parametrize(
    "block",
    [(1, 0, 1, 0), (1, 0, 1, 1), (1, 1, 1, 0), (1, 1, 1, 1), (10**9, 0, 10**9, 10**9), (10**9, 10**9, 10**9, 0)],
    ids=str,
)
def test_no_course_of_any_length_gives_anything_but_finite_numbers(block: tuple[int, int, int, int]) -> None:
    process = PairProcess.new()
    for number in range(100_000 if block == (1, 0, 1, 0) else 3000):
        process = process.updated(*block)
        process = process.at_new_stage() if number % 1000 == 999 else process
    assert all(math.isfinite(share) for share in process.log_shares)
    assert 0 <= process.e <= CAP
    json.dumps(process.as_json() | {"e": process.e}, allow_nan=False)


def test_one_of_each_is_judged_as_a_block_of_any_size_is() -> None:
    for ratio, rate, failed, canary_failed in product(RATIOS, (0.001, 0.01, 0.3, 0.95), (0, 1), (0, 1)):
        by_block = pair_process.gain(rate, ratio, 1, failed, 1, canary_failed)
        assert pair_process._gain_of_one(rate, ratio, failed, canary_failed) == pytest.approx(by_block, abs=1e-12)


@pytest.mark.parametrize("block", [(0, 0, 5, 5), (5, 0, 0, 0), (0, 0, 0, 0)], ids=str)
def test_a_block_of_one_side_alone_says_nothing(block: tuple[int, int, int, int]) -> None:
    assert PairProcess.new().updated(*block).e == pytest.approx(1)


@pytest.mark.parametrize("block", [(1, 2, 1, 0), (1, 0, 1, 2), (-1, 0, 1, 0), (1, -1, 1, 0)], ids=str)
def test_counts_that_cannot_be_are_refused(block: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="no more fail than there are"):
        PairProcess.new().updated(*block)


def test_where_a_stage_begins_no_capital_is_won_and_none_is_lost() -> None:
    process = PairProcess.new()
    for number in range(500):
        process = process.updated(1, number % 97 == 0, 1, number % 89 == 0)
    assert process.at_new_stage().log_e == pytest.approx(process.log_e, abs=1e-12)


def test_what_breaks_after_a_long_sound_stage_is_seen_sooner_for_the_new_stage() -> None:
    def pairs_until_seen(process: PairProcess) -> int:
        asked = 0
        while process.e < 20:
            process, asked = process.updated(1, 0, 1, 1), asked + 1
        return asked

    sound = PairProcess.new()
    for number in range(3000):
        sound = sound.updated(1, number % 200 == 0, 1, number % 200 == 100)
    assert pairs_until_seen(sound.at_new_stage()) < pairs_until_seen(sound)


def test_a_dead_canary_is_seen_within_six_pairs() -> None:
    process = PairProcess.new()
    for _ in range(6):
        process = process.updated(1, 0, 1, 1)
    assert process.e >= 20


def test_the_capital_that_is_laid_is_one() -> None:
    assert sum(PRIOR) == pytest.approx(1) and PairProcess.new().e == pytest.approx(1)


@pytest.mark.parametrize(
    "changes",
    [
        {"log_shares": [0.0]},
        {"log_shares": [math.nan] * 6},
        {"log_shares": [True] * 6},
        {"baseline_asked": -1},
        {"canary_failed": 0.5},
    ],
    ids=str,
)
def test_a_state_that_we_did_not_write_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(BadState):
        PairProcess.read(PairProcess.new().as_json() | changes)
