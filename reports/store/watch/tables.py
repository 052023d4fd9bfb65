"""This file is for the tables of continuous probing. They are narrow: a year of ticks must stay readable in milliseconds."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Float, ForeignKey, Index, Integer, SmallInteger, Text, UniqueConstraint, text
from sqlmodel import Field

from reports.store.tables import Instant, Table

_NOT_GOOD = text("verdict < 3")


def _series_key() -> Any:
    return Column(Integer, ForeignKey("series.id", ondelete="CASCADE"), primary_key=True, autoincrement=False)


class SeriesRow(Table, table=True):
    """One timeline: a scenario of a suite at a target from a location, and how it stood last."""

    __tablename__ = "series"
    __table_args__ = (UniqueConstraint("suite", "scenario", "target", "location"),)

    id: int | None = Field(default=None, primary_key=True)
    suite: str = Field(sa_type=Text)
    scenario: str = Field(sa_type=Text)
    target: str = Field(sa_type=Text)
    location: str = Field(sa_type=Text)
    subject: dict[str, Any] = Field(sa_type=JSON)
    first_seen_at: datetime = Field(sa_type=Instant)
    retired_at: datetime | None = Field(default=None, sa_type=Instant)
    # How it stood after the newest tick; null before the first.
    verdict: str | None = Field(default=None, sa_type=Text)
    sentence: str = Field(default="", sa_type=Text)
    since_at: datetime | None = Field(default=None, sa_type=Instant)  # good or bad without a break since then
    last_at: datetime | None = Field(default=None, sa_type=Instant)
    last_good_at: datetime | None = Field(default=None, sa_type=Instant)
    duration_s: float | None = Field(default=None, sa_type=Float)
    in_row: int = 0  # ticks since `since_at`, those that count
    good: bool | None = None  # which kind of stretch `since_at` began
    outcome_id: str | None = Field(default=None, sa_type=Text)  # the newest outcome that is kept whole
    version: str = Field(default="", sa_type=Text)
    certificate_expires_at: datetime | None = Field(default=None, sa_type=Instant)
    maintenance: str = Field(default="", sa_type=Text)  # the window that the newest tick fell into


class TickRow(Table, table=True):
    """One answered tick. Times are microseconds since 1970, durations microseconds; phases are null where there was none."""

    __tablename__ = "ticks"
    __table_args__ = (
        Index("ix_ticks_not_good", "series_id", "started_us", sqlite_where=_NOT_GOOD, postgresql_where=_NOT_GOOD),
        {"sqlite_with_rowid": False},
    )

    series_id: int = Field(sa_column=_series_key())
    started_us: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    verdict: int = Field(sa_type=SmallInteger)  # Verdict.rank: 0 fail … 5 skipped
    flags: int = Field(sa_type=SmallInteger)  # Flag of reports/store/watch/lines.py
    lateness_us: int = Field(sa_type=BigInteger)
    duration_us: int = Field(sa_type=BigInteger)
    dns_us: int | None = Field(default=None, sa_type=Integer)
    connect_us: int | None = Field(default=None, sa_type=Integer)
    tls_us: int | None = Field(default=None, sa_type=Integer)
    first_byte_us: int | None = Field(default=None, sa_type=Integer)
    body_us: int | None = Field(default=None, sa_type=Integer)
    version: str | None = Field(default=None, sa_type=Text)
    sentence: str | None = Field(default=None, sa_type=Text)  # null for a pass
    outcome_id: str | None = Field(default=None, sa_type=Text)  # of the whole outcome, where it is kept


class RollupRow(Table, table=True):
    """What the ticks of one series in one stretch of time add up to, kept up as they arrive.

    `at` is the stretch's start in seconds since 1970, a multiple of `span_s` (300 or 3600). Ticks in maintenance stand
    in `maintained` and nowhere else. `durations` are counts by bucket of `reports/durations.py`, good ticks only.
    """

    __tablename__ = "rollups"
    __table_args__ = ({"sqlite_with_rowid": False},)

    series_id: int = Field(sa_column=_series_key())
    span_s: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    at: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    passed: int = 0
    degraded: int = 0
    failed: int = 0
    errors: int = 0
    inconclusive: int = 0
    skipped: int = 0
    maintained: int = 0
    missed: int = 0
    duration_us: int = Field(default=0, sa_type=BigInteger)  # the sum over good ticks
    durations: str = Field(default="", sa_type=Text)  # `bucket:count,…`
    phases: str = Field(default="", sa_type=Text)  # sums in µs over good ticks: `dns,connect,tls,first_byte,body`


class ServiceRow(Table, table=True):
    """One life of a service. `alive_at` moves on every few seconds; what lies between two lives was not watched."""

    __tablename__ = "services"

    id: str = Field(primary_key=True, sa_type=Text)
    location: str = Field(sa_type=Text)
    version: str = Field(sa_type=Text)
    started_at: datetime = Field(sa_type=Instant)
    alive_at: datetime = Field(sa_type=Instant)
    stopped_at: datetime | None = Field(default=None, sa_type=Instant)


class WriterRow(Table, table=True):
    """How far the lines of one sink's life are in the database, so that telling them again counts nothing twice."""

    __tablename__ = "tick_writers"

    id: str = Field(primary_key=True, sa_type=Text)
    applied: int = Field(sa_type=BigInteger)  # the `seq` of its newest line that is in
    generation: int = 0  # goes up when somebody else changed series or rollups: then nothing remembered is right
    at: datetime = Field(sa_type=Instant)
