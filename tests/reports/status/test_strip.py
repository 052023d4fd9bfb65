"""This file is for the heat strip: the worst of each slot is seen, in shape and in colour, and said in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from probes.outcome import Verdict
from reports.status.strip import _SHAPES, LEGEND, LETTERS, RANGES_S, SLOTS, kind_of, strip, until
from reports.store.watch.answers import Counts, Slot
from tests.reports.watched import AT

GOOD = Counts(passed=5)


def slots(*found: tuple[Verdict | None, Counts]) -> list[Slot]:
    return [Slot(AT + timedelta(minutes=5 * place), 300, counts, worst) for place, (worst, counts) in enumerate(found)]


def test_every_kind_has_a_shape_of_its_own_so_that_colour_is_not_needed() -> None:
    assert len(set(_SHAPES.values())) == len(_SHAPES)
    assert set(_SHAPES) == set(LETTERS) == {kind for kind, _ in LEGEND}
    assert {str(verdict) for verdict in Verdict} <= set(_SHAPES)


@pytest.mark.parametrize(
    ("worst", "counts", "kind"),
    [
        (Verdict.FAIL, Counts(passed=4, failed=1), "fail"),
        (None, Counts(maintained=3), "maintenance"),
        (None, Counts(missed=3), "missed"),
        (None, Counts(), "none"),
        (Verdict.PASS, Counts(passed=1, missed=2), "pass"),
    ],
)
def test_a_slot_shows_its_worst_or_why_there_is_none(worst: Verdict | None, counts: Counts, kind: str) -> None:
    assert kind_of(Slot(AT, 300, counts, worst)) == kind


def test_each_bar_stands_at_the_place_of_its_slot() -> None:
    drawn = strip(slots((Verdict.PASS, GOOD), (Verdict.FAIL, Counts(failed=1)), (Verdict.PASS, GOOD)))
    assert {path.kind: path.d for path in drawn.paths} == {"pass": "M0 9h4v11h-4zM10 9h4v11h-4z", "fail": "M5 0h4v20h-4z"}
    assert (drawn.kinds, drawn.from_at, drawn.slot_s) == ("pfp", AT, 300)


def test_the_words_say_what_the_eye_sees() -> None:
    bad, nothing = (Verdict.FAIL, Counts(failed=5)), (None, Counts())
    assert strip(slots((Verdict.PASS, GOOD), bad, nothing)).words == (
        "last 15 min: 50.00 % passed, not good in 1 of 3 slots, not watched in 1"
    )
    assert strip(slots((Verdict.PASS, GOOD))).words == "last 5 min: 100 % passed, good throughout"
    assert strip(slots(nothing)).words == "last 5 min: nothing was asked"
    assert strip([]).words == "no history"


def test_a_spoken_strip_tells_each_slot() -> None:
    drawn = strip(slots((Verdict.FAIL, Counts(passed=3, failed=2, missed=1))), spoken=True)
    assert [place.title for place in drawn.places] == ["2026-11-21 10:00 UTC, 5 min: 2 failed, 3 passed, 1 missed"]


@pytest.mark.parametrize("slot_s", RANGES_S.values())
def test_a_strip_ends_with_the_slot_that_goes_on(slot_s: int) -> None:
    now = datetime(2026, 11, 21, 10, 2, 3, tzinfo=UTC)
    end = until(now, slot_s)
    assert end - timedelta(seconds=slot_s) <= now < end
    assert end.timestamp() % slot_s == 0
    assert slot_s % 300 == 0 and SLOTS == 90
