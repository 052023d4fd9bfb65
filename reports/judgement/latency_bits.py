"""This file is for latency as evidence: whether a round was slower than a bound that was fixed before, which is yes or no.

The bound comes from the baseline's own rounds before anything is judged, and stays. So slower answers are judged by the same
e-process as failures, exactly, whatever their distribution. A round's slowness is the geometric mean of its scenarios' times,
each as a multiple of that scenario's median: a scenario that takes a second does not drown one that takes ten milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from reports.judgement.e_values import BadState

PERCENTILES = {"p75": 0.75, "p95": 0.95}
KEPT = 400  # rounds whose times are kept for the bound; of more, each second, each third, …
_FLOOR_S = 1e-6  # a time below says that a clock is coarse, and no more


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is slow: a round whose slowness is above `slowness` (a multiple of the usual), or an answer above `seconds`."""

    medians: Mapping[str, float]  # of each scenario, in seconds
    slowness: float | None = None
    seconds: float | None = None

    @classmethod
    def absolute(cls, seconds: float) -> Bounds:
        """A time that the policy names: a round is slow if any scenario's slowest answer took longer."""
        return cls({}, seconds=seconds)

    def bits(self, canary: Mapping[str, float], baseline: Mapping[str, float]) -> tuple[bool, bool] | None:
        """Return whether the canary's and the baseline's round was slow, by the scenarios that both answered; None: by none."""
        names = [name for name in canary if name in baseline and (self.seconds is not None or name in self.medians)]
        if not names:
            return None
        return self._is_slow(canary, names), self._is_slow(baseline, names)

    def _is_slow(self, times: Mapping[str, float], names: list[str]) -> bool:
        if self.seconds is not None:
            return max(times[name] for name in names) > self.seconds
        assert self.slowness is not None
        return _slowness(times, self.medians, names) > self.slowness

    def as_json(self) -> dict[str, object]:
        return {"medians": dict(self.medians), "slowness": self.slowness, "seconds": self.seconds}

    @classmethod
    def read(cls, told: Mapping[str, object]) -> Bounds:
        """Return the bounds that `as_json` told of. Raises: BadState."""
        medians = told.get("medians")
        if not isinstance(medians, Mapping):
            raise BadState("'medians' is no mapping of scenarios to seconds")
        one, other = told.get("slowness"), told.get("seconds")
        if (one is None) == (other is None) or not isinstance(one if other is None else other, int | float):
            raise BadState("a bound has either 'slowness' or 'seconds'")
        return cls(dict(medians), one, other)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Rounds of the baseline from which bounds are taken. Its own rounds are judged by nothing."""

    wanted: int
    seen: int = 0
    rounds: tuple[Mapping[str, float], ...] = ()

    @property
    def is_ready(self) -> bool:
        return self.seen >= self.wanted

    def updated(self, baseline: Mapping[str, float]) -> Calibration:
        """Take the times of one round, in seconds by scenario. Rounds without any do not count."""
        times = {name: float(f"{seconds:.4g}") for name, seconds in baseline.items() if math.isfinite(seconds)}
        if not times or self.is_ready:
            return self
        step = -(-self.wanted // KEPT)
        kept = (*self.rounds, times) if self.seen % step == 0 else self.rounds
        return Calibration(self.wanted, self.seen + 1, kept)

    def bounds(self, percentile: str) -> Bounds:
        """Return the bounds at `p75` or `p95`. Raises: ValueError before any round was seen, or for another percentile."""
        if percentile not in PERCENTILES or not self.rounds:
            raise ValueError(f"no bound for '{percentile}' from {len(self.rounds)} rounds")
        by_name: dict[str, list[float]] = {}
        for times in self.rounds:
            for name, seconds in times.items():
                by_name.setdefault(name, []).append(seconds)
        medians = {name: median(times) for name, times in by_name.items()}
        ordered = sorted(_slowness(times, medians, list(times)) for times in self.rounds)
        return Bounds(medians, ordered[min(len(ordered) - 1, math.ceil(PERCENTILES[percentile] * len(ordered)) - 1)])

    def as_json(self) -> dict[str, object]:
        return {"wanted": self.wanted, "seen": self.seen, "rounds": [dict(times) for times in self.rounds]}

    @classmethod
    def read(cls, told: Mapping[str, object]) -> Calibration:
        """Return the calibration that `as_json` told of. Raises: BadState."""
        wanted, seen, rounds = told.get("wanted"), told.get("seen"), told.get("rounds")
        if not isinstance(wanted, int) or not isinstance(seen, int) or not isinstance(rounds, list | tuple):
            raise BadState("'wanted', 'seen' or 'rounds' of a calibration is not what it is")
        if not all(isinstance(times, Mapping) for times in rounds):
            raise BadState("'rounds' of a calibration holds something that is no mapping of scenarios to seconds")
        return cls(wanted, seen, tuple(dict(times) for times in rounds))


def _slowness(times: Mapping[str, float], medians: Mapping[str, float], names: list[str]) -> float:
    logs = [math.log(max(times[name], _FLOOR_S) / max(medians[name], _FLOOR_S)) for name in names]
    return math.exp(sum(logs) / len(logs))
