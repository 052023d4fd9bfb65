"""This file is for trying a circuit breaker out: count failures until it opens, look at it while open, see it close again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator

from probes.breaker_state import CLOSED, HALF_OPEN, Reading, StateEndpoint, read_state
from probes.fields import Configured
from probes.jsonpath import find
from probes.operators import same
from probes.outcome import Evidence
from probes.request import RequestTemplate
from probes.staleness import came_from_cache

if TYPE_CHECKING:
    from probes.session import Answer, Session

_LOOK_EVERY_S = 0.25  # at first; a long wait is looked at less often
_LOOKS = 100  # in the whole of a wait: three requests each stay well below what a scenario may send
_CALLS_WHILE_OPEN = 3
_NEVER_READ = Reading(trouble="its state was never read")


class Fallback(Configured):
    """A value in the answer that tells a fallback from the real thing."""

    json_path: str = Field(alias="json")  # the JSONPath of the value
    equals: Any = True  # what it is in a fallback, typed


class OpenAnswer(Configured):
    """What callers get while the breaker is open: a status (with `Retry-After`), or an answer marked as a fallback."""

    status: int | None = Field(None, ge=100, le=599)  # of each answer while open
    retry_after: bool = False  # whether a sane `Retry-After` must be there
    fallback: Fallback | None = None  # the sign of an answer that is a fallback

    @model_validator(mode="after")
    def _something(self) -> OpenAnswer:
        if self.status is None and self.fallback is None:
            raise ValueError("give 'status', or 'fallback'")
        return self

    def falls_back(self, answer: Answer) -> bool:
        if self.fallback is None:
            return False
        try:
            values = find(self.fallback.json_path, answer.json())
        except ValueError:
            return False
        return len(values) == 1 and same(values[0], self.fallback.equals)

    def trouble_of(self, answer: Answer) -> str:
        """Return how an answer differs from the declared form, or an empty text."""
        if self.status is not None and answer.status != self.status:
            return f"status {answer.status} instead of {self.status}"
        if self.fallback is not None and not self.falls_back(answer):
            return f"no {self.fallback.equals!r} at {self.fallback.json_path}"
        if self.retry_after and not sane_retry_after(answer):
            shown = answer.header("Retry-After")
            return (
                "no Retry-After"
                if shown is None
                else f"Retry-After '{shown[:40]}', neither seconds nor a date, at most a day ahead"
            )
        return ""


def sane_retry_after(answer: Answer) -> bool:
    """Say whether `Retry-After` is whole seconds or an HTTP date, not past and within a day. Source: RFC 9110 section 10.2.3."""
    from probes.throttling import LONGEST_WAIT_S, SLACK_S, seconds_to_wait

    wait = seconds_to_wait(answer.header("Retry-After") or "", answer, instants=False)
    return wait is not None and -SLACK_S < wait <= LONGEST_WAIT_S


class CallCounter(Configured):
    """Where the dependency, or its stand-in, tells how often it was called."""

    request: RequestTemplate  # asks for the number
    json_path: str = Field("$.calls", alias="json")  # the JSONPath of the number


@dataclass(frozen=True, slots=True)
class Call:
    """One request through the breaker. `reached` counts the dependency's calls meanwhile, where they can be read."""

    answer: Answer | None
    trouble: str
    served: bool
    duration_s: float
    reached: int | None

    @property
    def where(self) -> str:
        return f"(correlation id {self.answer.correlation_id})" if self.answer else ""

    @property
    def ids(self) -> tuple[str, ...]:
        return (self.answer.correlation_id,) if self.answer else ()

    @property
    def said(self) -> str:
        return f"status {self.answer.status}" if self.answer else self.trouble

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        return (self.answer.as_evidence(),) if self.answer else ()


@dataclass(slots=True)
class Opening:
    """What was counted until the breaker opened, by its own word or by what it did."""

    calls: list[Call] = field(default_factory=list)
    failures: int = 0
    in_a_row: int = 0  # failures since the last call that was served
    longest_row: int = 0
    row_at_opening: int | None = None
    reached: int | None = None  # calls that the dependency got from the first failure on; retries count there too
    said_open_after: int | None = None  # failures, by the state endpoint
    shut_after: int | None = None  # failures, by calls that no longer reached the dependency
    first_failure_at: float = 0.0
    opened_at: float = 0.0
    last: Reading = _NEVER_READ

    @property
    def counter_speaks(self) -> bool:
        """Say whether the counter counts failing calls; one behind a cut line does not, and then tells nothing here."""
        return any(call.reached for call in self.calls if not call.served)

    @property
    def opened_after(self) -> int | None:
        known = [n for n in (self.said_open_after, self.shut_after) if n is not None]
        return min(known, default=None)


