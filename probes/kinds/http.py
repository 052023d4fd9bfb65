"""This file is for asking by HTTP: one request or several in a row, judged by typed expectations."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, PositiveInt, PrivateAttr, model_validator

from probes.capture import Capture, CaptureName
from probes.cookies import CookieJar
from probes.dangers import Danger
from probes.expect import Expectation, asked, reason_of
from probes.fields import Configured, Duration, shared
from probes.outcome import Check, Verdict, broken, check, note
from probes.probe import Probe
from probes.request import RequestTemplate, UnknownVariable, fill
from probes.taking_back import READING_METHODS, TakingBack, UndoStep
from probes.target import Grant

if TYPE_CHECKING:
    from probes.session import Answer, Session

_POLL_S = (0.1, 2.0)  # between two looks, where a step waits: first, at most
_ALWAYS_WRITING = {"PUT", "PATCH", "DELETE"}  # a POST may be a question only


class Retry(Configured):
    """How often a request is made again that failed. A pass on a retry is `degraded`: the target is flaky."""

    times: PositiveInt = 1  # further requests at most
    pause: Duration = 1.0  # before each of them


class Step(Configured):
    """One request, what its answer must be, and what is taken from it for later steps."""

    name: str = ""  # for sentences and reports; default: its number
    request: RequestTemplate  # what is sent
    expect: Annotated[Expectation, shared()] = Expectation()  # what the answer must be
    capture: dict[CaptureName, Capture] = Field(default_factory=dict)  # what later steps use as `{{name}}`
    retry: Retry | None = None  # try again where it failed
    within: Duration | None = Field(None, gt=0)  # ask again until it holds, so long at most: for what may come a moment later

    @model_validator(mode="after")
    def _only_looks(self) -> Step:
        _may_wait(self.within, self.request, self.retry)
        return self

    @property
    def writes(self) -> bool:
        """Tell whether the method is one that may change something."""
        return self.request.method.upper() not in READING_METHODS


class Http(Probe, kind="http", dangers={Danger.SERVER_ERRORS}):
    """Make one request (`request`, `expect`, `capture`, `retry`, `within`), or several in a row (`steps`).

    A captured value keeps its type and is `{{name}}` in later steps. A failed step stops those after it.
    `undo` lists requests that are made at the end whatever happens, once a step may have written.
    The control: the same expectations refuse the answers of a broken target.
    """

    request: RequestTemplate | None = None  # the one request; or give `steps`
    expect: Annotated[Expectation, shared()] = Expectation()  # what its answer must be
    capture: dict[CaptureName, Capture] = Field(default_factory=dict)  # what `undo` uses as `{{name}}`
    retry: Retry | None = None  # try again where it failed
    within: Duration | None = Field(None, gt=0)  # ask again until it holds, so long at most: for what may come a moment later
    steps: tuple[Step, ...] = ()  # several requests in a row
    undo: tuple[UndoStep, ...] = ()  # requests that take back what the steps did
    cookies: bool = True  # send back the cookies that earlier steps were given, to the same origin only
    writes: bool | None = None  # true needs the grant `write`; default: PUT, PATCH, DELETE or an `undo` make it true

    _steps: tuple[Step, ...] = PrivateAttr(default=())  # `request` or `steps`, each with a name

    @model_validator(mode="after")
    def _one_way(self) -> Http:
        alone = self.model_fields_set & {"request", "expect", "capture", "retry", "within"}
        if self.steps and alone:
            raise ValueError(f"give either 'steps' or '{min(alone)}', not both; each step has its own")
        if not self.steps and self.request is None:
            raise ValueError("give 'request', or 'steps'")
        if self.request is not None:
            _may_wait(self.within, self.request, self.retry)
        self._steps = self._named_steps()
        names = [step.name for step in self._steps]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two steps are named '{twice}'")
        return self

    def needs(self) -> frozenset[Grant]:
        writing = {step.request.method.upper() for step in self._steps} & _ALWAYS_WRITING
        writes = bool(writing or self.undo) if self.writes is None else self.writes
        return self.grants | ({Grant.WRITE} if writes else set())

    def variables(self) -> frozenset[str]:
        return frozenset(name for step in self._steps for name in step.capture)

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        journey = _Journey(self, session, CookieJar(session.target.base_url))
        steps = self._steps
        for place, step in enumerate(steps):
            if self.undo and (step.writes or not any(s.writes for s in steps)):
                journey.back.register()
            label = step.name if self.steps else ""
            expect = journey.expectation(step)
            if isinstance(expect, Check):
                yield expect
                checks = [expect]
            else:
                yield expect.refuses_the_opposite(label=label)
                checks = await journey.take(step, expect, label)
                for made in checks:
                    yield made
            if any(made.verdict in (Verdict.FAIL, Verdict.ERROR) for made in checks):
                for left in steps[place + 1 :]:
                    yield note(f"step {left.name}", f"not made, because the step '{step.name}' failed")
                return

    def _named_steps(self) -> tuple[Step, ...]:
        if self.request is not None:
            names = ("request", "expect", "capture", "retry", "within")
            own: dict[str, Any] = {name: getattr(self, name) for name in names}
            return (Step.model_construct(name="the request", **own),)  # its parts are validated already
        named = ((step.name or f"step {place}", step) for place, step in enumerate(self.steps, 1))
        return tuple(step.model_copy(update={"name": name}) for name, step in named)


@dataclass
class _Journey:
    """What the steps of one run share: captured values, cookies, and what may have been written."""

    probe: Http
    session: Session
    jar: CookieJar
    captured: dict[str, Any] = field(default_factory=dict)
    back: TakingBack = field(init=False)

    def __post_init__(self) -> None:
        steps = [step for step in self.probe._steps if step.writes]
        makers = {name: frozenset(step.name for step in steps if name in step.capture) for step in steps for name in step.capture}
        self.back = TakingBack(self.session, self.probe.undo, self.captured, self._send, makers)

    def expectation(self, step: Step) -> Expectation | Check:
        """Return what the step's answer must be, with the captured values, or the check that says why nobody knows."""
        try:
            return step.expect.filled(self._names())
        except UnknownVariable:
            raise
        except ValueError as problem:  # a captured value that the operator cannot take, such as a text for `lt`
            say = f"the expectations of {step.name} do not take the captured values: {reason_of(problem)}"
            return broken("the expectations take the captured values", say)

    async def take(self, step: Step, expect: Expectation, label: str) -> list[Check]:
        """Make the step's request, again where it may, and return what the last answer is worth."""
        if step.within is not None:
            return await self._awaited(step, expect, label, step.within)
        checks: list[Check] = []
        tries = 1 + (step.retry.times if step.retry else 0)
        first_trouble = ""
        for attempt in range(1, tries + 1):
            last = attempt == tries
            checks = await self._attempt(step, expect, label)
            trouble = next((made.say for made in checks if made.verdict is Verdict.FAIL), "")
            if trouble and not last and step.retry:
                first_trouble = first_trouble or trouble
                self.session.doing = f"pausing before {step.name} is tried again"
                await self.session.sleep(step.retry.pause)
                continue
            if first_trouble and not trouble:
                checks.append(_flaky(step, attempt, first_trouble, label))
            break
        return checks

    async def _awaited(self, step: Step, expect: Expectation, label: str, within_s: float) -> list[Check]:
        """Ask until it holds, or the time is over."""
        began, pause = self.session.monotonic(), _POLL_S[0]
        while True:
            checks = await self._attempt(step, expect, label)
            bad = [made for made in checks if made.verdict is Verdict.FAIL]
            left_s = began + within_s - self.session.monotonic()
            if not bad or left_s <= 0:
                return [
                    replace(made, say=f"{made.say}, also after {within_s:g} s of asking") if made in bad else made
                    for made in checks
                ]
            self.session.doing = f"waiting until {step.name} holds"
            await self.session.sleep(min(pause, left_s))
            pause = min(1.5 * pause, _POLL_S[1])

    async def _attempt(self, step: Step, expect: Expectation, label: str) -> list[Check]:
        from probes.session import TargetError

        self.session.doing = f"asking {step.name}"
        try:
            answer = await self._send_step(step)
        except TargetError as problem:  # a check like any other, so that the later steps are accounted for
            unreached = problem.as_check()
            return [
                replace(unreached, name=f"{label}: {unreached.name}", say=f"{label}: {unreached.say}") if label else unreached
            ]
        self.session.measure(f"{step.name} duration", answer.duration_s, "s")
        checks = expect.judge(answer, label=label)
        if any(made.verdict is Verdict.FAIL for made in checks):
            return checks
        return [*checks, *self._captures(step, answer, label)]

    async def _send(self, template: RequestTemplate) -> Answer:
        if self.probe.cookies:
            kept = self.jar.for_path(str(fill(template.path, self._names())))
            if kept:
                template = template.model_copy(update={"cookies": {**kept, **template.cookies}})
        answer = await self.session.send(template, self.captured)
        if self.probe.cookies:
            self.jar.keep(answer)
        return answer

    async def _send_step(self, step: Step) -> Answer:
        if not step.writes:
            return await self._send(step.request)
        return await self.back.send_writing(step.name, step.request)

    def _captures(self, step: Step, answer: Answer, label: str) -> Iterator[Check]:
        for name, capture in step.capture.items():
            value, trouble = capture.take(answer)
            if not trouble:
                self.captured[name] = value
                if capture.secret:
                    self.session.plant(value if isinstance(value, str) else str(value), name)
            yield check(
                f"{label + ': ' if label else ''}'{name}' could be captured from {capture}",
                holds=not trouble,
                expected=f"one value at {capture}",
                observed=trouble or "found",
                say=f"'{name}' could not be captured from the answer to {asked(answer)}: {trouble} "
                f"(it answered {answer.status}, correlation id {answer.correlation_id})",
                evidence=() if not trouble else answer.as_evidence(),
            )

    def _names(self) -> Mapping[str, Any]:
        return ChainMap(self.captured, self.session.values)  # type: ignore[arg-type]


def _may_wait(within_s: float | None, request: RequestTemplate, retry: Retry | None) -> None:
    """Refuse a wait that would write again and again. Raises: ValueError."""
    if within_s is not None and request.method.upper() not in READING_METHODS:
        raise ValueError(f"'within' asks again and again, and {request.method.upper()} may write; wait in a step that reads")
    if within_s is not None and retry is not None:
        raise ValueError("give either 'within' or 'retry'")


def _flaky(step: Step, attempt: int, first_trouble: str, label: str) -> Check:
    return check(
        f"{label + ': ' if label else ''}the first attempt was enough",
        holds=False,
        soft=True,
        expected="1 attempt",
        observed=f"{attempt} attempts",
        say=f"{step.name} is flaky: it passed on attempt {attempt} only; the first time {first_trouble}",
    )
