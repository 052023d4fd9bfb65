"""Measure how often the canary gate errs, and how long it takes, beside what other gates decide about the same rounds.

`python benchmarks/gate.py [--json] [--quick] [--seed N] [--workers N] [--fold N]`. Rounds are drawn from a seed; the
product's own judgement decides. `false_rollback`: both sides fail as often, at three rates, and the gate looks after each
of 2,000 rounds.
`miss_2pct` and `mean_pairs_2pct`: the canary fails in 2 % of rounds, the baseline in 0.5 % (a miss counts as 2,000 rounds).
Then whole rollouts over three stages: `sound` fails as often as the baseline (0.5 %), `bad_2pct` four times as often,
`shared_incident` is 6 % on both sides. `bursts_*`: failures last 5 probes on average, a probe is asked each second, the gap
is what the product makes of such a history; the false promotion is that of the worst of three margins, with the canary
exactly at it. `dead_after_pairs`: the canary fails always, mean. Shares are from 0 to 1. Without `--json`, standard errors
and further rollouts are printed, too. `--fold` walks so many of the first rollouts of each kind through the whole gate, too,
and says how many end at the same round in the same way.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import gate_peers as peers
from gate_fold import fold
from gate_walk import LONGEST, STAGES, chance_error, rollback_at, rollback_by_blocks, shown_at, walk
from gate_worlds import dice, history, in_bursts, independent

from scenarios.gates.bursts import independence_gap_s

HORIZON = 2000  # rounds of a single metric
GAP_S = math.ceil(independence_gap_s([history()]))  # as the product takes it from what the monitor has seen before
BURSTS_S = 5_000  # seconds, each with a probe: 500 blocks
SOUND = 0.005
CHUNK = 20  # gates that a worker simulates at once
PEERS = tuple(peers.RULES)


@dataclass(frozen=True, slots=True)
class Share:
    """How many of so many."""

    hits: int
    of: int

    @property
    def ratio(self) -> float:
        return self.hits / self.of

    def __str__(self) -> str:
        return f"{100 * self.ratio:5.1f} % ± {100 * chance_error(self.ratio, self.of):.1f}"


# One gate of each kind: (seed, number) -> what came of it for ours and for each peer.
Ends = dict[str, tuple[str, int]]


def metric(name: str, canary_rate: float, baseline_rate: float) -> Callable[[int, int], Ends]:
    def one(seed: int, number: int) -> Ends:
        rounds = list(islice(independent(dice(seed, name, number), canary_rate, baseline_rate), HORIZON))
        found = {"ours": rollback_at(rounds)} | {peer: rule(rounds) for peer, rule in peers.RULES.items()}
        return {who: ("missed", HORIZON) if at is None else ("rolled_back", at) for who, at in found.items()}

    return one


def whole(name: str, canary_rate: float, baseline_rate: float) -> Callable[[int, int], Ends]:
    def one(seed: int, number: int) -> Ends:
        rounds = list(islice(independent(dice(seed, name, number), canary_rate, baseline_rate), LONGEST))
        end = walk(iter(rounds))
        return {"ours": (end.what, end.rounds)} | {peer: peers.rollout(rule, rounds) for peer, rule in peers.RULES.items()}

    return one


def bursts_rollback(seed: int, number: int) -> Ends:
    random = dice(seed, "bursts_rollback", number)
    rounds = list(islice(zip(in_bursts(random, SOUND), in_bursts(random, SOUND), strict=False), BURSTS_S))
    found: Ends = {"ours": ("rolled_back" if rollback_by_blocks(rounds, GAP_S) else "held", BURSTS_S)}
    return found | {peer: ("held" if rule(rounds) is None else "rolled_back", BURSTS_S) for peer, rule in peers.RULES.items()}


def bursts_promote(margin_points: float) -> Callable[[int, int], Ends]:
    """Only what is asked as a gap ends is drawn: nothing else counts."""

    def one(seed: int, number: int) -> Ends:
        random = dice(seed, f"bursts_promote {margin_points}", number)
        sides = (in_bursts(random, SOUND + margin_points / 100, GAP_S), in_bursts(random, SOUND, GAP_S))
        rounds = ((GAP_S * at, pair) for at, pair in enumerate(islice(zip(*sides, strict=False), HORIZON)))
        shown = shown_at(rounds, margin_points, GAP_S)
        return {"ours": ("held", HORIZON) if shown is None else ("promoted", shown)}

    return one


# Rates of the canary and of the baseline.
ROLLOUTS = {**{f"whole {rate}": (rate, SOUND) for rate in (SOUND, 0.01, 0.015, 0.02, 0.05)}, "whole shared": (0.06, 0.06)}
KINDS: dict[str, Callable[[int, int], Ends]] = {
    **{f"false {rate}": metric(f"false {rate}", rate, rate) for rate in (0.005, 0.02, 0.06)},
    **{f"miss {rate}": metric(f"miss {rate}", rate, SOUND) for rate in (0.02, 0.05, 0.2, 1.0)},
    **{kind: whole(kind, *rates) for kind, rates in ROLLOUTS.items()},
    "bursts rollback": bursts_rollback,
    **{f"bursts promote {stage.margin_points}": bursts_promote(stage.margin_points) for stage in STAGES},
}
GATES = {"bursts": 400, "miss 0.05": 400, "miss 0.2": 400, "miss 1.0": 400}  # of the full run, where not `DEFAULT`
DEFAULT, QUICK = 1000, 40


class Study:
    """What came of all gates of each kind."""

    def __init__(self, ends: dict[str, list[Ends]]) -> None:
        self._ends = ends

    def share(self, kind: str, what: str, who: str = "ours") -> Share:
        ends = self._ends[kind]
        return Share(sum(one[who][0] == what for one in ends), len(ends))

    def mean(self, kind: str, who: str = "ours", what: str = "") -> float:
        """Return the mean of rounds, of all gates or of those that ended so; 0 where none did."""
        rounds = [one[who][1] for one in self._ends[kind] if not what or one[who][0] == what]
        return sum(rounds) / len(rounds) if rounds else 0.0


def study(seed: int, workers: int, gates: Callable[[str], int]) -> Study:
    chunks = [(seed, kind, at, min(at + CHUNK, gates(kind))) for kind in KINDS for at in range(0, gates(kind), CHUNK)]
    ends: dict[str, list[Ends]] = {kind: [] for kind in KINDS}
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for kind, found in pool.imap(_chunk, chunks):
            ends[kind] += found
    return Study(ends)


def _chunk(task: tuple[int, str, int, int]) -> tuple[str, list[Ends]]:
    seed, kind, begin, end = task
    return kind, [KINDS[kind](seed, number) for number in range(begin, end)]


def folded(seed: int, gates: int) -> Iterator[tuple[str, int]]:
    """Yield how many rollouts of each kind end in the whole gate as they do in the walk."""
    for kind, rates in ROLLOUTS.items():
        same = 0
        for number in range(gates):
            rounds = list(islice(independent(dice(seed, kind, number), *rates), LONGEST))
            walked, whole_gate = walk(iter(rounds)), fold(iter(rounds))
            same += walked == whole_gate
        yield kind, same


def figures(made: Study) -> dict[str, object]:
    return {
        **_figures(made, "ours"),
        "bursts_false_promote": max(made.share(f"bursts promote {s.margin_points}", "promoted").ratio for s in STAGES),
        "peers": {
            "fixed_threshold": {
                **_figures(made, "fixed_threshold"),
                "at_stage_end": _figures(made, "fixed_threshold_at_stage_end"),
            },
            "argo_failure_limit": _figures(made, "argo_failure_limit"),
            "kayenta_like": _figures(made, "kayenta_like"),
        },
    }


def _figures(made: Study, who: str) -> dict[str, object]:
    def ratio(kind: str, what: str) -> float:
        return round(made.share(kind, what, who).ratio, 4)

    return {
        "false_rollback": {str(rate): ratio(f"false {rate}", "rolled_back") for rate in (0.005, 0.02, 0.06)},
        "miss_2pct": ratio("miss 0.02", "missed"),
        "mean_pairs_2pct": round(made.mean("miss 0.02", who), 1),
        "sound_promoted": ratio(f"whole {SOUND}", "promoted"),
        "sound_rolled_back": ratio(f"whole {SOUND}", "rolled_back"),
        "mean_rounds_sound": round(made.mean(f"whole {SOUND}", who), 1),
        "bad_2pct_promoted": ratio("whole 0.02", "promoted"),
        "shared_incident_rolled_back": ratio("whole shared", "rolled_back"),
        "bursts_false_rollback": ratio("bursts rollback", "rolled_back"),
        "dead_after_pairs": round(made.mean("miss 1.0", who), 2),
    }


def table(made: Study) -> Iterable[str]:
    """Yield the lines for people: ours with its standard errors, then each peer."""
    yield f"{'':<26}" + "".join(f"{who:<30}" for who in ("ours", *PEERS))
    for kind in KINDS:
        if kind.startswith("bursts promote"):
            yield f"{kind + ' promoted':<26}{made.share(kind, 'promoted')}"
            continue
        whats = ("promoted", "rolled_back", "inconclusive") if kind.startswith("whole") else ("rolled_back",)
        for what in whats:
            row = (f"{made.share(kind, what, who)} ({made.mean(kind, who, what):.0f})" for who in ("ours", *PEERS))
            yield f"{kind + ' ' + what:<26}" + "".join(f"{cell:<30}" for cell in row)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} gates of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--fold", type=int, default=0, help="only compare so many rollouts of each kind with the whole gate's")
    args = parser.parse_args()
    if args.fold:
        print("\n".join(f"{kind:<14} {same} of {args.fold} end alike" for kind, same in folded(args.seed, args.fold)))
        return

    def gates(kind: str) -> int:
        return QUICK if args.quick else next((number for name, number in GATES.items() if kind.startswith(name)), DEFAULT)

    made = study(args.seed, args.workers, gates)
    print(json.dumps(figures(made)) if args.json else "\n".join(table(made)))


if __name__ == "__main__":
    main()
