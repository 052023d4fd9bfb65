"""This file is for the page of maintenance as data: what is open, what comes, what comes back, what was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reports.status.words import age
from scenarios.maintenance import Openings, RecurringWindow, Window
from scenarios.model import Suite

COMING_SHOWN = 50
COMING_BACK = timedelta(days=400)  # so far is looked for the next opening of a recurring window


@dataclass(frozen=True, slots=True)
class Shown:
    """One window. `left` is how long it stays open, or how long until it opens, or how long it was."""

    window: Window
    length: str
    left: str


@dataclass(frozen=True, slots=True)
class Recurring:
    """One recurring window of a suite, with its next time."""

    suite: str
    name: str
    cron: str
    timezone: str
    lasts: str
    why: str
    scope: str
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class Page:
    """The windows by how they stand."""

    active: tuple[Shown, ...]
    coming: tuple[Shown, ...]
    past: tuple[Shown, ...]
    recurring: tuple[Recurring, ...]


def page_of(windows: Iterable[Window], past: Sequence[Window], suites: Mapping[str, Suite], now: datetime) -> Page:
    """Return the windows that are open, that come (the next first), that come back, and that were (the newest first)."""
    live = sorted({window.id: window for window in windows if window.ends_at > now}.values(), key=lambda w: w.starts_at)
    return Page(
        active=tuple(_shown(w, w.ends_at - now) for w in live if w.is_open(now)),
        coming=tuple(_shown(w, w.starts_at - now) for w in live if w.starts_at > now),
        past=tuple(_shown(w, w.ends_at - w.starts_at) for w in past),
        recurring=tuple(_recurring(suite.name, one, now) for suite in suites.values() for one in suite.maintenance),
    )


def _shown(window: Window, left: timedelta) -> Shown:
    return Shown(window, age((window.ends_at - window.starts_at).total_seconds()), age(left.total_seconds()))


def _recurring(suite: str, one: RecurringWindow, now: datetime) -> Recurring:
    openings = Openings(suite, one).between(now, now + COMING_BACK)
    coming = next((window for window in openings if window.starts_at > now), None)
    scope = Window("", now, now, "", suite, targets=one.targets, scenarios=one.scenarios, tags=one.tags).scope
    return Recurring(suite, one.name, one.cron, one.timezone, age(one.lasts), one.why, scope,
                     coming.starts_at if coming else None)  # fmt: skip
