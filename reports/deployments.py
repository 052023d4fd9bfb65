"""This file is for what is known of a deployment: who deployed what, when, and how the phases of its burn-in went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from probes.outcome import Verdict
from scenarios.burn_in import BurnInPhase


class DeploymentState(StrEnum):
    """How a burn-in stands, or how it ended."""

    BURNING_IN = "burning_in"
    PASSED = "passed"  # every phase passed
    FAILED = "failed"  # a phase failed; those after it are still judged, at the normal pace
    INCONCLUSIVE = "inconclusive"  # no phase failed, but something was not proven
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"  # a newer version was deployed before it was over


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase, from `starts_at` to right before `ends_at`; from `judged_at` on it has a verdict and the sentence for it."""

    place: int
    plan: BurnInPhase
    starts_at: datetime
    ends_at: datetime
    judged_at: datetime | None = None
    verdict: Verdict | None = None
    sentence: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)  # as `reports/judgement/burn_in.py` makes them

    @property
    def name(self) -> str:
        return self.plan.name


@dataclass(frozen=True, slots=True)
class FirstRun:
    """The run of the whole suite right after the deployment. `verdict` is None until it has ended."""

    id: str
    verdict: Verdict | None = None
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment of a version to a target, seen by the service of one location."""

    id: str
    suite: str
    target: str
    location: str
    version: str
    deployed_at: datetime
    reported_by: str
    phases: tuple[Phase, ...]
    note: str = ""
    run: FirstRun | None = None
    state: DeploymentState = DeploymentState.BURNING_IN
    ended_at: datetime | None = None  # None while phases are still to be judged

    @property
    def next_phase(self) -> Phase | None:
        """Return the phase that is to be judged next, None when all is over."""
        return None if self.ended_at else next((p for p in self.phases if p.judged_at is None), None)

    def phase(self, name: str) -> Phase | None:
        return next((p for p in self.phases if p.name == name), None)

    def phase_at(self, at: datetime) -> Phase | None:
        """Return the phase that an instant falls into, whether it is still watched or not."""
        return next((p for p in self.phases if p.starts_at <= at < p.ends_at), None)

    def pace(self, at: datetime) -> tuple[float, float]:
        """Return by what every interval is multiplied, and the seconds below which none is made shorter; (1, 0) is normal."""
        phase = self.phase_at(at)
        if phase is None or self.ended_at is not None or self.state is not DeploymentState.BURNING_IN:
            return 1.0, 0.0
        return phase.plan.factor, phase.plan.least


@dataclass(frozen=True, slots=True)
class DeploymentTold:
    """Something happened to a deployment. `phase` is the one that was judged, if that is what happened."""

    deployment: Deployment
    sentence: str
    phase: Phase | None = None


def planned(plans: Sequence[BurnInPhase], deployed_at: datetime) -> tuple[Phase, ...]:
    """Return the phases with their times, one right after the other."""
    phases, starts_at = [], deployed_at
    for place, plan in enumerate(plans):
        ends_at = starts_at + timedelta(seconds=plan.lasts)
        phases.append(Phase(place, plan, starts_at, ends_at))
        starts_at = ends_at
    return tuple(phases)


def state_after(deployment: Deployment, judged: Phase) -> DeploymentState:
    """Return the state of a deployment once a phase has its verdict: a failed phase is never made good by a later one."""
    verdicts = {p.verdict for p in deployment.phases if p.judged_at is not None} | {judged.verdict}
    if Verdict.FAIL in verdicts:
        return DeploymentState.FAILED
    if judged.place < len(deployment.phases) - 1:
        return DeploymentState.BURNING_IN
    return DeploymentState.PASSED if verdicts == {Verdict.PASS} else DeploymentState.INCONCLUSIVE
