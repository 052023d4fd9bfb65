"""This file is for one suite at one target under watch: its lane, its current run, and the newest verdict of each scenario."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from probes.ids import new_id
from probes.outcome import Subject, Verdict
from probes.target import Target
from scenarios.asking import Asking
from scenarios.events import RunInfo
from scenarios.hidden import secrets_of
from scenarios.model import Scenario, Suite
from scenarios.plan import breaks_neighbours, why_not
from scenarios.watch.dispatch import Lane
from scenarios.watch.series import Watched

if TYPE_CHECKING:
    from asyncio import Task

    from probes.outcome import Outcome
    from probes.undo import Journal


@dataclass(slots=True, eq=False)
class Desk:
    """What all series of one suite at one target share. `runs` are the runs of the whole suite that are under way."""

    suite: Suite
    target: Target
    lane: Lane
    journal: Journal | None
    artifacts: Path | None
    clock: Callable[[], datetime]
    names: frozenset[str] = frozenset()
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    runs: int = 0
    _asking: Asking | None = None
    _stretch: RunInfo | None = None
    _until_s: float = 0.0

    @property
    def scenarios(self) -> list[Scenario]:
        return [s for s in self.suite.scenarios if s.name in self.names]

    @property
    def asking(self) -> Asking:
        if self._asking is None:  # looking for secrets in all scenarios takes its time, so not before the first tick
            hidden = secrets_of(self.suite, self.target, [s.probe for s in self.scenarios])
            self._asking = Asking(
                self.suite, self.target, hidden, journal=self.journal, artifacts=self.artifacts, clock=self.clock
            )
        return self._asking

    def take_over(self, suite: Suite, target: Target, lane: Lane, names: frozenset[str]) -> None:
        """Go on with what was loaded anew; verdicts stay, and the run goes on where the target is the same."""
        if target != self.target:
            self._stretch = None
        self.suite, self.target, self.lane, self.names, self._asking = suite, target, lane, names, None

    def run_id(self, wall_s: float, version: str, opened: Callable[[RunInfo], None]) -> str:
        """Return the id of the stretch of watching that an instant belongs to; a new one is opened at midnight, UTC."""
        if self._stretch is None or not self._until_s - 86_400 <= wall_s < self._until_s:
            midnight = datetime.fromtimestamp(wall_s, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            self._until_s = (midnight + timedelta(days=1)).timestamp()
            self._stretch = self.asking.run(new_id(), version=version, kind="watch")
            opened(self._stretch)
        return self._stretch.id

    def unasked_needs(self, scenario: Scenario) -> list[str]:
        """Return the names of scenarios that this one needs and that have not been asked yet."""
        return [need for need in scenario.needs if need in self.names and need not in self.verdicts]

    def why_not(self, scenario: Scenario) -> str:
        """Return why a scenario cannot be asked now, by the newest verdicts of what it needs, or an empty text."""
        return why_not(scenario, self.verdicts, self.names, self.target.name) if scenario.needs else ""


@dataclass(slots=True, eq=False)
class Series:
    """One series while it is watched. It stays the same object over reloads, whatever its key."""

    watched: Watched
    desk: Desk
    seen_s: float | None = None  # when it was asked last, on the wall clock
    stuck: Task[Outcome] | None = None  # a probe of it that was left behind and has not ended yet
    is_retired: bool = False
    _subject: Subject | None = None
    _subject_of: Asking | None = None

    @property
    def scenario(self) -> Scenario:
        return self.watched.scenario

    @property
    def awaits(self) -> bool:
        return self.watched.scenario.probe.awaits

    @property
    def breaks_neighbours(self) -> bool:
        return breaks_neighbours(self.watched.scenario, self.watched.target)

    @property
    def subject(self) -> Subject:
        if self._subject is None or self._subject_of is not self.desk.asking:
            self._subject_of = self.desk.asking
            self._subject = self._subject_of.subject(self.watched.scenario)
        return self._subject
