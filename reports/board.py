"""This file is for how everything that is watched stands now: a line for each series, kept up tick by tick, in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

from probes.outcome import Subject
from reports.line import PROBLEMS, Line, Mark
from reports.store.watch.answers import Counts, SeriesState
from reports.windows import MAINTAINED, MINUTE_S, PLACES, Steady
from scenarios.hidden import redactor_of, secrets_in
from scenarios.watch.events import Missed, Retired, SeriesKey, Tick, WatchEvent
from scenarios.watch.series import Watched

if TYPE_CHECKING:
    from probes.redact import Redactor

__all__ = ["Board", "Line", "Mark"]

History = Mapping[SeriesKey, Sequence[tuple[float, Counts]]] | Iterable[tuple[SeriesKey, Sequence[tuple[float, Counts]]]]


def utc_now() -> datetime:
    return datetime.now(UTC)


class Board:
    """A WatchSink that knows how every series stands. Everything of it belongs to the event loop's thread.

    A tick costs the same however many lines there are, and so do the totals. Until `watch` says what is watched, it takes
    in whatever it is told; after that nothing else, so that a late tick does not bring back a scenario that was removed.
    """

    def __init__(self, states: Iterable[SeriesState] = (), *, clock: Callable[[], datetime] = utc_now) -> None:
        self._clock = clock
        self._steady = Steady(clock)
        self._lines: dict[SeriesKey, Line] = {}
        self._by_slug: dict[str, Line] = {}
        self._totals = dict.fromkeys(Mark, 0)
        self._problems: dict[SeriesKey, Line] = {}
        self._sorted: list[Line] | None = None
        self._silent: list[tuple[float, int, Line]] = []  # a heap: who may be silent until when, at the soonest
        self._numbers = count()
        self._is_chosen = False
        self._without_past: dict[SeriesKey, Line] = {}  # by the key that the store knew at the start
        self.revision = 0  # grows when lines come, go or are named anew
        self.next_due_of: Callable[[SeriesKey], datetime | None] = lambda key: None  # set to the watcher's, once there is one
        for state in states:
            line = self._add(state.key, state.subject)
            line.restore(state)
            self._mark(line)

    # What it is told

    def watch(self, series: Sequence[Watched]) -> None:
        """Have a line for each of these series and for no other. Silence counts from now for those that are new or changed."""
        now_s = self._steady.now_s()
        self._is_chosen = True
        for key in self._lines.keys() - {watched.key for watched in series}:
            self._drop(key)
        for watched, subject in _with_subjects(series):
            line = self._lines.get(watched.key) or self._add(watched.key, subject)
            if line.subject != subject:
                line.subject, self._sorted = subject, None
                self.revision += 1
            if line.is_for(watched):
                line.heard(now_s, self._clock)
                self._wake(line)
        self._silent = [(line.deadline_s, next(self._numbers), line) for line in self._lines.values() if not line.stale]
        heapify(self._silent)

    def rename(self, old: SeriesKey, new: SeriesKey) -> None:
        """Let the line of a series, if there is one, go on under another name. To be called before `watch` is told of it."""
        line = self._lines.get(old)
        if line is None:
            return
        for key in (old, new):
            self._drop(key)
        line.key, line.slug = new, new.slug
        line.subject = replace(line.subject, suite=new.suite, scenario=new.scenario, target=new.target)
        self._put(line)
        if old in self._without_past:  # the store may tell its past under either name, as it is read before or after it knows
            self._without_past[new] = line

    def refill(self, minutes: History, hours: History, *, past_follows: bool = False) -> None:
        """Take in what the store knows of the windows, (start, counts) by minute and by hour, in place of what was counted.

        Where the past follows, nothing is said of 30 days until `refill_past` has told all that is older than the hours.
        """
        minute = self.minute()
        self._without_past = {key: line for key, line in self._lines.items() if line.id} if past_follows else {}
        for line in self._lines.values():
            line.windows.clear(minute)
            line.windows.past_is_known = line.key not in self._without_past
        for key, counted in _pairs(minutes):
            if key in self._lines:
                self._lines[key].windows.fill_short(counted)
        for key, counted in _pairs(hours):
            if key in self._lines:
                self._lines[key].windows.fill_long(counted)

    @property
    def past_is_known(self) -> bool:
        return not self._without_past

    def refill_past(self, past: History, *, is_all: bool) -> None:
        """Take in what is older than the hours were, of some lines; with `is_all`, those that are left have no past."""
        for key, counted in _pairs(past):
            line = self._without_past.pop(key, None)  # under a new name by now, or gone
            if line is not None and not line.windows.past_is_known:
                line.windows.fill_past(counted)
        if is_all:
            for line in self._without_past.values():
                line.windows.past_is_known = True
            self._without_past = {}

    def take_watched(self, event: WatchEvent) -> None:
        if isinstance(event, Tick):
            self._take_tick(event)
        elif isinstance(event, Missed):
            line = self._lines.get(event.key)
            if line is not None:  # those of a time when nobody watched lie long ago
                ago_s = max(0.0, (self._clock() - event.first_at).total_seconds())
                now = self.minute()
                line.windows.add_past(now - int(ago_s // MINUTE_S), Counts(missed=event.ticks), now)
        elif isinstance(event, Retired):
            for key in event.keys:
                self._drop(key)

    def _take_tick(self, tick: Tick) -> None:
        line = self._lines.get(tick.key)
        if line is None:
            if self._is_chosen:
                return
            line = self._add(tick.key, tick.outcome.subject)
        now_s = self._steady.now_s()
        line.windows.add(MAINTAINED if tick.maintenance else PLACES[tick.outcome.verdict], int(now_s // MINUTE_S))
        line.tell(tick)
        line.heard(now_s, self._clock)
        self._wake(line)
        self._mark(line)

    # What it tells

    def line(self, key: SeriesKey) -> Line | None:
        self.sweep()
        return self._lines.get(key)

    def by_slug(self, slug: str) -> Line | None:
        self.sweep()
        return self._by_slug.get(slug)

    def lines(self) -> Collection[Line]:
        """Return all lines, in the order in which they came. Not to be read on after an `await`: lines may have gone."""
        self.sweep()
        return self._lines.values()

    def problems(self) -> list[Line]:
        """Return the lines that stand badly outside maintenance or are no longer asked, the worst first."""
        self.sweep()
        if self._sorted is None:
            self._sorted = sorted(self._problems.values(), key=lambda line: line.urgency)
        return list(self._sorted)

    def totals(self) -> Mapping[Mark, int]:
        """Return how many lines bear each mark; together they are all lines."""
        self.sweep()
        return dict(self._totals)

    def minute(self) -> int:
        """Return the minute of now, which never goes back."""
        return int(self._steady.now_s() // MINUTE_S)

    def __len__(self) -> int:
        return len(self._lines)

    # How it is kept up

    def _add(self, key: SeriesKey, subject: Subject) -> Line:
        line = Line(self, key, subject, self._clock())
        self._put(line)
        return line

    def _put(self, line: Line) -> None:
        self._lines[line.key] = self._by_slug[line.slug] = line
        line.mark = line.marked()
        self._totals[line.mark] += 1
        self._list(line)
        self.revision += 1

    def _drop(self, key: SeriesKey) -> None:
        line = self._lines.pop(key, None)
        if line is None:
            return
        self._by_slug.pop(line.slug, None)
        self._totals[line.mark] -= 1
        if self._problems.pop(key, None) is not None:
            self._sorted = None
        self.revision += 1

    def _mark(self, line: Line) -> None:
        mark = line.marked()
        if mark is line.mark:
            return
        self._totals[line.mark] -= 1
        self._totals[mark] += 1
        line.mark = mark
        self._list(line)

    def _list(self, line: Line) -> None:
        """Have it among the problems, or not."""
        if line.mark in PROBLEMS:
            self._problems[line.key] = line
        elif self._problems.pop(line.key, None) is None:
            return
        self._sorted = None

    def _wake(self, line: Line) -> None:
        if line.stale:
            line.stale = False
            self._mark(line)
            heappush(self._silent, (line.deadline_s, next(self._numbers), line))

    def sweep(self) -> None:
        """Mark those that were silent for too long. Each line is looked at once in its allowed time, not at every tick."""
        now_s = self._steady.now_s()
        while self._silent and self._silent[0][0] < now_s:
            line = heappop(self._silent)[2]
            if self._lines.get(line.key) is not line or line.stale:
                continue
            if line.deadline_s >= now_s:
                heappush(self._silent, (line.deadline_s, next(self._numbers), line))
            else:
                line.stale = True
                self._mark(line)


def _pairs(history: History) -> Iterable[tuple[SeriesKey, Sequence[tuple[float, Counts]]]]:
    return history.items() if isinstance(history, Mapping) else history


def _with_subjects(series: Iterable[Watched]) -> Iterator[tuple[Watched, Subject]]:
    """Yield each with what it is about, without the secrets that a name may have taken from the environment."""
    redactors: dict[tuple[int, int], Redactor | None] = {}
    for watched in series:
        place = id(watched.suite), id(watched.target)
        if place not in redactors:
            secrets = [*watched.suite.secrets, *secrets_in(watched.target)]
            redactors[place] = redactor_of(secrets) if secrets else None
        redactor = redactors[place]
        subject = watched.scenario.subject(watched.suite.name, watched.target)
        yield watched, redactor.own(subject) if redactor else subject
