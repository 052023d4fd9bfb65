"""This file is for the application's log, in Laravel's form: `[time] environment.LEVEL: message {context}`."""

from __future__ import annotations

import json
from collections.abc import Callable, Set
from datetime import datetime
from pathlib import Path
from typing import Any

from vedette.reference.context import CORRELATION, TENANT
from vedette.reference.sanitiser import sanitised

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class Log:
    """Writes lines that carry the request's correlation id and tenant, with personal data taken out."""

    def __init__(
        self,
        path: Path | None,
        *,
        environment: str,
        faults: Set[str],
        clock: Callable[[], datetime],
        counted: Callable[[str], None] = lambda level: None,
    ) -> None:
        self._counted = counted
        self._faults = faults
        self._environment = environment
        self._clock = clock
        self._least = _LEVELS.index("WARNING" if "log_level_raised" in faults else "INFO")
        self._file = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            if "log_other_file" in faults:
                path.touch()  # what the last release wrote still lies there
                path = path.with_name(f"worker-{path.name}")
            self._file = path.open("a", encoding="utf-8", errors="backslashreplace", buffering=1)

    def info(self, message: str, context: dict[str, Any]) -> None:
        self._write("INFO", message, sanitised(context))

    def warning(self, message: str, context: dict[str, Any]) -> None:
        self._write("WARNING", message, sanitised(context))

    def error(self, message: str, context: dict[str, Any]) -> None:
        self._write("ERROR", message, sanitised(context))

    def unsanitised(self, level: str, message: str, context: dict[str, Any]) -> None:
        """Write what a developer logged past the sanitiser. The sound target never calls this."""
        self._write(level, message, context)

    def raw(self, text: str) -> None:
        """Write text that did not come from the logger at all. The sound target never calls this."""
        if self._file is not None:
            self._file.write(text.rstrip("\n") + "\n")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, level: str, message: str, context: dict[str, Any]) -> None:
        if "log_nothing" in self._faults or _LEVELS.index(level) < self._least:
            return
        self._counted(level)
        told: dict[str, Any] = {}
        if "log_correlation_missing" not in self._faults:
            told["correlation_id"] = CORRELATION.get()
        tenant = TENANT.get()
        if tenant is not None:
            told["company_id"] = tenant
        stamp = self._clock().strftime("%Y-%m-%d %H:%M:%S")
        text = json.dumps({**told, **context}, ensure_ascii=False, default=str)
        self.raw(f"[{stamp}] {self._environment}.{level}: {message} {text}")
