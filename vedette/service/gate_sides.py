"""This file is for asking both sides of one gate: rounds of its suite, and the counters of real requests."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

from probes.undo import Journal
from scenarios.gates.policy import Policy, TrafficMetric
from scenarios.gates.records import RoundSeen, TrafficSeen
from scenarios.gates.rounds import Rounds
from scenarios.gates.sides import Sides
from vedette.service.gating import CannotAsk


class SidesAsking:
    """Asks as a policy says."""

    def __init__(self, policy: Policy, sides: Sides, *, journal: Journal | None = None, artifacts: Path | None = None) -> None:
        self._rounds = Rounds(sides, rng=random.Random(), journal=journal, artifacts=artifacts)
        self.counters: Mapping[int, float] = {n: m.every for n, m in enumerate(policy.metrics) if isinstance(m, TrafficMetric)}
        if self.counters:
            raise CannotAsk("counters of real requests cannot be read yet")

    async def round(self, at: float) -> RoundSeen:
        return await self._rounds.ask(at)

    async def traffic(self, metric: int, at: float) -> TrafficSeen:
        raise CannotAsk("counters of real requests cannot be read yet")

    async def close(self) -> None:
        """Give back nothing: rounds close what they open."""
