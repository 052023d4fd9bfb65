"""This file is for continuous probing as a whole: started, asked, reloaded, stopped and killed as in real life."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from reports.store.watch.lock import only_service
from tests.vedette.jobs.lives import VEDETTE, Life, serving

SECRET = "correct-horse-battery-staple"


class Shop(BaseHTTPRequestHandler):
    """A target that can be broken, and that says what it must not say."""

    broken = False
    big = False

    def do_GET(self) -> None:
        status = 500 if Shop.broken else 200
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        said = {"status": "down" if Shop.broken else "ok", "echo": self.headers.get("Authorization", "").removeprefix("Bearer ")}
        self.wfile.write(json.dumps(said).encode())
        if Shop.big:
            try:
                for _ in range(200):
                    self.wfile.write(b"x" * 1024 * 1024)
            except OSError:
                return

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def shop() -> Iterator[str]:
    Shop.broken = Shop.big = False
    with ThreadingHTTPServer(("127.0.0.1", 0), Shop) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def suite(tmp_path: Path, shop: str) -> Path:
    path = tmp_path / "shop.yaml"
    path.write_text(
        f"suite: shop\ntargets:\n  staging: {{base_url: '{shop}', private_networks: true, auth: {{bearer: '${{SHOP_TOKEN}}'}}}}\n"
        "scenarios:\n  - {name: the shop answers, probe: http, schedule: {every: 1s}, severity: P0,\n"
        "     request: {path: /health}, expect: {status: 200, json: {$.status: ok}}}\n"
    )
    return path


@pytest.fixture
def life(suite: Path) -> Iterator[Life]:
    with serving(suite.parent, str(suite), SHOP_TOKEN=SECRET) as made:
        made.until(lambda: made.series("the shop answers")["verdict"] == "pass", "passed")
        yield made


def test_a_break_is_seen_on_the_page_in_the_metrics_and_in_the_api_and_so_is_its_end(life: Life) -> None:
    good = 'vedette_scenario_good{suite="shop",scenario="the shop answers"'
    assert (life.metric(good), "1 of 1" in life.get("/") or "pass" in life.get("/")) == (1.0, True)
    Shop.broken = True
    life.until(lambda: life.metric(good) == 0.0, "told by a metric")
    page = life.get("/")
    assert "the shop answers" in page and "answered 500 instead of 200" in page
    assert life.status()["problems_total"] == 1
    Shop.broken = False
    life.until(lambda: life.metric(good) == 1.0, "mended in the metric")
    assert life.status()["problems_total"] == 0


def test_it_says_where_it_listens_and_takes_that_back_when_it_stops(life: Life) -> None:
    told = life.folder / ".vedette" / "service.json"
    assert (json.loads(told.read_text())["url"], oct(told.stat().st_mode & 0o777)) == (life.url, "0o600")
    assert life.end() == 0
    assert not told.exists()


def test_after_sigterm_everything_that_was_asked_is_stored_and_nothing_is_started(life: Life) -> None:
    asked = life.status()["scheduling"]["answered"]
    began = time.monotonic()
    assert life.end() == 0
    assert time.monotonic() - began < 20
    assert not re.search("Traceback|never awaited|Warning", life.said)
    with closing(sqlite3.connect(life.folder / ".vedette" / "results.db")) as store:
        stored = store.execute("SELECT count(*) FROM ticks").fetchone()[0]
        stopped = store.execute("SELECT stopped_at FROM services").fetchall()
    assert stored >= asked > 0
    assert [row[0] is not None for row in stopped] == [True]


def catches(life: Life, number: signal.Signals) -> bool:
    """Return whether the process has a handler of its own for a signal by now."""
    status = Path(f"/proc/{life.process.pid}/status").read_text()
    return bool(int(status.split("SigCgt:")[1].split()[0], 16) >> (number - 1) & 1)


def test_being_asked_to_reload_during_the_start_neither_ends_it_nor_is_forgotten(suite: Path) -> None:
    with serving(suite.parent, str(suite), wait=False, SHOP_TOKEN=SECRET) as life:
        life.until(lambda: catches(life, signal.SIGHUP), "handled SIGHUP")
        life.process.send_signal(signal.SIGHUP)
        life.until(lambda: "the page is at " in life.said, "started")
        life.url = life.said.split("the page is at ", 1)[1].split()[0].rstrip("/")
        assert life.until(lambda: life.status()["reload"], "reloaded")["ok"]
        assert life.end() == 0


def test_being_told_to_stop_during_the_start_is_no_trouble(suite: Path) -> None:
    with serving(suite.parent, str(suite), wait=False, SHOP_TOKEN=SECRET) as life:
        life.until(lambda: catches(life, signal.SIGTERM), "handled SIGTERM")
        assert life.end() == 0
        assert not re.search("Traceback|never awaited|Warning", life.said)


def test_a_second_service_on_the_same_store_says_who_is_there_and_stops(life: Life, suite: Path) -> None:
    with serving(suite.parent, str(suite), wait=False, SHOP_TOKEN=SECRET) as second:
        assert second.process.wait(30) == 3
        assert str(life.process.pid) in second.said and "already" in second.said
    assert life.status()["problems_total"] == 0


def test_a_service_whose_store_another_took_over_stops_and_says_so(life: Life) -> None:
    store = life.folder / ".vedette" / "results.db"
    store.with_name(f"{store.name}.service").unlink()  # as a lost connection to PostgreSQL: its lock is held by nobody
    with only_service(store, "local"):
        assert life.process.wait(30) == 3
        assert f"another vedette service (pid {os.getpid()}) already keeps" in life.said


def test_it_tells_the_store_again_and_again_that_it_lives(life: Life) -> None:
    def alive() -> object:
        with closing(sqlite3.connect(life.folder / ".vedette" / "results.db")) as store:
            return store.execute("SELECT alive_at > started_at FROM services").fetchone()[0]

    life.until(alive, "told that it lives")


def test_a_killed_service_does_not_keep_its_store(life: Life, suite: Path) -> None:
    before = life.series("the shop answers")["in_row"]
    life.end(signal.SIGKILL)
    with serving(suite.parent, str(suite), SHOP_TOKEN=SECRET) as next_life:
        stands = next_life.until(lambda: next_life.series("the shop answers"), "known again")
        assert stands["in_row"] >= before - 1, "what was stored before is known after"
        gaps = json.loads(next_life.get("/api/v1/gaps"))["items"]
        assert [gap["graceful"] for gap in gaps] == [False]


def test_a_wrong_suite_at_the_start_is_told_at_its_line_and_nothing_is_asked(suite: Path) -> None:
    suite.write_text(suite.read_text().replace("request:", "reqest:"))
    with serving(suite.parent, str(suite), wait=False, SHOP_TOKEN=SECRET) as life:
        assert life.process.wait(30) == 2
        assert "did you mean 'request'?" in life.said


def test_a_suite_that_is_spoilt_while_it_is_watched_goes_on_as_it_was_and_everybody_is_told(life: Life, suite: Path) -> None:
    """Regression: Gatus stops before it loads, so a mistake leaves a process without probes that says it goes on."""
    right = suite.read_text()
    suite.write_text(right.replace("probe: http", "probe: htp"))
    life.process.send_signal(signal.SIGHUP)
    life.until(lambda: life.metric("vedette_config_last_reload_successful") == 0.0, "told by a metric")
    assert "htp" in life.get("/"), "the page says so"
    assert "there is no probe 'htp'" in json.dumps(life.status()["reload"])
    asked = life.status()["scheduling"]["answered"]
    life.until(lambda: life.status()["scheduling"]["answered"] > asked + 1, "asked on")
    suite.write_text(
        right.replace("the shop answers", "the shop answers well").replace(
            "probe: http", "formerly: [the shop answers], probe: http"
        )
    )
    life.until(lambda: life.metric("vedette_config_last_reload_successful") == 1.0, "taken in by itself")
    stands = life.series("the shop answers well")
    assert stands["last_good_at"] is not None, "its history goes on under the new name"
    assert life.metric('vedette_scenario_good{suite="shop",scenario="the shop answers"') is None


def test_a_target_that_answers_200_mb_costs_neither_the_memory_nor_the_next_tick(life: Life) -> None:
    """Regression: Gatus, blackbox_exporter and cloudprober read bodies of any length."""

    def rss_mib() -> float:
        pages = int(Path(f"/proc/{life.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    before = rss_mib()
    Shop.big = True
    life.until(lambda: life.series("the shop answers")["verdict"] == "fail", "refused")
    assert "longer than 1 MiB" in life.series("the shop answers")["sentence"]
    assert rss_mib() - before < 60
    Shop.big = False
    life.until(lambda: life.series("the shop answers")["verdict"] == "pass", "well again")


def test_nothing_that_it_emits_holds_a_secret(life: Life) -> None:
    """Regression: blackbox_exporter 0.23 shows an Authorization header in clear at /config and /logs."""
    Shop.broken = True  # the answer that is kept as evidence echoes the token
    slug = life.until(lambda: (s := life.series("the shop answers"))["verdict"] == "fail" and s["outcome_id"] and s, "kept")
    life.until(lambda: "answered 500" in life.get(f"/outcomes/{slug['outcome_id']}"), "stored")
    pages = ["/", "/metrics", "/api/v1/status", "/api/v1/config", "/api/v1/series", f"/scenarios/{slug['slug']}",
             f"/outcomes/{slug['outcome_id']}", f"/api/v1/outcomes/{slug['outcome_id']}", "/api/v1/runs",
             f"/probe?target=staging&scenario={urllib.parse.quote('the shop answers')}&debug=true"]  # fmt: skip
    emitted = {path: life.get(path) for path in pages}
    assert "answered 500 instead of 200" in emitted[f"/outcomes/{slug['outcome_id']}"]
    assert life.end() == 0
    emitted |= {
        str(path): path.read_bytes().decode("utf-8", "replace")
        for path in [life.errors, *(life.folder / ".vedette").rglob("*")]
        if path.is_file()
    }
    assert [where for where, text in emitted.items() if SECRET in text] == []
    assert any("[shop_token]" in text or "[bearer token]" in text for text in emitted.values()), "it was there to be hidden"


def test_no_page_and_no_route_is_open_without_a_token_where_tokens_are_wanted(suite: Path) -> None:
    """Regression: Gatus leaves raw data and badges open where its page asks for a login."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("VEDETTE_")}
    with serving(suite.parent, str(suite), "--auth", wait=False, SHOP_TOKEN=SECRET) as refused:
        assert refused.process.wait(30) == 2
        assert "vedette token create" in refused.said
    made = subprocess.run([VEDETTE, "token", "create", "reader", "--scope", "read"], cwd=suite.parent, env=environ,
                          capture_output=True, text=True, check=True, timeout=60)  # fmt: skip
    with serving(suite.parent, str(suite), "--auth", SHOP_TOKEN=SECRET) as life:
        for path in ("/api/v1/status", "/metrics", "/badge/x.svg", "/api/v1/openapi.json", "/api/v1/events"):
            assert '"status":401' in life.get(path).replace(" ", ""), path
        told = subprocess.run([VEDETTE, "status"], cwd=suite.parent, env={**environ, "VEDETTE_TOKEN": made.stdout.strip()},
                              capture_output=True, text=True, check=False, timeout=60)  # fmt: skip
        assert (told.returncode in (0, 3), life.url in told.stdout) == (True, True), told.stderr  # 3: nothing was asked yet


