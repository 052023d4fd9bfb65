"""This file is for when a job that reports by itself is late: pure functions of what was agreed and what is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from scenarios.cron import Cron
from scenarios.schedule_spec import ScheduleSpec

EARLY = timedelta(seconds=60)  # the job's clock may be so much ahead of ours: a report so early counts for what is due
RIDE_OUT = timedelta(seconds=30)  # what `curl --retry 5` bridges: 1 + 2 + 4 + 8 + 16 s

NEVER = datetime(9000, 1, 1, tzinfo=UTC)  # where a calendar has no date for the next 50 years


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed with a job."""

    schedule: ScheduleSpec
    grace: timedelta
    longest: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a job. `open_since` is the first start after which no end was reported, `started_at` the newest."""

    watched_since: datetime
    started_at: datetime | None = None
    start_id: str = ""
    open_since: datetime | None = None
    reported_at: datetime | None = None  # the newest success or failure
    report_id: str = ""
    succeeded_at: datetime | None = None
    failed: bool = False  # what the newest report said
    exit_code: int | None = None
    duration_s: float | None = None
    note: str = ""
    told_for: datetime | None = None  # the due time whose silence was told last

    @property
    def anchor(self) -> datetime:
        """Return from when silence counts."""
        return self.reported_at or self.watched_since


class Lack(StrEnum):
    """What is missing."""

    REPORT = "report"  # it was due and said nothing
    END = "end"  # it started and did not end


@dataclass(frozen=True, slots=True)
class Deadline:
    """When it will be late, if it stays silent: `at`, for what was due at `due`."""

    due: datetime
    at: datetime
    lack: Lack


@dataclass(frozen=True, slots=True)
class Deaf:
    """A time in which a report would have been lost; `why` is a clause for a person."""

    from_at: datetime
    until_at: datetime
    why: str


def deadline(terms: Terms, standing: Standing) -> Deadline:
    """Return when the silence is to be told next.

    While a run is open and may still take time (`longest`), only its end is waited for. What was told already is not
    told again: the next is the due time after it.
    """
    told = standing.told_for
    if standing.open_since is not None and terms.longest is not None:
        end = standing.open_since + terms.longest
        if told is None or told < end:
            return Deadline(end, end, Lack.END)
    due = _due_after(terms.schedule, standing, told)
    return Deadline(due, due + terms.grace, Lack.REPORT)


def late_by(terms: Terms, standing: Standing, at: datetime) -> timedelta | None:
    """Return how much after it was due a report comes that is received now, None if it is in time."""
    due = _due_after(terms.schedule, standing, None)
    if at <= due + terms.grace:
        return None
    began = standing.open_since
    if began is not None and terms.longest is not None and began <= due + terms.grace and at <= began + terms.longest:
        return None  # it began in time and may take so long
    return at - due


def doubt(terms: Terms, standing: Standing, missed: Deadline, deaf: Sequence[Deaf]) -> Deaf | None:
    """Return why silence proves nothing: a time in which the awaited report may have been lost, None if there was none.

    Around the time that it was due, what its own retries do not bridge is too long; before that, what exceeds the grace.
    """
    since = standing.open_since if missed.lack is Lack.END and standing.open_since else standing.anchor
    if standing.told_for is not None:
        since = max(since, standing.told_for)
    expected_from = since if missed.lack is Lack.END else max(since, missed.due - EARLY)
    bridged = min(RIDE_OUT, terms.grace)
    for gap in deaf:
        if _overlap(gap, expected_from, missed.at) > bridged or _overlap(gap, since, missed.at) > terms.grace:
            return gap
    return None


def shifted(standing: Standing, by: timedelta, *, every: bool) -> Standing:
    """Return what is known, told by a clock that was set by so much: time that has passed is not changed by that.

    What is due by the calendar stays where the calendar has it.
    """
    moved = replace(standing, started_at=_plus(standing.started_at, by), open_since=_plus(standing.open_since, by))
    if not every:
        return moved
    return replace(
        moved,
        watched_since=standing.watched_since + by,
        reported_at=_plus(standing.reported_at, by),
        succeeded_at=_plus(standing.succeeded_at, by),
        told_for=_plus(standing.told_for, by),
    )


def _due_after(schedule: ScheduleSpec, standing: Standing, told: datetime | None) -> datetime:
    if schedule.every is None:
        return _by_calendar(schedule, standing, told)
    every = timedelta(seconds=schedule.every)
    first = standing.anchor + every
    if told is None or told < first:
        return first
    return first + every * ((told - first) // every + 1)


def _by_calendar(schedule: ScheduleSpec, standing: Standing, told: datetime | None) -> datetime:
    since = standing.anchor if told is None else max(told, standing.anchor)
    ticks = _cron(schedule.cron or "", schedule.timezone).after(since)
    first = next(ticks, NEVER)
    if standing.reported_at != since:
        return first
    second = next(ticks, NEVER)
    early = min(EARLY, (second - first) / 2)
    return second if first - since <= early else first


@lru_cache(1024)
def _cron(expression: str, timezone: str) -> Cron:
    return Cron(expression, timezone)


def _overlap(gap: Deaf, since: datetime, until: datetime) -> timedelta:
    return min(gap.until_at, until) - max(gap.from_at, since)


def _plus(at: datetime | None, by: timedelta) -> datetime | None:
    return None if at is None else at + by
