"""This file is for when a scenario is due: every so often, or by a cron expression in a time zone."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from probes.fields import Configured, Duration
from scenarios.cron import CronText, TimeZone


class ScheduleSpec(Configured):
    """Give `every`, or `cron` with an optional `timezone` (an IANA name; UTC if none). `jitter` moves each moment by chance."""

    every: Annotated[Duration, Field(ge=1, le=366 * 86_400)] | None = None  # so often, such as 5m
    timezone: TimeZone = "UTC"  # of `cron`, such as Europe/Berlin
    cron: CronText | None = None  # five fields, such as 0 6 * * *
    jitter: Annotated[Duration, Field(ge=0, le=86_400)] | None = None  # each time later by up to so much; the period stays

    @model_validator(mode="after")
    def _jitter_within(self) -> ScheduleSpec:
        if self.every is not None and self.jitter is not None and self.jitter >= self.every:
            raise ValueError("'jitter' should be shorter than 'every'")
        return self

    @model_validator(mode="before")
    @classmethod
    def _one_way(cls, value: Any) -> Any:
        if isinstance(value, dict) and ("every" in value) == ("cron" in value):
            raise ValueError("give either 'every', or 'cron' with a 'timezone'")
        if isinstance(value, dict) and "timezone" in value and "cron" not in value:
            raise ValueError("'timezone' belongs to 'cron'; 'every' has none")
        return value
