"""This file is for turning what is said of a job into ticks: judged by the proof law, redacted, in a run of watching."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from probes.ids import new_id
from probes.outcome import Check, Measurement, Outcome, judge
from scenarios.events import RunInfo, RunStarted
from scenarios.hidden import redactor_of, secrets_of
from scenarios.watch.events import Tick, Trigger, WatchEvent

if TYPE_CHECKING:
    from probes.redact import Redactor
    from scenarios.watch.series import Watched

RUN_KIND = "watch"


class Teller:
    """Makes ticks and hands them on.

    Their outcomes belong to the stretch of watching that the watcher opened for the suite at the target; where it
    opened none, because nothing in the suite is asked, one is opened here.
    """

    def __init__(
        self,
        tell: Callable[[WatchEvent], None],
        version_of: Callable[[str, str], str],
        maintenance_of: Callable[[Watched, datetime], str],
        vedette_version: str,
    ) -> None:
        self._tell = tell
        self._version_of = version_of
        self._maintenance_of = maintenance_of
        self._vedette_version = vedette_version
        self._runs: dict[tuple[str, str], RunInfo] = {}
        self._own: set[str] = set()  # runs that were opened here, and are renewed here
        self._redactors: dict[tuple[str, str], Redactor] = {}

    def hear(self, started: RunStarted) -> None:
        """Take note of a stretch of watching that somebody else opened."""
        if started.run.kind == RUN_KIND and started.run.id not in self._own:
            self._runs[started.run.suite, started.run.target] = started.run

    def forget_secrets(self) -> None:
        """Look secrets up anew: the suites were read again."""
        self._redactors.clear()

    def redacted(self, watched: Watched, text: str) -> str:
        return self._redactor(watched).text(text)

    def say(
        self,
        watched: Watched,
        at: datetime,
        checks: Sequence[Check],
        *,
        duration_s: float = 0.0,
        measurements: tuple[Measurement, ...] = (),
    ) -> None:
        """Judge the checks and tell the tick."""
        judged = judge(checks)
        redactor = self._redactor(watched)
        outcome = Outcome(
            id=new_id(),
            run_id=self._run_id(watched, at),
            subject=redactor.own(watched.scenario.subject(watched.suite.name, watched.target)),
            verdict=judged.verdict,
            sentence=judged.sentence,
            started_at=at,
            duration_s=duration_s,
            checks=tuple(checks),
            measurements=measurements,
        )
        version = self._version_of(watched.suite.name, watched.target.name)
        window = self._maintenance_of(watched, at)
        self._tell(Tick(watched.key, redactor.outcome(outcome), at, 0.0, Trigger.HEARTBEAT, version, window))

    def _run_id(self, watched: Watched, at: datetime) -> str:
        """Return the run of watching. One of our own is renewed at midnight (UTC), as those of the watcher are."""
        place = watched.suite.name, watched.target.name
        known = self._runs.get(place)
        if known is not None and (known.id not in self._own or known.started_at.date() >= at.date()):
            return known.id
        self._own.discard(known.id if known else "")
        target = watched.target
        run = RunInfo(
            id=new_id(),
            suite=watched.suite.name,
            suite_path=watched.suite.path,
            target=target.name,
            environment=target.environment.value,
            base_url=target.base_url,
            started_at=at,
            vedette_version=self._vedette_version,
            kind=RUN_KIND,
        )
        started = RunStarted(self._redactor(watched).own(run), ())
        self._runs[place] = started.run
        self._own.add(started.run.id)
        self._tell(started)
        return started.run.id

    def _redactor(self, watched: Watched) -> Redactor:
        place = watched.suite.name, watched.target.name
        if place not in self._redactors:
            self._redactors[place] = redactor_of(secrets_of(watched.suite, watched.target, ()))
        return self._redactors[place]
