"""This file is for a log of JSON lines: each system shapes an entry in its own way; the bugs are those of all of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from vedette.reference.kit.call import Call, current

LEVELS = ("debug", "info", "warning", "error", "critical")
_NOWHERE = Call(correlation="00000000-0000-4000-8000-000000000000")  # what one call for all looks like


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that is logged: what happened, in which call, and the rest by name."""

    at: datetime
    level: str
    message: str
    call: Call
    context: Mapping[str, Any]


Shape = Callable[[Entry], dict[str, Any]]


class Journal:
    """Writes one line an entry. `shape` makes the object of it; what it leaves out is not written."""

    def __init__(self, path: Path | None, shape: Shape, bugs: Collection[str], clock: Callable[[], datetime]) -> None:
        if path is not None and "log_other_file" in bugs:
            path.touch()
            path = path.with_name(f"release-2-{path.name}")
        self._file = path.open("a", encoding="utf-8") if path is not None else None
        self._shape = shape
        self._bugs = bugs
        self._clock = clock

    def debug(self, message: str, **context: Any) -> None:
        self.write("debug", message, context)

    def info(self, message: str, **context: Any) -> None:
        self.write("info", message, context)

    def warning(self, message: str, **context: Any) -> None:
        self.write("warning", message, context)

    def error(self, message: str, **context: Any) -> None:
        self.write("error", message, context)

    def write(self, level: str, message: str, context: Mapping[str, Any]) -> None:
        if "log_nothing" in self._bugs or ("log_level_raised" in self._bugs and level in ("debug", "info")):
            return
        call = _NOWHERE if "log_call_shared" in self._bugs else current()
        entry = Entry(self._time(), self._level(level), message, call, context)
        told = {name: value for name, value in self._shape(entry).items() if value is not None}
        self.raw(self._line(self._spoilt(told, entry)))

    def raw(self, text: str) -> None:
        """Write text as it stands, as what does not go through the logger does."""
        if self._file is not None:
            self._file.write(text + ("" if "log_two_on_a_line" in self._bugs else "\n"))
            self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _time(self) -> datetime:
        now = self._clock()
        if "log_time_local" in self._bugs:
            return now.astimezone(timezone(timedelta(hours=2))).replace(tzinfo=None)  # the server's wall clock, without an offset
        return now - timedelta(days=365) if "log_time_wrong" in self._bugs else now

    def _level(self, level: str) -> str:
        return "NOTICE" if "log_level_unknown" in self._bugs and level == "info" else level

    def _spoilt(self, told: dict[str, Any], entry: Entry) -> dict[str, Any]:
        if "log_message_nested" in self._bugs:
            told["message"] = {"text": told.get("message", "")}
        if "log_duration_as_text" in self._bugs and "duration_ms" in told:
            told["duration_ms"] = f"{told['duration_ms']} ms"
        for name in list(told):
            if f"log_without_{name}" in self._bugs:
                del told[name]
        return told

    def _line(self, told: dict[str, Any]) -> str:
        if "log_not_json" in self._bugs:
            return " ".join(f"{name}={value}" for name, value in told.items())
        text = json.dumps(told, ensure_ascii=False, default=str, indent=2 if "log_pretty" in self._bugs else None)
        return f"\x1b[32m{text}\x1b[39m" if "log_coloured" in self._bugs else text
