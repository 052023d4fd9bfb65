"""This file is for bets for a promotion: none gains while the canary is worse by the margin."""

from __future__ import annotations

import json
import math
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.judgement.betting import BETS, PRIOR, Betting, log_capital
from reports.judgement.e_values import CAP, BadState

MARGINS = [0.1, 1.0, 2.0, 4.5, 20.0, 50.0]


@pytest.mark.parametrize("margin", MARGINS, ids=str)
def test_no_bet_gains_on_average_while_the_canary_is_worse_by_the_margin(margin: float) -> None:
    for baseline_rate, more in product((0.0, 0.005, 0.02, 0.3), (0.0, 0.01, 0.2)):
        canary_rate = min(1.0, baseline_rate + margin / 100 + more)
        mean = sum(
            (canary_rate if canary else 1 - canary_rate)
            * (baseline_rate if baseline else 1 - baseline_rate)
            * Betting.new(margin, 0.05).updated(canary, baseline).k
            for canary, baseline in product((True, False), repeat=2)
        )
        assert mean <= 1 + 1e-12, (baseline_rate, canary_rate)
        if canary_rate == baseline_rate + margin / 100:
            assert mean == pytest.approx(1)


def test_a_canary_at_the_margin_is_ever_called_shown_with_a_chance_of_beta_at_most() -> None:
    """The chance of each state of the three counts, round by round, of all that were not yet called shown."""
    margin, beta, baseline_rate = 20.0, 0.05, 0.05
    worse, better = 0.25 * 0.95, 0.05 * 0.75
    alive, reached = {(0, 0, 0): 1.0}, 0.0
    for _ in range(60):
        after: dict[tuple[int, int, int], float] = {}
        for (w, b, s), weight in alive.items():
            steps = (((w + 1, b, s), worse), ((w, b + 1, s), better), ((w, b, s + 1), 1 - worse - better))
            for state, chance in steps:
                after[state] = after.get(state, 0.0) + weight * chance
        shown = {state for state in after if Betting(margin, beta, *state).is_shown}
        reached += sum(after[state] for state in shown)
        alive = {state: weight for state, weight in after.items() if state not in shown}
    assert baseline_rate + margin / 100 == pytest.approx(0.25)
    assert 0.01 < reached <= beta


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 100_000), st.floats(0.01, 99))
@settings(max_examples=200, deadline=None)
def test_the_bound_is_the_smallest_margin_that_is_shown(worse: int, better: int, same: int, margin: float) -> None:
    bets = Betting(margin, 0.05, worse, better, same)
    bound = bets.upper_bound_points
    assert 0 <= bound <= 100 and 0 <= bets.k <= CAP
    assert (bound <= margin) == bets.is_shown or bound == pytest.approx(margin)
    if 0.01 < bound < 99.9:
        assert Betting(bound * 1.001, 0.05, worse, better, same).is_shown
        assert not Betting(bound * 0.999, 0.05, worse, better, same).is_shown


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 5000))
@settings(max_examples=100, deadline=None)
def test_a_wider_margin_is_never_harder_to_show(worse: int, better: int, same: int) -> None:
    capitals = [log_capital(margin / 100, worse, better, same) for margin in MARGINS]
    assert capitals == sorted(capitals)


def test_nothing_seen_shows_nothing() -> None:
    bets = Betting.new(2.0, 0.05)
    assert bets.k == pytest.approx(1) and not bets.is_shown
    assert bets.upper_bound_points == 100 and bets.increase_points is None


@pytest.mark.parametrize(("rounds", "points"), [(20, 13.0), (100, 2.9), (600, 0.49)], ids=str)
def test_clean_rounds_exclude_no_less_than_a_fixed_number_of_them_could(rounds: int, points: float) -> None:
    """Looking after each round costs something: 1 - 0.05 ** (1 / rounds) is what one look at the end would exclude."""
    bound = Betting(50.0, 0.05, same=rounds).upper_bound_points
    assert points < bound < 1.6 * points


def test_a_canary_that_always_fails_is_bounded_by_nothing() -> None:
    bets = Betting(4.5, 0.05, worse=10_000)
    assert bets.k == pytest.approx(0) and bets.upper_bound_points == 100


@pytest.mark.parametrize("counts", [(10**9, 0, 0), (0, 10**9, 0), (0, 0, 10**9), (10**6, 10**6, 10**9)], ids=str)
def test_no_count_gives_anything_but_finite_numbers(counts: tuple[int, int, int]) -> None:
    bets = Betting(1.0, 0.05, *counts)
    assert 0 <= bets.k <= CAP and 0 <= bets.upper_bound_points <= 100
    assert Betting.read(json.loads(json.dumps(bets.as_json(), allow_nan=False))) == bets


def test_rounds_are_counted_by_who_failed() -> None:
    bets = Betting.new(1.0, 0.05)
    for canary, baseline in ((True, False), (False, True), (True, True), (False, False), (True, False)):
        bets = bets.updated(canary, baseline)
    assert (bets.worse, bets.better, bets.same, bets.rounds) == (2, 1, 2, 5)
    assert bets.increase_points == pytest.approx(20)


@pytest.mark.parametrize(
    ("margin", "beta"), [(0, 0.05), (100, 0.05), (-1, 0.05), (math.nan, 0.05), (1, 0), (1, 1), (1, math.nan)]
)
def test_a_margin_or_a_chance_that_cannot_be_is_refused(margin: float, beta: float) -> None:
    with pytest.raises(ValueError, match="above 0 and below"):
        Betting.new(margin, beta)


@pytest.mark.parametrize("changes", [{"margin_points": None}, {"beta": 2}, {"worse": -1}, {"same": "3"}], ids=str)
def test_a_state_that_we_did_not_write_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(BadState):
        Betting.read(Betting.new(1, 0.05).as_json() | changes)


def test_the_capital_that_is_laid_is_one_and_no_bet_can_lose_all() -> None:
    assert sum(PRIOR) == pytest.approx(1) and all(0 < part < 1 for part in BETS)
