"""This file is for maintenance windows: open when a walk over every minute says so, whatever the clocks do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from scenarios.cron import Cron
from scenarios.maintenance import Openings, RecurringWindow, Window
from scenarios.watch.series import watched
from tests.scenarios.cron_oracle import due, utc
from tests.scenarios.making import scenario, suite
from tests.scenarios.test_cron import CHANGES

SPRING, AUTUMN = utc("2026-03-29T01:00"), utc("2026-10-25T01:00")
HOUR = timedelta(hours=1)


def recurring(**keys: Any) -> RecurringWindow:
    return RecurringWindow(**{"name": "backup", "cron": "0 2 * * *", "timezone": "Europe/Berlin", "lasts": "2h"} | keys)


def openings(**keys: Any) -> Openings:
    return Openings("shop", recurring(**keys))


@settings(max_examples=120, deadline=None)
@given(
    st.sampled_from(["0 2 * * *", "30 1,3 * * *", "30 23 * * *", "0 22 * * 6", "15 0 * * *", "0 */3 * * *", "*/45 2 * * *"]),
    st.sampled_from(["Europe/Berlin", "America/Santiago", "Australia/Lord_Howe"]),
    st.booleans(),
    st.integers(1, 30 * 60),
    st.lists(st.integers(-30 * 60, 30 * 60), min_size=1, max_size=60),
)
def test_it_is_open_when_a_walk_over_every_minute_says_so(
    expression: str, zone: str, back: bool, minutes: int, asked: list[int]
) -> None:
    lasts = timedelta(minutes=minutes)
    change = utc(CHANGES[zone][back])
    opened = due(expression, zone, change - timedelta(hours=96), change + timedelta(hours=31))
    # `asked` jumps to and fro, as a clock that is set does
    windows = Openings("shop", RecurringWindow.model_construct(
        name="w", cron=expression, timezone=zone, lasts=lasts.total_seconds(), why="", targets=(), scenarios=(), tags=()
    ))  # fmt: skip
    for at in [change + timedelta(minutes=offset) for offset in asked]:
        newest = max((one for one in opened if one <= at), default=None)
        expected = newest if newest is not None and at < newest + lasts else None
        found = windows.at(at)
        assert (found.starts_at if found else None) == expected
        if found:
            assert found.ends_at == found.starts_at + lasts and found.is_open(at)


@pytest.mark.parametrize(
    ("cron", "lasts", "opens", "closes"),
    [
        # A night of 23 hours and one of 25: a window that were counted from midnight would be an hour off.
        ("0 4 * * *", "1h", "2026-03-29T02:00", "2026-03-29T03:00"),
        ("0 4 * * *", "1h", "2026-10-25T03:00", "2026-10-25T04:00"),
        ("30 1 * * *", "2h", "2026-03-29T00:30", "2026-03-29T02:30"),  # over the jump: two real hours
        ("30 1 * * *", "2h", "2026-10-24T23:30", "2026-10-25T01:30"),  # over the hour that comes twice
        ("30 2 * * *", "30m", "2026-03-29T01:00", "2026-03-29T01:30"),  # its time is jumped over
        ("30 23 * * *", "4h", "2026-03-28T22:30", "2026-03-29T02:30"),  # over midnight and over the jump
        ("30 23 * * *", "4h", "2026-10-24T21:30", "2026-10-25T01:30"),
    ],
)
def test_a_window_is_where_it_should_be_on_the_days_of_the_clock_change(cron: str, lasts: str, opens: str, closes: str) -> None:
    """Regression: Gatus counts from midnight, an hour off on these days."""
    windows = openings(cron=cron, lasts=lasts)
    second = timedelta(seconds=1)
    seen = [windows.at(at) is not None for at in (utc(opens) - second, utc(opens), utc(closes) - second, utc(closes))]
    assert seen == [False, True, True, False]


def test_a_window_is_known_at_the_first_question_also_in_its_middle() -> None:
    """Regression: with Gatus windows of some kinds of endpoints are not set up, and open at 00:00."""
    for at in (utc("2026-06-01T00:00"), utc("2026-06-01T01:30"), utc("2026-06-01T01:59:59")):
        found = openings().at(at)
        assert found is not None and (found.starts_at, found.ends_at) == (utc("2026-06-01T00:00"), utc("2026-06-01T02:00"))


def test_a_window_has_the_same_id_for_every_service_and_after_every_restart() -> None:
    one, other = openings().at(utc("2026-06-01T00:00")), openings(why="moved").at(utc("2026-06-01T01:00"))
    following = openings().at(utc("2026-06-02T00:00"))
    assert one is not None and other is not None and following is not None
    assert one.id == other.id != following.id


def test_windows_that_overlap_make_one_long_one() -> None:
    windows = openings(cron="0 2,3 * * *", lasts="90m")
    assert [windows.at(utc("2026-06-01T00:00") + timedelta(minutes=m)) is not None for m in (-1, 0, 89, 149, 150)] == [
        False, True, True, True, False,
    ]  # fmt: skip


def test_the_windows_of_a_stretch_are_those_open_at_some_time_in_it() -> None:
    found = list(openings().between(utc("2026-06-01T01:00"), utc("2026-06-03T00:00")))
    assert [one.starts_at.day for one in found] == [1, 2]
    assert [one.starts_at.day for one in openings().between(utc("2026-06-01T02:00"), utc("2026-06-03T00:00"))] == [2]


def test_asking_again_and_again_walks_no_calendar(monkeypatch: pytest.MonkeyPatch) -> None:
    walked = []
    real = Cron._of_day
    monkeypatch.setattr(Cron, "_of_day", lambda self, day: walked.append(day) or real(self, day))
    windows = openings()
    at = utc("2026-06-01T00:00")
    for second in range(7200):
        windows.at(at + timedelta(seconds=second))
    assert len(walked) < 10


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"cron": "*/5 * * * *", "lasts": "5m"}, "never close"),
        ({"cron": "0 0 * * *", "lasts": "25h"}, "never close"),
        ({"cron": "0 0 29 2 *", "lasts": "32d"}, "less than or equal to 2678400"),
        ({"lasts": 0}, "greater than or equal to 1"),
        ({"cron": "0 25 * * *"}, "bad hour"),
        ({"timezone": "Mars"}, "time zone"),
        ({"name": ""}, "at least 1 character"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        recurring(**keys)


def test_windows_that_touch_are_seen_to_close_if_they_do_so_once_a_week() -> None:
    assert recurring(cron="0 * * * 1-5", lasts="1h").lasts == 3600


def window(**keys: Any) -> Window:
    made = Window("w", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC), "a reason")
    return replace(made, **keys)


def test_a_window_is_open_from_its_start_to_right_before_its_end() -> None:
    made = window()
    tick = timedelta(microseconds=1)
    seen = [made.is_open(at) for at in (made.starts_at - tick, made.starts_at, made.ends_at - tick, made.ends_at)]
    assert seen == [False, True, True, False]


@pytest.mark.parametrize(
    ("keys", "covered"),
    [
        ({}, True),
        ({"suite": "tiny"}, True),
        ({"suite": "other"}, False),
        ({"targets": ("production", "staging")}, True),
        ({"targets": ("production",)}, False),
        ({"scenarios": ("one",)}, True),
        ({"scenarios": ("two",)}, False),
        ({"tags": ("slow", "big")}, True),
        ({"tags": ("small",)}, False),
        ({"targets": ("staging",), "scenarios": ("two",)}, False),
    ],
    ids=str,
)
def test_a_window_covers_what_fits_all_that_it_names(keys: dict[str, Any], covered: bool) -> None:
    (one,) = watched([suite(scenario("one", tags=("slow",)))], "local")
    assert window(**keys).covers(one) is covered


def test_what_a_window_covers_is_said_in_words() -> None:
    assert window().scope == "everything"
    assert window(suite="shop", targets=("a", "b"), tags=("slow",)).scope == "suite shop, targets a and b, tag slow"
