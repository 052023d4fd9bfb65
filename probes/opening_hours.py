"""This file is for computing when something is open, independently of any target: the oracle of `business_hours`."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SEARCH_DAYS = 400  # a shop that opens less than once a year has no next opening
_DAY_MINUTES = 24 * 60
_SPAN = re.compile(r"\s*(\d{1,2}):(\d{2})\s*(?:-|–)\s*(\d{1,2}):(\d{2})\s*")


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Open from one wall-clock time to another of the same day, in minutes since midnight; the end is already closed."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.start // 60:02}:{self.start % 60:02}-{self.end // 60:02}:{self.end % 60:02}"


@dataclass(frozen=True, slots=True)
class Opening:
    """One stretch of being open, as instants in UTC; the end is already closed."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """Weekly hours in a time zone, with holidays and dated exceptions; an exception goes before everything else.

    Every instant that goes in or comes out is aware; comparisons are made in UTC, because a local time can
    happen twice (autumn) or not at all (spring). An opening or closing time that the spring change leaves
    out happens at the change; one that happens twice opens at the first and closes at the second.
    """

    week: Mapping[int, Sequence[Span]]  # 0 is Monday, as in `date.weekday`
    zone: ZoneInfo
    holiday: Callable[[date], str] = field(default=lambda day: "")  # the holiday's name, or an empty text
    exceptions: Mapping[date, Sequence[Span]] = field(default_factory=dict)

    def spans(self, day: date) -> Sequence[Span]:
        """Return when it is open on a local date, in order."""
        if day in self.exceptions:
            return self.exceptions[day]
        return () if self.holiday(day) else self.week.get(day.weekday(), ())

    def openings(self, first: date) -> Iterator[Opening]:
        """Yield the stretches of being open from a local date on, those that touch at midnight joined."""
        held: Opening | None = None
        for ahead in range(SEARCH_DAYS):
            day = first + timedelta(days=ahead)
            for span in self.spans(day):
                made = Opening(self._instant(day, span.start, closing=False), self._instant(day, span.end, closing=True))
                if made.start >= made.end:
                    continue  # the spring change left nothing of it
                if held is not None and held.end >= made.start:
                    held = Opening(held.start, max(held.end, made.end))
                    if held.end - held.start > timedelta(days=SEARCH_DAYS // 2):
                        break
                    continue
                if held is not None:
                    yield held
                held = made
        if held is not None:
            yield held

    def is_open(self, at: datetime) -> bool:
        return any(opening.start <= at < opening.end for opening in self._near(at))

    def opening_at(self, at: datetime) -> Opening | None:
        """Return the stretch of being open that an instant lies in."""
        return next((opening for opening in self._near(at) if opening.start <= at < opening.end), None)

    def next_opening(self, after: datetime) -> datetime | None:
        """Return the first instant later than `after` at which it opens, in UTC."""
        return next((opening.start for opening in self.openings(self._local_date(after)) if opening.start > after), None)

    def next_start(self, at: datetime, *, slot: timedelta = timedelta(0), needs: timedelta = timedelta(0)) -> datetime | None:
        """Return the first instant from `at` on at which something may start, in UTC, or None where there is none.

        `slot` is the grid on which starts lie, counted from each opening; `needs` is how long it must still be open.
        """
        for opening in self.openings(self._local_date(at) - timedelta(days=1)):
            start = max(opening.start, at.astimezone(UTC))
            if slot:
                start = opening.start + -(-(start - opening.start) // slot) * slot
            if start < opening.end and start + needs <= opening.end:
                return start
        return None

    def _near(self, at: datetime) -> Iterator[Opening]:
        for opening in self.openings(self._local_date(at) - timedelta(days=1)):
            if opening.start > at:
                return
            yield opening

    def _local_date(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def _instant(self, day: date, minutes: int, *, closing: bool) -> datetime:
        whole, rest = divmod(minutes, _DAY_MINUTES)
        wall = datetime.combine(day + timedelta(days=whole), time(rest // 60, rest % 60))
        return instant_of(wall, self.zone, later=closing)


def instant_of(wall: datetime, zone: ZoneInfo, *, later: bool = False) -> datetime:
    """Return the UTC instant of a wall-clock time: the first (or `later`) of two, the change itself for one that is left out."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first > second:  # only a time in the gap is later when read with the offset from before it
        return _change_between(zone, second, first)
    return second if later else first


