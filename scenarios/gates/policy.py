"""This file is for the policy of a gate: what must be shown at each stage of a rollout before the next may begin."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from probes.fields import Configured, Duration, HeaderValue

Points = Annotated[float, Field(gt=0, le=50)]  # percentage points
Share = Annotated[float, Field(gt=0, le=1)]


class Profile(StrEnum):
    """Sets of stages that are ready: how much is shown, and how long that takes."""

    COARSE = "coarse"  # the same wide margin at each stage: about an hour with a round every 10 s
    STANDARD = "standard"  # narrower margins at each stage: about four hours
    STRICT = "strict"  # margins half as wide as those of `standard`: about ten hours


class Stage(Configured):
    """One stage of a rollout. With a `margin` it is passed by showing that the canary fails at most so much more often."""

    name: str = ""  # default: its weight, as in `25 %`
    weight: Annotated[float, Field(ge=0, le=100)]  # percent of the traffic that the canary is given meanwhile; 0 before any
    margin: Points | None = None  # percentage points by which the canary may fail more often; none: it only must not be worse
    min_rounds: PositiveInt = 3  # without which nothing is decided but a rollback
    max_rounds: PositiveInt = 400  # after which it could not be decided
    min_time: Duration = 0.0  # that the stage lasts at least
    max_time: Annotated[Duration, Field(gt=0, le=30 * 86_400)] = 3600.0  # after which it could not be decided


class Identity(Configured):
    """How an answer says which version gave it. Give `header`, or `path` with `field` or `header`, or both."""

    header: str | None = None  # of every answer, such as X-Version
    path: str | None = None  # asked before and after each round, such as /health
    field: str | None = None  # JSONPath in the answer of `path`, such as $.version


class Side(Configured):
    """How one side is reached and how it is known. What is left out is as the suite's target has it."""

    base_url: str | None = None  # its own address
    headers: dict[str, HeaderValue] = Field(default_factory=dict)  # that make the proxy choose it, sent with every request
    cookies: dict[str, HeaderValue] = Field(default_factory=dict)  # the same, as cookies
    host: str | None = None  # the name it is asked for, where that is not the address's
    # where its own proof is read: an evidence source that scenarios name, and the one of the target that stands for it here
    evidence: dict[str, str] = Field(default_factory=dict)
    version: str = Field(min_length=1, max_length=200)  # that its answers must say


class RoundsMetric(Configured):
    """Whether rounds of the suite fail more often on the canary than on the baseline."""

    kind: Literal["rounds"] = "rounds"  # names the metric
    weight: Share = 0.5  # of its evidence; those of all metrics sum to 1


class LatencyMetric(Configured):
    """Whether more of the canary's answers are slower than a bound that was fixed before."""

    kind: Literal["latency"] = "latency"  # names the metric
    weight: Share  # of its evidence; those of all metrics sum to 1
    above: Literal["p75", "p95"] | Annotated[Duration, Field(gt=0)]  # of the baseline's calibration, or a time
    calibration: Annotated[int, Field(ge=20, le=10_000)] = 40  # rounds of the baseline from which a percentile is taken


class TrafficMetric(Configured):
    """Whether the canary's share of real requests fails more often: counters of both sides, read again and again."""

    kind: Literal["traffic"] = "traffic"  # names the metric
    weight: Share  # of its evidence; those of all metrics sum to 1
    source: str = ""  # a prometheus source of the suite's target; none: `/metrics` of both sides
    path: str = "/metrics"  # where the sides' own counters are, without a `source`
    canary_total: str  # PromQL, or a family with labels: requests of the canary, a counter
    canary_failed: str  # the same: of these, those that failed
    baseline_total: str  # the same: requests of the baseline
    baseline_failed: str  # the same: of these, those that failed
    every: Annotated[Duration, Field(ge=1)] = 15.0  # the counters are read


Metric = Annotated[RoundsMetric | LatencyMetric | TrafficMetric, Field(discriminator="kind")]


class WhenShared(StrEnum):
    """What a trigger does when the baseline shows the same."""

    ROLLBACK = "rollback"  # it is worse than a rollback of something sound
    HOLD = "hold"  # a shared incident is not the canary's fault


class Trigger(Configured):
    """What rolls back at once, without statistics. It is armed by rounds in which its probes could have noticed."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]  # by which decisions name it
    danger: str = ""  # that a check tells of, such as cross_tenant_leak; see `vedette gate triggers`
    kinds: tuple[str, ...] = ()  # probe kinds whose failing counts
    tags: tuple[str, ...] = ()  # tags of the scenarios whose failing counts
    scenarios: tuple[str, ...] = ()  # names of the scenarios whose failing counts
    times: PositiveInt = 1  # rounds in a row in which it is seen on the canary
    shared: WhenShared = WhenShared.HOLD  # what it does when the baseline shows the same


class Policy(Configured):
    """What decides about a canary: which sides are asked what, what must be shown at each stage, and what ends it at once."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")  # default: the file's name
    service: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$")  # what is rolled out; one gate at a time
    suite: str  # a bundled suite, or a file beside the policy
    target: str  # of the suite; both sides are this target but for what they say themselves
    canary: Side  # the new version
    baseline: Side  # the version that it is compared with, asked at the same time
    identity: Identity  # how answers say which version gave them; others are no evidence
    tags: tuple[str, ...] = ()  # as `-t` of `vedette run`: which scenarios a round asks; default: all that need no grant
    profile: Profile = Profile.STANDARD  # whose stages are taken, where none are given
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05  # chance to roll back a sound canary, over the whole rollout
    beta: Annotated[float, Field(gt=0, lt=0.5)] = 0.05  # chance to call a stage shown that is not, for each stage
    every: Annotated[Duration, Field(ge=0.05)] = 10.0  # a round begins
    gap: Annotated[Duration, Field(ge=0, le=120)] | None = None  # between rounds that count as independent; default: from history
    stages: tuple[Stage, ...] = ()  # default: those of the profile
    metrics: tuple[Metric, ...] = (RoundsMetric(weight=1.0),)  # weights sum to 1; default: rounds alone
    triggers: tuple[Trigger, ...] | None = None  # default: all that the suite's scenarios can arm
    misrouted: Annotated[float, Field(ge=0, lt=1)] = 0.2  # share of rounds answered by the wrong side that is borne
    shadow: bool = False  # true: it decides, and nobody is bound by it
