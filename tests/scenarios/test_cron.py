"""This file is for cron expressions: due when a walk over every minute says so, on both clock changes too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.cron import Cron
from tests.scenarios.cron_oracle import due, utc

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Kolkata", "UTC")
CHANGES = {  # an instant near which the clock changes, forward and back
    "Europe/Berlin": ("2026-03-29T01:00", "2026-10-25T01:00"),
    "America/New_York": ("2026-03-08T07:00", "2026-11-01T06:00"),
    "Australia/Lord_Howe": ("2026-10-03T15:30", "2026-04-04T15:00"),  # by half an hour
    "America/Santiago": ("2026-09-06T04:00", "2026-04-05T03:00"),  # at midnight
    "Asia/Kolkata": ("2026-03-29T01:00", "2026-10-25T01:00"),
    "UTC": ("2026-03-29T01:00", "2026-10-25T01:00"),
}
minutes = st.sampled_from(["*", "*/15", "*/7", "0", "30", "0,30", "59", "5,45"])
hours = st.sampled_from(["*", "*/2", "*/5", "0", "1", "2", "3", "0,2", "1,2,3", "23"])
days = st.sampled_from(["*", "*", "1", "*/2", "29,25", "8,5"])
weekdays = st.sampled_from(["*", "*", "0", "6", "0,3"])
expressions = st.tuples(minutes, hours, days, st.just("*"), weekdays).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(expressions, st.sampled_from(ZONES), st.booleans(), st.integers(-36 * 60, 4 * 60))
def test_it_is_due_when_a_walk_over_every_minute_says_so(expression: str, zone: str, back: bool, start: int) -> None:
    since = utc(CHANGES[zone][back]) + timedelta(minutes=start)
    until = since + timedelta(hours=40)
    expected = due(expression, zone, since - timedelta(days=1), until)
    found = list(takewhile(lambda instant: instant < until, Cron(expression, zone).after(since)))
    assert found == [instant for instant in expected if instant > since]


@settings(max_examples=100, deadline=None)
@given(expressions, st.sampled_from(ZONES), st.booleans(), st.integers(-300, 600), st.integers(1, 30 * 60))
def test_the_newest_is_the_last_of_those_before(expression: str, zone: str, back: bool, offset: int, within: int) -> None:
    at = utc(CHANGES[zone][back]) + timedelta(minutes=offset)
    earlier = due(expression, zone, at - timedelta(days=3), at + timedelta(minutes=1))
    expected = [instant for instant in earlier if instant > at - timedelta(minutes=within)]
    assert Cron(expression, zone).newest(at, timedelta(minutes=within)) == (expected[-1] if expected else None)


@pytest.mark.parametrize(
    ("expression", "since", "expected"),
    [
        ("0 0 * * *", "2026-03-28T12:00", ["03-29 00:00+01:00", "03-30 00:00+02:00", "03-31 00:00+02:00"]),
        ("30 2 * * *", "2026-03-28T12:00", ["03-29 03:00+02:00", "03-30 02:30+02:00", "03-31 02:30+02:00"]),
        ("30 2 * * *", "2026-10-24T12:00", ["10-25 02:30+02:00", "10-26 02:30+01:00", "10-27 02:30+01:00"]),
        ("30 2 * * *", "2026-10-25T01:10", ["10-26 02:30+01:00", "10-27 02:30+01:00", "10-28 02:30+01:00"]),
        ("*/30 2 * * *", "2026-10-25T00:10", ["10-25 02:30+02:00", "10-25 02:00+01:00", "10-25 02:30+01:00"]),
        ("*/30 2 * * *", "2026-03-29T00:00", ["03-30 02:00+02:00", "03-30 02:30+02:00", "03-31 02:00+02:00"]),
    ],
    ids=["midnight-spring", "jumped-over", "comes-twice", "asked-in-the-second-pass", "beat-comes-twice", "beat-jumped-over"],
)
def test_the_clock_change_in_berlin(expression: str, since: str, expected: list[str]) -> None:
    found = islice(Cron(expression, "Europe/Berlin").after(utc(since)), 3)
    shown = [f"{one:%m-%d %H:%M}{one:%z}" for one in (instant.astimezone(ZoneInfo("Europe/Berlin")) for instant in found)]
    assert [text[:-2] + ":" + text[-2:] for text in shown] == expected


def test_the_29th_of_february_is_found_years_ahead() -> None:
    assert next(Cron("0 0 29 2 *").after(utc("2096-03-01T00:00"))) == utc("2104-02-29T00:00")


@pytest.mark.parametrize("expression", ["", "* * * *", "61 * * * *", "0 0 0 1 1 *", "0 0 31 2 *", "@daily", "a b c d e"])
def test_what_is_no_cron_expression_of_five_fields_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="should be a cron expression"):
        Cron(expression)


@pytest.mark.parametrize("zone", ["", "Europe", "Europe/Berln", "../etc/passwd", "/etc/localtime"])
def test_what_is_no_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match="should be a time zone"):
        Cron("0 0 * * *", zone)


def test_instants_are_in_utc_and_later_than_asked() -> None:
    at = datetime(2026, 6, 1, 2, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    first = next(Cron("0 2 * * *", "Europe/Berlin").after(at))
    assert first == at + timedelta(days=1) and first.tzinfo is UTC
