"""This file is for telling, before anyone waits, how long a policy's stages take and what they can show and cannot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from reports.judgement.betting import Betting
from reports.judgement.foresight import requests_to_rollback
from reports.judgement.gate_lacking import GOOD_IN_A_ROW
from reports.judgement.rounds_process import WHOLE
from reports.judgement.walking import (
    PROMOTED,
    ROLLED_BACK,
    UNDECIDED,
    Course,
    Rollout,
    SlowBits,
    StageBounds,
    ordered_mean,
    same_to_show,
    walk,
)
from scenarios.gates.policy import LatencyMetric, Policy, RoundsMetric, TrafficMetric

BASELINE_FAILURE = 0.005  # of rounds, where nobody says how often a sound side fails
REGRESSIONS = (0.02, 0.05, 0.2, 1.0)  # of rounds that a regressed canary fails in
SEED = 20_260_101
_SOUND, _REGRESSED = 600, 200  # rollouts that are walked
_SOUND_SLOW, _REGRESSED_SLOW = 300, 100  # the same where latency is judged, which takes longer
_USUALLY_SLOW = {"p75": 0.25, "p95": 0.05}  # of rounds above the bound; of a time that somebody names it is not known
_EARLY = 0.05  # of the gap, by which a round may come early and still counts


@dataclass(frozen=True, slots=True)
class Spread:
    """How many rounds something takes, and how long: on average, and in nine of ten cases at most."""

    rounds: float
    rounds_p90: float
    seconds: float
    seconds_p90: float


@dataclass(frozen=True, slots=True)
class StagePlan:
    """One stage. Rounds are those that count as independent of each other."""

    name: str
    weight: float
    margin: float | None  # points
    min_rounds: int
    max_rounds: int  # of its own bound, and of its time
    max_s: float  # that it may last
    bound_rounds: int  # its 'max_rounds' alone
    lasts_rounds: int  # that its shortest time takes
    takes: Spread | None  # a sound canary that passes it; None: none did
    passes: float  # part of the sound canaries that come to it and pass it
    fewest: int | None  # rounds without any failure that show the margin, from the rollout's begin on
    bound_points: float | None  # increase that its longest course excludes, at 1 - beta, where none failed since the begin
    bound_usual_points: float | None  # the same, where both sides fail as often as a sound one does


@dataclass(frozen=True, slots=True)
class Seen:
    """What becomes of a canary whose rounds fail so often."""

    rate: float
    rolled_back: float  # part of them
    promoted: float
    undecided: float
    takes: Spread | None  # until it is rolled back; None: none was


@dataclass(frozen=True, slots=True)
class TrafficPlan:
    """After how many requests of the canary a regression is seen in counters of real traffic, at the weight of a stage."""

    metric: int
    weight: float
    rate: float
    requests: int


@dataclass(frozen=True, slots=True)
class Plan:
    """All that can be said of a policy beforehand. Chances are parts of 1, of as many walked rollouts as `rollouts` says."""

    policy: str
    baseline_failure: float
    round_s: float  # from one independent round to the next
    rounds_per_unit: int  # rounds that are asked meanwhile
    alpha: float
    beta: float
    rollouts: int
    stages: tuple[StagePlan, ...]
    total: Spread | None  # a sound canary that is promoted
    promoted: float
    rolled_back: float
    undecided: float
    regressions: tuple[Seen, ...]
    traffic: tuple[TrafficPlan, ...]
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the plan as JSON values; all numbers are finite."""
        return asdict(self)


def plan_of(
    policy: Policy, *, gap_s: float, baseline_failure: float = BASELINE_FAILURE, scenarios: int = 1, seed: int = SEED
) -> Plan:
    """Return the plan of a policy whose stages stand in it, for rounds that are independent of each other after `gap_s`.

    Of the `scenarios` of a round one is taken to fail. The same seed gives the same plan. Real traffic is taken to say
    nothing; hard triggers are no part of it.
    """
    per_unit = rounds_per_unit(policy.every, gap_s)
    round_s = per_unit * policy.every
    rollout = _rollout(policy, per_unit, round_s, scenarios)
    sound = _walked(rollout, baseline_failure, baseline_failure, seed, _SOUND_SLOW if rollout.slow else _SOUND)
    promoted = [one for one in sound if one.end == PROMOTED]
    stages = tuple(_stage(place, policy, rollout, sound, baseline_failure, round_s) for place in range(len(policy.stages)))
    bad = tuple(rate for rate in REGRESSIONS if rate > baseline_failure)
    regressions = tuple(_seen(rollout, baseline_failure, rate, seed, round_s) for rate in bad)
    return Plan(
        policy=policy.name,
        baseline_failure=baseline_failure,
        round_s=round_s,
        rounds_per_unit=per_unit,
        alpha=policy.alpha,
        beta=policy.beta,
        rollouts=len(sound),
        stages=stages,
        total=_spread([one.units_all for one in promoted], round_s),
        promoted=len(promoted) / len(sound),
        rolled_back=_part(sound, ROLLED_BACK),
        undecided=_part(sound, UNDECIDED),
        regressions=regressions,
        traffic=tuple(_traffic(policy, baseline_failure, bad)),
        warnings=(),
    )


def rounds_per_unit(every: float, gap_s: float) -> int:
    """Return how many rounds lie in a gap: of these only one is independent of those before the gap."""
    return max(1, math.ceil(gap_s * (1 - _EARLY) / every - 1e-9))


