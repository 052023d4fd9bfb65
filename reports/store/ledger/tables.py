"""This file is for the tables of what a service must remember beside outcomes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Float, ForeignKey, Index, Text, text
from sqlmodel import Field

from reports.store.tables import Instant, Table

_OPEN = text("ended_at IS NULL")


class DeploymentRow(Table, table=True):
    """One deployment of a version to a target, with the burn-in that follows it."""

    __tablename__ = "deployments"
    __table_args__ = (Index(None, "suite", "target", "deployed_at"),)

    id: str = Field(primary_key=True, sa_type=Text)
    suite: str = Field(sa_type=Text)
    target: str = Field(sa_type=Text)
    location: str = Field(sa_type=Text)  # of the service that watches over it
    version: str = Field(sa_type=Text)
    deployed_at: datetime = Field(sa_type=Instant)
    reported_by: str = Field(sa_type=Text)
    note: str = Field(default="", sa_type=Text)
    run_id: str | None = Field(default=None, sa_type=Text)  # the run of the whole suite at its start
    run_verdict: str | None = Field(default=None, sa_type=Text)  # null until that run has ended
    run_sentence: str = Field(default="", sa_type=Text)
    state: str = Field(sa_type=Text)  # DeploymentState
    ended_at: datetime | None = Field(default=None, sa_type=Instant)  # null while phases are still to be judged
    plan: list[dict[str, Any]] = Field(sa_type=JSON)  # the phases as configured when it began


class PhaseRow(Table, table=True):
    """One phase of a burn-in: when it is, and what was judged at its end."""

    __tablename__ = "deployment_phases"

    deployment_id: str = Field(sa_column=Column(Text, ForeignKey("deployments.id", ondelete="CASCADE"), primary_key=True))
    place: int = Field(primary_key=True)
    name: str = Field(sa_type=Text)
    starts_at: datetime = Field(sa_type=Instant)
    ends_at: datetime = Field(sa_type=Instant)
    judged_at: datetime | None = Field(default=None, sa_type=Instant)
    verdict: str | None = Field(default=None, sa_type=Text)
    sentence: str = Field(default="", sa_type=Text)
    figures: dict[str, Any] = Field(sa_type=JSON)


class MaintenanceRow(Table, table=True):
    """One maintenance window: one that somebody opened, or (with a `name`) one time that a recurring one was open.

    An empty `suite`, no `targets`, no `scenarios` and no `tags` stand for all.
    """

    __tablename__ = "maintenance"
    __table_args__ = (Index(None, "ends_at"),)

    id: str = Field(primary_key=True, sa_type=Text)
    suite: str = Field(sa_type=Text)
    name: str = Field(default="", sa_type=Text)
    targets: list[str] = Field(sa_type=JSON)
    scenarios: list[str] = Field(sa_type=JSON)
    tags: list[str] = Field(sa_type=JSON)
    starts_at: datetime = Field(sa_type=Instant)
    ends_at: datetime = Field(sa_type=Instant)
    why: str = Field(sa_type=Text)
    started_by: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)
    ended_by: str = Field(default="", sa_type=Text)  # who ended it before its time; `ends_at` then says when


class HeartbeatRow(Table, table=True):
    """How one heartbeat stands. Its series need not have a tick yet, so it is known by the series' slug."""

    __tablename__ = "heartbeats"

    slug: str = Field(primary_key=True, sa_type=Text)
    watched_since: datetime = Field(sa_type=Instant)  # silence counts from here before the first report
    started_at: datetime | None = Field(default=None, sa_type=Instant)
    start_id: str = Field(default="", sa_type=Text)
    open_since: datetime | None = Field(default=None, sa_type=Instant)  # the first start that no end was reported for
    reported_at: datetime | None = Field(default=None, sa_type=Instant)  # the newest success or failure
    report_id: str = Field(default="", sa_type=Text)  # as the job gave it, so that a report sent twice counts once
    succeeded_at: datetime | None = Field(default=None, sa_type=Instant)
    failed: bool = False  # what the newest report said
    exit_code: int | None = None
    duration_s: float | None = Field(default=None, sa_type=Float)
    note: str = Field(default="", sa_type=Text)
    told_for: datetime | None = Field(default=None, sa_type=Instant)  # the due time whose silence was told last


