"""This file is for text on a terminal: its width in columns, and signs that must not act."""

from __future__ import annotations

import io

import pytest
from hypothesis import given

from reports.formats.terminal import Page, clean, columns, cut, width_of
from tests.reports.formats.shown import odd_text


@given(odd_text)
def test_cleaned_text_is_one_line_without_control(text: str) -> None:
    shown = clean(text)
    assert len(shown.splitlines()) <= 1
    assert not any(ord(sign) < 32 or 127 <= ord(sign) < 160 or 0xD800 <= ord(sign) < 0xE000 for sign in shown)
    shown.encode("utf-8")


@pytest.mark.parametrize("text", ["plain", "Zürich → „Straße“", "日本語", "🦊", "e\u0301"])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(("text", "wide"), [("abc", 3), ("日本", 4), ("e\u0301", 1), ("ä", 1), ("", 0)])
def test_columns_are_what_a_terminal_needs(text: str, wide: int) -> None:
    assert columns(text) == wide


@given(odd_text)
def test_a_cut_text_fits(text: str) -> None:
    assert columns(cut(clean(text), 10)) <= 10


def test_the_width_that_the_user_set_wins() -> None:
    assert width_of(io.StringIO(), {"COLUMNS": "55"}) == 55
    assert width_of(io.StringIO(), {"COLUMNS": "wide"}) == 80


def test_a_word_longer_than_the_line_is_not_broken() -> None:
    out = io.StringIO()
    out.isatty = lambda: True  # type: ignore[method-assign]
    page = Page(out, {"COLUMNS": "40", "NO_COLOR": "1"})
    page.line(f"see https://example.com/{'x' * 50} now", lead="look  ")
    page.send()
    assert out.getvalue() == f"look  see\n      https://example.com/{'x' * 50}\n      now\n"
