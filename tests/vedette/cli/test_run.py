"""This file is for `vedette run` as its users call it: what it prints where, what it keeps, how it ends."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.vedette.conftest import COMMAND, Vedette

SUITE = """\
suite: mine
targets:
  here: {{environment: development, base_url: '{url}', private_networks: true}}
scenarios:
  - name: it lives
    probe: http
    tags: [smoke]
    request: {{path: /health/live}}
    expect: {{status: 200, json: {{$.status: ok}}}}
  - name: it is ready
    probe: http
    needs: [it lives]
    request: {{path: /health/ready}}
  - name: it answers in another tongue
    probe: http
    tags: [broken]
    request: {{path: /health/live}}
    expect: {{json: {{$.status: gut}}}}
"""


@pytest.fixture
def suite(tmp_path: Path, reference: dict[str, str]) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(SUITE.format(url=reference["VEDETTE_DEMO_URL"]), encoding="utf-8")
    return path


def test_a_selection_that_passes_ends_with_0_and_is_stored(vedette: Vedette, suite: Path, tmp_path: Path) -> None:
    done = vedette("run", suite, "-t", "smoke")
    assert (done.returncode, done.stdout.splitlines()[-1][:6]) == (0, "PASSED"), done.stderr
    with sqlite3.connect(tmp_path / ".vedette" / "results.db") as database:
        assert database.execute("select scenario, verdict from outcomes").fetchall() == [("it lives", "pass")]
    database.close()


def test_the_first_line_names_the_cause_of_a_failure(vedette: Vedette, suite: Path) -> None:
    done = vedette("run", suite)
    assert done.returncode == 1
    assert "expected 'gut'" in done.stdout.splitlines()[0] or "gut" in done.stdout.splitlines()[0]


def test_what_others_need_is_asked_too(vedette: Vedette, suite: Path) -> None:
    done = vedette("run", suite, "-k", "ready", "--list")
    assert [line.split(maxsplit=2)[2] for line in done.stdout.splitlines()] == ["it lives", "it is ready"]


def test_a_dry_run_sends_nothing(vedette: Vedette, suite: Path, tmp_path: Path) -> None:
    done = vedette("run", suite, "--dry-run")
    assert (done.returncode, "nothing is sent" in done.stdout) == (0, True)
    assert not (tmp_path / ".vedette").exists()
    assert not (tmp_path / "reference.log").exists() or "health" not in (tmp_path / "reference.log").read_text()


def test_stdout_is_data_and_nothing_else(vedette: Vedette, suite: Path) -> None:
    done = vedette("run", suite, "-r", "json", "-r", "junit=j.xml", "-r", "html=h.html", "-v")
    assert len(json.loads(done.stdout)["outcomes"]) == 3


def test_every_report_that_was_asked_for_is_written(vedette: Vedette, suite: Path, tmp_path: Path) -> None:
    vedette("run", suite, "-r", "junit=j.xml", "-r", "html=h.html", "-r", "tap=t.tap", "-r", "jsonl=l.jsonl")
    assert len(ElementTree.parse(tmp_path / "j.xml").findall(".//testcase")) == 3
    assert (tmp_path / "h.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert (tmp_path / "t.tap").read_text().startswith("TAP version 14")
    assert all(json.loads(line) for line in (tmp_path / "l.jsonl").read_text().splitlines())


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["run", "askpor"], 2, "did you mean 'askpro'?"),
        (["run", "nowhere.yaml"], 2, "there is no file 'nowhere.yaml'"),
        (["run", "SUITE", "--target", "her"], 2, "did you mean 'here'?"),
        (["run", "SUITE", "-t", "smok"], 5, "did you mean 'smoke'?"),
        (["run", "SUITE", "-k", "nothing like it"], 5, "no scenario has 'nothing like it' in its name"),
        (["run", "SUITE", "-r", "junitt"], 2, "did you mean 'junit'?"),
        (["run", "SUITE", "-r", "json", "-r", "tap"], 2, "would mix on standard output"),
        (["run", "SUITE", "-r", "html=no/such/folder/x.html"], 2, "no/such/folder"),
        (["run", "SUITE", "--timeout", "soon"], 2, "should be a duration"),
        (["run", "SUITE", "--timeout", "0"], 2, "should be more than nothing"),
        (["run", "SUITE", "-j", "none"], 2, "should be a whole number"),
        (["run"], 2, "SUITE"),
        (["rnu"], 2, "rnu"),
        (["demo", "--fault", "cache_key_without_tennant"], 2, "did you mean"),
        (["prove", "--fault", "nothing"], 2, "there is no fault 'nothing'"),
        (["probes", "rate_limt"], 2, "did you mean 'rate_limit'?"),
        (["report", "--store", "no.db"], 2, "no.db"),
        (["report", "--target", "here"], 2, "choose among the runs of --list"),
        (["init", "SUITE"], 2, "is not a folder"),
        (["restore", "--forget", "x"], 2, "there is no open undo 'x'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_mistake_gets_a_sentence_and_its_code(
    vedette: Vedette, suite: Path, words: list[str], code: int, sentence: str
) -> None:
    done = vedette(*(str(suite) if word == "SUITE" else word for word in words))
    assert (done.returncode, sentence in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr


def test_several_targets_without_a_choice_are_a_usage_error(vedette: Vedette) -> None:
    done = vedette("run", "askpro")
    assert (done.returncode, "staging" in done.stderr, "production" in done.stderr) == (2, True, True)


def test_the_deadline_of_a_run_ends_it_with_4(vedette: Vedette, tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts nothing: connections wait in the backlog for ever
        suite = tmp_path / "slow.yaml"
        suite.write_text(SUITE.format(url=f"http://127.0.0.1:{silent.getsockname()[1]}"), encoding="utf-8")
        done = vedette("run", suite, "--timeout", "500ms", timeout=20)
    assert done.returncode == 4, done.stdout
    assert "time (0.5 s) was over" in done.stdout


def test_ctrl_c_ends_a_run_with_130_and_keeps_what_was_seen(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        suite = tmp_path / "slow.yaml"
        suite.write_text(SUITE.format(url=f"http://127.0.0.1:{silent.getsockname()[1]}"), encoding="utf-8")
        child = subprocess.Popen([str(COMMAND), "run", str(suite), "-r", "json"], cwd=tmp_path, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
        silent.settimeout(20)
        held = [silent.accept()[0]]  # the first request is under way
        os.kill(child.pid, signal.SIGINT)
        out, err = child.communicate(timeout=20)
        held[0].close()
    assert child.returncode == 130, err
    assert {o["subject"]["scenario"] for o in json.loads(out)["outcomes"]} == {
        "it lives", "it is ready", "it answers in another tongue",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("moment", "code"), [("scenarios.runner.Runner.__init__", 143), ("reports.store.sink.StoreSink.close", 0)]
)
def test_a_signal_at_an_awkward_moment_loses_no_result(
    vedette: Vedette, suite: Path, tmp_path: Path, moment: str, code: int
) -> None:
    place, _, name = moment.rpartition(".")
    module, _, owner = place.rpartition(".")
    (tmp_path / "sitecustomize.py").write_text(
        f"import os, signal, sys\nif sys.argv[1:2] == ['run']:\n    from {module} import {owner}\n    real = {owner}.{name}\n"
        f"    def struck(self, *a, **k):\n        os.kill(os.getpid(), signal.SIGTERM)\n        return real(self, *a, **k)\n"
        f"    {owner}.{name} = struck\n"
    )
    done = vedette("run", suite, "-t", "smoke", environ={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == code, done.stderr
    assert len(vedette("report", "--list").stdout.splitlines()) == 1


def test_a_failing_run_in_strict_mode_and_fail_fast_says_what_was_not_asked(vedette: Vedette, suite: Path) -> None:
    done = vedette("run", suite, "--fail-fast", "-j", "1", "-k", "i")
    assert done.returncode == 1


def test_a_stored_run_can_be_shown_again(vedette: Vedette, suite: Path, tmp_path: Path) -> None:
    first = vedette("run", suite)
    again = vedette("report")
    assert again.stdout.splitlines()[0] == first.stdout.splitlines()[0]
    assert len(vedette("report", "--list").stdout.splitlines()) == 1
    vedette("run", suite)
    vedette("report", "-r", "html=again.html")
    assert "passed in 1 of the last 1 runs" in (tmp_path / "again.html").read_text(encoding="utf-8")


def test_without_a_store_nothing_is_written(vedette: Vedette, suite: Path, tmp_path: Path) -> None:
    assert vedette("run", suite, "-t", "smoke", "--no-store").returncode == 0
    assert not (tmp_path / ".vedette" / "results.db").exists()


def test_a_store_that_cannot_be_used_stops_the_run_before_anything_is_sent(vedette: Vedette, suite: Path, tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("this is no database at all")
    done = vedette("run", suite, "--store", "text.db")
    assert (done.returncode, "nothing was sent" in done.stderr) == (3, True)


def test_colours_stay_out_of_a_pipe(vedette: Vedette, suite: Path) -> None:
    done = vedette("run", suite)
    assert "\x1b" not in done.stdout + done.stderr


def test_a_bug_of_ours_is_70_and_tells_no_secret(vedette: Vedette, tmp_path: Path) -> None:
    plugin = tmp_path / "sitecustomize.py"
    plugin.write_text(
        "import scenarios.loader\ndef broken(*a, **k): raise RuntimeError('hunter2')\nscenarios.loader.load_suite = broken\n"
    )
    done = vedette("run", "demo", environ={"PYTHONPATH": str(tmp_path)})
    assert (done.returncode, "hunter2" in done.stderr) == (70, False)


def test_old_runs_are_forgotten_when_asked(vedette: Vedette, suite: Path) -> None:
    vedette("run", suite, "-t", "smoke")
    assert vedette("report", "--prune", "1d").stdout == "0 runs were forgotten\n"
    assert vedette("report", "--prune", "1ms").stdout == "1 run was forgotten\n"
    none = vedette("report", "--list", "--target", "here")
    assert (none.stdout, none.stderr) == ("", "no run against target 'here' is stored\n")
