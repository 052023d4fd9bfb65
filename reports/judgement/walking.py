"""This file is for walking a rollout that is only imagined: rounds drawn by chance, judged by the evidence that judges real ones.

Most rounds are good on both sides. Those are taken together: the bets for a promotion only count them, and the evidence for a
rollback can only fall meanwhile. So thousands of rollouts take a second or two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random

from reports.judgement.betting import Betting
from reports.judgement.e_values import weighted_mean
from reports.judgement.pair_process import PairProcess

PROMOTED, ROLLED_BACK, UNDECIDED = "promoted", "rolled_back", "undecided"
_PIECE = 0.1  # of the rounds seen so far that are taken together at most: the baseline's estimated rate changes with their number
_SLOW_PIECE = 20  # the same where latency is judged, too: its evidence moves in every round
_NEVER = 1 << 40


@dataclass(frozen=True, slots=True)
class StageBounds:
    """What a stage of the walk asks, in units: rounds that are independent of each other."""

    margin: float | None
    at_least: int
    at_most: int  # after which it is undecided, unless only time is lacking
    lasts: int = 0  # units that its shortest time takes
    ends: int = 1 << 40  # units that its longest time holds
    spotless: int = 0  # units in a row in which the canary is good, for a stage without a margin
    asked: int = 0  # units from the rollout's begin on, without which a latency has no bound


@dataclass(frozen=True, slots=True)
class SlowBits:
    """A latency metric: its weight, how often a round is above its bound, and units from which the bound is taken."""

    weight: float
    rate: float
    calibration: int


@dataclass(frozen=True, slots=True)
class Rollout:
    """How rollouts of a policy go. `rounds_per_unit` rounds lie in one gap; a unit is bad for a rollback if any of them was."""

    stages: tuple[StageBounds, ...]
    alpha: float
    beta: float
    weight: float  # of the rounds
    slow: tuple[SlowBits, ...] = ()
    rounds_per_unit: int = 1


@dataclass(frozen=True, slots=True)
class Course:
    """One rollout that was walked: its end, and the units of each stage that it came to."""

    end: str
    units: tuple[int, ...]

    @property
    def units_all(self) -> int:
        return sum(self.units)


@dataclass(slots=True)
class _Seen:
    """What was seen up to now, and the evidence of it."""

    rounds: PairProcess = field(default_factory=PairProcess.new)
    slow: list[PairProcess] = field(default_factory=list)
    asked: int = 0
    worse: int = 0
    better: int = 0
    same: int = 0
    worse_here: int = 0  # in the stage
    better_here: int = 0
    in_a_row: int = 0  # units in which the canary was good

    def begin(self) -> None:
        self.worse_here = self.better_here = self.in_a_row = 0

    def count(self, canary: bool, baseline: bool) -> None:
        """Take one round. That both failed says nothing for the canary."""
        self.worse += canary and not baseline
        self.better += baseline and not canary
        self.same += not canary and not baseline
        self.worse_here += canary and not baseline
        self.better_here += baseline and not canary
        self.in_a_row = 0 if canary else self.in_a_row + 1


def walk(rollout: Rollout, baseline: float, canary: float, chance: Random) -> Course:
    """Walk all stages once, with sides whose rounds fail at these rates (ratios from 0 to 1), slow as often as each other."""
    seen = _Seen(slow=[PairProcess.new() for _ in rollout.slow])
    units: list[int] = []
    for number, stage in enumerate(rollout.stages):
        if number:
            seen.rounds = seen.rounds.at_new_stage()
            seen.slow = [one.at_new_stage() for one in seen.slow]
        end, taken = _stage(rollout, stage, seen, _Rates.of(baseline, canary, rollout.rounds_per_unit), chance)
        units.append(taken)
        if end != PROMOTED:
            return Course(end, tuple(units))
    return Course(PROMOTED, tuple(units))


@dataclass(frozen=True, slots=True)
class _Rates:
    """Of units: how often a side's is bad, and how often one round of a bad unit is the one that counts for promotion."""

    baseline: float
    canary: float
    counted_baseline: float
    counted_canary: float

    @classmethod
    def of(cls, baseline: float, canary: float, rounds: int) -> _Rates:
        many, others = 1 - (1 - baseline) ** rounds, 1 - (1 - canary) ** rounds
        return cls(many, others, baseline / many if many else 0.0, canary / others if others else 0.0)

    def good_ahead(self, chance: Random) -> int:
        """Return how many units come that are good on both sides, before one that is not."""
        good = (1 - self.baseline) * (1 - self.canary)
        if good <= 0:
            return 0
        return _NEVER if good >= 1 else int(math.log(1 - chance.random()) / math.log(good))

    def bad(self, chance: Random) -> tuple[bool, bool]:
        """Return which sides are bad in a unit that is not good on both."""
        while True:
            sides = chance.random() < self.canary, chance.random() < self.baseline
            if any(sides):
                return sides


