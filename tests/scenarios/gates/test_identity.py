"""This file is for testing the proof of who answered: right, wrong or unmarked, whatever an answer's header holds."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.net.answer import Answer
from probes.outcome import Phases
from scenarios.gates.identity import KEPT, SHOWN, Proof
from scenarios.gates.policy import Identity

SENT = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def answer(*headers: tuple[str, str], body: Any = None) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer("GET", "http://c/", 200, headers, raw, "HTTP/1.1", Phases(), SENT, 0.5, "id", "127.0.0.1")


def proof(**identity: str) -> Proof:
    return Proof(
        Identity.model_validate(identity or {"header": "X-Version"}), "2", lambda text: text.replace("hunter2", "[secret]")
    )


def counted(one: Proof) -> tuple[int, int, int]:
    return one.right, one.wrong, one.unmarked


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param([("x-version", "2")], (1, 0, 0), id="right"),
        pytest.param([("X-Version", " 2 ")], (1, 0, 0), id="right with spaces"),
        pytest.param([("X-Version", "1")], (0, 1, 0), id="wrong"),
        pytest.param([("X-Version", "2.0")], (0, 1, 0), id="alike is wrong"),
        pytest.param([("X-Version", "2, 1")], (0, 1, 0), id="two in one"),
        pytest.param([("X-Version", "2"), ("X-Version", "1")], (0, 1, 0), id="right and wrong"),
        pytest.param([("X-Version", "2"), ("X-Version", "2")], (1, 0, 0), id="right twice"),
        pytest.param([("X-Version", "  ")], (0, 0, 1), id="empty"),
        pytest.param([("X-Other", "2")], (0, 0, 1), id="none"),
        pytest.param([("X-Version", "2"), ("Age", "31")], (0, 0, 1), id="right, kept by a cache"),
        pytest.param([("X-Version", "1"), ("Age", "31")], (0, 1, 0), id="wrong, kept by a cache"),
        pytest.param([("X-Version", "2"), ("Age", "0")], (1, 0, 0), id="right, a cache asked"),
        pytest.param([("X-Version", "2"), ("Age", "-1")], (1, 0, 0), id="right, no age"),
    ],
)
def test_an_answer_is_counted_by_the_version_that_it_says(headers: list[tuple[str, str]], expected: tuple[int, int, int]) -> None:
    one = proof()
    one.take("s", answer(*headers))
    assert counted(one) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param({"v": "2"}, (1, 0, 0), id="right"),
        pytest.param({"v": 2}, (1, 0, 0), id="a number"),
        pytest.param({"v": "1"}, (0, 1, 0), id="wrong"),
        pytest.param({"v": True}, (0, 0, 1), id="a truth"),
        pytest.param({"v": ["2"]}, (0, 0, 1), id="a list"),
        pytest.param({}, (0, 0, 1), id="missing"),
        pytest.param(b"<html>", (0, 0, 1), id="no JSON"),
        pytest.param(b'{"v": 1' + b"0" * 9000 + b"}", (0, 0, 1), id="a number of thousands of digits"),
        pytest.param(b"[" * 100_000, (0, 0, 1), id="nested too deeply"),
    ],
)
def test_the_answer_of_a_path_is_counted_by_its_field(body: Any, expected: tuple[int, int, int]) -> None:
    one = proof(path="/v", field="$.v")
    one.take_asked(answer(body=body))
    assert counted(one) == expected


def test_with_a_path_and_a_header_the_answers_of_probes_need_not_say_it_but_may_not_say_another() -> None:
    one = proof(path="/v", header="X-Version")
    one.take("s", answer())
    assert counted(one) == (0, 0, 0)
    one.take("s", answer(("X-Version", "1")))
    one.take_asked(answer(("X-Version", "2")))
    one.take_asked(answer())
    assert counted(one) == (1, 1, 1)


def test_the_answer_of_a_path_that_a_cache_kept_proves_nothing() -> None:
    one = proof(path="/health", header="X-Version")
    one.take_asked(answer(("X-Version", "2"), ("Age", "120")))
    assert counted(one) == (0, 0, 1)


def test_with_a_field_alone_the_answers_of_probes_are_not_looked_at() -> None:
    one = proof(path="/v", field="$.v")
    one.take("s", answer(("X-Version", "1")))
    assert counted(one) == (0, 0, 0)


def test_other_versions_are_kept_three_at_most_short_printable_and_redacted() -> None:
    one = proof()
    for said in ("1", "1", "a\x1b[31m\u202e\x00b", "x" * 1_000_000, "hunter2 " * 20, "5", "6"):
        one.take("s", answer(("X-Version", said)))
    assert one.wrong == 7 and len(one.said_versions) == KEPT
    assert one.said_versions == ("1", "a�[31m��b", "x" * SHOWN)
    other = proof()
    other.take("s", answer(("X-Version", "y" * (SHOWN - 3) + "hunter2")))
    assert "hun" not in other.said_versions[0]


@given(st.lists(st.text(max_size=300), max_size=8))
def test_no_header_breaks_the_count(said: list[str]) -> None:
    one = proof()
    for text in said:
        one.take("s", answer(("X-Version", text), ("Date", text)))
    assert sum(counted(one)) == len(said)
    assert all(text.isprintable() and len(text) <= SHOWN for text in one.said_versions)
    json.dumps([one.said_versions, one.clock_offset_s], allow_nan=False)


def test_the_clock_is_read_from_dates_and_what_a_cache_kept_is_outvoted() -> None:
    one = proof()
    assert one.clock_offset_s is None
    for seconds in (40, 41, 40, -9000):
        at = SENT + timedelta(seconds=seconds)
        one.take("s", answer(("Date", at.strftime("%a, %d %b %Y %H:%M:%S GMT"))))
    assert one.clock_offset_s == pytest.approx(40.2, abs=0.6)


@pytest.mark.parametrize("date", ["", "soon", "Mon, 99 Foo 2026 99:99:99 GMT", "1" * 10_000])
def test_a_date_that_is_none_tells_nothing(date: str) -> None:
    one = proof()
    one.take("s", answer(("Date", date)))
    assert one.clock_offset_s is None


def test_the_slowest_answer_of_each_scenario_is_remembered() -> None:
    one = proof()
    for name, took in (("a", 0.1), ("a", 0.7), ("a", 0.2), ("b", 0.3)):
        one.take(name, replace(answer(), duration_s=took))
    assert one.slowest_s == {"a": 0.7, "b": 0.3}
