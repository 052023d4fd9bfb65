"""This file is for metrics: families with their labels, counted by the service and written as Prometheus text 0.0.4."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
Labels = tuple[str, ...]


@dataclass(slots=True)
class _Series:
    value: float = 0.0
    counts: list[int] = field(default_factory=list)
    total: int = 0


@dataclass(slots=True)
class Family:
    """One family; `series` by the values of its labels. A histogram's `value` is its sum."""

    name: str
    sort: str  # counter, gauge or histogram
    help: str
    labels: Labels
    buckets: Sequence[float] = BUCKETS
    series: dict[Labels, _Series] = field(default_factory=dict)

    def of(self, values: Labels) -> _Series:
        if len(values) != len(self.labels):
            raise ValueError(f"{self.name} has the labels {self.labels}")
        if values not in self.series:
            self.series[values] = _Series(counts=[0] * len(self.buckets))
        return self.series[values]


class Metrics:
    """The families of one system, by name. A counter or a gauge without labels is there from the start, at 0."""

    def __init__(self, bugs: Collection[str]) -> None:
        self._bugs = bugs
        self._families: dict[str, Family] = {}
        self._frozen = ""

    def add(self, sort: str, name: str, help: str, labels: Sequence[str] = (), buckets: Sequence[float] = BUCKETS) -> None:
        self._families[name] = Family(name, sort, help, tuple(labels), buckets)
        if not labels:
            self._families[name].of(())

    def inc(self, name: str, *values: object, by: float = 1.0) -> None:
        if "metrics_not_counted" not in self._bugs:
            self._families[name].of(tuple(map(str, values))).value += by

    def set(self, name: str, *values: object, to: float) -> None:
        self._families[name].of(tuple(map(str, values))).value = to

    def observe(self, name: str, *values: object, seconds: float, times: int = 1) -> None:
        if "metrics_not_counted" in self._bugs:
            return
        family = self._families[name]
        series = family.of(tuple(map(str, values)))
        series.value += seconds * times
        series.total += times
        for place, bound in enumerate(family.buckets):
            series.counts[place] += times * (seconds <= bound)

    def value(self, name: str, *values: object) -> float:
        return self._families[name].of(tuple(map(str, values))).value

    def names(self) -> list[str]:
        return list(self._families)

    def samples(self) -> Iterable[tuple[str, str, dict[str, str], float]]:
        """Return sort, name, labels and value of each series; those of a histogram are counters."""
        for family in self._families.values():
            for values, series in family.series.items():
                labels = dict(zip(family.labels, values, strict=True))
                if family.sort != "histogram":
                    yield family.sort, family.name, labels, series.value
                    continue
                for bound, count in zip(family.buckets, series.counts, strict=True):
                    yield "counter", f"{family.name}_bucket", {**labels, "le": _number(bound)}, float(count)
                yield "counter", f"{family.name}_bucket", {**labels, "le": "+Inf"}, float(series.total)
                yield "counter", f"{family.name}_sum", labels, series.value
                yield "counter", f"{family.name}_count", labels, float(series.total)

    def text(self) -> str:
        """Return the exposition. Source: Prometheus, "Exposition formats", text-based format."""
        if "metrics_frozen" in self._bugs:
            self._frozen = self._frozen or self._text()
            return self._frozen
        if "metrics_reset" in self._bugs:  # a worker that answers every other scrape has counted for itself only
            for family in self._families.values():
                for series in family.series.values() if family.sort == "counter" else ():
                    series.value = 0.0
        return self._text()

    def _text(self) -> str:
        kept = [f for f in self._families.values() if f"metrics_without_{f.name}" not in self._bugs]
        lines = [line for family in kept for line in self._lines(family)]
        if "metrics_doubled" in self._bugs:
            lines += list(self._lines(kept[0]))
        if "metrics_broken" in self._bugs:
            lines.append(f"{kept[0].name}{{route=/api}} one")
        return "\n".join(lines) + "\n"

    def _lines(self, family: Family) -> Iterable[str]:
        sort = "untyped" if "metrics_untyped" in self._bugs else family.sort
        sort = "gauge" if "metrics_counter_as_gauge" in self._bugs and family.sort == "counter" else sort
        yield f"# HELP {family.name} {family.help}"
        yield f"# TYPE {family.name} {sort}"
        for values, series in family.series.items():
            pairs = list(zip(family.labels, values, strict=True))
            if "metrics_labels_lost" in self._bugs:
                pairs = pairs[:-1]
            if family.sort != "histogram":
                yield f"{family.name}{_labels(pairs)} {_number(series.value)}"
                continue
            counts = series.counts[::-1] if "metrics_buckets_unsorted" in self._bugs else series.counts
            for bound, count in zip(family.buckets, counts, strict=True):
                yield f"{family.name}_bucket{_labels([*pairs, ('le', _number(bound))])} {count}"
            yield f"{family.name}_bucket{_labels([*pairs, ('le', '+Inf')])} {series.total}"
            yield f"{family.name}_sum{_labels(pairs)} {_number(series.value)}"
            yield f"{family.name}_count{_labels(pairs)} {series.total}"


def _labels(pairs: Sequence[tuple[str, str]]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs) + "}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
