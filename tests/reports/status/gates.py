"""This file is for gates in every state, as their pages are given them: made up, but of the real parts."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from reports.gates import Gate
from reports.judgement.gate import Decision, MetricStands, Phase, TriggerStands, Verb
from reports.status.gate_curve import Curve, Point
from reports.status.gate_past import Past, StageSeen
from scenarios.gates.policy import Policy
from scenarios.gates.records import RoundSeen, ScenarioSeen, Seat, SideSeen, Told

NOW = datetime(2026, 1, 15, 15, 0, tzinfo=UTC)
AT = NOW.timestamp()
NAMES = ("free appointments are offered", "tenants never share a cache entry", "no personal data reaches the log")
POLICY = Policy.model_validate(
    {
        "name": "checkout",
        "service": "shop/checkout",
        "suite": "demo",
        "target": "reference",
        "canary": {"version": "1.5.0"},
        "baseline": {"version": "1.4.1"},
        "identity": {"header": "X-Version"},
        "metrics": [{"kind": "rounds", "weight": 0.7}, {"kind": "latency", "weight": 0.3, "above": "p95"}],
        "stages": [
            {"name": "smoke", "weight": 0, "max_time": "10m"},
            {"weight": 5, "margin": 4.5, "min_rounds": 100},
            {"weight": 25, "margin": 2, "min_rounds": 200, "max_rounds": 1200, "max_time": "6h"},
            {"weight": 50, "margin": 1, "min_rounds": 300, "max_rounds": 2500, "max_time": "12h"},
            {"name": "bake", "weight": 100, "min_time": "1h", "max_time": "3h"},
        ],
    }
).model_dump(mode="json")
TRIGGERS = (
    TriggerStands("cross_tenant_leak", "clear", 212, 0),
    TriggerStands("pii_in_logs", "clear", 209, 0),
    TriggerStands("breaker_stuck_open", "clear", 212, 0),
    TriggerStands("canary_unreachable", "clear", 212, 0),
)
HELD = "maria: the database is being moved"


def decision(phase: Phase = Phase.RUNNING, verb: Verb = Verb.HOLD, **more: Any) -> Decision:
    """Return a decision in the middle of the stage of 25 %, but for what is given."""
    made = Decision(
        phase=phase,
        verb=verb,
        final=verb is not Verb.HOLD,
        reason_code="insufficient_evidence",
        reason="212 of about 344 rounds; increase < 2.9 points at 95 %, need < 2.0",
        at=AT - 4,
        stage=2,
        weight=25.0,
        stage_since=AT - 2120,
        e=1.7,
        e_threshold=20.0,
        k=6.2,
        k_threshold=20.0,
        margin=2.0,
        upper_bound=2.9,
        rounds=212,
        rounds_all=337,
        rounds_expected=344,
        canary_failed=2,
        baseline_failed=1,
        no_evidence=3,
        min_rounds=200,
        max_rounds=1200,
        triggers=TRIGGERS,
        metrics=(MetricStands("rounds", 0.7, 1.9), MetricStands("latency_gt_p95", 0.3, 0.8)),
        warnings=(),
        shadow=False,
    )
    return replace(made, **more)


def gate(of: Decision, **more: Any) -> Gate:
    """Return the gate that a decision is about, as the ledger has it."""
    told: Mapping[str, Any] = {
        "decision": of.verb.value,
        "reason": of.reason,
        "reason_code": of.reason_code,
        "stage": {"index": of.stage, "weight": of.weight},
        "shadow": of.shadow,
        "held_by": of.held_by,
    }
    made = Gate(
        id="g-1", name="checkout@1.5.0", service="shop/checkout", policy="checkout", policy_path="checkout.yaml",
        location="local", canary_version="1.5.0", baseline_version="1.4.1",
        weights=tuple(one["weight"] for one in POLICY["stages"]), every_s=10.0, opened_at=NOW - timedelta(hours=1),
        opened_by="argo", phase=of.phase, decision=told, seq=342,
        fresh_until=NOW + timedelta(seconds=30),
        ended_at=NOW - timedelta(minutes=1) if of.phase.is_over else None,
    )  # fmt: skip
    return replace(made, **more)


def side(bad: str = "", say: str = "", *, seat: Seat = Seat.BAD, wrong: int = 0, **more: Any) -> SideSeen:
    """Return one side of a round, good but for the scenario named."""
    seen = {name: ScenarioSeen(seat if name == bad else Seat.GOOD, say if name == bad else "", 0.084) for name in NAMES}
    return SideSeen(seen, right=30 - wrong, wrong=wrong, unmarked=0, **more)


def round_of(ago_s: float, canary: SideSeen | None = None, baseline: SideSeen | None = None) -> RoundSeen:
    return RoundSeen(AT - ago_s, canary or side(), baseline or side())


def curve(stages: Mapping[int, int], e: float = 1.02, k: float = 1.012, jump: float = 1.0) -> Curve:
    """Return evidence that grows by a factor each round, over so many rounds of each stage, with a jump at the last five."""
    made, e_now, whole = Curve(), 1.0, sum(stages.values())
    for stage, rounds in stages.items():
        k_now = 1.0
        for number in range(rounds):
            wobble = 0.82 if number % 29 == 17 else 1.0
            e_now = e_now * (e if number % 53 == 21 else 0.997) * (jump if whole - made.rounds <= 5 else 1.0)
            k_now *= k * wobble
            margin = POLICY["stages"][stage]["margin"]
            made.grow(Point(made.rounds + 1, AT - 10.0 * (whole - made.rounds), stage, e_now, k_now if margin else None))
    return made


def past(points: Curve | None = None, **more: Any) -> Past:
    """Return what the evidence of a gate tells, with a few quiet rounds."""
    rounds = deque(round_of(10.0 * ago) for ago in range(6, 0, -1))
    stages = {0: StageSeen(3), 1: StageSeen(122, 0.93, 21.3)}
    return Past(**{"policy": POLICY, "curve": points or Curve(), "rounds": rounds, "stages": stages, "lines": 342, **more})


def states() -> dict[str, tuple[Gate, Decision, Past]]:
    """Return a gate in every state that its page tells apart."""
    usual = {0: 3, 1: 122, 2: 212}
    leak = "tenant 20 was served tenant 15's slots from the cache"
    unproven = tuple(replace(one, state="unproven", armed_rounds=0) for one in TRIGGERS)
    fired = (replace(TRIGGERS[0], state="fired", seen=1, say=leak), *TRIGGERS[1:])
    nothing = {"rounds": 0, "rounds_all": 0, "canary_failed": 0, "baseline_failed": 0, "no_evidence": 0, "k": 1.0, "e": 1.0}
    pending = decision(Phase.PENDING, reason="no stage has begun", stage=-1, weight=0.0, stage_since=None, triggers=unproven,
                       upper_bound=None, rounds_expected=None, margin=None, **nothing)  # fmt: skip
    early = decision(reason="2 of about 122 rounds; pii_in_logs was not armed yet", stage=1, weight=5.0, rounds=2, rounds_all=5,
                     rounds_expected=122, e=1.0, k=1.1, margin=4.5, upper_bound=78.0, canary_failed=0, baseline_failed=0,
                     triggers=(TRIGGERS[0], unproven[1], *TRIGGERS[2:]))  # fmt: skip
    worse = decision(Phase.ROLLED_BACK, Verb.ROLLBACK, reason_code="worse", e=4.1e5, k=3e-4, canary_failed=31,
                     reason="the canary fails more often: 31 of 212 rounds against 1 (E 4.1 × 10⁵)")  # fmt: skip
    by_trigger = decision(Phase.ROLLED_BACK, Verb.ROLLBACK, reason_code="trigger:cross_tenant_leak", triggers=fired,
                          reason=f"cross_tenant_leak: {leak}")  # fmt: skip
    late = decision(Phase.INCONCLUSIVE, Verb.INCONCLUSIVE, reason_code="out_of_time", rounds=1200, rounds_all=1325, k=0.4,
                    reason="1,200 rounds are over: increase < 2.3 points at 95 %, need < 2.0", upper_bound=2.3)  # fmt: skip
    misrouted = decision(Phase.INCONCLUSIVE, Verb.INCONCLUSIVE, reason_code="misrouted", rounds=9, rounds_all=134, k=1.2,
                         no_evidence=31,
                         reason="31 of 40 rounds were answered by the wrong side (1.4.1 where 1.5.0 was asked)")  # fmt: skip
    holding = (Told(at=AT - 300, action="hold", by="maria", reason="the database is being moved"),)
    bad = round_of(10, side(NAMES[1], leak))
    stray = round_of(10, side(wrong=24, said_versions=("1.4.1",)))
    promoted = decision(Phase.PROMOTED, Verb.PROMOTE, reason="all stages are shown", stage=4, weight=100.0, k=24.0, margin=None,
                        upper_bound=None, rounds=360, rounds_all=1420)  # fmt: skip
    all_stages = {0: 3, 1: 122, 2: 344, 3: 850, 4: 360}
    made = {
        "pending": (pending, past(rounds=deque(), stages={})),
        "early": (early, past(curve({0: 3, 1: 2}), rounds=deque([round_of(10)]))),
        "running": (decision(), past(curve(usual))),
        "shown": (decision(verb=Verb.PROMOTE, k=21.3, rounds=344, reason="increase < 2.0 points at 95 %, as wanted"),
                  past(curve({0: 3, 1: 122, 2: 344}))),
        "held": (decision(held_by=HELD, reason_code="held", reason=f"held by {HELD}"), past(curve(usual), acts=deque(holding))),
        "promoted": (promoted, past(curve(all_stages, k=1.0135))),
        "rolled back": (worse, past(curve(usual, jump=14.0), rounds=deque([round_of(20), bad]))),
        "trigger": (by_trigger, past(curve(usual), rounds=deque([round_of(20), bad]))),
        "inconclusive": (late, past(curve({0: 3, 1: 122, 2: 1200}, k=1.0062))),
        "misrouted": (misrouted, past(curve({0: 3, 1: 122, 2: 40}), rounds=deque([stray, stray]))),
        "cancelled": (decision(Phase.CANCELLED, reason="cancelled by maria: wrong image", reason_code="cancelled"),
                      past(curve(usual), acts=deque([replace(holding[0], action="cancel", reason="wrong image")]))),
        "shadow": (decision(shadow=True, warnings=("evidence is thinned: failures come in bursts",)), past(curve(usual))),
    }  # fmt: skip
    return {name: (gate(of), of, told_of) for name, (of, told_of) in made.items()}
