"""This file is for texts that nobody meant: every reader ends, in time, with a suite or with a sentence."""

from __future__ import annotations

import contextlib
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.importing.expecting import Expecting
from scenarios.importing.gatus_conditions import Judge
from scenarios.importing.hurl_asserts import assertion, capture
from scenarios.importing.javascript import statements
from scenarios.importing.language import literal
from scenarios.importing.postman_scripts import Script
from scenarios.importing.vault import Vault
from scenarios.mistakes import SuiteError
from tests.scenarios.importing.making import imported

PIECES = [
    *(
        "curl ",
        "-H ",
        "'",
        '"',
        "\\",
        "\n",
        "$'",
        "${A}",
        "$(",
        "`",
        "-d ",
        "--json ",
        "https://a.example/",
        " ",
        "|",
        "#",
        "^",
        "\\\n",
        "@x",
    ),
    *(
        "GET ",
        "HTTP 200\n",
        "[Asserts]\n",
        "[Captures]\n",
        "jsonpath ",
        "==",
        "{",
        "}",
        "[",
        "]",
        "```",
        ":",
        "a: b\n",
        "not ",
        "count ",
    ),
    *(
        "pm.expect(",
        ")",
        ".to.",
        "eql(",
        "pm.response.json()",
        ";",
        "/",
        "//",
        "/*",
        "=>",
        "function",
        "if (",
        "tests[",
        "x",
        "1",
        "\ue000",
    ),
    *(
        "[BODY]",
        ".a",
        "len(",
        "has(",
        "pat(",
        "any(",
        "[STATUS]",
        " == ",
        " != ",
        " < ",
        "*",
        "?",
        "{{",
        "}}",
        "${",
        "password=",
        "\x00",
        "é",
    ),
]
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=25).map("".join)


@settings(deadline=None)
@given(texts)
@pytest.mark.parametrize(
    ("name", "head"), [("curl", "curl "), ("hurl", "GET https://a.example/\n"), ("hurl", "")], ids=["curl", "hurl", "bare"]
)
def test_any_text_is_read_or_refused(name: str, head: str, text: str) -> None:
    try:
        made = imported(name, head + text)
    except SuiteError:
        return
    assert made.whole + made.remarked + made.left_out == len(made.draft.questions)


@settings(deadline=None)
@given(texts)
def test_any_script_condition_and_assert_is_taken_or_told(text: str) -> None:
    assert isinstance(list(Script(Expecting(), literal).read(text)), list)
    assert isinstance(Judge(literal).http(text), str)
    assert isinstance(assertion(Expecting(), text, literal), str)
    assert isinstance(capture(text)[1], str)


LONG = {
    **{sign: sign * 50_001 for sign in "a('\\\n"},
    **{sign: sign * 20_000 for sign in ("{{", "${", "//", "eyJ", "0eyJ", "password=", "pm.test('", "a.b[0]", "://a:")},
    "private key": "-----BEGIN PRIVATE KEY-----" * 2000,
    "spaces": " " * 50_000 + "x",
}


@pytest.mark.parametrize("name", LONG)
def test_a_long_text_takes_no_long_time(name: str) -> None:
    text = LONG[name]
    began = time.process_time()
    list(statements(text))
    list(Script(Expecting(), literal).read(text))
    Judge(literal).http(f"[BODY] == {text}")
    assertion(Expecting(), f'jsonpath "{text}" == 1', literal)
    vault = Vault("x")
    vault.swept(literal(text))
    vault.masked(text)
    for kind, content in (
        ("curl", f"curl '{text}"),
        ("hurl", f"GET https://a.example\n{text}"),
        ("gatus", json.dumps({"endpoints": [{"name": text}]})),
    ):
        with contextlib.suppress(SuiteError):
            imported(kind, content)
    assert time.process_time() - began < 3  # the square of so much takes 5 s at the least
