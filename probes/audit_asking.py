"""This file is for one run of audited actions: what is sent, which records come of it, and what they are worth."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from probes.audit_findings import (
    SECRET_DETECTORS,
    Demands,
    Held,
    article,
    judged,
    of_its_time,
    of_this_run,
    refused_without_actor,
    scan_is_sound,
    was_not_there,
)
from probes.audit_keeping import chained, unchanged
from probes.audit_options import Action, NotAudited
from probes.audit_trail import AuditRecord, AuditTrail, Seen, known_of, newer
from probes.expect import trail
from probes.ids import new_id
from probes.leaks import blind_spots
from probes.outcome import Check, Evidence, Verdict, check, control, note
from probes.planting import plant
from probes.request import RequestTemplate, UnknownVariable, fill
from probes.session import Answer, Session
from probes.taking_back import TakingBack

if TYPE_CHECKING:
    from probes.kinds.audit_log import AuditLog

_POLL_S = (0.1, 1.0)  # between two looks: first, at most


@dataclass
class Done:
    """One action that was done, or one request that must leave no record, and what was found of it."""

    name: str
    correlation_id: str
    known: Mapping[str, Any]  # for looking: the correlation id, and what was captured until then
    before: tuple[AuditRecord, ...] = ()
    found: list[AuditRecord] = field(default_factory=list)
    others: int = 0
    in_part: bool = False  # not all records could be looked through
    took_s: float = 0.0
    began_at: datetime = datetime.max
    unknown_before: bool = False  # it was not looked for before it was done


@dataclass
class AuditAsking:
    """One run. `captured` grows from action to action."""

    probe: AuditLog
    actions: Sequence[Action]
    session: Session
    captured: dict[str, Any] = field(default_factory=dict)
    done: list[Done] = field(default_factory=list)

    def __post_init__(self) -> None:
        probe, session = self.probe, self.session
        self.trail = AuditTrail(session, probe.records, probe.match)
        self.planted = [plant(kind, session.nonce, phone_country=probe.phone_country) for kind in probe.held]
        self.secret = [one for one in self.planted if one.kind in probe.never]
        self.demands = Demands(probe.validators, probe.actor, self.secret)
        writing = [one for one in self.actions if one.writes]
        makers = {name: frozenset(one.name for one in writing if name in one.capture) for one in writing for name in one.capture}
        self.back = TakingBack(session, probe.undo, self.captured, self._send, makers)

    async def ask(self) -> AsyncIterator[Check]:
        for item in self.planted:
            for value in item.sought:
                self.session.plant(value, f"planted {item.kind}")
        yield scan_is_sound(blind_spots(self.secret, SECRET_DETECTORS))
        if not self.session.target.correlation_headers and self.probe.match.by_request:
            say = f"target '{self.session.target.name}' has no correlation header, by which the records would be known"
            yield control("requests carry a correlation id", holds=False, say=say)
            return
        self.session.doing = "beginning to read the audit records"
        await self.trail.begin()
        for action in self.actions:
            async for made in self._audited(action):
                yield made
        quiet = []
        for request in self.probe.not_audited:
            one, made = await self._quiet(request)
            quiet.append(one)
            yield made
        async for made in self._settled(quiet):
            yield made
        async for made in self._kept():
            yield made

    async def _audited(self, action: Action) -> AsyncIterator[Check]:
        """Do one action and wait for its record."""
        correlation_id, began_at = self._id_for(action.request), self.session.now()
        before = await self._before(action, correlation_id)
        if self.probe.undo and action.writes:
            self.back.register()
        self.session.doing = f"doing '{action.name}'"
        answer = await self._do(action, correlation_id)
        status, wanted = answer.status, action.expect_status
        say = f"'{action.name}' was not done as it should, so nothing shows how it is audited {trail(answer)}"
        yield control(
            f"'{action.name}' was done", holds=wanted.holds(status), observed=str(status), say=say, evidence=answer.as_evidence()
        )
        if not wanted.holds(status):
            return
        for made in self._captured(action, answer):
            yield made
            if made.verdict == "fail":
                return
        known = known_of(answer.correlation_id, self.captured)
        one = Done(action.name, answer.correlation_id, known, before.mine if before else ())
        one.began_at, one.unknown_before = began_at, before is None
        yield was_not_there(one.name, len(one.before), by_request=self.probe.match.by_request)
        await self._wait(one)
        yield self._left(one)
        if one.found:
            self.done.append(one)
            for made in self._judged(action, one):
                yield made

    async def _before(self, action: Action, correlation_id: str) -> Seen | None:
        """Look before the action, so that its record follows it, and a source that cannot be read is told first.

        None where it is known by what only its answer tells.
        """
        self.session.doing = f"looking for records before '{action.name}' ({self.trail.names})"
        try:
            return await self.trail.of(known_of(correlation_id, self.captured))
        except UnknownVariable:
            return None

    async def _do(self, action: Action, correlation_id: str) -> Answer:
        template = self._marked(action.request, correlation_id)
        return await (self.back.send_writing(action.name, template) if action.writes else self._send(template))

    def _id_for(self, template: RequestTemplate) -> str:
        """Return the correlation id that the request will have: its own where it gives one, else a fresh one."""
        ids = {name.lower() for name in self.session.target.correlation_headers}
        own = next((value for name, value in template.headers.items() if name.lower() in ids), None)
        return str(fill(own, ChainMap(self.captured, self.session.values))) if own is not None else new_id()  # type: ignore[arg-type]

    def _marked(self, template: RequestTemplate, correlation_id: str) -> RequestTemplate:
        """Give the request the id that was looked for before, unless it has one of its own."""
        headers = self.session.target.correlation_headers
        if not headers or {name.lower() for name in template.headers} & {name.lower() for name in headers}:
            return template
        return template.model_validate({**_given(template), "headers": {**template.headers, headers[0]: correlation_id}})

    async def _send(self, template: RequestTemplate) -> Answer:
        planted = {"planted": {item.kind: item.value for item in self.planted}}
        return await self.session.send(template, {**self.captured, **planted})

    def _captured(self, action: Action, answer: Answer) -> Iterator[Check]:
        for name, capture in action.capture.items():
            value, trouble = capture.take(answer)
            if not trouble:
                self.captured[name] = value
                if capture.secret:
                    self.session.plant(str(value), name)
            say = f"'{name}' could not be captured from the answer to '{action.name}': {trouble} {trail(answer)}"
            yield check(f"'{name}' could be captured from {capture}", holds=not trouble, observed=trouble or "found", say=say)

    async def _wait(self, one: Done) -> None:
        """Look until as many records are there as should be, or the time is over."""
        self.session.doing = f"waiting for the {self.probe.called} of '{one.name}' ({self.trail.names})"
        began, pause = self.session.monotonic(), _POLL_S[0]
        await self._look(one)
        while len(one.found) < self.probe.exactly and (left := began + self.probe.within - self.session.monotonic()) > 0:
            await self.session.sleep(min(pause, left))
            pause = min(pause * 1.5, _POLL_S[1])
            await self._look(one)
        one.took_s = self.session.monotonic() - began
        if one.found:
            self.session.measure(f"time until '{one.name}' was audited", one.took_s, "s")
        if not self.probe.match.by_request:  # what later actions do to the same thing is not this one's
            await self.session.sleep(self.probe.settle)
            await self._look(one)

    async def _look(self, one: Done) -> None:
        seen = await self.trail.of(one.known)
        one.found, one.others, one.in_part = newer(seen.mine, one.before), seen.others, seen.in_part

    def _left(self, one: Done) -> Check:
        if one.in_part and not one.found:
            say = f"the record of '{one.name}' may be on another page: {self.trail.names} tells of a next one (header Link)"
            return control(f"'{one.name}' leaves {article(self.probe.called)}", holds=False, observed="one page", say=say)
        others = f"; {one.others} records were read, none with it at {self.probe.match.path}" if one.others else ""
        return check(
            f"'{one.name}' leaves {article(self.probe.called)}",
            holds=bool(one.found),
            expected=f"a record within {self.probe.within:g} s",
            observed=f"{len(one.found)} records",
            say=f"'{one.name}' left no {self.probe.called} within {self.probe.within:g} s ({self._where(one)}{others})",
        )

    def _where(self, one: Done) -> str:
        return f"{self.trail.names}, correlation id {one.correlation_id}"

    def _judged(self, action: Action, one: Done) -> Iterator[Check]:
        names: Mapping[str, Any] = ChainMap({**one.known, **self._planted_values()}, self.session.values)  # type: ignore[arg-type]
        wanted = {path: matcher.filled(names) for path, matcher in action.record.items()}
        for record in one.found[: self.probe.exactly]:
            where = f"{record.place}, correlation id {one.correlation_id}"
            held = Held(record, one.name, wanted, where, self.probe.called)
            made = list(judged(held, self.demands, self.session))
            yield from made
            timely = of_its_time(held, self.probe.time, (one.began_at, self.session.now()), self.probe.skew)
            yield timely
            if timely.verdict is Verdict.SKIPPED and one.unknown_before and not self.probe.match.by_request:
                yield of_this_run(held, self.probe.time)
            accepted = refused_without_actor(held, self.demands, self.session)
            say = f"the record of '{one.name}' would have been accepted with {' and with '.join(accepted)}"
            yield control(f"the record of '{one.name}' without its actor would be refused", holds=not accepted, say=say)
        if self.probe.actor not in wanted:
            say = f"whether it is the right one was not looked at; say under 'record' what {self.probe.actor} must be"
            yield note(f"the actor of '{action.name}' is the one who did it", say)

    def _planted_values(self) -> dict[str, Any]:
        return {"planted": {item.kind: item.value for item in self.planted}}

    async def _quiet(self, request: NotAudited) -> tuple[Done, Check]:
        self.session.doing = f"sending '{request.name}', which must leave no record"
        answer = await self._send(self._marked(request.request, new_id()))
        say = f"'{request.name}' was not served as it should, so nothing shows that it leaves no record {trail(answer)}"
        made = control(f"'{request.name}' was served", holds=request.expect_status.holds(answer.status), say=say)
        return Done(request.name, answer.correlation_id, known_of(answer.correlation_id, self.captured)), made

    async def _settled(self, quiet: Sequence[Done]) -> AsyncIterator[Check]:
        """Look once more after the settling time: for records that came twice, and for those that should not come."""
        if self.probe.match.by_request and (self.done or quiet):
            wait_s = self.probe.settle + max((one.took_s for one in self.done), default=0.0)  # as long as a record takes
            self.session.doing = f"waiting {wait_s:.1f} s for records that come twice, or should not ({self.trail.names})"
            await self.session.sleep(wait_s)
            for one in (*self.done, *quiet):
                await self._look(one)
        if self.done and self.probe.match.by_request and self.trail.watch is None:
            yield await self._nobody(self.done[0])
        for one in self.done:
            yield self._counted(one)
        for one in quiet:
            many = len(one.found)
            say = f"'{one.name}' left {many} {self.probe.called}{'s' * (many != 1)}, where none belongs ({self._where(one)})"
            yield check(
                f"'{one.name}' leaves no {self.probe.called}", holds=not many, expected="none", observed=str(many), say=say
            )
        if self.trail.watch is not None:
            remarks = "; ".join(self.trail.watch.remarks)
            say = f"what was logged could not all be read, and a record may be in what was not ({remarks})"
            yield control("all that was logged meanwhile was read", holds=not self.trail.watch.cut_short, say=say)

    async def _nobody(self, one: Done) -> Check:
        """Return the control that the trail gives a record for its own id only, and not the newest for any."""
        seen = await self.trail.of({**one.known, **known_of(new_id(), {})})
        say = f"a record was found for an id that nobody ever sent, so what is found proves nothing ({self.trail.names})"
        name = "no record is found for an id that nobody sent"
        return control(name, holds=not seen.mine, expected="none", observed=f"{len(seen.mine)} records", say=say)

    def _counted(self, one: Done) -> Check:
        many, wanted = len(one.found), self.probe.exactly
        says = f"{many} {self.probe.called}s instead of {wanted}" if many else "a record that was gone a moment later"
        return check(
            f"'{one.name}' leaves exactly {wanted} {self.probe.called}{'s' * (wanted != 1)}",
            holds=many == wanted,
            expected=str(wanted),
            observed=str(many),
            say=f"'{one.name}' left {says} ({self._where(one)})",
            evidence=Evidence(
                f"{self.probe.called}s", f"{many} of them", {"places": [record.place for record in one.found[:20]]}
            ),
        )

    async def _kept(self) -> AsyncIterator[Check]:
        """Ask what holds the records together, and whether they can be changed."""
        first = next((one for one in self.done if one.found), None)
        if first is None:
            return
        if self.probe.chain is not None:
            async for made in chained(
                self.trail, self.probe.chain, first.known, [one.found[0] for one in self.done if one.found]
            ):
                yield made
        if self.probe.write_once is not None:
            async for made in unchanged(self.trail, self.probe.write_once, first.known, first.found[0], self._where(first)):
                yield made


def _given(template: RequestTemplate) -> dict[str, Any]:
    fields = type(template).model_fields
    return {fields[name].alias or name: getattr(template, name) for name in template.model_fields_set}
