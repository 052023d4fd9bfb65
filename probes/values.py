"""This file is for the names that every scenario can use in `{{…}}`: of the run, of the target, and of the calendar."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

_DAY = re.compile(r"today([+-])(\d{1,4})d")


class Values(Mapping[str, Any]):
    """The names that every scenario can use; days are computed when asked for."""

    def __init__(self, *, nonce: str, run_id: str, target_vars: Mapping[str, Any], now: Callable[[], datetime]) -> None:
        self._fixed = {"nonce": nonce, "run_id": run_id, "vars": target_vars}
        self._now = now

    def __getitem__(self, name: str) -> Any:
        if name in self._fixed:
            return self._fixed[name]
        now = self._now().astimezone(UTC)
        if name == "now":
            return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if name == "today":
            return now.date().isoformat()
        day = _DAY.fullmatch(name)
        if day is None:
            raise KeyError(name)
        days = int(day.group(2)) * (1 if day.group(1) == "+" else -1)
        return (now.date() + timedelta(days=days)).isoformat()

    def __iter__(self) -> Iterator[str]:
        return iter((*self._fixed, "now", "today"))

    def __len__(self) -> int:
        return len(self._fixed) + 2
