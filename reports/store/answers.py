"""This file is for what the store answers with, beside runs and outcomes; it costs nothing to import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from probes.outcome import Severity, Verdict
from scenarios.events import Ended, RunInfo


class Point(NamedTuple):
    """One earlier outcome on a scenario's timeline."""

    started_at: datetime
    verdict: Verdict
    duration_s: float
    run_id: str


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One stored run without its outcomes. `ended`, `finished_at` and `wall_s` are None for a run that never finished."""

    run: RunInfo
    ended: Ended | None
    finished_at: datetime | None
    wall_s: float | None
    counts: Mapping[Verdict, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OutcomeLine:
    """One outcome of a run without what it stands on. `place` and `id` are its position among the run's outcomes."""

    place: int
    id: str
    scenario: str
    severity: Severity
    verdict: Verdict
    sentence: str
    started_at: datetime
    duration_s: float
