"""This file is for JSON paths: the fast way and the library must say the same."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import jsonpath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.jsonpath import find, plain_segments

NAMES = st.sampled_from(["a", "b", "_c", "x1", "length", "true"])
QUOTED = st.one_of(NAMES, st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="'\"\\"), max_size=4))
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(QUOTED, inner, max_size=4),
    max_leaves=12,
)
SEGMENTS = st.one_of(
    NAMES.map(lambda name: f".{name}"),
    QUOTED.map(lambda name: f"['{name}']"),
    QUOTED.map(lambda name: f'["{name}"]'),
    st.integers(-3, 3).map(lambda index: f"[{index}]"),
)
STRICT = jsonpath.JSONPathEnvironment(strict=True)


@given(DOCUMENTS, st.lists(SEGMENTS, max_size=4).map(lambda parts: "$" + "".join(parts)))
def test_the_fast_way_says_what_the_library_says(document: Any, path: str) -> None:
    assert plain_segments(path) is not None
    assert find(path, document) == list(STRICT.findall(path, document))


@given(st.text(alphabet="$.[]'\"ab01-_* \\é", max_size=8).map(lambda tail: "$" + tail))
def test_what_the_fast_way_takes_the_library_takes_too(path: str) -> None:
    if plain_segments(path) is not None:
        STRICT.compile(path)


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("$.items[?@.ok == true].id", ["b"]),
        ("$..id", ["a", "b"]),
        ("$.items[*].id", ["a", "b"]),
        ("$.items[0:1].id", ["a"]),
        ("$['items'][-1]['id']", ["b"]),
        ("$['ключ'].é", [1]),
        ("$.missing", []),
        ("$.items.id", []),
        ("$.items[7]", []),
    ],
)
def test_values_are_selected_in_order(path: str, values: list[Any]) -> None:
    assert find(path, {"items": [{"id": "a"}, {"id": "b", "ok": True}], "ключ": {"é": 1}}) == values


@pytest.mark.parametrize(
    "path", ["", "a", "$.", "$.[", "$.a[", "$.a ", " $.a", "$.a[01]", "$.a[-0]", "$['a", "$.1a", "$.a[?@.b ==]"]
)
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="is not a JSONPath"):
        find(path, {})


def test_a_document_too_deep_for_the_library_is_refused_with_a_sentence() -> None:
    deep: dict[str, Any] = {}
    inner = deep
    for _ in range(300):
        inner["a"] = {}
        inner = inner["a"]
    with pytest.raises(ValueError, match="could not be followed"):
        find("$..a", deep)


def test_a_plain_path_does_not_pay_for_the_library() -> None:
    code = "import sys; from probes.jsonpath import find; find('$.a[0]', {'a': [1]}); sys.exit('jsonpath' in sys.modules)"
    assert subprocess.run([sys.executable, "-P", "-c", code], check=False).returncode == 0
