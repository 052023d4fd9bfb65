"""This file is for the limit on lines: what scenarios may show on the page of metrics, and what is left out beyond it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from probes.outcome import Verdict
from reports.metrics.counting import Series
from reports.metrics.histogram import Histogram
from reports.metrics.names import DURATION
from reports.store.watch.answers import WINDOWS_S
from scenarios.watch.events import SeriesKey

CHECKS = 10  # names of checks of one series; those beyond are counted together
OTHER = "other"
CORE_LINES = len(Verdict)  # the counters of verdicts, which go last
REST_LINES = len(WINDOWS_S) + 8  # the other lines, at most
HISTOGRAM_LINES = len(DURATION.buckets) + 3


class What(StrEnum):
    """What may be left out, in the order in which it goes."""

    HISTOGRAMS = "histograms"
    CHECKS = "checks"
    GAUGES = "gauges"
    VERDICTS = "verdicts"


class Limit:
    """Says what each series may show, so that all of them together make no more than `most` lines.

    The most severe scenarios come first, then those that stand first in the suites.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._free = most
        self._left_out = dict.fromkeys(What, 0)
        self._with_histogram: list[Series] = []
        self._without_checks: set[SeriesKey] = set()

    @property
    def left_out(self) -> Mapping[What, int]:
        """Return how many lines are left out now; of check names that came too late one for each series."""
        return {**self._left_out, What.CHECKS: self._left_out[What.CHECKS] + len(self._without_checks)}

    def share(self, series: Iterable[Series]) -> None:
        """Share the lines out anew. What is counted already is kept where it may still be shown."""
        ranked = sorted(series, key=lambda one: one.line.subject.severity)
        self._free, self._left_out = self.most, dict.fromkeys(What, 0)
        self._with_histogram, self._without_checks = [], set()
        for one in ranked:
            one.shows_any = self._take(CORE_LINES, What.VERDICTS)
        for one in ranked:
            one.shows_all = self._take(REST_LINES, What.GAUGES, may=one.shows_any)
        for one in ranked:
            known = one.checks or {}
            one.checks = {name: count for name, count in known.items() if self._take(1, What.CHECKS, may=one.shows_all)} or None
        for one in ranked:
            self._admit_histogram(one)

    def admit(self, one: Series) -> None:
        """Let a series show what there is room for, until lines are shared out anew."""
        one.shows_any = self._take(CORE_LINES, What.VERDICTS)
        one.shows_all = self._take(REST_LINES, What.GAUGES, may=one.shows_any)
        self._admit_histogram(one)

    def count_check(self, one: Series, name: str) -> None:
        """Count a check that did not hold; a name that is new needs a line, for which a histogram may have to go."""
        known = one.checks
        if known is None:
            known = {}
        if name not in known:
            if len(known) >= CHECKS:
                name = OTHER
            if name not in known and not (one.shows_all and self._one_line()):
                self._without_checks.add(one.line.key)
                return
        known[name] = known.get(name, 0) + 1
        one.checks = known

    def _admit_histogram(self, one: Series) -> None:
        if self._take(HISTOGRAM_LINES, What.HISTOGRAMS, may=one.shows_all):
            one.duration = one.duration or Histogram(DURATION)
            self._with_histogram.append(one)
        else:
            one.duration = None

    def _take(self, lines: int, what: What, *, may: bool = True) -> bool:
        if not may or lines > self._free:
            self._left_out[what] += lines
            return False
        self._free -= lines
        return True

    def _one_line(self) -> bool:
        if self._free < 1 and self._with_histogram:
            self._with_histogram.pop().duration = None
            self._free += HISTOGRAM_LINES
            self._left_out[What.HISTOGRAMS] += HISTOGRAM_LINES
        if self._free < 1:
            return False
        self._free -= 1
        return True
