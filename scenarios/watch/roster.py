"""This file is for who is watched: the series and their desks, over starts and reloads, and their places on the agenda."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from probes.outcome import Verdict
from scenarios.watch.agenda import Agenda, Gap, Pace, first_within_s
from scenarios.watch.changes import Changes, changes
from scenarios.watch.desk import Desk, Series
from scenarios.watch.dispatch import Dispatcher, LaneName
from scenarios.watch.events import SeriesKey
from scenarios.watch.series import Watched

if TYPE_CHECKING:
    from probes.undo import Journal

_USUAL = Pace()


class Roster:
    """Keeps one `Series` for each key, the same object over reloads and renames, and one `Desk` for each suite and target."""

    def __init__(
        self,
        agenda: Agenda,
        dispatcher: Dispatcher,
        *,
        journal: Journal | None,
        artifacts: Path | None = None,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._agenda, self._dispatcher = agenda, dispatcher
        self._journal, self._clock, self._monotonic = journal, clock, monotonic
        self._artifacts = artifacts
        self._series: dict[SeriesKey, Series] = {}
        self._paces: dict[LaneName, Pace] = {}
        self.watched: Mapping[SeriesKey, Watched] = {}
        self.desks: dict[LaneName, Desk] = {}

    def get(self, key: SeriesKey) -> Series | None:
        return self._series.get(key)

    def find(self, key: SeriesKey) -> Series:
        """Return the series of that key. Raises: KeyError."""
        return self._series[key]

    def begin(
        self,
        watched: Sequence[Watched],
        last_seen: Mapping[SeriesKey, datetime],
        alive_until: datetime | None,
        verdicts: Mapping[SeriesKey, Verdict],
    ) -> list[Gap]:
        """Enter all, and return what was missed since each was seen last, or since anybody was there at all."""
        self._set_desks(watched)
        seen_s = {key: at.timestamp() for key, at in last_seen.items()}
        within_s = first_within_s(len(watched))
        for one in watched:
            self._add(one, seen_s.get(one.key), within_s)
            if one.key in verdicts:
                self.desks[_lane_of(one)].verdicts[one.key.scenario] = verdicts[one.key]
        self.watched = {one.key: one for one in watched}
        least_s = alive_until.timestamp() if alive_until is not None else 0.0
        return self._agenda.gaps({key: max(at_s, least_s) for key, at_s in seen_s.items()}, self._monotonic())

    def replace(self, watched: Sequence[Watched]) -> tuple[Changes, list[Series]]:
        """Swap what is watched. Returns the difference, and the series that are watched no longer."""
        made = changes(list(self.watched.values()), watched)
        self.watched = {one.key: one for one in watched}
        self._set_desks(watched)
        gone = [self._series.pop(key) for key in made.removed]
        for key in made.removed:
            self._agenda.take(key)
        for old, new in made.renamed:
            self._rename(old, new)
        for key, series in self._series.items():
            self._renew(series, self.watched[key])
        within_s = first_within_s(len(made.added))
        for key in made.added:
            self._add(self.watched[key], None, within_s)
        return made, gone

    def set_pace(self, lane: LaneName, pace: Pace) -> None:
        self._paces[lane] = pace
        keys = [key for key in self._series if (key.suite, key.target) == lane]
        self._agenda.set_pace(keys, pace, self._monotonic())

    def _add(self, watched: Watched, seen_s: float | None, within_s: float) -> None:
        series = Series(watched, self.desks[_lane_of(watched)], seen_s)
        self._series[watched.key] = series
        self._enter(series, within_s)

    def _enter(self, series: Series, within_s: float) -> None:
        watched = series.watched
        if series.awaits:  # the target reports by itself
            self._agenda.take(watched.key)
            return
        pace = self._paces.get(_lane_of(watched), _USUAL)
        now_s = self._monotonic()
        self._agenda.put(watched.key, watched.schedule, now_s, seen_s=series.seen_s, within_s=within_s, pace=pace)

    def _rename(self, old: SeriesKey, new: SeriesKey) -> None:
        series = self._series.pop(old)
        self._series[new] = series
        self._agenda.rename(old, new)
        verdict = series.desk.verdicts.pop(old.scenario, None)
        if verdict is not None:
            series.desk.verdicts[new.scenario] = verdict

    def _renew(self, series: Series, watched: Watched) -> None:
        before, awaited = series.watched, series.awaits
        series.watched, series.desk = watched, self.desks[_lane_of(watched)]
        if watched.scenario is before.scenario:
            return
        if watched.schedule != before.schedule or awaited != series.awaits:
            self._enter(series, 1.0)

    def _set_desks(self, watched: Sequence[Watched]) -> None:
        """Let there be one desk for each suite and target that is watched, and no other."""
        names: dict[LaneName, set[str]] = {}
        newest: dict[LaneName, Watched] = {}
        for one in watched:
            names.setdefault(_lane_of(one), set()).add(one.key.scenario)
            newest[_lane_of(one)] = one
        for lane_name in [name for name in self.desks if name not in names]:
            self._dispatcher.forget(self.desks.pop(lane_name).lane)
        for name, one in newest.items():
            lane = self._dispatcher.lane(name, one.target.base_url, one.target.concurrency)
            desk = self.desks.get(name)
            if desk is None:
                self.desks[name] = Desk(
                    one.suite, one.target, lane, self._journal, self._artifacts, self._clock, frozenset(names[name])
                )
            else:
                desk.take_over(one.suite, one.target, lane, frozenset(names[name]))


def _lane_of(watched: Watched) -> LaneName:
    return watched.key.suite, watched.key.target
