"""This file is for the oracle of opening hours: by hand, over both clock changes, and against an independent library."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import opening_hours as osm
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from probes.opening_hours import WEEKDAYS, OpeningHours, Span, clock_changes, instant_of, parse_spans, parse_week, public_holidays

BERLIN = ZoneInfo("Europe/Berlin")
WEEK = parse_week({"mon-fri": ["09:00-19:00"]})
HOURS = OpeningHours(WEEK, BERLIN, lambda day: "Tag der Deutschen Einheit" if (day.month, day.day) == (10, 3) else "")


def local(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def said(at: datetime | None, zone: ZoneInfo = BERLIN) -> str:
    return "never" if at is None else at.astimezone(zone).isoformat(timespec="minutes")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param("2025-10-02T08:00", "2025-10-02T09:00+02:00", id="before opening"),
        pytest.param("2025-10-02T09:00", "2025-10-02T09:00+02:00", id="at opening"),
        pytest.param("2025-10-02T18:59", "2025-10-02T18:59+02:00", id="last minute"),
        pytest.param("2025-10-01T19:00", "2025-10-02T09:00+02:00", id="at closing: the next day"),
        pytest.param("2025-10-02T19:00", "2025-10-06T09:00+02:00", id="eve of a holiday and a weekend"),
        pytest.param("2025-10-03T12:00", "2025-10-06T09:00+02:00", id="a holiday"),
        pytest.param("2027-03-26T19:00", "2027-03-29T09:00+02:00", id="over the spring change"),
        pytest.param("2026-10-23T19:00", "2026-10-26T09:00+01:00", id="over the autumn change"),
        pytest.param("2026-12-31T23:30", "2027-01-01T09:00+01:00", id="over the year's end"),
    ],
)
def test_the_next_start_is_right(asked: str, expected: str) -> None:
    assert said(HOURS.next_start(local(asked))) == expected


def test_an_exception_goes_before_holidays_and_weekdays() -> None:
    special = OpeningHours(WEEK, BERLIN, HOURS.holiday, {date(2025, 10, 3): (Span(600, 660),), date(2025, 10, 6): ()})
    assert said(special.next_start(local("2025-10-02T19:00"))) == "2025-10-03T10:00+02:00"
    assert said(special.next_start(local("2025-10-03T11:00"))) == "2025-10-07T09:00+02:00"


def test_a_start_lies_on_the_grid_and_leaves_the_time_it_needs() -> None:
    half, hour = timedelta(minutes=30), timedelta(hours=1)
    assert said(HOURS.next_start(local("2025-10-01T10:07"), slot=half)) == "2025-10-01T10:30+02:00"
    assert said(HOURS.next_start(local("2025-10-01T18:31"), slot=half)) == "2025-10-02T09:00+02:00"
    assert said(HOURS.next_start(local("2025-10-01T18:00"), slot=half, needs=hour)) == "2025-10-01T18:00+02:00"
    assert said(HOURS.next_start(local("2025-10-01T18:30"), slot=half, needs=hour)) == "2025-10-02T09:00+02:00"


def test_what_never_opens_has_no_next_start() -> None:
    assert OpeningHours({}, BERLIN).next_start(local("2025-10-01T10:00")) is None


def test_hours_that_touch_at_midnight_are_one_stretch() -> None:
    bar = OpeningHours(parse_week({"fri": ["20:00-24:00"], "sat": ["00:00-03:00"]}), BERLIN)
    opening = bar.opening_at(local("2026-12-05T01:00"))
    assert opening is not None
    assert (said(opening.start), said(opening.end)) == ("2026-12-04T20:00+01:00", "2026-12-05T03:00+01:00")
    assert said(bar.next_start(local("2026-12-04T23:30"), needs=timedelta(hours=2))) == "2026-12-04T23:30+01:00"


def test_around_the_clock_is_always_open() -> None:
    always = OpeningHours(parse_week({"mon-sun": ["00:00-24:00"]}), BERLIN)
    assert always.is_open(local("2026-12-04T00:00"))
    assert said(always.next_start(local("2027-03-28T03:30"))) == "2027-03-28T03:30+02:00"


def test_a_time_that_the_spring_change_leaves_out_is_the_change_itself() -> None:
    assert said(instant_of(datetime(2027, 3, 28, 2, 30), BERLIN)) == "2027-03-28T03:00+02:00"


def test_a_time_that_happens_twice_opens_at_the_first_and_closes_at_the_second() -> None:
    night = OpeningHours(parse_week({"sun": ["02:30-02:45"]}), BERLIN)
    opening = night.opening_at(local("2026-10-25T02:40"))
    assert opening is not None
    assert (said(opening.start), said(opening.end)) == ("2026-10-25T02:30+02:00", "2026-10-25T02:45+01:00")


def test_both_clock_changes_of_a_year_are_found_to_the_second() -> None:
    found = clock_changes(BERLIN, datetime(2026, 11, 21, tzinfo=UTC), 365)
    assert [at.isoformat() for at in found] == ["2027-03-28T01:00:00+00:00", "2027-10-31T01:00:00+00:00"]
    assert clock_changes(ZoneInfo("Asia/Tokyo"), datetime(2026, 11, 21, tzinfo=UTC), 365) == []


@pytest.mark.parametrize(
    ("hours", "trouble"),
    [
        ({"mon-fri": ["9-19"]}, "'9-19' should be a span such as '09:00-19:00'"),
        ({"mon": ["19:00-09:00"]}, "ends before it starts"),
        ({"mon": ["09:00-25:00"]}, "between '00:00' and '24:00'"),
        ({"mon": ["09:00-12:00", "11:00-13:00"]}, "overlap"),
        ({"mon-fri": ["09:00-19:00"], "fri": ["09:00-12:00"]}, "'fri' is given twice"),
        ({"sta": ["09:00-19:00"]}, "did you mean 'sat'"),
    ],
)
def test_hours_that_cannot_be_meant_are_refused_with_what_would_be_right(hours: dict[str, list[str]], trouble: str) -> None:
    with pytest.raises(ValueError, match=trouble.replace("(", r"\(")):
        parse_week(hours)


def test_a_range_of_days_may_go_round_the_week() -> None:
    assert sorted(parse_week({"sat-mon": ["10:00-12:00"]})) == [0, 5, 6]


def test_spans_are_sorted() -> None:
    assert [str(span) for span in parse_spans(["14:00-19:00", "09:00-12:30"])] == ["09:00-12:30", "14:00-19:00"]


ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]
quarter = st.integers(0, 95).map(lambda n: n * 15)
spans = st.lists(st.tuples(quarter, quarter).filter(lambda p: p[0] < p[1]), max_size=2).map(
    lambda pairs: tuple(Span(*p) for p in sorted(pairs)) if len(pairs) < 2 or sorted(pairs)[0][1] < sorted(pairs)[1][0] else ()
)


@given(
    zone=st.sampled_from(ZONES),
    week=st.dictionaries(st.integers(0, 6), spans, min_size=1, max_size=7),
    at=st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)),
)
@settings(max_examples=60, deadline=None)
def test_an_independent_library_says_the_same(zone: str, week: dict[int, tuple[Span, ...]], at: datetime) -> None:
    tz = ZoneInfo(zone)
    instant = at.replace(second=0, microsecond=0, tzinfo=UTC)
    ours = OpeningHours(week, tz)
    text = "; ".join(f"{WEEKDAYS[d].title()[:2]} {','.join(map(str, s))}" for d, s in sorted(week.items()) if s)
    assume(text)
    # the other library opens at the second of two equal wall-clock times, we at the first: a matter of taste, left out
    assume(
        not any(abs(change - instant) < timedelta(days=9) and _touches_night(week) for change in clock_changes(tz, instant, 9))
    )
    assume(
        not (
            abs(
                (instant.astimezone(tz).utcoffset() or timedelta())
                - ((instant - timedelta(hours=3)).astimezone(tz).utcoffset() or timedelta())
            )
        )
    )
    theirs = osm.OpeningHours(text, timezone=tz)
    expected = instant.astimezone(tz) if theirs.is_open(instant.astimezone(tz)) else theirs.next_change(instant.astimezone(tz))
    found = ours.next_start(instant)
    assert found is not None and expected is not None
    assert found == expected.astimezone(UTC)


def _touches_night(week: dict[int, tuple[Span, ...]]) -> bool:
    return any(60 <= edge <= 180 for each in week.values() for span in each for edge in (span.start, span.end))


@pytest.mark.parametrize("change", ["2027-03-28", "2026-10-25"], ids=["spring", "autumn"])
def test_an_independent_library_says_the_same_at_every_quarter_of_the_days_around_a_clock_change(change: str) -> None:
    hours = {"mon-fri": ["09:00-19:00"], "sun": ["08:00-12:00", "13:00-17:00"]}
    ours = OpeningHours(parse_week(hours), BERLIN)
    theirs = osm.OpeningHours("Mo-Fr 09:00-19:00; Su 08:00-12:00,13:00-17:00", timezone=BERLIN)
    first = instant_of(datetime.fromisoformat(change), BERLIN) - timedelta(days=1)
    for step in range(4 * 24 * 3):
        at = (first + timedelta(minutes=15 * step)).astimezone(BERLIN)
        expected = at if theirs.is_open(at) else theirs.next_change(at)
        assert ours.next_start(at) == expected.astimezone(UTC), at


@pytest.mark.parametrize("year", range(2025, 2031))
def test_holidays_of_berlin_are_those_of_its_law(year: int) -> None:
    """Source: Feiertagsgesetz Berlin, section 1; the days that hang on Easter are left to the library."""
    known = public_holidays("DE", "BE")
    assert all(known.get(date(year, month, day)) for month, day in ((1, 1), (3, 8), (5, 1), (10, 3), (12, 25), (12, 26)))
    assert not known.get(date(year, 12, 24))
    assert known.get(date(year, 12, 25)) == "Christmas Day"
