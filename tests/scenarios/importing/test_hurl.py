"""This file is for Hurl: sections, asserts and captures of its grammar."""

from __future__ import annotations

from typing import Any

import pytest

from scenarios.mistakes import SuiteError
from tests.scenarios.importing.making import imported, only

ASSERTS: dict[str, dict[str, Any]] = {
    "status == 201": {"status": 201},
    "status < 300": {"status": {"lt": 300}},
    'jsonpath "$.a" == "x"': {"json": {"$.a": "x"}},
    'jsonpath "$.a" == 1': {"json": {"$.a": 1}},
    'jsonpath "$.a" == null': {"json": {"$.a": None}},
    'jsonpath "$.a" != true': {"json": {"$.a": {"not_equals": True}}},
    'jsonpath "$.a" not contains "x"': {"json": {"$.a": {"not_contains": "x"}}},
    'jsonpath "$.a" startsWith "x."': {"json": {"$.a": {"matches": r"^x\."}}},
    'jsonpath "$.a" matches "^\\\\d+$"': {"json": {"$.a": {"matches": r"^\d+$"}}},
    'jsonpath "$.a" matches /a\\/b/': {"json": {"$.a": {"matches": "a/b"}}},
    'jsonpath "$.a" exists': {"json": {"$.a": {"exists": True}}},
    'jsonpath "$.a" not exists': {"json": {"$.a": {"exists": False}}},
    'jsonpath "$.a" count == 2': {"json": {"$.a": {"length": 2}}},
    'jsonpath "$.a[*].b" count > 2': {"json": {"$.a[*].b": {"count": {"gt": 2}}}},
    'jsonpath "$.a" isString': {"json": {"$.a": {"type": "string"}}},
    'jsonpath "$.a" includes 3': {"json": {"$.a": {"contains": 3}}},
    'jsonpath "$.a" >= 1.5': {"json": {"$.a": {"ge": 1.5}}},
    'header "X" == "y"': {"headers": {"X": "y"}},
    'body contains "h # i"  # a comment': {"body": {"contains": "h # i"}},
    "duration < 1000": {"duration": "1s"},
    "bytes count == 12": {"size_bytes": 12},
}
LOST = [
    'xpath "//h1" exists',
    "sha256 == hex,aa;",
    'jsonpath "$.a" nth 0 == 1',
    'certificate "Subject" == "CN=a"',
    'url == "x"',
    'jsonpath "$.a" frobs "x"',
    'jsonpath "$.[" == 1',
    'variable "x" == 1',
    'jsonpath "$.a" not isString',
]


@pytest.mark.parametrize("text", ASSERTS)
def test_an_assert_becomes_an_expectation(text: str) -> None:
    made = imported("hurl", f"GET https://a.example/x\nHTTP *\n[Asserts]\nstatus >= 100\n{text}\n")
    expect = only(made)["expect"]
    if expect["status"] == {"ge": 100}:
        del expect["status"]
    if isinstance(expect.get("status"), dict):
        expect["status"].pop("ge", None)
    assert (expect, made.lost) == (ASSERTS[text], False)


@pytest.mark.parametrize("text", LOST)
def test_an_assert_that_cannot_be_said_stands_at_the_scenario(text: str) -> None:
    made = imported("hurl", f"GET https://a.example/x\nHTTP 200\n[Asserts]\n{text}\n")
    assert f"assert: {text}" in made.text
    assert made.lost


def test_a_file_is_one_journey_whose_values_go_on() -> None:
    text = (
        'POST https://a.example/in\n[Form]\nname: Ada\nHTTP 200\n[Captures]\nmy-token: jsonpath "$.t"\n'
        "GET https://a.example/out?t={{my-token}}\nX-Other: {{other}}\nHTTP 204\n"
    )
    first, second = only(imported("hurl", text))["steps"]
    assert first["capture"] == {"my_token": {"json": "$.t", "secret": True}}
    assert (first["request"]["form"], first["expect"]["status"]) == ({"name": "Ada"}, 200)
    assert (second["request"]["path"], second["request"]["headers"]) == ("/out?t={{my_token}}", {"X-Other": "{{vars.other}}"})


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ('{"a": [1, "}"]}', {"json": {"a": [1, "}"]}}),
        ("```\nline\n```", {"body": "line\n"}),
        ("```json\n{}\n```", {"json": {}}),
        ("`one line`", {"body": "one line"}),
        ("```graphql\n{ me }\n```", {"json": {"query": "{ me }"}}),
        ("<a>b</a>", {"body": "<a>b</a>"}),
    ],
    ids=["json", "text", "fenced json", "oneline", "graphql", "xml"],
)
def test_a_body_is_sent_as_it_is(body: str, sent: dict[str, Any]) -> None:
    request = only(imported("hurl", f"POST https://a.example/x\n{body}\nHTTP 200\n"))["request"]
    assert {key: value for key, value in request.items() if key in ("json", "body")} == sent


def test_a_whole_answer_can_be_expected() -> None:
    made = imported("hurl", 'GET https://a.example/x\nHTTP 200\nX-A: b\n{"a": 1}\n')
    assert only(made)["expect"] == {"status": 200, "headers": {"X-A": "b"}, "json": {"$": {"equals": {"a": 1}}}}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("GET https://a.example\n[Unknown]\na: b\n", ":2:1"),
        ("GET https://a.example\nHTTP 200\n\nfoo: bar\n[Nope]\n", ":5:1"),
        ('POST https://a.example\n{"a": 1\n', ":2:1"),
        ("POST https://a.example\n```\nno end\n", ":2:1"),
        ("GET https://a.example\nneither this nor that\n", ":2:1"),
    ],
    ids=["section", "section of the answer", "json", "text", "line"],
)
def test_what_is_no_hurl_is_told_with_its_place(text: str, place: str) -> None:
    with pytest.raises(SuiteError, match=f"shop.x{place}"):
        imported("hurl", text)
