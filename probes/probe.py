"""This file is for the contract of a probe kind, and for asking: grants, deadline, blame and judgement, once for all kinds."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, ClassVar

from probes.evidence.source import EvidenceError
from probes.extras import is_lacking, remedy
from probes.faults.lever import LeverError
from probes.fields import Configured
from probes.ids import new_id
from probes.outcome import Check, Measurement, Outcome, Verdict, broken, check, control, judge
from probes.request import UnknownVariable
from probes.target import Grant

if TYPE_CHECKING:
    from probes.session import Session


class NotGiven(Exception):
    """The scenario names something that this target does not have, such as an evidence source."""


class Probe(Configured):
    """The base of all kinds. A kind is its options (the fields) and one method, `ask`.

    `class RateLimit(Probe, kind="rate_limit", grants={Grant.BURST})`: the file bears the kind's name.
    The docstring and the fields' comments are the kind's reference.
    """

    kind: ClassVar[str] = ""
    grants: ClassVar[frozenset[Grant]] = frozenset()
    dangers: ClassVar[frozenset[str]] = frozenset()  # that its failing checks can tell of, for a gate's triggers
    extra: ClassVar[str] = ""  # without this extra of the package it cannot ask
    awaits: ClassVar[bool] = False  # true: the target reports to us by itself, so nothing is asked on a schedule

    def __init_subclass__(
        cls,
        kind: str = "",
        grants: set[Grant] | frozenset[Grant] = frozenset(),
        dangers: set[str] | frozenset[str] = frozenset(),
        **more: Any,
    ) -> None:
        super().__init_subclass__(**more)
        if kind:
            cls.kind = kind
            cls.grants = frozenset(grants)
            cls.dangers = frozenset(dangers)

    @classmethod
    def __pydantic_init_subclass__(cls, **more: Any) -> None:
        """Take the class keywords, which pydantic hands on a second time."""
        super().__pydantic_init_subclass__()

    @abstractmethod
    def ask(self, session: Session) -> AsyncIterator[Check]:
        """Ask the target and yield checks, controls among them. Never judge, never time out, never catch bugs.

        May raise what the frame blames rightly: TargetError (the target's fault), EvidenceError and
        LeverError (ours), NotGiven (the suite's).
        """

    def needs(self) -> frozenset[Grant]:
        """Return the grants this probe cannot do without, with these options."""
        return self.grants

    def variables(self) -> frozenset[str]:
        """Return the names of `{{name}}` places that this kind fills, beside those that all scenarios have.

        A name that ends in `.` stands for all names below it, as in `planted.`.
        """
        return frozenset()


async def ask(probe: Probe, session: Session, *, run_id: str, deadline_s: float) -> Outcome:
    """Ask once and return the outcome, whatever happens: a raise, the deadline, or a cancellation.

    A cancelled ask still answers, with what it saw until then and every fault undone: that is how
    a run that is stopped keeps its partial results. `task.cancel(REASON)` puts REASON into the sentence.
    """
    began, started_at = time.perf_counter(), session.now()
    checks: list[Check] = []
    missing = probe.needs() - session.target.allow
    if missing:
        checks.append(_not_granted(missing, session))
    elif is_lacking(probe.extra):
        say = f"the kind '{probe.kind}' needs the extra '{probe.extra}': {remedy(probe.extra)}"
        checks.append(broken("what the kind needs is installed", say))
    else:
        await _collect(probe, session, checks, deadline_s)
    undo_failures = await session.close()
    checks += [broken("everything was undone", failure) for failure in undo_failures]
    skipped = bool(missing)
    judged = judge(checks)
    redact = session.redactor
    return redact.outcome(
        Outcome(
            id=new_id(),
            run_id=run_id,
            subject=session.subject,
            verdict=Verdict.SKIPPED if skipped else judged.verdict,
            sentence=checks[0].say if skipped else judged.sentence,
            started_at=started_at,
            duration_s=time.perf_counter() - began,
            checks=tuple(checks),
            exchanges=session.exchanges,
            exchanges_left_out=session.exchanges_left_out,
            measurements=tuple(Measurement(n, v, u) for n, v, u in session.measurements),
            undo_failures=tuple(undo_failures),
        )
    )


def _not_granted(missing: frozenset[Grant], session: Session) -> Check:
    wanted = ", ".join(sorted(missing))
    say = f"not permitted: target '{session.target.name}' does not grant {wanted}; permit it there with 'allow: [{wanted}]'"
    return Check("the target permits it", Verdict.SKIPPED, say=say)


async def _collect(probe: Probe, session: Session, checks: list[Check], deadline_s: float) -> None:
    """Append the probe's checks, then one more check for whatever stopped it."""
    from probes.session import NotSent, TargetError

    task = asyncio.current_task()
    limit = asyncio.timeout(deadline_s)
    try:
        async with limit:
            async for made in probe.ask(session):
                checks.append(made)
    except TargetError as problem:
        checks.append(problem.as_check())
    except (EvidenceError, LeverError) as problem:
        checks.append(broken("the evidence could be read and the levers moved", str(problem)))
    except NotSent as problem:
        checks.append(broken("the request could be sent", str(problem)))
    except NotGiven as problem:
        checks.append(control("the target has what the scenario names", holds=False, say=str(problem)))
    except UnknownVariable as problem:
        checks.append(broken("every value of the request is known", str(problem)))
    except TimeoutError as problem:
        checks.append(_timed_out(session, deadline_s) if limit.expired() else _bug(problem))
    except asyncio.CancelledError as stop:
        if task is not None:
            task.uncancel()
        reason = str(stop.args[0]) if stop.args else "it was interrupted"
        checks.append(control("the probe could finish", holds=False, say=f"stopped before it was finished: {reason}"))
    except (Exception, SystemExit) as problem:  # a bug of one kind must not take the run down; it is our error, and named
        checks.append(_bug(problem))


def _timed_out(session: Session, deadline_s: float) -> Check:
    """Blame the target only if it was the target that we waited for."""
    waiting = session.in_flight
    if waiting:
        return check(
            "the target answered within the scenario's time",
            holds=False,
            expected=f"done within {deadline_s:g} s",
            observed=f"still waiting for {waiting}",
            say=f"the target did not answer in time: after {deadline_s:g} s still waiting for {waiting}",
        )
    return control(
        "the probe could finish in its time",
        holds=False,
        say=f"the time of {deadline_s:g} s was over while {session.doing or 'the probe was at work'}",
    )


def _bug(problem: BaseException) -> Check:
    place = problem.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f" ({place.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{place.tb_lineno})" if place else ""
    return broken("the probe itself worked", f"the probe broke: {type(problem).__name__}: {problem}{where}")
