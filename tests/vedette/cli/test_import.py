"""This file is for `vedette import` as its users call it: what it writes where, what it says, how it ends."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from tests.vedette.conftest import COMMAND, Vedette
from vedette.cli.main import main

SAMPLES = Path(__file__).parent.parent.parent / "scenarios" / "importing" / "samples"


@pytest.fixture
def gatus(tmp_path: Path, reference: dict[str, str]) -> Path:
    """A Gatus configuration that asks the reference target."""
    path = tmp_path / "gatus.yaml"
    url = reference["VEDETTE_DEMO_URL"]
    path.write_text(
        f"endpoints:\n- name: it lives\n  url: {url}/health/live\n  interval: 30s\n"
        "  conditions: ['[STATUS] == 200', '[BODY].status == ok', '[RESPONSE_TIME] < 5s']\n"
    )
    return path


def test_an_imported_suite_passes_against_the_system_that_the_original_watched(vedette: Vedette, gatus: Path) -> None:
    made = vedette("import", "gatus", gatus, "-o", "made.yaml", "--target", "staging")
    assert (made.returncode, made.stdout, made.stderr.splitlines()[-1]) == (
        0,
        "",
        "1 endpoint: 1 carried over whole, 0 with remarks, 0 left out",
    )
    assert vedette("validate", "made.yaml", "--target", "staging").returncode == 0
    done = vedette("run", "made.yaml", "--target", "staging")
    assert (done.returncode, done.stdout.splitlines()[-1][:6]) == (0, "PASSED"), done.stdout


def test_the_suite_goes_to_standard_output_and_the_remarks_to_standard_error(vedette: Vedette) -> None:
    made = vedette("import", "gatus", SAMPLES / "gatus.yaml")
    assert made.returncode == 3
    assert made.stdout.startswith("# Made by `vedette import`")
    assert "line 103: ping: left out: no ICMP is sent" in made.stderr
    assert made.stderr.splitlines()[-1].startswith("15 endpoints: ")
    assert "s3cret" not in made.stdout + made.stderr


def test_a_file_that_exists_is_written_over_only_with_force(vedette: Vedette, gatus: Path, tmp_path: Path) -> None:
    (tmp_path / "made.yaml").write_text("mine")
    refused = vedette("import", "gatus", gatus, "-o", "made.yaml")
    assert (refused.returncode, (tmp_path / "made.yaml").read_text()) == (2, "mine")
    assert vedette("import", "gatus", gatus, "-o", "made.yaml", "--force").returncode == 0
    assert (tmp_path / "made.yaml").read_text() != "mine"


def test_a_file_of_another_format_is_refused_with_the_command_that_is_meant(vedette: Vedette) -> None:
    refused = vedette("import", "postman", SAMPLES / "har.har")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "this looks like a HAR file: vedette import har" in refused.stderr


def test_what_cannot_be_carried_over_at_all_writes_nothing(vedette: Vedette, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("endpoints: [{name: p, url: 'icmp://a', conditions: ['[CONNECTED] == true']}]")
    made = vedette("import", "gatus", "x.yaml", "-o", "made.yaml")
    assert (made.returncode, (tmp_path / "made.yaml").exists()) == (3, False)
    assert "nothing could be carried over" in made.stderr


def test_standard_input_is_read_for_a_dash(tmp_path: Path) -> None:
    done = subprocess.run(
        [COMMAND, "import", "curl", "-"],
        input="curl https://a.example/x",
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, "GET a.example/x" in done.stdout) == (0, True)


@pytest.mark.parametrize(
    ("words", "say"),
    [
        (("nothing", "x"), "invalid choice"),
        (("har", "missing.har"), "could not be read"),
        (("har", "."), "is a folder"),
        (("gatus", "x.yaml", "--assets"), "--assets means nothing to 'gatus'"),
        (("gatus", "x.yaml", "--target", " "), "--target should be a name"),
        (("blackbox", "b.yml"), "give --url URL, or --environment prometheus.yml"),
    ],
    ids=lambda v: "-".join(v)[:40] if isinstance(v, tuple) else "",
)
def test_a_mistake_of_the_command_line_is_told(
    words: tuple[str, ...], say: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.yaml").write_text("endpoints: [{name: p, url: 'https://a', conditions: ['[STATUS] == 200']}]")
    (tmp_path / "b.yml").write_text("modules: {a: {prober: http}}")
    said = io.StringIO()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdout", io.StringIO())  # `main` wraps both for good
    monkeypatch.setattr(sys, "stderr", said)
    assert (main(["import", *words]), say in said.getvalue()) == (2, True), said.getvalue()