def fewest_rounds(margin: float, beta: float) -> int:
    """Return the rounds without any failure that show a margin (points): no course of a gate is shorter."""
    return same_to_show(margin, beta, 0, 0)


def _rollout(policy: Policy, per_unit: int, round_s: float, scenarios: int) -> Rollout:
    own = 1.0 if scenarios < 2 else WHOLE + (1 - WHOLE) / scenarios  # of the others' own evidence nothing is expected
    return Rollout(
        stages=tuple(_bounds(policy, place, round_s) for place in range(len(policy.stages))),
        alpha=policy.alpha,
        beta=policy.beta,
        weight=own * sum(one.weight for one in policy.metrics if isinstance(one, RoundsMetric)),
        slow=tuple(_slow(one) for one in policy.metrics if isinstance(one, LatencyMetric)),
        rounds_per_unit=per_unit,
    )


def _bounds(policy: Policy, place: int, round_s: float) -> StageBounds:
    stage, spotless, asked = policy.stages[place], 0, 0
    if stage.margin is not None or place == len(policy.stages) - 1:
        calibrations = [
            one.calibration for one in policy.metrics if isinstance(one, LatencyMetric) and isinstance(one.above, str)
        ]
        asked = max(calibrations) + 1 if calibrations else 0
    if stage.margin is None:
        spotless = min(GOOD_IN_A_ROW, stage.min_rounds) if stage.weight else stage.min_rounds
    return StageBounds(
        stage.margin,
        at_least=stage.min_rounds,
        at_most=stage.max_rounds,
        lasts=math.ceil(stage.min_time / round_s - 1e-9) + 1 if stage.min_time else 0,
        ends=int(stage.max_time / round_s + 1e-9) + 1,
        spotless=spotless,
        asked=asked,
    )


def _slow(metric: LatencyMetric) -> SlowBits:
    if isinstance(metric.above, str):
        return SlowBits(metric.weight, _USUALLY_SLOW[metric.above], metric.calibration)
    return SlowBits(metric.weight, _USUALLY_SLOW["p95"], 0)


def _walked(rollout: Rollout, baseline: float, canary: float, seed: int, times: int) -> list[Course]:
    return [walk(rollout, baseline, canary, Random(f"{seed}/{canary}/{number}")) for number in range(times)]


def _stage(
    place: int, policy: Policy, rollout: Rollout, sound: Sequence[Course], baseline_failure: float, round_s: float
) -> StagePlan:
    stage, bounds = policy.stages[place], rollout.stages[place]
    came = [one for one in sound if len(one.units) > place]
    passed = [one for one in came if len(one.units) > place + 1 or one.end == PROMOTED]
    most = min(bounds.at_most, bounds.ends)
    longest = most + round(sum(_mean(sound, before) for before in range(place)))
    differ = baseline_failure * (1 - baseline_failure) * longest
    margin = stage.margin
    return StagePlan(
        name=stage.name,
        weight=stage.weight,
        margin=margin,
        min_rounds=max(bounds.at_least, bounds.lasts),
        max_rounds=most if margin is not None else bounds.ends,
        max_s=stage.max_time,
        bound_rounds=stage.max_rounds,
        lasts_rounds=bounds.lasts,
        takes=_spread([one.units[place] for one in passed], round_s),
        passes=len(passed) / len(came) if came else 0.0,
        fewest=None if margin is None else fewest_rounds(margin, policy.beta),
        bound_points=None if margin is None else Betting(margin, policy.beta, same=longest).upper_bound_points,
        bound_usual_points=None if margin is None else _usual(margin, policy.beta, differ, longest),
    )


def _mean(sound: Sequence[Course], place: int) -> float:
    units = [one.units[place] for one in sound if len(one.units) > place]
    return sum(units) / len(units) if units else 0.0


def _usual(margin: float, beta: float, differ: float, rounds: int) -> float:
    worse = round(differ)
    return Betting(margin, beta, worse, worse, max(0, rounds - 2 * worse)).upper_bound_points


def _seen(rollout: Rollout, baseline: float, rate: float, seed: int, round_s: float) -> Seen:
    courses = _walked(rollout, baseline, rate, seed, _REGRESSED_SLOW if rollout.slow else _REGRESSED)
    takes = _spread([one.units_all for one in courses if one.end == ROLLED_BACK], round_s)
    return Seen(rate, _part(courses, ROLLED_BACK), _part(courses, PROMOTED), _part(courses, UNDECIDED), takes)


def _part(courses: Sequence[Course], end: str) -> float:
    return sum(one.end == end for one in courses) / len(courses)


def _spread(units: Sequence[int], round_s: float) -> Spread | None:
    if not units:
        return None
    mean, p90 = ordered_mean(units)
    return Spread(mean, p90, mean * round_s, p90 * round_s)


def _traffic(policy: Policy, baseline_failure: float, rates: Sequence[float]) -> Sequence[TrafficPlan]:
    made = []
    for number, metric in enumerate(policy.metrics):
        if not isinstance(metric, TrafficMetric):
            continue
        for weight in (stage.weight for stage in policy.stages if 0 < stage.weight < 100):
            for rate in rates:
                wanted = requests_to_rollback(baseline_failure, rate, weight / 100, alpha=policy.alpha, weight=metric.weight)
                if wanted is not None:
                    made.append(TrafficPlan(number, weight, rate, wanted))
    return made
