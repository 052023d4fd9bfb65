"""Measure what it costs to be looked at: `/metrics` at 10,000 scenarios, and pages over a store of 10 million outcomes.

`python benchmarks/pages.py [--json] [--quick]`. The store is filled with a past (28 days of 250 scenarios, each minute),
then `vedette serve` runs over it in a process of its own, watching those scenarios rarely, so that what is measured is
the page. `overview_p95_ms` and `scenario_p95_ms` (the 30-day page) are the time of one request after the other, as a
person's browser sees it, caches warm as after a first look. `metrics_cpu_ms` is the CPU of the service for one scrape
of 10,000 scenarios that all have been asked, in a second service without a past. `--quick` takes a tenth of all.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from neighbours import cpu_of, rss_mib, targets
from schedule import suite_of

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.reports.store.watch.filling import Past, fill

LOOKS = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="a tenth of the outcomes and scenarios")
    args = parser.parse_args()
    less = 10 if args.quick else 1
    with tempfile.TemporaryDirectory() as folder:
        figures = over_a_past(Path(folder) / "past", ticks=40_000 // less) | scraped(Path(folder) / "many", 10_000 // less)
    print(json.dumps(figures) if args.json else "\n".join(f"{name:<22} {value}" for name, value in figures.items()))


def over_a_past(folder: Path, ticks: int) -> dict[str, object]:
    folder.mkdir()
    past = Past(ticks=ticks)
    began = time.perf_counter()
    (folder / "state").mkdir()
    outcomes = fill(folder / "state" / "results.db", past)
    filled_s = time.perf_counter() - began
    suite = folder / "suite.yaml"
    lines = [
        f"suite: {past.suite}",
        "targets:",
        f"  {past.target}: {{base_url: 'http://127.0.0.1:9', private_networks: true}}",
        "scenarios:",
    ]
    lines += [
        f"  - {{name: {past.key(n).scenario}, probe: http, schedule: {{every: 1h}}, request: {{path: /}}}}"
        for n in range(past.series)
    ]
    suite.write_text("\n".join(lines), encoding="utf-8")
    with served(suite, folder) as (url, _):
        slug = past.key(7).slug
        looks = {
            "overview": looked_at(f"{url}/"),
            "overview_30d": looked_at(f"{url}/?range=30d"),
            "scenario": looked_at(f"{url}/scenarios/{slug}?range=30d"),
        }
    figures: dict[str, object] = {"outcomes": outcomes, "filled_s": round(filled_s, 1)}
    for name, times in looks.items():
        figures |= {
            f"{name}_p50_ms": round(statistics.median(times), 1),
            f"{name}_p95_ms": round(sorted(times)[int(len(times) * 0.95)], 1),
        }
    return figures


def scraped(folder: Path, scenarios: int) -> dict[str, object]:
    """Return the CPU of one scrape where every scenario has been asked."""
    folder.mkdir()
    suite = folder / "suite.yaml"
    with targets() as neighbours:
        suite.write_text(suite_of(neighbours, scenarios, 120.0, 0), encoding="utf-8")
        with served(suite, folder) as (url, pid):
            wait_until_asked(url, scenarios)
            costs, length = [], 0
            for _ in range(7):
                # What probing costs meanwhile is taken off: it is measured beside, over as long a time.
                idle, idle_s = cpu_of(pid), time.perf_counter()
                time.sleep(2.0)
                rate = (cpu_of(pid) - idle) / (time.perf_counter() - idle_s)
                before, at_s = cpu_of(pid), time.perf_counter()
                for _ in range(5):
                    with urllib.request.urlopen(f"{url}/metrics", timeout=60) as answer:
                        length = len(answer.read())
                took_s = time.perf_counter() - at_s
                costs.append((cpu_of(pid) - before - rate * took_s) / 5 * 1000)
            return {
                "metrics_cpu_ms": round(statistics.median(costs), 1),
                "metrics_mb": round(length / 1e6, 2),
                "metrics_scenarios": scenarios,
                "service_rss_mib": round(rss_mib(pid), 1),
            }


@contextlib.contextmanager
def served(suite: Path, folder: Path) -> Iterator[tuple[str, int]]:
    """Run `vedette serve` and yield its address and process id."""
    environ = {**os.environ, "VEDETTE_STATE_DIR": str(folder / "state")}
    words = [str(Path(sys.executable).with_name("vedette")), "serve", str(suite), "--port", "0", "--log-level", "error"]
    child = subprocess.Popen(words, env=environ, stderr=subprocess.PIPE, text=True)
    try:
        assert child.stderr is not None
        said = before = ""
        while "the page is at" not in said:
            before, said = said, child.stderr.readline()
            if not said:
                raise SystemExit(f"the service ended with {child.wait()}: {before}")
        # left open: a closed pipe would end the service
        yield said.rpartition("at ")[2].strip().rstrip("/"), child.pid
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(60)


def looked_at(url: str) -> list[float]:
    """Return the milliseconds of each of many looks, after the first ones."""
    times = []
    for _ in range(LOOKS + 3):
        began = time.perf_counter()
        with urllib.request.urlopen(url, timeout=60) as answer:
            answer.read()
        times.append((time.perf_counter() - began) * 1000)
    return times[3:]


def wait_until_asked(url: str, scenarios: int) -> None:
    until = time.monotonic() + 300
    while time.monotonic() < until:
        with urllib.request.urlopen(f"{url}/api/v1/status", timeout=60) as answer:
            if json.load(answer)["counts"]["unasked"] == 0:
                return
        time.sleep(1)
    raise SystemExit(f"not all of {scenarios} scenarios were asked")


if __name__ == "__main__":
    main()
