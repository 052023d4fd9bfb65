"""This file is for what the ticks of one series in one stretch of time add up to, kept up tick by tick in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reports.durations import bucket_of, dumped, loaded
from reports.store.watch.lines import IN_MAINTENANCE

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
            series_id, span_s, self.at, *self.counts, self.duration_us, _dumped(self.durations), dumped_phases(self.phases),
        )  # fmt: skip


def add_tick(both: tuple[Rollup, Rollup], place: int, duration_us: int, phases: Sequence[int | None]) -> None:
    """Count one tick in the rollups of both spans; `place` is that of COUNTS.

    Both in one go, and without a loop where there is nothing to gain: this is done for every tick there is.
    """
    fine, coarse = both
    fine.counts[place] += 1
    coarse.counts[place] += 1
    if place > 1:  # durations are of good ticks: how long a failure took says nothing about the target's speed
        return
    bucket = bucket_of(duration_us / 1e6)
    fine.duration_us += duration_us
    coarse.duration_us += duration_us
    fine.durations[bucket] = fine.durations.get(bucket, 0) + 1
    coarse.durations[bucket] = coarse.durations.get(bucket, 0) + 1
    of_fine, of_coarse = fine.phases, coarse.phases
    for phase, took in enumerate(phases):
        if took:
            of_fine[phase] += took
            of_coarse[phase] += took


def start_of(us: int, span_s: int) -> int:
    """Return the start, in seconds since 1970, of the stretch that an instant in microseconds falls into."""
    seconds = us // 1_000_000
    return seconds - seconds % span_s


def dumped_phases(sums: Sequence[int]) -> str:
    return "%d,%d,%d,%d,%d" % tuple(sums) if any(sums) else ""  # noqa: UP031 - half the time of the other ways


def loaded_phases(text: str) -> list[int]:
    return [int(part) for part in text.split(",")] if text else [0] * 5


def _dumped(durations: dict[int, int]) -> str:
    if len(durations) == 1:  # most series always take about as long
        ((bucket, ticks),) = durations.items()
        return f"{bucket}:{ticks}"
    return dumped(durations)
