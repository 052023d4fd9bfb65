"""This file is for one line of the status page: how a series stands, frozen, so that half an update is never shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from probes.outcome import Subject, Verdict
from reports.line import Line, Mark
from reports.store.watch.answers import Counts
from scenarios.watch.events import SeriesKey

BROKEN = frozenset({Mark.FAIL, Mark.ERROR, Mark.INCONCLUSIVE})


@dataclass(frozen=True, slots=True)
class Seen:
    """A line of the board at one moment. `tone` is its mark: one word for sign, colour and speech."""

    key: SeriesKey
    slug: str
    subject: Subject
    verdict: Verdict | None
    tone: str
    sentence: str
    since_at: datetime | None
    last_at: datetime | None
    last_good_at: datetime | None
    duration_s: float | None
    in_row: int
    outcome_id: str | None
    version: str
    certificate_expires_at: datetime | None
    maintenance: str
    next_due: datetime | None
    ratios: Mapping[str, float | None]
    counts: Mapping[str, Counts]

    @property
    def stale(self) -> bool:
        return self.tone == Mark.STALE

    @property
    def standing_since(self) -> datetime | None:
        """Return since when it stands as it does: a stale one since it was asked last."""
        return self.last_at if self.stale else self.since_at


def seen(line: Line, windows: Iterable[str] = ()) -> Seen:
    """Return a line as it stands. To be called on the loop's thread, so that no tick comes between two fields."""
    return Seen(
        key=line.key, slug=line.slug, subject=line.subject, verdict=line.verdict, tone=str(line.mark),
        sentence=line.trouble, since_at=line.since_at, last_at=line.last_at, last_good_at=line.last_good_at,
        duration_s=line.duration_s, in_row=line.in_row, outcome_id=line.outcome_id, version=line.version,
        certificate_expires_at=line.certificate_expires_at, maintenance=line.maintenance, next_due=line.next_due,
        ratios=dict(line.ratios()), counts={name: line.counts(name) for name in windows},
    )  # fmt: skip
