"""This file is for continuous probing in bad times: killed, locked out of its store, left waiting by targets, misled."""

from __future__ import annotations

import json
import random
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.vedette.jobs.lives import Life, serving

SCENARIOS = 12


class Fine(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def fine() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Fine) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def suite(tmp_path: Path, fine: str) -> Path:
    path = tmp_path / "shop.yaml"
    path.write_text(many(fine, SCENARIOS))
    return path


def many(url: str, count: int, every: str = "1s", misspelt: str = "") -> str:
    """Return a suite of so many scenarios; one in the middle may need a scenario that there is not."""
    lines = [
        f"  - {{name: number {n}, probe: http, schedule: {{every: {every}}}, request: {{path: /{n}}}, expect: {{status: 200}}"
        f"{f', needs: [{misspelt}]' if misspelt and n == count // 2 else ''}}}\n"
        for n in range(count)
    ]
    head = f"suite: shop\ntargets:\n  staging: {{base_url: '{url}', private_networks: true, concurrency: 20}}\nscenarios:\n"
    return head + "".join(lines)


def ticks_in(folder: Path) -> set[tuple[int, int]]:
    with closing(sqlite3.connect(folder / ".vedette" / "results.db", timeout=10)) as store:
        return set(store.execute("SELECT series_id, started_us FROM ticks"))


def are_stored(folder: Path, number: int) -> bool:
    return len(ticks_in(folder)) >= number


def counted_in(folder: Path) -> int:
    columns = "passed + degraded + failed + errors + inconclusive + skipped + maintained"
    with closing(sqlite3.connect(folder / ".vedette" / "results.db", timeout=10)) as store:
        return int(store.execute(f"SELECT coalesce(sum({columns}), 0) FROM rollups WHERE span_s = 300").fetchone()[0])


def test_three_kills_lose_nothing_that_was_stored_count_nothing_twice_and_silence_nobody(suite: Path) -> None:
    """The full figure, with faults put in and twenty kills, is that of `benchmarks/kill.py`."""
    folder, seen = suite.parent, set[tuple[int, int]]()
    for _ in range(3):
        with serving(folder, str(suite)) as life:
            enough = partial(are_stored, folder, len(seen) + SCENARIOS)
            life.until(enough, "asked again after the kill")
            time.sleep(random.uniform(0, 0.3))  # so that the kill comes at any point of its work
            seen |= ticks_in(folder)
            life.end(signal.SIGKILL)
    before = len(seen)
    with serving(folder, str(suite)) as life:
        life.until(lambda: len({series for series, _ in ticks_in(folder) - seen}) == SCENARIOS, "asked every scenario again")
        assert life.end() == 0
    stored = ticks_in(folder)
    assert seen <= stored
    assert (counted_in(folder), before >= 3 * SCENARIOS) == (len(stored), True)


def test_a_store_that_is_locked_makes_answers_wait_and_everybody_is_told(suite: Path) -> None:
    folder = suite.parent
    with serving(folder, str(suite)) as life:
        life.until(lambda: life.metric("vedette_store_healthy") == 1 and ticks_in(folder), "stored")
        with closing(sqlite3.connect(folder / ".vedette" / "results.db", isolation_level=None, timeout=10)) as holder:
            holder.execute("BEGIN EXCLUSIVE")
            life.until(lambda: (life.metric("vedette_store_spooled") or 0) > SCENARIOS, "waiting on disk")
            assert (life.metric("vedette_store_healthy"), (life.metric("vedette_store_write_errors_total") or 0) >= 1) == (
                0,
                True,
            )
            assert "in the spool on disk" in life.get("/"), "the page says so"
            assert json.loads(life.get("/health/ready"))["status"] == "not_ready"
            assert json.loads(life.get("/health/live"))["status"] == "ok", "nobody should restart it for that"
            asked = life.status()["scheduling"]["answered"]
            life.until(lambda: life.status()["scheduling"]["answered"] > asked, "asked on")
        life.until(lambda: life.metric("vedette_store_healthy") == 1 and life.metric("vedette_store_spooled") == 0, "arrived")
        assert (life.metric("vedette_store_lost_total"), json.loads(life.get("/health/ready"))["status"]) == (0, "ready")
        asked = life.status()["scheduling"]["answered"]
        assert life.end() == 0
    stored = ticks_in(folder)
    assert (len(stored) >= asked, counted_in(folder)) == (True, len(stored))


