"""Measure how long a gate's decision takes to be told, with 1,000 gates stored and some of them at work.

`python benchmarks/gate_api.py [--json] [--quick] [--sessions N]`. `vedette serve` runs in a process of its own over a
store with so many gates that are over, each with the evidence of a hundred rounds; five more are open and ask both their
sides every second meanwhile. Decisions are asked for over HTTP: `kept_…_ms` one after the other on one connection,
`new_…_ms` each on a connection of its own, as Argo Rollouts and Flagger ask, `eight_…_ms` by eight callers at once. All
gates are asked about in turn, at random. `live_…_ms` is the same for `/health/live`, which reads nothing: what the machine
and the service cost without a decision. `evidence_s` is the time to download one gate's whole evidence.
`--quick` asks a tenth as often.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import random
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parent.parent))
from reports.store.database import Database
from reports.store.ledger.gates import GateLedger
from scenarios.gates.loading import load_policy
from scenarios.gates.records import Opened, StageBegan, Told
from tests.reports.judgement.gate_making import rounds, side
from tests.vedette.jobs.lives import serving
from tests.vedette.jobs.test_gates_killed import SUITE
from tests.vedette.jobs.test_gates_killed import side as serving_side
from vedette.service.gate_keeping import Keeper, Whose

AT_WORK = 5
ROUNDS = 100  # of each gate that is over
NAME = "the shop is open"
POLICY = """
service: shop-{number}
suite: shop.yaml
target: here
canary: {{base_url: "http://127.0.0.1:{canary}", version: "2"}}
baseline: {{base_url: "http://127.0.0.1:{baseline}", version: "1"}}
identity: {{header: X-Version}}
every: 1
stages: [{{weight: 5, margin: 4.5, min_rounds: 1000, max_rounds: 6000, max_time: 24h}}, {{weight: 100}}]
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="ask a tenth as often")
    parser.add_argument("--sessions", type=int, default=1000, help="gates that are stored (default: 1000)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measured(Path(folder), args.sessions, 300 if args.quick else 3000)
    print(json.dumps(figures) if args.json else "\n".join(f"{name:<20} {value}" for name, value in figures.items()))


def measured(folder: Path, sessions: int, asks: int) -> dict[str, object]:
    with serving_side("2") as (canary, _), serving_side("1") as (baseline, _):
        (folder / "shop.yaml").write_text(SUITE, encoding="utf-8")
        words = ["shop.yaml", "--store", "results.db"]
        for number in range(AT_WORK):
            text = POLICY.format(number=number, canary=canary, baseline=baseline)
            (folder / f"policy-{number}.yaml").write_text(text, encoding="utf-8")
            words += ["--gate", f"policy-{number}.yaml"]
        fill(folder, sessions)
        with serving(folder, *words) as life:
            names = [f"old-{number}" for number in range(sessions)]
            with connected(life.url) as connection:
                for number in range(AT_WORK):
                    body = json.dumps({"policy": f"policy-{number}", "name": f"open-{number}", "stage": 5})
                    connection.request("POST", "/api/v1/gates", body, {"Content-Type": "application/json"})
                    answer = connection.getresponse()
                    if answer.status != 201:
                        raise SystemExit(f"a gate was not opened: {answer.read().decode()}")
                    answer.read()
                    names.append(f"open-{number}")
                time.sleep(2.0)  # every gate has asked by now
                figures = {"sessions": len(names), "asks": asks, "at_work": AT_WORK}
                chosen = random.Random(0).choices(names, k=asks)
                figures |= spread("live", [asked(connection, "", "/health/live") for _ in chosen])
                figures |= spread("kept", [asked(connection, name) for name in chosen])
                figures |= spread("new", [asked_anew(life.url, name) for name in chosen])
                figures |= spread("eight", together(life.url, chosen))
            with connected(life.url) as connection:
                began = time.perf_counter()
                connection.request("GET", "/api/v1/gates/old-0/evidence")
                size = len(connection.getresponse().read())
                figures |= {"evidence_kb": size // 1024, "evidence_s": round(time.perf_counter() - began, 3)}
            life.end(signal.SIGTERM)
    return figures


def fill(folder: Path, sessions: int) -> None:
    """Store so many gates that are over: one as it is made, all others as copies of it under other names."""
    store = folder / "results.db"
    database = Database(store)
    database.make_ready()
    database.close()
    loaded = load_policy(folder / "policy-0.yaml")
    ledger = GateLedger(store)
    keeper, seen = Keeper(ledger), rounds(ROUNDS, side(names=[NAME]), side(names=[NAME]))
    opened = Opened(seen[0].at - 10, "old-0", loaded.recorded(), 10.0, dict(loaded.triggers))
    gate, _ = keeper.open(opened, loaded.policy, Whose("", "local", "ci"))
    for record in (StageBegan(seen[0].at - 5, 0), *seen, Told(seen[-1].at + 1, "cancel", "ci", "it is over")):
        keeper.keep(gate.id, lambda gate, state, record=record: record)  # type: ignore[misc]
    ledger.close()
    with contextlib.closing(sqlite3.connect(store)) as connection, connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(gates)")]
        own = {"id": "'id-' || ?1", "name": "'old-' || ?1", "service": "'old-' || ?1"}
        copied = ", ".join(own.get(column, column) for column in columns)
        for number in range(1, sessions):
            connection.execute(f"INSERT INTO gates SELECT {copied} FROM gates WHERE name = 'old-0'", [number])
            connection.execute(
                "INSERT INTO gate_evidence SELECT 'id-' || ?, seq, line FROM gate_evidence WHERE gate_id = ?", [number, gate.id]
            )


@contextlib.contextmanager
def connected(url: str) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    try:
        yield connection
    finally:
        connection.close()


def asked(connection: http.client.HTTPConnection, name: str, path: str = "") -> float:
    """Return how long one decision took, in seconds."""
    began = time.perf_counter()
    connection.request("GET", path or f"/api/v1/gates/{name}/decision")
    answer = connection.getresponse()
    body = answer.read()
    took = time.perf_counter() - began
    if answer.status != 200 or (name and json.loads(body)["schema_version"] != 1):
        raise SystemExit(f"no decision about '{name}': {answer.status} {body[:200]!r}")
    return took


def asked_anew(url: str, name: str) -> float:
    began = time.perf_counter()
    with connected(url) as connection:
        asked(connection, name)
        return time.perf_counter() - began


def together(url: str, names: Sequence[str]) -> list[float]:
    """Return the times of eight callers that ask at once."""

    def one(share: Sequence[str]) -> list[float]:
        with connected(url) as connection:
            return [asked(connection, name) for name in share]

    with ThreadPoolExecutor(8) as pool:
        return [took for share in pool.map(one, [names[n::8] for n in range(8)]) for took in share]


def spread(what: str, times: Sequence[float]) -> dict[str, object]:
    cuts = statistics.quantiles(times, n=100)
    told = {"p50": cuts[49], "p95": cuts[94], "p99": cuts[98], "max": max(times)}
    return {f"{what}_{name}_ms": round(value * 1000, 2) for name, value in told.items()}


if __name__ == "__main__":
    main()
