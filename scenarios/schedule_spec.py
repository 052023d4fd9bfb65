"""This file is for when a scenario is due: every so often, or by a cron expression in a time zone."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator, model_validator

from probes.fields import Configured, Duration


class ScheduleSpec(Configured):
    """Give `every`, or `cron` with an optional `timezone` (an IANA name; UTC if none)."""

    every: Annotated[Duration, Field(ge=1, le=366 * 86_400)] | None = None  # so often, such as 5m
    timezone: str = "UTC"  # of `cron`, such as Europe/Berlin
    cron: str | None = None  # five fields, such as 0 6 * * *

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        from zoneinfo import ZoneInfo

        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):  # an unknown name, a name with '..', a folder of names
            raise ValueError("should be a time zone such as Europe/Berlin or UTC") from None
        return value

    @field_validator("cron")
    @classmethod
    def _five_fields(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        from datetime import UTC, datetime

        from cronsim import CronSim, CronSimError

        try:
            CronSim(value, datetime(2025, 1, 1, tzinfo=UTC))
        except CronSimError as problem:
            raise ValueError(f"should be a cron expression such as '*/5 * * * *': {str(problem).lower()}") from None
        return value

    @model_validator(mode="before")
    @classmethod
    def _one_way(cls, value: Any) -> Any:
        if isinstance(value, dict) and ("every" in value) == ("cron" in value):
            raise ValueError("give either 'every', or 'cron' with a 'timezone'")
        if isinstance(value, dict) and "timezone" in value and "cron" not in value:
            raise ValueError("'timezone' belongs to 'cron'; 'every' has none")
        return value
