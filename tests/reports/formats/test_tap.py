"""This file is for TAP version 14 as harnesses read it."""

from __future__ import annotations

import re
from collections.abc import Callable

import yaml
from hypothesis import given, settings

from tests.reports.formats.shown import mixed, odd_run, odd_text, show

POINT = re.compile(r"(ok|not ok) (\d+) - ((?:[^\\#]|\\.)*?)(?: # (SKIP)(?: (.*))?)?")


def read(text: str) -> list[tuple[str, int, str, bool, dict[str, object]]]:
    """Return the test points of a TAP 14 document; anything out of place is an error."""
    lines = text.removesuffix("\n").split("\n")
    assert lines.pop(0) == "TAP version 14"
    plan = re.fullmatch(r"1\.\.(\d+)", lines.pop(0))
    assert plan
    points = []
    while lines:
        line = lines.pop(0)
        if line.startswith("# "):
            continue
        point = POINT.fullmatch(line)
        assert point, line
        assert lines.pop(0) == "  ---"
        block = []
        while (part := lines.pop(0)) != "  ...":
            block.append(part)
        name = re.sub(r"\\(.)", r"\1", point[3])
        points.append((point[1], int(point[2]), name, bool(point[4]), yaml.safe_load("\n".join(block))))
    assert [p[1] for p in points] == list(range(1, int(plan[1]) + 1))
    return points


def test_the_tap_of_a_bad_run_reads_well(golden: Callable[[str, str], None]) -> None:
    golden("tap-mixed.tap", show("tap", mixed()))


@given(text=odd_text)
@settings(max_examples=50, deadline=None)
def test_any_text_stays_readable_and_keeps_its_meaning(text: str) -> None:
    points = read(show("tap", odd_run(text)))
    assert [(word, skip) for word, _, _, skip, _ in points] == [
        ("not ok", False),
        ("not ok", False),
        ("not ok", False),
        ("ok", False),
        ("ok", False),
        ("ok", True),
    ]
    assert all(block.get("message", "") == text for *_, block in points)


def test_a_name_cannot_make_itself_a_skipped_test() -> None:
    [first, *_] = read(show("tap", odd_run("x # SKIP not today")))
    assert first[:4] == ("not ok", 1, "x # SKIP not today", False)
