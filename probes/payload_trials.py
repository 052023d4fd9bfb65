"""This file is for sending payloads, one after the other, and for sorting what came of each."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from probes.capture import Capture
from probes.expect import Expectation
from probes.net.answer import Answer
from probes.net.flight import Phase
from probes.outcome import Evidence, Verdict
from probes.payload_places import Leave, Put, Where
from probes.payload_types import LARGE
from probes.payloads import Family, FieldType, Made, Payload, Stance, payloads
from probes.request import RequestTemplate
from probes.session import Session, TargetError
from probes.shorten import shorten
from probes.status import StatusMatcher
from probes.taking_back import READING_METHODS, TakingBack, UndoFailed, UndoStep

# What says nothing about a field: no credentials, a proxy, too slow, a conflict, too early, too many requests.
_ANOTHER_REASON = frozenset({401, 407, 408, 409, 425, 429})
_NOTHING_SENT = frozenset({Phase.EGRESS, Phase.DNS, Phase.CONNECT, Phase.TLS})
_ENOUGH = 3  # exchanges without an answer, after which a field is left alone


class Came(StrEnum):
    """What came of a payload."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    BROKE = "broke"  # a 5xx
    SILENT = "silent"  # no answer
    ODD = "odd"  # neither accepted nor refused as declared
    UNJUDGED = "unjudged"  # refused for another reason


@dataclass(frozen=True, slots=True)
class Aim:
    """One field as the suite describes it, with the place it has in the request."""

    where: Where
    type: FieldType
    families: frozenset[Family]
    full: bool
    max_length: int | None
    required: bool
    literally: bool
    may_accept: frozenset[str]

    def payloads(self, request: RequestTemplate) -> list[Payload]:
        """Return what is tried on the field, as far as its place can bear it and its length lets it through."""
        made = Made(self.where.good(request), self.type, request.method.upper() in READING_METHODS,
                    self.where.at.startswith("$"), self.max_length)  # fmt: skip
        return [one for one in payloads(made) if self._wants(one) and self.where.changed(request, one.change) is not None]

    def _wants(self, one: Payload) -> bool:
        if one.family not in self.families or not (one.basic or self.full):
            return False
        if isinstance(one.change, Leave) and not self.required:
            return False
        return self.max_length is None or len(one.text) <= self.max_length

    def must_refuse(self, one: Payload) -> bool:
        """Say whether the field may not accept a payload."""
        if one.name in self.may_accept or one.family in self.may_accept:
            return False
        free = self.type is FieldType.STRING
        return {
            Stance.NEVER: True,
            Stance.MARKUP: not (free and self.literally),
            Stance.TEXT: not free,
            Stance.ANY: False,
        }[one.stance]


@dataclass(frozen=True, slots=True)
class Tried:
    """One payload and what came of it; `read` is what was read of it afterwards."""

    payload: Payload
    came: Came
    answer: Answer | None = None
    trouble: TargetError | None = None
    read: Answer | None = None

    @property
    def answers(self) -> list[Answer]:
        return [answer for answer in (self.answer, self.read) if answer is not None]


