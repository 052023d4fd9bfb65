"""This file is for YAML without surprises: types, places, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.mistakes import SuiteError
from scenarios.source import NODES, Table, plain, read_text


def _told(text: str) -> list[tuple[int, int, str, str]]:
    with pytest.raises(SuiteError) as caught:
        read_text(text, "x.yaml")
    return [(m.place.line, m.place.column, m.sentence, m.remedy) for m in caught.value.mistakes if m.place]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("NO", "NO"),
        ("no", "no"),
        ("on", "on"),
        ("Off", "Off"),
        ("True", "True"),
        ("y", "y"),
        ("12:30", "12:30"),
        ("010", "010"),
        ("0x1F", "0x1F"),
        ("0o7", "0o7"),
        ("1_000", "1_000"),
        ("2025-10-02", "2025-10-02"),
        ("+49", "+49"),
        ("123456789012345678901", "123456789012345678901"),
        (".5", ".5"),
        (".inf", ".inf"),
        ("1.2.3", "1.2.3"),
        ('"5"', "5"),
        ("'true'", "true"),
        ("'~'", "~"),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-15", -15),
        ("1.5", 1.5),
        ("-2.5e3", -2500.0),
        ("1e3", 1000.0),
    ],
)
def test_only_plain_numbers_and_true_and_false_are_not_text(written: str, value: Any) -> None:
    found = plain(read_text(f"a: {written}\n", "x"))["a"]
    assert found == value and type(found) is type(value)


def test_every_node_knows_its_place_and_width() -> None:
    root = read_text("größe: 5\nlist:\n  - one\n  - {deep: 'two words'}\n", "x.yaml")
    assert isinstance(root, Table)
    five, items = root.get("größe"), root.get("list")
    assert five is not None and items is not None and (five.place.line, five.place.column, five.place.width) == (1, 8, 1)
    deep = items.items[1].entries["deep"]  # type: ignore[union-attr]
    assert (deep.place.line, deep.place.column, deep.place.width) == (4, 6, 4)
    assert (deep.node.place.column, deep.node.place.width) == (12, 11)


def test_anchors_and_aliases_work_and_keep_the_place_of_the_anchor() -> None:
    root = read_text("a: &here {x: 1}\nb: *here\n", "x")
    assert plain(root) == {"a": {"x": 1}, "b": {"x": 1}}
    assert isinstance(root, Table) and root.get("b") is root.get("a")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nb: 2\na: 3\n", (3, 1, "the key 'a' is given twice", "first given in line 1")),
        ("a: !!str 5\n", (1, 4, "the tag '!!str' is not known here", "write the value without a tag")),
        ("a: !include x\n", (1, 4, "the tag '!include' is not known here", "write the value without a tag")),
        ("a: !!python/object/apply:os.system [x]\n", (1, 4, "the tag '!!python/object/apply:os.system' is not known here",
                                                      "write the value without a tag")),
        ("a: 1\n---\nb: 2\n", (2, 1, "a second document starts here", "a suite file holds one document")),
        ("a: &x [*x]\n", (1, 8, "'*x' stands inside itself", "")),
        ("a: *nobody\n", (1, 4, "nothing is named '&nobody'", "")),
        ("? [1]\n: 2\n", (1, 3, "a key must be text", "")),
        ("b: &b {x: 1}\na:\n  <<: *b\n", (3, 3, "the merge key '<<' is not known here",
                                           "put it under 'fragments' and write 'use: [NAME]'")),
        ("a: b: c\n", (1, 5, "this is not valid YAML: mapping values are not allowed in this context",
                       "put a text that holds ': ' in quotes")),
        ("a:\n\t- b\n", (2, 1, "this is not valid YAML: found character that cannot start any token",
                         "indent with spaces, not with tabs")),
        ("a: {b: /x/{{y}}}\n", (1, 11, "this is not valid YAML: did not find expected ',' or '}'",
                                "put a text that holds '{', '[' or ',' in quotes, or close what is open")),
        ("a: [1,\n", (1, 7, "this is not valid YAML: did not find expected node content", "")),
        ("a: 'x\n", (1, 4, "this is not valid YAML: found unexpected end of stream", "the quote that starts here has no end")),
        ("a: \x01b\n", (1, 4, "this is not valid YAML: control characters are not allowed", "character 0x01")),
        ("[" * 70 + "]" * 70, (1, 62, "nested too deeply", "at most 60 levels")),
    ],
)  # fmt: skip
def test_what_is_refused_is_told_at_its_place(text: str, told: tuple[int, int, str, str]) -> None:
    assert _told(text) == [told]


@pytest.mark.parametrize("form", ["[{}]", "{{{}}}"], ids=["lists", "mappings"])
def test_a_document_that_aliases_blow_up_is_refused(form: str) -> None:
    bomb = "- &a [x, x, x, x, x, x, x, x, x]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        keys = [f"k{n}: " if form == "{{{}}}" else "" for n in range(9)]
        bomb += f"- &{name} {form.format(', '.join(f'{key}*{before}' for key in keys))}\n"
    (told,) = _told(bomb)
    assert told[2:] == ("the document is too large with its aliases written out", f"at most {NODES} values more than stand in it")


def test_a_large_honest_document_is_read() -> None:
    text = "scenarios:\n" + "".join(f"  - {{name: s{n}, probe: http, tags: [a, b]}}\n" for n in range(3000))
    assert len(plain(read_text(text, "x"))["scenarios"]) == 3000


def test_line_ends_and_a_byte_order_mark_do_not_matter() -> None:
    assert plain(read_text("a: 1\r\nb:\r\n  - c\r\n", "x")) == {"a": 1, "b": ["c"]}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2028"], ids=["LF", "CRLF", "CR", "LS"])
def test_lines_are_counted_alike_whatever_ends_them(end: str) -> None:
    root = read_text(end.join(["a: 1", "b: 2", "c: 3"]), "x")
    assert isinstance(root, Table) and root.key_place("c").file.line(root.key_place("c").line) == "c: 3"


def test_mistakes_that_can_be_read_past_are_collected() -> None:
    mistakes: list[Any] = []
    root = read_text("a: 1\na: 2\nb: !!int 3\n", "x", mistakes)
    assert [m.place.line for m in mistakes] == [2, 3] and plain(root)["a"] == 1


@given(st.text(max_size=60))
def test_any_text_is_read_or_told_but_never_raises_else(text: str) -> None:
    try:
        read_text(text, "x")
    except SuiteError as problem:
        problem.render(color=True)
