"""This file is for the CRM's log as Winston writes it: combined.log, error.log, and what the log shipper takes to the search."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from vedette.reference.kit.journal import Entry, Journal
from vedette.reference.travel_crm.agencies import object_id

COMBINED, ERRORS = "combined.log", "error.log"
_LEVELS = {"warning": "warn", "critical": "error"}


def shaped(entry: Entry) -> dict[str, Any]:
    """Return a line's object: what Winston's formats and `defaultMeta` put in, and the rest beside it."""
    told = dict(entry.context)
    of_request = entry.call.source == "api"
    return {
        "level": _LEVELS.get(entry.level, entry.level),
        "message": entry.message,
        "service": told.pop("service", "travel-crm-api"),
        "version": told.pop("version", "1.4.2"),
        "timestamp": entry.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "traceId": entry.call.correlation if of_request or "traceId" in told else None,
        **told,
    }


class Winston(Journal):
    """Three transports for each line, the errors' one with a level of its own. LOG_LEVEL is info."""

    def __init__(self, folder: Path, bugs: Collection[str], clock: Callable[[], datetime]) -> None:
        super().__init__(folder / COMBINED, shaped, bugs, clock)
        self._errors = Journal(folder / ERRORS, shaped, set(bugs) - {"log_other_file"}, clock)
        self.shipped: list[str] = []

    def write(self, level: str, message: str, context: Mapping[str, Any]) -> None:
        if level == "debug" and "log_level_debug" not in self._bugs:
            return
        super().write(level, message, context)
        if (level == "error" or "log_error_file_unfiltered" in self._bugs) and "log_error_file_missing" not in self._bugs:
            self._errors.write(level, message, context)

    def raw(self, text: str) -> None:
        if "log_combined_missing" not in self._bugs:
            super().raw(text)
        if "log_not_shipped" not in self._bugs:
            self.shipped.append(text)

    def failed(self, problem: Exception, stack: str, *, user: int | None, tenant: int) -> None:
        """Tell of an error that nobody handled, as the error handler does."""
        bugs = self._bugs
        self.error(
            "Error occurred",
            error="" if "error_message_lost" in bugs else str(problem),
            stack=None if "error_stack_lost" in bugs else stack,
            userId=object_id(user) if user is not None and "error_user_lost" not in bugs else None,
            tenantId=object_id(tenant) if tenant and "error_user_lost" not in bugs else None,
        )

    def close(self) -> None:
        super().close()
        self._errors.close()
