"""This file is for expectations of an answer: they fail closed, and prove that they could have failed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from probes.expect import Expectation
from probes.outcome import Check, Phases, Verdict
from probes.session import Answer
from tests.probes.answers import HTML_502, answer, certificate, json_answer


def judged(answer: Answer, **expected: Any) -> list[Check]:
    return Expectation.model_validate(expected).judge(answer)


def holds(answer: Answer, **expected: Any) -> bool:
    return all(check.verdict is Verdict.PASS for check in judged(answer, **expected))


def sentence(answer: Answer, **expected: Any) -> str:
    return next(check.say for check in judged(answer, **expected) if check.verdict is not Verdict.PASS)


NO_JSON = {
    "an HTML 502 body": answer(HTML_502, 200, ("Content-Type", "text/html")),
    "an empty body": answer(b"", 200, ("Content-Type", "application/json")),
    "a cut body": answer(b'{"items": [1, 2', 200, ("Content-Type", "application/json")),
    "plain text": answer(b"ok", 200, ("Content-Type", "text/plain")),
    "invalid UTF-8": answer(b'{"a": "\xff"}', 200, ("Content-Type", "application/json")),
    "NaN": answer(b'{"latency_ms": NaN}', 200, ("Content-Type", "application/json")),
}


@pytest.mark.parametrize("body", NO_JSON)
@pytest.mark.parametrize(
    "matcher",
    [
        {"lt": 500}, {"le": 500}, {"gt": -1}, {"ge": -1}, {"not_equals": "leaked"}, {"none_of": ["leaked"]},
        {"not_contains": "leaked"}, {"not_matches": "leaked"}, {"length": {"lt": 5}}, {"count": 0}, {"count": {"lt": 5}},
        {"exists": False}, {"exists": True}, {"empty": True}, {"empty": False}, {"type": "null"}, {"schema": True}, None, "x",
    ],
    ids=str,
)  # fmt: skip
def test_what_is_not_json_meets_no_expectation_of_json(body: str, matcher: Any) -> None:
    """Regression: Gatus finds `latency_ms < 500`, `missing != leaked` and `len(items) < 5` true of an HTML 502 body."""
    checks = judged(NO_JSON[body], json={"$.x": matcher})
    assert checks[-1].verdict is Verdict.FAIL
    assert "$.x could not be looked for: the" in checks[-1].say


@pytest.mark.parametrize(
    "matcher",
    [{"lt": 500}, {"not_equals": "x"}, {"length": {"lt": 5}}, {"none_of": ["x"]}, {"empty": True}, {"count": {"ge": 1}}, None],
    ids=str,
)
def test_a_missing_path_meets_no_expectation(matcher: Any) -> None:
    assert not holds(json_answer({"items": []}), json={"$.missing": matcher})
    assert not holds(json_answer({"items": []}), json={"$.items[*].id": matcher})


def test_an_absence_may_be_expected_of_json() -> None:
    assert holds(json_answer({"a": 1}), json={"$.error": {"exists": False}, "$.items[*]": {"count": 0}})
    assert not holds(json_answer({"error": None}), json={"$.error": {"exists": False}})


@pytest.mark.parametrize(
    ("value", "matcher"),
    [("007", 7), ("0xA", 10), (0.99, {"lt": 0.5}), ("7", {"lt": 8}), (True, 1), (None, 0)],
    ids=str,
)
def test_values_are_compared_typed_and_exactly(value: Any, matcher: Any) -> None:
    """Regression: elsewhere `"007" == 7` is true and `0.99 < 1` is cut to 0."""
    assert not holds(json_answer({"x": value}), json={"$.x": matcher})


@pytest.mark.parametrize("status", [100, 199, 301, 404, 500, 503])
@pytest.mark.parametrize("expected", [{}, {"json": {"$.a": 1}}, {"warn_above": "5s"}], ids=str)
def test_an_error_is_no_success_though_no_status_is_expected(status: int, expected: dict[str, Any]) -> None:
    """Regression: cloudprober counts a 500 as success unless a validator is set."""
    assert not holds(json_answer({"a": 1}, status), **expected)
    assert holds(json_answer({"a": 1}, 201), **expected)


@pytest.mark.parametrize(
    ("expected", "accepted"),
    [
        (200, {200}),
        ("2xx", {200, 204}),
        ("2XX", {200, 204}),
        ([200, "3xx"], {200, 301}),
        ({"ge": 200, "lt": 400}, {200, 204, 301}),
        ({"none_of": [200, 500]}, {204, 301, 404}),
    ],
    ids=str,
)
def test_a_status_may_be_given_in_each_way(expected: Any, accepted: set[int]) -> None:
    assert {status for status in (200, 204, 301, 404, 500) if holds(answer(b"", status), status=expected)} == accepted


def test_headers_are_found_in_any_case_and_each_of_several_is_judged() -> None:
    sent = answer(b"", 200, ("X-Cache", "HIT"), ("Vary", "a"), ("Vary", "b"), ("X-Left", "49"))
    assert holds(sent, headers={"x-cache": "HIT", "X-LEFT": {"lt": 50}, "vary": {"count": 2}, "x-debug": {"exists": False}})
    assert not holds(sent, headers={"vary": "a"})
    assert not holds(sent, headers={"x-nope": {"not_equals": "HIT"}})
    assert sentence(sent, headers={"x-nope": "1"}).startswith("header x-nope is missing, expected that it equals '1' (GET /x")


def test_an_empty_body_clears_nothing() -> None:
    for matcher in ({"not_contains": "Traceback"}, {"not_matches": "Traceback"}, {"not_equals": "x"}, {"none_of": ["x"]}):
        assert not holds(answer(b""), body=matcher)
        assert not holds(answer(b" \r\n"), body=matcher)
        assert holds(answer(b"hello"), body=matcher)
    assert holds(answer(b"", 204), body={"empty": True})


def test_a_schema_judges_the_whole_body() -> None:
    schema = {"type": "object", "required": ["id"], "properties": {"at": {"type": "string", "format": "date-time"}}}
    assert holds(json_answer({"id": 1, "at": "2026-11-21T10:00:00Z"}), schema=schema)
    assert "at at" in sentence(json_answer({"id": 1, "at": "yesterday"}), schema=schema)
    assert "HTML" in sentence(NO_JSON["an HTML 502 body"], schema=schema)


def test_sizes_versions_and_certificates_are_judged() -> None:
    assert holds(answer(b"abc"), size_bytes=3) and holds(answer(b"abc"), size_bytes={"le": 3, "gt": 2})
    assert not holds(answer(b"abc"), size_bytes={"lt": 3})
    assert holds(answer(), http_version=1.1) and holds(answer(), http_version=["HTTP/1.1", "2"])
    assert not holds(answer(), http_version="2")
    assert holds(answer(certificate=certificate(20)), certificate_days=14)
    assert "are 3.0" in sentence(answer(certificate=certificate(3)), certificate_days=14)
    assert "showed no certificate" in sentence(answer(), certificate_days=14)


@pytest.mark.parametrize("matcher", ["100ms", {"lt": "100ms"}, 0.1, {"le": 0.1}])
def test_a_phase_is_bound_in_durations_and_one_that_did_not_happen_fails(matcher: Any) -> None:
    assert holds(answer(phases=Phases(tls_s=0.05)), phases={"tls": matcher})
    assert not holds(answer(phases=Phases(tls_s=0.2)), phases={"tls": matcher})
    assert "did not happen" in sentence(answer(), phases={"tls": matcher})


def test_a_soft_bound_degrades_and_a_hard_one_fails() -> None:
    slow = answer(duration_s=1.8)
    assert [c.verdict for c in judged(slow, warn_above="1s")] == [Verdict.PASS, Verdict.DEGRADED]
    assert [c.verdict for c in judged(slow, warn_above="1s", duration="1.5s")] == [Verdict.PASS, Verdict.FAIL, Verdict.DEGRADED]
    assert sentence(slow, duration="1s").startswith("the time of the answer is 1800 ms instead of at most 1 s (GET /x")


def test_a_sentence_says_what_where_and_which_request_and_never_the_query() -> None:
    said = sentence(json_answer({"status": "down"}), json={"$.status": "ok"})
    assert said == "$.status is 'down' instead of 'ok' (GET /x answered 200, correlation id c-1)"
    assert sentence(answer(b"", 503)) == "GET /x answered 503 instead of 2xx (correlation id c-1)"
    assert "instead of" not in sentence(json_answer({"x": 1}), json={"$.x": {"not_equals": 1}})


def test_only_what_failed_carries_the_answer_as_evidence() -> None:
    good, bad = judged(json_answer({"a": 1}), json={"$.a": 2})
    assert good.evidence == () and bad.evidence[0].kind == "answer"


def test_what_was_observed_is_shortened() -> None:
    for check in judged(json_answer({"a": "x" * 10_000}), json={"$.a": "y", "$": {"type": "array"}}, body={"contains": "zzz"}):
        assert len(check.observed) <= 200 and len(check.say) <= 500


@pytest.mark.parametrize(
    ("expected", "accepted"),
    [
        ({}, ""),
        ({"status": 200}, ""),
        ({"status": {"ge": 100}}, "an empty 500, a gateway's HTML 502 page and an empty 200"),
        ({"status": {"ge": 100}, "body": {"not_contains": "Traceback"}}, "a gateway's HTML 502 page"),
        ({"status": {"ge": 100}, "size_bytes": {"ge": 0}}, "an empty 500, a gateway's HTML 502 page and an empty 200"),
        ({"status": {"ge": 100}, "json": {"$.error": {"exists": False}}}, ""),
        ({"status": {"not_equals": 404}, "headers": {"X-Debug": {"exists": False}}}, "an empty 500"),
        ({"status": [200, 500]}, "an empty 500 and an empty 200"),
        ({"status": "5xx"}, "an empty 500 and a gateway's HTML 502 page"),
        ({"status": 503}, ""),
        ({"status": {"ge": 100}, "certificate_days": 14}, "an empty 500"),
        ({"status": {"ge": 100}, "phases": {"tls": "1s"}, "http_version": 2}, "an empty 500"),
    ],
    ids=str,
)
def test_the_control_holds_only_where_a_broken_answer_would_be_refused(expected: dict[str, Any], accepted: str) -> None:
    control = Expectation.model_validate(expected).refuses_the_opposite()
    assert control.control and control.verdict is (Verdict.INCONCLUSIVE if accepted else Verdict.PASS)
    assert control.say.startswith(f"these expectations would also accept {accepted}" if accepted else "")


MATCHERS = st.sampled_from([1, {"lt": 5}, {"count": 0}, {"exists": False}])


@given(st.dictionaries(st.sampled_from(["$.a", "$.b[*].c", "$"]), MATCHERS, min_size=1))
def test_any_expectation_of_json_refuses_the_answers_of_a_broken_target(paths: dict[str, Any]) -> None:
    assert Expectation.model_validate({"status": {"ge": 0}, "json": paths}).refuses_the_opposite().verdict is Verdict.PASS


def test_names_are_filled_in_before_judging() -> None:
    expectation = Expectation.model_validate(
        {
            "status": {"equals": "{{code}}"},
            "headers": {"X-{{n}}": "{{v}}"},
            "json": {"$['{{n}}']": "{{v}}"},
            "body": {"contains": "{{v}}"},
        }
    ).filled({"code": 201, "n": "id", "v": "007"})
    assert all(c.verdict is Verdict.PASS for c in expectation.judge(json_answer({"id": "007"}, 201, ("x-id", "007"))))
    assert any(c.verdict is Verdict.FAIL for c in expectation.judge(json_answer({"id": 7}, 201, ("x-id", "007"))))


@pytest.mark.parametrize(
    ("expected", "trouble"),
    [
        ({"status": "2x"}, "'2x' is no HTTP status"),
        ({"status": 99}, "'99' is no HTTP status"),
        ({"status": []}, "at least one status"),
        ({"status": True}, "'True' is no HTTP status"),
        ({"stauts": 200}, "Extra inputs"),
        ({"json": {"$.[": 1}}, "is not a JSONPath"),
        ({"json": {"status": "ok"}}, "should start with '\\$'"),
        ({"json": {"$.a": {"matches": "("}}}, "is not a regular expression"),
        ({"headers": {"X-Left": 5}}, "write '5' in quotes"),
        ({"http_version": "9"}, "no HTTP version '9'"),
        ({"schema": {"$ref": "https://example.com/x"}}, "may not lead out of the schema"),
        ({"warn_above": "2s", "duration": "1s"}, "or it never warns"),
        ({"phases": {"ttfb": 1}}, "Extra inputs"),
        ({"size_bytes": "1k"}, "should be a number"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused_when_the_file_is_read(expected: dict[str, Any], trouble: str) -> None:
    with pytest.raises(ValidationError, match=trouble):
        Expectation.model_validate(expected)
