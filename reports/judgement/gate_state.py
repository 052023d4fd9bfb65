"""This file is for all that a gate remembers between two records: small, and the same after a restart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reports.judgement.e_values import BadState as BadState
from reports.judgement.gate_decision import Phase


@dataclass(frozen=True, slots=True)
class GateState:
    """What the records up to now add up to."""

    gate: str
    phase: Phase

    def as_json(self) -> dict[str, Any]:
        """Return the state as JSON values; `read` gives the same state again, bit for bit."""
        raise NotImplementedError

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> GateState:
        """Raises: BadState."""
        raise NotImplementedError