def test_where_three_of_ten_targets_hang_the_others_are_asked_in_time_and_the_three_are_told(tmp_path: Path, fine: str) -> None:
    """Regression: with Gatus a few targets that time out take all its slots; an AWS canary that times out emits no datapoint."""
    with ExitStack() as held:
        deaf = held.enter_context(socket.create_server(("127.0.0.1", 0), backlog=500))  # accepts, and never answers
        urls = [f"http://127.0.0.1:{deaf.getsockname()[1]}"] * 3 + [fine] * 7
        targets = "".join(f"  t{n}: {{base_url: '{url}', private_networks: true}}\n" for n, url in enumerate(urls))
        path = tmp_path / "shop.yaml"
        path.write_text(
            f"suite: shop\ntargets:\n{targets}scenarios:\n"
            "  - {name: answers, probe: http, schedule: {every: 1s}, timeout: 3s, request: {path: /}, expect: {status: 200}}\n"
        )
        life = held.enter_context(serving(tmp_path, str(path), "--max-running", "4"))
        life.until(lambda: (life.metric('vedette_ticks_missed_total{reason="overlap"}') or 0) >= 3, "counted what overlapped")
        began = standing(life)
        hung = ("t0", "t1", "t2")
        life.until(lambda: all(standing(life)[one][1] > began[one][1] for one in hung), "given up, after 3 s each")
        after = standing(life)
    for target, (verdict, answered) in after.items():
        assert verdict == ("fail" if target in hung else "pass"), target
        assert target in hung or answered - began[target][1] >= 2, f"{target} was asked too seldom beside those that hang"


def standing(life: Life) -> dict[str, tuple[str, float]]:
    """Return the verdict of each target, and how often it was answered."""
    rows = [line for line in life.get("/metrics").splitlines() if line.startswith("vedette_outcomes_total")]
    found = json.loads(life.get("/api/v1/series"))["items"]
    return {
        one["target"]: (
            one["verdict"],
            sum(float(row.rpartition(" ")[2]) for row in rows if f'target="{one["target"]}"' in row),
        )
        for one in found
    }


def test_ten_thousand_scenarios_with_one_name_wrong_are_refused_at_its_line_while_the_old_ones_are_asked_on(
    suite: Path, fine: str
) -> None:
    with serving(suite.parent, str(suite)) as life:
        life.until(lambda: life.status()["scheduling"]["answered"] >= SCENARIOS, "asked")
        suite.write_text(many(fine, 10_000, misspelt="nunber 4"))
        asked, began = life.status()["scheduling"]["answered"], time.monotonic()
        life.process.send_signal(signal.SIGHUP)
        life.until(lambda: life.metric("vedette_config_last_reload_successful") == 0, "told")
        took_s = time.monotonic() - began
        assert took_s < 20, "in seconds, on a machine that has other work too"
        told = json.dumps(life.status()["reload"])
        assert "shop.yaml:5005" in told and "did you mean 'number 4'" in told
        assert len(json.loads(life.get("/api/v1/series"))["items"]) == SCENARIOS
        assert life.status()["scheduling"]["answered"] - asked >= SCENARIOS * (took_s - 2), "no tick waited for the reading"
        assert life.metric('vedette_ticks_missed_total{reason="overlap"}') == 0


def test_a_stop_while_a_target_hangs_and_the_store_is_locked_ends_in_time_and_loses_nothing(tmp_path: Path) -> None:
    with ExitStack() as held:
        deaf = held.enter_context(socket.create_server(("127.0.0.1", 0), backlog=500))
        suite = tmp_path / "shop.yaml"
        suite.write_text(many(f"http://127.0.0.1:{deaf.getsockname()[1]}", 1))
        life = held.enter_context(serving(tmp_path, str(suite), "--stop-within", "4s"))
        life.until(lambda: life.status()["scheduling"]["running"] == 1, "asking")
        holder = sqlite3.connect(tmp_path / ".vedette" / "results.db", isolation_level=None, timeout=10)
        held.callback(holder.close)
        holder.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        assert life.end() == 3
        assert time.monotonic() - began < 10, "2 s for the target, and no more than a locked store is waited for"
    assert "1 answers wait in" in life.said
    with serving(tmp_path, str(suite)) as life:
        life.until(lambda: len(ticks_in(tmp_path)) == 1, "taken in at the next start")
