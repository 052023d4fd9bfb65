"""This file is for the time after which two rounds count as independent: longer than failures use to last in the history."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

LEAST_S = 10.0
MOST_S = 120.0
BURSTS = 3  # mean bursts that a gap is long; with 2, bursts make 6.6 % of false promotions of nominally 5 %
ENOUGH = 5  # failing ticks with another one after them, below which a scenario's history says nothing


@dataclass(frozen=True, slots=True)
class Tick:
    """One answer of a scenario's history: when it was asked (seconds), and whether it failed."""

    at_s: float
    failed: bool


def independence_gap_s(histories: Iterable[Sequence[Tick]]) -> float:
    """Return three times the mean time that failures last, from 10 s to 120 s; each history is of one scenario, in any order.

    A round asks several scenarios, so the one whose failures last longest decides.
    """
    lasts = [mean_burst_s(one) or 0.0 for one in histories]
    return min(MOST_S, max(LEAST_S, BURSTS * max(lasts, default=0.0)))


def mean_burst_s(history: Sequence[Tick]) -> float | None:
    """Return how long failures last on the average, in seconds; None where too few were seen.

    Ticks are too far apart to see when a failure ends. But where failures end at a constant rate, one of mean length m is
    still there after d seconds with probability exp(-d/m): so m follows from how often a failing tick is followed by another.
    The share is taken with half a tick for each case, so that none at all does not make it zero.
    """
    ticks = sorted((one for one in history if math.isfinite(one.at_s)), key=lambda one: one.at_s)
    apart = [later.at_s - earlier.at_s for earlier, later in pairwise(ticks)]
    if not apart:
        return None
    usual_s = median(apart)
    after = [later.failed for earlier, later in pairwise(ticks) if earlier.failed and later.at_s - earlier.at_s <= 2 * usual_s]
    if len(after) < ENOUGH or usual_s <= 0:
        return None
    share = (sum(after) + 0.5) / (len(after) + 1)
    return usual_s / -math.log(share)
