"""This file is for the YAML that importers write: whatever it holds, it comes back the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.fields import parse_duration
from probes.request import fill
from scenarios.importing.draft import Commented
from scenarios.importing.language import literal, seconds, sound
from scenarios.importing.writing import comment, entries, fits, items, quoted
from scenarios.source import plain, read_text
from scenarios.variables import Expansion

NASTY = [
    "",
    " ",
    "~",
    "null",
    "no",
    "on",
    "012",
    "1e3",
    "0x1F",
    "12:30",
    "2025-10-02",
    "-",
    "- a",
    "a: b",
    "a #b",
    "#",
    "'",
    '"',
    "\\",
    "\\n",
    "a\nb",
    "a\n b\n",
    "\n",
    "a\r\nb",
    "\ta",
    "a\t\n",
    "{{x}}",
    "${X}",
    "$${X}",
    "*a",
    "&a",
    "!a",
    "|",
    ">",
    "%",
    "@",
    "`",
    "[",
    "{",
    "}",
    ",",
    "<<",
    "=",
    "\x00",
    "\x7f",
    "\x85",
    "\u2028",
    "\ufeff",
    "\ufffe",
    "😀",
    "é",
    "a" * 2000,
    "...",
    "--- a",
    "a ",
    " a",
    "yes: [1]",
    "\x1b[31m",
    "line one\n\nline three",
    "a\n#b\n",
    "a\n  - b: c\n\td",
    "?",
    "? a",
    ": a",
]
texts = st.text(max_size=40).map(sound) | st.sampled_from(NASTY)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**16), 10**16)
    | st.floats(allow_nan=False, allow_infinity=False).filter(fits)
    | texts
)
keys = texts.filter(lambda key: key != "<<")
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)


def read(lines: list[str]) -> Any:
    return plain(read_text("\n".join(lines) + "\n", "made.yaml"))


@given(st.dictionaries(keys, values, min_size=1, max_size=5))
def test_a_mapping_comes_back_the_same(value: dict[str, Any]) -> None:
    assert read(entries(value)) == value


@given(st.lists(values, min_size=1, max_size=5))
def test_a_list_comes_back_the_same(value: list[Any]) -> None:
    assert read(["a:", *items(value, 2)]) == {"a": value}


@given(values, texts)
def test_a_comment_behind_a_value_changes_nothing(value: Any, words: str) -> None:
    assert read(entries({"a": Commented(value, words), "b": 1})) == {"a": value, "b": 1}


@given(texts)
def test_no_text_leaves_its_comment(text: str) -> None:
    assert read([*comment(text), "a: 1", *comment(text, 4), "b: 2"]) == {"a": 1, "b": 2}


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_a_nasty_text_comes_back_the_same_as_value_and_as_key(text: str) -> None:
    assert read(entries({"a": text, "b": [text, {"c": text}], "d": {"e": {"f": text}}}))["b"] == [text, {"c": text}]
    assert read([f"a: {quoted(text)}"]) == {"a": text}
    if text != "<<":
        assert read(entries({"a": {text: {"b": 1}}})) == {"a": {text: {"b": 1}}}


@pytest.mark.parametrize(
    "value",
    [10**18, float("inf"), float("nan"), {"<<": 1}, {1: 2}, {"a": object()}],
    ids=["large", "infinite", "no number", "merge key", "number as key", "no YAML"],
)
def test_what_would_not_come_back_does_not_fit(value: Any) -> None:
    assert not fits(value)


def test_what_is_nested_too_deeply_does_not_fit() -> None:
    value: list[Any] = []
    for _ in range(60):
        value = [value]
    assert not fits(value)


@given(texts)
def test_a_literal_is_sent_as_it_is(text: str) -> None:
    node = read_text(f"a: {quoted(literal(text))}\n", "made.yaml")
    expansion = Expansion({})
    value = plain(expansion.of(node))["a"]
    assert not expansion.unset
    assert fill(value, {"vars": {"braces": "{{"}}) == text


@given(st.integers(1, 10**6) | st.floats(0.001, 10**6).map(lambda s: round(s, 3)))
def test_a_duration_is_read_back_as_long_as_it_was(value: float) -> None:
    assert parse_duration(seconds(value)) == pytest.approx(value, abs=0.001)
