"""This file is for evidence that the canary's share of real requests fails more often, from counts of both sides.

While both fail as often, each failure is the canary's with the chance `w`, its share of all requests at that reading; so
what changes with time for both (a shared incident, a busy hour) says nothing. The mixture is over the ratio of both rates,
since `w` changes as a rollout goes on; at a fixed `w` it is one over theta > w.

Source: Lindon, Malek: Anytime-valid inference for multinomial count data (NeurIPS 2022). Counts are given, so failures
among them are drawn without putting back; of that the mean is never larger (Hoeffding 1963, section 6).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from reports.judgement.e_values import checked_counts, laid_anew, log_sum, read_count, read_shares, shown

# Alternatives: the canary's rate of failing is so many times the baseline's; and the capital laid on each. 1 is kept in hand.
RATIOS = (1.0, 1.5, 3.0, 5.0, 12.0, 40.0, 200.0)
PRIOR = (0.02, 0.08, 0.30, 0.30, 0.15, 0.09, 0.06)
PART = 0.1  # of the capital that is laid anew where a stage begins
_START = tuple(math.log(weight) for weight in PRIOR)


@dataclass(frozen=True, slots=True)
class CountProcess:
    """Capital laid on "the canary's requests fail more often", where both sides have different and changing shares.

    Valid if failures come one by one: what fails in a burst by one cause (retries of one client) counts once.
    """

    log_shares: tuple[float, ...] = _START
    baseline_asked: int = 0
    baseline_failed: int = 0
    canary_asked: int = 0
    canary_failed: int = 0

    @classmethod
    def new(cls) -> CountProcess:
        return cls()

    @property
    def log_e(self) -> float:
        return log_sum(self.log_shares)

    @property
    def e(self) -> float:
        """The evidence: roll back at 1/alpha. Finite, at most `e_values.CAP`."""
        return shown(self.log_e)

    def updated(self, canary_total: int, canary_failed: int, baseline_total: int, baseline_failed: int) -> CountProcess:
        """Return the process after one reading: by how much both sides' counters grew since the last.

        A reading in which a side had no request says nothing. Raises: ValueError where more failed than there were, or a
        count is below 0.
        """
        checked_counts(canary_total, canary_failed, baseline_total, baseline_failed)
        shares = self.log_shares
        if canary_total and baseline_total and (canary_failed or baseline_failed):
            w = canary_total / (canary_total + baseline_total)
            shares = tuple(
                share + gain(w, ratio, canary_failed, baseline_failed) for share, ratio in zip(shares, RATIOS, strict=True)
            )
        return CountProcess(
            shares,
            self.baseline_asked + baseline_total,
            self.baseline_failed + baseline_failed,
            self.canary_asked + canary_total,
            self.canary_failed + canary_failed,
        )

    def at_new_stage(self) -> CountProcess:
        """Return the process where a stage begins: a part of the capital is laid anew, as in `PairProcess`."""
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
    def read(cls, told: Mapping[str, object]) -> CountProcess:
        """Return the process that `as_json` told of, bit for bit. Raises: BadState."""
        names = ("baseline_asked", "baseline_failed", "canary_asked", "canary_failed")
        return cls(read_shares(told, len(RATIOS)), *(read_count(told, name) for name in names))


def gain(w: float, ratio: float, canary_failed: int, baseline_failed: int) -> float:
    """Return the logarithm of a reading's e-value against one alternative: a failure is the canary's with odds `ratio` times
    those of its share `w`. theta/w = ratio/scale, and (1-theta)/(1-w) = 1/scale.
    """
    scale = 1 + w * (ratio - 1)
    return canary_failed * math.log(ratio) - (canary_failed + baseline_failed) * math.log(scale)
