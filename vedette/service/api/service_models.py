"""This file is for what the API answers about the service itself: how it stands, what it watches, who did what."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, Field

from probes.outcome import Severity
from vedette.service.api.models import Answer, NextLink, ScheduleAnswer, SeriesBrief


class MarksAnswer(Answer):
    """Series by how they count; together they are all that are watched."""

    passed: int
    degraded: int
    failed: int
    errors: int
    inconclusive: int
    stale: int = Field(description="were to be asked and were not")
    skipped: int
    unasked: int = Field(description="not asked yet")
    maintenance: int = Field(description="in a maintenance window, and not failing before it")


class ReloadAnswer(Answer):
    """What came of a reload."""

    at: AwareDatetime
    ok: bool = Field(description="false: it was refused, and the configuration before it keeps probing")
    asked_by: str = Field(description="file, signal, api or page")
    changes: tuple[str, ...] = Field(description="one sentence each")
    error: str = Field(description="every mistake, as `vedette validate` says it; empty where it was taken")


class StoreAnswer(Answer):
    """How the store keeps up. What cannot be stored waits on the disk, and arrives later."""

    healthy: bool
    queued: int = Field(description="ticks that wait in memory")
    spooled: int = Field(description="ticks that wait on the disk")
    spooled_bytes: int
    written: int = Field(description="since the start")
    write_errors: int
    lost: int = Field(description="ticks for which there was no room any more")
    last_error: str


class SchedulingAnswer(Answer):
    """How the scheduling keeps up."""

    running: int
    waiting: int = Field(description="due, and waiting for a turn")
    answered: int = Field(description="ticks since the start")
    missed: dict[str, int] = Field(description="ticks that were due and not answered, by reason")
    loop_lag_s: float = Field(description="how late the service comes to its own work")
    clock_jumps: int = Field(description="how often the system's clock was set")


class StatusAnswer(Answer):
    """The headline: what is broken, and how the service itself stands."""

    version: str
    location: str
    environment: str
    now_at: AwareDatetime
    started_at: AwareDatetime
    uptime_s: float
    stopping: bool
    series: int = Field(description="how many are watched")
    counts: MarksAnswer
    problems_total: int
    problems: tuple[SeriesBrief, ...] = Field(description="the worst first, at most 50")
    reload: ReloadAnswer | None = Field(description="the last one; null before the first")
    store: StoreAnswer
    scheduling: SchedulingAnswer


class GapAnswer(Answer):
    """A time in which the service did not run, so that nothing was watched."""

    location: str
    from_at: AwareDatetime
    until_at: AwareDatetime
    length_s: float
    graceful: bool = Field(description="it was stopped; else it was killed, or the machine went down")


class GapsAnswer(Answer):
    items: tuple[GapAnswer, ...]


class PhaseAnswer(Answer):
    """One phase of a burn-in as configured."""

    name: str
    lasts_s: float
    factor: float = Field(description="every interval is multiplied with it")
    least_s: float = Field(description="and never made shorter than this")
    pass_ratio: float = Field(description="of the ticks of each scenario that must be good")
    asked: int = Field(description="ticks of each scenario without which nothing is proven")
    never_fail: tuple[Severity, ...]


class WindowAnswer(Answer):
    """One recurring maintenance window as configured."""

    name: str
    cron: str
    timezone: str
    lasts_s: float
    why: str
    targets: tuple[str, ...]
    scenarios: tuple[str, ...]
    tags: tuple[str, ...]


class TargetAnswer(Answer):
    """One target as configured, without anything that it is reached with."""

    name: str
    base_url: str
    environment: str
    description: str
    grants: tuple[str, ...]
    authenticated: bool = Field(description="whether credentials are sent to it")
    verifies_tls: bool
    concurrency: int
    evidence: tuple[str, ...] = Field(description="names of its evidence sources")
    faults: tuple[str, ...] = Field(description="names of what can be broken on purpose")


class SuiteBrief(Answer):
    """One suite that is watched."""

    name: str
    description: str
    scenarios: int
    targets: tuple[str, ...]


class SuitesAnswer(Answer):
    items: tuple[SuiteBrief, ...]


class SuiteAnswer(Answer):
    """One suite as configured; its scenarios stand in `/api/v1/config/scenarios`."""

    name: str
    description: str
    scenarios: int
    targets: tuple[TargetAnswer, ...]
    burn_in: tuple[PhaseAnswer, ...]
    maintenance: tuple[WindowAnswer, ...]


class SettingsAnswer(Answer):
    """What this service was started with."""

    location: str
    environment: str
    targets: tuple[str, ...] = Field(description="only these are watched; none: all")
    max_running: int
    stop_within_s: float
    keep_ticks_d: float
    keep_outcomes_d: float
    max_series: int = Field(description="lines of /metrics that scenarios may make")
    public_tags: tuple[str, ...]
    open_routes: tuple[str, ...]
    log_level: str


class ConfigAnswer(Answer):
    """What is watched, as configured now. Never a secret."""

    settings: SettingsAnswer
    suites: tuple[SuiteAnswer, ...]


class ScenarioAnswer(Answer):
    """One scenario as configured, without the options of its probe."""

    suite: str
    name: str
    kind: str
    why: str
    tags: tuple[str, ...]
    severity: Severity
    owner: str
    runbook: str
    schedule: ScheduleAnswer
    timeout_s: float
    retries: int
    needs: tuple[str, ...]
    targets: tuple[str, ...] = Field(description="none: all targets of the suite")
    formerly: tuple[str, ...]
    sign_off: tuple[str, ...]


class ScenarioPage(Answer):
    items: tuple[ScenarioAnswer, ...]
    next: NextLink


class AuditEntry(Answer):
    """One thing that somebody did."""

    id: str
    at: AwareDatetime
    who: str
    action: str
    object: str
    details: dict[str, Any]


class AuditPage(Answer):
    items: tuple[AuditEntry, ...] = Field(description="the newest first")
    next: NextLink


class HealthCheck(Answer):
    """One thing that readiness stands on."""

    status: Literal["up", "down"]
    say: str = Field(description="why it is down; empty where it is up")


class HealthAnswer(Answer):
    """How the service is. `checks` is empty for liveness, which depends on nothing."""

    status: Literal["ok", "ready", "not_ready", "started", "starting"]
    timestamp: AwareDatetime
    version: str
    checks: dict[str, HealthCheck]