@dataclass(slots=True)
class Trial:
    """The conversation with one breaker. Every call has its own `{{call}}` and `{{call_date}}`, so that no cache answers."""

    session: Session
    request: RequestTemplate
    status: StateEndpoint
    service: str
    open_answer: OpenAnswer
    counter: CallCounter | None
    _made: int = 0

    async def call(self) -> Call:
        from probes.session import TargetError

        self._made += 1
        before = await self._count()
        began = self.session.monotonic()
        answer, trouble = None, ""
        try:
            answer = await self.session.send(self.request, self._values())
        except TargetError as problem:  # while the dependency is down this is a failed call like any other
            trouble = str(problem)
        took = self.session.monotonic() - began
        after = await self._count()
        served = answer is not None and answer.ok and not self.open_answer.falls_back(answer)
        reached = after - before if before is not None and after is not None else None
        return Call(answer, trouble, served, answer.duration_s if answer else took, reached)

    async def look(self) -> tuple[Reading, Any, Answer]:
        """Return what the state endpoint says now, with its document and answer."""
        from probes.session import NotJson

        answer = await self.session.send(self.status.request, {"service": self.service})
        try:
            document = answer.json()
        except NotJson as problem:
            return Reading(trouble=str(problem)), None, answer
        if cached := came_from_cache(answer):
            return Reading(trouble=f"the state endpoint's answer came out of a cache ({cached})"), document, answer
        if not (answer.ok or answer.status == 503):  # a health endpoint may well answer 503 for an open breaker
            return Reading(trouble=f"the state endpoint answered {answer.status}"), document, answer
        return read_state(document, self.status.path_of(self.service), self.status.fields), document, answer

    async def state(self) -> Reading:
        return (await self.look())[0]

    async def until_open(self, limit: int) -> Opening:
        """Call until the breaker is open, `limit` calls failed, or as many were served as if nothing were broken."""
        seen = Opening()
        start = await self._count()
        while seen.failures < limit and len(seen.calls) - seen.failures < limit:
            self.session.doing = f"counting failures until the breaker opens ({seen.failures} so far)"
            call = await self.call()
            seen.calls.append(call)
            seen.last = await self.state()
            if call.served:
                seen.in_a_row = 0
                continue
            now = self.session.monotonic()
            seen.first_failure_at = seen.first_failure_at or now
            if (call.reached == 0) if seen.counter_speaks else self._shut_by_form(seen.calls):
                seen.shut_after, seen.row_at_opening = seen.failures, seen.in_a_row
            seen.failures += 1
            seen.in_a_row += 1
            seen.longest_row = max(seen.longest_row, seen.in_a_row)
            total = await self._count()
            seen.reached = total - start if total is not None and start is not None else None
            if seen.last.is_open:
                seen.said_open_after = seen.failures
                seen.row_at_opening = min(seen.in_a_row, seen.row_at_opening or seen.in_a_row)
            if seen.opened_after is not None:
                seen.opened_at = now
                break
        return seen

    def _shut_by_form(self, calls: Sequence[Call]) -> bool:
        """Say whether failures have changed into the declared form, where no counter tells what reached the dependency."""
        failed = [call for call in calls if not call.served]
        return bool(form_trouble(self.open_answer, failed[0])) and not form_trouble(self.open_answer, failed[-1])

    async def while_open(self) -> tuple[list[Call], Reading, float]:
        """Return some calls to the open breaker, its state after them, and the seconds they took."""
        self.session.doing = "calling while the breaker is open"
        began = self.session.monotonic()
        calls = [await self.call() for _ in range(_CALLS_WHILE_OPEN)]
        took = self.session.monotonic() - began
        return calls, await self.state(), took

    async def until_closed(self, within_s: float) -> Recovery:
        """Call and look until the breaker is closed and serves, or the time is over."""
        began, every_s = self.session.monotonic(), look_every_s(within_s)
        states: list[str] = []
        while True:
            left = within_s - (self.session.monotonic() - began)
            self.session.doing = f"waiting for the breaker to close again ({max(left, 0):.0f} s left)"
            reading = await self.state()
            states.append(reading.state)
            if reading.is_open and (reading.retry_after_s or 0) > 0 and left > 0:
                await self.session.sleep(min(reading.retry_after_s or 0, every_s, left))
                continue
            call = await self.call()
            reading = await self.state()
            states.append(reading.state)
            took = self.session.monotonic() - began
            closed = call.served and reading.state == CLOSED
            if closed or left <= 0:
                return Recovery(closed and took <= within_s + every_s, took, call, reading, HALF_OPEN in states)
            await self.session.sleep(min(every_s, max(left, 0)))

    async def _count(self) -> int | None:
        from probes.session import NotJson

        if self.counter is None:
            return None
        answer = await self.session.send(self.counter.request)
        try:
            found = find(self.counter.json_path, answer.json())
        except NotJson:
            return None
        number = found[0] if len(found) == 1 else None
        return number if isinstance(number, int) and not isinstance(number, bool) and answer.ok else None

    def _values(self) -> Mapping[str, Any]:
        """Return this call's own values; the dates are working days, far off, and seldom the same in two runs."""
        spread = int(self.session.nonce[:4], 16) % 40
        monday = self.session.now().date() + timedelta(days=21 - self.session.now().weekday() + 7 * spread)
        weeks, day = divmod(self._made - 1, 5)
        call_date = monday + timedelta(days=7 * weeks + day)
        return {"call": f"{self.session.nonce}-{self._made}", "call_date": call_date.isoformat()}


@dataclass(frozen=True, slots=True)
class Recovery:
    """How it went after the fault was out; `call` and `reading` are the last ones."""

    closed: bool
    took_s: float
    call: Call
    reading: Reading
    half_open_seen: bool


def form_trouble(form: OpenAnswer, call: Call) -> str:
    return form.trouble_of(call.answer) if call.answer else call.trouble


def look_every_s(within_s: float) -> float:
    """Return the seconds between two looks in a wait of so many seconds."""
    return max(_LOOK_EVERY_S, within_s / _LOOKS)
