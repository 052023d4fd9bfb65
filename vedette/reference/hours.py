"""This file is for opening hours: Monday to Friday 09:00 to 19:00 in Berlin, closed on Berlin's holidays."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Berlin")
OPENS, CLOSES = time(9), time(19)
_FIXED = ((1, 1), (3, 8), (5, 1), (10, 3), (12, 25), (12, 26))
_FROM_EASTER = (-2, 1, 39, 50)  # Good Friday, Easter Monday, Ascension, Whit Monday


@dataclass(frozen=True, slots=True)
class Appointment:
    """When somebody asked for an appointment, and when it can start."""

    requested: datetime
    start: datetime
    adjusted: bool


def is_holiday(day: date) -> bool:
    """Say whether Berlin rests on this day. Source: Feiertagsgesetz Berlin."""
    moving = {easter(day.year) + timedelta(days=n) for n in _FROM_EASTER}
    return (day.month, day.day) in _FIXED or day in moving


@lru_cache(maxsize=64)
def easter(year: int) -> date:
    """Return Easter Sunday. Source: the anonymous Gregorian computus (Meeus, Astronomical Algorithms, chapter 8)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


class Hours:
    """Moves a wish to the nearest time at which the shop is open: not before opening, not at closing or later."""

    def __init__(self, faults: Set[str]) -> None:
        self._faults = faults

    def appointment(self, day: date, at: time) -> Appointment:
        requested = datetime.combine(day, at, self._zone())
        if "hours_not_adjusted" in self._faults:
            return Appointment(requested, requested, False)
        if "hours_adjust_everything" in self._faults:
            return Appointment(requested, self._opening_from(day + timedelta(days=1)), True)
        if "hours_ignores_request" in self._faults:
            start = datetime.combine(self._opening_from(day).date(), time(10), self._zone())
            return Appointment(requested, start, start != requested)
        start = self._start(day, at)
        adjusted = start != requested and "hours_flag_missing" not in self._faults
        return Appointment(requested, start, adjusted)

    def _start(self, day: date, at: time) -> datetime:
        open_today = self._is_open(day)
        too_late = at > CLOSES if "hours_closing_inclusive" in self._faults else at >= CLOSES
        if open_today and at >= OPENS and not too_late:
            return datetime.combine(day, at, self._zone())
        if open_today and at < OPENS:
            if "hours_early_loses_a_day" in self._faults:
                return self._opening_from(day + timedelta(days=1))
            return datetime.combine(day, OPENS, self._zone())
        tomorrow = day + timedelta(days=1)
        if "hours_next_day_unchecked" in self._faults:
            return datetime.combine(tomorrow, OPENS, self._zone())
        return self._opening_from(tomorrow)

    def _opening_from(self, day: date) -> datetime:
        while not self._is_open(day):
            day += timedelta(days=1)
        return datetime.combine(day, OPENS, self._zone())

    def _is_open(self, day: date) -> bool:
        if is_holiday(day) and "hours_holidays_forgotten" not in self._faults:
            return False
        return day.weekday() < (6 if "hours_saturday_open" in self._faults else 5)

    def _zone(self) -> tzinfo:
        if "hours_server_in_utc" in self._faults:
            return UTC
        if "hours_summer_time_ignored" in self._faults:
            return timezone(timedelta(hours=1))
        return ZONE
