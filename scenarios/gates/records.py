"""This file is for what a gate saw, line by line: from these records alone it is decided, and decided again by a replay.

Each record is one JSON object on a line of `evidence.jsonl`. Times are seconds since 1970, UTC, of the gate's own clock.
A record holds no body, no header, no value of a request: names of scenarios, verdicts, counts, times, and sentences that
were redacted where they were made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, ClassVar

VERSION = 1  # of the records' form


class Seat(StrEnum):
    """Which side answered in one scenario of one round."""

    GOOD = "good"  # passed, each with its proof
    BAD = "bad"  # was seen to break its contract
    NONE = "none"  # nothing was proven: no evidence for either


@dataclass(frozen=True, slots=True)
class ScenarioSeen:
    """One scenario at one side in one round."""

    seat: Seat
    say: str = ""  # the outcome's sentence where it did not pass; of a good one: what was not as it should be (flaky, slow)
    seconds: float | None = None  # of its slowest answer, None where there was none
    dangers: tuple[str, ...] = ()  # that its failing checks tell of
    armed: bool = False  # its controls held: it could have noticed


@dataclass(frozen=True, slots=True)
class SideSeen:
    """One side in one round. `right`, `wrong` and `unmarked` count answers by the version that they said."""

    scenarios: Mapping[str, ScenarioSeen]
    right: int
    wrong: int
    unmarked: int
    unreachable: bool = False  # every scenario failed because nothing answered
    said_versions: tuple[str, ...] = ()  # other versions than the wanted one, at most three
    clock_offset_s: float | None = None  # of the side's Date header against ours


@dataclass(frozen=True, slots=True)
class Opened:
    """The gate begins. `policy` is the policy's JSON, whole: a replay needs nothing else."""

    kind: ClassVar[str] = "opened"
    at: float
    gate: str
    policy: Mapping[str, Any]
    gap_s: float  # between rounds that count as independent
    triggers: Mapping[str, tuple[str, ...]]  # id -> names of the scenarios that arm it
    version: int = VERSION
    scenarios: tuple[str, ...] = ()  # names of those that each round asks; none where it was not told


@dataclass(frozen=True, slots=True)
class StageBegan:
    """The rollout is at this stage: by `gate run`, by who moves the traffic, or by a restart (the same again)."""

    kind: ClassVar[str] = "stage"
    at: float
    index: int


@dataclass(frozen=True, slots=True)
class RoundSeen:
    """One round: the whole selection asked of both sides at the same time. `at` is when it began."""

    kind: ClassVar[str] = "round"
    at: float
    canary: SideSeen
    baseline: SideSeen


@dataclass(frozen=True, slots=True)
class TrafficSeen:
    """What counters of real requests grew by since the last reading; `trouble` where they could not be read."""

    kind: ClassVar[str] = "traffic"
    at: float
    metric: int  # place in the policy's metrics
    canary_total: int = 0
    canary_failed: int = 0
    baseline_total: int = 0
    baseline_failed: int = 0
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Looked:
    """Time passed and nothing was seen: a round could not be asked, or the gate was away."""

    kind: ClassVar[str] = "looked"
    at: float
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A person decided. Their name and reason stand in the audit trail, too."""

    kind: ClassVar[str] = "told"
    at: float
    action: str  # hold, resume, promote, rollback or cancel
    by: str
    reason: str


Record = Opened | StageBegan | RoundSeen | TrafficSeen | Looked | Told
_KINDS: dict[str, type[Any]] = {one.kind: one for one in (Opened, StageBegan, RoundSeen, TrafficSeen, Looked, Told)}


class BadRecord(ValueError):
    """A line that is no record; the text says what is wrong with it."""


def as_json(record: Record) -> dict[str, Any]:
    """Return the record as JSON values; `read` gives the same record again."""
    return {"kind": record.kind, **asdict(record)}


def read(line: Mapping[str, Any]) -> Record:
    """Return the record that `as_json` made. Raises: BadRecord."""
    fields = dict(line)
    kind = _KINDS.get(str(fields.pop("kind", "")))
    if kind is None:
        raise BadRecord(f"there is no record of kind '{line.get('kind')}'")
    try:
        if kind is RoundSeen:
            fields = {**fields, "canary": _side(fields["canary"]), "baseline": _side(fields["baseline"])}
        if kind is Opened:
            fields["triggers"] = {name: tuple(names) for name, names in fields["triggers"].items()}
            fields["scenarios"] = tuple(fields.get("scenarios", ()))
        return kind(**fields)  # type: ignore[no-any-return]
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise BadRecord(f"a record of kind '{kind.kind}' lacks something, or has too much: {problem}") from problem


def _side(told: Mapping[str, Any]) -> SideSeen:
    scenarios = {
        name: ScenarioSeen(**{**one, "seat": Seat(one["seat"]), "dangers": tuple(one["dangers"])})
        for name, one in told["scenarios"].items()
    }
    return SideSeen(**{**told, "scenarios": scenarios, "said_versions": tuple(told["said_versions"])})
