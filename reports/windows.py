"""This file is for pass ratios over sliding windows: of one series, in little memory, emptying by themselves as time goes."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from probes.outcome import Verdict
from reports.store.watch.answers import WINDOWS_S, Counts

MAINTAINED = 6  # a place in `Counts`, after those of the verdicts
PLACES = {
    Verdict.PASS: 0,
    Verdict.DEGRADED: 1,
    Verdict.FAIL: 2,
    Verdict.ERROR: 3,
    Verdict.INCONCLUSIVE: 4,
    Verdict.SKIPPED: 5,
}
MINUTE_S = 60
ALL_GOOD = (1.0, 1.0, 1.0, 1.0)

_NAMES = tuple(WINDOWS_S)
_FIELDS = tuple(Counts.__dataclass_fields__)
_BAD = (2, 3, 4)

# Time is kept in slots of three sizes, so that 30 days cost some hundred bytes and not as many thousand. A window reaches
# back to the beginning of the slot that it begins in: of the minute, of the hour, of the three hours.
# Each: minutes in a slot; the place of its first slot; how many slots; the windows it answers, with how many slots back.
_Size = tuple[int, int, int, tuple[tuple[int, int], ...]]
_SIZES: tuple[_Size, ...] = (
    (1, 0, 61, ((0, 5), (1, 60))),
    (60, 61, 25, ((2, 24),)),
    (180, 86, 241, ((3, 240),)),
)
_SLOTS = 327
_WIDER = {"B": "H", "H": "I", "I": "Q"}


class Steady:
    """Seconds that never go back: where the clock is set back, they stand still and go on from there.

    Where it is set forward they follow, so that what was seen before is old: a window without ticks has no ratio.
    """

    __slots__ = ("_ahead_s", "_clock", "_last_s")

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._ahead_s = 0.0
        self._last_s = clock().timestamp()

    def now_s(self) -> float:
        now_s = self._clock().timestamp() + self._ahead_s
        if now_s < self._last_s:
            self._ahead_s += self._last_s - now_s
            return self._last_s
        self._last_s = now_s
        return now_s


class _Ring:
    """The ticks of one verdict, by slot, and their sum in each window."""

    __slots__ = ("slots", "sums")

    def __init__(self) -> None:
        self.slots = array("B", bytes(_SLOTS))
        self.sums = [0, 0, 0, 0]

    def add(self, place: int, ticks: int) -> None:
        while True:
            try:
                self.slots[place] += ticks
                return
            except OverflowError:
                self.slots = array(_WIDER[self.slots.typecode], self.slots)


class Windows:
    """The ticks of one series in the last 5 minutes, hour, 24 hours and 30 days, by verdict.

    Pure: the minute of now is given, and may only grow (`Steady`); an earlier one is taken for the newest seen.
    """

    __slots__ = ("_asked", "_minute", "_rings", "past_is_known")

    def __init__(self, minute: int) -> None:
        self._minute = minute
        self._asked = -1  # the newest minute with a tick that counts
        self._rings: list[tuple[int, _Ring]] = []  # only of verdicts that were seen
        self.past_is_known = True  # else nothing is said of 30 days: what is counted of them is a part

    def add(self, place: int, minute: int, ticks: int = 1) -> None:
        """Count ticks of now; `place` is that of their verdict, or MAINTAINED."""
        self.move(minute)
        ring = self._ring(place)
        for size, first, slots, _ in _SIZES:
            ring.add(first + self._minute // size % slots, ticks)
        sums = ring.sums
        for window in range(4):
            sums[window] += ticks
        if place < 5:
            self._asked = self._minute

    def add_past(self, minute: int, counts: Counts, now: int) -> None:
        """Count ticks of an earlier minute; `now` is the minute of now."""
        self.move(now)
        self._take_in(minute, counts, _SIZES)

    def move(self, minute: int) -> None:
        """Let what has grown too old fall out."""
        before = self._minute
        if minute <= before:
            return
        self._minute = minute
        for size, first, slots, windows in _SIZES:
            old, new = before // size, minute // size
            if old == new:
                return  # the larger sizes have not moved on either
            for _, ring in self._rings:
                _turn(ring, first, slots, windows, old, new)

    def counts(self, window: str, minute: int) -> Counts:
        """Return the ticks in a window by verdict."""
        self.move(minute)
        number = _NAMES.index(window)
        if number == 3 and not self.past_is_known:
            return Counts()
        return Counts(**{_FIELDS[place]: ring.sums[number] for place, ring in self._rings})

    def ratios(self, minute: int) -> tuple[float | None, ...]:
        """Return good / asked of each window in the order of WINDOWS_S, None where nothing was asked."""
        self.move(minute)
        g5 = g60 = gday = gmonth = b5 = b60 = bday = bmonth = 0
        for place, ring in self._rings:
            if place < 2:
                n5, n60, nday, nmonth = ring.sums
                g5, g60, gday, gmonth = g5 + n5, g60 + n60, gday + nday, gmonth + nmonth
            elif place < 5:
                n5, n60, nday, nmonth = ring.sums
                b5, b60, bday, bmonth = b5 + n5, b60 + n60, bday + nday, bmonth + nmonth
        if not self.past_is_known:
            gmonth = bmonth = 0
        elif g5 and not bmonth:
            return ALL_GOOD
        return (
            g5 / (g5 + b5) if g5 or b5 else None,
            g60 / (g60 + b60) if g60 or b60 else None,
            gday / (gday + bday) if gday or bday else None,
            gmonth / (gmonth + bmonth) if gmonth or bmonth else None,
        )

    def same_until(self, minute: int) -> int:
        """Return the last minute in which the ratios are what they are in this one, if nothing is counted until then."""
        self.move(minute)
        if not self.past_is_known or any(place in _BAD and ring.sums[1] for place, ring in self._rings):
            return self._minute
        end_of_hour = self._minute - self._minute % 60 + 59
        empties = next((self._asked + reach for reach in (5, 60) if self._asked + reach >= self._minute), end_of_hour)
        return min(end_of_hour, empties)

    def clear(self, minute: int) -> None:
        """Forget everything."""
        self._minute, self._asked, self._rings = max(self._minute, minute), -1, []

    def fill_short(self, minutes: Iterable[tuple[float, Counts]]) -> None:
        """Take in (start, counts) of minutes for the windows of 5 minutes and of an hour."""
        for epoch_s, counts in minutes:
            self._take_in(int(epoch_s // MINUTE_S), counts, _SIZES[:1])

    def fill_long(self, hours: Iterable[tuple[float, Counts]]) -> None:
        """Take in (start, counts) of hours for the windows of 24 hours and of 30 days."""
        for epoch_s, counts in hours:
            self._take_in(int(epoch_s // MINUTE_S), counts, _SIZES[1:])

    def fill_past(self, stretches: Iterable[tuple[float, Counts]]) -> None:
        """Take in (start, counts) of what is older than 24 hours: then the window of 30 days is known."""
        for epoch_s, counts in stretches:
            self._take_in(int(epoch_s // MINUTE_S), counts, _SIZES[2:])
        self.past_is_known = True

    def _take_in(self, minute: int, counts: Counts, sizes: Sequence[_Size]) -> None:
        minute = min(minute, self._minute)  # what is dated in the future was counted before the clock was set back
        for place, name in enumerate(_FIELDS):
            ticks = getattr(counts, name)
            if not ticks:
                continue
            ring = self._ring(place)
            for size, first, slots, windows in sizes:
                age = self._minute // size - minute // size
                if age < slots:
                    ring.add(first + minute // size % slots, ticks)
                for window, reach in windows:
                    if age <= reach:
                        ring.sums[window] += ticks
            if place < 5 and sizes[0][0] == 1:
                self._asked = max(self._asked, minute)

    def _ring(self, place: int) -> _Ring:
        for known, ring in self._rings:
            if known == place:
                return ring
        made = _Ring()
        self._rings.append((place, made))
        return made


def _turn(ring: _Ring, first: int, count: int, windows: tuple[tuple[int, int], ...], old: int, new: int) -> None:
    """Move one ring from a slot to a later one: what leaves a window is taken from its sum, then the slots are used anew."""
    slots, sums = ring.slots, ring.sums
    if new - old >= count:
        for window, _ in windows:
            sums[window] = 0
        for place in range(first, first + count):
            slots[place] = 0
        return
    for now in range(old + 1, new + 1):
        for window, reach in windows:
            sums[window] -= slots[first + (now - 1 - reach) % count]
        slots[first + now % count] = 0
