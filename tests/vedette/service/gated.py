"""This file is for gates that stand in the store in every state, each led there by its records alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from reports.gates import Gate
from scenarios.gates.policy import Policy
from scenarios.gates.records import Opened, Record, RoundSeen, ScenarioSeen, Seat, SideSeen, StageBegan, Told
from vedette.service.gate_keeping import Keeper, Whose
from vedette.service.state import Service

SCENARIOS = ("free appointments are offered", "tenants never share a cache entry", "no personal data reaches the log")
LEAK = "tenant 20 was served tenant 15's slots from the cache (request 2 of 4)"
POLICY = Policy.model_validate(
    {
        "name": "checkout",
        "service": "shop/checkout",
        "suite": "demo",
        "target": "reference",
        "canary": {"version": "1.5.0"},
        "baseline": {"version": "1.4.1"},
        "identity": {"header": "X-Version"},
        "stages": [
            {"name": "smoke", "weight": 0},
            {"weight": 5, "margin": 10, "min_rounds": 5, "max_rounds": 60},
            {"weight": 25, "margin": 5, "min_rounds": 5, "max_rounds": 120},
            {"name": "bake", "weight": 100},
        ],
        "triggers": [
            {"id": "cross_tenant_leak", "danger": "cross_tenant_leak", "shared": "rollback"},
            {"id": "pii_in_logs", "danger": "personal_data_in_logs", "shared": "rollback"},
            {"id": "canary_unreachable", "danger": "unreachable", "times": 5},
        ],
    }
)
ARMED_BY = {"cross_tenant_leak": (SCENARIOS[1],), "pii_in_logs": (SCENARIOS[2],), "canary_unreachable": SCENARIOS}


def side(bad: str = "", say: str = "", dangers: tuple[str, ...] = (), *, wrong: int = 0, unarmed: str = "") -> SideSeen:
    """Return one side of a round, good and armed but for what is named."""
    seen = {
        name: ScenarioSeen(
            Seat.BAD if name == bad else Seat.GOOD,
            say if name == bad else "",
            0.084,
            dangers if name == bad else (),
            name != unarmed,
        )
        for name in SCENARIOS
    }
    return SideSeen(seen, right=30 - wrong, wrong=wrong, unmarked=0, said_versions=("1.4.1",) if wrong else ())


def rounds(at: float, many: int, canary: SideSeen | None = None, *, spoilt: Sequence[int] = ()) -> Iterator[RoundSeen]:
    """Yield rounds that are ten seconds apart; those in `spoilt` have this canary, or all where none is named."""
    for number in range(many):
        here = canary if canary is not None and (not spoilt or number in spoilt) else side()
        yield RoundSeen(at + 10.0 * number, here, side())


def courses(at: float) -> dict[str, tuple[Record, ...]]:
    """Return the records of a gate for every state that pages tell apart, the newest at about `at`."""
    begun = at - 2000

    def seen(*more: Record | Iterator[RoundSeen]) -> tuple[Record, ...]:
        flat: list[Record] = [StageBegan(begun, 0), *rounds(begun + 1, 3)]
        for one in more:
            flat += [one] if not isinstance(one, Iterator) else list(one)
        return tuple(flat)

    def at_five(many: int, canary: SideSeen | None = None, *, spoilt: Sequence[int] = ()) -> tuple[Record, ...]:
        return seen(StageBegan(begun + 60, 1), rounds(begun + 61, many, canary, spoilt=spoilt))

    def told(action: str, reason: str) -> Told:
        return Told(begun + 181, action, "maria", reason)

    second, third = StageBegan(begun + 700, 2), StageBegan(begun + 1700, 3)
    broken, leaking = side(SCENARIOS[0], "answered 500 instead of 200"), side(SCENARIOS[1], LEAK, ("cross_tenant_leak",))
    return {
        "pending": (),
        "early": at_five(2, side(unarmed=SCENARIOS[2])),
        "running": (*at_five(40), second, *rounds(begun + 701, 9, broken, spoilt=(4,))),
        "shown": at_five(40),
        "held": (*at_five(12), told("hold", "the database is being moved")),
        "promoted": (*at_five(40), second, *rounds(begun + 701, 70), third, *rounds(begun + 1701, 6)),
        "rolled-back": at_five(9, broken),
        "trigger": (*at_five(12), *rounds(begun + 181, 1, leaking)),
        "inconclusive": at_five(60, broken, spoilt=(5, 25, 45)),
        "misrouted": at_five(20, side(wrong=24)),
        "cancelled": (*at_five(12), told("cancel", "the wrong image")),
        "shadow": at_five(12),
    }


def gated(service: Service, name: str, records: Sequence[Record], policy: Policy = POLICY) -> Gate:
    """Keep a gate with its records, as the service would have."""
    at = min([one.at for one in records], default=service.clock().timestamp() - 60) - 1
    own = policy.model_copy(update={"service": f"shop/{name}", "shadow": name == "shadow"})
    opened = Opened(at=at, gate=name, policy=own.model_dump(mode="json"), gap_s=10.0, triggers=ARMED_BY)
    keeper = Keeper(service.gates.ledger)
    gate, _ = keeper.open(opened, own, Whose("checkout.yaml", "local", "argo"))
    for record in records:
        gate = keeper.keep(gate.id, lambda gate, state, record=record: record, fresh_s=60.0)  # type: ignore[misc]
    return gate


def all_gated(service: Service) -> dict[str, Gate]:
    """Keep a gate in every state."""
    now = service.clock().timestamp()
    return {name: gated(service, name, until(records, now)) for name, records in courses(now).items()}


def until(records: Sequence[Record], now: float) -> Sequence[Record]:
    """Return the records moved so that the newest is of now."""
    late = now - max([one.at for one in records], default=now)
    return tuple(replace(one, at=one.at + late) for one in records)
