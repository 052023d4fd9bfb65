"""This file is for Gatus: what each condition becomes, and what cannot be said."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.importing.making import imported, only, scenarios, targets

CONDITIONS: dict[str, dict[str, Any]] = {
    "[STATUS] == 200": {"status": 200},
    "200 == [STATUS]": {"status": 200},
    "[STATUS] == any(200, 429)": {"status": [200, 429]},
    "[STATUS] == pat(2*)": {"status": "2xx"},
    "[STATUS] < 300": {"status": {"lt": 300}},
    "[STATUS] != 500": {"status": {"none_of": [500]}},
    "[RESPONSE_TIME] < 300": {"duration": "300ms"},
    "[RESPONSE_TIME] <= 1s": {"duration": "1s"},
    "[CERTIFICATE_EXPIRATION] > 48h": {"certificate_days": {"gt": 2}},
    "[CONNECTED] == true": {},
    "[BODY].status == UP": {"json": {"$.status": "UP"}},
    "[BODY].id == 1": {"json": {"$.id": {"one_of": [1, "1"]}}},
    "[BODY].ok == true": {"json": {"$.ok": {"one_of": [True, "true"]}}},
    "[BODY].a-b[0].c == x": {"json": {"$['a-b'][0].c": "x"}},
    "[BODY][0].id > 1": {"json": {"$[0].id": {"gt": 1}}},
    "[body].name != john": {"json": {"$.name": {"not_equals": "john"}}},
    "[BODY].name == pat(jo?n*)": {"json": {"$.name": {"matches": "(?s)^jo.n.*$"}}},
    "[BODY].name == any(a, b)": {"json": {"$.name": {"one_of": ["a", "b"]}}},
    "len([BODY].items) >= 3": {"json": {"$.items": {"length": {"ge": 3}}}},
    "len([BODY]) == 2": {"json": {"$": {"length": 2}}},
    "has([BODY].error) == false": {"json": {"$.error": {"exists": False}}},
    "has([BODY].data) == true": {"json": {"$.data": {"exists": True}}},
    "[BODY] == pat(*hello*)": {"body": {"contains": "hello"}},
    "[BODY] != pat(*error*)": {"body": {"not_contains": "error"}},
    "[BODY] == OK.": {"body": {"matches": r"^\s*(?:OK\.)\s*$"}},
}
LOST = [
    "[IP] == 1.2.3.4",
    "[DOMAIN_EXPIRATION] > 720h",
    "[RESPONSE_TIME] > 5",
    "[BODY].a < b",
    "nonsense",
    "[STATUS] == abc",
    "len([BODY].a) == x",
    "[NEW_THING] == 1",
    "[CONNECTED] == false",
]


def endpoint(*conditions: str, **keys: Any) -> str:
    import json

    made = {"name": "one", "url": "https://a.example/x", "conditions": list(conditions), **keys}
    return json.dumps({"endpoints": [made]})


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_becomes_an_expectation(condition: str) -> None:
    made = imported("gatus", endpoint(condition))
    assert only(made).get("expect", {}) == CONDITIONS[condition]
    assert not made.lost


@pytest.mark.parametrize("condition", LOST)
def test_a_condition_that_cannot_be_said_stands_at_the_scenario(condition: str) -> None:
    made = imported("gatus", endpoint("[STATUS] == 200", condition))
    assert f"# conditions: {condition}\n" in made.text
    assert made.lost


def test_several_conditions_of_one_value_hold_together() -> None:
    made = imported(
        "gatus",
        endpoint("[STATUS] >= 200", "[STATUS] < 300", "[BODY].n > 1", "[BODY].n < 9", "[BODY] == pat(*a*)", "[BODY] == pat(*b*)"),
    )
    assert only(made)["expect"] == {
        "status": {"ge": 200, "lt": 300},
        "json": {"$.n": {"gt": 1, "lt": 9}},
        "body": {"contains": "a", "matches": "b"},
    }


@pytest.mark.parametrize(
    ("url", "probe", "keys"),
    [
        ("tcp://db.example:5432", "tcp", {"host": "db.example", "port": 5432}),
        ("tcp://[::1]:6379", "tcp", {"host": "::1", "port": 6379}),
        ("tcp://$DB:${PORT}", "tcp", {"host": "{{vars.db}}", "port": "{{vars.port}}"}),
        ("tls://db.example:636", "tls", {"host": "db.example", "port": 636}),
        ("ssh://db.example", "tcp", {"host": "db.example", "port": 22, "expect": {"matches": "^SSH-"}}),
        (
            "wss://a.example/s",
            "websocket",
            {"path": "/s", "steps": [{"send": "x {{nonce}}"}, {"expect": {"text": {"contains": "served"}}}]},
        ),
        ("grpcs://db.example:443", "grpc_health", {"host": "db.example", "port": 443, "tls": True}),
    ],
    ids=lambda v: str(v)[:30],
)
def test_other_protocols_have_probes_of_their_own(url: str, probe: str, keys: dict[str, Any]) -> None:
    more = {"body": "x [RANDOM_STRING_9]"} if probe == "websocket" else {}
    conditions = ["[BODY] == pat(*served*)"] if probe == "websocket" else []
    found = only(imported("gatus", endpoint("[CONNECTED] == true", *conditions, url=url, **more)))
    assert {**found, **keys, "probe": probe} == found


@pytest.mark.parametrize(
    "url",
    [
        "icmp://a.example",
        "udp://a.example:53",
        "sctp://a.example:1",
        "starttls://a.example:587",
        "foo://a",
        "http://169.254.169.254/latest",
    ],
)
def test_what_cannot_be_asked_is_left_out_with_the_reason(url: str) -> None:
    made = imported("gatus", endpoint("[CONNECTED] == true", url=url))
    assert (made.text, made.left_out, made.lost) == ("", 1, True)


def test_a_merge_key_and_an_anchor_are_laid_out() -> None:
    base = "base: &b {interval: 5m, url: https://a.example}\n"
    text = f"{base}endpoints:\n  - <<: *b\n    name: x\n    conditions: ['[STATUS] == 200']\n"
    assert only(imported("gatus", text))["schedule"] == {"every": "5m"}


def test_a_dollar_sign_is_a_variable_and_two_are_a_dollar_sign() -> None:
    made = imported("gatus", endpoint("[STATUS] == 200", headers={"X": "$A-${B}-$$C"}, url="https://$HOST/x"))
    assert only(made)["request"]["headers"] == {"X": "{{vars.a}}-{{vars.b}}-$C"}
    (target,) = targets(made).values()
    assert (target["base_url"], target["vars"]) == ("https://${HOST}", {"a": "${A}", "b": "${B}"})


def test_a_job_that_reports_becomes_a_heartbeat_and_one_without_an_interval_is_left_out() -> None:
    text = "external-endpoints:\n- {name: a, token: x, heartbeat: {interval: 30m}}\n- {name: b, token: y}\n"
    made = imported("gatus", text)
    assert (only(made)["probe"], only(made)["schedule"]) == ("heartbeat", {"every": "30m"})
    assert made.left_out == 1


def test_endpoints_of_one_name_are_made_unique() -> None:
    import json

    one = {"name": "same", "url": "https://a.example", "conditions": ["[STATUS] == 200"]}
    made = imported("gatus", json.dumps({"endpoints": [one, one, {**one, "group": "g"}]}))
    assert [s["name"] for s in scenarios(made)] == ["same", "same 2", "g / same"]
