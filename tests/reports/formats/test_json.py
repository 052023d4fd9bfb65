"""This file is for the JSON reports: one object, or one line an event, that a program can rely on."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from probes.outcome import Measurement, from_json
from reports.formats.json import Json
from reports.formats.jsonl import Jsonl
from reports.store import Store
from scenarios.events import OutcomeReady, RunFinished, RunStarted, ScenarioStarted
from tests.reports.formats.shown import mixed, odd_run, odd_text, outcome, result, show


def refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


def test_the_outcomes_come_back_equal() -> None:
    data = json.loads(show("json", mixed()))
    assert tuple(from_json(one) for one in data["outcomes"]) == mixed().outcomes
    assert data["counts"] == {"fail": 1, "error": 1, "inconclusive": 1, "degraded": 1, "pass": 1, "skipped": 1}


def test_every_key_of_the_object_is_documented() -> None:
    data = json.loads(show("json", mixed()))
    told = Json.__doc__ or ""
    assert [key for key in [*data, *data["run"]] if f"`{key}`" not in told] == []


@pytest.mark.parametrize("name", ["json", "jsonl"])
@given(text=odd_text)
@settings(max_examples=30, deadline=None)
def test_any_text_is_strict_json(name: str, text: str) -> None:
    shown = show(name, odd_run(text))
    for document in [shown] if name == "json" else shown.splitlines():
        json.loads(document.encode("utf-8"), parse_constant=refuse)
    first = shown if name == "json" else ""
    if first:
        assert json.loads(first)["outcomes"][0]["sentence"] == text


@pytest.mark.parametrize("name", ["json", "jsonl"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_cannot_hold_is_null(name: str, value: float) -> None:
    odd = replace(outcome("a"), measurements=(Measurement("ratio", value, "1"),))
    shown = show(name, result(odd))
    assert '"value": null' in shown
    for document in [shown] if name == "json" else shown.splitlines():
        json.loads(document, parse_constant=refuse)


def test_each_event_is_one_line_at_once(tmp_path: Path) -> None:
    path, run = tmp_path / "events.jsonl", mixed()
    reporter = Jsonl(path)
    told = [RunStarted(run.run, ()), ScenarioStarted("run-1", run.outcomes[0].subject), OutcomeReady(run.outcomes[0])]
    for number, event in enumerate(told, 1):
        reporter.take(event)
        assert len(path.read_text().splitlines()) == number  # written before the next thing happens
    reporter.take(RunFinished(run))
    events = [json.loads(line)["event"] for line in path.read_text().splitlines()]
    assert events == ["run_started", "scenario_started", *["outcome"] * len(run.outcomes), "run_finished"]


def test_the_store_takes_the_lines_in(tmp_path: Path) -> None:
    (tmp_path / "run.jsonl").write_text(show("jsonl", mixed()), encoding="utf-8")
    store = Store(tmp_path / "results.db")
    assert store.import_jsonl(tmp_path / "run.jsonl") == 6
    assert store.run() == mixed()
    store.close()
