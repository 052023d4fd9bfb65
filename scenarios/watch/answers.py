"""This file is for ticks that are answered: which run and version they belong to, and who is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from probes.outcome import Outcome, Verdict
from scenarios.events import RunStarted
from scenarios.watch.agenda import Agenda
from scenarios.watch.asks import Ask
from scenarios.watch.desk import Desk
from scenarios.watch.events import Retired, SeriesKey, Tick, Trigger
from scenarios.watch.series import Watched
from scenarios.watch.telling import Telling


class Answers:
    """Turns outcomes into ticks and tells them, each once."""

    def __init__(
        self,
        telling: Telling,
        agenda: Agenda,
        monotonic: Callable[[], float],
        *,
        vedette_version: str,
        version_of: Callable[[str, str], str],
        maintenance_of: Callable[[Watched, datetime], str],
    ) -> None:
        self._telling, self._agenda, self._monotonic = telling, agenda, monotonic
        self._version, self._version_of, self._maintenance_of = vedette_version, version_of, maintenance_of

    def instant(self, at_s: float) -> datetime:
        """Return the time of day of a moment on the monotonic clock, by the wall clock as it is set now."""
        return datetime.fromtimestamp(round(at_s + self._agenda.offset_s, 3), UTC)

    def open(self, ask: Ask) -> None:
        """Note that a tick begins now, in which run, and of which version."""
        desk = ask.series.desk
        ask.began_s = self._monotonic()
        ask.lateness_s = max(0.0, ask.began_s - ask.due_s)
        wall_s = ask.began_s + self._agenda.offset_s
        ask.run_id = desk.run_id(wall_s, self._version, lambda run: self._telling.tell(RunStarted(run, ())))
        ask.version = self.version_at(desk)

    def close(self, ask: Ask, outcome: Outcome, *, is_gone: bool = False) -> None:
        """Tell what came of a tick, to the sinks and to those who wait for it. Where its series is gone, it was the last."""
        series = ask.series
        tick = Tick(
            key=series.watched.key,
            outcome=outcome,
            planned_at=ask.planned_at,
            lateness_s=ask.lateness_s,
            trigger=ask.trigger,
            version=ask.version,
            maintenance=self._maintenance(series.watched, outcome.started_at),
        )
        self._telling.tell(tick)
        for waiter in ask.waiters:
            if not waiter.done():
                waiter.set_result(tick)
        if is_gone:
            self._telling.tell(Retired((series.watched.key,)))
        elif not series.is_retired:
            series.desk.verdicts[series.watched.key.scenario] = outcome.verdict

    def unasked(self, ask: Ask, verdict: Verdict, say: str) -> None:
        """Answer a tick without asking."""
        self.open(ask)
        self.close(ask, ask.series.desk.asking.unasked(ask.series.subject, ask.run_id, verdict, say))

    def of_suite(self, watched: Watched, outcome: Outcome, version: str) -> None:
        """Tell an outcome of a run of the whole suite."""
        at = outcome.started_at
        held = self._maintenance(watched, at)
        self._telling.tell(Tick(watched.key, outcome, at, 0.0, Trigger.DEPLOY, version, held))

    def version_at(self, desk: Desk) -> str:
        try:
            return self._version_of(desk.suite.name, desk.target.name)
        except Exception as problem:  # the book of deployments is not ours: a tick without a version is better than no tick
            self._telling.trouble(f"the version of target '{desk.target.name}' is not known: {type(problem).__name__}: {problem}")
            return ""

    def _maintenance(self, watched: Watched, at: datetime) -> str:
        try:
            return self._maintenance_of(watched, at)
        except Exception as problem:  # as above
            key: SeriesKey = watched.key
            self._telling.trouble(f"the maintenance of '{key.scenario}' is not known: {type(problem).__name__}: {problem}")
            return ""
