"""This file is for asking whether a port takes connections and greets as it should, or is closed as it must be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from pydantic import Field, field_validator, model_validator

from probes.fields import Duration
from probes.matchers import Selection, TextMatcher
from probes.net.flight import Phase
from probes.net.reach import Reached, tls_for
from probes.operators import shown
from probes.outcome import Check, Evidence, check, control
from probes.places import Host, Port, home_of, host_of, port_of
from probes.probe import Probe
from probes.session import Session, TargetError

# IANA, Service Name and Transport Protocol Port Number Registry: unassigned, so that nobody's service is disturbed
_UNASSIGNED = 4
_SETTLED_BY_A_PART = frozenset({"contains", "matches"})  # what came later could not undo these
_OTHERS = ("", "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n<html>400</html>", "\x15\x03\x01\x00\x02\x02\x46")


@dataclass(frozen=True, slots=True)
class _Seen:
    """One connection that was taken, and what was heard on it."""

    reached: Reached
    text: str

    @property
    def took_s(self) -> float:
        exchange = self.reached.exchange
        return exchange.duration_s if exchange else 0.0

    def as_evidence(self) -> Evidence:
        return Evidence("exchange", f"TCP {self.reached.where}", {"duration_s": self.took_s, "received": shown(self.text)})


class Tcp(Probe, kind="tcp"):
    """Connect to a port: it takes the connection, and greets or answers as expected. With `closed: true` it must not.

    A port that must be closed may refuse the connection or leave it unanswered; both are as good.
    Control: for an open port, the `expect` refuses nothing at all and other protocols' greetings; without `expect`, a port
    on which nobody listens does not take a connection, for some networks take every one. For a closed port, the
    host is there: `alive` takes a connection.
    """

    host: Host | None = None  # default: the target's own; may hold `{{vars.name}}`
    port: Port  # 1 to 65535, or `{{vars.name}}`
    tls: bool = False  # true: shake hands first, the certificate verified as the target's `tls` says
    server_name: str | None = None  # the name that the certificate must have, where it is not the host's
    send: str | None = None  # text to send once connected; write line ends as "\r\n" in double quotes
    send_hex: str | None = None  # bytes to send instead, as hexadecimal digits
    expect: TextMatcher | None = None  # of the banner or the answer, as text (bytes that are no UTF-8 are read as Latin-1)
    answer_within: Duration | None = None  # of the banner or the answer; default: the target's `limits.request`
    settle: Duration = 0.25  # silence after which an answer counts as whole, where a part of it cannot settle `expect`
    read_bytes: int = Field(default=4096, ge=1, le=1024 * 1024)  # read at most
    duration: Duration | None = None  # hard, from resolving to the last byte: longer is a failure
    warn_above: Duration | None = None  # soft: longer is degraded
    closed: bool = False  # true: the port must not take connections from here
    alive: Port | None = None  # a port of the same host that does; default: that of the target's `base_url`, on its own host
    unused_port: Port = _UNASSIGNED  # on which nobody listens: must not take connections, or being connected proves nothing

    @field_validator("send_hex")
    @classmethod
    def _hexadecimal(cls, value: str | None) -> str | None:
        try:
            bytes.fromhex(value or "")
        except ValueError:
            raise ValueError("should be hexadecimal digits, two for each byte, such as '0d 0a'") from None
        return value

    @model_validator(mode="after")
    def _can_decide(self) -> Tcp:
        if self.send is not None and self.send_hex is not None:
            raise ValueError("give only one of 'send' and 'send_hex'")
        if self.closed and (self.expect or self.send is not None or self.send_hex is not None or self.tls):
            raise ValueError("a port that must be closed can neither be sent anything nor answer: remove 'closed', or the rest")
        if not self.closed and self.alive is not None:
            raise ValueError("'alive' is only looked at with 'closed: true'")
        if self.duration is not None and self.warn_above is not None and self.warn_above >= self.duration:
            raise ValueError("'warn_above' should be shorter than 'duration', or it never warns")
        return self

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        """Connect, or see that nobody can."""
        host = host_of(self.host, session.values) if self.host else home_of(session.target)[0]
        port = port_of(self.port, session.values)
        asking = self._ask_closed if self.closed else self._ask_open
        async for made in asking(session, host, port):
            yield made

    async def _ask_open(self, session: Session, host: str, port: int) -> AsyncIterator[Check]:
        seen = await self._talk(session, host, port)
        where = seen.reached.where if host == seen.reached.address else f"{host}:{port} ({seen.reached.address})"
        proof = seen.as_evidence()
        session.measure("connect duration", seen.took_s, "s")
        yield check(
            "the port takes connections", holds=True, expected="a connection", observed=seen.reached.where, evidence=proof
        )
        for made in self._judge_text(session, where, seen):
            yield made
        for bound_s, soft in ((self.duration, False), (self.warn_above, True)):
            if bound_s is not None:
                took = f"{seen.took_s * 1000:.0f} ms"
                say = f"{where} took {took} to answer, longer than {bound_s:g} s"
                name = "it is quick" if soft else "it is in time"
                yield check(name, holds=seen.took_s <= bound_s, soft=soft, expected=f"≤ {bound_s:g} s", observed=took, say=say)
        if self.expect is None:
            yield await self._unused_is_closed(session, host, seen.reached.address)

    async def _ask_closed(self, session: Session, host: str, port: int) -> AsyncIterator[Check]:
        alive = self._alive(session, host)
        if alive is None:
            say = (
                f"nothing shows that {host} is there at all, so port {port} may only seem closed; name an open port under 'alive'"
            )
            yield control("the host is there", holds=False, say=say)
            return
        refusal, address = await self._refusal(session, host, port)
        if not refusal:
            unused = await self._unused_is_closed(session, host, address)
            if unused.verdict != "pass":
                yield unused
                return
        yield check(
            "the port is closed",
            holds=bool(refusal),
            expected="refused or unanswered",
            observed=refusal or f"a connection was taken at {address}",
            say=f"port {port} of {host} is open: {address} took a connection, and must take none from here",
        )
        yield await self._is_alive(session, host, alive)

    # Talking

    async def _talk(self, session: Session, host: str, port: int) -> _Seen:
        """Raises: TargetError."""
        tls = tls_for(session.target, host, port) if self.tls else None
        async with session.connect(host, port, tls=tls, server_name=self.server_name or "") as reached:
            data = bytes.fromhex(self.send_hex) if self.send_hex is not None else (self.send or "").encode()
            limit_s = session.target.limits.request if self.answer_within is None else self.answer_within
            until = session.monotonic() + limit_s
            async with reached.within(limit_s):
                if data:
                    await reached.send(data)
                first = await reached.read(self.read_bytes) if self.expect is not None else b""
            if first and self.expect is not None:
                return _Seen(reached, await self._hear(session, reached, self.expect, first, until))
        return _Seen(reached, "")

    async def _hear(self, session: Session, reached: Reached, expect: TextMatcher, first: bytes, until: float) -> str:
        """Return what came: until it settles the expectation, is whole, or is enough; or the time is over."""
        came, early = bytearray(first), expect.model_fields_set <= _SETTLED_BY_A_PART
        while len(came) < self.read_bytes:
            if early and all(f.holds for f in expect.judge(Selection([_text(came)]), session.now())):
                break
            left_s = until - session.monotonic()
            try:
                async with asyncio.timeout(left_s if early else min(left_s, self.settle)):
                    data = await reached.read(self.read_bytes - len(came))
            except TimeoutError:
                break
            if not data:
                break
            came += data
        return _text(came)

    def _judge_text(self, session: Session, where: str, seen: _Seen) -> list[Check]:
        if self.expect is None:
            return []
        made = []
        what = "answer" if self.send is not None or self.send_hex is not None else "banner"
        for finding in self.expect.judge(Selection([seen.text], hollow=not seen.text.strip()), session.now()):
            reason = f"the {what} {finding.reason}" if seen.text else "the connection was ended without a word"
            say = f"{where} speaks something else than expected: {reason}, expected that it {finding.phrase}"
            made.append(
                check(
                    f"the {what} {finding.phrase}",
                    holds=finding.holds,
                    expected=finding.phrase,
                    observed=finding.observed,
                    say=say,
                    evidence=seen.as_evidence(),
                )
            )
        return [*made, self._refuses_others(session, self.expect, what)]

    def _refuses_others(self, session: Session, expect: TextMatcher, what: str) -> Check:
        accepted = [
            other for other in _OTHERS if all(f.holds for f in expect.judge(Selection([other], hollow=not other), session.now()))
        ]
        return control(
            f"another {what} would be refused",
            holds=not accepted,
            expected="nothing at all, an HTTP error and a TLS alert are refused",
            observed=f"accepted: {', '.join(map(shown, accepted))}" if accepted else "all refused",
            say=f"'expect' would also accept {shown(accepted[0]) if accepted else ''} as {what}, so a pass would prove nothing",
        )

    # What must not take connections

    async def _refusal(self, session: Session, host: str, port: int) -> tuple[str, str]:
        """Return why no connection came about, an empty text where one did, and the address that was tried."""
        try:
            async with session.connect(host, port) as reached:
                return "", reached.address
        except TargetError as problem:
            if problem.phase is not Phase.CONNECT:
                raise
            return str(problem), problem.exchange.address if problem.exchange else host

    async def _unused_is_closed(self, session: Session, host: str, address: str) -> Check:
        port = port_of(self.unused_port, session.values)
        refusal, _ = await self._refusal(session, address, port)
        return control(
            "a port on which nobody listens takes no connection",
            holds=bool(refusal),
            expected=f"port {port} takes none",
            observed=refusal or f"port {port} took one",
            say=f"port {port} of {host}, on which nobody should listen, took a connection too ({address}): something in between "
            "takes them all, so being connected proves nothing; expect a banner, or name another 'unused_port'",
        )

    def _alive(self, session: Session, host: str) -> int | None:
        if self.alive is not None:
            return port_of(self.alive, session.values)
        own_host, own_port = home_of(session.target)
        return own_port if own_host == host.lower() else None

    async def _is_alive(self, session: Session, host: str, alive: int) -> Check:
        refusal, _ = await self._refusal(session, host, alive)
        return control(
            "the host is there",
            holds=not refusal,
            expected=f"port {alive} takes a connection",
            observed=refusal or "it did",
            say=f"{host} takes no connection on port {alive} either, so it is down and the port only seems closed: {refusal}",
        )


def _text(data: bytes | bytearray) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
