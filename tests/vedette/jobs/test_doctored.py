"""This file is for `vedette doctor` beside a service: what a container's health check says while it watches."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from tests.vedette.jobs.lives import VEDETTE, serving

SUITE = (
    "suite: shop\ntargets:\n  staging: {base_url: 'http://127.0.0.1:9', private_networks: true}\nscenarios:\n"
    "  - {name: answers, probe: http, schedule: {every: 1s}, request: {path: /}, expect: {status: 200}}\n"
)


def doctor(folder: Path) -> tuple[int, str]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("VEDETTE_")}
    done = subprocess.run([VEDETTE, "doctor"], cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout


def test_the_doctor_asks_the_service_of_its_folder_whether_it_is_ready(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(SUITE)
    with serving(tmp_path, "shop.yaml") as life:
        code, said = doctor(tmp_path)
        assert (code, f"ok   the service at {life.url} is ready" in said) == (0, True), said
        assert "ok   extras: " in said and " serve" in said.split("not installed")[0]
        with closing(sqlite3.connect(tmp_path / ".vedette" / "results.db", isolation_level=None)) as holder:
            holder.execute("BEGIN EXCLUSIVE")
            life.until(lambda: '"not_ready"' in life.get("/health/ready"), "not ready")
            code, said = doctor(tmp_path)
            assert (code, "is not ready (store: the store takes nothing at present" in said) == (3, True), said
        life.until(lambda: '"ready"' in life.get("/health/ready"), "ready again")
        life.end(signal.SIGKILL)
        code, said = doctor(tmp_path)
        assert (code, "no service runs on this state folder; the one before was killed" in said) == (0, True), said


def test_a_service_that_lives_and_does_not_answer_is_ill(tmp_path: Path) -> None:
    (tmp_path / ".vedette").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    (tmp_path / ".vedette" / "service.json").write_text(json.dumps({"url": url, "pid": os.getpid()}))
    code, said = doctor(tmp_path)
    assert (code, f"the service at {url} (process {os.getpid()}) does not answer" in said) == (3, True), said
