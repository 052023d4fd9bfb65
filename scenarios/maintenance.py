"""This file is for maintenance windows: those that come back by a cron expression, and what any window covers, and when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from probes.fields import Configured, Duration
from scenarios.cron import Cron, CronText, TimeZone

if TYPE_CHECKING:
    from scenarios.watch.series import Watched

LONGEST_S = 31 * 86_400  # a window that is open for longer is no maintenance, it is a system nobody watches
_OPENINGS_LOOKED_AT = 10_000  # to see that a recurring window closes at all


class RecurringWindow(Configured):
    """A maintenance window that opens again and again. Without `targets`, `scenarios` and `tags` it covers the whole suite."""

    name: str = Field(min_length=1, max_length=100)  # such as nightly backup
    cron: CronText  # when it opens: five fields, such as 0 2 * * *
    timezone: TimeZone = "UTC"  # of `cron`, such as Europe/Berlin
    lasts: Annotated[
        Duration, Field(ge=1, le=LONGEST_S)
    ]  # how long it stays open, in real time: a clock change does not stretch it
    why: str = Field("", max_length=500)  # for people
    targets: tuple[str, ...] = ()  # names of targets; none means all
    scenarios: tuple[str, ...] = ()  # names of scenarios; none means all
    tags: tuple[str, ...] = ()  # scenarios with one of these; none means all

    @model_validator(mode="after")
    def _closes(self) -> RecurringWindow:
        lasts = timedelta(seconds=self.lasts)
        opened = islice(Cron(self.cron, self.timezone).after(_ANY_TIME), _OPENINGS_LOOKED_AT)
        if all(later - earlier <= lasts for earlier, later in pairwise(opened)):
            raise ValueError("it would never close: 'cron' opens it again before 'lasts' is over")
        return self


@dataclass(frozen=True, slots=True)
class Window:
    """One time of maintenance, from `starts_at` to right before `ends_at`. An empty `suite`, or no names, stands for all.

    `name` is that of the recurring window that it is one time of, empty for one that somebody opened.
    `ended_by` is who closed it before its time; `ends_at` then says when.
    """

    id: str
    starts_at: datetime
    ends_at: datetime
    why: str
    suite: str = ""
    name: str = ""
    targets: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    started_by: str = ""
    created_at: datetime | None = None
    ended_by: str = ""

    def is_open(self, at: datetime) -> bool:
        return self.starts_at <= at < self.ends_at

    def covers(self, watched: Watched) -> bool:
        """Tell whether what is watched is under maintenance while the window is open."""
        return (
            (not self.suite or self.suite == watched.suite.name)
            and (not self.targets or watched.target.name in self.targets)
            and (not self.scenarios or watched.scenario.name in self.scenarios)
            and (not self.tags or not set(self.tags).isdisjoint(watched.scenario.tags))
        )

    @property
    def scope(self) -> str:
        """Return what it covers, in words: `suite shop, target staging, tags slow or big`."""
        parts = [f"suite {self.suite}"] if self.suite else []
        for word, names in (("target", self.targets), ("scenario", self.scenarios), ("tag", self.tags)):
            if names:
                parts.append(f"{word}{'s' * (len(names) > 1)} {' and '.join(names)}")
        return ", ".join(parts) or "everything"


class Openings:
    """The windows that one recurring window makes over time. Asking for times that go forward costs next to nothing.

    Where it opens again before it has closed, it stays open until the last of them ends. Not for several threads.
    """

    def __init__(self, suite: str, recurring: RecurringWindow) -> None:
        self.recurring = recurring
        self._lasts = timedelta(seconds=recurring.lasts)
        self._pattern = Window(
            id="", starts_at=_ANY_TIME, ends_at=_ANY_TIME, why=recurring.why or recurring.name, suite=suite, name=recurring.name,
            targets=recurring.targets, scenarios=recurring.scenarios, tags=recurring.tags,
        )  # fmt: skip
        self._cron = Cron(recurring.cron, recurring.timezone)
        self._coming: Iterator[datetime] = iter(())
        self._current: Window | None = None  # the newest that has opened, if it can still be open
        self._from: datetime | None = None  # what is known here holds from then
        self._until: datetime | None = None  # to right before the next opening; None: for ever

    def at(self, at: datetime) -> Window | None:
        """Return the window that is open at an instant."""
        if self._from is None or at < self._from:
            self._look(at)
        while self._until is not None and at >= self._until:
            if at - self._until > timedelta(days=1):  # far ahead: the clock was set, or nobody asked for long
                self._look(at)
            else:
                self._from, self._current = self._until, self._window(self._until)
                self._until = next(self._coming, None)
        current = self._current
        return current if current is not None and at < current.ends_at else None

    def covers(self, watched: Watched) -> bool:
        """Tell whether what is watched is under maintenance while one of the windows is open."""
        return self._pattern.covers(watched)

    def between(self, since: datetime, until: datetime) -> Iterator[Window]:
        """Yield every window that is open at some time from `since` to right before `until`, in order."""
        for opens in self._cron.after(since - self._lasts):
            if opens >= until:
                return
            yield self._window(opens)

    def _look(self, at: datetime) -> None:
        opened = self._cron.newest(at, self._lasts)
        self._from, self._current = opened or at, self._window(opened) if opened else None
        self._coming = self._cron.after(at)
        self._until = next(self._coming, None)

    def _window(self, opens: datetime) -> Window:
        named = "\x00".join((self._pattern.suite, self._pattern.name, opens.isoformat()))
        window_id = "r" + sha256(named.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return replace(self._pattern, id=window_id, starts_at=opens, ends_at=opens + self._lasts)


_ANY_TIME = datetime.fromisoformat("2025-01-01T00:00:00+00:00")
