"""This file is for evidence that the canary does not fail more often than the baseline by a margin: what a promotion stands on.

Bets are laid on D = canary failed - baseline failed, which is -1, 0 or 1 in each round. While the canary fails more often
by `margin` or more, no bet gains on average. That nothing was seen is no such evidence: only rounds in which both were asked are.

Source: Waudby-Smith, Ramdas: Estimating means of bounded random variables by betting (JRSS B 2024).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from reports.judgement.e_values import BadState, log_sum, read_count, shown

# Bets: parts of what could be lost at most in a round; and the capital laid on each.
BETS = (0.1, 0.3, 0.5, 0.65, 0.8, 0.95)
PRIOR = (1 / 12, 1.5 / 12, 2 / 12, 4 / 12, 2 / 12, 1.5 / 12)
_LAID = tuple((part, math.log1p(-part), math.log(weight)) for part, weight in zip(BETS, PRIOR, strict=True))
_STEPS = 40  # halvings of the interval in which a bound is looked for: to 1e-10 points


@dataclass(frozen=True, slots=True)
class Betting:
    """Capital laid on "the canary fails at most `margin_points` more often". Its three counts are all there is to know."""

    margin_points: float  # percentage points of rounds, above 0 and below 100
    beta: float  # chance to call it shown while it is not so
    worse: int = 0  # rounds in which only the canary failed
    better: int = 0  # rounds in which only the baseline failed
    same: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.margin_points < 100:
            raise ValueError(f"a margin of {self.margin_points} points: it is above 0 and below 100")
        if not 0 < self.beta < 1:
            raise ValueError(f"beta is {self.beta}: it is above 0 and below 1")

    @classmethod
    def new(cls, margin_points: float, beta: float) -> Betting:
        """Raises: ValueError where one of both is out of range."""
        return cls(float(margin_points), float(beta))

    def updated(self, canary_bad: bool, baseline_bad: bool) -> Betting:
        """Return the bets after one round of both sides."""
        if canary_bad == baseline_bad:
            return replace(self, same=self.same + 1)
        if canary_bad:
            return replace(self, worse=self.worse + 1)
        return replace(self, better=self.better + 1)

    @property
    def rounds(self) -> int:
        return self.worse + self.better + self.same

    @property
    def threshold(self) -> float:
        return 1 / self.beta

    @property
    def k(self) -> float:
        """The evidence: it is shown at 1/beta. Finite, at most `e_values.CAP`."""
        return shown(self._log_k(self.margin_points / 100))

    @property
    def is_shown(self) -> bool:
        return self._log_k(self.margin_points / 100) >= -math.log(self.beta)

    @property
    def upper_bound_points(self) -> float:
        """By how many percentage points the canary fails more often at most, at 1-beta, whenever one looks; 0 to 100.

        It is the smallest margin that is shown by now, so it is at most `margin_points` exactly when that is shown.
        """
        bound = _bound_points(self.beta, self.worse, self.better, self.same)
        return min(bound, self.margin_points) if self.is_shown else max(bound, self.margin_points)

    @property
    def increase_points(self) -> float | None:
        """By how many points it failed more often in the rounds that were seen; None before the first."""
        return 100 * (self.worse - self.better) / self.rounds if self.rounds else None

    def _log_k(self, margin: float) -> float:
        return log_capital(margin, self.worse, self.better, self.same)

    def as_json(self) -> dict[str, object]:
        return {
            "margin_points": self.margin_points,
            "beta": self.beta,
            "worse": self.worse,
            "better": self.better,
            "same": self.same,
        }

    @classmethod
    def read(cls, told: Mapping[str, object]) -> Betting:
        """Return the bets that `as_json` told of. Raises: BadState."""
        margin, beta = told.get("margin_points"), told.get("beta")
        if not isinstance(margin, int | float) or not isinstance(beta, int | float):
            raise BadState("'margin_points' or 'beta' is no number")
        try:
            return cls(float(margin), float(beta), *(read_count(told, name) for name in ("worse", "better", "same")))
        except ValueError as problem:
            raise BadState(str(problem)) from problem


def log_capital(margin: float, worse: float, better: float, same: float) -> float:
    """Return the logarithm of what the bets are worth after so many rounds. `margin` is a ratio from 0 to below 1.

    A bet of `lam = part / (1 - margin)` gains `lam * (margin - D)`. It grows with the margin for each D, so does the whole.
    """
    logs = []
    for part, lost, begun in _LAID:
        lam = part / (1 - margin)
        won = worse * lost + better * math.log1p(lam * (margin + 1)) + same * math.log1p(lam * margin)
        logs.append(begun + won)
    return log_sum(logs)


@lru_cache(1024)  # a round is told of several times
def _bound_points(beta: float, worse: int, better: int, same: int) -> float:
    low, high, wanted = 0.0, 1.0, -math.log(beta)
    if log_capital(low, worse, better, same) >= wanted:
        return 0.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if log_capital(middle, worse, better, same) >= wanted else (middle, high)
    return 100 * high
