"""This file is for what is known of a gate: who opened it for which rollout, where it stands, and the decision as it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reports.judgement.gate_decision import Phase


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate, as the store has it. Its evidence lines are numbered from 1; `seq` is the number of the newest."""

    id: str
    name: str  # by which it is asked for; unique
    service: str  # what is rolled out; one open gate at a time
    policy: str  # the policy's name
    policy_path: str  # its file, which says where the sides are and with which credentials
    location: str  # of the service that asks for it
    canary_version: str
    baseline_version: str
    weights: tuple[float, ...]  # of its stages, in their order
    every_s: float  # a round begins
    opened_at: datetime
    opened_by: str
    phase: Phase
    decision: Mapping[str, Any]  # the JSON that is told
    seq: int
    ended_at: datetime | None = None
    fresh_until: datetime | None = None  # None: no round was asked yet
    shown_upto: int = 0  # place of the first stage that is not shown

    @property
    def stage(self) -> int | None:
        """Return the place of the stage that it is at, None before the first."""
        if self.phase is Phase.PENDING:
            return None
        place = (self.decision.get("stage") or {}).get("index")
        return place if isinstance(place, int) else None


@dataclass(frozen=True, slots=True)
class Standing:
    """What answers a request for a decision: a part of a gate, so that nothing else is read for it."""

    decision: Mapping[str, Any]
    phase: Phase
    weights: tuple[float, ...]
    fresh_until: datetime | None
    ended_at: datetime | None
    every_s: float
    shown_upto: int


@dataclass(frozen=True, slots=True)
class Step:
    """What one record does to a gate: kept whole, or not at all."""

    line: str  # of the evidence
    state: Mapping[str, Any]  # after it
    decision: Mapping[str, Any]
    phase: Phase
    shown_upto: int = 0
    ended_at: datetime | None = None
    fresh_until: datetime | None = None  # None: as it was


@dataclass(frozen=True, slots=True)
class Newest:
    """What the next line of a gate is made from. `line` is empty where it was forgotten: only of a gate that is over."""

    gate: Gate
    state: Mapping[str, Any]
    line: str


def is_fresh(standing: Gate | Standing, now: datetime) -> bool:
    """Return whether what is decided rests on a round that was asked just now, or is the end of the gate."""
    if standing.phase.is_over:
        return True
    return standing.fresh_until is not None and now <= standing.fresh_until


class AnotherIsOpen(Exception):
    """There is an open gate for this service. `name` is that gate's."""

    def __init__(self, name: str, service: str) -> None:
        super().__init__(f"the gate '{name}' is open for the service '{service}': end it, or wait for its end")
        self.name = name


class NameTaken(Exception):
    """There is a gate of this name, with another policy or other versions."""
