"""This file is for what a run tells while it goes: events for sinks (reporters, the store), and the result at its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from probes.outcome import Outcome, Subject, Verdict


class Ended(StrEnum):
    """How a run came to its end."""

    COMPLETED = "completed"
    FAIL_FAST = "fail_fast"  # stopped at the first failure, as asked
    DEADLINE = "deadline"  # the run's own time was over
    INTERRUPTED = "interrupted"  # SIGINT or SIGTERM


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One run: a selection of one suite's scenarios against one target. Times are UTC."""

    id: str
    suite: str
    suite_path: str
    target: str
    environment: str
    base_url: str
    started_at: datetime
    vedette_version: str
    selection: str = ""  # how the scenarios were chosen, as typed, empty for all
    remarks: tuple[str, ...] = ()  # what a reader must know, such as "certificates are not verified"
    kind: str = "smoke"  # smoke: once, on demand; deploy: once, after a deployment; watch: a stretch of continuous probing


@dataclass(frozen=True, slots=True)
class RunResult:
    """A finished run. `critical_path_s` is the longest chain of scenarios that had to wait for each other."""

    run: RunInfo
    outcomes: tuple[Outcome, ...]
    ended: Ended
    finished_at: datetime
    wall_s: float
    critical_path_s: float
    signal: int = 0  # the signal that interrupted the run, else 0
    trouble: tuple[str, ...] = ()  # what went wrong on our side beside the outcomes (store, reporter), one sentence each

    @property
    def verdict(self) -> Verdict:
        """Return the worst verdict; a run in which nothing was asked is inconclusive."""
        asked = [o.verdict for o in self.outcomes if o.verdict is not Verdict.SKIPPED]
        return min(asked, key=lambda v: v.rank) if asked else Verdict.INCONCLUSIVE


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run begins; `planned` are the subjects it will have an outcome for."""

    run: RunInfo
    planned: tuple[Subject, ...]


@dataclass(frozen=True, slots=True)
class ScenarioStarted:
    """A scenario begins to ask."""

    run_id: str
    subject: Subject


@dataclass(frozen=True, slots=True)
class OutcomeReady:
    """A scenario has its outcome."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class RunFinished:
    """A run is over."""

    result: RunResult


Event = RunStarted | ScenarioStarted | OutcomeReady | RunFinished


class Sink(Protocol):
    """Whoever wants to know: the runner tells every sink each event, in order, on the event loop's thread.

    A sink that raises is reported once as the run's trouble and told nothing more; the run goes on.
    """

    def take(self, event: Event) -> None: ...
