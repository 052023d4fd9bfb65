"""This file is for the canary gate's judgement: a fold over its records, pure, so that a replay comes to the same decisions.

`begun` makes the first state of the first record, `step` the next of each further one, `decide` tells what a state means.
"""

from __future__ import annotations

from reports.judgement.gate_deciding import decide
from reports.judgement.gate_decision import Decision, MetricStands, Phase, TriggerStands, Verb
from reports.judgement.gate_evidence import GENESIS, BadEvidence, Sealed, replay, sealed
from reports.judgement.gate_fold import begun, step
from reports.judgement.gate_state import BadState, GateState

__all__ = [
    "GENESIS",
    "BadEvidence",
    "BadState",
    "Decision",
    "GateState",
    "MetricStands",
    "Phase",
    "Sealed",
    "TriggerStands",
    "Verb",
    "begun",
    "decide",
    "replay",
    "sealed",
    "step",
]
