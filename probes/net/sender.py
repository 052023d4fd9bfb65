"""This file is for sending one request and following where it leads, each hop judged anew."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime

from probes.net import egress
from probes.net.answer import Answer
from probes.net.building import Builder, Built
from probes.net.egress import EgressRefused
from probes.net.flight import Flight, Phase, WireTrouble
from probes.net.ledger import Ledger
from probes.net.reading import Reply
from probes.net.tls import certificate_of
from probes.net.transport import Transport
from probes.net.trouble import TargetError
from probes.outcome import Exchange
from probes.request import RequestTemplate
from probes.shorten import shorten
from probes.target import Target, Tls

Turn = Callable[[], AbstractAsyncContextManager[None]]
Seen = Callable[[Answer], None]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Sender:
    """Sends for one session. Credentials, a client certificate and a special server name go to the target's own origin only."""

    def __init__(
        self,
        target: Target,
        builder: Builder,
        ledger: Ledger,
        *,
        now: Callable[[], datetime],
        resolve: egress.Resolve,
        seen: Seen | None = None,
    ) -> None:
        self._target = target
        self._builder = builder
        self._ledger = ledger
        self._now = now
        self._seen = seen  # is told of each answer of the target's own origin, of each hop of a redirect too
        limits, private = target.limits, target.private_networks
        self._home = Transport(tls=target.tls, private_networks=private, limits=limits, resolve=resolve)
        foreign = Tls(verify=target.tls.verify, ca_file=target.tls.ca_file)
        self._abroad = Transport(tls=foreign, private_networks=private, limits=limits, resolve=resolve)

    async def send(self, filled: RequestTemplate, turn: Turn, *, blame: bool = True) -> Answer:
        """Send a filled template and return the last answer. The time limit is for the whole chain of redirects.

        `turn` is entered for each request. With `blame`, a flight that is cancelled is remembered as what was waited for.
        Raises: TargetError, NotSent.
        """
        built = self._builder.build(filled)
        limits = self._target.limits
        allowed = limits.redirects if filled.follow_redirects is None else filled.follow_redirects
        left_s = limits.request if filled.timeout is None else filled.timeout
        hops: list[str] = []
        while True:
            async with turn():
                began = time.monotonic()
                answer = await self._exchange(built, left_s, hops, blame)
                left_s -= time.monotonic() - began
            location = answer.header("location") if answer.status in _REDIRECTS else None
            if not allowed or location is None:
                return answer
            hops.append(answer.url)
            built = self._next(built, answer.status, location, hops, allowed)

    async def _exchange(self, built: Built, limit_s: float, hops: list[str], blame: bool) -> Answer:
        url = built.request.url
        flight = Flight(self._target.name, built.title, url.raw_host.decode("ascii"), built.port, built.correlation_id)
        sent_at, landed = self._now(), False
        self._ledger.start(flight)
        try:
            reply, tls = await (self._home if built.own else self._abroad).send(built.request, flight, limit_s)
            landed = True
        except WireTrouble as problem:
            landed = True
            exchange = self._ledger.record(flight, str(url), body_bytes=flight.received, trouble=str(problem))
            raise TargetError(problem.phase, str(problem), exchange) from problem
        except EgressRefused as problem:
            if not hops:
                raise  # the suite's own address; a redirect is the target's doing
            landed = True
            sentence = f"the target redirected to a refused address: {_way([*hops, str(url)])} ({problem.address})"
            raise TargetError(Phase.EGRESS, sentence, self._ledger.record(flight, str(url), trouble=sentence)) from problem
        finally:
            self._ledger.land(flight, interrupted=blame and not landed)
        version, length = reply.http_version, len(reply.body)
        exchange = self._ledger.record(flight, str(url), status=reply.status, body_bytes=length, http_version=version)
        answer = self._answer(built, reply, tls, exchange, flight.address, sent_at, hops)
        if self._seen is not None and built.own:
            self._seen(answer)
        return answer

    def _answer(
        self,
        built: Built,
        reply: Reply,
        tls: ssl.SSLObject | None,
        seen: Exchange,
        address: str,
        sent_at: datetime,
        hops: list[str],
    ) -> Answer:
        return Answer(
            method=seen.method,
            url=seen.url,
            status=reply.status,
            headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in reply.headers),
            body=reply.body,
            http_version=reply.http_version,
            phases=seen.phases,
            sent_at=sent_at,
            duration_s=seen.duration_s,
            correlation_id=built.correlation_id,
            address=address,
            hops=tuple(hops),
            certificate=certificate_of(tls, sent_at) if tls is not None else None,
        )

    def _next(self, built: Built, status: int, location: str, hops: list[str], allowed: int) -> Built:
        if len(hops) > allowed:
            sentence = f"{built.title} was redirected more than {allowed} times: {_way([*hops, location])}"
            raise TargetError(Phase.REDIRECT, sentence)
        try:
            return self._builder.follow(built, status, location)
        except ValueError as problem:
            raise TargetError(Phase.REDIRECT, f"{built.title} was redirected {problem}: {_way([*hops, location])}") from None


def _way(urls: list[str]) -> str:
    """Return addresses for a sentence: without queries, which may hold what must not be shown; the middle of many left out."""
    shown = [shorten(url.partition("?")[0], 120) for url in urls]
    return " → ".join([*shown[:3], f"… {len(shown) - 5} more …", *shown[-2:]] if len(shown) > 6 else shown)
