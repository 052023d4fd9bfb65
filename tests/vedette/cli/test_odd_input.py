"""This file is for tests that odd values and places get a sentence and the right exit code, never a 70 and never a silent 0."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.vedette.conftest import COMMAND, Vedette

SUITE = """
targets: {here: {base_url: "http://127.0.0.1:9", private_networks: true}}
scenarios: [{name: one, probe: http, tags: [smoke], request: {path: /}, expect: {status: 200}}]
"""
LONG = "x" * 300


@pytest.fixture
def suite(tmp_path: Path) -> str:
    (tmp_path / "suite.yaml").write_text(SUITE)
    return "suite.yaml"


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["run", "suite.yaml", "--timeout", "9" * 400], 2, "should be a duration"),
        (["run", "suite.yaml", "--timeout", "9" * 400 + "d"], 2, "should be a duration"),
        (["run", "suite.yaml", "-t", ""], 2, "-t '' names no tag"),
        (["run", "suite.yaml", "-t", "smoke", "-t", " ,"], 2, "-t ' ,' names no tag"),
        (["run", "suite.yaml", "-r", f"html={LONG}"], 2, "File name too long"),
        (["run", LONG], 2, "there is no suite"),
        (["run", f"{LONG}.yaml"], 2, "there is no file"),
        (["run", "suite.yaml", "--store", "/dev/null"], 3, "is not a file in a folder: name another store; nothing was sent"),
        (["report", "--store", LONG], 2, "File name too long"),
        (["report", "--store", "postgresql://u:hunter2@@::/db"], 2, "is not an address of a database"),
        (["report", "--import", str(COMMAND.parent / "python")], 2, "is not UTF-8"),
        (["prove", "--jobs", "0"], 2, "--jobs"),
        (["prove", "--sound-runs", "-1"], 2, "--sound-runs"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else None,
)
def test_an_odd_value_gets_a_sentence_and_its_code(
    vedette: Vedette, suite: str, words: list[str], code: int, sentence: str
) -> None:
    done = vedette(*words)
    assert (done.returncode, sentence in done.stderr) == (code, True), done.stderr
    assert "hunter2" not in done.stderr


def test_a_report_that_cannot_be_written_again_is_a_usage_error(vedette: Vedette, suite: str) -> None:
    vedette("run", suite)
    done = vedette("report", "-r", "html=no/such/folder/x.html")
    assert (done.returncode, "the folder 'no/such/folder' is not there" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize("name", [":memory:", "a?mode=memory", "x%20y.db", "a#b.db"])
def test_what_is_stored_under_an_odd_name_is_there_afterwards(vedette: Vedette, suite: str, name: str, tmp_path: Path) -> None:
    assert vedette("run", suite, "--store", name).returncode == 1
    assert (tmp_path / name).is_file()
    assert "here refused the connection" in vedette("report", "--store", name).stdout


@pytest.mark.parametrize("blocked", ["state", "state/reports"])
def test_a_demo_that_has_no_place_for_its_report_says_so(vedette: Vedette, tmp_path: Path, blocked: str) -> None:
    (tmp_path / blocked).parent.mkdir(exist_ok=True)
    (tmp_path / blocked).write_text("")
    done = vedette("demo", environ={"VEDETTE_STATE_DIR": "state"})
    assert (done.returncode, "VEDETTE_STATE_DIR names another" in done.stderr) == (3, True), done.stderr


def test_the_demo_needs_no_folder_but_its_own(vedette: Vedette, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import tempfile\ntempfile._get_default_tempdir = lambda *_: 1 / 0\n")
    done = vedette("demo", environ={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 0, done.stderr


def test_an_odd_file_in_the_journal_stops_the_run_and_is_named(vedette: Vedette, suite: str, tmp_path: Path) -> None:
    (tmp_path / ".vedette" / "undo").mkdir(parents=True)
    (tmp_path / ".vedette" / "undo" / "odd.json").write_text(json.dumps({"form": 1, "at": "2026-01-01", "target": []}))
    done = vedette("run", suite)
    assert (done.returncode, "odd.json' cannot be read" in done.stderr) == (6, True), done.stderr
    assert vedette("restore", "--forget", "odd").returncode == 0
    assert vedette("run", suite).returncode == 1


@pytest.mark.parametrize(
    "words", ["validate askpro", "run askpro --target staging --no-store", "run SUITE --no-store", "demo", "doctor", "report"]
)
def test_a_folder_that_is_gone_gets_a_sentence(tmp_path: Path, suite: str, words: str) -> None:
    line = f"mkdir gone && cd gone && rmdir ../gone && {COMMAND} {words.replace('SUITE', str(tmp_path / suite))}"
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (2, 3), done.stderr
    assert "o such file or directory" in done.stderr + done.stdout or "the current folder is gone" in done.stderr
