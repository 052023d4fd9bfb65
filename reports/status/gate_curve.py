"""This file is for the evidence of a gate as curves: E and K over the rounds on a logarithmic scale, against their thresholds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_DOWN, Decimal
from itertools import groupby

from reports.judgement.gate import Decision

WIDTH, HEIGHT = 1000, 200
POINTS_KEPT = 240  # of one gate: more than a screen can show apart
ROWS_SHOWN = 24
_LOWEST, _HIGHEST = -3, 12  # decades; further down evidence only says the same again, and E is capped at 1e12
_LABELS = 5
_LABEL_NEEDS = 12.0  # percent of the width
_SMALL_STEP = "⁰¹²³⁴⁵⁶⁷⁸⁹"


@dataclass(frozen=True, slots=True)
class Point:
    """How the evidence stood after one round. `round` counts all rounds of the gate, from 1."""

    round: int
    at: float
    stage: int
    e: float
    k: float | None  # None at a stage that only must not be worse


@dataclass(slots=True)
class Curve:
    """The points of a gate, evenly thinned as they grow: at most POINTS_KEPT, each stage's first, and the newest."""

    rounds: int = 0
    _kept: list[Point] = field(default_factory=list)
    _newest: Point | None = None
    _stride: int = 1

    @property
    def points(self) -> list[Point]:
        return self._kept if self._newest is None or self._newest in self._kept[-1:] else [*self._kept, self._newest]

    def copied(self) -> Curve:
        return replace(self, _kept=list(self._kept))

    def grow(self, point: Point) -> None:
        """Note how the evidence stands after the next round."""
        self.rounds = point.round
        begins = self._newest is None or self._newest.stage != point.stage
        self._newest = point
        if begins or point.round % self._stride == 0:
            self._kept.append(point)
        while len(self._kept) > POINTS_KEPT and self._stride < self.rounds:
            self._stride *= 2
            firsts = _firsts(self._kept)
            self._kept = [p for p in self._kept if p.round % self._stride == 0 or p in firsts]


@dataclass(frozen=True, slots=True)
class Border:
    """Where a stage began, in percent of the width, with its label and on which side that has room."""

    x: float
    label: str
    side: str


@dataclass(frozen=True, slots=True)
class Step:
    """One label of the axis of evidence, with its height in percent from the top."""

    text: str
    y: float


