"""This file is for a rollout of Flagger's as it stands at one request: what is known of it, its gate, and what that decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reports.gates import Gate
from reports.store.ledger.flagger import FlaggerRollout


@dataclass(frozen=True, slots=True)
class Seen:
    """A rollout with its gate and what that decides now."""

    rollout: FlaggerRollout
    gate: Gate
    told: Mapping[str, Any]

    @property
    def verb(self) -> str:
        return str(self.told.get("decision"))

    @property
    def reason(self) -> str:
        return str(self.told.get("reason", ""))

    @property
    def is_shadow(self) -> bool:
        return self.told.get("shadow") is True

    @property
    def is_fresh(self) -> bool:
        return self.told.get("fresh") is True

    @property
    def place(self) -> int:
        """Return the place of the gate's stage, -1 before the first."""
        return -1 if self.gate.stage is None else self.gate.stage

    @property
    def waits_for(self) -> float | None:
        """Return the weight that was granted and is not the stage's yet."""
        weight = self.rollout.granted_weight
        return weight if weight is not None and self.gate.weights.index(weight) > self.place else None

    @property
    def next_weight(self) -> float | None:
        after = self.gate.weights[self.place + 1 :]
        return after[0] if after else None
