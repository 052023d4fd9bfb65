"""This file is for a gate's evidence as its page needs it: read line by line as it grows, and never more kept than is shown."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reports.status.gate_curve import Curve, Point
from scenarios.gates.records import BadRecord, Opened, Record, RoundSeen, StageBegan, Told, read

ROUNDS_SHOWN = 8
ACTS_SHOWN = 30


@dataclass(slots=True)
class StageSeen:
    """What was seen at one stage: how many rounds were asked, and how the evidence stood after the newest."""

    rounds: int = 0
    e: float = 1.0
    k: float = 1.0


@dataclass(slots=True)
class Past:
    """What the evidence of one gate tells, up to line `lines`. Nothing is decided from it: that is the judgement's alone."""

    policy: Mapping[str, Any] = field(default_factory=dict)  # empty where the evidence is no longer kept
    curve: Curve = field(default_factory=Curve)
    rounds: deque[RoundSeen] = field(default_factory=lambda: deque(maxlen=ROUNDS_SHOWN))  # the newest, oldest first
    acts: deque[Told] = field(default_factory=lambda: deque(maxlen=ACTS_SHOWN))
    stages: dict[int, StageSeen] = field(default_factory=dict)
    lines: int = 0
    _stage: int = -1

    def take(self, lines: Iterable[str]) -> None:
        """Take the lines that come next. Raises: BadRecord for one that holds no record."""
        for line in lines:
            try:
                told = json.loads(line)
                record, e, k = read(told["record"]), float(told["e"]), float(told["k"])
            except (ValueError, KeyError, TypeError) as problem:
                raise BadRecord(f"line {self.lines + 1} holds no record: {problem}") from problem
            self.lines += 1
            self._take(record, e, k)

    def copied(self) -> Past:
        """Return the same, which stays as it is while this one goes on."""
        return replace(
            self,
            curve=self.curve.copied(),
            rounds=self.rounds.copy(),
            acts=self.acts.copy(),
            stages={stage: replace(seen) for stage, seen in self.stages.items()},
        )

    def margin_of(self, stage: int) -> float | None:
        """Return by how many points more a canary may fail at a stage, None where it only must not be worse."""
        plans = self.policy.get("stages") or ()
        return plans[stage].get("margin") if 0 <= stage < len(plans) else None

    def _take(self, record: Record, e: float, k: float) -> None:
        if isinstance(record, Opened):
            self.policy = record.policy
        elif isinstance(record, StageBegan):
            self._stage = record.index
        elif isinstance(record, Told):
            self.acts.append(record)
        elif isinstance(record, RoundSeen):
            self.rounds.append(record)
            seen = self.stages.setdefault(self._stage, StageSeen())
            seen.rounds, seen.e, seen.k = seen.rounds + 1, e, k
            has_margin = self.margin_of(self._stage) is not None
            self.curve.grow(Point(self.curve.rounds + 1, record.at, self._stage, e, k if has_margin else None))
