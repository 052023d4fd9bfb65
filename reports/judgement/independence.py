"""This file is for rounds that are not independent: failures come in bursts, and a unit of evidence has to be longer than one.

Rollback is judged by blocks of the gap's length: a block is bad on a side if badness began in it, or lasted through all of
it; a burst that reaches into the next block counts once. Promotion is judged by one round in each gap. The design effect
tells by what the evidence is thinner than its count, where a gap was too short.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from typing import Any

from reports.judgement.e_values import BadState, read_count

THIN = 1.5  # a design effect above which it is to be said that evidence is thinned
LAGS = 12  # units over which echoes are looked for
ECHOES_MIN = 50  # units below which a design effect cannot be told
_JITTER = 0.05  # of the gap, by which a round may come early
_WHOLE = ""  # the round, among its scenarios
_NEITHER = (False, False)


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


@dataclass(frozen=True, slots=True)
class Counted:
    """What a round added: the block that it closed (for the rollback), and itself if it counts for promotion."""

    gap: Gap
    block: Unit | None
    for_promotion: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """One question in an open block: rounds that asked it, and of each side those that were bad, and where badness began."""

    asked: int = 0
    canary: int = 0
    canary_began: int = 0
    baseline: int = 0
    baseline_began: int = 0

    def with_round(self, bad: tuple[bool, bool], before: tuple[bool, bool]) -> Tally:
        return Tally(
            self.asked + 1,
            self.canary + bad[0],
            self.canary_began + (bad[0] and not before[0]),
            self.baseline + bad[1],
            self.baseline_began + (bad[1] and not before[1]),
        )

    @property
    def bad(self) -> tuple[bool, bool]:
        """What began in an earlier block was counted there, unless it lasted through all of this one."""
        whole = self.asked
        return self.canary_began > 0 or self.canary == whole, self.baseline_began > 0 or self.baseline == whole


_UNASKED = Tally()


@dataclass(frozen=True, slots=True)
class Open:
    """A block that is not closed: when it began, and its questions; the round as a whole is the one without a name."""

    at: float
    seen: Mapping[str, Tally]

    @property
    def closed(self) -> Unit:
        bad = {name: one.bad for name, one in self.seen.items()}
        whole = bad.pop(_WHOLE)
        return Unit(self.at, *whole, self.seen[_WHOLE].asked, bad)


@dataclass(frozen=True, slots=True)
class Gap:
    """Rounds on their way into independent units. Times are seconds of the gate's clock."""

    length_s: float
    every_s: float = 0.0  # a round is expected so often; a block closes with the last round that fits into it
    open: Open | None = None
    counted_at: float | None = None  # the last round that counted for promotion
    last_at: float | None = None  # the last round
    last: Mapping[str, tuple[bool, bool]] = field(default_factory=dict)  # what was bad in it, if anything was

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

        `scenarios` are those that both sides answered, as (canary bad, baseline bad). A block that waits for its next round
        closes with that round; where time ran backwards, it begins at the new time.
        """
        near = self.length_s * (1 - _JITTER)
        counts = self.counted_at is None or at - self.counted_at >= near or at < self.counted_at
        block, begun = None, self.open
        if begun is not None and at - begun.at >= near:
            block, begun = begun.closed, None
        round_bad = {**(scenarios or {}), _WHOLE: (canary_bad, baseline_bad)}
        begun = self._joined(begun, at, round_bad)
        if block is None and at + self.every_s - begun.at >= near:
            block, begun = begun.closed, None
        bad = {name: one for name, one in round_bad.items() if any(one)}
        gap = replace(self, open=begun, counted_at=at if counts else self.counted_at, last_at=at, last=bad)
        return Counted(gap, block, counts)

    def _joined(self, begun: Open | None, at: float, bad: Mapping[str, tuple[bool, bool]]) -> Open:
        seen = dict(begun.seen) if begun else {}
        goes_on = self.last_at is not None and at - self.last_at <= self.length_s
        for name, one in bad.items():
            before = self.last.get(name, _NEITHER) if goes_on else _NEITHER
            seen[name] = seen.get(name, _UNASKED).with_round(one, before)
        return Open(min(begun.at, at) if begun else at, seen)

    def as_json(self) -> dict[str, object]:
        seen = {name: list(astuple(one)) for name, one in self.open.seen.items()} if self.open else {}
        return {
            "length_s": self.length_s,
            "every_s": self.every_s,
            "open": {"at": self.open.at, "seen": seen} if self.open else None,
            "counted_at": self.counted_at,
            "last_at": self.last_at,
            "last": {name: list(bad) for name, bad in self.last.items()},
        }

    @classmethod
    def read(cls, told: Mapping[str, object]) -> Gap:
        """Return the gap that `as_json` told of. Raises: BadState."""
        try:
            return replace(
                cls.new(_seconds(told["length_s"]), _seconds(told["every_s"])),
                open=_open(told["open"]),
                counted_at=None if told["counted_at"] is None else _seconds(told["counted_at"]),
                last_at=None if told["last_at"] is None else _seconds(told["last_at"]),
                last={name: (bool(canary), bool(baseline)) for name, (canary, baseline) in _mapping(told["last"]).items()},
            )
        except (KeyError, TypeError, ValueError) as problem:
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


def _open(told: object) -> Open | None:
    if told is None:
        return None
    seen = {str(name): Tally(*(read_count({"seen": one}, "seen") for one in counts)) for name, counts in _seen(told).items()}
    if _WHOLE not in seen:
        raise ValueError("a block without its rounds")
    return Open(_seconds(_mapping(told)["at"]), seen)


def _seen(told: object) -> Mapping[str, Sequence[object]]:
    return _mapping(_mapping(told)["seen"])


def _mapping(told: object) -> Mapping[str, Any]:
    if not isinstance(told, Mapping):
        raise ValueError(f"{told!r} is no mapping")
    return told


def _seconds(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no time")
    return float(value)
