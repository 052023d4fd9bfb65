"""This file is for asking whether a circuit breaker is closed, and, where faults are permitted, whether it works."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Literal

from pydantic import NonNegativeInt, PositiveInt, model_validator

from probes.breaker_checks import bite_control, failed_check, open_checks, opening_checks, recovery_checks
from probes.breaker_state import CLOSED, HALF_OPEN, Reading, StateEndpoint, passive_checks, read_state, reading_control
from probes.breaker_trial import CallCounter, OpenAnswer, Opening, Recovery, Trial
from probes.dangers import Danger
from probes.fields import Duration, FaultRef
from probes.jsonpath import finder
from probes.outcome import Check, control, note
from probes.probe import Probe
from probes.request import RequestTemplate, names_in
from probes.target import Grant
from probes.told_in_log import Telling, ToldInLog

if TYPE_CHECKING:
    from probes.session import Answer, Session

_HALF_OPEN_PATIENCE_S = 10.0  # a look may fall into a trial; longer than this it is stuck
_LOOK_EVERY_S = 0.5


class CircuitBreaker(Probe, kind="circuit_breaker", dangers={Danger.BREAKER_STUCK_OPEN}):
    """Look at a circuit breaker's state, and with a fault (grant `faults`) see it open, spare the dependency and close again.

    `mode: auto` is active where the target grants faults and has the fault, else passive, and says so.
    In `request`, `{{call}}` (unique) or `{{call_date}}` (a working day of its own) keeps caches from answering.
    """

    status: StateEndpoint  # where the breaker's state is read
    service: str  # the breaker's name; stands for `{{service}}` in `status`
    threshold: PositiveInt = 5  # failures one after the other that open it
    tolerance: NonNegativeInt = 1  # so many more may be needed, as calls overlap
    counting: Literal["consecutive", "window"] = "consecutive"  # whether a success starts the count anew, or time does
    mode: Literal["auto", "active", "passive"] = "auto"  # active breaks the dependency and watches, passive only reads the state
    request: RequestTemplate | None = None  # a call through the breaker; for the active mode
    fault: FaultRef | None = None  # what makes the dependency fail; for the active mode
    open_answer: OpenAnswer = OpenAnswer(status=503, retry_after=True)  # what callers get while it is open
    failed_answer: OpenAnswer | None = None  # what callers get of a call that fails before it opens; default: not looked at
    logged: tuple[ToldInLog, ...] = ()  # lines that failing calls, or the opening, leave in a log
    fast_within: Duration = 0.5  # of each answer while open
    dependency_calls: CallCounter | None = None  # where the dependency's own calls are counted
    half_open_after: Duration = 0.0  # how long it stays open before a trial call; 0: as the state endpoint says
    recover_within: Duration = 60.0  # from taking the fault out to closed and serving

    @model_validator(mode="after")
    def _whole(self) -> CircuitBreaker:
        if self.mode == "active" and (self.request is None or self.fault is None):
            raise ValueError("mode 'active' needs 'request' and 'fault'")
        if self.fault is not None and self.request is None:
            raise ValueError("'fault' needs 'request', the call that goes through the breaker")
        finder(self.status.path_of(self.service))  # a name such as cal-com needs brackets in the path
        return self

    def needs(self) -> frozenset[Grant]:
        return frozenset({Grant.FAULTS}) if self.mode == "active" else frozenset()

    def variables(self) -> frozenset[str]:
        return frozenset({"call", "call_date", "service"})

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        trial = Trial(
            session, self.request or self.status.request, self.status, self.service, self.open_answer, self.dependency_calls
        )
        session.doing = "reading the breaker's state"
        reading, document, answer = await self._settled(trial)
        for made in self._passive(reading, answer):
            yield made
        if reading.trouble:
            return
        yield await self._reading_control(session, document)
        passive_because = self._passive_because(session)
        if passive_because:
            yield note("the breaker was seen to open and to close", f"not tried: {passive_because}")
        elif reading.state != CLOSED:
            yield note("the breaker was seen to open and to close", "not tried: it was not closed to begin with")
        else:
            async for made in self._active(session, trial):
                yield made

    async def _settled(self, trial: Trial) -> tuple[Reading, Any, Answer]:
        """Return a look at the state; one at half-open is repeated for a while, as a trial call may be under way."""
        session = trial.session
        deadline = session.monotonic() + min(self.recover_within, _HALF_OPEN_PATIENCE_S)
        while True:
            seen = await trial.look()
            if seen[0].state != HALF_OPEN or session.monotonic() >= deadline:
                return seen
            await session.sleep(_LOOK_EVERY_S)

    def _passive(self, reading: Reading, answer: Answer) -> list[Check]:
        return passive_checks(
            reading,
            service=self.service,
            threshold=self.threshold,
            fields=self.status.fields,
            evidence=answer.as_evidence(),
            where=f"(correlation id {answer.correlation_id})",
        )

    async def _reading_control(self, session: Session, document: Any) -> Check:
        """Ask for a breaker that cannot exist: where the name decides what is read, nothing is found under it."""
        fields, invented = self.status.fields, f"{self.service}_{session.nonce}"
        path = self.status.path_of(self.service)
        if "service" in names_in(self.status.request.model_dump_json()):  # who says the name back proves nothing by it
            told_apart = await self._told_apart_when_asked(session, invented)
        elif self.service in path:
            told_apart = bool(read_state(document, path.replace(self.service, invented), fields).trouble)
        else:
            told_apart = bool(fields.service)  # the entry's own word, which was checked
        return reading_control(document, path, fields, told_apart=told_apart, service=self.service)

    async def _told_apart_when_asked(self, session: Session, invented: str) -> bool:
        from probes.session import NotJson

        answer = await session.send(self.status.request, {"service": invented})
        try:
            seen = read_state(answer.json(), self.status.path_of(invented), self.status.fields)
        except NotJson:
            return True
        other = bool(self.status.fields.service) and seen.service != invented
        return not answer.ok or bool(seen.trouble) or other

    def _passive_because(self, session: Session) -> str:
        if self.mode == "passive":
            return "mode is 'passive'"
        if self.mode == "active":
            return ""
        if self.fault is None:
            return "the scenario names no 'fault'"
        if not session.allows(Grant.FAULTS):
            return f"target '{session.target.name}' does not grant faults"
        return "" if session.has_fault(self.fault) else f"target '{session.target.name}' has no fault '{self.fault}'"

    async def _active(self, session: Session, trial: Trial) -> AsyncIterator[Check]:
        assert self.fault is not None
        session.doing = "calling before the fault"
        first = await trial.call()
        yield control("a call was served before the fault", holds=first.served, observed=first.said, evidence=first.evidence)
        if first.reached is not None:
            say = f"a call did not reach the dependency before the fault (served from a cache?) {first.where}"
            yield control("a call reaches the dependency", holds=first.reached > 0, observed=f"{first.reached} calls", say=say)
        if not first.served or first.reached == 0:
            return
        baseline = (await trial.state()).failure_count or 0
        telling = await Telling.begin(session, self.logged)
        async with session.fault(self.fault):
            seen = await trial.until_open(self.threshold + self.tolerance + max(3, self.threshold))
            yield bite_control(seen, self.fault)
            if seen.failures:
                for made in self._opening(seen, baseline):
                    yield made
                if self.failed_answer is not None:
                    yield failed_check(seen, self.failed_answer, service=self.service, fault=self.fault)
            if seen.opened_after is not None:
                session.measure("calls_to_open", seen.opened_after, "calls")
                session.measure("time_to_open", seen.opened_at - seen.first_failure_at, "s")
                for made in await self._while_open(trial, seen):
                    yield made
                failed = [one for call in seen.calls for one in call.ids]
                deed = f"the circuit breaker of '{self.service}' opened after failing calls"
                for made in await telling.checks(session, deed, of=failed, not_of=first.ids):
                    yield made
        if seen.failures:
            recovery = await trial.until_closed(self.recover_within)
            if recovery.closed and seen.opened_after is not None:
                session.measure("time_to_recover", recovery.took_s, "s")
            for made in self._recovered(recovery):
                yield made

    def _opening(self, seen: Opening, baseline: int) -> list[Check]:
        return opening_checks(
            seen,
            service=self.service,
            fault=self.fault or "",
            threshold=self.threshold,
            tolerance=self.tolerance,
            baseline=baseline,
            consecutive=self.counting == "consecutive",
        )

    async def _while_open(self, trial: Trial, seen: Opening) -> list[Check]:
        calls, reading, took_s = await trial.while_open()
        pause_s = seen.last.retry_after_s or self.half_open_after
        trials = int(took_s // pause_s) if pause_s else 0  # a trial call in this time is right, not a leak
        return open_checks(
            calls,
            reading,
            service=self.service,
            form=self.open_answer,
            fast_within_s=self.fast_within,
            trials=trials,
            counted=seen.counter_speaks,
        )

    def _recovered(self, recovery: Recovery) -> list[Check]:
        return recovery_checks(
            recovery,
            service=self.service,
            fault=self.fault or "",
            within_s=self.recover_within,
            consecutive=self.counting == "consecutive",
        )
