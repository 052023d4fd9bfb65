"""This file is for what `vedette init` writes: a new user copies from it, so its comments must be true too."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest
import yaml

from reports.formats.reporter import FORMATS
from scenarios.loader import load_suite
from vedette.cli.commands import init, run
from vedette.cli.commands.init import STARTER


def run_help() -> str:
    parser = argparse.ArgumentParser()
    run.add_arguments(parser)
    return parser.format_help()


def test_what_the_starter_suite_shows_in_comments_is_valid_too(tmp_path: Path) -> None:
    text = (STARTER / "suite.yaml").read_text(encoding="utf-8")
    woken = re.sub(r"^( +)# (?=auth:|evidence:|  app_log:|  cache:|- name:|  [a-z_]+: )", r"\1", text, flags=re.M)
    assert woken != text
    path = tmp_path / "vedette.yaml"
    path.write_text(woken, encoding="utf-8")
    environ = {"STAGING_TOKEN": "a-token", "REDIS_URL": "redis://127.0.0.1:6379"}
    suite = load_suite(str(path), environ=environ, all_targets=True)
    assert [s.kind for s in suite.scenarios] == ["health", "http", "tenant_cache_isolation"]
    assert (suite.targets["staging"].auth is not None, set(suite.targets["staging"].evidence)) == (True, {"app_log", "cache"})


def test_the_starter_workflow_runs_a_command_that_exists() -> None:
    steps = yaml.safe_load((STARTER / "github-workflow.yml").read_text(encoding="utf-8"))["jobs"]["smoke"]["steps"]
    command = next(step["run"] for step in steps if step.get("run", "").startswith("vedette run"))
    options = [word for word in command.split() if word.startswith("-")]
    assert [o for o in options if o not in run_help()] == []
    formats = re.findall(r"-r (\w+)", command)
    assert set(formats) <= set(FORMATS.names())


def test_init_says_how_to_go_on_in_the_folder_that_it_wrote_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "checks"
    assert init.run(argparse.Namespace(folder=folder)) == 0
    assert f"next: vedette validate {folder / 'vedette.yaml'}" in capsys.readouterr().err
