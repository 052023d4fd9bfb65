"""This file is for one family of an exposition: what its type demands of its samples, and what is kept of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from probes.exposition_line import Labels, Sample

TEXT_TYPES = ("counter", "gauge", "histogram", "summary", "untyped")
OPENMETRICS_TYPES = ("counter", "gauge", "histogram", "summary", "unknown", "gaugehistogram", "info", "stateset")
_SUFFIXES_TEXT = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("", "_sum", "_count")}
_SUFFIXES_OPENMETRICS = {
    "counter": ("_total", "_created"),
    "histogram": ("_bucket", "_sum", "_count", "_created"),
    "gaugehistogram": ("_bucket", "_gsum", "_gcount"),
    "summary": ("", "_sum", "_count", "_created"),
    "info": ("_info",),
}
_SHAPES_KEPT = 50

Blame = Callable[[int, str], None]  # line, sentence


def sample_names(name: str, kind: str, *, openmetrics: bool) -> tuple[str, ...]:
    """Return how the samples of a family are called."""
    suffixes = (_SUFFIXES_OPENMETRICS if openmetrics else _SUFFIXES_TEXT).get(kind, ("",))
    return tuple(name + suffix for suffix in suffixes)


@dataclass(slots=True)
class _Distribution:
    """The samples of one histogram or summary with the same labels, as far as they were read."""

    line: int
    le: float = -math.inf
    value: float = 0.0
    first: float | None = None
    infinite: float | None = None
    count: float | None = None
    has_sum: bool = False


@dataclass(slots=True)
class Family:
    """All samples of one name. `shapes` are the sets of label names that were seen, each with its first line."""

    name: str
    line: int
    openmetrics: bool
    type: str = ""  # as declared; empty where no TYPE was given
    help: str | None = None
    unit: str = ""
    count: int = 0
    shapes: dict[tuple[str, ...], int] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    les: set[float] = field(default_factory=set)
    _seen: dict[int, int] = field(default_factory=dict)
    _points: dict[Labels, _Distribution] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        return sample_names(self.name, self.type, openmetrics=self.openmetrics)

    def add(self, sample: Sample, blame: Blame) -> None:
        """Take the next sample, and say what is wrong with it."""
        self.count += 1
        identity = hash((sample.name, frozenset(sample.labels), sample.at_s if self.openmetrics else None))
        before = self._seen.setdefault(identity, sample.line)
        if before != sample.line:
            blame(sample.line, f"the series {sample.shape} stands there twice (first in line {before})")
            return
        if self.type == "counter" and not sample.value >= 0:
            blame(
                sample.line,
                f"the counter {sample.shape} is {sample.value:g}, but a counter is never negative and always a number",
            )
        elif self.type in ("histogram", "gaugehistogram", "summary"):
            self._distributed(sample, blame)
        elif self.openmetrics and self.type in ("info", "stateset"):
            self._stated(sample, blame)
        if sample.exemplar is not None and not sample.name.endswith(("_bucket", "_total")):
            blame(sample.line, f"{sample.shape} has an exemplar, which only counters and buckets may have")
        shape = tuple([key for key, _ in sample.labels])
        if shape not in self.shapes and len(self.shapes) < _SHAPES_KEPT:
            self.shapes[shape] = sample.line

    def close(self, blame: Blame) -> None:
        """Say what is missing, and forget what was only needed for that."""
        for point in self._points.values() if self.type == "histogram" else ():
            if point.infinite is None:
                blame(point.line, f'the histogram {self.name} has no bucket le="+Inf"')
            elif point.count is None and not (self.openmetrics and (point.first or 0) < 0):
                blame(point.line, f"the histogram {self.name} has no {self.name}_count")
            elif point.count is not None and point.count != point.infinite:
                blame(
                    point.line,
                    f'the histogram {self.name} counts {point.count:g}, but its bucket le="+Inf" holds {point.infinite:g}',
                )
            elif not point.has_sum and not self.openmetrics:
                blame(point.line, f"the histogram {self.name} has no {self.name}_sum")
        self._points = {}
        self._seen = {}

    def _distributed(self, sample: Sample, blame: Blame) -> None:
        mark = "quantile" if self.type == "summary" else "le"
        part = sample.name[len(self.name) :]
        others = tuple(pair for pair in sample.labels if pair[0] != mark)
        key = others if len(others) < 2 else tuple(sorted(others))
        point = self._points.get(key)
        if point is None:
            point = self._points[key] = _Distribution(sample.line)
        if part in ("_count", "_gcount"):
            point.count = sample.value
            if not sample.value >= 0:
                blame(sample.line, f"{sample.shape} is {sample.value:g}, but a count is never negative and always a number")
        elif part in ("_sum", "_gsum"):
            point.has_sum = True
        elif part == "_bucket":
            self._bucket(sample, point, blame)
        elif part == "":
            self._quantile(sample, blame)

    def _bucket(self, sample: Sample, point: _Distribution, blame: Blame) -> None:
        try:
            le = float(sample.label("le").replace("_", "?"))
        except ValueError:
            blame(sample.line, f"{sample.shape} has no label le that is a number")
            return
        if math.isnan(le) or le <= point.le:
            blame(
                sample.line, f"the buckets of {self.name} do not stand in ascending order of le ({le:g} comes after {point.le:g})"
            )
        if not sample.value >= point.value:
            blame(
                sample.line,
                f"the buckets of {self.name} are not cumulative: le={le:g} holds {sample.value:g} after {point.value:g}",
            )
        point.first = le if point.first is None else point.first
        point.le, point.value = le, sample.value
        if le == math.inf:
            point.infinite = sample.value
        if len(self.les) < 200:
            self.les.add(le)

    def _quantile(self, sample: Sample, blame: Blame) -> None:
        try:
            quantile = float(sample.label("quantile").replace("_", "?"))
        except ValueError:
            quantile = math.nan
        if not 0 <= quantile <= 1:
            blame(sample.line, f"{sample.shape} of the summary {self.name} has no label quantile from 0 to 1")

    def _stated(self, sample: Sample, blame: Blame) -> None:
        if self.type == "info" and sample.value != 1:
            blame(sample.line, f"the info {sample.shape} is {sample.value:g} instead of 1")
        if self.type == "stateset" and (sample.value not in (0, 1) or not any(key == self.name for key, _ in sample.labels)):
            blame(sample.line, f"the state set {sample.shape} should be 0 or 1 and have a label {self.name}")
