"""This file is for what a scenario says of opening hours beside the hours: holidays, answers, log lines, its own table."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from probes.fields import Configured, Duration, LogRef
from probes.jsonpath import finder
from probes.opening_hours import public_holidays


def _checked_path(value: str) -> str:
    finder(value)
    return value


JsonPath = Annotated[str, AfterValidator(_checked_path)]
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


class Holidays(Configured):
    """Whose public holidays are closed days: an ISO 3166 country such as `DE`, and a region of it such as `BE`."""

    country: str  # ISO 3166 code, such as DE
    region: str | None = None  # a part of the country, such as BE; default: what holds in all of it

    @model_validator(mode="after")
    def _known(self) -> Holidays:
        try:
            public_holidays(self.country, self.region)
        except NotImplementedError as problem:
            raise ValueError(f"no holidays are known for that country or region ({problem})") from None
        return self

    def name_of(self, day: date) -> str:
        return str(public_holidays(self.country, self.region).get(day) or "")


class StartAnswer(Configured):
    """Where the answer says when it will start. `iso` needs an offset, `utc` and `local` may lack it, `epoch` is seconds."""

    json_path: JsonPath = Field(alias="json")  # the JSONPath of the start
    format: Literal["iso", "utc", "local", "epoch"] = "iso"  # how the start is written


class Flag(Configured):
    """Where the answer says, with true or false, whether the wish was moved."""

    json_path: JsonPath = Field(alias="json")  # the JSONPath of the true or false


class MoveLog(Configured):
    """The log line that a moved wish leaves, with our correlation id in it, and an unmoved one does not."""

    source: LogRef  # the log that holds the line
    message: str = "Auto-adjusted request time"  # text that the line holds
    within: Duration = 5.0  # how long to wait for it


class Example(Configured):
    """One line of the team's own table. `at`: `08:00` (of an ordinary open day) or `2026-12-24T08:00` (local).

    `expect`: a time or a local date and time of the same forms, `next_opening`, or `unchanged`.
    """

    at: str  # the time that is asked for
    expect: str  # what must be answered

    @model_validator(mode="after")
    def _readable(self) -> Example:
        wall_of(self.at, date.min, "at")
        if self.expect not in ("next_opening", "unchanged"):
            wall_of(self.expect, date.min, "expect")
        return self


def wall_of(text: str, day: date, where: str) -> datetime:
    """Return the local date and time of `08:00` (on `day`) or `2026-12-24T08:00`. Raises: ValueError."""
    if _CLOCK.fullmatch(text):
        return datetime.combine(day, datetime.strptime(text, "%H:%M").time())
    try:
        wall = datetime.fromisoformat(text)
    except ValueError:
        wall = None
    if wall is None or wall.tzinfo is not None or "T" not in text:
        raise ValueError(f"'{where}' should be a time such as '08:00' or a local date and time such as '2026-12-24T08:00'")
    return wall
