"""This file is for when which series is under maintenance: windows that somebody opened, and those that suites bring back."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TypeAlias

from probes.ids import new_id
from reports.store.errors import StoreError
from reports.store.ledger.maintenance import MaintenanceBook
from scenarios.maintenance import LONGEST_S, Openings, RecurringWindow, Window
from scenarios.mistakes import near_or_known
from scenarios.model import Scenario, Suite
from scenarios.runner import utc_now
from scenarios.watch.events import SeriesKey
from scenarios.watch.series import Watched
from vedette.service.deploying import Unknown

FURTHEST = timedelta(days=366)  # ahead, that a window may be opened
SHORTEST_S = 1.0
_A_MOMENT = timedelta(microseconds=1)
_ABOUT_NOW = timedelta(minutes=1)  # a form knows minutes only
_MOST_OF_ONE = 200  # coming times of one recurring window in one answer
_log = logging.getLogger(__name__)


class NotAllowed(Exception):
    """A window that makes no sense. The text is one sentence for a person."""


@dataclass(frozen=True, slots=True)
class NewWindow:
    """What somebody wants to open. Without `starts_at` it opens now; what is empty stands for all."""

    lasts_s: float
    why: str
    starts_at: datetime | None = None
    suite: str = ""
    targets: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


_Covering: TypeAlias = tuple[Scenario, tuple[Window, ...], tuple[Openings, ...]]


@dataclass(slots=True)
class _Book:
    """What holds until something changes: then there is a new one, so that whoever reads needs no lock."""

    windows: tuple[Window, ...] = ()  # opened by somebody, not over
    cut_short: Mapping[str, datetime] = field(default_factory=dict)  # times of recurring ones that were ended early
    openings: dict[tuple[str, RecurringWindow], Openings] = field(default_factory=dict)  # of the loop's thread only
    covering: dict[SeriesKey, _Covering] = field(default_factory=dict)  # what may concern a series


class Calendar:
    """All maintenance windows of a service, past and to come.

    `window_of` is asked for every tick on the event loop's thread and costs a look into a table. `load`, `refresh`,
    `start`, `end`, `past` and `get` block, and may be called from any thread; so may the rest but `window_of`.
    `load` is to be called first, and `refresh` again and again.
    """

    def __init__(self, ledger: MaintenanceBook, suites: Iterable[Suite] = (), *, clock: Callable[[], datetime] = utc_now) -> None:
        self._ledger = ledger
        self._suites = tuple(suites)
        self._clock = clock
        self._book = _Book()
        self._changing = threading.Lock()
        self._noted: dict[str, datetime] = {}  # recurring windows that are open and in the store, with their ends
        self._noted_until = clock()

    def load(self) -> None:
        """Read what may still matter from the store. Raises: StoreError."""
        with self._changing:
            self._take_in(self._ledger.live(self._clock()))

    def replace(self, suites: Iterable[Suite]) -> None:
        """Follow a reload: the recurring windows are those of these suites from now on."""
        with self._changing:
            self._suites = tuple(suites)
            self._book = _Book(self._book.windows, self._book.cut_short)

    def window_of(self, watched: Watched, at: datetime) -> Window | None:
        """Return the window that a series is under at an instant; of several the one that ends last."""
        book = self._book
        known = book.covering.get(watched.key)
        if known is None or known[0] is not watched.scenario:
            known = book.covering[watched.key] = _covering(book, watched)
        _, windows, openings = known
        if not windows and not openings:
            return None
        found = [window for window in windows if window.is_open(at)]
        for one in openings:
            window = one.at(at)
            if window is not None and _as_ended(window, book.cut_short).is_open(at):
                found.append(_as_ended(window, book.cut_short))
        return max(found, key=lambda window: (window.ends_at, window.id), default=None)

    def maintenance_of(self, watched: Watched, at: datetime) -> str:
        """Return the id of that window, empty outside one: what a tick carries."""
        window = self.window_of(watched, at)
        return "" if window is None else window.id

    def start(self, wanted: NewWindow, by: str) -> Window:
        """Open a window now or later.

        Raises: NotAllowed, Unknown for names that are not there, StoreError.
        """
        now = self._clock()
        window = _checked(wanted, now)
        self._look_up(window)
        window = replace(window, id=new_id(), started_by=by, created_at=now)
        self._ledger.keep([window])
        with self._changing:
            self._put(window)
        return window

    def end(self, window_id: str, by: str) -> Window:
        """End a window before its time; of a recurring one this time only. One that is over stays as it is.

        Raises: Unknown, StoreError.
        """
        window, now = self.get(window_id), self._clock()
        if window is None:
            raise Unknown("there is no maintenance window with this id that is open, coming or past")
        self._ledger.end(window, now, by)
        kept = self._ledger.get(window_id) or window
        with self._changing:
            self._put(kept)
        return kept

    def active(self, at: datetime | None = None) -> list[Window]:
        """Return the windows that are open, the one that opened last first."""
        now = at or self._clock()
        found = [w for w in self._from(now, now + _A_MOMENT) if w.is_open(now)]
        return sorted(found, key=lambda window: (window.starts_at, window.id), reverse=True)

    def upcoming(self, until: datetime | None = None) -> list[Window]:
        """Return the windows that open later, the next one first; those of recurring ones until an instant, else a week."""
        now = self._clock()
        found = [w for w in self._from(now, until or now + timedelta(days=7)) if w.starts_at > now and w.ends_at > w.starts_at]
        return sorted(found, key=lambda window: (window.starts_at, window.id))

    def past(self, limit: int = 50, before: str = "") -> list[Window]:
        """Return the windows that are over, the one that began last first. Raises: StoreError."""
        return self._ledger.past(self._clock(), limit, before)

    def get(self, window_id: str) -> Window | None:
        """Return a window by its id, None where there is none. Raises: StoreError."""
        kept = self._ledger.get(window_id)
        if kept is not None:
            return kept
        now = self._clock()
        return next((w for w in self._from(now, now + FURTHEST) if w.id == window_id), None)

    def refresh(self) -> None:
        """Note the recurring windows that have opened, and read what another service on the same store has opened."""
        try:
            self._note(self._clock())
            self.load()
        except StoreError as problem:  # what is known goes on to hold
            _log.warning("the maintenance windows could not be read again: %s", problem)

    def prune(self, before: datetime) -> int:
        """Forget the windows that ended before an instant; return how many. Raises: StoreError."""
        return self._ledger.prune(before)

    def close(self) -> None:
        self._ledger.close()

    def _note(self, now: datetime) -> None:
        opened = [w for w in self._from(min(self._noted_until, now), now + _A_MOMENT) if w.name and w.id not in self._noted]
        self._ledger.keep(opened)
        self._noted_until = now
        self._noted = {window_id: ends_at for window_id, ends_at in self._noted.items() if ends_at > now}
        self._noted |= {window.id: window.ends_at for window in opened}

    def _from(self, now: datetime, until: datetime) -> list[Window]:
        """Return what is open now or opens until an instant. Openings of its own: those of the book belong to the loop."""
        book, found = self._book, []
        found += [window for window in book.windows if window.ends_at > now]
        for suite in self._suites:
            for recurring in suite.maintenance:
                coming = Openings(suite.name, recurring).between(now, until)
                found += [_as_ended(window, book.cut_short) for window in islice(coming, _MOST_OF_ONE)]
        return [window for window in found if window.ends_at > now]

    def _take_in(self, live: Sequence[Window]) -> None:
        windows = tuple(window for window in live if not window.name)
        cut_short = {window.id: window.ends_at for window in live if window.name and window.ended_by}
        if (windows, cut_short) != (self._book.windows, self._book.cut_short):
            self._book = _Book(windows, cut_short, self._book.openings)

    def _put(self, window: Window) -> None:
        book, now = self._book, self._clock()
        if window.name:
            self._book = _Book(book.windows, {**book.cut_short, window.id: window.ends_at}, book.openings)
            return
        others = tuple(w for w in book.windows if w.id != window.id)
        self._book = _Book((*others, window) if window.ends_at > now else others, book.cut_short, book.openings)

    def _look_up(self, window: Window) -> None:
        """Make sure that a window covers something. Raises: Unknown."""
        if window.suite and window.suite not in {suite.name for suite in self._suites}:
            raise Unknown(_no("suite", window.suite, {suite.name for suite in self._suites}))
        suites = [suite for suite in self._suites if window.suite in ("", suite.name)]
        scenarios = [scenario for suite in suites for scenario in suite.scenarios]
        for word, given, known in (
            ("target", window.targets, {name for suite in suites for name in suite.targets}),
            ("scenario", window.scenarios, {scenario.name for scenario in scenarios}),
            ("tag", window.tags, {tag for scenario in scenarios for tag in scenario.tags}),
        ):
            for name in given:
                if name not in known:
                    raise Unknown(_no(word, name, known))
        if not any(_covers(window, suite) for suite in suites):
            raise Unknown(f"nothing that is watched would be covered by {window.scope}")


def _covering(book: _Book, watched: Watched) -> _Covering:
    openings = []
    for recurring in watched.suite.maintenance:
        named = (watched.suite.name, recurring)
        if named not in book.openings:
            book.openings[named] = Openings(*named)
        if book.openings[named].covers(watched):
            openings.append(book.openings[named])
    return watched.scenario, tuple(window for window in book.windows if window.covers(watched)), tuple(openings)


def _as_ended(window: Window, cut_short: Mapping[str, datetime]) -> Window:
    return replace(window, ends_at=cut_short[window.id]) if window.id in cut_short else window


def _covers(window: Window, suite: Suite) -> bool:
    return any(
        window.covers(Watched(SeriesKey(suite.name, scenario.name, target.name, ""), scenario, target, suite))
        for target in suite.targets.values()
        for scenario in suite.scenarios
        if scenario.is_for(target.name)
    )


def _checked(wanted: NewWindow, now: datetime) -> Window:
    """Return the window, without its identity. Raises: NotAllowed."""
    if not wanted.why.strip():
        raise NotAllowed("'why' is missing: whoever sees the window later must know what it was for")
    if not SHORTEST_S <= wanted.lasts_s <= LONGEST_S:
        raise NotAllowed(f"a window should last from 1 s to {LONGEST_S // 86_400} days")
    starts_at = wanted.starts_at or now
    if now - _ABOUT_NOW <= starts_at < now:
        starts_at = now
    if starts_at < now:
        raise NotAllowed("a window cannot begin in the past: what was seen is not made unseen")
    if starts_at > now + FURTHEST:
        raise NotAllowed("a window should begin within a year; what comes back belongs under 'maintenance' in the suite")
    starts_at = starts_at.astimezone(UTC)  # only now: for a date at the end of all calendars it would raise
    ends_at = starts_at + timedelta(seconds=wanted.lasts_s)
    return Window(
        "", starts_at, ends_at, wanted.why.strip(),
        suite=wanted.suite, targets=wanted.targets, scenarios=wanted.scenarios, tags=wanted.tags,
    )  # fmt: skip


def _no(word: str, name: str, known: Iterable[str]) -> str:
    hint = near_or_known(name, known)
    verb = "is on any scenario" if word == "tag" else "is watched here"
    return f"no {word} '{name}' {verb}" + (f"; {hint}" if hint else "")
