"""This file is for asking one suite's scenarios at one target: sessions, retries, and words for what was never asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from probes.ids import new_id
from probes.mending import UNDO_S
from probes.outcome import Outcome, Subject, Verdict, broken, note
from probes.probe import ask
from probes.target import Target
from scenarios.attempts import joined
from scenarios.events import RunInfo
from scenarios.hidden import redactor_of
from scenarios.model import Scenario, Suite

if TYPE_CHECKING:
    from probes.redact import Redactor
    from probes.session import Answer, Session
    from probes.undo import Journal

MARGIN_S = 2.0  # after its own time, before a scenario is told to stop from outside
GRACE_S = 5.0  # after that, before it is left behind
UNDO_MOST_S = 6 * UNDO_S  # that undos are waited for: three of them, each tried a second time at the end
UNDO_LOOK_S = 1.0  # between two looks whether it is done
REPORTS_ITSELF = "not asked: the job reports by itself, and `vedette serve` judges its reports and its silence"
_PROVEN = (Verdict.PASS, Verdict.DEGRADED, Verdict.SKIPPED)


@dataclass(slots=True)
class Course:
    """How asking one scenario goes, for whoever may have to end it."""

    is_given_up: bool = False  # no further attempt
    session: Session | None = None  # of the attempt that is under way

    @property
    def is_undoing(self) -> bool:
        """Whether something is left to be undone, for which more time is given."""
        return self.session is not None and self.session.has_to_undo


class Asking:
    """What all scenarios of one suite at one target share: redaction, the target's slots, the journal.

    Requests are bounded by the target's own `concurrency`, over everything that is asked through this object.
    """

    def __init__(
        self,
        suite: Suite,
        target: Target,
        hidden: Iterable[tuple[str, str]],
        *,
        journal: Journal | None = None,
        artifacts: Path | None = None,
        seen: Callable[[str, Answer], None] | None = None,
        clock: Callable[[], datetime],
    ) -> None:
        self.suite, self.target = suite, target
        self.plain: Redactor = redactor_of(hidden)  # for what we say ourselves, and the pattern of every session's own
        self._journal = journal
        self._artifacts = artifacts
        self._seen = seen  # is told of each answer of the target's own host, with the name of the scenario that got it
        self._clock = clock
        self._slots = asyncio.Semaphore(target.concurrency)

    async def outcome(self, scenario: Scenario, subject: Subject, run_id: str, course: Course) -> Outcome:
        """Ask until it passes, the retries are used up or it is given up; each attempt has its own session and its own time."""
        if scenario.probe.awaits:
            return self.unasked(subject, run_id, Verdict.SKIPPED, REPORTS_ITSELF)
        earlier: list[Outcome] = []
        while True:
            outcome = await self._attempt(scenario, subject, run_id, course)
            last = len(earlier) == scenario.retries or course.is_given_up or bool(outcome.undo_failures)
            if outcome.verdict in _PROVEN or last:
                return joined(outcome, earlier, scenario.retries)
            earlier.append(outcome)

    async def _attempt(self, scenario: Scenario, subject: Subject, run_id: str, course: Course) -> Outcome:
        try:
            course.session = session = self.session(subject, run_id)
        except Exception as problem:  # an unreadable certificate file, say: one scenario's error, not the run's end
            say = f"the session could not be opened: {type(problem).__name__}: {problem}"
            return self.unasked(subject, run_id, Verdict.ERROR, say)
        return await ask(scenario.probe, session, run_id=run_id, deadline_s=scenario.timeout)

    def session(self, subject: Subject, run_id: str) -> Session:
        """Return a session of its own for one attempt."""
        from probes.session import Session

        return Session(
            target=self.target,
            subject=subject,
            run_id=run_id,
            redactor=self.plain.copy(),
            journal=self._journal,
            artifacts=self._artifacts,
            slots=self._slots,
            suite_path=self.suite.path,
            clock=self._clock,
            seen=partial(self._seen, subject.scenario) if self._seen is not None else None,
        )

    def subject(self, scenario: Scenario) -> Subject:
        return self.plain.own(scenario.subject(self.suite.name, self.target))

    def unasked(self, subject: Subject, run_id: str, verdict: Verdict, say: str) -> Outcome:
        """Return the outcome of a scenario that was not asked, or that did not answer us."""
        say = self.plain.text(say)
        made = note("the scenario was run", say) if verdict is Verdict.SKIPPED else broken("the scenario was run", say)
        return Outcome(new_id(), run_id, subject, verdict, say, self._clock(), 0.0, (made,))

    def run(self, run_id: str, *, version: str, kind: str, selection: str = "") -> RunInfo:
        """Return a run of this suite at this target that starts now."""
        target = self.target
        info = RunInfo(
            id=run_id,
            suite=self.suite.name,
            suite_path=self.suite.path,
            target=target.name,
            environment=target.environment.value,
            base_url=target.base_url,
            started_at=self._clock(),
            vedette_version=version,
            selection=selection,
            remarks=() if target.tls.verify else ("certificates are not verified",),
            kind=kind,
        )
        return self.plain.own(info)


def longest_s(scenario: Scenario) -> float:
    """Return how long asking a scenario takes at most, undos between its attempts included, those of the last one not."""
    between_s = scenario.retries * UNDO_MOST_S if scenario.retries and scenario.probe.needs() else 0.0
    return (scenario.retries + 1) * scenario.timeout + between_s


LEFT_BEHIND = "the probe did not stop when it was told to, and was left behind"

_left_behind: set[asyncio.Task[Outcome]] = set()  # so that they are not collected while they still run


async def bounded(
    asked: Coroutine[None, None, Outcome], scenario: Scenario, course: Course, left_behind: Callable[[], Outcome]
) -> Outcome:
    """Return what was asked, or `left_behind()` if the probe stops neither at its deadline nor when it is cancelled.

    A cancellation goes on to the probe, which answers with what it saw until then.
    """
    task = asyncio.create_task(asked)
    try:
        await asyncio.wait({task}, timeout=longest_s(scenario) + MARGIN_S)
        await _undone(task, course)
        if not task.done():
            task.cancel(over(scenario))
    except asyncio.CancelledError as stop:
        task.cancel(*stop.args)
        _forgive()
    await _wait_on(task, GRACE_S)
    await _undone(task, course)
    if task.cancelled():  # before its first step, so that nobody caught it
        raise asyncio.CancelledError
    if task.done():
        return task.result()
    _left_behind.add(task)
    task.add_done_callback(_left_behind.discard)
    return left_behind()


def over(scenario: Scenario) -> str:
    """Return why a scenario is told to stop that goes on past its time."""
    return f"its time of {longest_s(scenario):g} s was over"


async def _undone(task: asyncio.Task[Outcome], course: Course) -> None:
    """Wait for undos that are under way."""
    waited_s = 0.0
    while not task.done() and course.is_undoing and waited_s < UNDO_MOST_S:
        await _wait_on(task, UNDO_LOOK_S)
        waited_s += UNDO_LOOK_S


async def _wait_on(task: asyncio.Task[Outcome], seconds: float) -> None:
    """Wait for a task that was told to stop; we were told already, so being told once more changes nothing."""
    try:
        await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        _forgive()


def _forgive() -> None:
    current = asyncio.current_task()
    if current is not None:
        current.uncancel()
