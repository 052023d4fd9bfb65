"""This file is for what somebody tells of a deployment, whom it concerns, and what is needed of the watcher for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from scenarios.burn_in import BurnInPhase
from scenarios.events import RunResult, Sink
from scenarios.mistakes import near_or_known
from scenarios.watch.events import SeriesKey, Tick, Trigger
from scenarios.watch.figures import Figures
from scenarios.watch.series import Watched


class Watching(Protocol):
    """What is used of the watcher."""

    @property
    def series(self) -> Mapping[SeriesKey, Watched]: ...

    async def run_suite(
        self, suite_name: str, target_name: str, *, sinks: Sequence[Sink] = (), kind: str = "deploy"
    ) -> RunResult: ...

    async def ask_now(self, key: SeriesKey, trigger: Trigger = Trigger.MANUAL) -> Tick: ...

    def set_pace(self, suite: str, target: str, factor: float, least_s: float) -> None: ...

    def figures(self) -> Figures: ...


class Unknown(Exception):
    """Something is named that is not there. The text is one sentence for a person."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody tells of a deployment.

    Without a suite it concerns all that watch the target; without phases those of the suite hold.
    """

    target: str
    version: str
    suite: str = ""
    note: str = ""
    phases: tuple[BurnInPhase, ...] = ()


def concerned(wanted: Wanted, keys: Iterable[SeriesKey]) -> list[str]:
    """Return the suites that watch the target. Raises: Unknown."""
    lanes = {(key.suite, key.target) for key in keys}
    suites = sorted(suite for suite, target in lanes if target == wanted.target and wanted.suite in ("", suite))
    if suites:
        return suites
    all_suites = {suite for suite, _ in lanes}
    if wanted.suite and wanted.suite not in all_suites:
        raise Unknown(_no("suite", wanted.suite, all_suites))
    raise Unknown(_no("target", wanted.target, {target for suite, target in lanes if wanted.suite in ("", suite)}))


def _no(word: str, name: str, known: Iterable[str]) -> str:
    hint = near_or_known(name, known)
    return f"no {word} '{name}' is watched here" + (f"; {hint}" if hint else "")
