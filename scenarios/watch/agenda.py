"""This file is for what is due next, over all series: a heap of moments. Pure: clocks and randomness are passed in."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from scenarios.cron import Cron
from scenarios.schedule_spec import ScheduleSpec
from scenarios.watch.events import SeriesKey
from scenarios.watch.slots import Beat, Due, Grid, Times

FIRST_WITHIN_S = (1.0, 60.0)  # first ticks are spread over so long, the more the longer
FIRST_TICKS_PER_S = 200.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How much denser than usual: every interval times `factor`, but never made shorter than `least_s`."""

    factor: float = 1.0
    least_s: float = 0.0

    def of(self, interval_s: float) -> float:
        return min(interval_s, max(interval_s * self.factor, self.least_s))


@dataclass(frozen=True, slots=True)
class Gap:
    """Slots of one series that passed while nobody watched; `first_s` is on the wall clock."""

    key: SeriesKey
    ticks: int
    first_s: float


@dataclass(slots=True, eq=False)
class _Entry:
    key: SeriesKey
    spec: ScheduleSpec
    slots: Grid | Beat
    pace: Pace
    turn: int = 0  # the one place in the heap that counts


class Agenda:
    """Who is due when. Intervals live on the monotonic clock, cron expressions on the wall clock.

    `offset_s` is the wall clock less the monotonic one; `now_s` is always the monotonic one. Cron slots are not affected
    by a pace: they name times, not a density.
    """

    def __init__(self, offset_s: float, *, chance: Callable[[], float] = random.random) -> None:
        self.offset_s = offset_s
        self._chance = chance
        self._entries: dict[SeriesKey, _Entry] = {}
        self._heap: list[tuple[float, int, _Entry]] = []
        self._turns = 0
        self._times: dict[tuple[str, str], Times] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def put(
        self, key: SeriesKey, spec: ScheduleSpec, now_s: float, *, seen_s: float | None, within_s: float, pace: Pace = Pace()
    ) -> None:
        """Enter a series, or enter it anew. `seen_s` is when it was asked last, on the wall clock.

        One with an interval that was never asked, or not for an interval, is due within `within_s`; one that was asked in
        time goes on on its grid. One with a cron expression waits for its time.
        """
        slots: Grid | Beat
        if spec.cron is not None:
            slots = Beat(self._times_of(spec), now_s, self.offset_s, seen_s, self._jitter_up_to(spec))
        else:
            slots = self._grid(key, spec, now_s, pace)
            if seen_s is None or seen_s > now_s + self.offset_s or slots.slots_since(seen_s - self.offset_s):
                slots.soon(now_s, within_s)
        self.take(key)
        self._entries[key] = entry = _Entry(key, spec, slots, pace)
        self._enter(entry)

    def take(self, key: SeriesKey) -> None:
        """Take a series off. One that is not there is no error."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            entry.turn = 0

    def rename(self, old: SeriesKey, new: SeriesKey) -> None:
        """Let a series go on in its place under another key."""
        entry = self._entries.pop(old)
        entry.key = new
        self._entries[new] = entry

    def set_pace(self, keys: Iterable[SeriesKey], pace: Pace, now_s: float) -> None:
        """Make intervals denser, or normal again: each series goes over to the grid of its new interval."""
        for key in keys:
            entry = self._entries.get(key)
            if entry is None or entry.spec.cron is not None:
                continue
            entry.pace = pace
            if pace.of(entry.spec.every or 0.0) != entry.slots.interval_s:
                entry.slots = self._grid(key, entry.spec, now_s, pace)
                self._enter(entry)

    def clock_set(self, offset_s: float, now_s: float) -> None:
        """Follow a wall clock that was set: cron slots are looked at anew, intervals go on as if nothing had happened."""
        self.offset_s = offset_s
        for entry in self._entries.values():
            if isinstance(entry.slots, Beat):
                entry.slots.clock_set(offset_s, now_s)
                self._enter(entry)

    def next_due_s(self) -> float | None:
        """Return when the next series is due, None when none ever is."""
        heap = self._heap
        while heap and heap[0][1] != heap[0][2].turn:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def due_s(self, key: SeriesKey) -> float | None:
        """Return when a series is due next, None when never or when it is not there."""
        entry = self._entries.get(key)
        return None if entry is None or math.isinf(entry.slots.due_s) else entry.slots.due_s

    def due(self, now_s: float, most: int) -> list[Due]:
        """Take out what is due now, the earliest first, at most so many; each goes on to its next slot."""
        found: list[Due] = []
        while len(found) < most:
            next_s = self.next_due_s()
            if next_s is None or next_s > now_s:
                break
            entry = self._heap[0][2]
            found.append(entry.slots.pop(entry.key, now_s))
            self._enter(entry)
        return found

    def gaps(self, seen_s: dict[SeriesKey, float], now_s: float) -> list[Gap]:
        """Return the slots that passed since series were seen last, on the wall clock, for those that are on the agenda.

        What is asked late, right after the start, is no gap: the newest slot of an interval, and of a cron expression one
        within its grace.
        """
        found = []
        for key, at_s in sorted(seen_s.items(), key=lambda seen: seen[1]):  # the oldest first, whose slots hold the others'
            entry = self._entries.get(key)
            if entry is None or at_s >= now_s + self.offset_s:
                continue
            if isinstance(entry.slots, Grid):
                gap = self._gap_on_grid(key, entry.slots, at_s)
            else:
                ticks, first_s, _ = self._times_of(entry.spec).passed(at_s, now_s + self.offset_s)
                gap = Gap(key, ticks - (entry.slots.due_s <= now_s), first_s)
            if gap.ticks > 0:
                found.append(gap)
        return found

    def _gap_on_grid(self, key: SeriesKey, grid: Grid, seen_s: float) -> Gap:
        seen = seen_s - self.offset_s
        ticks = grid.slots_since(seen) - 1  # the newest one is asked late
        return Gap(key, ticks, grid.first_after(seen) + self.offset_s)

    def _grid(self, key: SeriesKey, spec: ScheduleSpec, now_s: float, pace: Pace) -> Grid:
        interval_s = pace.of(spec.every or 0.0)
        up_to_s = min(spec.jitter or 0.0, interval_s / 2 if interval_s != spec.every else math.inf)
        return Grid(key, interval_s, now_s, self.offset_s, (lambda: self._chance() * up_to_s) if up_to_s else _no_jitter)

    def _jitter_up_to(self, spec: ScheduleSpec) -> Callable[[float], float]:
        up_to_s = spec.jitter or 0.0
        return (lambda room_s: self._chance() * min(up_to_s, room_s)) if up_to_s else _no_jitter

    def _times_of(self, spec: ScheduleSpec) -> Times:
        """Return one and the same for all that are due at the same times."""
        named = (spec.cron or "", spec.timezone)
        if named not in self._times:
            self._times[named] = Times(Cron(*named))
        return self._times[named]

    def _enter(self, entry: _Entry) -> None:
        self._turns += 1
        entry.turn = self._turns
        if not math.isinf(entry.slots.due_s):
            heapq.heappush(self._heap, (entry.slots.due_s, entry.turn, entry))


def first_within_s(ticks: int) -> float:
    """Return over how long so many first ticks are spread."""
    least, most = FIRST_WITHIN_S
    return min(most, max(least, ticks / FIRST_TICKS_PER_S))


def _no_jitter(room_s: float = 0.0) -> float:
    return 0.0
