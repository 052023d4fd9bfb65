"""This file is for watching: every series is asked when it is due, for ever, and what came of it is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from probes.outcome import Verdict
from scenarios.events import RunResult, Sink
from scenarios.runner import utc_now
from scenarios.schedule import Clockwork
from scenarios.watch.agenda import Agenda, Pace
from scenarios.watch.answers import Answers
from scenarios.watch.asks import STOPPING, Ask, NotWatching
from scenarios.watch.changes import Changes
from scenarios.watch.dispatch import Dispatcher
from scenarios.watch.events import Missed, MissedReason, Retired, SeriesKey, Tick, Trigger, WatchSink
from scenarios.watch.figures import Figures, LaneFigures
from scenarios.watch.roster import Roster
from scenarios.watch.rounds import Rounds
from scenarios.watch.series import Watched
from scenarios.watch.suite_run import Hold, RunOptions, run_held
from scenarios.watch.telling import Telling

if TYPE_CHECKING:
    from probes.undo import Journal

_TICKS = "ticks"


class Watcher:
    """Watches series until it is stopped. Everything happens on one event loop; only its thread may call.

    `last_seen` says when each series was asked last before the start, `alive_until` until when somebody watched at all,
    `last_verdicts` what came of it then: for needs. `version_of` and `maintenance_of` are asked for every tick.
    `clockwork` may be one that the service shares.
    """

    def __init__(
        self,
        series: Sequence[Watched],
        *,
        sinks: Sequence[WatchSink],
        journal: Journal | None = None,
        artifacts: Path | None = None,
        max_running: int = 500,
        location: str = "local",
        vedette_version: str = "",
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        last_seen: Mapping[SeriesKey, datetime] | None = None,
        alive_until: datetime | None = None,
        last_verdicts: Mapping[SeriesKey, Verdict] | None = None,
        version_of: Callable[[str, str], str] = lambda suite, target: "",
        maintenance_of: Callable[[Watched, datetime], str] = lambda watched, at: "",
        clockwork: Clockwork | None = None,
    ) -> None:
        self.location = location
        self._clock, self._monotonic = clock, monotonic
        self._journal, self._artifacts, self._version = journal, artifacts, vedette_version
        self._telling = Telling(sinks)
        self.clockwork = clockwork or Clockwork(clock=clock, monotonic=monotonic, trouble=self._telling.trouble)
        self._owns_clockwork = clockwork is None
        self._agenda = Agenda(self.clockwork.offset_s)
        self._dispatcher = Dispatcher(max_running)
        self._roster = Roster(
            self._agenda, self._dispatcher, journal=journal, artifacts=artifacts, clock=clock, monotonic=monotonic
        )
        self._answers = Answers(
            self._telling, self._agenda, monotonic,
            vedette_version=vedette_version, version_of=version_of, maintenance_of=maintenance_of,
        )  # fmt: skip
        self._rounds = Rounds(self._agenda, self._dispatcher, self._roster, self._answers, self._telling, monotonic)
        self._holds: set[Hold] = set()
        self._to_begin = list(series), dict(last_seen or {}), alive_until, dict(last_verdicts or {})
        self._stopped = asyncio.Event()

    @property
    def series(self) -> Mapping[SeriesKey, Watched]:
        """What is watched now."""
        return self._roster.watched

    async def run(self) -> None:
        """Watch until `stop` is called."""
        self.begin()
        self.clockwork.start()
        self.clockwork.when_due(_TICKS, self._rounds.due_in_s, self.turn)
        try:
            await self._stopped.wait()
        finally:
            self.clockwork.drop(_TICKS)
            if self._owns_clockwork:
                await self.clockwork.stop()

    def begin(self) -> None:
        """Put every series on the agenda, and tell what was missed while nobody watched. `run` does it first of all."""
        if self._rounds.is_open or self._stopped.is_set():
            return
        series, last_seen, alive_until, verdicts = self._to_begin
        self._rounds.is_open = True
        self.clockwork.on_clock_set(self._clock_set)
        self.clockwork.on_beat(self._rounds.beat)
        self._agenda.offset_s = self.clockwork.offset_s
        for gap in self._roster.begin(series, last_seen, alive_until, verdicts):
            self._telling.tell(Missed(gap.key, datetime.fromtimestamp(gap.first_s, UTC), MissedReason.DOWN, gap.ticks))

    def turn(self) -> None:
        """Start what is due now, as much as one turn of the loop bears; the clockwork calls it when something is due."""
        self._rounds.turn()

    async def stop(self, within_s: float) -> None:
        """Start nothing more, let what runs finish or cancel it, and return when all was told.

        Takes no longer than `within_s`, and the time of undos that are under way then.
        """
        if self._rounds.is_open:
            self._rounds.is_open = False
            for ask in [*self._rounds.put_off.all(), *self._rounds.waiting()]:
                self._rounds.withdraw(ask, NotWatching(STOPPING))
                if ask.trigger is Trigger.SCHEDULE:
                    self._rounds.miss(ask.series.watched.key, ask.planned_at, MissedReason.STOPPED)
            for hold in self._holds:
                hold.stop(STOPPING)
            ending = [asyncio.ensure_future(hold.ended.wait()) for hold in self._holds]
            undo_s = max((hold.undo_s for hold in self._holds), default=0.0)
            await self._rounds.asks.stop(within_s)
            if ending:
                _, late = await asyncio.wait(ending, timeout=within_s + undo_s)
                for waiting in late:
                    waiting.cancel()
        self._stopped.set()

    def replace(self, series: Sequence[Watched]) -> Changes:
        """Watch these from now on. What has not changed keeps its place in time; what runs finishes under its old key."""
        made, gone = self._roster.replace(series)
        for one in gone:
            one.is_retired = True
        at_once = [one.watched.key for one in gone if not self._rounds.drop(one)]
        if at_once:
            self._telling.tell(Retired(tuple(at_once)))
        self.clockwork.wake(_TICKS)
        self._rounds.pump()
        return made

    async def ask_now(self, key: SeriesKey, trigger: Trigger = Trigger.MANUAL) -> Tick:
        """Ask a series once, as soon as the limits permit, and return its tick. A tick that waits already serves as well.

        Raises: KeyError for a series that is not watched, ValueError for one that cannot be asked, NotWatching.
        """
        called_s = self._monotonic()
        while True:
            if not self._rounds.is_open:
                raise NotWatching(STOPPING if self._stopped.is_set() else "watching has not begun")
            series = self._roster.find(key)
            if series.awaits:
                raise ValueError(f"'{key.scenario}' waits for a report and cannot be asked")
            ask = self._rounds.put_off.get(series) or self._dispatcher.turn_of(series)
            is_new = not isinstance(ask, Ask)
            if not isinstance(ask, Ask):
                ask = self._rounds.ask_of(series, called_s, trigger)
            answers = not ask.is_running or ask.began_s >= called_s
            waiter: asyncio.Future[Tick] = asyncio.get_running_loop().create_future()
            ask.waiters.append(waiter)
            if is_new:
                self._rounds.submit(ask, first=True)
                self._rounds.pump()
            tick = await waiter
            if answers:
                return tick

    async def run_suite(
        self, suite_name: str, target_name: str, *, sinks: Sequence[Sink] = (), kind: str = "deploy"
    ) -> RunResult:
        """Run the whole suite at once against a target that it has to itself meanwhile. Its due ticks count as answered by it.

        Raises: KeyError for a suite or target that is not watched, NotWatching.
        """
        if not self._rounds.is_open:
            raise NotWatching(STOPPING if self._stopped.is_set() else "watching has not begun")
        desk = self._roster.desks[suite_name, target_name]
        hold = Hold.of(desk)
        options = RunOptions(kind, self._version, self._journal, self._artifacts, self._clock, sinks)
        self._holds.add(hold)
        desk.runs += 1
        for ask in self._rounds.waiting():
            if ask.series.desk is desk and ask.trigger is Trigger.SCHEDULE and not ask.waiters:
                self._rounds.withdraw(ask)
        self._dispatcher.submit(hold)
        self._rounds.pump()
        hold.task = asyncio.create_task(self._held(hold, options))
        hold.task.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(hold.task)  # whoever asked may go away: what was begun is finished, and told

    async def _held(self, hold: Hold, options: RunOptions) -> RunResult:
        desk = hold.desk
        try:
            return await run_held(hold, options, self._answers, self._telling, self._roster, self.location)
        finally:
            desk.runs -= 1
            self._holds.discard(hold)
            if not self._dispatcher.withdraw(hold):
                self._dispatcher.finished(hold)
            hold.ended.set()
            self._rounds.resume(desk)
            self._rounds.pump()

    def set_pace(self, suite: str, target: str, factor: float, least_s: float) -> None:
        """Ask every interval series of a suite at a target that much more often; a factor of 1 is the normal pace."""
        self._roster.set_pace((suite, target), Pace(factor, least_s))
        self.clockwork.wake(_TICKS)

    def noted(self, key: SeriesKey, verdict: Verdict) -> None:
        """Take note of an outcome that came from elsewhere, such as a heartbeat's: others may need it."""
        series = self._roster.get(key)
        if series is not None:
            series.desk.verdicts[key.scenario] = verdict
            self._rounds.resume(series.desk)
            self._rounds.pump()

    def next_due(self, key: SeriesKey) -> datetime | None:
        """Return when a series is due next, None when never."""
        due_s = self._agenda.due_s(key)
        return None if due_s is None else self._answers.instant(due_s)

    def figures(self) -> Figures:
        """Return how watching itself is doing."""
        lanes = self._dispatcher.lanes
        return Figures(
            running=self._dispatcher.running,
            waiting=self._dispatcher.waiting + len(self._rounds.put_off),
            series=len(self._roster.watched),
            by_target={
                name: LaneFigures(lane.running, len(lane.waiting), lane.limit, lane.held is not None)
                for name, lane in lanes.items()
            },
            answered=self._telling.answered,
            missed={reason: self._telling.missed[reason] for reason in MissedReason},
            loop_lag_s=self.clockwork.lag_s,
            worst_loop_lag_s=self.clockwork.worst_lag_s,
            overdue_s=max(0.0, -(self._rounds.due_in_s() or 0.0)),
            clock_jumps=self.clockwork.jumps,
            left_behind=self._rounds.asks.left_behind,
            sink_errors=self._telling.sink_errors,
            trouble=self._telling.troubles,
        )

    def _clock_set(self, offset_s: float) -> None:
        self._agenda.clock_set(offset_s, self._monotonic())
