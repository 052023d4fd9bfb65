"""This file is for the rules that a gate decides by: what of its policy judges, without addresses and credentials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scenarios.gates.dangers import UNREACHABLE
from scenarios.gates.policy import LatencyMetric, Metric, Stage, TrafficMetric, Trigger, WhenShared
from scenarios.gates.records import BadRecord, Opened

FORM = ConfigDict(extra="forbid", allow_inf_nan=False)  # of everything in a state: a state of another form is refused
_SUM_ERROR = 1e-6  # of weights that were written as decimals
_UNREACHABLE_TIMES = 5
SETTLE_S = 60.0  # a source scrapes each process at a moment of its own, and what it did not scrape yet is not seen


@dataclass(frozen=True, slots=True)
class StageRule:
    """What a stage asks. As `policy.Stage`, or what several ask together."""

    __pydantic_config__: ClassVar = FORM

    weight: float
    margin: float | None
    min_rounds: int
    max_rounds: int
    min_time: float
    max_time: float
    name: str = ""


@dataclass(frozen=True, slots=True)
class MetricRule:
    """One member of the evidence for a rollback. `above` and `calibration` are of a latency, the last two of traffic."""

    __pydantic_config__: ClassVar = FORM

    id: str
    kind: str
    weight: float
    above: str | float = ""
    calibration: int = 0
    every: float = 0.0
    settle_s: float = 0.0  # evidence has to stand so long: the baseline's counters may be older than the canary's


@dataclass(frozen=True, slots=True)
class TriggerRule:
    """What rolls back at once. `anywhere`: a danger that any scenario may tell of, not only those that arm it."""

    __pydantic_config__: ClassVar = FORM

    id: str
    danger: str
    times: int
    shared: WhenShared
    scenarios: tuple[str, ...]
    anywhere: bool


@dataclass(frozen=True, slots=True)
class Rules:
    """All that a policy says about deciding."""

    __pydantic_config__: ClassVar = FORM

    alpha: float
    beta: float
    gap_s: float
    every_s: float
    misrouted: float
    shadow: bool
    same_version: bool  # both sides are to be of one version: there is nothing to compare
    stages: tuple[StageRule, ...]
    metrics: tuple[MetricRule, ...]
    triggers: tuple[TriggerRule, ...]

    def asked(self, first: int, last: int) -> StageRule:
        """Return what is to be shown at stage `last`, where those from `first` on were not shown before it: all they ask."""
        here = self.stages[first : last + 1]
        margins = [one.margin for one in here if one.margin is not None]
        return StageRule(
            weight=here[-1].weight,
            margin=min(margins, default=None),
            min_rounds=max(one.min_rounds for one in here),
            max_rounds=max(one.max_rounds for one in here),
            min_time=max(one.min_time for one in here),
            max_time=max(one.max_time for one in here),
            name=here[-1].name,
        )


class _OneSide(BaseModel):
    version: str = Field(min_length=1)


class _Judged(BaseModel):
    """The part of a policy's JSON that decides. Headers are not read: a replay has no credentials."""

    canary: _OneSide
    baseline: _OneSide
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    beta: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    every: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 10.0
    misrouted: Annotated[float, Field(ge=0, lt=1)] = 0.2
    shadow: bool = False
    stages: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=100)]
    metrics: Annotated[tuple[Metric, ...], Field(min_length=1, max_length=20)]
    triggers: Annotated[tuple[Trigger, ...], Field(max_length=100)]


def rules_of(opened: Opened) -> Rules:
    """Return the rules of a gate. Raises: BadRecord where no decision could be made by its policy."""
    try:
        judged = _Judged.model_validate(dict(opened.policy))
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join(map(str, first["loc"])) or "itself"
        raise BadRecord(f"the policy's '{place}' cannot decide: {first['msg']}") from None
    if not (0 <= opened.gap_s < math.inf):
        raise BadRecord(f"the gap is {opened.gap_s} s: it is 0 or above, and finite")
    _can_succeed(judged)
    ids = [one.id for one in judged.triggers]
    if len(set(ids)) < len(ids):
        raise BadRecord("two triggers have one id")
    return Rules(
        alpha=judged.alpha,
        beta=judged.beta,
        gap_s=float(opened.gap_s),
        every_s=judged.every,
        misrouted=judged.misrouted,
        shadow=judged.shadow,
        same_version=judged.canary.version == judged.baseline.version,
        stages=tuple(_stage(one) for one in judged.stages),
        metrics=_metrics(judged.metrics),
        triggers=_triggers(judged.triggers, opened),
    )


def _can_succeed(judged: _Judged) -> None:
    for place, one in enumerate(judged.stages):
        if one.min_rounds > one.max_rounds or one.min_time > one.max_time:
            raise BadRecord(f"stage {place} of the policy asks for more at least than it gives at most")
    laid = sum(one.weight for one in judged.metrics)
    if abs(laid - 1) > _SUM_ERROR:
        raise BadRecord(f"weights of the policy's metrics sum to {laid:g}, not to 1")


def _stage(one: Stage) -> StageRule:
    return StageRule(
        weight=float(one.weight),
        margin=None if one.margin is None else float(one.margin),
        min_rounds=one.min_rounds,
        max_rounds=one.max_rounds,
        min_time=float(one.min_time),
        max_time=float(one.max_time),
        name=one.name,
    )


def _metrics(metrics: Sequence[Metric]) -> tuple[MetricRule, ...]:
    made: list[MetricRule] = []
    # A sum of 1 in decimals may be a trifle more in binary.
    scale = min(1.0, 1 / sum(one.weight for one in metrics))
    for one in metrics:
        name, above, calibration, every, settle_s = str(one.kind), "", 0, 0.0, 0.0
        bound: str | float = above
        if isinstance(one, LatencyMetric):
            bound, calibration = one.above, one.calibration
            name = f"latency_above_{bound}" if isinstance(bound, str) else f"latency_above_{bound:g}s"
        if isinstance(one, TrafficMetric):
            every, settle_s = one.every, SETTLE_S if one.source else 0.0  # both sides' own metrics are of one moment
        twin = sum(other.id.partition("#")[0] == name for other in made)
        called = f"{name}#{twin + 1}" if twin else name
        made.append(MetricRule(called, one.kind, one.weight * scale, bound, calibration, every, settle_s))
    return tuple(made)


def _triggers(triggers: Sequence[Trigger], opened: Opened) -> tuple[TriggerRule, ...]:
    made = [
        TriggerRule(
            id=one.id,
            danger=one.danger,
            times=one.times,
            shared=one.shared,
            scenarios=tuple(opened.triggers.get(one.id, ())),
            anywhere=bool(one.danger) and not (one.kinds or one.tags or one.scenarios),
        )
        for one in triggers
    ]
    if not any(one.danger == UNREACHABLE for one in made):  # rounds without an answer are no evidence, so nothing else sees them
        made.append(TriggerRule("canary_unreachable", UNREACHABLE, _UNREACHABLE_TIMES, WhenShared.HOLD, (), anywhere=True))
    return tuple(made)
