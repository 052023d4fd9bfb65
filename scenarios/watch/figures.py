"""This file is for the figures of watching itself: what is at work, what was missed, how the clocks and the loop are doing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from scenarios.watch.events import MissedReason


@dataclass(frozen=True, slots=True)
class LaneFigures:
    """One suite at one target. `held`: a run of the whole suite has it to itself."""

    running: int
    waiting: int
    limit: int
    held: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """How watching itself is doing. Counts are since the start."""

    running: int
    waiting: int
    series: int
    by_target: Mapping[tuple[str, str], LaneFigures]  # by suite and target
    answered: int
    missed: Mapping[MissedReason, int] = field(default_factory=dict)
    loop_lag_s: float = 0.0  # at the last beat
    worst_loop_lag_s: float = 0.0  # over the last minute
    overdue_s: float = 0.0  # for so long what is due first has not been taken up: more than a moment means a standstill
    clock_jumps: int = 0
    left_behind: int = 0  # ticks whose probe did not stop when it was told to
    sink_errors: int = 0  # events that a sink did not take
    trouble: tuple[str, ...] = ()  # the newest sentences of what went wrong on our side
