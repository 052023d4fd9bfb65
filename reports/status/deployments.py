"""This file is for the pages of deployments as data: the burn-in as a track of phases, each with its verdict and figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reports.deployments import Deployment, DeploymentState, Phase
from reports.status.words import age, count, ratio

FIGURES_SHOWN = 20
_STATES = {
    DeploymentState.BURNING_IN: ("running", "Burning in"),
    DeploymentState.PASSED: ("pass", "Passed"),
    DeploymentState.FAILED: ("fail", "Failed"),
    DeploymentState.INCONCLUSIVE: ("inconclusive", "Not proven"),
    DeploymentState.CANCELLED: ("skipped", "Cancelled"),
    DeploymentState.SUPERSEDED: ("skipped", "Superseded"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """What one scenario did in a phase."""

    scenario: str
    severity: str
    verdict: str
    good: str
    ratio: str
    sentence: str


@dataclass(frozen=True, slots=True)
class ShownPhase:
    """One phase of the track. `tone` is its verdict, or running, or coming, or skipped."""

    name: str
    tone: str
    word: str
    starts_at: datetime
    ends_at: datetime
    length: str
    pace: str
    wanted: str
    percent: int  # of its time that is over
    left: str
    sentence: str
    beside: tuple[str, ...]
    rows: tuple[Row, ...]
    rows_left_out: int


@dataclass(frozen=True, slots=True)
class ShownDeployment:
    """One deployment. `tone` and `word` tell how its burn-in stands."""

    deployment: Deployment
    tone: str
    word: str
    sentence: str
    phases: tuple[ShownPhase, ...]
    run_tone: str


def shown(deployment: Deployment, now: datetime) -> ShownDeployment:
    """Return a deployment as its pages show it."""
    tone, word = _STATES[deployment.state]
    run = deployment.run
    run_tone = "" if run is None else str(run.verdict) if run.verdict is not None else "running"
    phases = tuple(_phase(deployment, phase, now) for phase in deployment.phases)
    return ShownDeployment(deployment, tone, word, _sentence(deployment, now), phases, run_tone)


def _sentence(deployment: Deployment, now: datetime) -> str:
    """Return what is to be known first: the phase that decided, or the one that is going on."""
    decided = [phase for phase in deployment.phases if phase.judged_at is not None and str(phase.verdict) != "pass"]
    if deployment.state in (DeploymentState.FAILED, DeploymentState.INCONCLUSIVE) and decided:
        worst = min(decided, key=lambda phase: (phase.verdict.rank if phase.verdict else 9, phase.place))
        return f"{worst.name}: {worst.sentence}"
    if deployment.ended_at is not None:
        return "every phase passed" if deployment.state is DeploymentState.PASSED else "ended before all phases were judged"
    going_on = deployment.phase_at(now)
    if going_on is None:
        return "its last phase is being judged"
    return f"{going_on.name}, {age((going_on.ends_at - now).total_seconds())} left"


def _phase(deployment: Deployment, phase: Phase, now: datetime) -> ShownPhase:
    tone, word = _standing(deployment, phase, now)
    length_s = (phase.ends_at - phase.starts_at).total_seconds()
    gone_s = min(length_s, max(0.0, (now - phase.starts_at).total_seconds()))
    figures = phase.figures or {}
    rows = figures.get("scenarios", [])
    return ShownPhase(
        name=phase.name, tone=tone, word=word, starts_at=phase.starts_at, ends_at=phase.ends_at, length=age(length_s),
        pace=_pace(phase), wanted=_wanted(phase), percent=int(100 * gone_s / length_s) if length_s else 100,
        left=age(length_s - gone_s), sentence=phase.sentence, beside=tuple(str(say) for say in figures.get("beside", [])),
        rows=tuple(_row(row) for row in rows[:FIGURES_SHOWN]),
        rows_left_out=max(0, len(rows) - FIGURES_SHOWN) + int(figures.get("scenarios_left_out", 0)),
    )  # fmt: skip


def _standing(deployment: Deployment, phase: Phase, now: datetime) -> tuple[str, str]:
    if phase.verdict is not None:
        return str(phase.verdict), str(phase.verdict)
    if deployment.ended_at is not None:
        return "skipped", "not judged"
    if now >= phase.ends_at:
        return "running", "being judged"
    return ("running", "going on") if now >= phase.starts_at else ("coming", "to come")


def _pace(phase: Phase) -> str:
    plan = phase.plan
    if plan.factor == 1:
        return "normal pace"
    return f"asked {1 / plan.factor:.3g} times as often, at most every {age(plan.least)}"


def _wanted(phase: Phase) -> str:
    plan = phase.plan
    never = f", no {' or '.join(plan.never_fail)} may fail" if plan.never_fail else ""
    return f"{plan.pass_ratio * 100:g} % of the ticks good, {count(plan.asked, 'tick')} of each scenario{never}"


def _row(given: Mapping[str, Any]) -> Row:
    value = given.get("pass_ratio")
    return Row(
        str(given.get("scenario", "")), str(given.get("severity", "")), str(given.get("verdict", "skipped")),
        f"{given.get('good', 0)} of {given.get('asked', 0)}", ratio(value if isinstance(value, int | float) else None),
        str(given.get("sentence", "")),
    )  # fmt: skip
