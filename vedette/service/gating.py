"""This file is for what somebody wants of a gate, why that may not be, and what a gate needs to ask both sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from scenarios.gates.records import RoundSeen, TrafficSeen


class NoSuchGate(Exception):
    """There is no gate of this name."""


class NotNow(Exception):
    """A gate is not where this could be done. The text is one sentence for a person."""


class NotPossible(Exception):
    """A gate for this could judge nothing. The text is one sentence for a person."""


class CannotAsk(Exception):
    """The sides cannot be asked for a reason of ours, such as a file that is gone. The text is one sentence, without secrets."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to be judged. Without versions the policy's hold; with a weight that stage begins at once."""

    policy: str
    name: str
    canary_version: str = ""
    baseline_version: str = ""
    weight: float | None = None


class Asking(Protocol):
    """Asks both sides of one gate. Times are seconds since 1970, of when it began."""

    @property
    def counters(self) -> Mapping[int, float]:
        """Return the places of the policy's metrics that are read from counters, each with how often (seconds)."""
        ...

    def moved(self) -> None:
        """Take note that the canary is given another share of the traffic."""
        ...

    async def round(self, at: float) -> RoundSeen: ...

    async def traffic(self, metric: int, at: float) -> TrafficSeen: ...

    async def close(self) -> None:
        """Give back what was opened."""
        ...
