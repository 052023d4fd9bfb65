"""This file is for asking whether a target's log is what its owners promised: structured, whole, and to be followed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PositiveInt, PrivateAttr, field_validator, model_validator

from probes.contracts.catalogue import LogContractName, find
from probes.evidence.source import LogLine
from probes.expect import JsonPath
from probes.fields import Duration, LogRef
from probes.log_findings import are_fresh, are_of_bearable_length, are_records, counted, differ, error_is_told, fit, share_an_id
from probes.log_promise import Freshness, Promise, Terms, accepted_wrong, schema_in, terms_of
from probes.log_records import Record, Wrapped, records
from probes.log_requests import ALWAYS_WRITING, LoggedRequest, Sent, send
from probes.log_sharing import each_its_own, kept
from probes.log_trail import Trail, arrived, expected_of, follow
from probes.log_watch import LogWatch
from probes.matchers import Matcher
from probes.operators import found, pattern, schema_validator
from probes.outcome import Check, Verdict, control, note
from probes.probe import Probe
from probes.session import Session
from probes.target import Grant

_POLL_S = (0.1, 1.0)  # between two looks at the logs: first, at most
_STAND_STILL_S = 0.2  # how long a last line without an end must not grow before it counts as all that is written


def _regex(text: str) -> str:
    pattern(text)
    return text


Regex = Annotated[str, AfterValidator(_regex)]


class LogContract(Probe, kind="log_contract"):
    """Send requests, then hold each line that was logged meanwhile against the promised form.

    Each line is one JSON object that fits the `contract` (a bundled one), the `schema` and the `schema_file` (your own), all
    that are given. It carries the time at which it was written. All lines of a request carry one correlation id, and
    different requests different ones; what a request spawns leads back to it; an error tells its type, message and stack.
    The control: lines of each of our own requests were found, and a real line made wrong would have been refused.
    """

    requests: Annotated[tuple[LoggedRequest, ...], Field(min_length=1, max_length=100)]  # what is sent, one after the other
    logs: tuple[LogRef, ...] = ()  # default: all log sources of the target
    contract: LogContractName | None = None  # the name of a bundled contract, such as bookando-log
    json_schema: dict[str, Any] | None = Field(default=None, alias="schema")  # a JSON Schema of one's own, for each line
    schema_file: Path | None = None  # a file with one, from the suite's folder
    wrapped: Wrapped = "auto"  # what a runtime put around: auto takes off docker's and CRI's; timestamps must be asked for
    time_field: JsonPath | None = None  # where lines have their time; default: where the contract has it
    skew: Duration = 300.0  # how far the clock of the log may be from ours
    correlation_field: JsonPath | None = None  # where lines have their correlation id; default: where the contract has it
    adopts: bool = True  # false: the target logs under an id that it makes for each request, not under the one that we send
    error_fields: tuple[JsonPath, ...] | None = None  # texts that the line of an error has; default: those of the contract
    error_says: dict[JsonPath, Matcher] | None = None  # what else tells that it is one; default: what the contract says
    fields: dict[JsonPath, Matcher] = Field(default_factory=dict)  # what must hold of each line of our own requests
    own_to_each: tuple[JsonPath, ...] = ()  # where the lines of a request have one value that no other request has: $.request_id
    only_ours: bool = False  # true: only lines of our requests are judged, for a log in which other programs write too
    ignore: tuple[Regex, ...] = ()  # lines that are not of the contract, such as a banner; they are counted in a note
    max_line_bytes: PositiveInt = 256 * 1024  # soft: longer is degraded. Loki's own limit (max_line_size)
    wait: Duration = 10.0  # for the lines of each request and of what it spawns
    settle: Duration = 1.0  # more reading after that, for what is logged late
    writes: bool | None = None  # whether a request changes data (needs `allow: [write]`); default: PUT, PATCH and DELETE do

    _promises: tuple[Promise, ...] = PrivateAttr(default=())
    _terms: Terms = PrivateAttr(default=Terms())

    @field_validator("json_schema")
    @classmethod
    def _usable_schema(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value is not None:
            schema_validator(json.dumps(value, sort_keys=True))
        return value

    @field_validator("schema_file")
    @classmethod
    def _usable_file(cls, value: Path | None) -> Path | None:
        if value is not None:
            schema_in(value)
        return value

    @model_validator(mode="after")
    def _usable(self) -> LogContract:
        made = [Promise(f"the contract {self.contract}", find(self.contract).text)] if self.contract else []
        if self.json_schema is not None:
            made.append(Promise("the schema of the scenario", json.dumps(self.json_schema, sort_keys=True)))
        if self.schema_file is not None:
            made.append(Promise(f"the schema in {self.schema_file.name}", schema_in(self.schema_file)))
        if not made:
            raise ValueError("give at least one of 'contract', 'schema' and 'schema_file'")
        self._promises, self._terms = tuple(made), self._own_terms()
        names = [request.name for request in self.requests]
        if len(set(names)) < len(names):
            raise ValueError("each of 'requests' needs a name of its own")
        if any(one.links or one.spawns for one in self.requests) and not self._terms.correlation:
            raise ValueError("'links' and 'spawns' need 'correlation_field', where lines have their correlation id")
        if any(one.error for one in self.requests) and not (self._terms.error_fields or self._terms.error_says):
            raise ValueError("'error: true' needs 'error_fields' or 'error_says', which the contract does not have")
        if self.own_to_each and len(self.requests) < 2:
            raise ValueError("'own_to_each' needs a second request, or nothing shows that each has a value of its own")
        if not self.adopts and len(self.requests) < 2:
            raise ValueError("'adopts: false' needs a second request, or nothing shows that each has an id of its own")
        return self

    def _own_terms(self) -> Terms:
        told = terms_of(self.contract)
        return Terms(
            self.time_field or told.time,
            self.correlation_field or told.correlation,
            told.error_fields if self.error_fields is None else self.error_fields,
            told.error_says if self.error_says is None else self.error_says,
        )

    def needs(self) -> frozenset[Grant]:
        writing = any(one.request.method.upper() in ALWAYS_WRITING for one in self.requests)
        return frozenset({Grant.WRITE}) if (writing if self.writes is None else self.writes) else frozenset()

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        session.doing = "setting marks in the logs"
        since = session.now()
        watch = await LogWatch.begin(session.log_sources(self.logs))
        sent: list[Sent] = []
        for number, request in enumerate(self.requests):
            session.doing = f"sending the request '{request.name}'"
            one = await send(session, request, number)
            sent.append(one)
            yield one.answered()
        await self._read(session, watch, sent)
        now = session.now()
        read = await asyncio.to_thread(records, self._lines(watch), self.wrapped)
        trails = await asyncio.to_thread(self._follow, sent, read, now)
        fresh = Freshness(self._terms.time, since, now, self.skew) if self._terms.time else None
        for made in self._controls(watch, trails, fresh):
            yield made
        for made in await asyncio.to_thread(
            lambda: [*self._of_lines(read, trails, fresh), *self._of_requests(watch, trails, now)]
        ):
            yield made

    async def _read(self, session: Session, watch: LogWatch, sent: Sequence[Sent]) -> None:
        """Read until all that is waited for was found, or the time is over; then on for the settling time."""
        session.doing = f"waiting for the lines of our {counted(len(sent), 'request')} ({watch.names})"
        until, pause = session.monotonic() + self.wait, _POLL_S[0]
        await watch.read()
        while (
            not await asyncio.to_thread(self._is_complete, watch, sent, session.now())
            and (left := until - session.monotonic()) > 0
        ):
            await session.sleep(min(pause, left))
            pause = min(pause * 1.5, _POLL_S[1])
            await watch.read()
        session.doing = f"waiting {self.settle:g} s for what is logged late ({watch.names})"
        await session.sleep(self.settle)
        await watch.read()
        await session.sleep(min(_STAND_STILL_S, self.settle))
        await watch.read()  # a last line without an end is given out when it stands still

    def _is_complete(self, watch: LogWatch, sent: Sequence[Sent], now: datetime) -> bool:
        """Tell whether nothing is to be waited for any more. Only where ids are the target's own are all lines looked through."""
        lines = self._lines(watch)
        held = lines if not self.adopts else [line for line in lines if any(one.left(line) for one in sent)]
        return all(
            trail.is_complete
            and (not trail.sent.request.error or error_is_told(trail, *self._error, now).verdict is Verdict.PASS)
            for trail in self._follow(sent, records(held, self.wrapped), now)
        )

    def _lines(self, watch: LogWatch) -> list[LogLine]:
        return [line for line in watch.lines if not any(found(line.text, regex) for regex in self.ignore)]

    def _follow(self, sent: Sequence[Sent], read: Sequence[Record], now: datetime) -> list[Trail]:
        return [follow(one, read, self._terms.correlation, now, adopts=self.adopts) for one in sent]

    @property
    def _error(self) -> tuple[tuple[str, ...], dict[str, Matcher]]:
        return self._terms.error_fields, {p: Matcher.model_validate(m) for p, m in (self._terms.error_says or {}).items()}

    def _controls(self, watch: LogWatch, trails: Sequence[Trail], fresh: Freshness | None) -> Iterator[Check]:
        for trail in trails:
            say = (
                f"nothing was logged for our request '{trail.sent.name}' within {self.wait:g} s, so its lines could not be held "
                f"against anything ({watch.names}, {trail.sent.known_by}; {counted(len(watch.lines), 'line')} written meanwhile)"
            )
            name = f"a line of our request '{trail.sent.name}' was found"
            yield control(name, holds=bool(trail.own), expected="a line", observed=counted(len(trail.own), "line"), say=say)
        say = f"what was logged could not all be read, and what was not read cannot be cleared ({'; '.join(watch.remarks)})"
        yield control("all that was logged meanwhile was read", holds=not watch.cut_short, say=say, evidence=watch.evidence())
        yield from watch.spoke()
        real = next((record for trail in trails for record in trail.own if not record.trouble), None)
        if real is not None:
            accepted = accepted_wrong(self._promises, real, fresh)
            say = f"{' and '.join(accepted)} would also accept {real.place} with any field left out or of another type"
            name = "a line of ours made wrong would be refused"
            yield control(name, holds=not accepted, expected="refused", say=f"{say}, so a pass would prove nothing")

    def _of_lines(self, read: Sequence[Record], trails: Sequence[Trail], fresh: Freshness | None) -> Iterator[Check]:
        sent = [trail.sent for trail in trails]
        ours = {id(one) for trail in trails for lines in (trail.own, *trail.spawned.values()) for one in lines}
        judged = [one for one in read if id(one) in ours or any(each.left(one) for each in sent)] if self.only_ours else read
        left_out = len(read) - len(judged)
        if left_out:
            yield note(
                "lines of other programs", f"{counted(left_out, 'line')} without an id of ours were not judged (only_ours)"
            )
        yield from are_records(judged, sent)
        for promise in self._promises:
            yield fit(promise, judged, sent)
        yield are_of_bearable_length(judged, self.max_line_bytes, sent)
        if fresh is None:
            yield note("each line was written when it says", "times were not looked at: no 'time_field' is given")
        else:
            yield are_fresh(fresh, judged, sent)

    def _of_requests(self, watch: LogWatch, trails: Sequence[Trail], now: datetime) -> Iterator[Check]:
        path = self._terms.correlation
        ignored = len(watch.lines) - len(self._lines(watch))
        if ignored:
            yield note("lines that are ignored", f"{counted(ignored, 'line')} were left out, because 'ignore' says so")
        if not path:
            yield note("correlation ids", "correlation ids were not looked at: no 'correlation_field' is given")
        with_lines = [trail for trail in trails if any(not record.trouble for record in trail.own)]
        for trail in with_lines if path else ():
            yield share_an_id(trail, path, adopts=self.adopts)
        if path and with_lines:
            yield differ(with_lines, path)
        for own in self.own_to_each:
            yield from each_its_own(with_lines, own)
        for trail in trails:
            yield from arrived(trail, path, self.wait, watch.names)
            yield from kept(trail)
            if trail.sent.request.error and trail.own:
                yield error_is_told(trail, *self._error, now)
            yield from expected_of(trail, self.fields, now)
