"""This file is for reading what a target answered to a wish, and for saying in words what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from probes.log_watch import LogWatch
from probes.opening_cases import Wish
from probes.opening_hours import OpeningHours, Span, clock_changes
from probes.outcome import Check, Json, check, control, note

_EPOCH_MS_FROM = 1e11  # seconds reach this in the year 5138, milliseconds did in 1973


@dataclass(frozen=True, slots=True)
class Seen:
    """One wish with what became of it; `answered` is None where the answer named no start."""

    wish: Wish
    correlation_id: str
    answered: datetime | None
    checks: tuple[Check, ...]

    @property
    def right(self) -> bool:
        return self.answered == self.wish.expected


def read_instant(value: Json, form: str, zone: ZoneInfo) -> datetime:
    """Return the instant in UTC that a JSON value names. Raises: ValueError that says what it is instead."""
    if form == "epoch":
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{value!r} is not a number of seconds")
        try:
            return datetime.fromtimestamp(value / 1000 if value >= _EPOCH_MS_FROM else value, UTC)
        except (OverflowError, OSError, ValueError):
            raise ValueError(f"{value!r} is not a time") from None
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not text")
    try:
        read = datetime.fromisoformat(value.upper())  # RFC 3339 section 5.6: a small z is an offset too
    except ValueError:
        raise ValueError(f"{value!r} is not an ISO 8601 time") from None
    if "T" not in value.upper() and " " not in value:
        raise ValueError(f"{value!r} has no time of day")
    if read.tzinfo is None:
        if form == "iso":
            raise ValueError(f"{value!r} has no offset, so it may mean any time zone")
        read = read.replace(tzinfo=UTC if form == "utc" else zone)
    return read.astimezone(UTC)


def why_wrong(wish: Wish, found: datetime, hours: OpeningHours) -> str:
    """Return what is wrong with an answer, from the most telling to the plain."""
    days = {instant.astimezone(hours.zone).date() for instant in (wish.at, wish.expected, found)}
    right = short(wish.expected, wish.at, hours) if len(days) == 1 else day_and_clock(wish.expected, hours)
    if found < wish.at:
        return f"which is earlier than what was asked for; {right} is right"
    if found != wish.at and abs(found - wish.expected) == timedelta(hours=1):
        changes = clock_changes(hours.zone, min(wish.at, found) - timedelta(days=4), 8)
        if changes:
            return f"one hour off {right}: the clocks change on {_day(changes[0], hours)}"
    if not hours.is_open(found):
        return _why_closed(found, hours)
    offset = wish.expected.astimezone(hours.zone).utcoffset() or timedelta(0)
    if offset and abs(found - wish.expected) == abs(offset):
        return f"off {right} by just the distance of {hours.zone.key} from UTC, as if the time zone had been lost"
    if wish.inside:
        return f"though {right} lies within opening hours"
    return f"though the next opening is {right}"


def _why_closed(found: datetime, hours: OpeningHours) -> str:
    local = found.astimezone(hours.zone)
    day, minute = local.date(), local.hour * 60 + local.minute
    spans = hours.spans(day)
    if not spans:
        holiday = "" if day in hours.exceptions else hours.holiday(day)
        if holiday:
            return f"on a holiday ({holiday}), when it is closed"
        return f"on a {local:%A}, when it is closed" if day not in hours.exceptions else "on a date that is closed"
    if minute < spans[0].start:
        return f"before opening at {_clock_of(spans[0].start)}"
    if minute >= spans[-1].end:
        end = _clock_of(spans[-1].end)
        return f"at closing ({end} is already closed)" if minute == spans[-1].end else f"after closing at {end}"
    return f"in the break from {_break_around(minute, spans)}"


def _break_around(minute: int, spans: Sequence[Span]) -> str:
    end = max((span.end for span in spans if span.end <= minute), default=0)
    start = min((span.start for span in spans if span.start > minute), default=0)
    return f"{_clock_of(end)} to {_clock_of(start)}"


def controls(seen: Sequence[Seen]) -> list[Check]:
    """Return what shows that the target both moves and leaves alone, so that neither was mere habit."""
    kept = [one for one in seen if one.wish.inside and one.answered == one.wish.at]
    moved = [one for one in seen if not one.wish.inside and one.answered not in (None, one.wish.at)]
    asked_inside = sum(one.wish.inside for one in seen)
    return [
        control(
            "a wish inside opening hours came back as it was",
            holds=bool(kept),
            observed=f"{len(kept)} of {asked_inside}",
            say=f"none of {asked_inside} wishes inside opening hours came back as it was, so moving may be mere habit",
        ),
        control(
            "a wish outside opening hours came back moved",
            holds=bool(moved),
            observed=f"{len(moved)} of {len(seen) - asked_inside}",
            say=f"none of {len(seen) - asked_inside} wishes outside opening hours came back moved, so nothing shows that any is",
        ),
    ]


def log_checks(
    watch: LogWatch, message: str, seen: Sequence[Seen], logged: set[str], told: set[str], hours: OpeningHours
) -> list[Check]:
    """Return what the log says: `logged` are ids of ours found in it, `told` those in a line with the message."""
    where = watch.names
    made = [
        control(
            "our own requests are in the log",
            holds=bool(logged),
            observed=f"{len(logged)} of {len(seen)}",
            say=f"nothing was logged for our {len(seen)} requests, so the lines '{message}' could not be looked for ({where})",
        ),
        control(
            "all that was logged meanwhile was read",
            holds=not watch.cut_short,
            say=f"what was logged could not all be read, so a line that is missing may be there ({'; '.join(watch.remarks)})",
            evidence=watch.evidence(),
        ),
    ]
    if not logged:
        return made
    for one in seen:
        wanted = not one.wish.inside
        asked = f"a request for {day_and_clock(one.wish.at, hours)}"
        deed = "was moved, but no line" if wanted else "was left alone, but a line"
        name = f"{one.wish.name}: the log {'tells' if wanted else 'does not tell'} of a move"
        if watch.cut_short and one.correlation_id not in told:
            made.append(note(name, "not judged: its lines may be among those that were not read"))
            continue
        made.append(
            check(
                name,
                holds=(one.correlation_id in told) is wanted,
                expected=f"{'a' if wanted else 'no'} line '{message}'",
                observed="a line" if one.correlation_id in told else "no line",
                say=f"{asked} {deed} '{message}' says so in {where} (correlation id {one.correlation_id})",
            )
        )
    return made


def day_and_clock(at: datetime, hours: OpeningHours) -> str:
    """Return `08:00 on Thu 3 Dec`, local."""
    return f"{at.astimezone(hours.zone):%H:%M} on {_day(at, hours)}"


def short(at: datetime, beside: datetime, hours: OpeningHours) -> str:
    """Return `09:00`, with its day where it is another one than that of `beside`."""
    local = at.astimezone(hours.zone)
    same = local.date() == beside.astimezone(hours.zone).date()
    seconds = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
    return seconds if same else f"{seconds} on {_day(at, hours)}"


def _day(at: datetime, hours: OpeningHours) -> str:
    local = at.astimezone(hours.zone)
    return f"{local:%a} {local.day} {local:%b}"


def _clock_of(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
