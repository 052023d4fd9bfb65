"""This file is for how long evidence is about to take: the arithmetic of a plan, before anyone waits, and of what is left.

Each figure is where the evidence of an average course reaches its threshold. Half of all gates take longer, some by half
as much again; a simulation of whole gates is in benchmarks/gate.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

from reports.judgement.betting import Betting, log_capital
from reports.judgement.count_process import PRIOR as COUNT_PRIOR
from reports.judgement.count_process import RATIOS as COUNT_RATIOS
from reports.judgement.e_values import log_sum
from reports.judgement.pair_process import PRIOR, RATE_MAX, RATIOS, gain

FAR = 1_000_000  # rounds beyond which nobody waits
_RATE_MIN = 0.001  # of the baseline, as it is estimated: below it a gate never sees enough rounds to tell


def rounds_to_rollback(baseline_rate: float, canary_rate: float, *, alpha: float, weight: float = 1.0) -> int | None:
    """Return after how many rounds a canary that fails at `canary_rate` is rolled back. None: not within `FAR`.

    `weight` is that of the metric; of the others nothing is expected. Rates are ratios of rounds, from 0 to 1.
    """
    rate = min(RATE_MAX, max(baseline_rate, _RATE_MIN))
    gains = [_mean_gain(rate, ratio, baseline_rate, canary_rate) for ratio in RATIOS]
    return _first(lambda rounds: _laid(gains, PRIOR, rounds) >= math.log(1 / (alpha * weight)))


def requests_to_rollback(
    baseline_rate: float, canary_rate: float, share: float, *, alpha: float, weight: float = 1.0
) -> int | None:
    """Return after how many requests of the canary the same is seen in counters. `share` is its part of all traffic, 0 to 1.

    None: not within `FAR`, or the canary has none or all of the traffic.
    """
    if not 0 < share < 1:
        return None
    others = (1 - share) / share * baseline_rate  # failures of the baseline while the canary has one request
    gains = [canary_rate * math.log(ratio) - (canary_rate + others) * math.log(1 + share * (ratio - 1)) for ratio in COUNT_RATIOS]
    return _first(lambda requests: _laid(gains, COUNT_PRIOR, requests) >= math.log(1 / (alpha * weight)))


@lru_cache(1024)  # a round is told of several times
def rounds_to_promotion(bets: Betting, baseline_rate: float, canary_rate: float) -> int | None:
    """Return after how many more rounds at these rates the bets reach their threshold; 0 where they have. None: not within
    `FAR`.
    """
    worse, better = canary_rate * (1 - baseline_rate), baseline_rate * (1 - canary_rate)
    margin, wanted = bets.margin_points / 100, -math.log(bets.beta)

    def is_shown(rounds: int) -> bool:
        seen = (bets.worse + rounds * worse, bets.better + rounds * better, bets.same + rounds * (1 - worse - better))
        return log_capital(margin, *seen) >= wanted

    return _first(is_shown)


def points_excluded(rounds: int, beta: float) -> float:
    """Return which increase is excluded, in points, by so many rounds in which both sides failed alike."""
    return Betting(50.0, beta, same=rounds).upper_bound_points


def _mean_gain(rate: float, ratio: float, baseline_rate: float, canary_rate: float) -> float:
    chances = ((1 - baseline_rate, 0), (baseline_rate, 1))
    return sum(
        chance * other * gain(rate, ratio, 1, failed, 1, canary_failed)
        for chance, failed in chances
        for other, canary_failed in ((1 - canary_rate, 0), (canary_rate, 1))
    )


def _laid(gains: list[float], prior: tuple[float, ...], rounds: int) -> float:
    return log_sum([math.log(weight) + rounds * won for won, weight in zip(gains, prior, strict=True)])


def _first(is_reached: Callable[[int], bool]) -> int | None:
    """Return the first number that reaches it, of those from 0 to `FAR`: what grew so far goes on to grow."""
    if is_reached(0):
        return 0
    high = 1
    while not is_reached(high):
        high *= 2
        if high > FAR:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_reached(middle) else (middle, high)
    return high
