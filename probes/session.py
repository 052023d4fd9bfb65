"""This file is for talking to a target: the only way in which probes send anything, and what they may know of their run."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import time
from collections import ChainMap
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from probes.evidence.source import KeySource, LogSource
from probes.fields import Secret
from probes.mending import Mending
from probes.net import egress
from probes.net.adapter import WireTransport
from probes.net.answer import Answer, NotJson
from probes.net.building import BadRequestTemplate, Builder, Built, basic
from probes.net.egress import EgressRefused, NotSent
from probes.net.flight import Flight, Phase, WireTrouble
from probes.net.ledger import Ledger
from probes.net.reading import Reply
from probes.net.tls import Certificate, certificate_of
from probes.outcome import Check, Evidence, Exchange, Subject, check
from probes.probe import NotGiven
from probes.redact import Redactor
from probes.request import RequestTemplate
from probes.target import Grant, Target, Tls

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

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_DAY = re.compile(r"today([+-])(\d{1,4})d")


class TargetError(Exception):
    """The target could not be reached, or its answer could not be read to the end. The text is one sentence."""

    def __init__(self, phase: Phase, sentence: str, exchange: Exchange | None = None) -> None:
        super().__init__(sentence)
        self.phase = phase
        self.exchange = exchange

    def as_check(self) -> Check:
        """Return the failed check that this is: reaching the target is part of the contract."""
        name = f"the target answers ({self.phase})"
        return check(name, holds=False, expected="an answer", observed=str(self), say=str(self), evidence=self._evidence())

    def _evidence(self) -> tuple[Evidence, ...]:
        seen = self.exchange
        if seen is None:
            return ()
        data = {"correlation_id": seen.correlation_id, "duration_s": seen.duration_s, "body_bytes": seen.body_bytes}
        return (Evidence("exchange", f"{seen.method} {seen.url} stopped ({self.phase})", data),)


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
    ) -> None:
        self.target = target
        self.subject = subject
        self.redactor = redactor or Redactor()
        self.nonce = secrets.token_hex(6)
        self.measurements: list[tuple[str, float, str]] = []
        self.values: Mapping[str, Any] = _Values(self, run_id)
        self._clock = clock
        self._ledger = Ledger()
        self._doing = ""
        self._slots = slots or asyncio.Semaphore(target.concurrency)
        self._sent = 0
        self._mending = Mending(self, journal, suite_path)
        self._hide_secrets()
        self._builder = Builder(target, subject, run_id, self.nonce)
        limits, open_ = target.limits, target.private_networks
        self._home = WireTransport(tls=target.tls, private_networks=open_, limits=limits, resolve=resolve)
        # a client certificate is a credential, and a server name is the target's own
        foreign = Tls(verify=target.tls.verify, ca_file=target.tls.ca_file)
        self._abroad = WireTransport(tls=foreign, private_networks=open_, limits=limits, resolve=resolve)

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
        return tuple(replace(one, url=self.redactor.text(one.url)) for one in self._ledger.exchanges)

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
        source = self.target.evidence.get(name)
        if isinstance(source, KeySource):
            return source
        keyed = [key for key, other in self.target.evidence.items() if isinstance(other, KeySource)]
        raise NotGiven(self._not_there("source of cache keys", name, keyed))

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

    async def close(self) -> list[str]:
        """Undo what is still to be undone, whatever happens, and return the sentences of what failed."""
        return await self._mending.close()

    # Sending

    async def send(self, template: RequestTemplate, values: Mapping[str, Any] | None = None) -> Answer:
        """Send one request over a fresh connection and return the whole answer, redirects followed as allowed.

        Raises: TargetError, UnknownVariable, and NotSent (EgressRefused, RequestLimit, BadRequestTemplate).
        """
        filled = template.filled(ChainMap(dict(values), self.values) if values else self.values)  # type: ignore[arg-type]
        built = self._builder.build(filled)
        allowed = self.target.limits.redirects if filled.follow_redirects is None else filled.follow_redirects
        limit_s = self.target.limits.request if filled.timeout is None else filled.timeout
        hops: list[str] = []
        deadline = time.monotonic() + limit_s
        while True:
            answer = await self._exchange(built, limit_s if not hops else deadline - time.monotonic(), tuple(hops))
            location = answer.header("location") if answer.status in _REDIRECTS else None
            if not allowed or location is None:
                return answer
            built = self._next_hop(built, answer, location, hops, allowed)

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

    async def _exchange(self, built: Built, limit_s: float, hops: tuple[str, ...]) -> Answer:
        """Send one request of a chain. An undo is held up neither by the limit on requests nor by those who wait their turn."""
        if self._mending.at_work:
            return await self._fly(built, limit_s, hops)
        self._sent += 1
        if self._sent > self.target.limits.requests:
            raise RequestLimit(f"the scenario sends more than {self.target.limits.requests} requests (limit requests)")
        async with self._slots:
            self._ledger.forget_interrupted()
            return await self._fly(built, limit_s, hops)

    async def _fly(self, built: Built, limit_s: float, hops: tuple[str, ...]) -> Answer:
        request, url = built.request, str(built.request.url)
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        flight = Flight(self.target.name, built.title, request.url.raw_host.decode("ascii"), port, built.correlation_id)
        request.extensions = {"flight": flight, "limit_s": limit_s}
        sent_at, interrupted = self.now(), True
        self._ledger.start(flight)
        try:
            response = await (self._home if built.own else self._abroad).handle_async_request(request)
            interrupted = False
        except WireTrouble as problem:
            interrupted = False
            exchange = self._ledger.record(flight, url, body_bytes=flight.received, trouble=str(problem))
            raise TargetError(problem.phase, str(problem), exchange) from problem
        except EgressRefused as problem:
            interrupted = False
            if not hops:
                raise
            sentence = f"the target redirected to a refused address: {' → '.join((*hops, url))} ({problem.address})"
            raise TargetError(Phase.EGRESS, sentence, self._ledger.record(flight, url, trouble=sentence)) from problem
        except NotSent:
            interrupted = False
            raise
        finally:
            self._ledger.land(flight, interrupted=interrupted and not self._mending.at_work)
        exchange = self._ledger.record(flight, url, status=response.status_code, body_bytes=len(response.content))
        return self._answer(built, url, response.extensions, flight, exchange, sent_at, hops)

    def _answer(
        self,
        built: Built,
        url: str,
        came: Mapping[str, Any],
        flight: Flight,
        exchange: Exchange,
        sent_at: datetime,
        hops: tuple[str, ...],
    ) -> Answer:
        reply: Reply = came["reply"]
        return Answer(
            method=built.request.method,
            url=url,
            status=reply.status,
            headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in reply.headers),
            body=reply.body,
            http_version=reply.http_version,
            phases=exchange.phases,
            sent_at=sent_at,
            duration_s=exchange.duration_s,
            correlation_id=built.correlation_id,
            address=flight.address,
            hops=hops,
            certificate=certificate_of(came["tls"], sent_at) if came["tls"] is not None else None,
        )

    def _next_hop(self, built: Built, answer: Answer, location: str, hops: list[str], allowed: int) -> Built:
        hops.append(answer.url)
        last = self._ledger.exchanges[-1] if self._ledger.exchanges else None
        if len(hops) > allowed:
            way = " → ".join(_path(hop) for hop in [*hops, location])
            raise TargetError(Phase.REDIRECT, f"{built.request.method} was redirected more than {allowed} times: {way}", last)
        try:
            return self._builder.follow(built, answer.status, location)
        except ValueError as problem:
            raise TargetError(Phase.REDIRECT, f"{built.title} was redirected {problem}: {_path(location)}", last) from None

    def _hide_secrets(self) -> None:
        auth, hide = self.target.auth, self.redactor.add
        for name, value in self.target.headers.items():
            if isinstance(value, Secret):
                hide(value.reveal(), f"header {name}")
        if auth is not None and auth.bearer is not None:
            hide(auth.bearer.reveal(), "bearer token")
        if auth is not None and auth.password is not None:
            hide(auth.password.reveal(), "password")
            hide(basic(auth.username or "", auth.password.reveal()), "credentials")


class _Values(Mapping[str, Any]):
    """The names that every scenario can use; days are computed when asked for."""

    def __init__(self, session: Session, run_id: str) -> None:
        self._session = session
        self._fixed = {"nonce": session.nonce, "run_id": run_id, "vars": session.target.vars}

    def __getitem__(self, name: str) -> Any:
        if name in self._fixed:
            return self._fixed[name]
        now = self._session.now()
        if name == "now":
            return now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if name == "today":
            return now.date().isoformat()
        day = _DAY.fullmatch(name)
        if day is None:
            raise KeyError(name)
        days = int(day.group(2)) * (1 if day.group(1) == "+" else -1)
        return (now.date() + timedelta(days=days)).isoformat()

    def __iter__(self) -> Iterator[str]:
        return iter((*self._fixed, "now", "today"))

    def __len__(self) -> int:
        return len(self._fixed) + 2


def _path(url: str) -> str:
    """Return an address for a sentence: without its query, which may hold what must not be shown."""
    return url.partition("?")[0][:200]
