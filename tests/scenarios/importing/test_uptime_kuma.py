"""This file is for Uptime Kuma: monitors by their type, accepted codes, queries, and both shapes of its list."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.scenarios.importing.making import Import, imported, only, targets


def monitor(**keys: Any) -> Import:
    made = {"id": 1, "name": "one", "type": "http", "url": "https://a.example/x", "active": 1, **keys}
    return imported("uptime-kuma", json.dumps({"version": "1.23.0", "monitorList": [made]}))


@pytest.mark.parametrize(
    ("accepted", "status"),
    [
        (["200-299"], "2xx"),
        (["200-399"], ["2xx", "3xx"]),
        (["200", "301-302"], [200, 301, 302]),
        (["200-201", "500-599"], [200, 201, "5xx"]),
    ],
    ids=str,
)
def test_accepted_codes_become_a_status(accepted: list[str], status: Any) -> None:
    assert only(monitor(accepted_statuscodes=accepted))["expect"] == {"status": status}


@pytest.mark.parametrize(
    ("path", "operator", "value", "expect"),
    [
        ("a.b", "==", "x", {"$.a.b": "x"}),
        ("$.a[0]", "==", "1", {"$.a[0]": {"one_of": [1, "1"]}}),
        ("a", ">", "1.5", {"$.a": {"gt": 1.5}}),
        ("a", "contains", "x.y", {"$.a": {"matches": r"x\.y"}}),
        ("a", "!=", "x", {"$.a": {"none_of": ["x"]}}),
    ],
    ids=str,
)
def test_a_plain_query_becomes_an_expectation(path: str, operator: str, value: str, expect: dict[str, Any]) -> None:
    made = monitor(type="json-query", jsonPath=path, jsonPathOperator=operator, expectedValue=value)
    assert (only(made)["expect"]["json"], made.lost) == (expect, False)


@pytest.mark.parametrize("path", ["$count(items)", "items[id=1].name", "a & b"])
def test_a_query_of_jsonata_stands_at_the_scenario(path: str) -> None:
    made = monitor(type="json-query", jsonPath=path, expectedValue="1")
    assert (made.remarked, made.lost, f"{path} == 1" in made.text) == (1, True, True)


def test_a_keyword_is_looked_for_or_must_be_missing() -> None:
    assert only(monitor(type="keyword", keyword="x"))["expect"]["body"] == {"contains": "x"}
    assert only(monitor(type="keyword", keyword="x", invertKeyword=True))["expect"]["body"] == {"not_contains": "x"}


def test_a_push_monitor_becomes_a_heartbeat_with_its_retries_as_grace() -> None:
    found = only(monitor(type="push", interval=3600, maxretries=2, retryInterval=60, pushToken="abc"))
    assert (found["probe"], found["schedule"], found["grace"]) == ("heartbeat", {"every": "1h"}, "2m")


@pytest.mark.parametrize(
    "keys", [{"active": 0}, {"upsideDown": True}, {"type": "ping"}, {"type": "mysql"}, {"type": "brand-new"}], ids=str
)
def test_what_cannot_be_said_is_left_out_with_the_reason(keys: dict[str, Any]) -> None:
    made = monitor(**keys)
    assert (made.text, made.left_out, made.lost) == ("", 1, True)


def test_the_list_may_be_a_mapping_and_groups_become_tags() -> None:
    monitors = {
        "1": {"id": 1, "name": "Front End", "type": "group"},
        "2": {
            "id": 2,
            "name": "x",
            "type": "http",
            "url": "https://a.example",
            "parent": 1,
            "tags": [{"name": "P0"}],
            "ignoreTls": True,
        },
    }
    made = imported("uptime-kuma", json.dumps({"monitorList": monitors}))
    assert only(made)["tags"] == ["p0", "front-end"]
    (target,) = targets(made).values()
    assert target["tls"] == {"verify": False}
    assert not made.lost
