"""This file is for what the API answers about outcomes and runs. Everything in an outcome was redacted before it was kept."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, Field

from probes.outcome import Severity, Verdict
from scenarios.events import Ended
from scenarios.watch.events import Trigger
from vedette.service.api.models import Answer, NextLink


class SubjectAnswer(Answer):
    """What an outcome is about."""

    suite: str
    scenario: str
    kind: str
    target: str
    environment: str
    severity: Severity
    tags: tuple[str, ...]
    owner: str
    runbook: str
    why: str
    sign_off: tuple[str, ...]


class EvidenceAnswer(Answer):
    """One thing that was seen."""

    kind: str
    summary: str
    data: dict[str, Any]


class CheckAnswer(Answer):
    """One expectation and what was seen."""

    name: str
    verdict: Verdict
    expected: str
    observed: str
    say: str = Field(description="the sentence for a person, set where it did not pass")
    evidence: tuple[EvidenceAnswer, ...]
    control: bool = Field(description="whether it shows that the probe would have noticed the opposite")
    danger: str = Field(description="what its failing tells of beside, such as cross_tenant_leak; else empty")


class PhasesAnswer(Answer):
    """Seconds in each phase; null where the phase did not happen."""

    dns_s: float | None
    connect_s: float | None
    tls_s: float | None
    first_byte_s: float | None
    body_s: float | None


class ExchangeAnswer(Answer):
    """One request as it happened."""

    method: str
    url: str
    correlation_id: str
    offset_s: float = Field(description="from the outcome's start")
    duration_s: float
    phases: PhasesAnswer
    status: int | None
    body_bytes: int
    trouble: str
    address: str = Field(description="that was connected to")
    http_version: str
    content_length: int | None = Field(description="what the answer's header promised")


class MeasurementAnswer(Answer):
    """One number that a probe measured."""

    name: str
    value: float
    unit: str


class OutcomeAnswer(Answer):
    """What one scenario said of one target, once, with its evidence."""

    id: str
    run_id: str
    subject: SubjectAnswer
    verdict: Verdict
    sentence: str
    started_at: AwareDatetime
    duration_s: float
    checks: tuple[CheckAnswer, ...]
    exchanges: tuple[ExchangeAnswer, ...]
    exchanges_left_out: int
    measurements: tuple[MeasurementAnswer, ...]
    attempts: int
    undo_failures: tuple[str, ...]


class AskedAnswer(Answer):
    """What came of asking out of turn."""

    slug: str
    trigger: Trigger
    lateness_s: float = Field(description="how long it waited for its turn")
    maintenance: str
    version: str
    outcome: OutcomeAnswer


class OutcomeBrief(Answer):
    """One outcome of a run without its evidence."""

    id: str
    scenario: str
    severity: Severity
    verdict: Verdict
    sentence: str
    started_at: AwareDatetime
    duration_s: float


class RunBrief(Answer):
    """One run. `ended`, `finished_at` and `wall_s` are null while it goes on, or where it never came to its end."""

    id: str
    kind: str = Field(description="smoke: on demand; deploy: after a deployment; watch: a stretch of continuous probing")
    suite: str
    target: str
    environment: str
    base_url: str
    started_at: AwareDatetime
    finished_at: AwareDatetime | None
    ended: Ended | None
    wall_s: float | None
    counts: dict[Verdict, int] = Field(description="outcomes that were kept whole, by verdict")
    vedette_version: str
    selection: str = Field(description="how the scenarios were chosen; empty for all")
    remarks: tuple[str, ...]


class RunPage(Answer):
    items: tuple[RunBrief, ...]
    next: NextLink


class RunDetail(RunBrief):
    outcomes: tuple[OutcomeBrief, ...] = Field(description="in the order of the suite, as many as `limit` says")
    next: NextLink
