"""This file is for what the store of continuous probing answers with; it costs nothing to import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from probes.outcome import Subject, Verdict
from reports.durations import quantile_s
from scenarios.watch.events import SeriesKey, Trigger

WINDOWS_S: Mapping[str, int] = {"5m": 300, "1h": 3600, "24h": 86_400, "30d": 30 * 86_400}  # of pass ratios
PHASES = ("dns", "connect", "tls", "first_byte", "body")
GOOD = (Verdict.PASS, Verdict.DEGRADED)
BAD = (Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE)


@dataclass(frozen=True, slots=True)
class Counts:
    """Ticks by verdict. Those in maintenance stand in `maintained` and nowhere else; `missed` were due and not answered."""

    passed: int = 0
    degraded: int = 0
    failed: int = 0
    errors: int = 0
    inconclusive: int = 0
    skipped: int = 0
    maintained: int = 0
    missed: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, name) + getattr(other, name) for name in Counts.__dataclass_fields__))

    @property
    def good(self) -> int:
        return self.passed + self.degraded

    @property
    def asked(self) -> int:
        """Ticks that count: good ones, and those that failed or proved nothing."""
        return self.good + self.failed + self.errors + self.inconclusive

    @property
    def pass_ratio(self) -> float | None:
        """Return good / asked, 0 to 1, None where nothing was asked: never a ratio without evidence."""
        return self.good / self.asked if self.asked else None


@dataclass(frozen=True, slots=True)
class SeriesState:
    """How one series stood after its newest tick; the fields from `verdict` on are None before the first."""

    id: int
    key: SeriesKey
    subject: Subject
    first_seen_at: datetime
    verdict: Verdict | None = None
    sentence: str = ""
    since_at: datetime | None = None  # good or bad without a break since then
    last_at: datetime | None = None  # when the newest tick began
    last_good_at: datetime | None = None
    duration_s: float | None = None
    in_row: int = 0
    outcome_id: str | None = None  # the newest outcome that was kept whole
    version: str = ""
    certificate_expires_at: datetime | None = None
    maintenance: str = ""  # the window that the newest tick fell into
    good: bool | None = None  # which kind of stretch `since_at` began; skipped ticks and those in maintenance leave it
    retired_at: datetime | None = None  # watched no longer since then


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot of a heat strip: the worst verdict in it (None: nothing was asked), and the counts."""

    at: datetime
    length_s: int
    counts: Counts
    worst: Verdict | None


@dataclass(frozen=True, slots=True)
class Bucket:
    """One stretch of a latency chart. Durations are of good ticks only, by bucket of `reports/durations.py`."""

    at: datetime
    length_s: int
    counts: Counts
    durations: Mapping[int, int] = field(default_factory=dict)
    mean_s: float | None = None
    phases_s: Mapping[str, float] = field(default_factory=dict)  # the mean of each phase, in the order of PHASES

    def quantile_s(self, q: float) -> float | None:
        return quantile_s(self.durations, q)


@dataclass(frozen=True, slots=True)
class TickSeen:
    """One stored tick. `outcome_id` leads to the whole outcome where it was kept."""

    at: datetime
    verdict: Verdict
    duration_s: float
    lateness_s: float
    trigger: Trigger
    in_maintenance: bool
    version: str
    sentence: str
    outcome_id: str | None


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which the service of a location did not run, so that nothing was watched."""

    location: str
    from_at: datetime
    until_at: datetime
    graceful: bool  # it was stopped; else it was killed or the machine went down
