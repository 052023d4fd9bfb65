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
from scenarios.gates.traffic import Traffic


class SidesAsking:
    """Asks as a policy says."""

    def __init__(self, policy: Policy, sides: Sides, *, journal: Journal | None = None, artifacts: Path | None = None) -> None:
        self._rounds = Rounds(sides, rng=random.Random(), journal=journal, artifacts=artifacts)
        metrics = {place: one for place, one in enumerate(policy.metrics) if isinstance(one, TrafficMetric)}
        self._traffic = {place: Traffic(sides, one, place) for place, one in metrics.items()}
        self.counters: Mapping[int, float] = {place: one.every for place, one in metrics.items()}

    def moved(self) -> None:
        """Count anew: requests of before were of another share of the traffic."""
        for one in self._traffic.values():
            one.forget()

    async def round(self, at: float) -> RoundSeen:
        return await self._rounds.ask(at)

    async def traffic(self, metric: int, at: float) -> TrafficSeen:
        return await self._traffic[metric].read(at)

    async def close(self) -> None:
        """Give back nothing: what rounds and readings open, they close."""
