"""This file is for cron expressions: checked when read, and their instants in a time zone, right on both clock changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Annotated, Any

from pydantic import AfterValidator

_DAY = timedelta(days=1)
_GIVE_UP_DAYS = 50 * 366  # a 29 February that must be a Sunday can be 40 years away

_KEPT_DAYS = 4


def _known_zone(value: str) -> str:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):  # an unknown name, a name with '..', a folder of names
        raise ValueError("should be a time zone such as Europe/Berlin or UTC") from None
    return value


def _five_fields(value: str) -> str:
    from cronsim import CronSim, CronSimError

    try:
        if len(value.split()) == 6:  # CronSim would take the first for seconds
            raise CronSimError("Six fields, and cron has five")
        CronSim(value, datetime(2025, 1, 1, tzinfo=UTC))
    except CronSimError as problem:
        raise ValueError(f"should be a cron expression such as '*/5 * * * *': {str(problem).lower()}") from None
    return value


TimeZone = Annotated[str, AfterValidator(_known_zone)]
CronText = Annotated[str, AfterValidator(_five_fields)]


class Cron:
    """When a cron expression is due in a time zone, as instants in UTC, each once and in order.

    As in Debian's cron: an expression that names hours and minutes means that time of day, once a day. Where the clock
    jumps over it, it is due at the end of the jump; where the clock passes it twice, the first time counts. An
    expression whose hours or minutes begin with `*` means a beat: it goes on through both passes, and what is jumped
    over is not there.

    CronSim reads the expression; the days are walked here, because it may answer with an instant that has passed when
    asked during the hour that comes twice.

    Raises: ValueError for what is no cron expression or no time zone.
    """

    def __init__(self, expression: str, timezone: str = "UTC") -> None:
        from zoneinfo import ZoneInfo

        self.expression, self.timezone = _five_fields(expression), _known_zone(timezone)
        self._zone = ZoneInfo(timezone)
        minutes, hours, *_ = expression.split()
        self._is_time_of_day = not minutes.startswith("*") and not hours.startswith("*")
        self._days: dict[date, list[datetime]] = {}  # the last few that were asked for

    def after(self, at: datetime) -> Iterator[datetime]:
        """Yield the instants later than `at`, for ever, or until there is none for fifty years."""
        last, idle_days = at, 0
        day = at.astimezone(self._zone).date() - _DAY  # what is jumped over on it may be due after midnight
        while idle_days < _GIVE_UP_DAYS:
            idle_days += 1
            for instant in self._of_day(day):
                if instant > last:
                    yield instant
                    last, idle_days = instant, 0
            day += _DAY

    def newest(self, at: datetime, within: timedelta) -> datetime | None:
        """Return the newest instant that is not later than `at`, None where there is none after `at - within`."""
        oldest = at - within
        day, first = at.astimezone(self._zone).date() + _DAY, oldest.astimezone(self._zone).date() - _DAY
        while day >= first:
            for instant in reversed(self._of_day(day)):
                if instant <= at:
                    return instant if instant > oldest else None
            day -= _DAY
        return None

    def _of_day(self, day: date) -> list[datetime]:
        """Return the instants of one day of the calendar, in order."""
        fields = self._fields
        if day.month not in fields.months or not fields.match_day(day):
            return []
        if day not in self._days:
            walls = [datetime.combine(day, time(h, m), self._zone) for h in fields.hours for m in fields.minutes]
            if len(self._days) >= _KEPT_DAYS:
                self._days = {}
            self._days[day] = sorted({instant for wall in walls for instant in self._instants(wall)})
        return self._days[day]

    def _instants(self, wall: datetime) -> Iterator[datetime]:
        first = wall.astimezone(UTC)
        if first.astimezone(self._zone).replace(tzinfo=None) != wall.replace(tzinfo=None):  # the clock jumps over it
            if self._is_time_of_day:
                yield self._end_of_jump(wall)
            return
        yield first
        second = wall.replace(fold=1).astimezone(UTC)
        if second != first and not self._is_time_of_day:
            yield second

    def _end_of_jump(self, wall: datetime) -> datetime:
        """Return the first instant whose wall time is later than a wall time that is not there."""
        before, after = (wall.replace(fold=1).astimezone(UTC), wall.astimezone(UTC))  # on the two sides of the jump
        offset = before.astimezone(self._zone).utcoffset()
        while after - before > timedelta(seconds=1):
            middle = before + (after - before) / 2
            if middle.astimezone(self._zone).utcoffset() == offset:
                before = middle
            else:
                after = middle
        return after.replace(microsecond=0)

    @cached_property
    def _fields(self) -> Any:
        """Return CronSim, which has the sets of the expression and knows which days match."""
        from cronsim import CronSim

        return CronSim(self.expression, datetime(2025, 1, 1, tzinfo=UTC))
