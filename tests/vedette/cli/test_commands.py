"""This file is for the commands around a run: init, schema, probes, doctor, validate, demo."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from probes import kinds
from probes.kinds.browser import Browser
from probes.registry import KINDS
from probes.undo import Entry, Journal
from reports.formats.reporter import FORMATS
from tests.vedette.conftest import Vedette
from vedette.cli.explaining import explain
from vedette.cli.main import command_names
from vedette.cli.reference import keys_of

OURS = [file.stem for file in Path(kinds.__path__[0]).glob("[a-z]*.py")]


def test_init_writes_a_suite_that_is_valid_and_nothing_over_an_existing_file(vedette: Vedette, tmp_path: Path) -> None:
    assert vedette("init").returncode == 0
    assert vedette("validate", "vedette.yaml", "--target", "staging").returncode == 0
    (tmp_path / "vedette.yaml").write_text("mine")
    (tmp_path / "suite.schema.json").unlink()
    again = vedette("init")
    assert (again.returncode, "kept    vedette.yaml" in again.stderr) == (0, True)
    assert (tmp_path / "vedette.yaml").read_text() == "mine"
    assert (tmp_path / "suite.schema.json").exists()


def test_the_schema_is_json_and_knows_every_kind(vedette: Vedette) -> None:
    text = json.dumps(json.loads(vedette("schema").stdout))
    assert [kind for kind in OURS if f'"{kind}"' not in text] == []


@pytest.mark.parametrize("kind", OURS)
def test_every_kind_and_every_option_of_it_is_explained(vedette: Vedette, kind: str) -> None:
    done = vedette("probes", kind)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    options = lines[lines.index("options (beside those that every scenario has):") + 1 :]
    named = [n for n, line in enumerate(options) if line.startswith("  ") and line[2] != " "]
    bare = [options[n].split()[0] for n in named if n + 1 >= len(options) or n + 1 in named]
    assert bare == [], f"options without a comment in probes/kinds/{kind}.py"


@pytest.mark.parametrize("kind", OURS)
def test_every_explanation_fits_into_a_terminal_and_says_nothing_in_python(kind: str) -> None:
    found = KINDS.find(kind)
    assert found is not None
    text = explain(kind, found, 100)
    assert max(map(len, text.splitlines())) <= 100 and "<class" not in text and "e+0" not in text
    joined = [" ".join(part.split()) for part in (text, explain(kind, found))]
    assert joined[0] == joined[1]


def test_what_comes_again_in_a_kind_is_explained_once() -> None:
    keys = {key.path: key.type for key in keys_of(Browser)}
    assert keys["journey[].fill"] == "mapping as journey[].click" and keys["expect"] == "mapping as journey[].expect"
    assert "journey[].click.role" in keys and "journey[].fill.value" in keys and "journey[].fill.role" not in keys


def test_the_help_of_run_names_every_report_format(vedette: Vedette) -> None:
    text = vedette("run", "--help").stdout
    assert [name for name in FORMATS.names() if name not in text] == []


def test_the_doctor_finds_nothing_in_a_sound_installation(vedette: Vedette) -> None:
    done = vedette("doctor")
    assert (done.returncode, "BAD" in done.stdout) == (0, False), done.stdout


def test_the_doctor_notices_a_state_folder_that_cannot_be_made(vedette: Vedette, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = vedette("doctor", environ={"VEDETTE_STATE_DIR": str(tmp_path / "file" / "state")})
    assert (done.returncode, "BAD" in done.stdout) == (3, True)


@pytest.mark.parametrize(("alive", "code"), [(True, 0), (False, 6)])
def test_the_doctor_calls_a_fault_ill_only_when_its_run_is_gone(vedette: Vedette, tmp_path: Path, alive: bool, code: int) -> None:
    entry = Entry(what="fault 'down'", target={"name": "here"}, lever="http_hook", lever_options={})
    Journal(tmp_path / ".vedette" / "undo").register(entry if alive else replace(entry, process_started="another boot/1"))
    done = vedette("doctor")
    assert (done.returncode, "not undone yet" in done.stdout) == (code, not alive), done.stdout


def test_validate_tells_all_mistakes_at_once(vedette: Vedette, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(
        "suite: bad\ntargets:\n  a: {base_url: 'http://127.0.0.1'}\nscenarios:\n"
        "  - {name: one, probe: htpp}\n  - {name: two, probe: http, reqest: {path: /}}\n"
    )
    done = vedette("validate", "bad.yaml")
    assert (done.returncode, done.stderr.count("error:")) == (2, 2), done.stderr
    assert "bad.yaml:5:" in done.stderr
    assert "did you mean 'http'?" in done.stderr
    assert "did you mean 'request'?" in done.stderr


def test_the_demo_passes_and_leaves_a_report(vedette: Vedette, tmp_path: Path) -> None:
    done = vedette("demo", "--html", "demo.html", timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed" in (tmp_path / "demo.html").read_text(encoding="utf-8")
    assert str(tmp_path / "demo.html") in done.stderr


def test_the_demo_with_a_fault_names_the_cause_in_its_first_line(vedette: Vedette) -> None:
    done = vedette("demo", "--fault", "cache_key_without_tenant", timeout=120)
    assert done.returncode == 1
    assert "tenant 20 was served tenant 15's" in done.stdout.splitlines()[0]


def test_what_belongs_to_the_service_stands_after_run_and_gate_and_before_the_rest(vedette: Vedette) -> None:
    served = ["serve", "deployed", "status", "maintenance", "heartbeat", "token", "reload", "metrics"]
    assert command_names()[: 2 + len(served)] == ["run", "gate", *served]
    assert "vedette serve SUITE " in vedette("--help").stdout.partition("first steps:")[2]


@pytest.mark.parametrize("location", ["", " ", "a\nb"])
def test_a_location_without_a_name_is_refused(vedette: Vedette, location: str) -> None:
    done = vedette("serve", "demo", "--location", location)
    assert done.returncode == 2 and "should be a name" in done.stderr


def test_every_command_has_a_help_text(vedette: Vedette) -> None:
    for command in command_names():
        assert len(vedette(command, "--help").stdout.splitlines()) > 4
