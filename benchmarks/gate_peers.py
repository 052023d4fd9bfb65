"""What other gates decide about the same rounds, by their documented rules, written anew.

`fixed_threshold`: at least 95 % of the stage's rounds are good; looked at after every round, or only at the stage's end.
`argo_failure_limit`: Argo Rollouts measures the share of the last 20 rounds each 20 rounds, wants 95 %, and bears three
failed measurements (failureLimit 3). `kayenta_like`: Spinnaker's judge compares rates of 50 points of a stage by ranks: a
canary is worse if the lower bound (98 %) of the Hodges-Lehmann shift is above a quarter of the shift itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import islice
from statistics import median

Round = tuple[bool, bool]
Rule = Callable[[Sequence[Round]], int | None]  # rounds of one stage -> after which the canary is rolled back, or never

STAGES = (100, 200, 300)  # rounds that such a gate asks at each stage
_GOOD = 0.95
_WINDOW, _LIMIT = 20, 3
_POINTS = 50
_Z = 2.326  # of 98 %, two-sided
_EFFECT = 0.25


def each_sample(rounds: Sequence[Round]) -> int | None:
    bad = 0
    for number, (canary_bad, _) in enumerate(rounds, start=1):
        bad += canary_bad
        if bad > (1 - _GOOD) * number + 1e-9:
            return number
    return None


def at_the_end(rounds: Sequence[Round]) -> int | None:
    bad = sum(canary_bad for canary_bad, _ in rounds)
    return len(rounds) if bad > (1 - _GOOD) * len(rounds) + 1e-9 else None


def argo_failure_limit(rounds: Sequence[Round]) -> int | None:
    failed = 0
    for end in range(_WINDOW, len(rounds) + 1, _WINDOW):
        bad = sum(canary_bad for canary_bad, _ in rounds[end - _WINDOW : end])
        failed += bad > (1 - _GOOD) * _WINDOW + 1e-9
        if failed > _LIMIT:
            return end
    return None


def kayenta_like(rounds: Sequence[Round]) -> int | None:
    size = max(1, len(rounds) // _POINTS)
    points = [rounds[at : at + size] for at in range(0, len(rounds) - size + 1, size)]
    canary = [sum(bad for bad, _ in point) / size for point in points]
    baseline = [sum(bad for _, bad in point) / size for point in points]
    return len(rounds) if _is_higher(canary, baseline) else None


def _is_higher(canary: Sequence[float], baseline: Sequence[float]) -> bool:
    if sum(canary) <= sum(baseline):
        return False
    shifts = sorted(one - other for one in canary for other in baseline)
    pairs, both = len(shifts), len(canary) + len(baseline)
    at = math.floor(pairs / 2 - _Z * math.sqrt(pairs * (both + 1) / 12))
    lower = shifts[max(0, at)]
    return lower > _EFFECT * abs(median(shifts))


RULES: dict[str, Rule] = {
    "fixed_threshold": each_sample,
    "fixed_threshold_at_stage_end": at_the_end,
    "argo_failure_limit": argo_failure_limit,
    "kayenta_like": kayenta_like,
}


def rollout(rule: Rule, rounds: Sequence[Round]) -> tuple[str, int]:
    """Return how a rollout over all stages ends by a rule that begins anew at each, and after how many rounds."""
    ahead, asked = iter(rounds), 0
    for length in STAGES:
        stage = list(islice(ahead, length))
        ends = rule(stage)
        if ends is not None:
            return "rolled_back", asked + ends
        asked += length
    return "promoted", asked
