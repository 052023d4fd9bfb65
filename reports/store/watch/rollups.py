"""This file is for what the ticks of one series in one stretch of time add up to, kept up tick by tick in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reports.durations import bucket_of, dumped, loaded
from reports.store.watch.lines import IN_MAINTENANCE, TickLine

FINE_S, COARSE_S = SPANS_S = (300, 3600)

COUNTS = ("passed", "degraded", "failed", "errors", "inconclusive", "skipped", "maintained", "missed")
COLUMNS = ("series_id", "span_s", "at", *COUNTS, "duration_us", "durations", "phases")
MAINTAINED, MISSED = 6, 7
_PLACE_OF_RANK = (2, 3, 4, 1, 0, 5)  # of COUNTS, by Verdict.rank: fail, error, inconclusive, degraded, pass, skipped


def place_of(verdict: int, flags: int) -> int:
    """Return the place in COUNTS of a tick with this verdict's rank and these flags."""
    return MAINTAINED if flags & IN_MAINTENANCE else _PLACE_OF_RANK[verdict]


class Rollup:
    """The sums of one stretch that starts at `at` seconds since 1970."""

    __slots__ = ("at", "counts", "duration_us", "durations", "phases")

    def __init__(
        self, at: int, counts: list[int] | None = None, duration_us: int = 0, durations: str = "", phases: str = ""
    ) -> None:
        self.at = at
        self.counts = counts or [0] * len(COUNTS)
        self.duration_us = duration_us
        self.durations = loaded(durations)
        self.phases = loaded_phases(phases)

    @staticmethod
    def of_row(row: Sequence[Any]) -> Rollup:
        """Return the rollup of a row's values in the order of COLUMNS."""
        return Rollup(row[2], list(row[3:11]), *row[11:14])

    def add(self, tick: TickLine, bucket: int) -> None:
        """Count one tick; `bucket` is that of its duration."""
        place = place_of(tick.verdict, tick.flags)
        self.counts[place] += 1
        if place > 1:  # durations are of good ticks: how long a failure took says nothing about the target's speed
            return
        self.duration_us += tick.duration_us
        self.durations[bucket] = self.durations.get(bucket, 0) + 1
        sums = self.phases
        for place, took in enumerate(tick.phases):
            if took is not None:
                sums[place] += took

    def merge(self, other: Rollup) -> None:
        """Add the sums of another one."""
        self.counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
        self.duration_us += other.duration_us
        self.phases = [mine + theirs for mine, theirs in zip(self.phases, other.phases, strict=True)]
        for bucket, ticks in other.durations.items():
            self.durations[bucket] = self.durations.get(bucket, 0) + ticks

    def row(self, series_id: int, span_s: int) -> tuple[Any, ...]:
        """Return the row's values in the order of COLUMNS."""
        return (
            series_id, span_s, self.at, *self.counts, self.duration_us, dumped(self.durations), dumped_phases(self.phases),
        )  # fmt: skip


def bucket_of_us(duration_us: int) -> int:
    return bucket_of(duration_us / 1e6)


def start_of(us: int, span_s: int) -> int:
    """Return the start, in seconds since 1970, of the stretch that an instant in microseconds falls into."""
    seconds = us // 1_000_000
    return seconds - seconds % span_s


def dumped_phases(sums: Sequence[int]) -> str:
    return ",".join(map(str, sums)) if any(sums) else ""


def loaded_phases(text: str) -> list[int]:
    return [int(part) for part in text.split(",")] if text else [0] * 5
