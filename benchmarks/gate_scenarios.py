"""Measure what each scenario's own evidence adds to the round's: eight scenarios, of which one gets worse on the canary.

`python benchmarks/gate_scenarios.py [--json] [--gates N] [--seed N]`. A round is bad where any scenario is. For each world:
the share of canaries that are rolled back within 2,000 rounds, and after how many on average (a miss counts as 2,000), by
the round alone and as the gate does it.
"""

from __future__ import annotations

import argparse
import json
from random import Random

from gate_walk import ALPHA

from reports.judgement.independence import Unit
from reports.judgement.rounds_process import RoundsProcess

HORIZON, SCENARIOS = 2000, 8
_QUIET = 0.00063  # of each of eight: 0.5 % of rounds
# rates of the canary's and the baseline's first scenario, then of the second; the others are quiet
WORLDS: dict[str, tuple[float, float, float, float]] = {
    "sound": (_QUIET, _QUIET, _QUIET, _QUIET),
    "one at 1.5 points more": (0.0156, _QUIET, _QUIET, _QUIET),
    "the same, another flaky at 5 % on both": (0.0156, _QUIET, 0.05, 0.05),
    "one at 5 points more, another flaky at 5 % on both": (0.05, _QUIET, 0.05, 0.05),
    "sound, one flaky at 5 % on both": (_QUIET, _QUIET, 0.05, 0.05),
}


def study(world: str, gates: int, seed: int) -> dict[str, float]:
    ends = [_gate(WORLDS[world], Random(f"{seed}:{world}:{number}")) for number in range(gates)]
    made: dict[str, float] = {}
    for place, who in enumerate(("round_alone", "ours")):
        made[f"{who}_rolled_back"] = round(sum(one[place] is not None for one in ends) / gates, 3)
        made[f"{who}_mean_rounds"] = round(sum(one[place] or HORIZON for one in ends) / gates, 1)
    return made


def _gate(rates: tuple[float, float, float, float], random: Random) -> tuple[int | None, int | None]:
    names = [str(number) for number in range(SCENARIOS)]
    chances = dict.fromkeys(names, (_QUIET, _QUIET)) | {"0": rates[:2], "1": rates[2:]}
    process, alone, ours = RoundsProcess.new(names), None, None
    for number in range(1, HORIZON + 1):
        bad = {name: (random.random() < canary, random.random() < baseline) for name, (canary, baseline) in chances.items()}
        process = process.updated(Unit(number, any(c for c, _ in bad.values()), any(b for _, b in bad.values()), 1, bad))
        alone = number if alone is None and process.whole.e >= 1 / ALPHA else alone
        ours = number if ours is None and process.e >= 1 / ALPHA else ours
        if alone and ours:
            break
    return alone, ours


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--gates", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    figures = {world: study(world, args.gates, args.seed) for world in WORLDS}
    print(json.dumps(figures) if args.json else "\n".join(f"{world:<54} {told}" for world, told in figures.items()))


if __name__ == "__main__":
    main()
