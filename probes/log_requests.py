"""This file is for requests whose log lines are looked for: sending them, and knowing their lines again."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import Field, model_validator

from probes.evidence.source import LogLine
from probes.expect import JsonPath
from probes.fields import Configured
from probes.ids import trace_ids
from probes.log_promise import first
from probes.log_records import Record
from probes.matchers import Matcher
from probes.outcome import Check, Json, check, control
from probes.request import RequestTemplate, fill
from probes.session import Answer, Session, TargetError
from probes.status import StatusMatcher

LINKED = re.compile(r"(?P<id>\S+) linked:(?P<event>\S+)")  # how a webhook's lines name the event that caused them
ALWAYS_WRITING = frozenset({"PUT", "PATCH", "DELETE"})  # methods that change data, whatever a scenario does not say

_SUCCESS = StatusMatcher.model_validate("2xx")
_SERVER_ERROR = StatusMatcher.model_validate("5xx")


class SpawnedLine(Configured):
    """A line that something else writes because of a request: a job that it enqueued, a webhook that it caused."""

    name: str = Field(min_length=1)  # what writes it, for sentences: the mail job
    where: dict[JsonPath, Matcher] = Field(min_length=1)  # what tells the line from others, by path
    links: str = ""  # the event id that its correlation id links (`ID linked:EVENT`); default: it carries the request's own id
    fields: dict[JsonPath, Matcher] = Field(default_factory=dict)  # what else must hold of it
    keeps: tuple[JsonPath, ...] = ()  # where it has the values of the request's own lines, such as $.request_id


class LoggedRequest(Configured):
    """One request, and what is expected of the lines that it leaves."""

    name: str = Field(min_length=1)  # what it is about, for sentences: a booking
    request: RequestTemplate  # `{{nonce}}` in it is its own; a line that holds the nonce is known by it
    expect_status: StatusMatcher | None = None  # 201, 2xx, or a list of such; default: 2xx, or 5xx where it is an error
    error: bool = False  # true: it provokes a server error, which must be logged with `error_fields`
    links: str = ""  # it is a webhook: the event id that its lines link under a new correlation id (`ID linked:EVENT`)
    fields: dict[JsonPath, Matcher] = Field(
        default_factory=dict
    )  # what must hold of each of its lines, beside the kind's `fields`
    spawns: tuple[SpawnedLine, ...] = ()  # lines of jobs and webhooks that it causes

    @model_validator(mode="after")
    def _told_apart(self) -> LoggedRequest:
        names = [spawned.name for spawned in self.spawns]
        if len(set(names)) < len(names):
            raise ValueError("each of 'spawns' needs a name of its own")
        return self

    @property
    def wanted_status(self) -> StatusMatcher:
        return self.expect_status or (_SERVER_ERROR if self.error else _SUCCESS)


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as it was sent, and what its lines can be known by."""

    request: LoggedRequest
    nonce: str
    correlation_id: str
    values: Mapping[str, Any]  # for what the scenario expects of its lines
    answer: Answer | None = None
    trouble: TargetError | None = None
    signs: frozenset[str] = field(default_factory=frozenset)  # in lower case; one of them stands in each of its lines

    @property
    def name(self) -> str:
        return self.request.name

    @property
    def known_by(self) -> str:
        return f"correlation id {self.correlation_id}" if self.correlation_id else f"nonce {self.nonce}"

    @property
    def event(self) -> str:
        return str(fill(self.request.links, self.values))

    def left(self, line: LogLine | Record) -> bool:
        """Tell whether a line holds one of our signs."""
        text = line.text.lower()
        return any(sign in text for sign in self.signs)

    def is_own_id(self, value: Json) -> bool:
        """Tell whether a correlation id is the one that we sent, or the trace id that went with it."""
        return isinstance(value, str) and value.lower() in own_ids(self.correlation_id)

    def answered(self) -> Check:
        """Return the check that the request took the way that it was meant to take."""
        if self.trouble is not None:
            return self.trouble.as_check()
        assert self.answer is not None
        [*findings] = self.request.wanted_status.filled(self.values).judge(_status(self.answer), self.answer.sent_at)
        wanted = " and ".join(finding.phrase for finding in findings)
        status, holds = self.answer.status, all(finding.holds for finding in findings)
        if status == 429 and not holds:
            say = f"the request '{self.name}' met a rate limit, so its lines are not those that were meant ({self.known_by})"
            return control(f"the request '{self.name}' meets no rate limit", holds=False, observed="429", say=say)
        return check(
            f"the request '{self.name}' is answered as expected",
            holds=holds,
            expected=wanted,
            observed=status,
            say=f"the request '{self.name}' was answered with {status}, expected that it {wanted} ({self.known_by})",
            evidence=self.answer.as_evidence(),
        )


def own_ids(correlation_id: str) -> frozenset[str]:
    """Return the ids under which a target may log a request of ours: the correlation id, and its trace id."""
    traced = trace_ids(correlation_id)
    return frozenset({correlation_id.lower(), *((traced[0],) if traced else ())} - {""})


async def send(session: Session, request: LoggedRequest, number: int) -> Sent:
    """Send one. The nonce goes on with the request's number, so that each request has its own."""
    nonce = f"{session.nonce}{number:02x}"
    own = {"nonce": nonce}
    values: Mapping[str, Any] = ChainMap(own, session.values)  # type: ignore[arg-type]
    events = {str(fill(text, values)).lower() for text in (request.links, *(one.links for one in request.spawns)) if text}
    try:
        answer = await session.send(request.request, own)
    except TargetError as problem:  # a request that crashes the target is one whose lines are worth a look
        known = problem.exchange.correlation_id if problem.exchange else ""
        return Sent(request, nonce, known, values, None, problem, own_ids(known) | {nonce} | events)
    known = answer.correlation_id
    return Sent(request, nonce, known, values, answer, None, own_ids(known) | {nonce} | events)


def _status(answer: Answer) -> Any:
    from probes.matchers import Selection

    return Selection([answer.status])


def head_of(value: Json, event: str) -> str | None:
    """Return the id of a correlation value that links this event, None where it does not."""
    match = LINKED.fullmatch(value) if isinstance(value, str) else None
    return match["id"] if match and match["event"] == event else None


def correlation_of(record: Record, path: str) -> Json:
    return first(path, record.data)
