"""This file is for what the API answers about series and their ticks. `_s` are seconds, `_ratio` 0 to 1, `_at` UTC."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from probes.outcome import Severity, Verdict
from reports.line import Mark
from scenarios.watch.events import Trigger

NextLink = Annotated[str | None, Field(description="address of the next page; null at the end of the list")]
Ratio = Annotated[float, Field(ge=0, le=1)]


class Answer(BaseModel):
    """What all answers share: they are read from our own objects and never changed."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class CountsAnswer(Answer):
    """Ticks by verdict. Those in maintenance stand in `maintained` and nowhere else."""

    passed: int = Field(description="proven")
    degraded: int = Field(description="proven, but slow or only on a retry")
    failed: int = Field(description="the target broke its contract")
    errors: int = Field(description="our side could not ask")
    inconclusive: int = Field(description="nothing was proven")
    skipped: int = Field(description="not asked, with a reason")
    maintained: int = Field(description="asked in a maintenance window; count for nothing")
    missed: int = Field(description="were due and not answered")
    pass_ratio: Ratio | None = Field(description="(passed + degraded) / all that count; null where nothing was asked")


class ScheduleAnswer(Answer):
    """When a series is due: every so often, or by a cron expression in a time zone."""

    every_s: float | None = Field(description="so often; null where `cron` says it")
    cron: str | None = Field(description="five fields; null where `every_s` says it")
    timezone: str = Field(description="of `cron`, an IANA name")


class SeriesBrief(Answer):
    """One series: a scenario of a suite at a target, seen from a location, as it stood after its newest tick."""

    slug: str = Field(description="its short name in addresses; the same for ever", examples=["3f9a0c1b2d4e5f60"])
    suite: str
    scenario: str
    target: str
    location: str
    kind: str = Field(description="the kind of probe")
    environment: str = Field(description="what the target is for its users")
    severity: Severity = Field(description="P0 pages a person at once, P3 is a ticket")
    tags: tuple[str, ...]
    owner: str = Field(description="who is told when it fails")
    runbook: str = Field(description="where it says what to do then")
    verdict: Verdict | None = Field(description="of the newest tick; null before the first")
    sentence: str = Field(description="who was hurt, by what, where to look; or by what the pass is proven")
    since_at: AwareDatetime | None = Field(description="good or bad without a break since then")
    last_at: AwareDatetime | None = Field(description="when the newest tick began")
    last_good_at: AwareDatetime | None
    duration_s: float | None = Field(description="of the newest tick")
    in_row: int = Field(description="ticks since `since_at`")
    version: str = Field(description="of the target, as the last deployment said; empty where none did")
    maintenance: str = Field(description="id of the maintenance window of the newest tick; empty outside one")
    mark: Mark = Field(description="how it counts in the headline: `stale` was to be asked and was not")
    is_problem: bool = Field(description="whether it stands among the open problems")
    trouble: str = Field(description="what is wrong, for a person; empty where it is no problem")
    pass_ratio: dict[str, Ratio | None] = Field(
        description="over the last 5m, 1h, 24h and 30d; null where nothing was asked", examples=[{"5m": 1.0, "30d": 0.9991}]
    )
    next_due_at: AwareDatetime | None
    outcome_id: str | None = Field(description="of the newest outcome that was kept whole: `/api/v1/outcomes/{outcome_id}`")
    certificate_expires_at: AwareDatetime | None


class SeriesDetail(SeriesBrief):
    """One series with all that is known of it."""

    why: str = Field(description="what would happen to whom if the scenario were not true")
    sign_off: tuple[str, ...] = Field(description="lines of the sign-off page that it proves")
    first_seen_at: AwareDatetime
    schedule: ScheduleAnswer | None = Field(description="null where it is watched no longer")
    timeout_s: float | None = Field(description="of one attempt")
    counts: dict[str, CountsAnswer] = Field(description="over the last 5m, 1h, 24h and 30d")


class SeriesPage(Answer):
    items: tuple[SeriesBrief, ...]
    next: NextLink


class TickAnswer(Answer):
    """One answered tick."""

    at: AwareDatetime = Field(description="when it began")
    verdict: Verdict
    sentence: str = Field(description="empty for a pass")
    duration_s: float
    lateness_s: float = Field(description="from when it was due to when it began")
    trigger: Trigger = Field(description="why it was asked at that moment")
    in_maintenance: bool
    version: str
    outcome_id: str | None = Field(description="where the whole outcome was kept: `/api/v1/outcomes/{outcome_id}`")


class TickPage(Answer):
    items: tuple[TickAnswer, ...]
    next: NextLink


class BucketAnswer(Answer):
    """One stretch of a latency chart. Durations are of good ticks only."""

    at: AwareDatetime
    length_s: int
    counts: CountsAnswer
    p50_s: float | None
    p95_s: float | None
    p99_s: float | None
    mean_s: float | None
    mean_phases_s: dict[str, float] = Field(description="the mean of dns, connect, tls, first_byte and body")


class ChartAnswer(Answer):
    slug: str
    from_at: AwareDatetime
    until_at: AwareDatetime
    bucket_s: int
    buckets: tuple[BucketAnswer, ...]


class SlotAnswer(Answer):
    """One slot of a heat strip."""

    at: AwareDatetime
    length_s: int
    worst: Verdict | None = Field(description="the worst verdict in it; null where nothing was asked")
    counts: CountsAnswer


class StripAnswer(Answer):
    slug: str
    slots: tuple[SlotAnswer, ...] = Field(description="the oldest first")
