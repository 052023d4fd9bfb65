"""This file is for input that is wrong, huge or hostile: it is refused in one sentence, or carried over without harm."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.request import fill
from scenarios.importing import reading
from scenarios.importing.formats import draft_of, formats
from scenarios.importing.language import sound
from scenarios.importing.reading import Input, read_input
from scenarios.importing.writing import entries
from scenarios.mistakes import SuiteError
from scenarios.source import plain, read_text
from scenarios.variables import Expansion
from tests.scenarios.importing.making import imported, loaded, only, scenarios

NAMES = [
    "a\nb",
    "{{x}}",
    "${X}",
    "$${X}",
    "'\"",
    "- a: b",
    "# a",
    "é😀",
    "\u202e",
    "a" * 300,
    " ",
    "\x00",
    "\ud800",
    "null",
    "yes",
    "a: |",
    "*",
    "&a *a",
]


def gatus(name: str, **keys: Any) -> str:
    return json.dumps({"endpoints": [{"name": name, "url": "https://a.example/x", "conditions": ["[STATUS] == 200"], **keys}]})


def uptime_kuma(name: str, **keys: Any) -> str:
    return json.dumps({"monitorList": [{"name": name, "type": "http", "url": "https://a.example/x", **keys}]})


def postman(name: str, **keys: Any) -> str:
    item = {"name": name, "request": {"method": "GET", "url": "https://a.example/x", **keys}}
    return json.dumps({"info": {"name": name, "schema": "https://schema.getpostman.com/json/collection/v2.1.0/"}, "item": [item]})


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
@pytest.mark.parametrize("write", [gatus, uptime_kuma, postman], ids=["gatus", "uptime-kuma", "postman"])
def test_a_hostile_name_harms_nothing(name: str, write: Callable[..., str], tmp_path: Path) -> None:
    made = imported(write.__name__.replace("_", "-"), write(name))
    (scenario,) = loaded(made, tmp_path).scenarios
    wanted = " ".join("".join(s if s.isprintable() else " " for s in name).split())
    assert scenario.name == wanted or len(wanted) > 150 or not wanted


signs = st.sampled_from(["{{x}}", "${X}", "$", "$$", "{{", "}}", "{", "$${", "{{vars.a}}", "password=abcdefgh1", "${A:-b}"])
text = st.text(max_size=30).map(sound) | st.lists(signs, max_size=5).map("".join)


@settings(deadline=None)
@given(text, text, text)
def test_whatever_stands_in_an_endpoint_the_same_is_sent(name: str, value: str, body: str) -> None:
    doubled = {"headers": {"X-A": value.replace("$", "$$")}, "body": body.replace("$", "$$")}
    made = imported("gatus", gatus(name, method="POST", **doubled))
    assert made.text, made.lines()
    request = only(made)["request"]
    hidden = {name.lower(): secret for secret, name in made.draft.vault._names.items()}
    filled = fill(plain(Expansion({}).of(read_text("\n".join(entries(request)), "x.yaml"))), {"vars": {"braces": "{{", **hidden}})
    if not set(value) & set("\r\n\0") and value.strip():
        assert filled["headers"]["X-A"] == value.strip()
    assert filled.get("body", "") == ("" if "json" in filled else body)


@settings(deadline=None)
@given(
    st.text(st.characters(categories=["Ll", "Lu", "Nd"]), min_size=12, max_size=30),
    st.sampled_from(["header", "query", "body", "user", "form", "json"]),
)
def test_a_secret_never_reaches_the_suite(secret: str, where: str) -> None:
    secret = f"Zq9{secret}"
    places = {
        "header": f"-H 'Authorization: Bearer {secret}'",
        "query": f"'https://a.example/y?api_key={secret}'",
        "body": f"-d 'some text with password={secret}' -H 'Content-Type: text/plain'",
        "user": f"-u 'me:{secret}'",
        "form": f"-d 'client_secret={secret}'",
        "json": f"""--json '{{"a": [{{"refreshToken": "{secret}"}}], "again": "{secret}"}}'""",
    }
    made = imported("curl", f"curl https://a.example/x {places[where]} --proxy http://me:{secret}@proxy:1\n")
    assert secret not in made.text + "\n".join(made.lines())
    assert any(name in made.text for name in made.draft.vault.about)


def test_the_same_secret_elsewhere_is_hidden_too() -> None:
    made = imported(
        "curl", "curl https://a.example/s3kr1t-value-77/x -H 'X-Api-Key: s3kr1t-value-77' -H 'X-Plain: s3kr1t-value-77'"
    )
    assert "s3kr1t" not in made.text
    assert only(made)["request"]["path"] == "/{{vars.curl_x_api_key}}/x"


@pytest.mark.parametrize("name", sorted(formats()))
@pytest.mark.parametrize("content", ["", " \n\t\n", "\ufeff"], ids=["empty", "white space", "a mark only"])
def test_an_empty_file_is_refused(name: str, content: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SuiteError, match="the file is empty"):
        draft_of(read_input(path), formats()[name])


@pytest.mark.parametrize("name", sorted(formats()))
@pytest.mark.parametrize(
    "content", ["hello", "[]", "{}", "a: 1", '{"a": ', "- 1\n- 2", "\x00\x01", "{{{{", "a: b: c"], ids=range(9)
)
def test_what_is_nothing_of_the_kind_is_refused_in_a_sentence(name: str, content: str) -> None:
    with pytest.raises(SuiteError) as refused:
        draft_of(Input("x", content), formats()[name])
    assert "x:" in str(refused.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("gatus", "endpoints: []"),
        ("har", '{"log": {"entries": []}}'),
        ("postman", '{"info": {"schema": "https://schema.getpostman.com/json/collection/v2.1.0/"}, "item": []}'),
        ("openapi", '{"openapi": "3.0.0", "paths": {}}'),
        ("uptime-kuma", '{"monitorList": []}'),
    ],
)
def test_a_file_without_anything_to_ask_is_refused(name: str, content: str) -> None:
    with pytest.raises(SuiteError, match="there is nothing to import"):
        imported(name, content)


@pytest.mark.parametrize(
    "content",
    [
        "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
        "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"
        "f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\nendpoints: [*f]\n",
        "endpoints: " + "[" * 5000,
        '{"endpoints": ' + "[" * 5000 + "]" * 5000 + "}",
        "a: &a {<<: *a}\nendpoints: []\n",
        "endpoints: !!python/object/apply:os.system [x]\nendpoints: []\n",
    ],
    ids=["laughs", "deep yaml", "deep json", "holds itself", "given twice"],
)
def test_a_bomb_is_refused_before_it_goes_off(content: str) -> None:
    with pytest.raises(SuiteError):
        imported("gatus", content)


def test_a_file_that_is_too_large_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "FILE_BYTES", 1000)
    path = tmp_path / "big.har"
    path.write_text('{"log": "' + "x" * 2000 + '"}')
    with pytest.raises(SuiteError, match="is larger than"):
        read_input(path)


def test_a_text_of_too_many_values_is_not_parsed() -> None:
    with pytest.raises(SuiteError, match="holds more than 2,000,000 values"):
        imported("har", '{"log": {"entries": [' + "0," * 2_000_001 + "0]}}")


@pytest.mark.parametrize(
    ("raw", "place"),
    [(b"endpoints:\n  - \xff\n", ":2:5"), (b"\xff\xfe\x00", ":1:3")],
    ids=["utf-8", "utf-16"],
)
def test_a_file_that_is_no_text_is_refused_with_its_place(raw: bytes, place: str, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(raw)
    with pytest.raises(SuiteError, match=f"the file is not UTF-8[\\s\\S]*{place}"):
        read_input(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (
            "gatus",
            {"endpoints": ["x", 1, None, {"name": ["a"], "url": {"b": 1}, "conditions": "x", "headers": [1], "client": 3}]},
        ),
        ("gatus", {"endpoints": [{"name": "x", "url": "https://[::1", "conditions": [None, 3, {}]}]}),
        ("uptime-kuma", {"monitorList": [None, {"type": ["http"]}, {"type": "http", "url": 5, "interval": "x", "headers": "{"}]}),
        (
            "uptime-kuma",
            {"monitorList": {"1": {"type": "http", "url": "https://a", "interval": -5, "accepted_statuscodes": ["9-3"]}}},
        ),
        (
            "postman",
            {
                "info": {"schema": "postman/v2.1"},
                "item": [None, {"request": None}, {"request": {"url": {"raw": 3}, "body": {"mode": 1}}}],
            },
        ),
        (
            "openapi",
            {
                "openapi": "3.0.0",
                "paths": {"/x": None, "/y": {"get": None}, "/z": {"get": {"parameters": [1, {"in": "query"}], "responses": []}}},
            },
        ),
        ("openapi", {"openapi": "3.0.0", "paths": {"/x": {"get": {"requestBody": {"$ref": "#/a/b"}}}}}),
        (
            "har",
            {
                "log": {
                    "entries": [
                        None,
                        {"request": 3},
                        {"request": {"url": "https://a.example", "headers": {}}, "response": {"status": "x"}},
                    ]
                }
            },
        ),
        ("blackbox", {"modules": {"a": {"prober": ["http"]}, "b": {"prober": "http", "http": [1]}, "c": {}}}),
    ],
    ids=range(9),
)
def test_values_of_the_wrong_sort_break_nothing(name: str, value: Any) -> None:
    extra = {"url": "https://a.example"} if name in ("blackbox", "openapi") else {}
    try:
        made = imported(name, json.dumps(value), **extra)
    except SuiteError:
        return
    assert made.whole + made.remarked + made.left_out == len(made.draft.questions)
    assert len(scenarios(made)) == made.whole + made.remarked
