"""This file is for labels and numbers: whatever a name holds, Prometheus reads it back as it was."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from reports.metrics.labels import LONGEST, escape, number, pairs


def read_back(line: str) -> tuple[dict[str, str], float]:
    (family,) = text_string_to_metric_families(line)
    (sample,) = family.samples
    return dict(sample.labels), float(sample.value)


@given(st.text(max_size=LONGEST))
def test_any_text_comes_back_as_it_was(text: str) -> None:
    sound = text.encode("utf-8", "replace").decode()
    assert read_back(f"m{{{pairs(['a', 'b'], [text, 'x'])}}} 1\n")[0] == {"a": sound, "b": "x"}


@pytest.mark.parametrize("text", ['a"b', "a\\b", "a\nb", "\\n", '\\"', "a}b{c", 'x",y="1', "# HELP", "Ünïcödé ✓", "\udce4"])
def test_what_could_break_a_line_does_not(text: str) -> None:
    assert "\n" not in escape(text)
    assert read_back(f"m{{{pairs(['a'], [text])}}} 2\n") == ({"a": text.encode("utf-8", "replace").decode()}, 2.0)


def test_a_text_without_end_is_cut_off() -> None:
    assert escape("x" * 100_000) == "x" * (LONGEST - 1) + "…"


@pytest.mark.parametrize("value", [0, 1, -3, 10**18, 0.25, 1e300, 1e-9, 1764000000.125, 2.0, math.inf, -math.inf])
def test_numbers_come_back_as_they_were(value: float) -> None:
    assert read_back(f"m {number(value)}\n")[1] == float(value)


def test_what_is_no_number_is_said_so() -> None:
    assert math.isnan(read_back(f"m {number(math.nan)}\n")[1])
