"""This file is for how a series stands, tick after tick: one rule for the store, the board and the pages."""

from __future__ import annotations

from datetime import datetime

from probes.outcome import Verdict
from reports.store.watch.answers import GOOD


class Standing:
    """How one series stands after its newest tick. It is changed in place, because it is kept up for every tick.

    `good` tells which kind of stretch `since_at` began, and `in_row` counts its ticks. Skipped ticks and those in
    maintenance show as the newest tick and change nothing of the stretch: they say nothing about the target.
    """

    __slots__ = (
        "duration_s",
        "good",
        "in_row",
        "last_at",
        "last_good_at",
        "maintenance",
        "sentence",
        "since_at",
        "verdict",
        "version",
    )

    def __init__(
        self,
        verdict: Verdict | None = None,
        sentence: str = "",
        since_at: datetime | None = None,
        last_at: datetime | None = None,
        last_good_at: datetime | None = None,
        duration_s: float | None = None,
        in_row: int = 0,
        good: bool | None = None,
        version: str = "",
        maintenance: str = "",
    ) -> None:
        self.verdict = verdict
        self.sentence = sentence
        self.since_at = since_at
        self.last_at = last_at
        self.last_good_at = last_good_at
        self.duration_s = duration_s
        self.in_row = in_row
        self.good = good
        self.version = version
        self.maintenance = maintenance

    def take(
        self, at: datetime, verdict: Verdict, sentence: str, duration_s: float, version: str = "", maintenance: str = ""
    ) -> bool:
        """Take in the next tick in the order of arrival: a clock that was set back must not freeze a series.

        Return whether the verdict or the stretch is another one than before.
        """
        changed = verdict is not self.verdict
        self.verdict, self.sentence, self.duration_s = verdict, sentence, duration_s
        self.last_at, self.version, self.maintenance = at, version, maintenance
        if maintenance or verdict is Verdict.SKIPPED:
            return changed
        good = verdict in GOOD
        if good is not self.good:
            self.good, self.since_at, self.in_row = good, at, 0
            changed = True
        self.in_row += 1
        if good:
            self.last_good_at = at
        return changed
