"""Measure how late a whole service starts its ticks, what it misses and what it costs, while a fifth of the targets hang.

`python benchmarks/schedule.py [--json] [--scenarios N] [--seconds S] [--interval I]`. `vedette serve` runs in this
process with everything it has: store, metrics, status page, logs; another process reads `/metrics` every 15 s. Counting
begins when every scenario was due once. The targets live in a process of their own; ten scenarios share a target, and
of every five targets one takes connections and never answers, for as long as the scenario's timeout of 5 s.

`lateness` is from the instant at which a tick was due to the one at which it began; `cpu_s` is of this process, user
and system, all threads; `cpu_us_per_tick` is the same for one tick.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import statistics
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from neighbours import Targets, rss_mib, targets

from probes.outcome import Verdict
from scenarios.watch.events import Missed, Tick, WatchEvent
from vedette.jobs.watch import watch
from vedette.service.state import ServeSettings

SHARED_BY = 10  # scenarios of one target
SCRAPE_S = 15.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--scenarios", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0, help="to count, after every scenario was due once")
    parser.add_argument("--interval", type=float, default=60.0, help="of every scenario")
    parser.add_argument("--hanging", type=float, default=0.2, help="share of the targets that never answer")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, targets() as neighbours:
        suite = Path(folder) / "suite.yaml"
        suite.write_text(suite_of(neighbours, args.scenarios, args.interval, args.hanging), encoding="utf-8")
        figures = measured(suite, Path(folder), args.interval, args.seconds)
    print(json.dumps(figures) if args.json else "\n".join(f"{name:<16} {value}" for name, value in figures.items()))


def suite_of(where: Targets, scenarios: int, interval_s: float, hanging: float, *, tls: bool = False) -> str:
    """Return a suite whose scenarios each stand at one of many targets."""
    count = max(5, scenarios // SHARED_BY)
    hung = {n for n in range(count) if hanging and n % round(1 / hanging) == 0}
    lines = ["suite: bench", "targets:"]
    for n in range(count):
        port = where.hanging if n in hung else where.https if tls else where.http
        scheme, more = ("https", f", tls: {{ca_file: {where.ca}}}") if tls else ("http", "")
        host = "localhost" if tls else "127.0.0.1"
        lines.append(
            f"  t{n}: {{base_url: '{scheme}://{host}:{port}/t{n}', environment: development, private_networks: true{more}}}"
        )
    lines.append("scenarios:")
    for n in range(scenarios):
        lines += [
            f"  - name: scenario {n} answers",
            "    probe: http",
            f"    targets: [t{n % count}]",
            f"    schedule: {{every: {interval_s:g}s}}",
            "    timeout: 5s",
            f"    request: {{path: /health/{n}}}",
            "    expect: {status: 200, json: {$.status: ok, $.company_id: 15}}",
        ]
    return "\n".join(lines) + "\n"


class Collector:
    """A WatchSink that keeps how late ticks began, from an instant on."""

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._first_s: float | None = None
        self.lateness_s: list[float] = []
        self.missed = 0
        self.passed = 0
        self.cpu_s = self.began_s = 0.0

    def take_watched(self, event: WatchEvent) -> None:
        now_s = time.perf_counter()
        self._first_s = self._first_s or now_s
        if now_s < self._first_s + self._after_s:
            return
        if not self.began_s:
            self.began_s, self.cpu_s = now_s, time.process_time()
        if isinstance(event, Tick):
            self.lateness_s.append(event.lateness_s)
            self.passed += event.outcome.verdict is Verdict.PASS
        elif isinstance(event, Missed):
            self.missed += event.ticks


def measured(suite: Path, folder: Path, interval_s: float, seconds: float) -> dict[str, object]:
    """Serve the suite for its first round and the seconds, and return the figures."""
    collector = Collector(interval_s + 2)
    settings = ServeSettings(
        suites=(str(suite),), state=folder / "state", port=0, log_level="ERROR", log_format="json", stop_within_s=10.0
    )
    seen: dict[str, float] = {}

    def end() -> None:
        while not collector.began_s:
            time.sleep(0.2)
        time.sleep(seconds)
        seen["cpu_s"] = time.process_time() - collector.cpu_s
        seen["rss_mib"] = rss_mib()
        seen["ticks"] = len(collector.lateness_s)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=end, daemon=True).start()
    reader = multiprocessing.get_context("spawn").Process(
        target=scrape, args=(str(folder / "state" / "service.json"),), daemon=True
    )
    reader.start()
    try:
        code = watch(settings, [collector])
    finally:
        reader.terminate()
        reader.join()
    if code:
        raise SystemExit(f"the service ended with {int(code)}")
    late = sorted(collector.lateness_s[: int(seen["ticks"])])
    return {
        "scenarios": suite.read_text().count("probe: http"),
        "lateness_p50_ms": round(statistics.median(late) * 1000, 2),
        "lateness_p99_ms": round(late[int(len(late) * 0.99)] * 1000, 2),
        "lateness_max_ms": round(late[-1] * 1000, 2),
        "missed": collector.missed,
        "ticks": len(late),
        "passed_ratio": round(collector.passed / max(1, len(collector.lateness_s)), 3),
        "cpu_s": round(seen["cpu_s"], 2),
        "cpu_us_per_tick": round(seen["cpu_s"] / len(late) * 1e6),
        "rss_mib": round(seen["rss_mib"], 1),
    }


def scrape(told: str) -> None:
    """Read the metrics again and again, as Prometheus does."""
    while True:
        try:
            url = json.loads(Path(told).read_text())["url"]
            urllib.request.urlopen(f"{url}/metrics", timeout=10).read()
            time.sleep(SCRAPE_S)
        except (OSError, ValueError):
            time.sleep(0.5)


if __name__ == "__main__":
    main()
