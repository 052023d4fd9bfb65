"""This file is for what readings of counters have in common, wherever they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

PARTS = ("canary_total", "canary_failed", "baseline_total", "baseline_failed")

Series = frozenset[tuple[str, str]]


class Unread(Exception):
    """The counters could not be read, or what was read cannot be. The text is one clause for a person."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The values of one counter by series. `raw`: each series is of one process, so one that fell began anew at nothing."""

    values: Mapping[Series, float]
    raw: bool


class Counters(Protocol):
    """Where counters are read: all of PARTS for one moment, `at_s` in seconds since 1970."""

    async def read(self, at_s: float) -> Mapping[str, Counts]:
        """Return the counters by part. Raises: Unread, EvidenceError."""
        ...
