"""This file is for what the API takes and answers about gates of rollouts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from reports.gates import Gate
from reports.judgement.gate_decision import Phase, Verb
from vedette.service.api.deploy_models import Line
from vedette.service.api.models import Answer, NextLink

NAME = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,199}$"
GateName = Annotated[str, Field(pattern=NAME, description="letters, digits and . _ @ -, at most 200", examples=["shop@7f6d9c"])]
NameInPath = Annotated[str, Path(pattern=NAME, description="name of the gate")]
Weight = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Version = Annotated[Line, Field(max_length=200)]
Reason = Annotated[Line, Field(min_length=1, max_length=500, description="for whoever reads the audit trail")]


class Taken(BaseModel):
    """What all bodies share."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class GateBody(Taken):
    """A rollout that is to be judged."""

    policy: Annotated[Line, Field(min_length=1, max_length=100)] = Field(
        description="name of a policy that the service was given with `--gate`", examples=["shop"]
    )
    name: GateName
    canary_version: Version = Field("", description="that the canary's answers must say; empty: as the policy has it")
    baseline_version: Version = Field("", description="that the baseline's answers must say; empty: as the policy has it")
    stage: Weight | None = Field(None, description="weight of the first stage, which begins at once; null: it begins later")


class StageBody(Taken):
    """The rollout is at a stage."""

    weight: Weight = Field(description="percent of the traffic that the canary is given now", examples=[25])


class ReasonBody(Taken):
    """Why somebody decides by themselves."""

    reason: Reason


class OverrideBody(ReasonBody):
    """What somebody decides in place of the gate."""

    action: Literal["promote", "rollback"] = Field(description="promote: the stage that the gate is at; rollback: for good")


class StageStanding(Answer):
    """The stage that a decision is about."""

    index: int = Field(description="its place, from 0")
    weight: float = Field(description="percent of the traffic")
    since: str | None = Field(description="instant; null where it has not begun")


class DecisionAnswer(Answer):
    """What a gate decides now. Below 2 kB; numbers are finite or null."""

    model_config = ConfigDict(frozen=True, from_attributes=True, extra="allow")

    schema_version: Literal[1]
    session: str = Field(description="name of the gate")
    decision: Verb = Field(description="about the stage: hold, promote, rollback (for good) or inconclusive")
    final: bool = Field(description="true: it stays as it is for this stage")
    reason_code: str = Field(examples=["insufficient_evidence"])
    reason: str = Field(description="for people", examples=["212 of about 344 rounds; increase < 2.9 points at 95 %, need < 2.0"])
    phase: Phase = Field(description="of the gate's life")
    stage: StageStanding | None
    fresh: bool = Field(description="false: rounds are not asked, so that this does not speak for now")
    shadow: bool = Field(description="true: it is decided, and nobody is bound by it")
    warnings: tuple[str, ...] = Field((), description="what makes the evidence weaker")
    next_poll_s: float = Field(description="how soon it makes sense to ask again")
    evidence_url: str
    generated_at: AwareDatetime = Field(description="of the newest line of evidence")


class GateAnswer(Answer):
    """One gate, with the decision about the stage that it is at."""

    name: str
    service: str = Field(description="what is rolled out; one open gate at a time")
    policy: str
    location: str = Field(description="of the service that asks for it")
    canary_version: str
    baseline_version: str
    weights: tuple[float, ...] = Field(description="of its stages, in their order")
    every_s: float = Field(description="a round begins")
    opened_at: AwareDatetime
    opened_by: str
    phase: Phase
    ended_at: AwareDatetime | None = Field(description="null while it is open")
    evidence_lines: int
    decision: dict[str, Any] = Field(description="as `…/decision` tells it")


class GatePage(Answer):
    items: tuple[GateAnswer, ...] = Field(description="the newest first")
    next: NextLink


class PolicyBrief(Answer):
    """A policy that gates can be opened with."""

    name: str
    service: str
    suite: str
    target: str
    weights: tuple[float, ...] = Field(description="of its stages")
    every_s: float
    alpha: float = Field(description="chance to roll back a sound canary, over the whole rollout")
    beta: float = Field(description="chance to call a stage shown that is not, for each stage")
    scenarios: tuple[str, ...] = Field(description="that each round asks of both sides")
    triggers: tuple[str, ...] = Field(description="that roll back at once")
    shadow: bool


class PoliciesAnswer(Answer):
    items: tuple[PolicyBrief, ...]


def told(gate: Gate, decision: dict[str, Any]) -> GateAnswer:
    """Return the answer that tells a gate, with its decision as it is told now."""
    own = ("name", "service", "policy", "location", "canary_version", "baseline_version", "weights", "every_s", "opened_at",
           "opened_by", "phase", "ended_at")  # fmt: skip
    fields = {name: getattr(gate, name) for name in own}
    return GateAnswer(**fields, evidence_lines=gate.seq, decision=decision)
