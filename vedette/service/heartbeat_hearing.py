"""This file is for when the desk of heartbeats could hear: pauses, and clocks that were set. Silence then proves nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from scenarios.heartbeat_times import Deaf
from vedette.service.heartbeat_outcomes import Desk

JUMP_S = 2.0  # the clock and the time that passes may part by so much between two looks
STILL_S = 10.0  # a pause between two looks in which jobs may have given up
KEPT = 200


class Hearing:
    """Remembers the times in which a report would have been lost, those of earlier lives of the service included."""

    def __init__(self, deaf: Iterable[Deaf], clock: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._clock, self._monotonic = clock, monotonic
        self._gaps = deque(sorted(deaf, key=lambda gap: gap.until_at), maxlen=KEPT)
        self._looked_at, self._looked_s = clock(), monotonic()
        self._refusing_since: datetime | None = None
        self.listening_since = self._looked_at

    def look(self, now: datetime, now_s: float) -> timedelta | None:
        """Take note that silence is looked for, and return by how much the clock was set since the last look."""
        passed_s = now_s - self._looked_s
        jump_s = (now - self._looked_at).total_seconds() - passed_s
        before, self._looked_at, self._looked_s = self._looked_at, now, now_s
        if abs(jump_s) > JUMP_S:
            if jump_s > 0:
                self._add(Deaf(before, now, "the clock was set forward, or the machine slept,"))
            else:
                self.listening_since = min(self.listening_since, now)
            return timedelta(seconds=jump_s)
        if passed_s > STILL_S:
            self._add(Deaf(before, now, "the service stood still"))
        return None

    def refuse(self, at: datetime) -> None:
        """Take note that a report could not be kept."""
        self._refusing_since = self._refusing_since or at

    def accept(self, at: datetime) -> None:
        """Take note that a report was kept."""
        if self._refusing_since is not None:
            self._add(Deaf(self._refusing_since, at, _REFUSED))
            self._refusing_since = None

    def gaps(self, now: datetime) -> list[Deaf]:
        """Return the times in which nothing could be heard, one that still goes on included."""
        goes_on = [] if self._refusing_since is None else [Deaf(self._refusing_since, now, _REFUSED)]
        return [*self._gaps, *goes_on]

    def desk(self) -> Desk:
        return Desk(self.listening_since, self._monotonic() - self._looked_s)

    def _add(self, gap: Deaf) -> None:
        self._gaps.append(gap)
        self.listening_since = gap.until_at


_REFUSED = "the service could not keep reports"
