"""This file is for rounds that are not independent: failures come in bursts, and a unit of evidence has to be longer than one.

Rollback is judged by blocks of the gap's length: a block is bad on a side if any round in it was. Promotion is judged by one
round in each gap. The design effect tells by what the evidence is thinner than its count, where a gap was too short.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from reports.judgement.e_values import BadState, read_count

GAP_MIN_S = 10.0
GAP_MAX_S = 120.0
THIN = 1.5  # a design effect above which it is to be said that evidence is thinned
LAGS = 12  # units over which echoes are looked for
ECHOES_MIN = 50  # units below which a design effect cannot be told
_JITTER = 0.05  # of the gap, by which a round may come early


@dataclass(frozen=True, slots=True)
class Unit:
    """Rounds that count as one: `rounds` of them, from `at` on, and whether any was bad on a side: as a whole, and for each
    scenario that both sides answered, as (canary bad, baseline bad).
    """

    at: float
    canary_bad: bool
    baseline_bad: bool
    rounds: int = 1
    scenarios: Mapping[str, tuple[bool, bool]] = field(default_factory=dict)

    def joined(self, other: Unit) -> Unit:
        """Return both as one."""
        scenarios = dict(self.scenarios)
        for name, (canary_bad, baseline_bad) in other.scenarios.items():
            before = scenarios.get(name, (False, False))
            scenarios[name] = (before[0] or canary_bad, before[1] or baseline_bad)
        return Unit(
            min(self.at, other.at),
            self.canary_bad or other.canary_bad,
            self.baseline_bad or other.baseline_bad,
            self.rounds + other.rounds,
            scenarios,
        )

    def as_json(self) -> list[object]:
        scenarios = {name: list(bad) for name, bad in self.scenarios.items()}
        return [self.at, self.canary_bad, self.baseline_bad, self.rounds, scenarios]


@dataclass(frozen=True, slots=True)
class Counted:
    """What a round added: the block that it closed (for the rollback), and itself if it counts for promotion."""

    gap: Gap
    block: Unit | None
    for_promotion: bool


@dataclass(frozen=True, slots=True)
class Gap:
    """Rounds on their way into independent units. Times are seconds of the gate's clock."""

    length_s: float
    every_s: float = 0.0  # a round is expected so often; a block closes with the last round that fits into it
    open: Unit | None = None
    counted_at: float | None = None  # the last round that counted for promotion

    @classmethod
    def new(cls, length_s: float, every_s: float = 0.0) -> Gap:
        """With a length of 0 each round is a unit. Raises: ValueError for a time below 0 or not finite."""
        if not (0 <= length_s < math.inf and 0 <= every_s < math.inf):
            raise ValueError(f"a gap of {length_s} s, with rounds every {every_s} s: both are 0 or above, and finite")
        return cls(float(length_s), float(every_s))

    def taken(
        self, at: float, canary_bad: bool, baseline_bad: bool, scenarios: Mapping[str, tuple[bool, bool]] | None = None
    ) -> Counted:
        """Take a round that is evidence on both sides. What counts is chosen by time alone, never by results.

        `scenarios` are those that both sides answered, as (canary bad, baseline bad).

        A block that waits for its next round closes with that round; where time ran backwards, it begins at the new time.
        """
        near = self.length_s * (1 - _JITTER)
        counts = self.counted_at is None or at - self.counted_at >= near or at < self.counted_at
        block, unit = None, self.open
        if unit is not None and at - unit.at >= near:
            block, unit = unit, None
        one = Unit(at, canary_bad, baseline_bad, scenarios=scenarios or {})
        unit = one if unit is None else unit.joined(one)
        if block is None and at + self.every_s - unit.at >= near:
            block, unit = unit, None
        gap = replace(self, open=unit, counted_at=at if counts else self.counted_at)
        return Counted(gap, block, counts)

    def as_json(self) -> dict[str, object]:
        unit = self.open.as_json() if self.open else None
        return {"length_s": self.length_s, "every_s": self.every_s, "open": unit, "counted_at": self.counted_at}

    @classmethod
    def read(cls, told: Mapping[str, object]) -> Gap:
        """Return the gap that `as_json` told of. Raises: BadState."""
        try:
            counted_at = told["counted_at"]
            return replace(
                cls.new(_seconds(told["length_s"]), _seconds(told["every_s"])),
                open=_unit(told["open"]),
                counted_at=None if counted_at is None else _seconds(counted_at),
            )
        except (KeyError, IndexError, TypeError, ValueError) as problem:
            raise BadState(f"this is no state of a gap: {problem}") from problem


