"""This file is for the JSON Schema of policies: what the loader takes it takes, and what is plainly wrong it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from pydantic import BaseModel

from scenarios.gates.policy import Policy, Profile, WhenShared
from scenarios.gates.reading import EXAMPLES, bundled_policies
from scenarios.gates.schema import policy_schema
from scenarios.meanings import comments_in, meanings, models_in
from tests.scenarios.gates.policy_making import HEAD

SCHEMA = Path("scenarios/gates/policy.schema.json")


@pytest.fixture(scope="module")
def validator() -> Any:
    return jsonschema_rs.Draft202012Validator(policy_schema())


def test_it_is_a_schema() -> None:
    jsonschema_rs.meta.validate(policy_schema())


def test_the_file_is_what_the_code_says() -> None:
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == policy_schema(), "write it anew: make docs"


@pytest.mark.parametrize("name", bundled_policies())
def test_bundled_policies_fit(name: str, validator: Any) -> None:
    policy = yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8"))
    assert [str(error) for error in validator.iter_errors(policy)] == []


@pytest.mark.parametrize(
    "more",
    [
        {"alpha": "${ALPHA:-0.01}", "every": "1m30s", "profile": "coarse"},
        {"stages": [{"weight": 5, "margin": 4.5, "max_time": "2h"}], "triggers": [{"id": "a", "danger": "x", "times": 2}]},
        {"metrics": [{"kind": "rounds", "weight": 0.5}, {"kind": "latency", "weight": 0.5, "above": "250ms"}]},
    ],
    ids=["variables and durations", "stages and triggers", "metrics"],
)
def test_what_may_be_said_fits(more: dict[str, Any], validator: Any) -> None:
    assert [str(error) for error in validator.iter_errors({**yaml.safe_load(HEAD), **more})] == []


@pytest.mark.parametrize(
    "more",
    [
        {"stage": []}, {"stages": []}, {"stages": [{"weight": 101}]}, {"alpha": 0.5}, {"profile": "careful"},
        {"metrics": [{"weight": 1}]}, {"metrics": [{"kind": "latency", "weight": 1}]},
        {"canary": {}}, {"triggers": [{"id": "A"}]},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_wrong_does_not_fit(more: dict[str, Any], validator: Any) -> None:
    assert not validator.is_valid({**yaml.safe_load(HEAD), **more})


@pytest.mark.parametrize("model", list(models_in(Policy)), ids=lambda model: model.__name__)
def test_every_key_means_something(model: type[BaseModel]) -> None:
    assert [name for name in model.model_fields if not meanings(model).get(name)] == []


@pytest.mark.parametrize("words", [Profile, WhenShared], ids=lambda words: words.__name__)
def test_every_word_means_something(words: Any) -> None:
    assert [word.name for word in words if not comments_in(words).get(word.name)] == []
