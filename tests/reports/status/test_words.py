"""This file is for the words of the status page: nothing is said more precisely or more kindly than it is."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.stage import TEMPLATES
from reports.status.words import age, clipped, number, ratio, since
from tests.reports.watched import AT

AGES = {0: "0 s", 4.9: "4 s", 59.9: "59 s", 60: "1 min", 3599: "59 min", 3600: "1 h", 11_100: "3 h 5 min", 86_400: "1 d",
        187_200: "2 d 4 h", -5: "0 s"}  # fmt: skip


@pytest.mark.parametrize(("seconds", "said"), AGES.items())
def test_an_age_is_said_in_at_most_two_units(seconds: float, said: str) -> None:
    assert age(seconds) == said


def test_the_script_says_ages_as_the_server_does(require: Callable[[str, bool], None]) -> None:
    node = shutil.which("node")
    require("node", node is not None)
    script = (TEMPLATES / "page.js").read_text(encoding="utf-8")
    start = script.index("const age = ")
    rule = script[start : script.index("};", start) + 2]
    code = f"{rule} console.log(JSON.stringify({json.dumps([float(s) for s in AGES])}.map(age)))"
    done = subprocess.run([str(node), "-e", code], capture_output=True, text=True, timeout=30, check=True)
    assert json.loads(done.stdout) == list(AGES.values())


def test_what_never_was_has_no_age() -> None:
    assert (since(None, AT), since(AT - timedelta(seconds=4), AT)) == ("never", "4 s")


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "–"), (1.0, "100 %"), (0.0, "0 %"), (0.999999, "99.99 %"), (0.5, "50.00 %"), (0.99999999, "99.99 %")],
)
def test_a_ratio_is_never_rounded_up_to_all(value: float | None, said: str) -> None:
    assert ratio(value) == said


@given(st.integers(0, 10_000_000), st.integers(1, 10_000_000))
def test_only_a_whole_ratio_is_called_a_hundred(good: int, asked: int) -> None:
    good = min(good, asked)
    assert (ratio(good / asked) == "100 %") == (good == asked)


def test_long_texts_are_cut_and_long_numbers_are_parted() -> None:
    assert (clipped("abcdef", 4), clipped("abcd", 4), number(12345)) == ("abc…", "abcd", "12,345")
