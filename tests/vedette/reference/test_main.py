"""The reference target as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx


def test_it_prints_its_address_serves_with_the_faults_named_and_ends_on_sigterm(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "laravel.log"
    command = [sys.executable, "-P", "-m", "vedette.reference", "--log", str(log), "--fault", "health_html"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "VEDETTE_REFERENCE_TOKEN": "t0ken"}
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with httpx.Client(base_url=url, trust_env=False) as client:
            page = client.get("/health/live")
            levers = client.get("/_control/dependencies/calcom", headers={"X-Control-Token": "t0ken"})
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert "text/html" in page.headers["content-type"]
    assert levers.json() == {"calls": 0}
    assert log.exists()


def test_a_fault_that_nobody_knows_is_a_usage_error() -> None:
    command = [sys.executable, "-P", "-m", "vedette.reference", "--fault", "nonsense"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 2
