"""This file is for the moments at which one series is due: a grid on the clock that is never set, or a cron expression."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice

from scenarios.cron import Cron
from scenarios.watch.events import SeriesKey

CRON_GRACE_S = 60.0  # a cron slot that passed no longer ago than this is still asked, late
MOST_COUNTED = 10_000  # cron slots that are counted in one gap, a week of minutes
_SAME_S = 0.005  # instants that differ by less are one: what comes back from a store is rounded
_APART_S = 1.0  # at least, between the end of a cron slot's jitter and the next slot


@dataclass(frozen=True, slots=True)
class Due:
    """One moment that has come, on the clock that is never set. `skipped` slots before it passed unasked, from `first_s` on.

    Without `ask`, the slot itself is among the skipped ones: it passed too long ago.
    """

    key: SeriesKey
    due_s: float
    skipped: int = 0
    first_s: float = 0.0
    ask: bool = True


class Grid:
    """Slots at a fixed interval, counted on the monotonic clock: a wall clock that is set changes nothing.

    The grid's phase comes from a hash of the series and from the wall clock when the grid was made, so that it is the same
    after a restart, and series of one interval are spread over it. Jitter is counted from the grid: nothing drifts.
    """

    def __init__(self, key: SeriesKey, interval_s: float, now_s: float, offset_s: float, jitter: Callable[[], float]) -> None:
        self.interval_s = interval_s
        self._jitter = jitter
        wall_s = now_s + offset_s
        phase_s = phase(key) * interval_s
        passed = math.floor((wall_s - phase_s) / interval_s)
        self._zero_s = passed * interval_s + phase_s - offset_s  # the newest slot that has passed
        self._slot = 1
        self._extra_s: float | None = None  # one early slot, because nobody has looked for long
        self._shift_s = jitter()

    @property
    def due_s(self) -> float:
        return self._at(self._slot) if self._extra_s is None else self._extra_s

    def soon(self, now_s: float, within_s: float) -> None:
        """Let it be due within that time, in the order of the grid; the grid goes on half an interval later at the soonest."""
        window_s = min(within_s, self.interval_s)
        wait_s = self._at(1) - self._shift_s - now_s
        if wait_s <= window_s:
            return
        self._extra_s = now_s + wait_s * window_s / self.interval_s
        while self._at(self._slot) < self._extra_s + self.interval_s / 2:
            self._slot += 1

    def slots_since(self, seen_s: float) -> int:
        """Return how many slots have passed after an instant of the past, up to where the grid was made."""
        return max(0, math.ceil((self._zero_s - seen_s - _SAME_S) / self.interval_s))

    def first_after(self, seen_s: float) -> float:
        return self._zero_s - (self.slots_since(seen_s) - 1) * self.interval_s

    def _at(self, slot: int) -> float:
        return self._zero_s + slot * self.interval_s + self._shift_s

    def pop(self, key: SeriesKey, now_s: float) -> Due:
        """Take what is due now, and move on to the slot after it."""
        first_s, skipped = self.due_s, 0
        if self._extra_s is not None:
            self._extra_s = None
            if now_s < self._at(self._slot):
                return Due(key, first_s)
            skipped = 1
        newest = max(self._slot, math.floor((now_s - self._zero_s - self._shift_s) / self.interval_s))
        skipped += newest - self._slot
        due = Due(key, self._at(newest), skipped, first_s)
        self._slot = newest + 1
        self._shift_s = self._jitter()
        return due


class Times:
    """The slots of a cron expression in seconds since 1970. Thousands of series share one, and ask for the same few slots."""

    def __init__(self, cron: Cron) -> None:
        self._cron = cron
        self._known: deque[tuple[float, float]] = deque(maxlen=4)  # after any instant of the first to before the second
        self._run: list[float] = []  # all slots after one instant and up to another
        self._run_since_s, self._run_until_s = math.inf, -math.inf

    def after(self, at_s: float) -> float:
        """Return the next slot after an instant, infinity where there is none."""
        for since_s, next_s in self._known:
            if since_s <= at_s < next_s:
                return next_s
        instant = next(self._cron.after(_instant(at_s)), None) if at_s < _FAR_S else None
        next_s = instant.timestamp() if instant is not None else math.inf
        self._known.appendleft((at_s, next_s))
        return next_s

    def passed(self, since_s: float, until_s: float) -> tuple[int, float, float]:
        """Return how many slots are after one instant and not after another, the first and the newest of them.

        At most MOST_COUNTED are counted, the oldest; without any, the first and the newest are infinite.
        """
        first_s = self.after(since_s)
        if first_s > until_s:
            return 0, math.inf, math.inf
        if since_s < self._run_since_s or until_s < self._run_since_s or since_s > self._run_until_s:
            self._run, self._run_since_s, self._run_until_s = [], since_s, since_s
        if until_s > self._run_until_s and len(self._run) < MOST_COUNTED:
            for instant in islice(self._cron.after(_instant(self._run_until_s)), MOST_COUNTED - len(self._run)):
                if instant.timestamp() > until_s:
                    break
                self._run.append(instant.timestamp())
            self._run_until_s = until_s
        begin, end = bisect_right(self._run, since_s), bisect_right(self._run, until_s)
        return (end - begin, self._run[begin], self._run[end - 1]) if end > begin else (0, math.inf, math.inf)


class Beat:
    """Slots by a cron expression: instants of the wall clock, and so looked at anew when that clock was set.

    A slot that passed more than CRON_GRACE_S ago is not caught up: who writes `0 3 * * *` does not mean noon.
    """

    interval_s = 0.0

    def __init__(
        self, times: Times, now_s: float, offset_s: float, seen_s: float | None, jitter: Callable[[float], float]
    ) -> None:
        self._times, self._jitter, self._offset_s = times, jitter, offset_s
        self._done_s: float | None = None  # on the wall clock: the newest slot that was asked
        wall_s = now_s + offset_s
        if seen_s is not None and not self._is_silenced_by(seen_s, seen_s - wall_s):
            self._done_s = seen_s
        late = 0
        if seen_s is not None:
            late, _, newest_s = times.passed(max(seen_s, wall_s - CRON_GRACE_S), wall_s)
        self._slot_s = newest_s if late else times.after(max(wall_s, self._done_s or 0.0))
        self._shift_s = 0.0 if late else self._drawn()

    @property
    def due_s(self) -> float:
        return self._slot_s + self._shift_s - self._offset_s

    def _drawn(self) -> float:
        if math.isinf(self._slot_s):
            return 0.0
        room_s = self._times.after(self._slot_s) - self._slot_s - _APART_S
        return max(0.0, min(self._jitter(room_s), room_s))

    def clock_set(self, offset_s: float, now_s: float) -> None:
        """Follow the wall clock. A slot is not run a second time when the clock was set back over it.

        Unless it was set back by more than the slots are apart: then waiting for the next unrun slot would silence the
        series, and the new time is followed.
        """
        back_s = self._offset_s - offset_s
        self._offset_s = offset_s
        if back_s <= 0:
            return  # what was passed over is seen when it is popped
        if self._done_s is not None and self._is_silenced_by(self._done_s, back_s):
            self._done_s = None
        self._slot_s = self._times.after(max(now_s + offset_s, self._done_s or 0.0))
        self._shift_s = self._drawn()

    def _is_silenced_by(self, done_s: float, back_s: float) -> bool:
        """Tell whether the clock went back so far that not running a slot twice would leave out slots in between."""
        return back_s > 0 and back_s >= self._times.after(done_s) - done_s

    def pop(self, key: SeriesKey, now_s: float) -> Due:
        """Take what is due now, and move on to the slot after it."""
        first_s, wall_s = self.due_s, now_s + self._offset_s
        passed, _, newest_s = self._times.passed(self._slot_s, wall_s)
        if not passed:
            newest_s = self._slot_s
        due_s = newest_s - self._offset_s if passed else first_s
        ask = now_s - due_s <= CRON_GRACE_S
        if ask:
            self._done_s = newest_s
        self._slot_s = self._times.after(max(newest_s, wall_s))
        self._shift_s = self._drawn()
        return Due(key, due_s, passed if ask else passed + 1, first_s, ask)


_FAR_S = datetime(9990, 1, 1, tzinfo=UTC).timestamp()


def phase(key: SeriesKey) -> float:
    """Return where in its interval a series is due, from 0 to right below 1: the same for ever."""
    return int.from_bytes(sha256("\x00".join(key).encode("utf-8", "surrogatepass")).digest()[8:14], "big") / 2**48


def _instant(wall_s: float) -> datetime:
    return datetime.fromtimestamp(wall_s, UTC)
