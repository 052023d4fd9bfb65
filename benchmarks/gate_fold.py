"""Walk whole rollouts through the gate itself: from records, by the fold that decides in the service and on the command line."""

from __future__ import annotations

from collections.abc import Iterator

from gate_walk import ALPHA, BETA, STAGES, End, Round

from reports.judgement.gate import Phase, begun, step
from scenarios.gates.records import Opened, RoundSeen, ScenarioSeen, Seat, SideSeen, StageBegan

_EVERY_S = 10.0
_POLICY = {
    "canary": {"version": "2"},
    "baseline": {"version": "1"},
    "alpha": ALPHA,
    "beta": BETA,
    "every": _EVERY_S,
    "stages": [
        {
            "weight": weight,
            "margin": stage.margin_points,
            "min_rounds": stage.min_rounds,
            "max_rounds": stage.max_rounds,
            "max_time": 2_000_000,
        }
        for weight, stage in zip((5, 25, 50), STAGES, strict=True)
    ],
    "metrics": [{"kind": "rounds", "weight": 1.0}],
    "triggers": [],
}
_SIDES = {
    bad: SideSeen({"round": ScenarioSeen(Seat.BAD if bad else Seat.GOOD, seconds=0.1, armed=True)}, right=1, wrong=0, unmarked=0)
    for bad in (True, False)
}
_ENDS = {Phase.PROMOTED: "promoted", Phase.ROLLED_BACK: "rolled_back", Phase.INCONCLUSIVE: "inconclusive"}


def fold(rounds: Iterator[Round]) -> End:
    """Return how the gate ends a rollout; the next stage begins as soon as one is shown."""
    at = 1_800_000_000.0
    state = step(begun(Opened(at, "bench", _POLICY, gap_s=_EVERY_S, triggers={})), StageBegan(at, 0))
    for asked, (canary_bad, baseline_bad) in enumerate(rounds, start=1):
        at += _EVERY_S
        state = step(state, RoundSeen(at, _SIDES[canary_bad], _SIDES[baseline_bad]))
        if state.phase in _ENDS:
            return End(_ENDS[state.phase], asked)
        if state.tally.is_shown:
            state = step(state, StageBegan(at + 1, state.stage + 1))
    return End("inconclusive", len(STAGES))
