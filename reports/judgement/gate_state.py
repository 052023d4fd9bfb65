"""This file is for all that a gate remembers between two records: small, and the same after a restart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar

from pydantic import TypeAdapter, ValidationError

from reports.judgement.betting import Betting
from reports.judgement.count_process import CountProcess
from reports.judgement.e_values import BadState as BadState
from reports.judgement.e_values import weighted_mean
from reports.judgement.gate_decision import Phase, Verb
from reports.judgement.gate_rules import FORM, Rules, StageRule
from reports.judgement.independence import Echoes, Gap
from reports.judgement.latency_bits import Bounds, Calibration
from reports.judgement.pair_process import PairProcess
from reports.judgement.rounds_process import RoundsProcess

VERSION = 1  # of the state's form: a state of another one is refused, and made again from the evidence
SETBACK_S = 300.0  # by which records may come out of order; beyond it a clock was set back
SETBACKS_MAX = 3
NAMES_KEPT = 50  # of scenarios that failed or were not proven


@dataclass(frozen=True, slots=True)
class Clock:
    """The gate's own time: it never runs backwards, whatever the clock of the records does."""

    __pydantic_config__: ClassVar = FORM

    now: float
    offset: float = 0.0
    setbacks: int = 0

    def advanced(self, at: float) -> tuple[Clock, float]:
        """Return the clock after a record, and when that was in the gate's time (perhaps a little before `now`).

        Records that overlap come out of order by seconds, and wait for nothing. A clock that was set back far is counted
        on from where it stands now.
        """
        seen = at + self.offset
        if seen < self.now - SETBACK_S:
            return Clock(self.now, self.now - at, self.setbacks + 1), self.now
        return Clock(max(self.now, seen), self.offset, self.setbacks), seen


@dataclass(frozen=True, slots=True)
class Tally:
    """What was seen in the stage that the rollout is at."""

    __pydantic_config__: ClassVar = FORM

    since_at: float | None = None  # as its record said
    since: float = 0.0  # of the gate's clock
    spent_s: float = 0.0  # towards its maximum: while no person held it
    watched_s: float = 0.0  # towards its minimum: while rounds were evidence
    watched_at: float | None = None
    seen: int = 0  # rounds of any kind
    usable: int = 0  # that are evidence
    rounds: int = 0  # that are evidence and independent of each other
    canary_failed: int = 0  # of these
    baseline_failed: int = 0
    worse: int = 0  # rounds that spoke against the canary for its promotion
    better: int = 0
    misrouted: int = 0
    strayed: int = 0  # of these, those in which another version answered for the canary
    unproven: int = 0  # on one side or both
    flawed: tuple[int, int] = (0, 0)  # usable rounds with something flaky or slow that was good all the same: canary, baseline
    good_in_a_row: int = 0  # of the canary, the newest rounds that are evidence
    left_out: Mapping[str, int] = field(default_factory=dict)  # scenario -> usable rounds that left it out
    left_out_more: bool = False  # there were more of these than are kept
    is_shown: bool = False
    told_by: str = ""  # who said that it is, where no evidence did
    k: float | None = None  # when it was shown
    upper_bound: float | None = None


@dataclass(frozen=True, slots=True)
class MetricState:
    """One metric's evidence. Only what its kind needs is set."""

    __pydantic_config__: ClassVar = FORM

    pairs: PairProcess | None = None
    scenarios: Mapping[str, PairProcess] = field(default_factory=dict)  # of rounds: each scenario's own evidence
    counts: CountProcess | None = None
    calibration: Calibration | None = None
    bounds: Bounds | None = None
    read_at: float | None = None  # traffic: the newest good reading, in the gate's time
    trouble: str = ""  # of the newest reading
    window: tuple[float, int, int, int, int] | None = None  # traffic of the last minute: since, canary, failed, baseline, failed
    of_stage: tuple[int, int] = (0, 0)  # traffic: requests of the canary and of the baseline since the stage began
    spiked_since: float | None = None  # in the gate's time: since then each window that tells showed a spike
    stood: tuple[tuple[float, float], ...] = ()  # traffic that has to settle: since when it is at least so much

    @property
    def e(self) -> float:
        """The evidence that counts. It is the least of the time in which it settles, so it is one of an e-process, too."""
        return self.stood[0][1] if self.stood else self.newest_e

    @property
    def newest_e(self) -> float:
        if self.pairs is not None:
            return RoundsProcess(self.pairs, self.scenarios).e
        return 1.0 if self.counts is None else self.counts.e


