"""Measure how long each bundled suite takes against its sound reference system, beside its critical path.

`python benchmarks/suites.py [--json] [--rounds N] [--system NAME]`. The critical path is the longest chain of scenarios that had
to wait for each other, by `needs` or because one must have the target to itself. The bar is 1.15 for the median of the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from probes.undo import Journal
from scenarios.loader import load_suite
from scenarios.runner import run
from vedette.reference.system import find_system, system_names

BAR = 1.15


async def measured(name: str, target: str) -> dict[str, float]:
    """Return the times of one run, in seconds."""
    system = find_system(name)
    with tempfile.TemporaryDirectory() as folder:
        async with system(folder=Path(folder)).running() as variables:
            suite = load_suite(system.suite, target=target, environ={**os.environ, **variables})
            began, used = time.perf_counter(), time.process_time()
            result = await run(suite, target, journal=Journal(Path(folder) / "undo"))
            wall, cpu = time.perf_counter() - began, time.process_time() - used
    return {"wall_s": wall, "critical_path_s": result.critical_path_s, "ratio": wall / result.critical_path_s, "cpu_s": cpu}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="runs of each suite (default: 5)")
    parser.add_argument("--system", action="append", default=[], metavar="NAME", help="only this one, repeatable")
    args = parser.parse_args()
    told: dict[str, Any] = {}
    for name in args.system or system_names():
        for target in find_system(name).targets:
            rounds = [asyncio.run(measured(name, target)) for _ in range(args.rounds)]
            middle = {key: round(statistics.median(one[key] for one in rounds), 3) for key in rounds[0]}
            told[f"{name} {target}"] = {**middle, "within": middle["ratio"] <= BAR}
    if args.json:
        print(json.dumps(told))
        return
    for name, one in told.items():
        print(f"{name:34} wall {one['wall_s']:6.2f} s  critical path {one['critical_path_s']:6.2f} s  "
              f"ratio {one['ratio']:.3f}  CPU {one['cpu_s']:5.2f} s")  # fmt: skip


if __name__ == "__main__":
    main()
