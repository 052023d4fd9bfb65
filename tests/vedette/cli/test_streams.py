"""This file is for tests that closed, full and narrow standard streams change no verdict, and never look like one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.vedette.conftest import COMMAND

SUITE = """
targets: {here: {base_url: "http://127.0.0.1:9", private_networks: true}}
scenarios: [{name: "frische Brötchen ☃", probe: http, request: {path: /}, expect: {status: 200}}]
"""
FULL = Path("/dev/full")
full = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


def shell(line: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in which `vedette` is the installed command."""
    (folder / "suite.yaml").write_text(SUITE, encoding="utf-8")
    path = f"{COMMAND.parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", line], cwd=folder, env={**os.environ, "PATH": path, **environ},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("stderr", [pytest.param("2>/dev/full", marks=full), "2>&-"])
def test_a_mistake_that_nobody_can_hear_is_still_a_mistake(stderr: str, tmp_path: Path) -> None:
    for line in ("vedette validate no-such-suite", "vedette run nothing.yaml", "vedette bogus"):
        assert shell(f"{line} {stderr}", tmp_path).returncode == 2, line


@pytest.mark.parametrize("stderr", [pytest.param("2>/dev/full", marks=full), "2>&-"])
def test_a_run_whose_talk_is_lost_answers_all_the_same(stderr: str, tmp_path: Path) -> None:
    answer = shell(f"vedette run suite.yaml -v {stderr}", tmp_path)
    assert answer.returncode == 1
    assert "here refused the connection at 127.0.0.1:9" in answer.stdout


@full
@pytest.mark.parametrize("command", ["--version", "schema", "run suite.yaml --list", "demo --faults"])
def test_data_that_a_full_disk_did_not_take_is_not_a_success(command: str, tmp_path: Path) -> None:
    answer = shell(f"vedette {command} > /dev/full", tmp_path)
    assert answer.returncode == 3
    assert answer.stderr == "error: standard output does not take what it was given: No space left on device\n"


@pytest.mark.parametrize("command", ["--version", "schema", "run suite.yaml --list"])
def test_data_for_a_closed_standard_output_is_not_a_success(command: str, tmp_path: Path) -> None:
    answer = shell(f"vedette {command} >&-", tmp_path)
    assert answer.returncode == 3
    assert answer.stderr == "error: standard output does not take what it was given: it is closed\n"


def test_a_reader_that_goes_away_is_told_nothing(tmp_path: Path) -> None:
    answer = shell("vedette schema | true; exit ${PIPESTATUS[0]}", tmp_path)
    assert (answer.returncode, answer.stderr) == (3, "")


def test_letters_that_a_stream_does_not_know_are_escaped(tmp_path: Path) -> None:
    answer = shell("vedette run suite.yaml --list", tmp_path, PYTHONIOENCODING="ascii")
    assert answer.returncode == 0
    assert "frische Br\\xf6tchen \\u2603" in answer.stdout


def test_a_plug_in_that_leaves_does_not_make_a_success_of_it(tmp_path: Path) -> None:
    (tmp_path / "leaves.py").write_text("import sys\nsys.exit(0)\n", encoding="utf-8")
    (tmp_path / "leaving.yaml").write_text(f"plugins: [leaves.py]\n{SUITE}", encoding="utf-8")
    answer = shell("vedette run leaving.yaml", tmp_path)
    assert answer.returncode == 2
    assert "leaves.py' does not load: SystemExit: 0" in answer.stderr
