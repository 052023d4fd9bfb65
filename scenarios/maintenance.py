"""This file is for maintenance that comes back: windows by a cron expression in a time zone, right on both clock changes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from probes.fields import Configured, Duration


class RecurringWindow(Configured):
    """A maintenance window that opens again and again. Without `targets`, `scenarios` and `tags` it covers the whole suite."""

    name: str = Field(min_length=1, max_length=100)  # such as nightly backup
    cron: str  # when it opens: five fields, such as 0 2 * * *
    timezone: str = "UTC"  # of `cron`, such as Europe/Berlin
    lasts: Annotated[Duration, Field(ge=1, le=31 * 86_400)]  # how long it stays open
    why: str = ""  # for people
    targets: tuple[str, ...] = ()  # names of targets; none means all
    scenarios: tuple[str, ...] = ()  # names of scenarios; none means all
    tags: tuple[str, ...] = ()  # scenarios with one of these; none means all
