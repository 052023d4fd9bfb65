"""This file is for the bundled contracts: each accepts what its document shows, and refuses it with any one thing wrong."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from probes.contracts.catalogue import BodyContractName, Contract, LogContractName, Sort, find, names
from probes.expect import Expectation
from probes.matchers import Matcher, Selection
from probes.operators import schema_validator
from tests.probes.answers import answer

WITH_SCHEMA = [find(name) for sort in (Sort.LOG, Sort.AUDIT, Sort.HEALTH) for name in names(sort)]
NOW = datetime(2026, 1, 15, 14, 30, tzinfo=UTC)


def _fits(contract: Contract, document: Any) -> bool:
    return bool(schema_validator(contract.text).is_valid(document))


@pytest.mark.parametrize("contract", WITH_SCHEMA, ids=lambda one: one.name)
def test_each_example_of_a_contract_fits_it(contract: Contract) -> None:
    assert contract.body["examples"]
    assert [example for example in contract.body["examples"] if not _fits(contract, example)] == []


@pytest.mark.parametrize("contract", WITH_SCHEMA, ids=lambda one: one.name)
def test_a_contract_says_what_it_is_about_and_where_that_is_promised(contract: Contract) -> None:
    assert contract.about and not contract.about.endswith(".")
    assert ", " in contract.source and not contract.source.endswith(".")


@pytest.mark.parametrize("contract", WITH_SCHEMA, ids=lambda one: one.name)
def test_no_mandatory_field_may_be_missing_or_a_list(contract: Contract) -> None:
    for name in contract.body["required"]:
        for broken in _with(contract.body["examples"][0], name):
            assert not _fits(contract, broken), f"{name} in {broken}"


def _with(example: dict[str, Any], name: str) -> Iterator[dict[str, Any]]:
    made = copy.deepcopy(example)
    del made[name]
    yield made
    yield {**example, name: ["a list"]}


WRONG = {
    "a level in capitals": ("bookando-log", {"level": "INFO"}),
    "a level of another logger": ("bookando-log", {"level": "notice"}),
    "a local time": ("bookando-log", {"timestamp": "2026-01-15T14:30:00.123+01:00"}),
    "a time without offset": ("bookando-log", {"timestamp": "2026-01-15T14:30:00.123"}),
    "a time with a space": ("travel-log", {"timestamp": "2026-01-15 14:30:00"}),
    "no tenant in a system line": ("bookando-log", {"tenant_id": None}),
    "a tenant as text": ("bookando-log", {"tenant_id": "42"}),
    "an empty correlation id": ("bookando-log", {"correlation_id": ""}),
    "a negative duration": ("bookando-log", {"duration_ms": -1}),
    "seconds for milliseconds": ("immoflow-log", {"time": 1768487400}),
    "a time as text": ("immoflow-log", {"time": "2026-01-15T14:30:00Z"}),
    "a level that Pino has not": ("immoflow-log", {"level": 35}),
    "an outcome of its own": ("platform-log", {"outcome": "ok"}),
    "a span without a trace": ("platform-log", {"trace_id": ...}),
    "a request without its route": ("platform-log", {"route": ...}),
    "an address that is none": ("platform-log", {"ip": "localhost"}),
    "an error without a stack": ("platform-log", {"outcome": "error", "error": {"type": "E", "message": "m"}}),
    "an error that is a success": ("platform-log", {"error": {"type": "E", "message": "m", "stack": "s"}}),
    "another service": ("travel-log", {"service": "api"}),
    "an id that is no UUID 4": ("bookando-audit", {"audit_id": "0190b2f0-5c1e-7b8e-9d3b-0f6f4b1c2d3e"}),
    "an actor of another kind": ("bookando-audit", {"actor_type": "admin"}),
    "a user who is nobody": ("bookando-audit", {"actor_id": None}),
    "settings without the values before": ("bookando-audit", {"action": "settings.update", "before": None}),
    "dependencies in liveness": ("platform-live", {"checks": {"database": "ok"}}),
    "readiness without a database": ("platform-ready", {"checks": {"redis": "ok"}}),
    "ready with a dependency down": ("travel-ready", {"checks": {"mongodb": "down", "redis": "ok"}}),
    "a dependency forgotten": ("travel-ready", {"checks": {"mongodb": "ok"}}),
    "a start in the future": ("travel-startup", {"uptime": -1}),
    "a breaker of another threshold": ("askpro-circuit", {"failure_threshold": 50}),
    "an open breaker that never retries": ("askpro-circuit", {"state": "open"}),
    "no breaker": ("askpro-detailed", {"circuit_breakers": {}}),
}


@pytest.mark.parametrize(("name", "change"), WRONG.values(), ids=WRONG)
def test_one_thing_wrong_is_refused(name: str, change: dict[str, Any]) -> None:
    contract = find(name)
    changed = {**contract.body["examples"][0], **change}
    assert not _fits(contract, {key: value for key, value in changed.items() if value is not ...})


RIGHT = {
    "the system itself": ("bookando-log", {"tenant_id": 0, "user_id": None}),
    "a label for a level": ("immoflow-log", {"level": "info"}),
    "nobody signed in": ("platform-log", {"org_id": None, "user_id": ...}),
    "a worker, which has no route": ("platform-log", {"source": "worker", "route": ..., "ip": ..., "request_id": ...}),
    "an error with all of it": ("platform-log", {"outcome": "error", "error": {"type": "E", "message": "m", "stack": "s"}}),
    "the system as an actor": ("bookando-audit", {"actor_type": "system", "actor_id": None, "ip": None}),
    "not ready, and so it says": ("travel-ready", {"status": "not_ready", "checks": {"mongodb": "down", "redis": "ok"}}),
    "the other way to write UTC": ("travel-live", {"timestamp": "2026-01-15T14:30:00+00:00"}),
}


@pytest.mark.parametrize(("name", "change"), RIGHT.values(), ids=RIGHT)
def test_what_a_document_permits_is_accepted(name: str, change: dict[str, Any]) -> None:
    contract = find(name)
    changed = {**contract.body["examples"][0], **change}
    assert _fits(contract, {key: value for key, value in changed.items() if value is not ...})


def test_a_matcher_takes_a_contract_by_name() -> None:
    matcher = Matcher.model_validate({"contract": "travel-live"})
    [good] = matcher.judge(Selection([{"status": "ok", "timestamp": "2026-01-15T14:30:00Z"}]), NOW)
    [bad] = matcher.judge(Selection([{"status": "down", "timestamp": "2026-01-15T14:30:00Z"}]), NOW)
    assert (good.phrase, good.holds) == ("fits the contract travel-live", True)
    assert not bad.holds and bad.reason == 'does not fit the contract travel-live at status: "ok" was expected'


def test_an_expectation_holds_the_whole_body_against_a_contract() -> None:
    expect = Expectation.model_validate({"contract": "travel-live"})
    good = answer(json.dumps({"status": "ok", "timestamp": "2026-01-15T14:30:00Z"}).encode())
    assert all(made.verdict == "pass" for made in expect.judge(good))
    [_, bad] = expect.judge(answer(b'{"status": "ok"}'))
    assert bad.say.startswith('the JSON body does not fit the contract travel-live: "timestamp" is a required property')
    assert expect.refuses_the_opposite().verdict == "pass"
    [_, page] = expect.judge(answer(b"<html>", 200, ("Content-Type", "text/html")))
    assert "HTML instead of JSON" in page.say


def test_a_name_that_is_none_and_a_contract_of_another_sort_are_mistakes() -> None:
    with pytest.raises(ValidationError, match="there is no contract 'travel-life', did you mean 'travel-live'"):
        Matcher.model_validate({"contract": "travel-life"})
    with pytest.raises(ValidationError, match="'travel-live' is a contract of sort 'health', not 'log'"):
        TypeAdapter(LogContractName).validate_python("travel-live")
    assert TypeAdapter(BodyContractName).validate_python("bookando-audit") == "bookando-audit"