@dataclass
class Trials:
    """Everything that one run sends: the good request and the payloads, each with a number of its own."""

    session: Session
    request: RequestTemplate
    accepted: Expectation
    refused_with: StatusMatcher
    read_back: RequestTemplate | None
    capture: Mapping[str, Capture]
    undo: Sequence[UndoStep]
    _sent: int = 0
    _backs: list[TakingBack] = field(default_factory=list)

    def register(self) -> None:
        """Have everything that is accepted taken back at the end."""
        if self.undo:
            self.session.undo_later("taking back what was accepted", self._take_back)

    async def good(self, change: RequestTemplate | None = None) -> Answer:
        """Send the good request, or one that is as good. Raises: TargetError."""
        values = self._values()
        template = change or self.request.filled(self._names(values)).exactly()
        return (await self._send("the good request", template, values))[0]

    def is_accepted(self, answer: Answer) -> bool:
        return not any(made.verdict is Verdict.FAIL for made in self.accepted.judge(answer))

    def filled(self) -> RequestTemplate:
        """Return the request as the next one would be sent."""
        return self.request.filled(self._names({"attempt": self._sent + 1}))

    async def tried(self, aim: Aim, several: Sequence[Payload]) -> list[Tried]:
        """Send each payload at the field, and return what came of them. Raises: TargetError where nobody is there."""
        done: list[Tried] = []
        for one in several:
            self.session.doing = f"trying {one.called} at {aim.where.at}"
            done.append(await self._try(aim, one))
            if sum(tried.came is Came.SILENT for tried in done) >= _ENOUGH:
                break
        return done

    async def _try(self, aim: Aim, one: Payload) -> Tried:
        values = self._values()
        template = aim.where.changed(self.request.filled(self._names(values)), one.change)
        assert template is not None  # the plan holds only what the place can bear
        try:
            answer, captured = await self._send(one.name, template, values)
        except TargetError as problem:
            if problem.phase in _NOTHING_SENT:
                raise
            return Tried(one, self._came_without_answer(one, problem), trouble=problem)
        came = self._came(answer)
        read = await self._read(values, captured) if came is Came.ACCEPTED else None
        return Tried(one, came, answer, read=read)

    async def _read(self, values: Mapping[str, Any], captured: Mapping[str, Any]) -> Answer | None:
        if self.read_back is None or not set(self.capture) <= set(captured):
            return None
        return await self.session.send(self.read_back, {**values, **captured})

    def _came(self, answer: Answer) -> Came:
        if answer.status >= 500 and not self.refused_with.holds(answer.status):
            limited = answer.status == 503 and answer.header("retry-after") is not None
            return Came.UNJUDGED if limited else Came.BROKE
        if self.is_accepted(answer):
            return Came.ACCEPTED
        if answer.status in _ANOTHER_REASON and str(answer.status) not in self.refused_with.codes:
            return Came.UNJUDGED
        if self.refused_with.holds(answer.status):
            return Came.REFUSED
        return Came.ACCEPTED if answer.ok else Came.ODD

    def _came_without_answer(self, one: Payload, problem: TargetError) -> Came:
        """A server may close the connection instead of reading what is too large (RFC 9110 section 15.5.14)."""
        slow = problem.exchange is None or problem.exchange.duration_s >= 0.9 * self.session.target.limits.request
        large = isinstance(one.change, Put) and len(str(one.change.value)) >= LARGE
        return Came.REFUSED if one.family is Family.OVERSIZED and large and not slow else Came.SILENT

    async def _send(self, name: str, template: RequestTemplate, values: Mapping[str, Any]) -> tuple[Answer, dict[str, Any]]:
        captured: dict[str, Any] = {}
        makers = {key: frozenset({name}) for key in self.capture}

        async def send(what: RequestTemplate) -> Answer:
            return await self.session.send(what, {**values, **captured})

        back = TakingBack(self.session, self.undo, ChainMap(captured, dict(values)), send, makers)
        self._backs.append(back)
        try:
            answer = await back.send_writing(name, template)
        finally:
            if not back.may_have_written:
                self._backs.remove(back)
        if answer.ok:
            captured.update(self._captured(answer))
        return answer, captured

    def _captured(self, answer: Answer) -> Iterator[tuple[str, Any]]:
        for name, capture in self.capture.items():
            value, trouble = capture.take(answer)
            if not trouble:
                if capture.secret:
                    self.session.plant(str(value), name)
                yield name, value

    async def _take_back(self) -> None:
        failures = []
        for back in self._backs:
            try:
                await back.take_back()
            except UndoFailed as problem:
                failures.append(str(problem))
        if failures:
            more = f"; and {len(failures) - 3} more" if len(failures) > 3 else ""
            raise UndoFailed("; ".join(failures[:3]) + more)

    def _values(self) -> dict[str, Any]:
        self._sent += 1
        return {"attempt": self._sent}

    def _names(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        return ChainMap(dict(values), self.session.values)  # type: ignore[arg-type]


def evidence_of(answer: Answer) -> Evidence:
    """Return an answer as evidence, its address shortened: the payload may stand in it."""
    return replace(answer, url=shorten(answer.url, 300)).as_evidence()
