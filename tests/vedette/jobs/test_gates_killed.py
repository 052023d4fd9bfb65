"""This file is for `kill -9` of a service in the middle of a stage: nothing that was told is lost, nothing counts twice."""

from __future__ import annotations

import contextlib
import json
import random
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from reports.gates import Gate
from reports.judgement.gate import GateState, replay
from reports.store.ledger.gates import GateLedger
from scenarios.gates.records import Looked, Record, RoundSeen
from tests.vedette.jobs.lives import Life, serving

KILLS = 4
SUITE = """
suite: shop
targets:
  here: {base_url: "http://127.0.0.1:9", private_networks: true}
defaults: {schedule: {every: 1h}}
scenarios:
  - {name: the shop is open, probe: http, severity: P0, request: {path: /}, expect: {status: 200}}
"""
POLICY = """
service: shop
suite: shop.yaml
target: here
canary: {{base_url: "http://127.0.0.1:{canary}", version: "2", headers: {{X-Key: "${{CANARY_KEY}}"}}}}
baseline: {{base_url: "http://127.0.0.1:{baseline}", version: "1"}}
identity: {{header: X-Version}}
every: 0.05
gap: 0
stages:
  - {{weight: 5, margin: 20, min_rounds: 130, max_rounds: 2000, max_time: 1h}}
  - {{weight: 100, margin: 20, min_rounds: 5, max_rounds: 2000, max_time: 1h}}
"""


@contextlib.contextmanager
def side(version: str) -> Iterator[tuple[int, list[str]]]:
    """Serve one side, and yield its port and the keys that it was shown."""
    keys: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            keys.append(self.headers.get("X-Key", ""))
            with contextlib.suppress(OSError):
                self.send_response(200)
                self.send_header("X-Version", version)
                self.send_header("Content-Length", "0")
                self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port, keys
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def post(life: Life, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    """Return the status and the answer of a write."""
    request = urllib.request.Request(life.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status), json.loads(answer.read())
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, json.loads(refusal.read())


def decision(life: Life) -> Any:
    return json.loads(life.get("/api/v1/gates/shop@2/decision"))


def stored(folder: Path) -> tuple[Gate, GateState, list[str]]:
    """Return the gate as its store has it, with its state and its lines."""
    ledger = GateLedger(folder / "results.db")
    try:
        found = ledger.list()[0]
        newest = ledger.newest(found.id)
        assert newest is not None
        return newest.gate, GateState.read(newest.state), list(ledger.evidence(found.id))
    finally:
        ledger.close()


def checked(folder: Path) -> tuple[Gate, list[Record]]:
    """Return the gate and its records, having seen that a replay comes to the stored state, E, K and stage, bit for bit."""
    gate, state, lines = stored(folder)
    told = list(replay(lines))
    records, last = [record for record, _ in told], told[-1][1]
    assert len(lines) == gate.seq
    assert last.as_json(session=gate.name, evidence_url=gate.decision["evidence_url"], next_poll_s=1.0) == gate.decision
    assert (last.stage, last.e, last.rounds_all) == (state.stage, state.e, state.rounds_all)
    times = [record.at for record in records if isinstance(record, RoundSeen)]
    assert times == sorted(set(times)), "a round counts twice"
    return gate, records


def test_kill_9_in_the_middle_of_a_stage_loses_nothing_that_was_told_and_counts_nothing_twice(tmp_path: Path) -> None:
    dice = random.Random("gates")
    with side("2") as (canary, keys), side("1") as (baseline, _):
        (tmp_path / "shop.yaml").write_text(SUITE, encoding="utf-8")
        (tmp_path / "policy.yaml").write_text(POLICY.format(canary=canary, baseline=baseline), encoding="utf-8")
        words = ("shop.yaml", "--gate", "policy.yaml", "--store", "results.db")
        told = 0
        for life_number in range(KILLS):
            with serving(tmp_path, *words, CANARY_KEY=f"key-of-life-{life_number}") as life:
                if life_number == 0:
                    assert post(life, "/api/v1/gates", {"policy": "policy", "name": "shop@2", "stage": 5})[0] == 201
                wanted = told + dice.randint(5, 25)
                life.until(lambda wanted=wanted: decision(life)["samples"]["all_stages"] >= wanted, "asked enough rounds")
                told = decision(life)["samples"]["all_stages"]
                life.process.kill()
                life.process.wait()
            gate, records = checked(tmp_path)
            assert gate.decision["samples"]["all_stages"] >= told, "what was told was lost"
            assert gate.decision["stage"]["index"] == 0 and gate.decision["decision"] == "hold"
        assert sum(isinstance(record, Looked) for record in records) == KILLS - 1
        assert {f"key-of-life-{n}" for n in range(KILLS)} <= set(keys), "a restart goes on with old credentials"
        with serving(tmp_path, *words, CANARY_KEY="key-of-the-end") as life:
            assert post(life, "/api/v1/gates/shop@2/stage", {"weight": 100})[0] == 409
            life.until(lambda: decision(life)["decision"] == "promote", "showed the stage")
            assert post(life, "/api/v1/gates/shop@2/stage", {"weight": 100})[0] == 200
            life.until(lambda: decision(life)["phase"] == "promoted", "promoted the canary")
            evidence = life.get("/api/v1/gates/shop@2/evidence")
            assert life.end() == 0
        gate, _ = checked(tmp_path)
        assert evidence.splitlines() == stored(tmp_path)[2]
        assert not any(f"key-of-{word}" in evidence for word in ("life", "the-end"))
