"""Kill a watching service again and again, and count what was lost, doubled, silent or left broken.

`python benchmarks/kill.py [--json] [--kills N]`. A whole service (`vedette serve`, in a process of its own) watches 40
scenarios, each second, and one that puts a fault into the reference target. It prints every tick that its store has
acknowledged. At a random moment it is ended by SIGKILL and started again over the same files. At the end it may run
undisturbed for a while and is stopped by SIGTERM.

`acknowledged`: ticks that were told to be stored before a kill, of which `lost` are not in the store at the end.
`doubled`: ticks that the store's counts hold more often than its ticks. `silent`: scenarios without a tick after the
last start. `faults_left_in`: faults that are still in the target at the end.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path

from neighbours import Targets, targets

from scenarios.watch.events import SeriesKey

SCENARIOS = 40
TOKEN = "a-token-for-the-benchmark"
_EPOCH_US = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--kills", type=int, default=20)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, targets() as neighbours:
        figures = measured(Path(folder), neighbours, args.kills)
    print(json.dumps(figures) if args.json else "\n".join(f"{name:<16} {value}" for name, value in figures.items()))


def measured(folder: Path, neighbours: Targets, kills: int) -> dict[str, object]:
    environ = {**os.environ, "VEDETTE_REFERENCE_TOKEN": TOKEN}
    words = [sys.executable, "-P", "-m", "vedette.reference", "--log", str(folder / "reference.log")]
    reference = subprocess.Popen(words, env=environ, stdout=subprocess.PIPE, text=True)
    try:
        assert reference.stdout is not None
        url = reference.stdout.readline().strip()
        suite = folder / "suite.yaml"
        suite.write_text(suite_of(neighbours, url), encoding="utf-8")
        acknowledged: set[tuple[str, int]] = set()
        for _ in range(kills):
            one_life(suite, folder, acknowledged, random.uniform(0.3, 3.0), signal.SIGKILL)
        began_us = int(time.time() * _EPOCH_US)
        one_life(suite, folder, acknowledged, 6.0, signal.SIGTERM)
        stored, counted, after = in_store(folder / "state" / "results.db", began_us)
        return {
            "kills": kills,
            "acknowledged": len(acknowledged),
            "lost": len(acknowledged - stored),
            "doubled": counted - len(stored),
            "silent": SCENARIOS - after,
            "faults_left_in": faults_in(url),
            "stored": len(stored),
        }
    finally:
        reference.terminate()
        reference.wait()


def suite_of(neighbours: Targets, reference: str) -> str:
    lever = "path: /_control/faults/database-down, headers: {X-Control-Token: '${VEDETTE_REFERENCE_TOKEN}'}"
    head = (
        "suite: kill\ntargets:\n"
        f"  plain: {{base_url: 'http://127.0.0.1:{neighbours.http}', private_networks: true, concurrency: 20}}\n"
        f"  broken:\n    base_url: {reference}\n    private_networks: true\n    environment: development\n    allow: [faults]\n"
        "    faults:\n      database_down:\n        lever: http_hook\n"
        f"        inject: {{method: POST, {lever}}}\n        undo: {{method: DELETE, {lever}}}\n"
        "scenarios:\n"
        "  - {name: readiness follows the database, probe: health, targets: [broken], schedule: {every: 2s}, timeout: 20s,\n"
        "     dependencies: [database], fault: database_down, fault_dependency: database}\n"
    )
    lines = [
        f"  - {{name: scenario {n} answers, probe: http, targets: [plain], schedule: {{every: 1s}}, timeout: 5s,\n"
        f"     request: {{path: /{n}}}, expect: {{status: 200, json: {{$.status: ok}}}}}}\n"
        for n in range(SCENARIOS)
    ]
    return head + "".join(lines)


def one_life(suite: Path, folder: Path, acknowledged: set[tuple[str, int]], seconds: float, end: signal.Signals) -> None:
    """Start the service, let it watch for so long after its first stored tick, end it, and take in what it acknowledged."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("spawn").Process(target=live, args=(theirs, str(suite), str(folder / "state")))
    child.start()
    theirs.close()
    first = threading.Event()

    def take() -> None:
        while True:
            try:
                acknowledged.add(ours.recv())
                first.set()
            except (EOFError, OSError, ValueError):
                first.set()
                return

    reader = threading.Thread(target=take)
    reader.start()
    if not first.wait(60) or child.exitcode is not None:
        raise SystemExit(f"the service did not store anything ({child.exitcode})")
    time.sleep(seconds)
    assert child.pid is not None
    os.kill(child.pid, end)
    child.join(40)
    reader.join(10)
    ours.close()
    if end is signal.SIGTERM and child.exitcode != 0:
        raise SystemExit(f"the service did not stop well: {child.exitcode}")


def live(pipe: Connection, suite: str, state: str) -> None:
    """Be the service; tell what its store has acknowledged."""
    from vedette.jobs.watch import watch
    from vedette.service.state import ServeSettings

    os.environ["VEDETTE_REFERENCE_TOKEN"] = TOKEN

    def told(key: SeriesKey, at: datetime) -> None:
        pipe.send((key.slug, round(at.timestamp() * _EPOCH_US)))

    settings = ServeSettings(suites=(suite,), state=Path(state), port=0, log_level="ERROR", log_format="json")
    sys.exit(int(watch(settings, acknowledged=[told])))


def in_store(database: Path, since_us: int) -> tuple[set[tuple[str, int]], int, int]:
    """Return the ticks that are stored, how many the counts hold, and how many plain scenarios were asked since then."""
    connection = sqlite3.connect(database)
    rows = connection.execute(
        "SELECT suite, scenario, target, location, started_us FROM ticks JOIN series ON series.id = ticks.series_id"
    ).fetchall()
    columns = "passed + degraded + failed + errors + inconclusive + skipped + maintained"
    counted = connection.execute(f"SELECT coalesce(sum({columns}), 0) FROM rollups WHERE span_s = 300").fetchone()[0]
    stored = {(SeriesKey(*row[:4]).slug, row[4]) for row in rows}
    asked = {row[1] for row in rows if row[4] >= since_us and row[2] == "plain"}
    return stored, counted, len(asked)


def faults_in(reference: str) -> int:
    with urllib.request.urlopen(f"{reference}/health/live", timeout=5) as answer:
        assert answer.status == 200
    try:
        with urllib.request.urlopen(f"{reference}/health/ready", timeout=5) as answer:
            return int(answer.status != 200)
    except urllib.error.HTTPError as problem:
        problem.close()
        return 1


if __name__ == "__main__":
    main()
