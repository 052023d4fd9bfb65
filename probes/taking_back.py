"""This file is for taking back by requests what a probe's own requests did: the steps of `undo`, made whatever happens."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from probes.expect import Expectation
from probes.fields import Configured
from probes.outcome import Verdict
from probes.request import RequestTemplate, UnknownVariable

if TYPE_CHECKING:
    from probes.session import Answer, Session

READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # safe methods, RFC 9110 section 9.2.1
_NOTHING_SENT = {"egress", "dns", "connect", "tls"}  # phases before the first byte of a request
_GONE_IS_FINE = Expectation.model_validate({"status": ["2xx", 404, 410]})  # an undo may find its thing already gone


class UndoStep(Configured):
    """One request that takes back what the steps did; 2xx is right, and 404 or 410 where it is already gone."""

    name: str = ""  # for sentences and reports
    request: RequestTemplate  # what is sent
    expect: Expectation = _GONE_IS_FINE  # what the answer must be; default: 2xx, 404 or 410


class UndoFailed(Exception):
    """Something that the steps made may still be there. The text is one sentence."""


@dataclass
class TakingBack:
    """What one run may have written, and how it is taken back.

    Call `register` before the first request that may write, and send each such request by `send_writing`. `makers`
    tells, of each captured value, which writing steps take it: an undo that lacks a value is no failure where
    none of them can have written anything.
    """

    session: Session
    undo: Sequence[UndoStep]
    captured: Mapping[str, Any]  # what the answers gave, and still will
    send: Callable[[RequestTemplate], Awaitable[Answer]]  # of a request with the captured values
    makers: Mapping[str, frozenset[str]] = field(default_factory=dict)  # names of steps by captured name
    may_have_written: set[str] = field(default_factory=set)  # names of steps
    is_registered: bool = False

    def register(self, what: str = "taking back what the scenario's steps did") -> None:
        """Have the undo made at the end of the scenario, once however often this is called, and not where there is none."""
        if self.undo and not self.is_registered:
            self.is_registered = True
            self.session.undo_later(what, self.take_back)

    async def send_writing(self, name: str, template: RequestTemplate) -> Answer:
        """Send, and remember whether `name` may have written: a time-out or a 5xx may have, a refusal has not."""
        from probes.session import NotSent, TargetError

        before = name in self.may_have_written
        self.may_have_written.add(name)
        refused = False
        try:
            answer = await self.send(template)
            refused = 400 <= answer.status < 500
        except (UnknownVariable, NotSent):
            refused = True
            raise
        except TargetError as problem:
            refused = problem.phase in _NOTHING_SENT
            raise
        finally:
            if refused and not before:
                self.may_have_written.discard(name)
        return answer

    async def take_back(self) -> None:
        """Make every undo step, in order, though one fails. Raises: UndoFailed with all that failed."""
        failures: list[str] = []
        for place, step in enumerate(self.undo, 1):
            failures += await self._take_back_one(step, step.name or f"undo step {place}")
        if failures:
            raise UndoFailed("; ".join(failures))

    async def _take_back_one(self, step: UndoStep, name: str) -> list[str]:
        from probes.session import NotSent, TargetError

        try:
            answer = await self.send(step.request)
            expect = step.expect.filled(ChainMap(self.captured, self.session.values))  # type: ignore[arg-type]
        except UnknownVariable as problem:
            left = self._may_be_left(problem.name)
            return [f"{name} could not be made: {problem}, so what '{left}' wrote may still be there"] if left else []
        except (TargetError, NotSent) as problem:
            return [f"{name} failed: {problem}"]
        return [made.say for made in expect.judge(answer, label=name) if made.verdict is Verdict.FAIL]

    def _may_be_left(self, missing: str) -> str:
        """Return the step that may have made what cannot be named now, or an empty text where none was made."""
        makers = self.makers.get(missing, frozenset())
        return next(iter(sorted(self.may_have_written & makers if makers else self.may_have_written)), "")
