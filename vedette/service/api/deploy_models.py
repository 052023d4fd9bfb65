"""This file is for what the API takes and answers about deployments and maintenance."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from probes.fields import Duration
from probes.outcome import Severity, Verdict
from reports.deployments import Deployment, DeploymentState
from scenarios.burn_in import MOST_PHASES, BurnInPhase
from scenarios.maintenance import LONGEST_S, Window
from vedette.service.api.models import Answer, NextLink

MOST_NAMES = 100


def _one_line(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("should be one line of text without spaces around it")
    return text


def _named_once(phases: tuple[BurnInPhase, ...]) -> tuple[BurnInPhase, ...]:
    if len({phase.name for phase in phases}) < len(phases):
        raise ValueError("every phase should have a name of its own")
    return phases


Line = Annotated[str, AfterValidator(_one_line), Field(pattern=r"^[^\x00-\x1f\x7f]*$")]
Words = Annotated[Line, Field(min_length=1, max_length=200)]
OptionalWords = Annotated[Line, Field(max_length=300)]
Names = Annotated[tuple[Words, ...], Field(max_length=MOST_NAMES)]


class DeploymentBody(BaseModel):
    """What is told of a deployment."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    target: Words = Field(description="where it was deployed to", examples=["production"])
    version: Annotated[Line, Field(min_length=1, max_length=100)] = Field(
        description="outcomes carry it from now on", examples=["1.4.2"]
    )
    suite: OptionalWords = Field("", description="only this suite is concerned; without it all that watch the target")
    note: Annotated[Line, Field(max_length=500)] = Field("", description="for people")
    phases: Annotated[tuple[BurnInPhase, ...], AfterValidator(_named_once)] | None = Field(
        None, min_length=1, max_length=MOST_PHASES, description="instead of the phases that the suite has"
    )


class PhaseStanding(Answer):
    """One phase of a burn-in, and what was judged at its end."""

    name: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    factor: float = Field(description="every interval is multiplied with it")
    least_s: float = Field(description="and never made shorter than this")
    pass_ratio: float = Field(description="of the ticks of each scenario that must be good")
    asked: int = Field(description="ticks of each scenario without which nothing is proven")
    never_fail: tuple[Severity, ...] = Field(description="one failing tick of these ends in a fail")
    judged_at: AwareDatetime | None = Field(description="null until it is over")
    verdict: Verdict | None = Field(description="pass, fail or inconclusive")
    sentence: str = Field(description="the worst scenario with its figures")
    figures: dict[str, Any] = Field(description="what the verdict stands on: counts in all and of each scenario, the worst first")


class RunStanding(Answer):
    """The run of the whole suite right after a deployment."""

    id: str = Field(description="`/api/v1/runs/{id}`")
    verdict: Verdict | None = Field(description="null until it has ended")
    sentence: str


class DeploymentAnswer(Answer):
    """One deployment and its burn-in."""

    id: str
    suite: str
    target: str
    location: str
    version: str
    deployed_at: AwareDatetime
    reported_by: str
    note: str
    state: DeploymentState
    ended_at: AwareDatetime | None = Field(description="null while phases are still to be judged")
    run: RunStanding | None = Field(description="null until it has begun")
    phases: tuple[PhaseStanding, ...]


class DeploymentDetail(DeploymentAnswer):
    now_at: AwareDatetime = Field(description="the service's own time, to know how long a phase will go on")


class DeploymentPage(Answer):
    items: tuple[DeploymentAnswer, ...] = Field(description="the newest first")
    next: NextLink


class DeploymentsAnswer(Answer):
    """The deployments that were noted: one for each suite that is concerned."""

    items: tuple[DeploymentDetail, ...]


class WindowBody(BaseModel):
    """A maintenance window that somebody wants to open."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lasts: Annotated[Duration, Field(ge=1, le=LONGEST_S)] = Field(description="such as 30m; at most 31d", examples=["30m"])
    why: Annotated[Line, Field(min_length=1, max_length=500)] = Field(
        description="for whoever sees it", examples=["we move house"]
    )
    starts_at: AwareDatetime | None = Field(None, description="within a year, never in the past; null: now")
    suite: OptionalWords = Field("", description="empty: every suite")
    targets: Names = Field((), description="none: every target")
    scenarios: Names = Field((), description="none: every scenario")
    tags: Names = Field((), description="scenarios with one of these; none: every scenario")


class WindowStanding(Answer):
    """One maintenance window, from `starts_at` to right before `ends_at`."""

    id: str
    name: str = Field(description="of the recurring window that it is one time of; empty for one that somebody opened")
    suite: str = Field(description="empty: every suite")
    targets: tuple[str, ...] = Field(description="none: every target")
    scenarios: tuple[str, ...] = Field(description="none: every scenario")
    tags: tuple[str, ...]
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    why: str
    started_by: str = Field(description="empty for a recurring one")
    ended_by: str = Field(description="who ended it before its time")


class WindowsAnswer(Answer):
    now_at: AwareDatetime
    active: tuple[WindowStanding, ...] = Field(description="the one that opened last first")
    upcoming: tuple[WindowStanding, ...] = Field(description="the next first")


class WindowPage(Answer):
    items: tuple[WindowStanding, ...] = Field(description="the one that began last first")
    next: NextLink


def told(deployment: Deployment) -> dict[str, Any]:
    """Return the fields of the answer that tells a deployment."""
    own = ("id", "suite", "target", "location", "version", "deployed_at", "reported_by", "note", "state", "ended_at")
    fields: dict[str, Any] = {name: getattr(deployment, name) for name in own}
    run = deployment.run
    fields["run"] = run and RunStanding(id=run.id, verdict=run.verdict, sentence=run.sentence)
    fields["phases"] = tuple(
        PhaseStanding(
            name=phase.name,
            starts_at=phase.starts_at,
            ends_at=phase.ends_at,
            factor=phase.plan.factor,
            least_s=phase.plan.least,
            pass_ratio=phase.plan.pass_ratio,
            asked=phase.plan.asked,
            never_fail=phase.plan.never_fail,
            judged_at=phase.judged_at,
            verdict=phase.verdict,
            sentence=phase.sentence,
            figures=dict(phase.figures),
        )
        for phase in deployment.phases
    )
    return fields


def window_told(window: Window) -> WindowStanding:
    """Return the answer that tells a window."""
    return WindowStanding.model_validate(window)
