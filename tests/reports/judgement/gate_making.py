"""This file is for the records that tests of a gate's judgement are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reports.judgement.gate import Decision, GateState, begun, decide, step
from scenarios.gates.records import Opened, Record, RoundSeen, ScenarioSeen, Seat, SideSeen, StageBegan

BEGAN = 1_800_000_000.0
EVERY = 10.0
LEAK, ERRORS = "cross_tenant_leak", "critical_errors"
NAMES = ("login", "search")
SHORT = ({"weight": 25, "margin": 20, "min_rounds": 5, "max_rounds": 60, "max_time": 3600},)


def policy(**given: Any) -> dict[str, Any]:
    """A policy as its JSON stands in evidence: one stage that some twenty good rounds show."""
    return {
        "name": "shop",
        "service": "shop",
        "suite": "shop.yaml",
        "target": "staging",
        "canary": {"base_url": "http://127.0.0.1:1", "version": "2.0", "headers": {"X-Key": {"file": "/no/such/key"}}},
        "baseline": {"base_url": "http://127.0.0.1:2", "version": "1.0"},
        "identity": {"header": "X-Version"},
        "alpha": 0.05,
        "beta": 0.05,
        "every": EVERY,
        "stages": list(SHORT),
        "metrics": [{"kind": "rounds", "weight": 1.0}],
        "triggers": [
            {"id": LEAK, "danger": LEAK, "times": 1, "shared": "rollback"},
            {"id": ERRORS, "scenarios": ["login"], "times": 3, "shared": "hold"},
        ],
        **given,
    }


def opened(gap_s: float = EVERY, armed: Mapping[str, tuple[str, ...]] | None = None, **given: Any) -> Opened:
    arms = {LEAK: ("search",), ERRORS: ("login",)} if armed is None else armed
    return Opened(at=BEGAN, gate="shop@2.0", policy=policy(**given), gap_s=gap_s, triggers=arms)


def seen(seat: Seat = Seat.GOOD, **given: Any) -> ScenarioSeen:
    told = {"armed": seat is Seat.GOOD, "seconds": 0.05, "say": "" if seat is Seat.GOOD else "it answered 500", **given}
    return ScenarioSeen(seat, **told)


def side(*bad: str, none: Iterable[str] = (), leak: bool = False, names: Iterable[str] = NAMES, **given: Any) -> SideSeen:
    """One side in a round: `bad` scenarios failed, `none` were not proven, all others were good."""
    scenarios = {name: seen(Seat.BAD if name in bad else Seat.NONE if name in none else Seat.GOOD) for name in names}
    if leak:
        scenarios["search"] = seen(Seat.BAD, dangers=(LEAK,), armed=True, say="tenant 20 was served tenant 15's slots")
    return SideSeen(**{"scenarios": scenarios, "right": 4, "wrong": 0, "unmarked": 0, **given})


def dead(**given: Any) -> SideSeen:
    return side(*NAMES, **{"right": 0, "unreachable": True, **given})


def a_round(number: int, canary: SideSeen | None = None, baseline: SideSeen | None = None) -> RoundSeen:
    """Round `number`, from 1, of a gate that asks every ten seconds."""
    return RoundSeen(BEGAN + EVERY * number, canary or side(), baseline or side())


def rounds(many: int, canary: SideSeen | None = None, baseline: SideSeen | None = None, *, after: int = 0) -> list[RoundSeen]:
    return [a_round(number, canary, baseline) for number in range(after + 1, after + many + 1)]


def stage(index: int = 0, *, after: int = 0) -> StageBegan:
    return StageBegan(BEGAN + EVERY * after, index)


def folded(records: Iterable[Record], start: Opened | None = None) -> GateState:
    state = begun(start or opened())
    for record in records:
        state = step(state, record)
    return state


def decided(records: Iterable[Record], start: Opened | None = None) -> Decision:
    return decide(folded(records, start))
