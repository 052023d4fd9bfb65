"""This file is for matchers: each operator holds where it should, and fails closed everywhere else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from probes.matchers import Matcher, Selection, TextMatcher
from probes.operators import OPERATORS, shown
from probes.request import UnknownVariable
from tests.probes.answers import NOW

NAN, INF = float("nan"), float("inf")

# One sound example of each operator: what is expected, and a value that meets it.
SOUND: dict[str, tuple[Any, Any]] = {
    "equals": ("ok", "ok"),
    "not_equals": ("tenant-20", "tenant-15"),
    "lt": (500, 499.5),
    "le": (500, 500),
    "gt": (0, 1),
    "ge": (0, 0),
    "matches": (r"^R-\d+$", "R-7"),
    "not_matches": ("leak", "fine"),
    "contains": ("in", "inside"),
    "not_contains": ("leak", "fine"),
    "one_of": (["a", "b"], "b"),
    "none_of": (["a", "b"], "c"),
    "type": ("string", "x"),
    "length": (3, "abc"),
    "empty": (False, "x"),
    "schema": ({"type": "string"}, "x"),
    "contract": ("travel-live", {"status": "ok", "timestamp": "2026-11-21T10:00:00Z"}),
    "newer_than": ("5m", "2026-11-21T09:56:00Z"),
    "within": ("5m", "2026-11-21T11:04:00+01:00"),
}
OPERATOR_NAMES = sorted(SOUND)


def holds(expected: Any, *values: Any, trouble: str = "", matcher: type[Matcher] = Matcher) -> bool:
    return all(f.holds for f in matcher.model_validate(expected).judge(Selection(values, trouble), NOW))


def reason(expected: Any, *values: Any) -> str:
    return next(f.reason for f in Matcher.model_validate(expected).judge(Selection(values), NOW) if not f.holds)


def test_no_operator_is_left_out_of_these_tests() -> None:
    assert {name.replace("json_schema", "schema") for name in OPERATORS} == set(SOUND)


@pytest.mark.parametrize("name", OPERATOR_NAMES)
def test_each_operator_can_hold(name: str) -> None:
    expected, value = SOUND[name]
    assert holds({name: expected}, value)


@pytest.mark.parametrize("name", OPERATOR_NAMES)
def test_each_operator_fails_on_a_missing_value(name: str) -> None:
    """Regression: elsewhere a missing path makes `< 500`, `!= leaked` and `len < 5` true."""
    assert not holds({name: SOUND[name][0]})


@pytest.mark.parametrize("name", OPERATOR_NAMES)
def test_each_operator_fails_where_no_json_could_be_read(name: str) -> None:
    expected, value = SOUND[name]
    assert not holds({name: expected}, trouble="the body is HTML")
    assert not holds({name: expected}, value, trouble="the body is HTML")


@pytest.mark.parametrize("name", [name for name in OPERATOR_NAMES if name != "empty"])
@pytest.mark.parametrize("stranger", [None, True, {"x": 1}, NAN, INF, -INF], ids=str)
def test_each_operator_fails_on_a_value_of_another_type(name: str, stranger: Any) -> None:
    assert not holds({name: SOUND[name][0]}, stranger)


@pytest.mark.parametrize("stranger", [None, True, 0, NAN], ids=str)
@pytest.mark.parametrize("wanted", [True, False])
def test_emptiness_fails_on_what_has_no_length(wanted: bool, stranger: Any) -> None:
    assert not holds({"empty": wanted}, stranger)


@pytest.mark.parametrize("name", OPERATOR_NAMES)
def test_one_wrong_value_among_several_fails(name: str) -> None:
    expected, value = SOUND[name]
    assert holds({name: expected}, value, value)
    assert not holds({name: expected}, value, None)


@pytest.mark.parametrize("name", ["exists", "count"])
def test_an_absence_holds_in_valid_json_only(name: str) -> None:
    absent = {"exists": False} if name == "exists" else {"count": 0}
    assert holds(absent)
    assert not holds(absent, "x")
    assert not holds(absent, None)
    assert not holds(absent, trouble="the body is empty")


def test_a_wrong_number_of_values_shows_the_first_of_them() -> None:
    [finding] = Matcher.model_validate({"count": 0}).judge(Selection(["CertificateEnds", "x"]), NOW)
    assert finding.reason == "selects 2, such as 'CertificateEnds'"


@pytest.mark.parametrize("expected", [{"exists": True}, {"count": {"ge": 1}}, {"count": {"lt": 5}}], ids=str)
def test_a_presence_fails_without_json(expected: Any) -> None:
    assert not holds(expected, trouble="the body is empty")


@pytest.mark.parametrize(
    ("expected", "value"),
    [
        (7, "007"), ("007", 7), (10, "0xA"), (1, True), (True, 1), (0, False), (False, None), (None, False), (None, 0),
        (None, ""), ("", None), ([], None), ([1], ["1"]), ([1, 2], [2, 1]), ({"equals": {"a": 1}}, {"a": True}),
        ({"equals": {"a": 1}}, {"a": 1, "b": 2}), (1, 1.0000001), (2**53, 2**53 + 1), ({"lt": 5}, "four"), ({"lt": 500}, "3"),
        ({"lt": 1}, 1), ({"lt": 0.5}, 0.99), ({"le": 0}, 0.5), ({"none_of": ["15"]}, 15), ({"not_equals": "15"}, 15),
        ({"not_contains": "15"}, [15]), ({"not_contains": "15"}, ["20", 15]), ({"not_contains": 15}, ["15"]),
        ({"not_contains": "15"}, {"tenant": "15"}), ({"type": "number"}, True),
        ({"type": "integer"}, 1.5), ({"empty": True}, None), ({"empty": True}, 0), ({"length": {"lt": 5}}, 3),
        ({"not_matches": "x"}, 5), ({"not_matches": "x"}, "\ud800"), ({"within": "5m"}, "2026-11-21T10:00:00"),
        ({"newer_than": "5m"}, "2026-11-21"), ({"newer_than": "5m"}, 1795255200), ({"within": "5m"}, "2026-11-21T11:00:00Z"),
        ({"not_equals": None}, None), ({"none_of": [None]}, None), ({"contains": 1}, [True]), ({"contains": 1}, "1"),
        ({"not_equals": [1]}, [NAN]), ({"none_of": [[1]]}, [[INF]]),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_not_the_same_does_not_hold(expected: Any, value: Any) -> None:
    assert not holds(expected, value)


@pytest.mark.parametrize(
    ("expected", "value"),
    [
        (1, 1.0), (1.0, 1), (None, None), ("", ""), ([1, {"a": None}], [1.0, {"a": None}]), ({"equals": {}}, {}),
        ({"not_equals": None}, "x"), ({"none_of": [None, ""]}, "x"), ({"type": ["null", "string"]}, None),
        ({"type": "integer"}, 2.0), ({"contains": "a"}, {"a": 1}), ({"contains": 2}, [1, 2.0]), ({"not_contains": "15"}, ["20"]),
        ({"not_contains": "15"}, []),
        ({"length": {"ge": 1, "lt": 3}}, [1, 2]), ({"empty": True}, {}), ({"gt": 0, "lt": 1}, 0.5), ({"equals": [1]}, [1]),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_the_same_holds(expected: Any, value: Any) -> None:
    assert holds(expected, value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
FINITE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(FINITE, JSON)
def test_an_operator_and_its_opposite_never_both_hold(expected: Any, value: Any) -> None:
    assert not (holds({"equals": expected}, value) and holds({"not_equals": expected}, value))
    assert not (holds({"one_of": [expected]}, value) and holds({"none_of": [expected]}, value))
    assert not (holds({"contains": expected}, value) and holds({"not_contains": expected}, value))


@given(FINITE)
def test_a_value_equals_itself(value: Any) -> None:
    assert holds({"equals": value}, value)
    assert not holds({"not_equals": value}, value)


@given(JSON)
def test_whatever_comes_is_judged_and_shown_within_200_characters(value: Any) -> None:
    for name in OPERATOR_NAMES:
        for finding in Matcher.model_validate({name: SOUND[name][0]}).judge(Selection([value]), NOW):
            assert len(finding.observed) <= 200
            assert finding.holds == (not finding.reason)


def test_a_long_value_is_shortened() -> None:
    assert 100 < len(shown("x" * 100_000)) <= 200
    assert 100 < len(shown(["x" * 1000] * 10)) <= 200


def test_a_value_nested_too_deeply_fails_instead_of_breaking_the_probe() -> None:
    deep: list[Any] = []
    for _ in range(900):
        deep = [deep]
    assert not holds({"not_equals": [[1]]}, deep)


def test_a_regular_expression_takes_linear_time() -> None:
    assert not holds({"matches": "(a|a)*b"}, "a" * 50_000)


@pytest.mark.parametrize(
    ("expected", "value", "said"),
    [
        ("ok", "down", "is 'down'"),
        (7, "007", "is a string, not a number ('007')"),
        ({"lt": 5}, None, "is null, not a number (null)"),
        ({"not_contains": "15"}, [15], "holds a number where only a string can be compared ([15])"),
        ({"length": 2}, "abc", "has the length 3"),
        ({"newer_than": "5m"}, "2026-11-21T09:00:00Z", "is '2026-11-21T09:00:00Z', 3600 s ago"),
        ({"schema": {"properties": {"a": {"type": "integer"}}}}, {"a": "x"}, "does not fit the schema at a: "),
    ],
    ids=str,
)
def test_the_reason_is_said_in_words(expected: Any, value: Any, said: str) -> None:
    assert reason(expected, value).startswith(said)


def test_which_of_several_values_is_wrong_is_said() -> None:
    assert reason("ok", "ok", "down") == "is 'down' (value 2 of 2)"
    assert reason({"lt": 5}) == "is missing"


@pytest.mark.parametrize(
    ("expected", "trouble"),
    [
        ({}, "at least one operator"),
        ({"matchs": "x"}, "Extra inputs are not permitted"),
        ({"matches": "("}, "'\\(' is not a regular expression"),
        ({"not_matches": "(?=x)"}, "look-around"),
        ({"lt": "5"}, "should be a number"),
        ({"lt": True}, "should be a number"),
        ({"lt": NAN}, "should be a number"),
        ({"equals": INF}, "NaN and infinity"),
        ({"one_of": []}, "at least 1 item"),
        ({"lt": None}, "should be a number"),
        ({"matches": None}, "'matches' has no value"),
        ({"exists": False, "equals": 1}, "cannot stand beside"),
        ({"type": "text"}, "'string'"),
        ({"schema": {"type": "bogus"}}, "not a usable JSON Schema"),
        ({"schema": {"$ref": "http://127.0.0.1:1/x"}}, "may not lead out of the schema"),
        ({"schema": {"$ref": "file:///etc/passwd"}}, "may not lead out of the schema"),
        ({"schema": {"pattern": "(?=x)"}}, "not a usable JSON Schema"),
        ({"count": "3"}, "should be a number"),
        ({"length": {}}, "at least one of 'equals'"),
        ({"within": "soon"}, "should be a duration"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused_when_the_file_is_read(expected: Any, trouble: str) -> None:
    with pytest.raises(ValidationError, match=trouble):
        Matcher.model_validate(expected)


def filled(expected: Any, **values: Any) -> Matcher:
    return Matcher.model_validate(expected).filled(values)


def test_a_value_put_in_keeps_its_type() -> None:
    assert filled("{{it}}", it="007").equals == "007" and filled("{{it}}", it=7).equals == 7
    assert filled({"lt": "{{it}}"}, it=7).lt == 7
    assert filled({"equals": {"a": ["{{it}}"]}}, it=None).equals == {"a": [None]}


def test_a_value_put_into_a_regular_expression_is_text_to_be_found() -> None:
    matcher = filled({"matches": "^{{it}}$"}, it="a.b (c)")
    assert [f.holds for value in ("a.b (c)", "axb (c)") for f in matcher.judge(Selection([value]), NOW)] == [True, False]


def test_a_value_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValidationError, match="should be a number"):
        filled({"lt": "{{it}}"}, it="many")
    with pytest.raises(UnknownVariable):
        filled("{{it}}")


def test_a_header_is_text_and_only_a_plain_number_may_be_ordered() -> None:
    assert holds({"lt": 50}, "49", matcher=TextMatcher)
    for odd in ("0x1", "1e1", "", "4 9", "nan", "٤"):
        assert not holds({"lt": 50}, odd, matcher=TextMatcher)
    with pytest.raises(ValidationError, match="write '50' in quotes"):
        TextMatcher.model_validate(50)