@dataclass(frozen=True, slots=True)
class Plot:
    """One curve. Paths are in a box of WIDTH by HEIGHT that is stretched; the rest is in percent of it."""

    name: str
    words: str
    path: str
    steps: tuple[Step, ...]
    threshold_y: float
    threshold_label: str
    last: tuple[float, float] | None  # where the newest point is, in percent


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table behind the curves."""

    point: Point
    stage: str
    e: str
    k: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """Everything that the template draws."""

    e: Plot
    k: Plot
    borders: tuple[Border, ...]
    times: tuple[str, ...]
    rows: tuple[Row, ...]


def drawn(points: Sequence[Point], decision: Decision, stage_names: Sequence[str]) -> Drawn | None:
    """Return the curves, None where there was no round yet."""
    if not points:
        return None
    whole = max(points[-1].round, 2)
    x_of = _places(whole)
    e_words = f"E, evidence against the canary: {figure(decision.e)}, rolls back at {figure(decision.e_threshold)}"
    k_words = f"K, evidence for this stage: {_figure_of_k(decision)}, shown at {figure(decision.k_threshold)}"
    return Drawn(
        e=_plot("e", e_words, [[(p.round, p.e) for p in points]], decision.e_threshold, "rolls back at", x_of),
        k=_plot("k", k_words, _of_k(points), decision.k_threshold, "shown at", x_of),
        borders=_borders(points, stage_names, x_of),
        times=_round_labels(whole),
        rows=tuple(_row(point, stage_names) for point in _some(points)),
    )


def _figure_of_k(decision: Decision) -> str:
    return "none, it only must not be worse" if decision.margin is None else figure(decision.k)


def figure(value: float) -> str:
    """Return evidence as people read it: three digits, and powers of ten where it is large or small.

    Rounded down, so that nothing seems to have reached a threshold that it is short of.
    """
    exact = Decimal(repr(float(value)))
    power = exact.adjusted()
    if value >= 1e5 or 0 < value < 1e-3:
        lead = exact.scaleb(-power).quantize(Decimal("0.1"), ROUND_DOWN)
        return _power(power) if lead == 1 else f"{lead} × {_power(power)}"
    told = f"{exact.quantize(Decimal(1).scaleb(min(0, power - 2)), ROUND_DOWN):,f}"
    return told.rstrip("0").rstrip(".") if "." in told else told


def _plot(
    name: str,
    words: str,
    runs: Sequence[Sequence[tuple[int, float]]],
    threshold: float,
    said: str,
    x_of: Callable[[int], float],
) -> Plot:
    low, high, step = _decades([value for run in runs for _, value in run], threshold)
    share = _scale(low, high)
    newest = runs[-1][-1] if runs else None
    return Plot(
        name=name,
        words=words,
        path="".join(_line([(x_of(number), HEIGHT * share(value)) for number, value in run]) for run in runs),
        steps=tuple(Step(_label(power), round(100 * share(10.0**power), 2)) for power in range(high, low - 1, -step)),
        threshold_y=round(100 * share(threshold), 2),
        threshold_label=f"{said} {figure(threshold)}",
        last=None if newest is None else (round(x_of(newest[0]) / WIDTH * 100, 2), round(100 * share(newest[1]), 2)),
    )


def _decades(values: Sequence[float], threshold: float) -> tuple[int, int, int]:
    """Return the lowest and the highest decade and how many there are between two labels."""
    most = max([threshold * 3, *values])
    least = min([1.0, *(v for v in values if v > 0)])
    high = min(_HIGHEST, math.ceil(math.log10(most)))
    low = max(_LOWEST, min(-1, math.floor(math.log10(least))))
    step = math.ceil((high - low) / _LABELS)
    return high - step * math.ceil((high - low) / step), high, step


def _scale(low: int, high: int) -> Callable[[float], float]:
    """Return where evidence is between the top, 0, and the bottom, 1."""

    def share(value: float) -> float:
        power = math.log10(value) if value > 0 else low
        return min(1.0, max(0.0, (high - power) / (high - low)))

    return share


def _places(whole: int) -> Callable[[int], float]:
    return lambda number: WIDTH * (number - 1) / (whole - 1)


def _line(points: Sequence[tuple[float, float]]) -> str:
    if len(points) == 1:  # a short stroke, so that it can be seen
        x, y = points[0]
        points = [(max(0.0, x - 3), y), (min(float(WIDTH), x + 3), y)]
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _by_stage(points: Sequence[Point]) -> list[list[Point]]:
    return [list(run) for _, run in groupby(points, key=lambda p: p.stage)]


def _of_k(points: Sequence[Point]) -> list[list[tuple[int, float]]]:
    """Return one run a stage, as each begins anew; none for a stage that gathers no such evidence."""
    runs = ([(p.round, p.k) for p in run if p.k is not None] for run in _by_stage(points))
    return [run for run in runs if run]


def _firsts(points: Sequence[Point]) -> list[Point]:
    return [run[0] for run in _by_stage(points)]


def _borders(points: Sequence[Point], names: Sequence[str], x_of: Callable[[int], float]) -> tuple[Border, ...]:
    """Return where the stages began. Where two are close, the later one has the label."""
    borders: list[Border] = []
    free_to = 100.0 + _LABEL_NEEDS
    for first in reversed(_firsts(points)):
        x = round(x_of(first.round) / WIDTH * 100, 2)
        label = _name(names, first.stage) if x + _LABEL_NEEDS <= free_to else ""
        free_to = x if label else free_to
        borders.append(Border(x, label, "end" if x > 100 - _LABEL_NEEDS else "start"))
    return tuple(reversed(borders))


def _name(names: Sequence[str], stage: int) -> str:
    return names[stage] if 0 <= stage < len(names) else ""


def _round_labels(whole: int) -> tuple[str, ...]:
    places = sorted({round(1 + (whole - 1) * part / 4) for part in range(5)})
    return tuple(f"{number:,}" for number in places)


def _some(points: Sequence[Point]) -> list[Point]:
    """Return so many points that a table stays short, the newest first."""
    stride = math.ceil(len(points) / ROWS_SHOWN)
    return [point for place, point in enumerate(reversed(points)) if place % stride == 0]


def _row(point: Point, names: Sequence[str]) -> Row:
    return Row(point, _name(names, point.stage), figure(point.e), "–" if point.k is None else figure(point.k))


def _label(power: int) -> str:
    return f"{10**power:,}" if 0 <= power < 5 else f"{10.0**power:g}" if -3 <= power < 0 else _power(power)


def _power(power: int) -> str:
    return "10" + ("⁻" if power < 0 else "") + "".join(_SMALL_STEP[int(digit)] for digit in str(abs(power)))
