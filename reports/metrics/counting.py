"""This file is for what is counted of one series for Prometheus."""

from __future__ import annotations

from datetime import datetime

from probes.outcome import Outcome, Subject, Verdict
from reports.line import Line
from reports.metrics.histogram import Histogram
from reports.metrics.labels import pairs
from reports.metrics.names import DURATION, INFO, SERIES_LABELS
from reports.store.watch.answers import BAD, GOOD
from reports.windows import ALL_GOOD

_OF_INFO = INFO.labels[len(SERIES_LABELS) :]


class Series:
    """What is counted of one series since the service started, and what of its lines stays the same for longer."""

    __slots__ = (
        "at", "at_text", "but_passes", "checks", "duration", "info", "labels", "line", "maintained", "ratios", "same_until",
        "shows_all", "shows_any", "subject", "verdicts",
    )  # fmt: skip

    def __init__(self, line: Line) -> None:
        self.line = line
        self.verdicts = [0] * len(Verdict)  # by rank
        self.maintained = 0
        self.checks: dict[str, int] | None = None
        self.duration: Histogram | None = None  # None: left out
        self.shows_any = self.shows_all = True  # by the limit on lines
        self.labels = self.info = ""
        self.subject: Subject | None = None  # that those are for
        self.but_passes = ""  # the counters of all verdicts but `pass`, empty when they are to be written anew
        self.at: datetime | None = None  # the instant that `at_text` says
        self.at_text = ""
        self.ratios: tuple[float | None, ...] = ()  # as they are until the minute `same_until`
        self.same_until = -1

    def name(self, labels: str) -> None:
        """Render what is the same in every line, unless it is rendered already."""
        subject = self.line.subject
        if self.labels == labels and self.subject is subject:
            return
        more = pairs(_OF_INFO, (subject.kind, subject.environment, subject.severity, subject.owner))
        self.labels, self.info = labels, f"{INFO.name}{{{labels},{more}}} 1\n"
        self.subject, self.but_passes = subject, ""

    def count(self, outcome: Outcome, *, in_maintenance: bool) -> tuple[str, ...]:
        """Count an outcome, and return the names of the checks that did not hold."""
        if in_maintenance:
            self.maintained += 1
            return ()
        verdict = outcome.verdict
        self.verdicts[verdict.rank] += 1
        if verdict is not Verdict.PASS:
            self.but_passes = ""
        if verdict not in GOOD:
            self.same_until = -1
            return tuple(made.name for made in outcome.checks if made.verdict in BAD) if verdict in BAD else ()
        if self.ratios is not ALL_GOOD:  # one more good answer makes those no better
            self.same_until = -1
        if self.duration is not None:
            self.duration.observe(DURATION, outcome.duration_s)
        return ()

    def ratios_at(self, minute: int) -> tuple[float | None, ...]:
        """Return the pass ratio of each window, found out anew only when it may have changed."""
        if minute > self.same_until:
            windows = self.line.windows
            self.ratios, self.same_until = windows.ratios(minute), windows.same_until(minute)
        return self.ratios