def clock_changes(zone: ZoneInfo, start: datetime, days: int) -> list[datetime]:
    """Return the instants within `days` of `start` at which the zone's clocks are changed, in UTC."""
    steps = [start.astimezone(UTC) + timedelta(days=n) for n in range(days + 1)]
    pairs = itertools.pairwise(steps)
    return [_change_between(zone, a, b) for a, b in pairs if _offset(zone, a) != _offset(zone, b)]


def _change_between(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    before = _offset(zone, low)
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // timedelta(seconds=2) * timedelta(seconds=1)
        low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
    return high


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)


@lru_cache(16)
def public_holidays(country: str, region: str | None) -> Mapping[date, str]:
    """Return the public holidays of a country (ISO 3166) or its region, with English names where there are.

    Raises: NotImplementedError for one that is not known.
    """
    # imported here: it takes 54 ms, and only suites with holidays should pay for it
    import holidays

    # without a language it would follow the machine's locale, and sentences must not
    calendar: Mapping[date, str] = holidays.country_holidays(country, subdiv=region, language="en_US")
    return calendar


def parse_spans(texts: Sequence[str]) -> tuple[Span, ...]:
    """Return the spans of `["09:00-12:30", "14:00-19:00"]`, sorted. Raises: ValueError with what would be right."""
    spans = sorted(_parse_span(text) for text in texts)
    for one, other in itertools.pairwise(spans):
        if other.start < one.end:
            raise ValueError(f"'{one}' and '{other}' overlap")
    return tuple(spans)


def _parse_span(text: str) -> Span:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError(f"'{text}' should be a span such as '09:00-19:00'")
    hours_a, minutes_a, hours_b, minutes_b = map(int, found.groups())
    start, end = hours_a * 60 + minutes_a, hours_b * 60 + minutes_b
    if max(minutes_a, minutes_b) > 59 or end > _DAY_MINUTES:
        raise ValueError(f"'{text}' should lie between '00:00' and '24:00'")
    if end <= start:
        raise ValueError(
            f"'{text}' ends before it starts; over midnight, write '{found[1]}:{found[2]}-24:00' and the rest next day"
        )
    return Span(start, end)


def parse_week(hours: Mapping[str, Sequence[str]]) -> dict[int, tuple[Span, ...]]:
    """Return the weekly hours of `{"mon-fri": ["09:00-19:00"], "sat": []}`. Raises: ValueError with what would be right."""
    week: dict[int, tuple[Span, ...]] = {}
    for key, texts in hours.items():
        spans = parse_spans(texts)
        for day in _parse_days(key):
            if day in week:
                raise ValueError(f"'{WEEKDAYS[day]}' is given twice, the second time by '{key}'")
            week[day] = spans
    return week


def _parse_days(key: str) -> list[int]:
    first, dash, last = key.strip().lower().partition("-")
    start = _weekday(first)
    end = _weekday(last) if dash else start
    return [day % 7 for day in range(start, end + 1 if end >= start else end + 8)]


def _weekday(word: str) -> int:
    word = word.strip()
    for place, name in enumerate(WEEKDAYS):
        if word == name or (len(word) > 3 and _FULL_NAMES[place] == word):
            return place
    near = difflib.get_close_matches(word, [*WEEKDAYS, *_FULL_NAMES], 1, 0.5)
    raise ValueError(
        f"unknown day '{word}'" + (f"; did you mean '{near[0]}'?" if near else ", days are mon, tue, wed, thu, fri, sat, sun")
    )


_FULL_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
