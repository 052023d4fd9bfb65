"""This file is for what somebody wants of a gate, why that may not be, and what a gate needs to ask both sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from scenarios.gates.records import RoundSeen, TrafficSeen


class NoSuchGate(Exception):
    """There is no gate of this name."""


class NotNow(Exception):
    """A gate is not where this could be done. The text is one sentence for a person."""


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
    """Asks both sides of one gate. `close` gives back what was opened."""

    async def round(self) -> RoundSeen: ...

    async def traffic(self, metric: int) -> TrafficSeen: ...

    async def close(self) -> None: ...
