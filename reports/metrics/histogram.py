"""This file is for histograms: counting by bucket, and their lines."""

from __future__ import annotations

from bisect import bisect_left

from reports.metrics.names import Metric


class Histogram:
    """Observations by bucket, with their sum."""

    __slots__ = ("counts", "sum")

    def __init__(self, metric: Metric) -> None:
        self.counts = [0] * (len(metric.buckets) + 1)
        self.sum = 0.0

    def observe(self, metric: Metric, value: float) -> None:
        self.counts[bisect_left(metric.buckets, value)] += 1
        self.sum += value


def template_of(metric: Metric) -> str:
    """Return a template for `%` of all lines of one histogram; it takes what `filling` returns."""
    bounds = [f"{bound!r}" for bound in metric.buckets] + ["+Inf"]
    lines = [f'{metric.name}_bucket{{%sle="{bound}"}} %d\n' for bound in bounds]
    return "".join(lines) + f"{metric.name}_sum%s %r\n{metric.name}_count%s %d\n"


def filling(labels: str, histogram: Histogram) -> tuple[object, ...]:
    """Return what fills a template. `labels` are of the form `name="value",…`, or empty."""
    within, behind = (f"{labels},", f"{{{labels}}}") if labels else ("", "")
    values: list[object] = []
    total = 0
    for count in histogram.counts:
        total += count
        values += (within, total)
    values += (behind, histogram.sum, behind, total)
    return tuple(values)