@dataclass(frozen=True, slots=True)
class Echoes:
    """How much units of one side repeat the ones before, counted as they come: 0 or 1 each, over `LAGS` units."""

    units: int = 0
    bad: int = 0
    last: tuple[bool, ...] = ()  # the newest first
    both: tuple[int, ...] = (0,) * LAGS  # times that a unit was bad and the one so many before, too

    def updated(self, bad: bool) -> Echoes:
        both = list(self.both)
        if bad:
            for lag, before in enumerate(self.last):
                both[lag] += before
        return Echoes(self.units + 1, self.bad + bad, (bad, *self.last)[:LAGS], tuple(both))

    @property
    def design_effect(self) -> float | None:
        """By how many times the evidence is thinner than its count; 1 where units are independent. None: too few to tell."""
        return _effect(self.units, self.bad, self.both) if self.units >= ECHOES_MIN else None

    def as_json(self) -> dict[str, object]:
        return {"units": self.units, "bad": self.bad, "last": list(self.last), "both": list(self.both)}

    @classmethod
    def read(cls, told: Mapping[str, object]) -> Echoes:
        """Return the echoes that `as_json` told of. Raises: BadState."""
        last, both = told.get("last"), told.get("both")
        if not isinstance(last, list | tuple) or not isinstance(both, list | tuple) or len(both) != LAGS or len(last) > LAGS:
            raise BadState("'last' or 'both' is no list of the right length")
        counts = tuple(read_count({"both": one}, "both") for one in both)
        return cls(read_count(told, "units"), read_count(told, "bad"), tuple(bool(one) for one in last), counts)


def design_effect(series: Sequence[bool]) -> float | None:
    """Return 1 + 2 * sum(rho_k) of a series of results. None: fewer than `ECHOES_MIN` of them.

    Source: Kish: Survey sampling, for the name; Geyer: Practical Markov chain Monte Carlo (1992), for where the sum ends.
    """
    echoes = Echoes()
    for bad in series:
        echoes = echoes.updated(bad)
    return echoes.design_effect


def gap_of_history(history: Sequence[tuple[float, bool]]) -> float:
    """Return the gap for a check's own history, as (seconds, bad) in order: twice its mean burst of failures, 10 s to 120 s.

    A burst lasts from its first bad answer to the first good one after it: so long it could have been going on.
    """
    bursts: list[float] = []
    began: float | None = None
    for at, bad in history:
        if bad and began is None:
            began = at
        if not bad and began is not None:
            bursts.append(at - began)
            began = None
    if began is not None:
        bursts.append(history[-1][0] - began)
    mean_s = sum(bursts) / len(bursts) if bursts else 0.0
    return min(GAP_MAX_S, max(GAP_MIN_S, 2 * mean_s))


def _effect(units: int, bad: int, both: Sequence[int]) -> float:
    rate = bad / units
    spread = rate * (1 - rate)
    if not spread:
        return 1.0
    effect = 1.0
    for lag, together in enumerate(both, start=1):
        rho = (together / (units - lag) - rate * rate) / spread
        if rho <= 2 / math.sqrt(units):  # what chance alone makes of independent units; from there on it is noise
            break
        effect += 2 * rho
    return effect


def _unit(told: object) -> Unit | None:
    if told is None:
        return None
    if not isinstance(told, list | tuple) or len(told) != 5 or not isinstance(told[4], Mapping):
        raise ValueError(f"{told!r} is no open block")
    scenarios = {str(name): (bool(canary), bool(baseline)) for name, (canary, baseline) in told[4].items()}
    return Unit(_seconds(told[0]), bool(told[1]), bool(told[2]), int(told[3]), scenarios)


def _seconds(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no time")
    return float(value)
