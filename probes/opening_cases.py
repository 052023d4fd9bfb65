"""This file is for choosing the wishes that show whether opening hours are kept: the edges of a day, a week and a year."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from probes.opening_hours import OpeningHours, Span, clock_changes, instant_of

_HOUR = 60
_LAST_MINUTE = 24 * 60 - 1


class Case(StrEnum):
    """The edges that are generated."""

    BEFORE_OPENING = "before_opening"
    AT_OPENING = "at_opening"
    MIDDLE = "middle"
    BREAK = "break"
    LAST_SLOT = "last_slot"
    AT_CLOSING = "at_closing"
    AFTER_CLOSING = "after_closing"
    MIDNIGHT = "midnight"
    EVE_OF_CLOSED = "eve_of_closed"
    SATURDAY = "saturday"
    SUNDAY = "sunday"
    HOLIDAY = "holiday"
    CLOSED_DATE = "closed_date"
    SPECIAL_DATE = "special_date"
    SPRING_CHANGE = "spring_change"
    AUTUMN_CHANGE = "autumn_change"
    YEAR_END = "year_end"


_ONLY_WHERE_GIVEN = {Case.BREAK, Case.CLOSED_DATE, Case.SPECIAL_DATE}  # hours without one are whole all the same


@dataclass(frozen=True, slots=True)
class Wish:
    """One request to be made: when is asked for, and when it must be answered with; both in UTC."""

    name: str
    at: datetime
    expected: datetime

    @property
    def inside(self) -> bool:
        return self.at == self.expected


@dataclass(frozen=True, slots=True)
class Plan:
    """What wishes are made from. They lie between `earliest` and `latest`, their answers too."""

    hours: OpeningHours
    earliest: datetime
    latest: datetime
    slot: timedelta = timedelta(0)
    needs: timedelta = timedelta(0)
    today: date = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "today", self.earliest.astimezone(self.hours.zone).date())

    @property
    def days(self) -> list[date]:
        """Return the local dates that lie wholly between earliest and latest, as far as a day's date tells."""
        last = self.latest.astimezone(self.hours.zone).date()
        return [self.today + timedelta(days=n) for n in range(1, (last - self.today).days + 1)]

    @property
    def ordinary_day(self) -> date | None:
        """Return the first open day that is followed by another, else the first open day, never one on which clocks change."""
        changes = {c.astimezone(self.hours.zone).date() for c in self.changes()}
        opened = [day for day in self.days if self.hours.spans(day) and day not in changes]
        followed = [day for day in opened if self.hours.spans(day + timedelta(days=1))]
        return next(iter(followed or opened), None)

    def changes(self) -> list[datetime]:
        return clock_changes(self.hours.zone, self.earliest, (self.latest - self.earliest).days + 1)

    def wish(self, name: str, at: datetime) -> Wish | None:
        """Return the wish for an instant, or None where it or its answer lies outside of what may be asked."""
        expected = self.hours.next_start(at, slot=self.slot, needs=self.needs)
        if expected is None or not self.earliest <= at <= expected <= self.latest:
            return None
        return Wish(name, at.astimezone(UTC), expected)


def wishes(plan: Plan, wanted: frozenset[Case] = frozenset()) -> tuple[list[Wish], list[Case]]:
    """Return the wishes for all (or the wanted) cases, and the cases that could not be made."""
    made: list[Wish] = []
    missing: list[Case] = []
    for case in Case:
        if wanted and case not in wanted:
            continue
        found = [wish for at in _instants(case, plan) if (wish := plan.wish(case, at)) is not None]
        made += found
        if not found and (case in wanted or case not in _ONLY_WHERE_GIVEN):
            missing.append(case)
    return made, missing


def _instants(case: Case, plan: Plan) -> Iterator[datetime]:
    day = plan.ordinary_day
    if day is None:
        return iter(())
    if case in _OF_A_DAY:
        return (at for at in (_at(plan, day, m) for m in _OF_A_DAY[case](plan, day)) if _fits(case, plan, at))
    return _OF_THE_CALENDAR[case](plan, day)


def _fits(case: Case, plan: Plan, at: datetime) -> bool:
    """Say whether an instant is what its case says: hours that touch at midnight have no closing there."""
    opening = plan.hours.opening_at(at)
    if case in (Case.MIDDLE, Case.LAST_SLOT):
        return opening is not None
    if case is Case.AT_OPENING:
        return opening is not None and opening.start == at
    return case is Case.MIDNIGHT or opening is None


