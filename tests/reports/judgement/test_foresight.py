"""This file is for how long evidence takes: the arithmetic says about what gates that were simulated took."""

from __future__ import annotations

from random import Random
from statistics import mean

import pytest

from reports.judgement.betting import Betting
from reports.judgement.foresight import points_excluded, requests_to_rollback, rounds_to_promotion, rounds_to_rollback
from reports.judgement.pair_process import PairProcess


@pytest.mark.parametrize("canary_rate", [0.05, 0.2, 1.0], ids=str)
def test_a_bad_canary_is_rolled_back_about_when_it_was_said(canary_rate: float) -> None:
    def rounds_taken(seed: int) -> int:
        random, process, rounds = Random(seed), PairProcess.new(), 0
        while process.e < 20:
            process = process.updated(1, random.random() < 0.005, 1, random.random() < canary_rate)
            rounds += 1
        return rounds

    said = rounds_to_rollback(0.005, canary_rate, alpha=0.05)
    assert said == pytest.approx(mean(rounds_taken(seed) for seed in range(100)), rel=0.25, abs=1)


@pytest.mark.parametrize("margin", [4.5, 2.0], ids=str)
def test_a_sound_canary_is_shown_about_when_it_was_said(margin: float) -> None:
    def rounds_taken(seed: int) -> int:
        random, bets = Random(seed), Betting.new(margin, 0.05)
        while not bets.is_shown:
            bets = bets.updated(random.random() < 0.005, random.random() < 0.005)
        return bets.rounds

    said = rounds_to_promotion(Betting.new(margin, 0.05), 0.005, 0.005)
    assert said == pytest.approx(mean(rounds_taken(seed) for seed in range(60)), rel=0.25)


def test_what_is_left_is_less_the_more_was_seen_and_nothing_when_it_is_shown() -> None:
    left = [rounds_to_promotion(Betting(2.0, 0.05, same=rounds), 0.005, 0.005) for rounds in (0, 100, 200, 300)]
    assert left == sorted(left, key=lambda one: -(one or 0)) and left[-1] == 0


def test_what_never_comes_is_told_as_never() -> None:
    assert rounds_to_rollback(0.02, 0.02, alpha=0.05) is None
    assert rounds_to_promotion(Betting.new(1.0, 0.05), 0.005, 0.05) is None
    assert requests_to_rollback(0.005, 0.02, 0.0, alpha=0.05) is None
    assert requests_to_rollback(0.005, 0.02, 1.0, alpha=0.05) is None


def test_a_metric_of_less_weight_takes_longer() -> None:
    assert (rounds_to_rollback(0.005, 0.05, alpha=0.05, weight=0.5) or 0) > (rounds_to_rollback(0.005, 0.05, alpha=0.05) or 0)


def test_a_large_baseline_saves_requests_of_the_canary() -> None:
    shares = [requests_to_rollback(0.005, 0.02, share, alpha=0.05) for share in (0.05, 0.25, 0.5)]
    assert shares == sorted(shares, key=lambda one: one or 0) and (shares[0] or 0) < 400


def test_baselines_at_both_ends_are_borne() -> None:
    assert rounds_to_rollback(0.0, 1.0, alpha=0.05) is not None
    assert rounds_to_rollback(1.0, 1.0, alpha=0.05) is None
    assert rounds_to_promotion(Betting.new(4.5, 0.05), 1.0, 1.0) is not None


def test_clean_rounds_exclude_more_the_more_there_are() -> None:
    excluded = [points_excluded(rounds, 0.05) for rounds in (0, 1, 20, 100, 1000)]
    assert excluded == sorted(excluded, reverse=True) and excluded[0] == 100
    assert excluded[2] == pytest.approx(19, abs=1)
