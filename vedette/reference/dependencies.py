"""This file is for what the target leans on: stand-ins for the database and the calendar service, that can be taken down."""

from __future__ import annotations

import asyncio
from collections.abc import Set
from datetime import date, datetime, time, timedelta

from vedette.reference.hours import ZONE
from vedette.reference.settings import Settings

COMPANIES = {1: "Jonas", 15: "Amelie", 20: "Bogdan"}
EVENT_TYPE = 2563193
NAMES = ("calcom", "database", "redis")


class DependencyDown(Exception):
    """Something that the target leans on does not answer. The text is its name."""


class Dependencies:
    """The database (who is this tenant), the calendar service (which slots are free), and the levers that break them."""

    def __init__(self, settings: Settings, faults: Set[str]) -> None:
        self._settings = settings
        self._faults = faults
        self.down: set[str] = set()
        self.calls = 0

    def take_down(self, name: str) -> None:
        if "breaker_lever_dead" in self._faults and name == "calcom":
            return  # the switch sets a variable that nobody reads any more
        self.down.add(name)

    def bring_up(self, name: str) -> None:
        self.down.discard(name)

    def is_up(self, name: str) -> bool:
        return name not in self.down

    async def company(self, company_id: int) -> str:
        """Return who works for this company. Raises: DependencyDown."""
        await asyncio.sleep(self._settings.database_s)
        if not self.is_up("database"):
            raise DependencyDown("database")
        return COMPANIES[company_id]

    async def slots(self, company_id: int, day: date) -> list[str]:
        """Return the free slots of a day, ISO 8601 with offset; each company has its own. Raises: DependencyDown."""
        self.calls += 1
        await asyncio.sleep(self._settings.calcom_s)
        if not self.is_up("calcom"):
            raise DependencyDown("calcom")
        first = datetime.combine(day, time(9, company_id % 30), ZONE)
        return [(first + timedelta(minutes=30 * n)).isoformat() for n in range(0, 18, 1 + company_id % 4)]
