"""This file is for `vedette demo`: the small service, the whole systems, one's own suite on top of them, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scenarios.loader import load_suite
from tests.vedette.conftest import Vedette
from vedette.reference.faults import FAULTS
from vedette.reference.system import System, find_system


def test_a_whole_system_is_asked_by_its_own_suite_and_its_logs_are_kept(vedette: Vedette, tmp_path: Path) -> None:
    done = vedette("demo", "--system", "bookando", "--target", "production", "--html", "book.html", timeout=120)
    assert (done.returncode, "bookando on production" in done.stdout.splitlines()[-1]) == (0, True), done.stdout + done.stderr
    assert "the system 'bookando' listens on http://127.0.0.1:" in done.stderr
    assert (tmp_path / "book.html").exists()
    assert list((tmp_path / ".vedette" / "reports").glob("demo-bookando-*/bookando.log"))


def test_a_suite_of_ones_own_is_asked_of_a_system_that_is_broken(vedette: Vedette, tmp_path: Path) -> None:
    kept = "an invoice belongs to its tenant"
    others = [scenario.name for scenario in load_suite("bookando", environ={}).scenarios if scenario.name != kept]
    own = [{"name": "flags are listed", "probe": "http", "request": {"path": "/api/v1/flags"}}]
    suite = {"suite": "ours", "extends": "bookando", "without": {"scenarios": others}, "scenarios": own}
    (tmp_path / "ours.yaml").write_text(json.dumps(suite))
    done = vedette("demo", "ours.yaml", "--fault", "bookando_tenant_unchecked", timeout=120)
    assert done.returncode == 1 and "another tenant" in done.stdout.splitlines()[0], done.stdout + done.stderr
    assert "flags are listed" in done.stdout and "1 of 2 scenarios failed (ours on staging" in done.stdout


def test_a_demo_asks_nobody_but_the_system_that_it_started(vedette: Vedette, tmp_path: Path) -> None:
    (tmp_path / "ours.yaml").write_text("extends: askpro\ntargets: {staging: {base_url: 'http://127.0.0.1:9'}}\n")
    done = vedette("demo", "ours.yaml", "--system", "askpro")
    assert done.returncode == 2 and "its address is http://127.0.0.1:9, which is not the system's" in done.stderr


def test_a_fault_of_another_system_starts_that_system_and_is_never_left_out_in_silence(vedette: Vedette) -> None:
    done = vedette("demo", "--system", "askpro", "--fault", "bookando_log_not_json")
    assert (done.returncode, done.stderr) == (2, "error: 'bookando_log_not_json' breaks the system 'bookando', not 'askpro'\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--system", "bokando"], "there is no reference system 'bokando'; did you mean 'bookando'?"),
        (["--system", "nothing"], "there is no reference system 'nothing'; there is askpro, bookando, demo"),
        (["--fault", "cache_of"], "there is no fault 'cache_of', did you mean 'cache_off'?"),
        (["--system", "bookando", "nowhere.yaml"], "there is no file 'nowhere.yaml'"),
        (["--system", "bookando", "--target", "stagin"], "there is no target 'stagin'"),
    ],
    ids=["near", "far", "fault", "suite", "target"],
)
def test_what_is_not_there_is_refused_and_no_report_is_promised(vedette: Vedette, words: list[str], told: str) -> None:
    done = vedette("demo", *words)
    assert (done.returncode, told in done.stderr, "report:" in done.stderr) == (2, True, False), done.stderr


@pytest.mark.parametrize("name", ["demo", "platform-baseline"])
def test_the_faults_of_one_system_are_listed(vedette: Vedette, name: str) -> None:
    done = vedette("demo", "--system", name, "--faults")
    listed = [line.split()[0] for line in done.stdout.splitlines()]
    assert (done.returncode, listed) == (0, [f.name for f in FAULTS.values() if f.system == name.replace("-", "_")])
    assert "--system names another: askpro" in done.stderr


def test_a_system_whose_modules_are_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    edge: type[System] = find_system("edge")
    monkeypatch.setattr("vedette.reference.edge.system.lacks", lambda *names: [n for n in names if n in ("dns", "websockets")])
    assert edge.missing() == "the modules dns, websockets: pip install 'vedette[dns,websocket]'"
