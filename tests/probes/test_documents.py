"""This file is for comparing documents: every difference has a place, and only what is named is left out."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.documents import difference, steps, without

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)


@given(JSON)
def test_a_document_does_not_differ_from_its_copy(document: Any) -> None:
    assert difference(document, copy.deepcopy(document)) == ""


@given(JSON, JSON)
def test_a_difference_is_seen_from_both_sides(one: Any, other: Any) -> None:
    assert bool(difference(one, other)) == bool(difference(other, one))


@pytest.mark.parametrize(
    ("one", "other", "place"),
    [
        pytest.param({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, "$.a.b[1]", id="deep"),
        pytest.param({"a": 1}, {"a": "1"}, "$.a", id="of another type"),
        pytest.param({"a": 1}, {"a": True}, "$.a", id="true is not 1"),
        pytest.param({"a": 1}, {}, "$.a", id="gone"),
        pytest.param({}, {"a": None}, "$.a", id="come"),
        pytest.param([1], [1, 2], "$", id="longer"),
        pytest.param({"$.x": {"a": 1}}, {"$.x": {"a": 2}}, "$.x.a", id="picked by a path"),
    ],
)
def test_the_first_place_of_a_difference_is_told(one: Any, other: Any, place: str) -> None:
    assert difference(one, other) == place


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("$.a", {"b": [{"x": 1, "y": 2}, {"x": 3}]}),
        ("$.b[*].x", {"a": 0, "b": [{"y": 2}, {}]}),
        ("$.b[0]", {"a": 0, "b": [{"x": 3}]}),
        ("$['b'][-1]", {"a": 0, "b": [{"x": 1, "y": 2}]}),
        ("$.*", {}),
        ("$.nothing.here", {"a": 0, "b": [{"x": 1, "y": 2}, {"x": 3}]}),
    ],
)
def test_what_a_path_names_is_left_out_and_nothing_else(path: str, left: Any) -> None:
    document = {"a": 0, "b": [{"x": 1, "y": 2}, {"x": 3}]}
    before = copy.deepcopy(document)
    assert without(document, [path]) == left
    assert document == before


@pytest.mark.parametrize("path", ["a", "$", "$..a", "$[?@.x]", "$.a b", ""])
def test_a_path_that_is_not_plain_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="should be a path of names"):
        steps(path)
