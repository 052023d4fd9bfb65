"""This file is for what a gate decides about a rollout, and every figure that it stands on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from reports.judgement.gate_json import told


class Verb(StrEnum):
    """What a gate says about the stage at which the rollout is."""

    HOLD = "hold"  # keep the weight, go on asking
    PROMOTE = "promote"  # this stage is shown: the next may begin
    ROLLBACK = "rollback"  # final
    INCONCLUSIVE = "inconclusive"  # final for the stage: it could not be decided


class Phase(StrEnum):
    """Where a gate is in its life."""

    PENDING = "pending"  # opened, no stage has begun
    RUNNING = "running"
    PROMOTED = "promoted"  # all stages are shown
    ROLLED_BACK = "rolled_back"
    INCONCLUSIVE = "inconclusive"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        return self not in (Phase.PENDING, Phase.RUNNING)


@dataclass(frozen=True, slots=True)
class TriggerStands:
    """How a trigger stands: `clear`, `unproven` (never armed in this stage), `watched` (seen, not often enough) or `fired`."""

    id: str
    state: str
    armed_rounds: int  # of this stage, in which its probes could have noticed
    seen: int  # rounds in a row in which it was seen on the canary
    say: str = ""


@dataclass(frozen=True, slots=True)
class MetricStands:
    """How much evidence against the canary one metric has gathered. `say` tells what keeps it from gathering any."""

    id: str
    weight: float
    e: float
    say: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is decided, and all figures it stands on. All numbers are finite; `None` where there is none."""

    phase: Phase
    verb: Verb
    final: bool  # for this stage; a rollback is final for the gate
    reason_code: (
        str  # insufficient_evidence, shown, worse, trigger:ID, misrouted, baseline_broken, shared_incident, out_of_time, …
    )
    reason: str  # for people: `212 of about 344 rounds; increase < 2.9 points at 95 %, need < 2.0`
    at: float  # of the newest record
    stage: int  # -1: none has begun
    weight: float
    stage_since: float | None
    e: float
    e_threshold: float
    k: float  # of the stage's margin, over all stages; 1 where it has none
    k_threshold: float
    margin: float | None  # points
    upper_bound: float | None  # points by which the canary may fail more often, at 1 - beta
    rounds: int  # of this stage that are evidence
    rounds_all: int  # of the whole rollout that are evidence
    rounds_expected: int | None  # that a sound canary is about to need for this stage, all together
    canary_failed: int
    baseline_failed: int
    no_evidence: int  # rounds of this stage that were none: misrouted, unproven, baseline broken
    min_rounds: int
    max_rounds: int
    triggers: tuple[TriggerStands, ...]
    metrics: tuple[MetricStands, ...]
    warnings: tuple[str, ...]  # evidence thinned, clocks apart, both sides say the same version, traffic unread, …
    shadow: bool
    held_by: str = ""  # who holds it, and why
    gate: str = ""  # its name
    alpha: float = 0.05
    beta: float = 0.05

    def as_json(self, *, session: str = "", evidence_url: str = "", next_poll_s: float = 15.0) -> dict[str, Any]:
        """Return the decision in the form of docs/gate.md, below 2 kB as JSON, however long its names are."""
        return told(self, session=session, evidence_url=evidence_url, next_poll_s=next_poll_s)
