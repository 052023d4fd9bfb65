"""This file is for saying when a cron expression is due by looking at every minute, as slowly and plainly as possible."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)


@cache
def due(expression: str, timezone: str, since: datetime, until: datetime) -> list[datetime]:
    """Return the minutes from `since` to right before `until` (both on a whole minute of UTC) in which it is due.

    A time of day (hours and minutes are named) counts once: the first time it is seen, or when the clock lands behind it.
    """
    fields = expression.split()
    is_time_of_day = not fields[0].startswith("*") and not fields[1].startswith("*")
    found, seen = [], set()
    for at, walls in _minutes(ZoneInfo(timezone), since, until):
        here = walls[-1]
        fits = [wall for wall in walls if _fits(fields, wall)]
        if any(wall not in seen for wall in fits) if is_time_of_day else here in fits:
            found.append(at)
        seen.update(walls)
    return found


def _minutes(zone: ZoneInfo, since: datetime, until: datetime) -> Iterator[tuple[datetime, list[datetime]]]:
    """Yield every minute with the wall times that it stands for: its own, and those that the clock jumped over before it."""
    at = since
    while at < until:
        here = at.astimezone(zone).replace(tzinfo=None)
        before = (at - MINUTE).astimezone(zone).replace(tzinfo=None)
        walls = [here]
        while walls[0] - MINUTE > before:
            walls.insert(0, walls[0] - MINUTE)
        yield at, walls
        at += MINUTE


def _fits(fields: list[str], wall: datetime) -> bool:
    minute, hour, day, month, weekday = fields
    on_day = _in(day, wall.day, 1), _in(weekday, wall.isoweekday() % 7, 0)
    either = not day.startswith("*") and not weekday.startswith("*")  # cron(5): if both are restricted, one is enough
    days = any(on_day) if either else all(on_day)
    return _in(minute, wall.minute, 0) and _in(hour, wall.hour, 0) and days and _in(month, wall.month, 1)


def _in(field: str, value: int, first: int) -> bool:
    """Tell whether a field of `*`, `*/n`, `n` or `n,m` holds the value."""
    if field.startswith("*"):
        return (value - first) % int(field.partition("/")[2] or 1) == 0
    return value in [int(part) for part in field.split(",")]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
