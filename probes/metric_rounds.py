"""This file is for telling what our requests moved from what others did meanwhile: windows with requests of ours and without."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from probes.exposition import Exposition
from probes.metric_moves import Between, Move, Moves

if TYPE_CHECKING:
    from probes.session import Session

_BEFORE_S = 0.1  # the least that is looked at without requests of ours, before the first of them
_QUIET_FOR = 4  # times as long as with our requests a counter must stand still without them
_QUIET_AT_MOST_S = 1.0  # but no longer than this, or than it took with our requests
_BY_CHANCE = 0.005  # a counter that others move must have moved more by our requests than chance does once in two hundred
_POLL_S = (0.05, 1.0)
_NO_LONGER_S = 30.0  # after so long no further round is begun
_TYPICAL_SCRAPES = 6  # of one more round, for the limit on requests


@dataclass(frozen=True, slots=True)
class Window:
    """What lies between two scrapes, how long that was, and how many scrapes were made in it."""

    between: Between
    seconds: float
    scrapes: int = 1
    late: frozenset[str] = frozenset()  # counters that did not show at the first look: it may be others' that came by


@dataclass(frozen=True, slots=True)
class Moved:
    """What one counter moved by, with our requests and without them."""

    ours: Sequence[float]  # in each window with our requests
    alone: float  # in all windows without them
    ours_s: float
    alone_s: float
    by_chance: float  # how likely it is that others moved it, and so much just in the windows with our requests


@dataclass
class Rounds:
    """One run: our requests are sent once, and again only where others move the counters too."""

    moves: Moves
    session: Session
    wait_s: float
    scrape: Callable[[], Awaitable[Exposition | None]]  # None: it was no exposition
    quiet: list[Window] = field(default_factory=list)  # without requests of ours
    ours: list[Window] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)  # of the first round
    sent: int = 1  # requests so far, the first scrape among them
    attempt: int = 0  # the number of the last of our requests

    async def run(self, first: Exposition) -> Between | None:
        """Send and scrape until it is known what moved the counters; None where a scrape did not go well."""
        last = await self._without(first, _BEFORE_S)
        for _ in range(self.moves.rounds):
            last = last and await self._with(last)
            if last is None or not self._moved_all():
                break  # the first round decides: what is sent again may be another thing, such as a cache's hit
            last = await self._long_enough(last)
            if last is None or all(self.is_proven(one) for one in self.moves.by) or not self._may_go_on():
                break
        return None if last is None else Between(first, last)

    def of(self, one: Move) -> Moved:
        """Return what a counter moved by."""
        ours = [window.between.delta(one.of) for window in self.ours]
        alone = sum(abs(window.between.delta(one.of)) for window in self.quiet)
        most = max(one.least, self.moves.sent)  # a burst of others' is no better proof
        counted = sum(max(1, int(min(delta, most))) for delta in ours if delta > 0)
        with_s, without_s = (sum(window.seconds for window in windows) for windows in (self.ours, self.quiet))
        looks, looks_without = (sum(window.scrapes for window in windows) for windows in (self.ours, self.quiet))
        share = max(with_s / (with_s + without_s), looks / (looks + looks_without)) if self.ours else 1.0
        return Moved(ours, alone, with_s, without_s, at_least_by_chance(counted, counted + math.ceil(alone), share))

    def is_proven(self, one: Move) -> bool:
        """Tell whether it was our requests that moved a counter."""
        moved = self.of(one)
        if moved.alone:
            return one.equals is None and moved.by_chance <= _BY_CHANCE
        at_once = one.of not in self.ours[0].late or self.moves.rounds == 1
        return moved.alone_s >= self._quiet_s() and (at_once or any(delta >= one.least for delta in moved.ours[1:]))

    async def _with(self, first: Exposition) -> Exposition | None:
        """Send our requests, and scrape until they show."""
        began = self.session.monotonic()
        self.session.doing = "sending requests that counters should count"
        for request in self.moves.requests * self.moves.times:
            self.attempt += 1
            status = (await self.session.send(request, {"attempt": self.attempt})).status
            self.statuses += [] if self.ours else [status]
        ends, pause, scrapes, settled = self.session.monotonic() + self.wait_s, _POLL_S[0], 0, False
        late: frozenset[str] = frozenset()
        while True:
            last, scrapes = await self.scrape(), scrapes + 1
            if last is None:
                return None
            between, over = Between(first, last), self.session.monotonic() + pause > ends
            missing = frozenset(one.of for one in self.moves.by if between.delta(one.of) < one.least)
            shows, late = not missing, late | missing
            if over or (shows and (settled or not self._may_come_more(between))):
                self.ours.append(Window(between, self.session.monotonic() - began, scrapes, late))
                self.sent += self.moves.sent + scrapes
                return last
            settled = shows
            await self.session.sleep(pause)
            pause = min(2 * pause, _POLL_S[1])

    async def _without(self, first: Exposition, seconds: float, looks: int = 1) -> Exposition | None:
        """Scrape so many times over so long, as a window with our requests has scrapes in it, which may be counted too."""
        began, last = self.session.monotonic(), first
        self.session.doing = "looking whether counters move by themselves"
        for _ in range(looks):
            await self.session.sleep(seconds / looks)
            made = await self.scrape()
            if made is None:
                return None
            last = made
        self.quiet.append(Window(Between(first, last), self.session.monotonic() - began, looks))
        self.sent += looks
        return last

    async def _long_enough(self, last: Exposition) -> Exposition | None:
        """Look on without requests of ours as long as with them, or until that was long enough altogether."""
        left = self._quiet_s() - sum(window.seconds for window in self.quiet)
        moves_alone = any(self.of(one).alone for one in self.moves.by)
        return await self._without(last, max(left, self.ours[-1].seconds), self.ours[-1].scrapes if moves_alone else 1)

    def _quiet_s(self) -> float:
        """Return how long a counter must stand still without our requests, after which it is a quiet one."""
        ours_s = self.ours[0].seconds
        return min(_QUIET_FOR * ours_s, max(_QUIET_AT_MOST_S, ours_s))

    def _moved_all(self) -> bool:
        return all(self.ours[0].between.delta(one.of) >= one.least for one in self.moves.by)

    def _may_come_more(self, between: Between) -> bool:
        """Tell whether some of what our requests move may show later: it must not be taken for what others do."""
        return any(one.equals is not None or between.delta(one.of) < self.moves.sent for one in self.moves.by)

    def _may_go_on(self) -> bool:
        open_ = [(one, self.of(one)) for one in self.moves.by if not self.is_proven(one)]
        hopeless = any((one.equals is not None) if moved.alone else len(moved.ours) > 1 for one, moved in open_)
        room = self.session.target.limits.requests - self.sent
        spent_s = sum(window.seconds for window in (*self.quiet, *self.ours))
        return not hopeless and room >= self.moves.sent + _TYPICAL_SCRAPES and spent_s < _NO_LONGER_S


def at_least_by_chance(ours: int, all_of_them: int, share: float) -> float:
    """Return how likely it is that at least `ours` of all movements fall into a share of the time, by chance alone.

    Source: the conditional test of two Poisson rates (Przyborowski and Wilenski 1940), a binomial tail.
    """
    if ours <= 0 or share >= 1.0:
        return 1.0
    low, high = math.log(share), math.log1p(-share)
    below = math.fsum(
        math.exp(
            math.lgamma(all_of_them + 1)
            - math.lgamma(k + 1)
            - math.lgamma(all_of_them - k + 1)
            + k * low
            + (all_of_them - k) * high
        )
        for k in range(ours)
    )
    return max(0.0, 1.0 - below)
