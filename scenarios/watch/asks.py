"""This file is for ticks at work: each is asked in a task of its own, and ends by its deadline whatever the probe does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from probes.outcome import Outcome, Verdict
from scenarios.asking import GRACE_S, LEFT_BEHIND, MARGIN_S, UNDO_LOOK_S, UNDO_MOST_S, Course, longest_s, over
from scenarios.watch.desk import Series
from scenarios.watch.dispatch import Turn
from scenarios.watch.events import Tick, Trigger

STOPPING = "the service is stopping"
STILL_AT_WORK = "its probe did not stop at its deadline, and is still at work"
_TO_FINISH = 0.7  # of the time of a stop


class NotWatching(RuntimeError):
    """Nothing can be asked, because watching has not begun or is stopping."""


@dataclass(slots=True, eq=False)
class Ask(Turn):
    """One tick of one series: waiting for its turn, then at work."""

    series: Series = field(kw_only=True)
    due_s: float = field(kw_only=True)  # on the monotonic clock
    planned_at: datetime = field(kw_only=True)
    trigger: Trigger = field(kw_only=True)
    lateness_s: float = 0.0
    began_s: float = 0.0
    undoing_s: float = 0.0  # that it was given beyond its time
    run_id: str = ""
    version: str = ""
    course: Course = field(default_factory=Course)
    waiters: list[asyncio.Future[Tick]] = field(default_factory=list)
    task: asyncio.Task[Outcome] | None = None
    guard: asyncio.TimerHandle | None = None


class Asks:
    """The ticks at work. `ended` is called once for each, with its outcome, when it gives its slot back."""

    def __init__(self, ended: Callable[[Ask, Outcome], None], trouble: Callable[[str], None]) -> None:
        self._ended, self._trouble = ended, trouble
        self._at_work: dict[asyncio.Task[Outcome], Ask] = {}
        self._reason = STOPPING
        self.left_behind = 0

    def begin(self, ask: Ask) -> None:
        """Ask, in a task of its own."""
        series, scenario = ask.series, ask.series.scenario
        asked = series.desk.asking.outcome(scenario, series.subject, ask.run_id, ask.course)
        loop = asyncio.get_running_loop()
        ask.task = loop.create_task(asked)
        self._at_work[ask.task] = ask
        ask.task.add_done_callback(self._done)
        ask.guard = loop.call_later(longest_s(scenario) + MARGIN_S, self._overdue, ask)

    async def stop(self, within_s: float) -> None:
        """Let what is at work finish for most of that time, then cancel it; undos may take their own time after that."""
        await self._wait(set(self._at_work), within_s * _TO_FINISH)
        for ask in list(self._at_work.values()):
            self._give_up(ask, STOPPING)
        await self._wait(set(self._at_work), within_s * (1 - _TO_FINISH))
        await asyncio.sleep(0)  # with no time at all, those that were cancelled still have a turn to register it
        await self._wait({task for task, ask in self._at_work.items() if ask.course.is_undoing}, UNDO_MOST_S)
        for ask in list(self._at_work.values()):
            self._leave_behind(ask)

    async def _wait(self, chosen: set[asyncio.Task[Outcome]], seconds: float) -> None:
        if chosen:
            await asyncio.wait(chosen, timeout=max(0.0, seconds))
            await asyncio.sleep(0)  # so that those that are done are told

    def _done(self, task: asyncio.Task[Outcome]) -> None:
        ask = self._at_work.pop(task, None)
        if ask is None:  # left behind before, and told then
            if not task.cancelled():
                task.exception()  # which nobody else will look at
            return
        if ask.guard is not None:
            ask.guard.cancel()
        self._ended(ask, self._outcome(ask, task))

    def _outcome(self, ask: Ask, task: asyncio.Task[Outcome]) -> Outcome:
        asking, subject = ask.series.desk.asking, ask.series.subject
        if task.cancelled():  # before its first step, so that nobody caught it
            return asking.unasked(subject, ask.run_id, Verdict.SKIPPED, f"not run: {self._reason}")
        problem = task.exception()
        if problem is not None:
            self._trouble(f"asking '{subject.scenario}' broke: {type(problem).__name__}: {problem}")
            say = f"asking broke: {type(problem).__name__}: {problem}"
            return asking.unasked(subject, ask.run_id, Verdict.ERROR, say)
        return task.result()

    def _overdue(self, ask: Ask) -> None:
        if not self._waits_for_undos(ask, self._overdue):
            self._give_up(ask, over(ask.series.scenario))
            ask.guard = asyncio.get_running_loop().call_later(GRACE_S, self._past_grace, ask)

    def _past_grace(self, ask: Ask) -> None:
        if not self._waits_for_undos(ask, self._past_grace):
            self._leave_behind(ask)

    def _waits_for_undos(self, ask: Ask, later: Callable[[Ask], None]) -> bool:
        """Look again a little later if something is being undone, up to a bound."""
        if not ask.course.is_undoing or ask.undoing_s >= UNDO_MOST_S:
            return False
        ask.undoing_s += UNDO_LOOK_S
        ask.guard = asyncio.get_running_loop().call_later(UNDO_LOOK_S, later, ask)
        return True

    def _give_up(self, ask: Ask, reason: str) -> None:
        ask.course.is_given_up, self._reason = True, reason
        if ask.task is not None:
            ask.task.cancel(reason)

    def _leave_behind(self, ask: Ask) -> None:
        """Give up on a probe that swallows its cancellation: it is told as an error, and its slot goes to others."""
        task = ask.task
        if task is None or self._at_work.pop(task, None) is None:
            return
        if ask.guard is not None:
            ask.guard.cancel()
        self.left_behind += 1
        series = ask.series
        series.stuck = task
        self._trouble(f"'{series.subject.scenario}' at target '{series.subject.target}': {LEFT_BEHIND}")
        self._ended(ask, series.desk.asking.unasked(series.subject, ask.run_id, Verdict.ERROR, LEFT_BEHIND))
