"""This file is for the rounds of watching: what is due takes its turn, is asked or not, and lets others have theirs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from probes.outcome import Outcome, Verdict
from scenarios.watch.agenda import Agenda
from scenarios.watch.answers import Answers
from scenarios.watch.asks import STILL_AT_WORK, Ask, Asks
from scenarios.watch.desk import Desk, Series
from scenarios.watch.dispatch import Dispatcher
from scenarios.watch.events import Missed, MissedReason, SeriesKey, Trigger
from scenarios.watch.needs import PutOff
from scenarios.watch.roster import Roster
from scenarios.watch.slots import Due
from scenarios.watch.suite_run import Hold
from scenarios.watch.telling import Telling

BATCH = 25  # ticks that start in one turn of the loop; the first step of each costs a fraction of a millisecond


class Rounds:
    """Joins the agenda (who is due), the dispatcher (who may start) and the asks (who is at work)."""

    def __init__(
        self,
        agenda: Agenda,
        dispatcher: Dispatcher,
        roster: Roster,
        answers: Answers,
        telling: Telling,
        monotonic: Callable[[], float],
    ) -> None:
        self._agenda, self._dispatcher, self._roster = agenda, dispatcher, roster
        self._answers, self._telling, self._monotonic = answers, telling, monotonic
        self.asks = Asks(self._ended, telling.trouble)
        self.put_off = PutOff()
        self.is_open = False
        self._is_turning = False

    def turn(self) -> None:
        """Start what is due now, as much as one turn of the loop bears; the rest at the loop's next turns."""
        if not self.is_open:
            return
        found = self._agenda.due(self._monotonic(), BATCH)
        for due in found:
            self._came_due(due)
        self.pump()
        if len(found) == BATCH:
            self._turn_again()

    def due_in_s(self) -> float | None:
        next_s = self._agenda.next_due_s()
        return None if next_s is None else next_s - self._monotonic()

    def _came_due(self, due: Due) -> None:
        series = self._roster.find(due.key)
        if due.skipped:
            self.miss(due.key, self._answers.instant(due.first_s), MissedReason.CLOCK, due.skipped)
        if not due.ask or series.desk.runs:
            return  # the run of the whole suite answers it
        late = self.put_off.take(series)
        if late is not None:
            self._skip_for_want(late)
        self.submit(self.ask_of(series, due.due_s, Trigger.SCHEDULE))

    def ask_of(self, series: Series, due_s: float, trigger: Trigger) -> Ask:
        return Ask(
            series, series.desk.lane, alone=series.breaks_neighbours,
            series=series, due_s=due_s, planned_at=self._answers.instant(due_s), trigger=trigger,
        )  # fmt: skip

    def submit(self, ask: Ask, *, first: bool = False) -> None:
        """Let a tick wait for its turn, or say at once why it will not have one."""
        series, scenario = ask.series, ask.series.scenario
        if series.stuck is not None and not series.stuck.done():
            self._unasked(ask, Verdict.ERROR, STILL_AT_WORK)
        elif why := series.desk.why_not(scenario):
            self._unasked(ask, Verdict.SKIPPED, why)
        elif series.desk.unasked_needs(scenario):
            self.put_off.add(ask)
        elif not self._dispatcher.submit(ask, first=first):
            self.miss(series.watched.key, ask.planned_at, MissedReason.OVERLAP)

    def pump(self) -> None:
        """Start what may start."""
        for _ in range(BATCH if self.is_open else 0):
            turn = self._dispatcher.next()
            if turn is None:
                return
            if isinstance(turn, Hold):
                turn.started.set()
            elif isinstance(turn, Ask):
                self._answers.open(turn)
                turn.series.seen_s = turn.began_s + self._agenda.offset_s
                self.asks.begin(turn)
        self._turn_again()

    def _turn_again(self) -> None:
        """Go on at the loop's next turn, so that others have theirs."""
        if not self._is_turning and self.is_open:
            self._is_turning = True
            asyncio.get_running_loop().call_soon(self._next_turn)

    def _next_turn(self) -> None:
        self._is_turning = False
        self.turn()

    def _ended(self, ask: Ask, outcome: Outcome) -> None:
        self._dispatcher.finished(ask)
        # One of its name may be watched again by now: retiring that one would make it vanish while it is asked.
        is_gone = ask.series.is_retired and self._roster.get(ask.series.watched.key) is None
        self._answers.close(ask, outcome, is_gone=is_gone)
        self.resume(ask.series.desk)
        self.pump()

    def _unasked(self, ask: Ask, verdict: Verdict, say: str) -> None:
        self._answers.unasked(ask, verdict, say)
        self.resume(ask.series.desk)

    def _skip_for_want(self, ask: Ask) -> None:
        for need in ask.series.desk.unasked_needs(ask.series.scenario)[:1]:
            self._unasked(ask, Verdict.SKIPPED, f"needs '{need}', which was not asked yet")

    def resume(self, desk: Desk) -> None:
        """Let those have their turn that waited for an outcome of another."""
        if len(self.put_off) and self.is_open:
            for ask in self.put_off.ready(desk):
                self.submit(ask)

    def waiting(self) -> list[Ask]:
        return [turn for turn in self._dispatcher.all_waiting() if isinstance(turn, Ask)]

    def withdraw(self, ask: Ask, why: Exception | None = None) -> None:
        self._dispatcher.withdraw(ask)
        for waiter in ask.waiters:
            if why is not None and not waiter.done():
                waiter.set_exception(why)

    def drop(self, series: Series) -> bool:
        """Take what waits of a series back. True if something of it runs: that is told when it ends."""
        ask = self.put_off.take(series) or self._dispatcher.turn_of(series)
        if isinstance(ask, Ask) and ask.is_running:
            return True
        if isinstance(ask, Ask):
            self.withdraw(ask, KeyError(series.watched.key))
        return False

    def miss(self, key: SeriesKey, first_at: datetime, reason: MissedReason, ticks: int = 1) -> None:
        self._telling.tell(Missed(key, first_at, reason, ticks))

    def beat(self) -> None:
        if self.is_open:
            for ask in self.put_off.expired(self._monotonic()):
                self._skip_for_want(ask)
