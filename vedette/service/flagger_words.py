"""This file is for what Flagger sends to a hook, and what it is told: a status that it decides by, and a line for its events."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

LONGEST = 200  # characters: they stand in an event of Kubernetes
_WEIGHT_SET = re.compile(r"Advance \S+ canary weight ([0-9]{1,3})")  # Flagger, pkg/controller/scheduler.go, runCanary

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]  # RFC 1123, as Kubernetes names things


class Hook(StrEnum):
    """The hooks of Flagger, by the names of their types."""

    CONFIRM_ROLLOUT = "confirm-rollout"
    PRE_ROLLOUT = "pre-rollout"
    ROLLOUT = "rollout"
    CONFIRM_TRAFFIC_INCREASE = "confirm-traffic-increase"
    CONFIRM_PROMOTION = "confirm-promotion"
    ROLLBACK = "rollback"
    POST_ROLLOUT = "post-rollout"
    EVENT = "event"

    @property
    def refusal(self) -> int:
        """Return the status of a no. It is never 204, 429 or 5xx: Flagger drops the words of these, and may ask again."""
        return 409 if self in (Hook.PRE_ROLLOUT, Hook.ROLLOUT) else 403

    @property
    def only_tells(self) -> bool:
        """Return whether Flagger decides nothing by the answer."""
        return self in (Hook.POST_ROLLOUT, Hook.EVENT)


class Asked(BaseModel):
    """The body of a hook. Source: Flagger, `CanaryWebhookPayload`; what newer versions may add is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: Name  # of the Canary
    namespace: Name
    phase: str = Field("", max_length=64)
    checksum: str = Field(pattern=r"^[A-Za-z0-9]{1,64}$")  # of what is rolled out; since Flagger 1.34
    metadata: dict[str, str] = Field(default_factory=dict)

    @property
    def canary(self) -> str:
        return f"{self.namespace}.{self.name}"

    @property
    def key(self) -> str:
        """Return the name of this rollout, which is the name of its gate, too."""
        return f"{self.canary}@{self.checksum}"

    @property
    def passes_on_hold(self) -> bool:
        """Return whether `pre-rollout` may pass before the first stage is shown: what holds it is another hook."""
        return self.metadata.get("on_hold") == "pass"

    @property
    def weight_set(self) -> float | None:
        """Return the canary's weight where an event tells that it was set."""
        found = _WEIGHT_SET.fullmatch(self.metadata.get("eventMessage", ""))
        return float(found[1]) if found else None


@dataclass(frozen=True, slots=True)
class Said:
    """What a hook is told."""

    status: int
    text: str


class No(Exception):
    """The answer of a hook is no. The text is the reason, for a person."""


def yes(text: str) -> Said:
    return Said(200, one_line(text))


def one_line(text: str) -> str:
    """Return a text as one line that is short enough for an event."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
