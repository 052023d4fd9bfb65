"""Walk whole rollouts, and single metrics, on the product's own judgement of rounds.

A round is (canary bad, baseline bad). The stages are those that the bar is set for: they are shown by +4.5, +2 and +1 points.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reports.judgement.betting import Betting
from reports.judgement.independence import Gap, Unit
from reports.judgement.rounds_process import RoundsProcess

ALPHA = BETA = 0.05
Round = tuple[bool, bool]


@dataclass(frozen=True, slots=True)
class StageOf:
    margin_points: float
    min_rounds: int
    max_rounds: int


STAGES = (StageOf(4.5, 100, 400), StageOf(2.0, 200, 1200), StageOf(1.0, 300, 2500))
LONGEST = sum(stage.max_rounds for stage in STAGES)


@dataclass(frozen=True, slots=True)
class End:
    """`promoted`, `rolled_back` or `inconclusive`, after so many rounds."""

    what: str
    rounds: int


def walk(rounds: Iterator[Round]) -> End:
    """Walk all stages: evidence against the canary is carried over them, and so is what the bets have won."""
    evidence, bets, asked = RoundsProcess.new(()), Betting.new(STAGES[0].margin_points, BETA), 0
    for number, stage in enumerate(STAGES):
        evidence = evidence.at_new_stage() if number else evidence
        bets = Betting(stage.margin_points, BETA, bets.worse, bets.better, bets.same)
        for here in range(1, stage.max_rounds + 1):
            canary_bad, baseline_bad = next(rounds)
            asked += 1
            evidence = evidence.updated(Unit(asked, canary_bad, baseline_bad))
            bets = bets.updated(canary_bad, baseline_bad)
            if canary_bad and evidence.e >= 1 / ALPHA:  # without, it only fell
                return End("rolled_back", asked)
            if here >= stage.min_rounds and bets.is_shown:
                break
        else:
            return End("inconclusive", asked)
    return End("promoted", asked)


def rollback_at(rounds: Iterable[Round]) -> int | None:
    """Return after which round the canary is rolled back, looking after each; None: after none of them."""
    evidence = RoundsProcess.new(())
    for number, (canary_bad, baseline_bad) in enumerate(rounds, start=1):
        evidence = evidence.updated(Unit(number, canary_bad, baseline_bad))
        if canary_bad and evidence.e >= 1 / ALPHA:  # without, it only fell
            return number
    return None


def rollback_by_blocks(rounds: Iterable[Round], gap_s: float) -> bool:
    """Say whether the canary is rolled back where a round is asked each second and blocks of `gap_s` count as one."""
    evidence, gap = RoundsProcess.new(()), Gap.new(gap_s, every_s=1.0)
    for at, (canary_bad, baseline_bad) in enumerate(rounds):
        counted = gap.taken(at, canary_bad, baseline_bad)
        gap = counted.gap
        if counted.block is not None:
            evidence = evidence.updated(counted.block)
            if evidence.e >= 1 / ALPHA:
                return True
    return False


def shown_at(rounds: Iterable[tuple[float, Round]], margin_points: float, gap_s: float) -> int | None:
    """Return after how many rounds that count the margin is shown; None: after none. Rounds are given with their seconds."""
    bets, gap = Betting.new(margin_points, BETA), Gap.new(gap_s)
    for at, (canary_bad, baseline_bad) in rounds:
        counted = gap.taken(at, canary_bad, baseline_bad)
        gap = counted.gap
        if counted.for_promotion:
            bets = bets.updated(canary_bad, baseline_bad)
            if bets.is_shown:
                return bets.rounds
    return None


def chance_error(share: float, of: int) -> float:
    """Return the standard error of a share of so many."""
    return math.sqrt(max(share, 1 / of) * (1 - min(share, 1 - 1 / of)) / of)
