"""This file is for the fold of a gate's records into its state."""

from __future__ import annotations

from reports.judgement.gate_decision import Decision
from reports.judgement.gate_state import GateState
from scenarios.gates.records import Opened, Record


def begun(opened: Opened) -> GateState:
    """Return the state of a gate that was just opened. Raises: BadRecord where its policy cannot decide."""
    raise NotImplementedError


def step(state: GateState, record: Record) -> GateState:
    """Return the state after one more record. Pure; what was decided for good stays decided. Raises: BadRecord."""
    raise NotImplementedError


def decide(state: GateState, *, stage: int | None = None) -> Decision:
    """Return what the gate decides now, about the stage that it is at, or about the stage of that place."""
    raise NotImplementedError
