"""This file is for evidence that the canary fails more often than the baseline, from samples of both taken at the same time.

Source: Turner, Ly, Grünwald: Generic e-variables for exact sequential k-sample tests (JSPI 2024), 2x2 blocks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from reports.judgement.e_values import checked_counts, laid_anew, log_sum, read_count, read_shares, shown

# Alternatives: odds of a canary's failing are so many times the baseline's; and the capital laid on each. 1 is kept in hand.
RATIOS = (1.0, 3.0, 5.0, 12.0, 40.0, 400.0)
PRIOR = (0.02, 0.30, 0.40, 0.20, 0.05, 0.03)
PART = 0.1  # of the capital that is laid anew where a stage begins
_PRIOR_FAILED, _PRIOR_ASKED = 1, 100  # before anything was seen, the baseline is taken to fail so often
RATE_MAX = 0.95  # of the baseline, as an estimate: above it nothing is left by which a canary could be worse
_START = tuple(math.log(weight) for weight in PRIOR)


@dataclass(frozen=True, slots=True)
class PairProcess:
    """Capital laid on "the canary fails more often". It gains on average only if that is so.

    Valid for any baseline rate, changing with time too, if within a block both sides' samples are independent of each other
    given the past, and how many are in a block does not depend on their results.
    """

    log_shares: tuple[float, ...] = _START
    baseline_asked: int = 0
    baseline_failed: int = 0
    canary_asked: int = 0
    canary_failed: int = 0

    @classmethod
    def new(cls) -> PairProcess:
        return cls()

    @property
    def log_e(self) -> float:
        return log_sum(self.log_shares)

    @property
    def e(self) -> float:
        """The evidence: roll back at 1/alpha. Finite, at most `e_values.CAP`."""
        return shown(self.log_e)

    def updated(self, baseline_asked: int, baseline_failed: int, canary_asked: int, canary_failed: int) -> PairProcess:
        """Return the process after a block of samples of both sides; usually one of each. A block of one side says nothing.

        Raises: ValueError where more failed than were asked, or a count is below 0.
        """
        checked_counts(canary_asked, canary_failed, baseline_asked, baseline_failed)
        shares = self.log_shares
        if baseline_asked and canary_asked:
            # Only what came before this block may choose the alternative, or the mean would not be 1.
            rate = min(RATE_MAX, (self.baseline_failed + _PRIOR_FAILED) / (self.baseline_asked + _PRIOR_ASKED))
            if baseline_asked == canary_asked == 1:
                gains = [_gain_of_one(rate, ratio, baseline_failed, canary_failed) for ratio in RATIOS]
            else:
                block = (baseline_asked, baseline_failed, canary_asked, canary_failed)
                gains = [gain(rate, ratio, *block) for ratio in RATIOS]
            shares = tuple([share + won for share, won in zip(shares, gains, strict=True)])
        return PairProcess(
            shares,
            self.baseline_asked + baseline_asked,
            self.baseline_failed + baseline_failed,
            self.canary_asked + canary_asked,
            self.canary_failed + canary_failed,
        )

    def at_new_stage(self) -> PairProcess:
        """Return the process where a stage begins: a part of the capital is laid anew.

        What was sound at 5 % and breaks at 50 % would else have to win back what was lost while it was sound.
        """
        return replace(self, log_shares=laid_anew(self.log_shares, PRIOR, PART))

    def as_json(self) -> dict[str, object]:
        return {
            "log_shares": list(self.log_shares),
            "baseline_asked": self.baseline_asked,
            "baseline_failed": self.baseline_failed,
            "canary_asked": self.canary_asked,
            "canary_failed": self.canary_failed,
        }

    @classmethod
    def read(cls, told: Mapping[str, object]) -> PairProcess:
        """Return the process that `as_json` told of, bit for bit. Raises: BadState."""
        names = ("baseline_asked", "baseline_failed", "canary_asked", "canary_failed")
        return cls(read_shares(told, len(RATIOS)), *(read_count(told, name) for name in names))


def gain(rate: float, ratio: float, asked: int, failed: int, canary_asked: int, canary_failed: int) -> float:
    """Return the logarithm of a block's e-value against one alternative: the baseline fails at `rate`, the canary's odds are
    `ratio` times that. Its mean is at most 1 where the canary fails as often, or less often: it is compared with the rate at
    which both together would fail as often as in the alternative.
    """
    odds = ratio * rate / (1 - rate)
    canary_rate = odds / (1 + odds)
    both = (asked * rate + canary_asked * canary_rate) / (asked + canary_asked)
    won = (asked - failed) * math.log((1 - rate) / (1 - both))
    won += (canary_asked - canary_failed) * math.log(1 / ((1 + odds) * (1 - both)))
    if failed:
        won += failed * math.log(rate / both)
    if canary_failed:
        won += canary_failed * math.log(canary_rate / both)
    return won


def _gain_of_one(rate: float, ratio: float, failed: int, canary_failed: int) -> float:
    """Return the same for a block of one sample of each, which is nearly all blocks, by one logarithm."""
    odds = ratio * rate / (1 - rate)
    canary_rate = odds / (1 + odds)
    both = (rate + canary_rate) / 2
    won = rate / both if failed else (1 - rate) / (1 - both)
    return math.log(won * (canary_rate / both if canary_failed else 1 / ((1 + odds) * (1 - both))))
