"""Measure how long it takes from a target's break to the metric and to the page.

`python benchmarks/detection.py [--json] [--rounds N]`. A whole service watches 100 scenarios, each every 2 s. The target
is broken at a random moment and mended again; from its break on, `/metrics` and the overview page are read in turns. A
scenario is detected when its `vedette_scenario_good` is 0, and on the page when the headline counts all as broken.
`interval_s` plus one second is the bar for both p99.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
import urllib.request
from pathlib import Path

from neighbours import Targets, targets
from pages import served
from schedule import suite_of

SCENARIOS = 100
INTERVAL_S = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=10)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, targets() as neighbours:
        suite = Path(folder) / "suite.yaml"
        suite.write_text(suite_of(neighbours, SCENARIOS, INTERVAL_S, 0), encoding="utf-8")
        with served(suite, Path(folder)) as (url, _):
            figures = measured(url, neighbours, args.rounds)
    print(json.dumps(figures) if args.json else "\n".join(f"{name:<22} {value}" for name, value in figures.items()))


def measured(url: str, neighbours: Targets, rounds: int) -> dict[str, object]:
    metric_s: list[float] = []
    page_s: list[float] = []
    for _ in range(rounds):
        wait_until_good(url)
        time.sleep(random.uniform(0, INTERVAL_S))
        neighbours.break_it(True)
        broken_s = time.perf_counter()
        seen: dict[str, float] = {}
        on_page = 0.0
        while len(seen) < SCENARIOS or not on_page:
            bad = {name for name, value in standing(url).items() if not value}
            now_s = time.perf_counter() - broken_s
            seen |= {name: now_s for name in bad if name not in seen}
            page = read(f"{url}/")
            if not on_page and f"{SCENARIOS} of {SCENARIOS} " in page:
                on_page = time.perf_counter() - broken_s
            if now_s > 60:
                raise SystemExit(f"{len(seen)} of {SCENARIOS} were detected within a minute")
        metric_s += seen.values()
        page_s.append(on_page)
        neighbours.break_it(False)
    metric_s.sort()
    return {
        "interval_s": INTERVAL_S,
        "breaks": rounds,
        "metric_p50_s": round(statistics.median(metric_s), 2),
        "metric_p99_s": round(metric_s[int(len(metric_s) * 0.99)], 2),
        "metric_max_s": round(metric_s[-1], 2),
        "all_on_page_p50_s": round(statistics.median(page_s), 2),
        "all_on_page_max_s": round(max(page_s), 2),
    }


def wait_until_good(url: str) -> None:
    while not all((values := standing(url)).values()) or len(values) < SCENARIOS:
        time.sleep(0.2)


def standing(url: str) -> dict[str, bool]:
    """Return of each scenario that was asked whether its metric says that it is good."""
    rows = [row for row in read(f"{url}/metrics").splitlines() if row.startswith("vedette_scenario_good{")]
    return {row.partition('scenario="')[2].partition('"')[0]: row.endswith(" 1") for row in rows}


def read(address: str) -> str:
    with urllib.request.urlopen(address, timeout=30) as answer:
        return str(answer.read().decode())


if __name__ == "__main__":
    main()
