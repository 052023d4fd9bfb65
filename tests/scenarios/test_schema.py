"""This file is for what editors are told: what is right validates, what is wrong does not."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from scenarios.loader import LIBRARY, load_suite
from scenarios.schema import suite_schema
from scenarios.source import plain, read_file
from tests.scenarios.test_loader import ENVIRON, SUITES

GOOD: dict[str, Any] = {
    "suite": "x",
    "targets": {"t": {"base_url": "${URL}", "allow": ["burst"], "limits": {"requests": "${N:-5}"}}},
    "fragments": {"a": {"request": {"path": "/"}}},
    "defaults": {"timeout": "30s", "severity": "P0"},
    "scenarios": [{"name": "one", "probe": "test_greeting", "request": {"path": "/"}, "tags": ["a"]}],
    "burn_in": [{"name": "first", "lasts": "5m"}],
    "maintenance": [{"name": "nightly", "cron": "0 2 * * *", "lasts": "2h", "targets": ["t"]}],
}


@pytest.fixture(scope="module")
def validator() -> Any:
    load_suite(str(SUITES / "right.yaml"), target="staging", environ=ENVIRON)  # brings the test's kinds
    return jsonschema_rs.Draft202012Validator(suite_schema())


def _with(path: list[Any], value: Any) -> dict[str, Any]:
    made = copy.deepcopy(GOOD)
    place: Any = made
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return made


def test_the_schema_is_a_valid_schema() -> None:
    jsonschema_rs.meta.validate(suite_schema())


@pytest.mark.parametrize("file", [*sorted(LIBRARY.glob("*.yaml")), SUITES / "right.yaml"], ids=lambda f: f.stem)
def test_suites_that_load_also_validate(file: Path, validator: Any) -> None:
    data = plain(read_file(file, file.name))
    assert [e.message[:200] for e in validator.iter_errors(data)] == []


def test_the_good_suite_validates(validator: Any) -> None:
    assert validator.is_valid(GOOD)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["suites"], "x"),
        (["targets"], {}),
        (["scenarios"], []),
        (["defaults", "ownr"], "x"),
        (["defaults", "name"], "x"),
        (["targets", "t", "hedders"], {}),
        (["targets", "t", "name"], "x"),
        (["targets", "t", "allow"], ["bust"]),
        (["targets", "t", "limits", "requests"], "many"),
        (["targets", "t", "evidence"], {"a": {"source": "nothing"}}),
        (["targets", "t", "evidence"], {"a": {"source": "test_diary", "path": "x", "pth": "y"}}),
        (["targets", "t", "faults"], {"a": {"lever": "test_switch"}}),
        (["scenarios", 0, "threshhold"], 5),
        (["scenarios", 0, "threshold"], 0),
        (["scenarios", 0, "probe"], "nothing"),
        (["scenarios", 0, "request", "methd"], "GET"),
        (["scenarios", 0, "severity"], "P9"),
        (["scenarios", 0, "password"], "in the clear"),
        (["scenarios", 0], {"name": "one", "probe": "test_greeting"}),
        (["scenarios", 0], {"probe": "test_greeting", "request": {}}),
        (["burn_in"], []),
        (["burn_in", 0, "lasst"], "5m"),
        (["burn_in", 0], {"name": "first"}),
        (["burn_in", 0, "factor"], 2),
        (["maintenance", 0], {"name": "nightly"}),
        (["maintenance", 0, "target"], "t"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_what_is_wrong_does_not_validate(path: list[Any], value: Any, validator: Any) -> None:
    assert not validator.is_valid(_with(path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["scenarios", 0], {"name": "one", "probe": "test_greeting", "use": ["a"]}),
        (["scenarios", 0], {"name": "one", "use": "a"}),
        (["scenarios", 0, "request"], {"use": ["a"]}),
        (["scenarios", 0, "threshold"], "${THRESHOLD}"),
        (["scenarios", 0, "password"], {"file": "x"}),
        (["scenarios", 0, "steps"], [{"use": ["a"]}]),
        (["scenarios", 0, "severity"], "${SEVERITY:-P0}"),
        (["burn_in", 0, "factor"], "${FACTOR}"),
        (["maintenance", 0], {"name": "nightly", "use": ["a"]}),
        (["targets", "t", "evidence"], {"a": {"source": "test_diary", "use": ["a"]}}),
    ],
    ids=lambda value: str(value)[:50],
)
def test_fragments_and_variables_validate(path: list[Any], value: Any, validator: Any) -> None:
    assert validator.is_valid(_with(path, value))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("browser", {"journey": [{"open": "/"}, {"press": "Enter"}, {"expect": {"text": "x", "url": "/", "title": "x"}}]}),
        ("websocket", {"echo": "{{nonce}}"}),
        ("websocket", {"steps": [{"send": "{{nonce}}"}, {"expect": "{{nonce}}"}]}),
        ("dns", {"expect": "192.0.2.1", "ttl": 60}),
        ("tcp", {"port": "{{vars.port}}", "expect": "220"}),
        ("metrics_contract", {"thresholds": [{"name": "errors", "ratio": {"of": "bad_total", "to": "all_total"}, "lt": 0.1}]}),
        ("promql", {"source": "p", "alerts": [{"name": "A", "annotations": ["runbook_url"], "thresholds": {"gt": 5}}]}),
        ("audit_log", {"action": {"name": "a", "request": {}}, "records": {"logs": ["l"]}, "match": "$.id"}),
        ("log_contract", {"requests": [{"name": "a", "request": {}, "expect_status": 401}], "contract": "bookando-log"}),
        ("access_control", {"request": {}, "refused": {"other": [403, 404]}, "tampered": None}),
        ("input_validation", {"request": {}, "fields": [{"at": "$.a"}], "refused_with": 422, "accepted": {"status": 201}}),
        ("correlation", {"expect_status": "2xx", "header": None}),
        ("tls", {"days_left": 14, "issuer": {"contains": "CA"}, "warn_days_left": None}),
    ],
    ids=lambda value: str(value)[:30],
)
def test_short_forms_validate(kind: str, options: dict[str, Any], validator: Any) -> None:
    suite = {**GOOD, "scenarios": [{"name": "one", "probe": kind, **options}]}
    assert validator.is_valid(suite)


def test_the_schema_beside_the_suites_is_the_one_of_the_code() -> None:
    """Write it anew with `vedette schema > scenarios/suite.schema.json`."""
    code = "import json; from scenarios.schema import suite_schema; print(json.dumps(suite_schema(), indent=2))"
    # a process of its own: this one knows the kinds of other tests
    fresh = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert json.loads((LIBRARY.parent / "suite.schema.json").read_text(encoding="utf-8")) == json.loads(fresh)


def test_options_are_described_by_the_comments_beside_them(validator: Any) -> None:
    schema = suite_schema()["$defs"]["Scenario.test_greeting"]
    assert schema["properties"]["threshold"]["description"] == "greetings in a row"
    assert schema["properties"]["request"]["description"] == "how to ask"
    assert schema["properties"]["probe"] == {"const": "test_greeting", "description": "Ask for a greeting."}
    assert schema["description"].startswith("Ask for a greeting.")