def _before_opening(plan: Plan, day: date) -> list[int]:
    """Return an hour before it opens and, before each opening, the last start that is still too early."""
    spans, step = plan.hours.spans(day), max(int(plan.slot.total_seconds() // 60), 1)
    early = [max(spans[0].start - _HOUR, 0), *(span.start - step for span in spans if span.start >= step)]
    return list(dict.fromkeys(early))


def _at_opening(plan: Plan, day: date) -> list[int]:
    return [span.start for span in plan.hours.spans(day)]


def _middle(plan: Plan, day: date) -> list[int]:
    return [_middle_of(plan.hours.spans(day)[0], plan)]


def _middle_of(span: Span, plan: Plan) -> int:
    grid = max(int(plan.slot.total_seconds() // 60), 1)
    return span.start + (span.end - span.start) // 2 // grid * grid


def _break(plan: Plan, day: date) -> list[int]:
    spans = plan.hours.spans(day)
    return [(one.end + other.start) // 2 for one, other in itertools.pairwise(spans)]


def _last_slot(plan: Plan, day: date) -> list[int]:
    last = plan.hours.spans(day)[-1]
    step = max(int(plan.slot.total_seconds() // 60), 1)
    room = last.end - last.start - max(step, int(plan.needs.total_seconds() // 60))
    return [last.start + room // step * step] if room >= 0 else []


def _at_closing(plan: Plan, day: date) -> list[int]:
    return [span.end for span in plan.hours.spans(day)]


def _after_closing(plan: Plan, day: date) -> list[int]:
    end = plan.hours.spans(day)[-1].end
    return [min(end + _HOUR, _LAST_MINUTE)] if end < _LAST_MINUTE else []


_OF_A_DAY: dict[Case, Callable[[Plan, date], list[int]]] = {
    Case.BEFORE_OPENING: _before_opening,
    Case.AT_OPENING: _at_opening,
    Case.MIDDLE: _middle,
    Case.BREAK: _break,
    Case.LAST_SLOT: _last_slot,
    Case.AT_CLOSING: _at_closing,
    Case.AFTER_CLOSING: _after_closing,
    Case.MIDNIGHT: lambda plan, day: [0],
}


def _eve_of_closed(plan: Plan, day: date) -> Iterator[datetime]:
    for eve in plan.days:
        spans = plan.hours.spans(eve)
        if eve >= day and spans and not plan.hours.spans(eve + timedelta(days=1)):
            yield _at(plan, eve, spans[-1].end)
            return


def _weekday(number: int) -> Callable[[Plan, date], Iterator[datetime]]:
    def first(plan: Plan, day: date) -> Iterator[datetime]:
        found = next((d for d in plan.days if d.weekday() == number and d not in plan.hours.exceptions), None)
        if found is not None:
            yield _at(plan, found, _usual(plan, found, day))

    return first


def _holiday(plan: Plan, day: date) -> Iterator[datetime]:
    for found in plan.days:
        usual = plan.hours.week.get(found.weekday(), ())
        if usual and found not in plan.hours.exceptions and plan.hours.holiday(found):
            yield _at(plan, found, _middle_of(usual[0], plan))
            return


def _closed_date(plan: Plan, day: date) -> Iterator[datetime]:
    for found, spans in sorted(plan.hours.exceptions.items()):
        if not spans:
            yield _at(plan, found, _usual(plan, found, day))


def _special_date(plan: Plan, day: date) -> Iterator[datetime]:
    for found, spans in sorted(plan.hours.exceptions.items()):
        if spans:
            yield _at(plan, found, max(spans[0].start - _HOUR, 0))
            yield _at(plan, found, spans[-1].end)


def _clock_change(*, forward: bool) -> Callable[[Plan, date], Iterator[datetime]]:
    def around(plan: Plan, day: date) -> Iterator[datetime]:
        """Yield the last closing before the change, an hour of its day, and the first opening after it."""
        zone = plan.hours.zone
        for change in plan.changes():
            just_before = (change - timedelta(seconds=1)).astimezone(zone).utcoffset() or timedelta(0)
            if ((change.astimezone(zone).utcoffset() or timedelta(0)) > just_before) is not forward:
                continue
            found = change.astimezone(zone).date()
            eve = next((d for d in _days_back(found) if plan.hours.spans(d)), None)
            if eve is not None:
                yield _at(plan, eve, plan.hours.spans(eve)[-1].end)
            yield _at(plan, found, _usual(plan, found, day))
            after = plan.hours.next_opening(change)
            if after is not None:
                yield after
            return

    return around


def _year_end(plan: Plan, day: date) -> Iterator[datetime]:
    yield _at(plan, date(plan.today.year, 12, 31), 23 * 60 + 30)


_OF_THE_CALENDAR: dict[Case, Callable[[Plan, date], Iterator[datetime]]] = {
    Case.EVE_OF_CLOSED: _eve_of_closed,
    Case.SATURDAY: _weekday(5),
    Case.SUNDAY: _weekday(6),
    Case.HOLIDAY: _holiday,
    Case.CLOSED_DATE: _closed_date,
    Case.SPECIAL_DATE: _special_date,
    Case.SPRING_CHANGE: _clock_change(forward=True),
    Case.AUTUMN_CHANGE: _clock_change(forward=False),
    Case.YEAR_END: _year_end,
}


def _usual(plan: Plan, day: date, ordinary: date) -> int:
    """Return a minute in the middle of that day's hours, or of an ordinary day's where it is closed."""
    spans = plan.hours.spans(day) or plan.hours.spans(ordinary)
    return _middle_of(spans[0], plan)


def _days_back(day: date) -> list[date]:
    return [day - timedelta(days=n) for n in range(1, 15)]


def _at(plan: Plan, day: date, minutes: int) -> datetime:
    wall = datetime.combine(day, datetime.min.time()) + timedelta(minutes=minutes)
    return instant_of(wall, plan.hours.zone)