def test_a_port_in_use_is_told(suite: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run([VEDETTE, "serve", str(suite), "--port", port], cwd=suite.parent, capture_output=True, text=True,
                              env={**os.environ, "SHOP_TOKEN": SECRET}, timeout=60, check=False)  # fmt: skip
    assert (done.returncode, port in done.stderr) == (2, True)
    with serving(suite.parent, str(suite), SHOP_TOKEN=SECRET) as life:
        gaps = json.loads(life.get("/api/v1/gaps"))["items"]
    assert [gap["graceful"] for gap in gaps] == [True], "a start that came to nothing is no life that was killed"


def test_a_log_line_names_the_environment_that_is_watched(life: Life) -> None:
    Shop.broken = True
    life.until(lambda: life.series("the shop answers")["verdict"] == "fail", "failed")
    life.until(lambda: '"verdict":"fail"' in life.said, "logged")
    lines = [json.loads(line) for line in life.said.splitlines() if line.startswith("{")]
    assert {line["environment"] for line in lines} == {"staging"}


def test_a_real_prometheus_reads_it(life: Life, require: Callable[[str, bool], None], tmp_path: Path) -> None:
    program = shutil.which("prometheus")
    require("Prometheus (Debian's package prometheus)", program is not None)
    assert program is not None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = tmp_path / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s}\nscrape_configs:\n"
        f"  - {{job_name: vedette, static_configs: [{{targets: ['{life.url.removeprefix('http://')}']}}]}}\n"
        f"  - {{job_name: blackbox, metrics_path: /probe, params: {{scenario: [the shop answers], target: [staging]}},\n"
        f"     static_configs: [{{targets: ['{life.url.removeprefix('http://')}']}}]}}\n"
    )
    words = [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (tmp_path / "prometheus.log").open("w") as log:
        prometheus = subprocess.Popen(words, stdout=log, stderr=log)
    other = Life(prometheus, tmp_path, f"http://127.0.0.1:{port}", tmp_path / "prometheus.log")
    try:

        def value(query: str) -> str | None:
            text = other.get(f"/api/v1/query?query={urllib.parse.quote(query)}")
            found = json.loads(text)["data"]["result"] if text.startswith("{") else []  # while it starts it says so in words
            return str(found[0]["value"][1]) if found else None

        other.until(lambda: value('vedette_scenario_good{scenario="the shop answers"}') == "1", "read as good")
        other.until(lambda: value("probe_success") == "1", "read as blackbox_exporter's")
        Shop.broken = True
        other.until(lambda: value('vedette_scenario_good{scenario="the shop answers"}') == "0", "read as broken")
        other.until(lambda: value("probe_success") == "0", "read as broken as blackbox_exporter's")
        assert value('up{job="vedette"}') == "1"
    finally:
        prometheus.terminate()
        prometheus.wait(30)


def test_promtool_finds_nothing_to_complain_about(life: Life, require: Callable[[str, bool], None]) -> None:
    promtool = shutil.which("promtool")
    require("promtool (Debian's package prometheus)", promtool is not None)
    done = subprocess.run([str(promtool), "check", "metrics"], input=life.get("/metrics"), capture_output=True, text=True,
                          timeout=60, check=False)  # fmt: skip
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_page_is_whole_without_javascript_and_fetches_nothing_from_elsewhere(life: Life) -> None:
    page = life.get("/")
    assert re.findall(r"(?:src|href|action)=\"(https?:)?//(?!127\.0\.0\.1)[^\"]+", page) == []
    assert "<script>" not in page and "style=" not in page
