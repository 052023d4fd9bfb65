"""This file is for what is watched: every scenario of the suites at every target that it is for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from probes.target import Target
from scenarios.model import Scenario, Suite
from scenarios.schedule_spec import ScheduleSpec
from scenarios.watch.events import SeriesKey

EVERY_S = 60.0  # where a scenario does not say
EVERY_WITH_GRANTS_S = 900.0  # where it does not say and needs a grant: it bursts, writes or breaks something


@dataclass(frozen=True, slots=True)
class Watched:
    """One series as it is configured now."""

    key: SeriesKey
    scenario: Scenario
    target: Target
    suite: Suite

    @property
    def schedule(self) -> ScheduleSpec:
        """Return when it is due."""
        return schedule_of(self.scenario)


_USUAL = ScheduleSpec(every=EVERY_S)
_GENTLE = ScheduleSpec(every=EVERY_WITH_GRANTS_S)


def schedule_of(scenario: Scenario) -> ScheduleSpec:
    """Return when a scenario is due: as it says, else by what it does to the target."""
    if scenario.schedule is not None:
        return scenario.schedule
    return _GENTLE if scenario.probe.needs() else _USUAL


def watched(suites: Sequence[Suite], location: str, targets: Collection[str] = ()) -> list[Watched]:
    """Return every scenario at every target that it is for; with `targets`, at those only. The suites' order is kept."""
    return [
        Watched(SeriesKey(suite.name, scenario.name, target.name, location), scenario, target, suite)
        for suite in suites
        for target in suite.targets.values()
        if not targets or target.name in targets
        for scenario in suite.scenarios
        if scenario.is_for(target.name)
    ]
