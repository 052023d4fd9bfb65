"""This file is for `vedette serve --gate` as its users start it: mistakes stop it, reloads are taken in, figures are told."""

from __future__ import annotations

import json
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.vedette.jobs.lives import serving
from tests.vedette.jobs.test_gates_killed import POLICY, SUITE, decision, post, side
from vedette.exit_codes import Exit

BODY = {"policy": "policy", "name": "shop@2", "stage": 5}
TRAFFIC = """
metrics:
  - {kind: rounds, weight: 0.5}
  - kind: traffic
    weight: 0.5
    every: 1
    canary_total: asked
    canary_failed: failed
    baseline_total: asked
    baseline_failed: failed
"""


def write(folder: Path, canary: int = 9, baseline: int = 8, more: str = "") -> Path:
    (folder / "shop.yaml").write_text(SUITE, encoding="utf-8")
    policy = folder / "policy.yaml"
    policy.write_text(POLICY.format(canary=canary, baseline=baseline) + more, encoding="utf-8")
    return policy


def test_a_mistake_in_a_policy_stops_the_start_at_its_line(tmp_path: Path) -> None:
    policy = write(tmp_path)
    policy.write_text(policy.read_text().replace("min_rounds: 130", "min_rounds: 13000"), encoding="utf-8")
    words = ("shop.yaml", "--gate", "policy.yaml", "--gate", "nothing.yaml")
    with serving(tmp_path, *words, wait=False, CANARY_KEY="a-key") as life:
        assert life.process.wait(30) == Exit.USAGE
    assert "policy.yaml:11:" in life.said and "there is no file 'nothing.yaml'" in life.said and "Traceback" not in life.said


def test_without_the_variable_of_a_key_nothing_begins(tmp_path: Path) -> None:
    write(tmp_path)
    with serving(tmp_path, "shop.yaml", "--gate", "policy.yaml", wait=False) as life:
        assert life.process.wait(30) == Exit.USAGE
    assert "the environment variable 'CANARY_KEY' is not set" in life.said


def test_a_gate_is_told_to_prometheus_and_a_reload_changes_what_new_gates_keep_to(tmp_path: Path) -> None:
    with side("2") as (canary, _), side("1") as (baseline, _):
        policy = write(tmp_path, canary, baseline)
        with serving(tmp_path, "shop.yaml", "--gate", "policy.yaml", "--store", "results.db", CANARY_KEY="a-key") as life:
            assert post(life, "/api/v1/gates", BODY)[0] == 201
            life.until(lambda: decision(life)["samples"]["pairs"] > 3, "asked rounds")
            assert life.metric('vedette_gate_phase{gate="shop@2",service="shop",phase="running"}') == 1
            assert life.metric('vedette_gate_fresh{gate="shop@2"}') == 1
            assert (life.metric('vedette_gate_e_value{gate="shop@2"}') or 0) > 0
            policy.write_text(policy.read_text().replace("weight: 5,", "weight: 7,"), encoding="utf-8")
            life.process.send_signal(signal.SIGHUP)
            weights = lambda: json.loads(life.get("/api/v1/gate-policies"))["items"][0]["weights"]  # noqa: E731
            life.until(lambda: weights() == [7, 100], "took the policy in")
            assert decision(life)["stage"]["weight"] == 5
            assert life.end() == 0
        assert "a-key" not in life.said


def test_while_the_store_is_locked_a_gate_holds_and_then_goes_on(tmp_path: Path) -> None:
    with side("2") as (canary, _), side("1") as (baseline, _):
        write(tmp_path, canary, baseline)
        with serving(tmp_path, "shop.yaml", "--gate", "policy.yaml", "--store", "results.db", CANARY_KEY="a-key") as life:
            assert post(life, "/api/v1/gates", BODY)[0] == 201
            life.until(lambda: decision(life)["samples"]["pairs"] > 3, "asked rounds")
            with closing(sqlite3.connect(tmp_path / "results.db", isolation_level=None)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                life.until(lambda: decision(life)["fresh"] is False, "said that it does not speak for now")
                told = decision(life)
                assert told["decision"] == "hold" and "rounds are no longer asked" in told["warnings"][-1]
                connection.execute("ROLLBACK")
            life.until(lambda: decision(life)["samples"]["pairs"] > told["samples"]["pairs"] + 3, "went on")
            assert decision(life)["fresh"] is True


def test_counters_that_cannot_be_read_hold_the_gate_and_are_told(tmp_path: Path) -> None:
    with side("2") as (canary, _), side("1") as (baseline, _):
        write(tmp_path, canary, baseline, TRAFFIC)
        with serving(tmp_path, "shop.yaml", "--gate", "policy.yaml", CANARY_KEY="a-key") as life:
            assert post(life, "/api/v1/gates", BODY)[0] == 201
            life.until(lambda: decision(life)["warnings"], "warned of the counters")
            assert decision(life)["decision"] == "hold"
            assert any("traffic" in one or "counter" in one for one in decision(life)["warnings"]), decision(life)["warnings"]