class TokenRow(Table, table=True):
    """One API token. Only a hash of it is kept."""

    __tablename__ = "tokens"

    id: str = Field(primary_key=True, sa_type=Text)  # public, stands in the token's first part
    name: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    hash: str = Field(sa_type=Text)
    scopes: list[str] = Field(sa_type=JSON)
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime | None = Field(default=None, sa_type=Instant)
    last_used_at: datetime | None = Field(default=None, sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)


class AuditRow(Table, table=True):
    """Who did what, when. Never changed."""

    __tablename__ = "audit"
    __table_args__ = (Index(None, "at"),)

    id: str = Field(primary_key=True, sa_type=Text)
    at: datetime = Field(sa_type=Instant)
    who: str = Field(sa_type=Text)
    action: str = Field(sa_type=Text)
    object: str = Field(sa_type=Text)
    details: dict[str, Any] = Field(sa_type=JSON)


class AnswerRow(Table, table=True):
    """The answer to a write that carried an idempotency key, so that asking again answers the same and does nothing."""

    __tablename__ = "idempotent_answers"

    who: str = Field(primary_key=True, sa_type=Text)
    key: str = Field(primary_key=True, sa_type=Text)
    request_hash: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=Instant)
    status: int | None = None  # null while the first is still being answered
    body: str = Field(default="", sa_type=Text)
    headers: dict[str, str] = Field(sa_type=JSON)


class GateRow(Table, table=True):
    """One gate of a rollout: where it stands after its newest line of evidence.

    `decision` is told as it stands; `state` is what the next line is folded into. Both change with a line, or not at all.
    """

    __tablename__ = "gates"
    __table_args__ = (
        # Two requests that come at once cannot open two gates for one service.
        Index("ix_gates_open_service", "service", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index(None, "opened_at"),
    )

    id: str = Field(primary_key=True, sa_type=Text)
    name: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    service: str = Field(sa_type=Text)
    policy: str = Field(sa_type=Text)
    policy_path: str = Field(sa_type=Text)
    location: str = Field(sa_type=Text)  # of the service that asks for it
    canary_version: str = Field(sa_type=Text)
    baseline_version: str = Field(sa_type=Text)
    weights: list[float] = Field(sa_type=JSON)  # of its stages
    every_s: float = Field(sa_type=Float)
    opened_at: datetime = Field(sa_type=Instant)
    opened_by: str = Field(sa_type=Text)
    phase: str = Field(sa_type=Text)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    fresh_until: datetime | None = Field(default=None, sa_type=Instant)  # when the newest round is too old to speak for now
    shown_upto: int = 0  # place of the first stage that is not shown
    seq: int = 0  # of its newest line
    decision: dict[str, Any] = Field(sa_type=JSON)
    state: dict[str, Any] = Field(sa_type=JSON)


class GateEvidenceRow(Table, table=True):
    """One line of a gate's evidence, with its hash; numbered from 1 without a hole."""

    __tablename__ = "gate_evidence"

    gate_id: str = Field(sa_column=Column(Text, ForeignKey("gates.id", ondelete="CASCADE"), primary_key=True))
    seq: int = Field(primary_key=True)
    line: str = Field(sa_type=Text)


class FlaggerRow(Table, table=True):
    """One rollout that Flagger makes: which gate judges it, and how far it was let."""

    __tablename__ = "flagger_rollouts"

    key: str = Field(primary_key=True, sa_type=Text)  # namespace.name@checksum
    gate: str = Field(sa_type=Text)
    attempt: int
    increases: int
    granted_weight: float | None = Field(default=None, sa_type=Float)
    told_weight: float | None = Field(default=None, sa_type=Float)
    closed: bool
    at: datetime = Field(sa_type=Instant)
