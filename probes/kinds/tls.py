"""This file is for asking whether a server's certificates stand, for how long, and whether nothing weak is spoken."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import Field, PositiveFloat, field_validator

from probes import certificates, handshakes
from probes.bounds import AtLeast
from probes.certificates import Shown, UnreadableCertificate
from probes.chain import judge_names, judge_span, judge_strength, judge_time, why_refused
from probes.matchers import Selection, TextMatcher
from probes.net.flight import Phase
from probes.net.reach import Names, Reached, tls_for
from probes.net.tls import context_for
from probes.outcome import Check, check, control, note
from probes.places import Host, Port, home_of, host_of, port_of
from probes.probe import Probe
from probes.session import Session, TargetError
from probes.target import Tls as Settings

Version = Literal["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where all handshakes go: one and the same address."""

    host: str  # as a person knows it, and as the certificate must name it
    address: str
    port: int
    tls: Settings

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class _Shaken:
    """One handshake: what was shown and agreed on, or why there was none."""

    shown: tuple[Shown, ...] = ()
    verified: frozenset[str] = frozenset()  # fingerprints of the path that was verified
    version: str = ""
    cipher: str = ""
    alpn: str = ""
    address: str = ""
    refusal: str = ""
    code: int = 0  # of our verification; 0 where it was not our verification that refused


