"""This file is for the tables of the store. Rows stay inside `reports/store/`; a change here needs a migration."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, Column, DateTime, Dialect, Float, ForeignKey, Index, MetaData, Text
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel


class Instant(TypeDecorator[datetime]):
    """An instant in UTC. A time without a zone is refused, because nobody knows when it was."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone cannot be stored: {value.isoformat()}")
        in_utc = value.astimezone(UTC)
        # SQLite keeps no zone: UTC goes in without one, so that texts compare as instants do.
        return in_utc.replace(tzinfo=None) if dialect.name == "sqlite" else in_utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Table(SQLModel):
    """The base of all tables: every constraint has a name, so that a migration can speak of it."""

    metadata: ClassVar[MetaData] = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def _parent(column: str) -> Any:
    """Return the arguments of a column that is part of the key and dies with the row it points to."""
    return Column(Text, ForeignKey(column, ondelete="CASCADE"), primary_key=True)


class RunRow(Table, table=True):
    """One run. `ended`, `finished_at` and the figures are null until the run said that it is over."""

    __tablename__ = "runs"
    __table_args__ = (Index(None, "started_at"),)

    id: str = Field(primary_key=True, sa_type=Text)
    kind: str = Field(default="smoke", sa_column=Column(Text, nullable=False, server_default="smoke"))
    suite: str = Field(sa_type=Text)
    suite_path: str = Field(sa_type=Text)
    target: str = Field(sa_type=Text)
    environment: str = Field(sa_type=Text)
    base_url: str = Field(sa_type=Text)
    started_at: datetime = Field(sa_type=Instant)
    vedette_version: str = Field(sa_type=Text)
    selection: str = Field(sa_type=Text)
    remarks: list[str] = Field(sa_type=JSON)
    planned: list[dict[str, Any]] = Field(sa_type=JSON)
    verdict: str | None = Field(default=None, sa_type=Text)
    ended: str | None = Field(default=None, sa_type=Text)
    finished_at: datetime | None = Field(default=None, sa_type=Instant)
    wall_s: float | None = Field(default=None, sa_type=Float)
    critical_path_s: float | None = Field(default=None, sa_type=Float)
    signal: int = 0
    trouble: list[str] = Field(sa_type=JSON)


class OutcomeRow(Table, table=True):
    """One outcome. `subject` is all that it is about; what queries ask for stands in columns as well, copied from it."""

    __tablename__ = "outcomes"
    __table_args__ = (Index(None, "scenario", "target", "started_at", "verdict"), Index(None, "run_id", "place"))

    id: str = Field(primary_key=True, sa_type=Text)
    run_id: str = Field(sa_column=Column(Text, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False))
    place: int  # in the run's order
    suite: str = Field(sa_type=Text)
    scenario: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    target: str = Field(sa_type=Text)
    environment: str = Field(sa_type=Text)
    severity: str = Field(sa_type=Text)
    owner: str = Field(sa_type=Text)
    subject: dict[str, Any] = Field(sa_type=JSON)
    verdict: str = Field(sa_type=Text)
    sentence: str = Field(sa_type=Text)
    started_at: datetime = Field(sa_type=Instant)
    duration_s: float = Field(sa_type=Float)
    attempts: int
    exchanges: list[dict[str, Any]] = Field(sa_type=JSON)
    exchanges_left_out: int
    undo_failures: list[str] = Field(sa_type=JSON)


class CheckRow(Table, table=True):
    """One check of an outcome, with its evidence."""

    __tablename__ = "checks"

    outcome_id: str = Field(sa_column=_parent("outcomes.id"))
    place: int = Field(primary_key=True)
    name: str = Field(sa_type=Text)
    verdict: str = Field(sa_type=Text)
    control: bool
    expected: str = Field(sa_type=Text)
    observed: str = Field(sa_type=Text)
    say: str = Field(sa_type=Text)
    evidence: list[dict[str, Any]] = Field(sa_type=JSON)
    danger: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})


class MeasurementRow(Table, table=True):
    """One number that a probe measured; null where it was not a number."""

    __tablename__ = "measurements"

    outcome_id: str = Field(sa_column=_parent("outcomes.id"))
    place: int = Field(primary_key=True)
    name: str = Field(sa_type=Text)
    value: float | None = Field(sa_type=Float)
    unit: str = Field(sa_type=Text)
