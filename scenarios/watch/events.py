"""This file is for what watching tells while it goes: ticks answered and ticks missed, for store, metrics and pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple, Protocol

from probes.outcome import Outcome
from scenarios.events import RunStarted


class SeriesKey(NamedTuple):
    """What is watched: one scenario of one suite at one target, seen from one location. A series has one timeline."""

    suite: str
    scenario: str
    target: str
    location: str

    @property
    def slug(self) -> str:
        """Return the short name of this series for addresses and the API: hexadecimal, the same for ever."""
        return sha256("\x00".join(self).encode("utf-8", "surrogatepass")).hexdigest()[:16]


class Trigger(StrEnum):
    """Why a question was asked at that moment."""

    SCHEDULE = "schedule"
    DEPLOY = "deploy"  # the whole suite at once, because a new version went out
    MANUAL = "manual"  # somebody asked for it (API, `/probe`)
    HEARTBEAT = "heartbeat"  # a job reported, or was due and did not


class MissedReason(StrEnum):
    """Why a tick that was due was not answered."""

    OVERLAP = "overlap"  # the scenario's tick before was still at work or waiting
    CLOCK = "clock"  # the event loop stood still, or the clock was set, past the whole interval
    DOWN = "down"  # the service was not running
    STOPPED = "stopped"  # the service was stopping


@dataclass(frozen=True, slots=True)
class Tick:
    """One answered question. `lateness_s` is from when it was due to when it began, waiting for a turn included.

    `maintenance` is the id of the maintenance window that it fell into, empty outside one. Such a tick is kept and
    shown, and counts for no pass rate, objective or alert.
    """

    key: SeriesKey
    outcome: Outcome
    planned_at: datetime
    lateness_s: float = 0.0
    trigger: Trigger = Trigger.SCHEDULE
    version: str = ""  # of the target, as the last deployment said
    maintenance: str = ""


@dataclass(frozen=True, slots=True)
class Missed:
    """Ticks of one series that were due and were not answered. `first_at` is when the first of them was due."""

    key: SeriesKey
    first_at: datetime
    reason: MissedReason
    ticks: int = 1


@dataclass(frozen=True, slots=True)
class Retired:
    """Series that are watched no longer, since a reload: their metrics go, their history stays."""

    keys: tuple[SeriesKey, ...]


WatchEvent = RunStarted | Tick | Missed | Retired


class WatchSink(Protocol):
    """Whoever wants to know. Told on the event loop's thread, in order; must not wait.

    `RunStarted` opens the bracket that the outcomes of a stretch of watching belong to (`RunInfo.kind` is `watch`).
    """

    def take_watched(self, event: WatchEvent) -> None: ...