class Tls(Probe, kind="tls"):
    """Shake hands with a server and judge its certificates as a client would that is strict.

    The chain must lead to an authority that is trusted (the system's, or the target's `tls.ca_file`), be complete, in time
    and for this host; keys and signatures must be strong; versions older than `minimum` must be refused, each one tried.
    Control: the same handshake for another name, and one that trusts no authority, are refused. With `tls.verify: false` at
    the target the outcome is inconclusive. Revocation is not looked at, nor stapled answers (Python cannot read them).
    Source: RFC 9525 (names), RFC 8996 (TLS 1.0 and 1.1 must not be used), CA/Browser Forum Baseline Requirements 6 and 7.
    """

    extra: ClassVar[str] = "tls"

    host: Host | None = None  # default: the target's own; may hold `{{vars.name}}`
    port: Port | None = None  # default: the target's own where the host is, else 443
    server_name: Host | None = None  # the name that is asked for and that the certificate must have; default: the host
    days_left: AtLeast | None = None  # hard: that every certificate of the chain is still valid, such as `{ge: 14}`
    warn_days_left: AtLeast | None = AtLeast(ge=14)  # soft: the same; null: no warning
    minimum: Version = "TLSv1.2"  # older versions must be refused
    names: tuple[str, ...] = ()  # that the certificate must be for, beside the server name
    issuer: TextMatcher | None = None  # of the server's own certificate, such as `{contains: "O=Let's Encrypt"}`
    alpn: str | None = Field(None, pattern=r"^[!-~]{1,255}$")  # the protocol that must be agreed on, such as h2
    forward_secrecy: bool = True  # the agreed cipher must not let a stolen key open what was recorded before
    validity_days: PositiveFloat | None = 398  # soft: the whole time for which the certificate is valid; null: not judged

    @field_validator("names")
    @classmethod
    def _plain(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if "*" in name:
                raise ValueError(f"name a host that '{name}' should be good for, such as '{name.replace('*', 'www')}'")
        return value

    @property
    def _offered(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.alpn or "h2", "http/1.1")))

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        """Look, verify, try what must be refused, and try whether we would have noticed."""
        place = self._place(session)
        session.doing = f"shaking hands with {place}"
        seen = await self._look(session, place)
        place = _Place(place.host, seen.address, place.port, place.tls)
        stands = await self._verify(session, place)
        yield self._trusted(session, place, seen, stands)
        for made in self._judge(session, place, seen, stands):
            yield made
        async for made in self._older_refused(session, place):
            yield made
        if not stands.refusal:
            async for made in self._would_notice(session, place):
                yield made

    def _place(self, session: Session) -> _Place:
        own_host, own_port = home_of(session.target)
        host = host_of(self.host, session.values) if self.host else own_host
        port = port_of(self.port, session.values) if self.port else own_port if host.lower() == own_host else 443
        tls = tls_for(session.target, host, port)
        name = host_of(self.server_name, session.values) if self.server_name else tls.server_name or host
        return _Place(name, host, port, tls)

    # Judging

    def _trusted(self, session: Session, place: _Place, seen: _Shaken, stands: _Shaken) -> Check:
        name = "the certificates are trusted, complete, in time and for this host"
        if not place.tls.verify:
            return note(name, "not looked at, because the target's 'tls.verify' is false")
        why = ""
        if stands.refusal:
            why = why_refused(seen.shown, stands.code, place.host, session.now()) if stands.code else ""
            why = f"{why} ({seen.address}:{place.port})" if why else stands.refusal
        return check(
            name,
            holds=not stands.refusal,
            expected="a handshake as strict clients make it",
            observed=stands.refusal or f"{stands.version}, {stands.cipher}",
            say=why,
            evidence=certificates.as_evidence(seen.shown),
        )

    def _judge(self, session: Session, place: _Place, seen: _Shaken, stands: _Shaken) -> Iterator[Check]:
        chain = [one for one in seen.shown if not stands.verified or one.fingerprint in stands.verified] or list(seen.shown)
        leaf, host, now = chain[0], place.host, session.now()
        session.certificate_ends(min(one.not_after for one in chain))
        for bound, soft in ((self.days_left, False), (self.warn_days_left, True)):
            if bound is not None and not (soft and stands.code):
                yield judge_time(chain, bound, host, now, soft=soft)
        yield from judge_names(leaf, self.names, host)
        yield from judge_strength(chain, host)
        if self.validity_days is not None:
            yield judge_span(leaf, self.validity_days, host)
        if self.issuer is not None:
            for finding in self.issuer.judge(Selection([leaf.issuer]), now):
                say = f"the certificate of {host} is from another issuer: it {finding.reason}, expected that it {finding.phrase}"
                phrase, observed = finding.phrase, finding.observed
                yield check(f"the issuer {phrase}", holds=finding.holds, expected=phrase, observed=observed, say=say)
        yield from self._agreed(place, seen)

    def _agreed(self, place: _Place, seen: _Shaken) -> Iterator[Check]:
        if self.alpn is not None:
            say = f"{place} does not speak {self.alpn} any more: offered it, it agreed on {seen.alpn or 'no protocol at all'}"
            name = f"{self.alpn} is agreed on"
            yield check(name, holds=seen.alpn == self.alpn, expected=self.alpn, observed=seen.alpn or "none", say=say)
        if self.forward_secrecy:
            secret = seen.version == "TLSv1.3" or seen.cipher.startswith(("ECDHE-", "DHE-"))
            yield check(
                "what is recorded today stays secret when a key is stolen",
                holds=secret,
                expected="a cipher with forward secrecy",
                observed=f"{seen.version} {seen.cipher}",
                say=f"{place} agreed on {seen.cipher} without forward secrecy: who steals its key reads all that was recorded",
            )

    # What must be refused

    async def _older_refused(self, session: Session, place: _Place) -> AsyncIterator[Check]:
        versions = list(handshakes.VERSIONS)
        older = versions[: versions.index(self.minimum)]
        if not older:
            yield note("older versions are refused", f"there is none before {self.minimum}")
        for version in reversed(older):
            name = f"{version} is refused"
            cannot = handshakes.can_speak(version)
            if cannot:
                yield note(name, f"{version} could not be tried: {cannot}")
                continue
            tried = await self._shake(session, place, handshakes.speaking(version, place.tls, self._offered))
            say = f"{place} still speaks {version} ({tried.cipher}), which is older than {self.minimum} and not safe"
            yield check(name, holds=bool(tried.refusal), expected="refused", observed=tried.refusal or "accepted", say=say)

    async def _would_notice(self, session: Session, place: _Place) -> AsyncIterator[Check]:
        if not place.tls.verify:
            say = f"the target's 'tls.verify' is false, so every certificate of {place} would do and a pass would prove nothing"
            yield control("certificates are verified", holds=False, say=say)
            return
        other = _Place(f"{session.nonce}.invalid", place.address, place.port, place.tls)
        wrong = await self._verify(session, other)
        yield control(
            "the certificate does not pass for another host's",
            holds=bool(wrong.refusal),  # by our own verification, or by a server that knows no such name
            expected=f"refused for {other.host}",
            observed=wrong.refusal or "accepted",
            say=f"the certificate of {place} was accepted for {other.host} too, so its name was not looked at",
        )
        nobody = await self._shake(session, place, handshakes.trusting_nobody(place.tls, self._offered))
        yield control(
            "without a trusted authority it is refused",
            holds=nobody.code > 0,
            expected="refused by our own verification",
            observed=nobody.refusal or "accepted",
            say=f"the certificate of {place} was accepted although no authority was trusted, so its chain was not looked at",
        )

    # Shaking hands

    async def _look(self, session: Session, place: _Place) -> _Shaken:
        """Raises: TargetError where there is no handshake at all."""
        context = handshakes.looking(place.tls, self._offered)
        async with self._connected(session, place, context) as reached:
            try:
                return _read(reached.ssl_object, reached.address)
            except UnreadableCertificate as problem:
                raise reached.trouble(f"the certificate of {place} cannot be read: {problem}") from problem

    def _connected(self, session: Session, place: _Place, context: ssl.SSLContext) -> AbstractAsyncContextManager[Reached]:
        names: Names = {"scheme": "tls", "request": f"TLS {place}"}
        return session.connect(place.address, place.port, tls=context, server_name=place.host, **names)

    async def _verify(self, session: Session, place: _Place) -> _Shaken:
        return await self._shake(session, place, context_for(place.tls, alpn=self._offered, ciphers="DEFAULT"))

    async def _shake(self, session: Session, place: _Place, context: ssl.SSLContext) -> _Shaken:
        """Return what came of it, a refusal included. Raises: TargetError where nobody could be reached."""
        try:
            async with self._connected(session, place, context) as reached:
                return _read(reached.ssl_object, reached.address)
        except TargetError as problem:
            if problem.phase is not Phase.TLS:
                raise
            return _Shaken(refusal=str(problem), code=_code(problem))
        except UnreadableCertificate:  # it was accepted all the same
            return _Shaken(version="unknown")


def _read(connection: ssl.SSLObject | None, address: str) -> _Shaken:
    """Raises: UnreadableCertificate."""
    assert connection is not None
    shown = tuple(certificates.read(der) for der in certificates.presented(connection))
    cipher = connection.cipher()
    return _Shaken(
        shown=shown,
        verified=frozenset(certificates.fingerprint(der) for der in certificates.verified(connection)),
        version=connection.version() or "",
        cipher=cipher[0] if cipher else "",
        alpn=connection.selected_alpn_protocol() or "",
        address=address,
    )


def _code(problem: BaseException | None) -> int:
    """Return the code of our own verification that is somewhere among the causes, or 0."""
    while problem is not None:
        if isinstance(problem, ssl.SSLCertVerificationError):
            return problem.verify_code
        problem = problem.__cause__
    return 0