def _stage(rollout: Rollout, stage: StageBounds, seen: _Seen, rates: _Rates, chance: Random) -> tuple[str, int]:
    taken, ahead = 0, rates.good_ahead(chance)
    seen.begin()
    while True:
        lacking = _lacking(rollout, stage, seen, taken)
        if taken and not max(lacking, stage.lasts - taken):
            return PROMOTED, taken
        if taken >= stage.ends or (taken >= stage.at_most and lacking):
            return UNDECIDED, taken
        left = (stage.at_most if lacking and taken < stage.at_most else stage.ends) - taken
        piece = _SLOW_PIECE if rollout.slow else max(1, int((seen.asked + 100) * _PIECE))
        good = min(ahead, max(1, lacking, stage.lasts - taken), left, piece)
        if good:
            _take_good(rollout, seen, good, chance)
            ahead -= good
        else:
            _take_bad(rollout, seen, rates, chance)
            ahead = rates.good_ahead(chance)
        taken += good or 1
        if _e(rollout, seen) >= 1 / rollout.alpha:
            return ROLLED_BACK, taken


def _lacking(rollout: Rollout, stage: StageBounds, seen: _Seen, taken: int) -> int:
    """Return how many good units are lacking until the stage is shown; 0 where it is."""
    lacking = max(stage.at_least - taken, stage.spotless - seen.in_a_row, stage.asked - seen.asked, 0)
    if stage.margin is None:
        return lacking
    same = same_to_show(stage.margin, rollout.beta, seen.worse, seen.better) - seen.same
    own = math.ceil(100 * (seen.worse_here - seen.better_here) / stage.margin - 1e-9) - taken
    return max(lacking, same, own)


def _take_good(rollout: Rollout, seen: _Seen, units: int, chance: Random) -> None:
    seen.rounds = seen.rounds.updated(units, 0, units, 0)
    seen.same += units
    seen.in_a_row += units
    _take_slow(rollout, seen, units, chance)


def _take_bad(rollout: Rollout, seen: _Seen, rates: _Rates, chance: Random) -> None:
    canary, baseline = rates.bad(chance)
    seen.rounds = seen.rounds.updated(1, baseline, 1, canary)
    seen.count(canary and chance.random() < rates.counted_canary, baseline and chance.random() < rates.counted_baseline)
    _take_slow(rollout, seen, 1, chance)


def _take_slow(rollout: Rollout, seen: _Seen, units: int, chance: Random) -> None:
    seen.asked += units
    for place, metric in enumerate(rollout.slow):
        if seen.asked > metric.calibration:
            slow = [sum(chance.random() < metric.rate for _ in range(units)) for _ in range(2)]
            seen.slow[place] = seen.slow[place].updated(units, slow[0], units, slow[1])


def _e(rollout: Rollout, seen: _Seen) -> float:
    slow = zip(rollout.slow, seen.slow, strict=True)
    members = [(rollout.weight, seen.rounds.e), *((metric.weight, one.e) for metric, one in slow)]
    return weighted_mean([*members, (1 - sum(weight for weight, _ in members), 0.0)])


@lru_cache(100_000)
def same_to_show(margin: float, beta: float, worse: int, better: int) -> int:
    """Return how many rounds in which both sides do alike show a margin, beside those in which they did not."""

    def is_shown(same: int) -> bool:
        return Betting(margin, beta, worse, better, same).is_shown

    high = 1
    while not is_shown(high):
        high *= 2
        if high > _NEVER:
            return _NEVER
    low = high // 2 if high > 1 else -1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_shown(middle) else (middle, high)
    return high


def ordered_mean(values: Sequence[int]) -> tuple[float, float]:
    """Return the mean and the 90th percentile of what is at least one number."""
    ordered = sorted(values)
    return sum(ordered) / len(ordered), float(ordered[min(len(ordered) - 1, math.ceil(0.9 * len(ordered)) - 1)])
