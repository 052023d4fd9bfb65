"""This file is for what happens by the clock: the one owner of APScheduler, for the ticks and for the service's own chores."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.executors.base import BaseExecutor
from apscheduler.job import Job
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from scenarios.cron import Cron

BEAT_S = 1.0  # how often the loop's lag and the clocks are looked at
JUMP_S = 0.5  # a wall clock that is off by so much was set
DRIFT_S = 0.05  # by so much it is followed in silence
REMEMBERED_BEATS = 60
FINEST_S = 0.015  # between two looks at what is due: many ticks share the price of one
COARSEST_S = 60.0
_UNSURE_S = 0.01  # two clocks that were not read at about the same time say nothing about each other

Chore = Callable[[], Awaitable[None] | None]


class Clockwork:
    """Runs chores by the clock on the running event loop, each never beside itself; what was due twice meanwhile runs once.

    APScheduler counts on the wall clock: one that is set back by an hour would silence every chore for an hour, so all of
    them are set anew whenever that clock was set. A plain function runs on the loop's thread and must not wait.
    What raises is told to `trouble` and runs again at its next time.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
        trouble: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self._clock, self._monotonic, self._trouble = clock, monotonic, trouble
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._scheduler.add_executor(_AtOnce(), "at once")
        self._at_work: set[asyncio.Task[Any]] = set()
        self._on_clock_set: list[Callable[[float], None]] = []
        self._on_beat: list[Callable[[], None]] = []
        self._lags: deque[float] = deque(maxlen=REMEMBERED_BEATS)
        self._timer: asyncio.TimerHandle | None = None
        self._beat_due_s = monotonic() + BEAT_S
        self.jumps = 0
        self.offset_s = self._offset() or clock().timestamp() - monotonic()

    @property
    def is_running(self) -> bool:
        return bool(self._scheduler.running)

    @property
    def lag_s(self) -> float:
        """How late the event loop came to its last beat."""
        return self._lags[-1] if self._lags else 0.0

    @property
    def worst_lag_s(self) -> float:
        """The same at its worst, over the last minute."""
        return max(self._lags, default=0.0)

    def every(self, name: str, seconds: float, chore: Chore) -> None:
        """Run a chore every so often, the first time after that time. A chore of the same name is replaced."""
        self._add(name, _Every(seconds), chore)

    def at_cron(self, name: str, cron: str, timezone: str, chore: Chore) -> None:
        """Run a chore at the times of a cron expression. Raises: ValueError for what is none."""
        self._add(name, _AtCron(Cron(cron, timezone)), chore)

    def when_due(self, name: str, due_in_s: Callable[[], float | None], chore: Callable[[], None]) -> None:
        """Run a plain function whenever `due_in_s` is over; it is asked again after each run, and by `wake`."""
        self._add(name, _WhenDue(due_in_s), chore)

    def wake(self, name: str) -> None:
        """Ask anew when something is due: it may be sooner than was said. An unknown name is no error."""
        job = self._scheduler.get_job(name)
        if job is not None and self.is_running:
            self._set_anew(job)

    def drop(self, name: str) -> None:
        """Run a chore no more. An unknown name is no error."""
        if self._scheduler.get_job(name) is not None:
            self._scheduler.remove_job(name)

    def on_clock_set(self, listener: Callable[[float], None]) -> None:
        """Tell a listener the new offset (wall clock less monotonic clock) when the wall clock was set, or has drifted."""
        self._on_clock_set.append(listener)

    def on_beat(self, listener: Callable[[], None]) -> None:
        """Call a listener about once a second."""
        self._on_beat.append(listener)

    def start(self) -> None:
        """Start on the running event loop. Starting twice is no error."""
        if self.is_running:
            return
        self._scheduler.start()
        self._beat_due_s = self._monotonic() + BEAT_S
        self._timer = asyncio.get_running_loop().call_later(BEAT_S, self._beat)

    async def stop(self, within_s: float = 0.0) -> None:
        """Start nothing more, let what is at work finish within that time, and cancel the rest."""
        if self._timer is not None:
            self._timer.cancel()
        if not self.is_running:
            return
        self._scheduler.pause()
        if self._at_work and within_s > 0:
            await asyncio.wait(set(self._at_work), timeout=within_s)
        self._scheduler.shutdown(wait=False)  # which cancels what is still at work
        await asyncio.sleep(0)  # it shuts down at the loop's next turn

    def beat(self) -> None:
        """Look at the loop's lag and at the clocks."""
        now_s = self._monotonic()
        self._lags.append(max(0.0, now_s - self._beat_due_s))
        self._beat_due_s = now_s + BEAT_S
        offset_s = self._offset()
        if offset_s is not None and abs(offset_s - self.offset_s) >= DRIFT_S:
            self.jumps += abs(offset_s - self.offset_s) >= JUMP_S
            self.offset_s = offset_s
            for listener in self._on_clock_set:
                self._guarded("following the clock", listener, offset_s)
            for job in self._scheduler.get_jobs() if self.is_running else ():
                self._set_anew(job)
        for heard in self._on_beat:
            self._guarded("the beat", heard)

    def _beat(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(BEAT_S, self._beat)
        self.beat()

    def _offset(self) -> float | None:
        before_s = self._monotonic()
        wall_s = self._clock().timestamp()
        after_s = self._monotonic()
        return wall_s - (before_s + after_s) / 2 if after_s - before_s < _UNSURE_S else None

    def _set_anew(self, job: Job) -> None:
        next_at = job.trigger.get_next_fire_time(None, self._clock())
        self._scheduler.modify_job(job.id, next_run_time=next_at)

    def _add(self, name: str, trigger: BaseTrigger, chore: Chore) -> None:
        waits = inspect.iscoroutinefunction(chore)
        self._scheduler.add_job(
            self._waiting(name, chore) if waits else lambda: self._guarded(name, chore),
            trigger,
            id=name,
            name=name,
            executor="default" if waits else "at once",
            next_run_time=trigger.get_next_fire_time(None, self._clock()),
            replace_existing=True,
            coalesce=True,
            misfire_grace_time=None,
            max_instances=1,
        )

    def _waiting(self, name: str, chore: Callable[[], Any]) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            task = asyncio.current_task()
            if task is not None:
                self._at_work.add(task)
                task.add_done_callback(self._at_work.discard)
            try:
                await chore()
            except Exception as problem:  # a chore that fails once must not stop the clockwork, and runs again next time
                self._trouble(f"{name} failed: {type(problem).__name__}: {problem}")

        return run

    def _guarded(self, name: str, function: Callable[..., Any], *given: Any) -> None:
        try:
            function(*given)
        except Exception as problem:  # as above
            self._trouble(f"{name} failed: {type(problem).__name__}: {problem}")


class _AtOnce(BaseExecutor):  # type: ignore[misc]
    """Runs plain functions on the loop's thread, right away: neither a thread nor a task for each look at the agenda."""

    def submit_job(self, job: Job, run_times: list[datetime]) -> None:
        self._do_submit_job(job, run_times)  # without the counting of instances: what runs at once never runs twice

    def _do_submit_job(self, job: Job, run_times: list[datetime]) -> None:
        job.func()  # before it returns the trigger is not asked for the next time, and so knows what was done


class _Every(BaseTrigger):  # type: ignore[misc]
    def __init__(self, seconds: float) -> None:
        if seconds <= 0:
            raise ValueError("a chore needs a time between its runs")
        self._step = timedelta(seconds=seconds)

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        if previous is None or previous > now:
            return now + self._step
        return previous + self._step * ((now - previous) // self._step + 1)


class _AtCron(BaseTrigger):  # type: ignore[misc]
    def __init__(self, cron: Cron) -> None:
        self._cron = cron

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
        return next(self._cron.after(max(now, previous or now)), None)


class _WhenDue(BaseTrigger):  # type: ignore[misc]
    def __init__(self, due_in_s: Callable[[], float | None]) -> None:
        self._due_in_s = due_in_s

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        due_in_s = self._due_in_s()
        return now + timedelta(seconds=min(COARSEST_S, max(FINEST_S, COARSEST_S if due_in_s is None else due_in_s)))
