"""This file is for badges: right words, grey where nothing is known, and only ever a picture."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.outcome import Verdict
from reports.status.badge import Badge, of_group, of_line, svg
from tests.reports.status.boards import board_of

SVG = "{http://www.w3.org/2000/svg}"
GREY = "#5a6572"


def texts(picture: str) -> list[str]:
    return [str(one.text) for one in ElementTree.fromstring(picture).iter(f"{SVG}text")]


def fills(picture: str) -> list[str | None]:
    return [one.get("fill") for one in ElementTree.fromstring(picture).iter(f"{SVG}rect")]


@pytest.mark.parametrize(
    ("verdict", "said"),
    [(Verdict.PASS, "passing"), (Verdict.FAIL, "failing"), (Verdict.INCONCLUSIVE, "not proven"), (None, "unknown")],
)
def test_a_badge_says_the_verdict(verdict: Verdict | None, said: str) -> None:
    (line,) = board_of({"health is live": verdict}).lines()
    assert texts(svg(of_line(line))) == ["health is live", said]


def test_an_unknown_scenario_is_grey() -> None:
    assert (texts(svg(of_line(None))), fills(svg(of_line(None)))[-1]) == (["vedette", "unknown"], GREY)
    assert fills(svg(of_group("a", "b", [])))[-1] == GREY


def test_a_ratio_without_ticks_is_unknown_and_grey() -> None:
    (line,) = board_of({"a": None}).lines()
    picture = svg(of_line(line, "24h"))
    assert (texts(picture), fills(picture)[-1]) == (["a", "unknown"], GREY)


def test_a_badge_says_the_pass_ratio_over_a_window() -> None:
    (line,) = board_of({"a": Verdict.PASS}).lines()
    assert texts(svg(of_line(line, "24h"))) == ["a", "100 % in 24h"]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"a": Verdict.PASS, "b": Verdict.PASS}, "passing"),
        ({"a": Verdict.PASS, "b": Verdict.FAIL}, "1 of 2 failing"),
        ({"a": Verdict.PASS, "b": Verdict.ERROR}, "1 of 2 not judged"),
        ({"a": None}, "unknown"),
    ],
)
def test_a_group_is_as_good_as_its_worst(said: dict[str, Verdict | None], message: str) -> None:
    assert of_group("shop", "production", list(board_of(said).lines())).message == message


def test_a_group_says_the_ratio_of_all_its_ticks() -> None:
    lines = list(board_of({"a": Verdict.PASS, "b": Verdict.FAIL}).lines())
    assert of_group("shop", "production", lines, "1h").message == "50.00 % in 1h"


@given(st.text(max_size=200), st.text(max_size=50))
def test_whatever_a_name_holds_the_badge_is_a_picture_with_two_texts(label: str, message: str) -> None:
    root = ElementTree.fromstring(svg(Badge(label, message, "pass")))
    assert {one.tag.removeprefix(SVG) for one in root.iter()} == {"svg", "title", "clipPath", "rect", "g", "text"}
    assert int(root.get("width", "0")) < 1500
