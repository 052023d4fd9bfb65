"""This file is for how a gate begins: its policy for these versions, the gap between rounds, and what asks both sides."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from probes.outcome import Verdict
from probes.undo import Journal
from reports.gates import Gate
from reports.judgement.gate import BadEvidence, replay
from reports.store.ledger.gates import GateLedger
from reports.store.watch.answers import TickSeen
from scenarios.gates.bursts import Tick, independence_gap_s
from scenarios.gates.loading import LoadedPolicy
from scenarios.gates.policy import Policy
from scenarios.gates.records import Opened
from scenarios.gates.sides import BadSides, Sides, both
from scenarios.watch.events import SeriesKey
from vedette.service.gate_policies import Policies, sides_again, with_versions
from vedette.service.gate_sides import SidesAsking
from vedette.service.gating import Asking, CannotAsk, NotPossible, Wanted

HISTORY = 2000  # newest ticks of each scenario that tell how long failures last


class History(Protocol):
    """What is read of the store of watching (`WatchHistory`)."""

    def recent(self, key: SeriesKey, limit: int, before: datetime | None = None, only_bad: bool = False) -> list[TickSeen]: ...


@dataclass(frozen=True, slots=True)
class Beginning:
    """A gate that is about to be opened."""

    opened: Opened
    policy: Policy
    sides: Sides
    path: str  # of the policy's file


class Opener:
    """Begins gates, and takes up those that another life of the service began."""

    def __init__(
        self,
        ledger: GateLedger,
        policies: Policies,
        history: History,
        *,
        location: str,
        journal: Journal | None = None,
        artifacts: Path | None = None,
    ) -> None:
        self._ledger, self._policies, self._history, self._location = ledger, policies, history, location
        self._journal, self._artifacts = journal, artifacts
        self._opened: dict[str, Beginning] = {}  # by the gate's id, until its sides are asked

    def begin(self, wanted: Wanted, at: float) -> Beginning:
        """Return how a gate begins. Blocks.

        Raises: Unknown for a policy that was not given, NotPossible, StoreError.
        """
        given = self._policies.named(wanted.policy)
        loaded = with_versions(given, wanted.canary_version, wanted.baseline_version)
        try:
            sides = both(loaded.suite, loaded.policy)
        except BadSides as problem:
            raise NotPossible(str(problem)) from problem
        gap_s, triggers = self._gap_s(loaded), dict(loaded.triggers)
        names = tuple(one.name for one in sides.scenarios)
        opened = Opened(at=at, gate=wanted.name, policy=loaded.recorded(), gap_s=gap_s, triggers=triggers, scenarios=names)
        return Beginning(opened, loaded.policy, sides, given.path)

    def remember(self, gate: Gate, beginning: Beginning) -> None:
        """Let a gate be asked as it was opened, whatever its policy's file says by then."""
        self._opened[gate.id] = beginning

    async def asking(self, gate: Gate) -> Asking:
        """Return what asks both sides of a gate, by the policy that it was opened with. Raises: CannotAsk, StoreError."""
        known = self._opened.pop(gate.id, None)
        policy, sides = (known.policy, known.sides) if known else await asyncio.to_thread(self._again, gate)
        return SidesAsking(policy, sides, journal=self._journal, artifacts=self._artifacts)

    def _again(self, gate: Gate) -> tuple[Policy, Sides]:
        opened = opened_with(self._ledger, gate)
        policy, sides = sides_again(opened.policy, gate.policy_path)
        if gone := sorted({*opened.scenarios} - {one.name for one in sides.scenarios}):  # what is not asked any more is not shown
            raise CannotAsk(f"the suite has no scenario '{gone[0]}' for this target any more, with which the gate was opened")
        return policy, sides

    def _gap_s(self, loaded: LoadedPolicy) -> float:
        if loaded.policy.gap is not None:
            return loaded.policy.gap
        names = (scenario.name for scenario in loaded.scenarios)
        keys = (SeriesKey(loaded.suite.name, name, loaded.target.name, self._location) for name in names)
        return independence_gap_s(map(self._told, keys))

    def _told(self, key: SeriesKey) -> list[Tick]:
        counted = [one for one in self._history.recent(key, HISTORY) if not one.in_maintenance]
        return [Tick(one.at.timestamp(), one.verdict is Verdict.FAIL) for one in counted]


def opened_with(ledger: GateLedger, gate: Gate) -> Opened:
    """Return a gate's first line of evidence. Raises: CannotAsk, StoreError."""
    line = ledger.line(gate.id, 1)
    try:
        record, _ = next(replay([line or ""]))
    except (BadEvidence, StopIteration) as problem:
        raise CannotAsk("the gate's first line of evidence cannot be read") from problem
    if not isinstance(record, Opened):
        raise CannotAsk("the gate's first line of evidence does not open it")
    return record
