"""This file is for the payloads: each can be told apart, found again, and does no harm where it succeeds."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from probes.payload_places import Beside, Bracket, Leave, Put, Raw, Twice, Where
from probes.payloads import Family, FieldType, Made, Payload, Stance, names, payloads
from probes.reflection import Echo, echo, effect, talk
from probes.request import RequestTemplate
from tests.probes.answers import answer, json_answer


def every(*, reads: bool = False, sort: FieldType = FieldType.STRING) -> list[Payload]:
    return list(payloads(Made("Haircut", sort, reads, True, 100)))


@pytest.mark.parametrize("sort", FieldType)
def test_each_payload_has_a_name_and_a_marker_of_its_own(sort: FieldType) -> None:
    made = every(sort=sort)
    assert len({one.name for one in made}) == len(made)
    markers = [one.marker for one in made if one.marker and one.family is not Family.DUPLICATE_KEY]
    assert len(set(markers)) == len(markers) > 20
    assert {one.name for one in made} <= names()


def test_every_family_has_a_payload_in_the_basic_set_but_the_prototype() -> None:
    assert {one.family for one in every() if one.basic} == set(Family) - {Family.PROTOTYPE}


def test_no_payload_can_widen_or_cut_off_a_statement() -> None:
    text = "\n".join(str(one.change) for one in every() if one.family in (Family.SQL, Family.NOSQL)).upper()
    assert not re.search(r"\bOR\b|--|#|;|DROP|DELETE|UPDATE|INSERT|SLEEP|BENCHMARK|WAITFOR", text)


def test_an_operator_asks_for_more_than_the_good_value_only_where_the_method_only_reads() -> None:
    def operators(reads: bool) -> str:
        return str([one.change for one in every(reads=reads) if one.family is Family.NOSQL])

    assert "'$gt'" in operators(True) and "$ne" in operators(True)
    assert not re.search(r"\$gt'|\$ne|\.\*", operators(False))


def test_a_path_leads_to_nothing_that_can_be_written() -> None:
    paths = [one.text for one in every(reads=False) if one.family is Family.PATH]
    assert paths and all("version" in path and "proc" in path for path in paths)


REQUEST = RequestTemplate.model_validate(
    {"method": "POST", "path": "/a/b?x=1&y=2", "headers": {"X-One": "1"}, "json": {"a": [{"b": "good"}], "c": 1}}
)


@pytest.mark.parametrize(
    ("change", "body"),
    [
        (Put({"$gt": ""}), '{"a": [{"b": {"$gt": ""}}], "c": 1}'),
        (Put(None), '{"a": [{"b": null}], "c": 1}'),
        (Raw("1e999"), '{"a": [{"b": 1e999}], "c": 1}'),
        (Raw('"\udcff"'), '{"a": [{"b": "\udcff"}], "c": 1}'),
        (Leave(), '{"a": [{}], "c": 1}'),
        (Beside("__proto__", {"x": 1}), '{"a": [{"b": "good", "__proto__": {"x": 1}}], "c": 1}'),
        (Twice("bad", True), '{"a": [{"b": "bad", "b": "good"}], "c": 1}'),
        (Twice("bad", False), '{"a": [{"b": "good", "b": "bad"}], "c": 1}'),
        (Bracket("$ne", "x"), None),
    ],
    ids=repr,
)
def test_a_change_is_made_at_its_place_in_json(change: Any, body: str | None) -> None:
    made = Where.parse("$.a[0].b").changed(REQUEST, change)
    shown = None if made is None else made.body if made.body is not None else json.dumps(made.json_body)
    assert shown == body
    assert REQUEST.json_body == {"a": [{"b": "good"}], "c": 1}


@pytest.mark.parametrize(
    ("at", "change", "path"),
    [
        ("query x", Put("a b&c=#"), "/a/b?y=2&x=a%20b%26c%3D%23"),
        ("query x", Put({"a": 1}), None),
        ("query x", Raw(encoded="%ff"), "/a/b?y=2&x=%ff"),
        ("query x", Leave(), "/a/b?y=2"),
        ("query x", Twice("bad", False), "/a/b?y=2&x=1&x=bad"),
        ("query x", Bracket("$ne", ""), "/a/b?y=2&x[%24ne]="),
        ("path segment 2", Put("../c"), "/a/..%2Fc?x=1&y=2"),
        ("path segment 2", Leave(), None),
        ("path segment 2", Put("a" * 30_000), None),
    ],
    ids=repr,
)
def test_a_change_is_made_at_its_place_in_the_address(at: str, change: Any, path: str | None) -> None:
    made = Where.parse(at).changed(REQUEST, change)
    assert (None if made is None else made.path) == path


@pytest.mark.parametrize("value", ["a\r\nb", "a\0", "\x7f"], ids=repr)
def test_what_would_split_our_own_request_is_not_put_into_a_header(value: str) -> None:
    assert Where.parse("header x-one").changed(REQUEST, Put(value)) is None


def test_a_template_expression_goes_over_the_wire_as_it_stands() -> None:
    made = Where.parse("$.c").changed(REQUEST, Put("{{7*7}}"))
    assert made is not None and made.filled({}) is made and made.json_body["c"] == "{{7*7}}"


SCRIPT = Payload("script.tag", "a script tag", Put(""), Stance.MARKUP, '<script>vab1c001("x")</script>', "vab1c001")
HTML, NOSNIFF = ("Content-Type", "text/html"), ("X-Content-Type-Options", "nosniff")


@pytest.mark.parametrize(
    ("seen", "may_echo", "how"),
    [
        pytest.param(answer(f"<p>{SCRIPT.text}", 422, HTML), True, "unescaped in an HTML answer", id="html"),
        pytest.param(answer(f"<p>{SCRIPT.text}", 422), True, "in an answer without a type", id="no-type"),
        pytest.param(
            answer(SCRIPT.text, 422, ("Content-Type", "image/svg+xml")), True, "an answer of the type image/svg+xml", id="svg"
        ),
        pytest.param(answer(SCRIPT.text, 422, NOSNIFF), True, None, id="no-type-nosniff"),
        pytest.param(json_answer({"m": SCRIPT.text}, 422, NOSNIFF), True, None, id="json"),
        pytest.param(json_answer({"m": SCRIPT.text}, 422), True, "without 'X-Content-Type-Options: nosniff'", id="json-sniffed"),
        pytest.param(json_answer({"m": SCRIPT.text}, 422, NOSNIFF), False, "back as it is", id="json-may-not"),
        pytest.param(
            answer('{"m": "' + SCRIPT.text + '"}', 422, ("Content-Type", "application/json")),
            True,
            "not encoded",
            id="json-by-hand",
        ),
        pytest.param(answer('f("x")-vab1c001', 200, ("Content-Type", "text/javascript")), True, "as code", id="javascript"),
        pytest.param(answer("vab1c001", 422, HTML), True, None, id="marker-only"),
    ],
)
def test_an_echo_is_judged_by_what_a_browser_makes_of_it(seen: Any, may_echo: bool, how: str | None) -> None:
    found: Echo | None = echo(seen, SCRIPT, may_echo=may_echo)
    assert (found is None) if how is None else (found is not None and how in found.how)


@pytest.mark.parametrize(
    ("text", "payload", "kinds"),
    [
        ("no such file: /proc/version", "/proc/version", []),
        ('{"password": "must be longer"}', "x<y>", []),
        ('{"password": "hunter2hunter2"}', "x<y>", ["a secret"]),
        ('{"m": "no \\u00e9 \\ud800 x"}', "xxxx", []),
        ('{"m": "bad: Haircut\' AND"}', "Haircut' AND", []),
        ('ERROR: syntax error at or near "\'"', "Haircut'", ["a database's error or query"]),
        ("SELECT id FROM services WHERE name = 'Haircut''", "Haircut'", ["a database's error or query"]),
        ("jinja2.exceptions.UndefinedError", "{{x}}", ["a template engine's error"]),
        ("open('/var/www/files/proc/version')", "../proc/version", ["an internal path"]),
    ],
)
def test_what_an_answer_tells_is_seen_apart_from_the_payload(text: str, payload: str, kinds: list[str]) -> None:
    made = Payload("sql.quote", "a quote", Put(payload), Stance.TEXT, payload)
    assert talk(answer(text, 422), made) == kinds


def test_a_product_counts_only_where_it_was_computed() -> None:
    one = next(o for o in every() if o.name == "template.curly")
    assert effect(answer(f"no {one.text}", 422), one) == ""
    assert "was computed" in effect(answer(f"no {one.product}", 422), one)
