"""This file is for talking to a target: the only way in which probes send anything, and what they may know of their run."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import ssl
import time
from collections import ChainMap
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from probes.evidence.source import EvidenceSource, KeySource, LogSource, RowSource, SampleSource
from probes.mending import Mending
from probes.net import egress
from probes.net.answer import Answer, NotJson
from probes.net.api import ApiSource
from probes.net.beside import beside, hide_secrets
from probes.net.building import BadRequestTemplate, Builder
from probes.net.egress import EgressRefused, NotSent
from probes.net.flight import Phase
from probes.net.ledger import Ledger
from probes.net.reach import Found, Names, Reach, Reached, Turn
from probes.net.sender import Sender
from probes.net.tls import Certificate
from probes.net.trouble import TargetError
from probes.outcome import CERTIFICATE_ENDS, UNIX_TIME, Exchange, Subject
from probes.probe import NotGiven
from probes.redact import Redactor
from probes.request import RequestTemplate
from probes.target import Grant, Target, Tls
from probes.values import Values

if TYPE_CHECKING:
    from probes.undo import Journal

__all__ = [
    "Answer",
    "BadRequestTemplate",
    "Certificate",
    "EgressRefused",
    "NotJson",
    "NotSent",
    "Phase",
    "RequestLimit",
    "Session",
    "TargetError",
]


Source = TypeVar("Source", bound=EvidenceSource)


class RequestLimit(NotSent):
    """The scenario wants to send more requests than the target's `limits.requests` permit."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class Session:
    """One scenario's talk with one target. Not to be shared between scenarios."""

    def __init__(
        self,
        *,
        target: Target,
        subject: Subject,
        run_id: str,
        redactor: Redactor | None = None,
        journal: Journal | None = None,
        slots: asyncio.Semaphore | None = None,
        suite_path: str = "",
        clock: Callable[[], datetime] = utc_now,
        resolve: egress.Resolve = egress.resolve,
        artifacts: Path | None = None,
        seen: Callable[[Answer], None] | None = None,
    ) -> None:
        self.target = target
        self.subject = subject
        self.artifacts = artifacts  # the folder for what is kept beside the outcome, such as pictures; None: a temporary one
        self.redactor = redactor or Redactor()
        self.nonce = secrets.token_hex(6)
        self.measurements: list[tuple[str, float, str]] = []
        self.values: Mapping[str, Any] = Values(nonce=self.nonce, run_id=run_id, target_vars=target.vars, now=self.now)
        self._clock = clock
        self._ledger = Ledger()
        self._doing = ""
        self._certificate_ends: datetime | None = None
        self._slots = slots or asyncio.Semaphore(target.concurrency)
        self._sent = 0
        self._mending = Mending(self, journal, suite_path)
        hide_secrets(self.redactor, {**target.headers, **target.route.headers, **target.route.cookies}, target.auth)
        self.builder = Builder(target, subject, run_id, self.nonce)  # also for kinds with a wire of their own
        self._sender = Sender(target, self.builder, self._ledger, now=self.now, resolve=resolve, seen=seen)
        self._resolve, self._run_id = resolve, run_id
        self._reach = Reach(target, self._ledger, resolve=resolve)

    # What a probe may know

    @property
    def doing(self) -> str:
        """What the probe is at, for the sentence of a deadline."""
        return self._doing

    @doing.setter
    def doing(self, what: str) -> None:
        self._doing = what
        self._ledger.forget_interrupted()

    @property
    def in_flight(self) -> str:
        """What of the target is being waited for, or was when the waiting was cancelled; else an empty text."""
        return self._ledger.in_flight

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """The exchanges that were kept, their addresses redacted."""
        shown = [(one, self.redactor.text(one.url)) for one in self._ledger.exchanges]
        return tuple(one if one.url == url else replace(one, url=url) for one, url in shown)

    @property
    def exchanges_left_out(self) -> int:
        return self._ledger.left_out

    def now(self) -> datetime:
        """Return the time of day, UTC. Durations never come from it: clocks are set back."""
        return self._clock()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait for something else than an answer."""
        if not self._mending.at_work:
            self._ledger.forget_interrupted()
        await asyncio.sleep(seconds)

    def allows(self, grant: Grant) -> bool:
        return grant in self.target.allow

    def plant(self, value: str, label: str) -> str:
        """Register a value that must never be shown, and return it."""
        self.redactor.add(value, label)
        return value

    def measure(self, name: str, value: float, unit: str) -> None:
        self.measurements.append((name, value, unit))

    def log_sources(self, names: Sequence[str] = ()) -> list[tuple[str, LogSource]]:
        """Return the named log sources, or all. Raises: NotGiven when a name is missing or there is none."""
        have = {name: source for name, source in self.target.evidence.items() if isinstance(source, LogSource)}
        if not names and not have:
            raise NotGiven(f"target '{self.target.name}' has no log source; add one under 'evidence'")
        for name in names:
            if name not in have:
                raise NotGiven(self._not_there("log source", name, list(have)))
        return [(name, have[name]) for name in (names or have)]

    def key_source(self, name: str) -> KeySource:
        """Return the source of cache keys of that name. Raises: NotGiven."""
        return self._source(KeySource, "source of cache keys", name)  # type: ignore[type-abstract]

    def sample_source(self, name: str) -> SampleSource:
        """Return the source of metric values of that name. Raises: NotGiven."""
        return self._source(SampleSource, "source of metric values", name)  # type: ignore[type-abstract]

    def row_source(self, name: str) -> RowSource:
        """Return the source of rows, such as a database, of that name. Raises: NotGiven."""
        return self._source(RowSource, "source of rows", name)  # type: ignore[type-abstract]

    def _source(self, sort: type[Source], called: str, name: str) -> Source:
        source = self.target.evidence.get(name)
        if isinstance(source, sort):
            return source
        have = [key for key, other in self.target.evidence.items() if isinstance(other, sort)]
        raise NotGiven(self._not_there(called, name, have))

    def _not_there(self, what: str, name: str, have: list[str]) -> str:
        known = f"; it has {', '.join(sorted(have))}" if have else ""
        return f"target '{self.target.name}' has no {what} '{name}' under 'evidence'{known}"

    # Breaking and mending

    def has_fault(self, name: str) -> bool:
        return name in self.target.faults

    def fault(self, name: str) -> contextlib.AbstractAsyncContextManager[None]:
        """Put a fault in for the time of a `with` block. Raises: NotGiven, LeverError."""
        return self._mending.fault(name)

    def undo_later(self, what: str, action: Callable[[], Awaitable[None]]) -> None:
        """Register an undo, before the deed; `close` runs it, in the reverse order."""
        self._mending.undo_later(what, action)

    @property
    def has_to_undo(self) -> bool:
        """Whether something is broken, or changed, that is still to be undone."""
        return self._mending.has_open

    async def close(self) -> list[str]:
        """Undo what is still to be undone, whatever happens, and return the sentences of what failed."""
        return await self._mending.close()

    # Sending

    async def send(self, template: RequestTemplate, values: Mapping[str, Any] | None = None) -> Answer:
        """Send one request over a fresh connection and return the whole answer, redirects followed as allowed.

        One with `at` goes to that evidence source's API instead of the target.
        Raises: TargetError, UnknownVariable, NotGiven, and NotSent (EgressRefused, RequestLimit, BadRequestTemplate).
        """
        filled = template.filled(ChainMap(dict(values), self.values) if values else self.values)  # type: ignore[arg-type]
        if filled.sign is not None:
            filled = filled.signed(self.now().timestamp())
        sender = self._sender if filled.at is None else self._sender_to(filled.at)
        if self._mending.at_work:  # neither the limit on requests nor those who wait their turn may hold up an undo
            return await sender.send(filled, contextlib.nullcontext, blame=False)
        answer = await sender.send(filled, self._turn)
        if answer.certificate is not None:
            self.certificate_ends(answer.certificate.not_after)
        return answer

    def _sender_to(self, name: str) -> Sender:
        """Return what asks the API of an evidence source, which is judged as the target is. Raises: NotGiven."""
        source = self._source(ApiSource, "evidence source with an HTTP API", name)
        hide_secrets(self.redactor, source.sent_headers(), source.auth)
        target = beside(self.target, source)
        builder = Builder(target, self.subject, self._run_id, self.nonce)
        return Sender(target, builder, self._ledger, now=self.now, resolve=self._resolve)

    async def burst(
        self, requests: Sequence[tuple[RequestTemplate, Mapping[str, Any]]], *, concurrency: int | None = None
    ) -> list[Answer | TargetError]:
        """Send all of them at once, within the target's concurrency, and return what came of each, in the order given."""
        turns = asyncio.Semaphore(min(concurrency or self.target.concurrency, self.target.concurrency))

        async def one(template: RequestTemplate, values: Mapping[str, Any]) -> Answer | TargetError:
            async with turns:
                try:
                    return await self.send(template, values)
                except TargetError as problem:
                    return problem

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(template, values)) for template, values in requests]
        except BaseExceptionGroup as several:  # all for one reason: the first says it
            raise several.exceptions[0] from None
        return [task.result() for task in tasks]

    def connect(
        self,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | Tls | None = None,
        server_name: str = "",
        judged: bool = True,
        **names: Unpack[Names],
    ) -> AbstractAsyncContextManager[Reached]:
        """Reach a port: `async with session.connect("db", 5432) as reached`. Raises: TargetError, NotSent."""
        return self._reach.connected(host, port, self._turn_to_reach(), tls=tls, server_name=server_name, judged=judged, **names)

    def find(self, host: str, port: int, *, judged: bool = True, **names: Unpack[Names]) -> AbstractAsyncContextManager[Found]:
        """Resolve and judge only, for what brings its own wire and talks to exactly `found.address`, inside the block.

        `judged` is false only for what this machine uses anyway, such as its own resolver. Raises: TargetError, NotSent.
        """
        return self._reach.found(host, port, self._turn_to_reach(), judged=judged, **names)

    def _turn_to_reach(self) -> Turn:
        return contextlib.nullcontext if self._mending.at_work else self._turn

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait for a turn within the target's concurrency, and count the request."""
        self._sent += 1
        if self._sent > self.target.limits.requests:
            raise RequestLimit(f"the scenario sends more than {self.target.limits.requests} requests (limit requests)")
        async with self._slots:
            self._ledger.forget_interrupted()
            yield

    def certificate_ends(self, not_after: datetime) -> None:
        """Measure when the first of the certificates that were shown expires, once however many answers there are."""
        if self._certificate_ends is not None:
            if not_after >= self._certificate_ends:
                return
            self.measurements = [one for one in self.measurements if one[0] != CERTIFICATE_ENDS]
        self._certificate_ends = not_after
        self.measure(CERTIFICATE_ENDS, not_after.timestamp(), UNIX_TIME)