@dataclass(frozen=True, slots=True)
class TriggerState:
    """How one trigger stands. `alone`: rounds in a row in which only the canary showed it; below 0 after the baseline did."""

    __pydantic_config__: ClassVar = FORM

    armed: int = 0  # rounds of this stage
    seen: int = 0  # rounds in a row on the canary
    alone: int = 0
    shared: bool = False  # the newest round showed it on the canary, and the baseline did then or just before
    elsewhere: bool = False  # the baseline showed it at some time
    say: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """What a gate, or its stage, came to."""

    __pydantic_config__: ClassVar = FORM

    verb: Verb
    code: str
    say: str


@dataclass(frozen=True, slots=True)
class Newest:
    """What the newest rounds said that is no count of a stage."""

    __pydantic_config__: ClassVar = FORM

    both_bad: int = 0  # rounds in a row
    baseline_bad: int = 0
    clocks_apart_s: float | None = None
    canary_said: tuple[str, ...] = ()  # other versions than wanted, at most three
    baseline_said: tuple[str, ...] = ()
    trouble: str = ""  # why the newest round could not be asked


@dataclass(frozen=True, slots=True)
class GateState:
    """What the records up to now add up to."""

    __pydantic_config__: ClassVar = FORM

    gate: str
    rules: Rules
    phase: Phase
    at: float  # of the newest record
    clock: Clock
    gap: Gap
    metrics: tuple[MetricState, ...]
    triggers: tuple[TriggerState, ...]
    stage: int = -1  # before the first
    shown_upto: int = 0  # so many stages from the first on are shown
    furthest: int = -1  # the last stage that ever began
    tally: Tally = field(default_factory=Tally)
    rounds_all: int = 0  # independent rounds that are evidence, of all stages
    worse: int = 0  # of these, over all stages: what the evidence for promotion is
    better: int = 0
    same: int = 0
    echoes: Echoes = field(default_factory=Echoes)
    failing: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # scenario -> rounds it failed in, canary and baseline
    newest: Newest = field(default_factory=Newest)
    held_by: str = ""
    end: End | None = None
    version: int = VERSION

    @property
    def asked(self) -> StageRule:
        """Return what is to be shown at this stage: also what stages that were skipped would have asked."""
        return self.rules.asked(min(self.shown_upto, max(self.stage, 0)), max(self.stage, 0))

    @property
    def skipped(self) -> bool:
        return self.stage > self.shown_upto

    @property
    def e(self) -> float:
        """The evidence against the canary, of all metrics and stages: roll back at 1/alpha."""
        return weighted_mean((rule.weight, one.e) for rule, one in zip(self.rules.metrics, self.metrics, strict=True))

    @property
    def newest_e(self) -> float:
        """The same, with what has still to settle."""
        return weighted_mean((rule.weight, one.newest_e) for rule, one in zip(self.rules.metrics, self.metrics, strict=True))

    def bets(self, margin: float) -> Betting:
        """Return the evidence, of all stages, that the canary fails at most `margin` points more often."""
        return Betting(margin, self.rules.beta, self.worse, self.better, self.same)

    def as_json(self) -> dict[str, Any]:
        """Return the state as JSON values; `read` gives the same state again, bit for bit."""
        made: dict[str, Any] = _form().dump_python(self, mode="json")
        return made

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> GateState:
        """Raises: BadState."""
        if told.get("version") != VERSION:
            raise BadState(f"a state of form {told.get('version')!r} cannot be read, only of form {VERSION}")
        try:
            return _form().validate_python(dict(told))
        except ValidationError as problem:
            first = problem.errors()[0]
            raise BadState(f"'{'.'.join(map(str, first['loc']))}' of a state is not what it is: {first['msg']}") from None


@cache
def _form() -> TypeAdapter[GateState]:
    return TypeAdapter(GateState)
