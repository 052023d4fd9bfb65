"""This file is for the clauses that say where a JSON object does not fit its schema, and never show a person's values."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.contracts.catalogue import find
from probes.misfits import misfits
from probes.operators import schema_validator


def _of(schema: dict[str, Any], document: Any) -> list[str]:
    return misfits(schema_validator(json.dumps(schema)), document)


CASES: dict[str, tuple[dict[str, Any], Any, list[str] | None]] = {
    "fits": ({"required": ["a"]}, {"a": 1}, []),
    "lacks": ({"required": ["a"]}, {}, ["lacks 'a'"]),
    "lacks inside": ({"properties": {"e": {"required": ["stack"]}}}, {"e": {}}, ["lacks 'e.stack'"]),
    "lacks what another needs": ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, ["lacks 'b'"]),
    "type": (
        {"properties": {"tenant_id": {"type": "integer"}}},
        {"tenant_id": "42"},
        ["'tenant_id' is a string, not an integer"],
    ),
    "types": ({"properties": {"a": {"type": ["string", "null"]}}}, {"a": [1]}, ["'a' is an array, not a string or null"]),
    "level": (
        {"properties": {"level": {"enum": ["info", "error"]}}},
        {"level": "INFO"},
        ["'level' is 'INFO', not info or error"],
    ),
    "number of a level": ({"properties": {"level": {"enum": [10, 20]}}}, {"level": 35}, ["'level' is 35, not 10 or 20"]),
    "name": ({"properties": {"name": {"enum": ["x"]}}}, {"name": "Anna"}, ["'name' is a string (not shown), not x"]),
    "odd level": ({"properties": {"level": {"const": "x"}}}, {"level": "a@b.de"}, ["'level' is a string (not shown), not x"]),
    "time": (
        {"properties": {"timestamp": {"format": "date-time"}}},
        {"timestamp": "2026-01-15 14:30"},
        ["'timestamp' is '2026-01-15 14:30', no date-time as RFC 3339 and its like write it"],
    ),
    "pattern": (
        {"properties": {"id": {"pattern": "^r"}}},
        {"id": "x"},
        ["'id' is a string (not shown), which does not match ^r"],
    ),
    "minimum": ({"properties": {"n": {"minimum": 0}}}, {"n": -5}, ["'n' is less than 0"]),
    "unknown field": ({"properties": {}, "additionalProperties": False}, {"b": 1}, ["has 'b', which is not allowed"]),
    "forms": ({"properties": {"ip": {"anyOf": [{"type": "null"}]}}}, {"ip": 1}, ["'ip' fits none of the forms allowed"]),
    "rule of the drafts": ({"properties": {"a": {"propertyNames": {"maxLength": 1}}}}, {"a": {"xx": 1}}, None),
    "no number": ({}, {"a": float("inf")}, ["holds a number that is none"]),
}


@pytest.mark.parametrize(("schema", "document", "clauses"), CASES.values(), ids=CASES)
def test_each_misfit_is_a_clause(schema: dict[str, Any], document: Any, clauses: list[str] | None) -> None:
    made = _of(schema, document)
    assert made == clauses if clauses is not None else len(made) == 1


SECRETS = st.text("abcdefghijklmnopqrstuvwxyz@.", min_size=24, max_size=30)


@given(SECRETS, st.sampled_from(["bookando-log", "platform-log", "travel-log", "bookando-audit"]), st.data())
def test_no_value_of_a_line_is_ever_told(secret: str, name: str, data: st.DataObject) -> None:
    contract = find(name)
    document = dict(contract.body["examples"][0])
    for field in data.draw(st.lists(st.sampled_from(sorted(document)), min_size=1, unique=True)):
        document[field] = data.draw(st.sampled_from([secret, [secret], {"a": secret}]))
    assert secret not in "; ".join(misfits(schema_validator(contract.text), document))
