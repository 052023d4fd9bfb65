"""This file is for what one round is worth: whose answers it holds, what failed, and what of it is evidence.

Two questions are answered apart. *Does the canary fail more often?* rests on what both sides proved, and on nothing else. *Is
it shown that it does not?* counts against the canary whatever it could not prove while the baseline could: or a canary whose
failing answers say no version would be judged by its good ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scenarios.gates.records import RoundSeen, ScenarioSeen, Seat, SideSeen


@dataclass(frozen=True, slots=True)
class Weighed:
    """One round, judged by itself."""

    is_evidence: bool  # both sides' answers are theirs, and something was proven on both
    canary_bad: bool  # of what was proven on both
    baseline_bad: bool
    against: bool  # it speaks against the canary where it is to be shown that it is sound
    misrouted: bool  # answers of a side were another version's, or did not say whose
    canary_out: bool  # the canary failed as a whole, or in something
    baseline_out: bool
    left_out: tuple[str, ...]  # scenarios that were not proven on both
    flawed: tuple[bool, bool]  # something was good, and not as it should be, on the canary, on the baseline: flaky or slow
    scenarios: Mapping[str, tuple[bool, bool]]  # that were proven on both: whether they failed on the canary, the baseline
    failing: Mapping[str, tuple[bool, bool]]  # those of them that failed on either
    canary_s: Mapping[str, float]  # slowest answers of what was good on both
    baseline_s: Mapping[str, float]


def weigh(seen: RoundSeen) -> Weighed:
    """Judge one round by itself."""
    canary, baseline = seen.canary, seen.baseline
    names = sorted({*canary.scenarios, *baseline.scenarios})
    common = [name for name in names if _is_proven(canary, name) and _is_proven(baseline, name)]
    sides = is_right(canary) and is_right(baseline)
    good = [name for name in common if canary.scenarios[name].seat is baseline.scenarios[name].seat is Seat.GOOD]
    scenarios = {name: (_is_bad(canary, name), _is_bad(baseline, name)) for name in common if sides}
    failing = {name: bad for name, bad in scenarios.items() if any(bad)}
    return Weighed(
        is_evidence=sides and bool(common),
        canary_bad=any(c for c, _ in failing.values()),
        baseline_bad=any(b for _, b in failing.values()),
        against=is_right(baseline) and _speaks_against(canary, baseline),
        misrouted=_is_misrouted(canary) or _is_misrouted(baseline),
        canary_out=is_gone(canary) or any(_is_bad(canary, name) for name in names),
        baseline_out=is_gone(baseline) or any(_is_bad(baseline, name) for name in names),
        flawed=(_is_flawed(canary), _is_flawed(baseline)),
        left_out=tuple(name for name in names if name not in common) if sides else (),
        scenarios=scenarios,
        failing=failing,
        canary_s=_seconds(canary, good),
        baseline_s=_seconds(baseline, good),
    )


def is_right(side: SideSeen) -> bool:
    """Return whether all answers of a side are proven to be of its version."""
    return side.right > 0 and not side.wrong and not side.unmarked


def is_gone(side: SideSeen) -> bool:
    """Return whether nothing of a side answered as itself, and nothing answered well in its place.

    A proxy in front of a dead canary answers 502 and says no version.
    """
    if side.unreachable:
        return True
    nobody = not side.right and not side.wrong
    return nobody and bool(side.scenarios) and all(one.seat is Seat.BAD for one in side.scenarios.values())


def _speaks_against(canary: SideSeen, baseline: SideSeen) -> bool:
    """Return whether the canary could not prove what the baseline did: a proxy that fails over hides it just when it fails."""
    if is_gone(canary) or canary.wrong or canary.unmarked or any(_is_bad(canary, name) for name in canary.scenarios):
        return True
    return is_right(canary) and any(_is_proven(baseline, name) and not _is_proven(canary, name) for name in baseline.scenarios)


def _is_misrouted(side: SideSeen) -> bool:
    return bool(side.wrong or side.unmarked) and not is_gone(side)


def _seen(side: SideSeen, name: str) -> ScenarioSeen | None:
    return side.scenarios.get(name)


def _is_proven(side: SideSeen, name: str) -> bool:
    one = _seen(side, name)
    return one is not None and one.seat is not Seat.NONE


def _is_bad(side: SideSeen, name: str) -> bool:
    one = _seen(side, name)
    return one is not None and one.seat is Seat.BAD


def _is_flawed(side: SideSeen) -> bool:
    return any(one.seat is Seat.GOOD and one.say for one in side.scenarios.values())


def _seconds(side: SideSeen, names: list[str]) -> dict[str, float]:
    times = {name: side.scenarios[name].seconds for name in names}
    return {name: float(s) for name, s in times.items() if s is not None and 0 <= s < float("inf")}
