"""This file is for the list: progress while a run goes, then its answer for a person, the worst first."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

from probes.outcome import Check, Outcome, Subject, Verdict
from reports.formats.reporter import Reporter, deliver
from reports.formats.terminal import Page, StatusLine, is_terminal
from reports.overall import counts, overall, signal_name, unproven, worst_first
from scenarios.events import Ended, Event, OutcomeReady, RunFinished, RunResult, RunStarted, ScenarioStarted

_INDENT = 14  # the width of the longest verdict, and two blanks
_SHOWN_IDS = 3
_WORDS = {
    Verdict.FAIL: "FAILED",
    Verdict.ERROR: "ERROR",
    Verdict.INCONCLUSIVE: "INCONCLUSIVE",
    Verdict.DEGRADED: "DEGRADED",
    Verdict.PASS: "PASSED",
}


class List(Reporter, format="list"):
    """Text for people: failures first with the sentence, the owner and where to look; the last line is the verdict."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._status = StatusLine(self.talk, self.environ) if is_terminal(self.talk, self.environ) else None
        self._asking: list[str] = []
        self._planned = 0
        self._done = 0

    def take(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self._planned = len(event.planned)
        elif isinstance(event, ScenarioStarted):
            self._asking.append(event.subject.scenario)
            self._progress()
        elif isinstance(event, OutcomeReady):
            self._answered(event.outcome)
        elif isinstance(event, RunFinished):
            if self._status:
                self._status.clear()
            self._print(event.result)

    def _answered(self, outcome: Outcome) -> None:
        self._done += 1
        if outcome.subject.scenario in self._asking:
            self._asking.remove(outcome.subject.scenario)
        if self._status is None and self.verbose:
            page = Page(self.talk, self.environ)
            page.line(f"{self._done}/{self._planned}  {outcome.verdict}  {outcome.subject.scenario} ({outcome.duration_s:.1f} s)")
            page.send()
        self._progress()

    def _progress(self) -> None:
        if self._status:
            asking = f"  asking: {', '.join(self._asking)}" if self._asking else ""
            self._status.show(f"{self._done}/{self._planned}{asking}")

    def _print(self, result: RunResult) -> None:
        if isinstance(self.output, Path):
            deliver(plain(result, self.verbose), self.output)
            return
        page = Page(self.output, self.environ)
        _fill(page, result, self.verbose)
        page.send()


def plain(result: RunResult, verbose: bool = False) -> str:
    """Return the list without colours and unwrapped, as a file holds it."""
    text = StringIO()
    page = Page(text, {})
    _fill(page, result, verbose)
    page.send()
    return text.getvalue()


def verdict_line(result: RunResult) -> tuple[str, str]:
    """Return the run's word and the sentence beside it, such as `1 of 9 scenarios failed (askpro on staging, 4.2 s)`."""
    word = _WORDS[overall(result)]
    return word, f"{_tally(result)} ({result.run.suite} on {result.run.target}, {result.wall_s:.1f} s)"


def _fill(page: Page, result: RunResult, verbose: bool) -> None:
    ordered = worst_first(result.outcomes)
    gap = unproven(result)
    if gap and result.verdict.rank >= Verdict.INCONCLUSIVE.rank:  # nothing worse stands above: this is the cause
        page.line(gap, lead="inconclusive".ljust(_INDENT), verdict=Verdict.INCONCLUSIVE)
    for outcome in ordered:
        if outcome.verdict in (Verdict.FAIL, Verdict.ERROR):
            _in_full(page, outcome)
    for outcome in ordered:
        if outcome.verdict in (Verdict.INCONCLUSIVE, Verdict.DEGRADED):
            _in_one_line(page, outcome, verbose)
    _skips(page, [o for o in ordered if o.verdict is Verdict.SKIPPED], verbose)
    _passes(page, [o for o in ordered if o.verdict is Verdict.PASS], verbose)
    if verbose:
        page.line()
        for outcome in result.outcomes:
            _checks(page, outcome)
    _about_the_run(page, result, verbose)


def _in_full(page: Page, outcome: Outcome) -> None:
    """Print a failure: the sentence, then what a person at 3 a.m. asks next."""
    about = outcome.subject
    page.line(outcome.sentence, lead=_lead(outcome), verdict=outcome.verdict)
    _fact(page, "scenario", f"{about.scenario} ({about.kind} on {about.target}, {outcome.duration_s:.1f} s{_attempts(outcome)})")
    worst = _worst_check(outcome)
    if worst is not None and (worst.expected or worst.observed):
        _fact(page, "expected", worst.expected)
        _fact(page, "saw", worst.observed)
    _fact(page, "look at", "; ".join(_places(outcome, worst)))
    _fact(page, "owner", about.owner)
    _fact(page, "runbook", about.runbook)
    _fact(page, "why", about.why)
    for failure in outcome.undo_failures:
        _fact(page, "not undone", failure)
    page.line()


def _in_one_line(page: Page, outcome: Outcome, verbose: bool) -> None:
    page.line(f"{outcome.subject.scenario}: {outcome.sentence}", lead=_lead(outcome), verdict=outcome.verdict)
    if outcome.verdict is Verdict.INCONCLUSIVE or (verbose and outcome.verdict is Verdict.DEGRADED):
        _fact(page, "owner", outcome.subject.owner)
        _fact(page, "runbook", outcome.subject.runbook)


def _skips(page: Page, skipped: list[Outcome], verbose: bool) -> None:
    """Print what was not asked, each reason once: in production a missing grant is that of dozens."""
    by_reason: dict[str, list[Outcome]] = {}
    for outcome in skipped:
        by_reason.setdefault(outcome.subject.scenario if verbose else outcome.sentence, []).append(outcome)
    for alike in by_reason.values():
        if len(alike) == 1:
            _in_one_line(page, alike[0], verbose)
            continue
        page.line(alike[0].sentence, lead=_lead(alike[0]), verdict=Verdict.SKIPPED)
        _fact(page, "scenarios", ", ".join(o.subject.scenario for o in alike))


def _passes(page: Page, passed: list[Outcome], verbose: bool) -> None:
    if passed and not verbose:
        names = ", ".join(o.subject.scenario for o in passed)
        page.line(names, lead="pass".ljust(_INDENT), verdict=Verdict.PASS)
    for outcome in passed if verbose else []:
        page.line(f"{outcome.subject.scenario}: {outcome.sentence}", lead=_lead(outcome), verdict=Verdict.PASS)


def _checks(page: Page, outcome: Outcome) -> None:
    page.line(f"{outcome.subject.scenario} ({outcome.duration_s:.2f} s)")
    for check in outcome.checks:
        kind = "control: " if check.control else ""
        told = check.say or (f"{check.observed}" if check.observed else "")
        page.line(f"{kind}{check.name}{f' ({told})' if told else ''}", lead=f"  {check.verdict}".ljust(16), verdict=check.verdict)
    for number in outcome.measurements:
        told = number.date or f"{number.value:g} {number.unit}"
        page.line(f"{number.name} = {told}", lead="  measured".ljust(16))


def _about_the_run(page: Page, result: RunResult, verbose: bool) -> None:
    if verbose or not result.outcomes or any(o.verdict not in (Verdict.FAIL, Verdict.ERROR) for o in result.outcomes):
        page.line()  # after a failure in full there is one already
    for remark in result.run.remarks:
        page.line(remark, lead="note".ljust(_INDENT))
    for trouble in result.trouble:
        page.line(trouble, lead="trouble".ljust(_INDENT), verdict=Verdict.ERROR)
    if verbose:
        page.line(
            f"wall time {result.wall_s:.2f} s, critical path {result.critical_path_s:.2f} s "
            "(the longest chain of scenarios that had to wait for each other)"
        )
    word, sentence = verdict_line(result)
    page.line(sentence, lead=f"{word}  ", verdict=overall(result), whole=True)  # `tail -1` is the verdict


def _lead(outcome: Outcome) -> str:
    word = outcome.verdict.value
    return (word.upper() if outcome.verdict in (Verdict.FAIL, Verdict.ERROR) else word).ljust(_INDENT) + _severity(
        outcome.subject, word
    )


def _severity(subject: Subject, word: str) -> str:
    return "" if word in (Verdict.PASS.value, Verdict.SKIPPED.value) else f"{subject.severity}  "


def _fact(page: Page, name: str, text: str) -> None:
    if text:
        page.line(text, lead=" " * _INDENT + name.ljust(12))


def _attempts(outcome: Outcome) -> str:
    return f", {outcome.attempts} attempts" if outcome.attempts > 1 else ""


def _worst_check(outcome: Outcome) -> Check | None:
    """Return the check that the sentence speaks of."""
    made = [c for c in outcome.checks if c.verdict is outcome.verdict]
    return next((c for c in made if c.say == outcome.sentence), made[0] if made else None)


def _places(outcome: Outcome, worst: Check | None) -> list[str]:
    """Return where the failure can be seen: the evidence of the worst check, else the ids of what was sent."""
    seen = [e.summary for e in worst.evidence if e.summary] if worst is not None else []
    if seen:
        more = len(seen) - _SHOWN_IDS
        return seen[:_SHOWN_IDS] + ([f"and {more} more"] if more > 0 else [])
    ids = [e.correlation_id for e in outcome.exchanges if e.trouble] or [e.correlation_id for e in outcome.exchanges]
    return [f"correlation id {i}" for i in ids[-_SHOWN_IDS:] if i]


def _tally(result: RunResult) -> str:
    stopped = _stopped(result)
    return _counted(result) + (f", {stopped}" if stopped else "")


def _counted(result: RunResult) -> str:
    number, total = counts(result), len(result.outcomes)
    if all(o.verdict is Verdict.SKIPPED for o in result.outcomes):
        return "nothing was asked" + (f", {_of(total, total)} skipped" if total else "")
    told = {
        Verdict.FAIL: f"{_of(number[Verdict.FAIL], total)} failed",
        Verdict.ERROR: f"{_of(number[Verdict.ERROR], total)} could not be judged because our side broke",
        Verdict.INCONCLUSIVE: f"{_of(number[Verdict.INCONCLUSIVE], total)} proved nothing",
        Verdict.DEGRADED: f"{_of(number[Verdict.DEGRADED], total)} degraded, none failed",
        Verdict.PASS: f"{_of(number[Verdict.PASS], total)} passed",
    }
    named = (result.verdict, Verdict.PASS)
    others = [f", {n} {_plural(verdict, n)}" for verdict, n in number.items() if n and verdict not in named]
    return told[result.verdict] + "".join(others)


def _plural(verdict: Verdict, number: int) -> str:
    return "errors" if verdict is Verdict.ERROR and number > 1 else str(verdict)


def _of(number: int, total: int) -> str:
    plural = "s" * (total != 1)
    return f"all {total} scenario{plural}" if number == total > 1 else f"{number} of {total} scenario{plural}"


def _stopped(result: RunResult) -> str:
    if result.ended is Ended.FAIL_FAST:
        return "stopped at the first failure"
    if result.ended is Ended.DEADLINE:
        return "stopped because the run's time was over"
    if result.ended is Ended.INTERRUPTED:
        return f"interrupted by {signal_name(result.signal)}" if result.signal else "interrupted"
    return ""
