"""This file is for asking whether a name leads where it should, everywhere, and leads nowhere once it is given up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import Field, PositiveInt, field_validator, model_validator

from probes.bounds import Bounds
from probes.dns_answers import Answered, Server, ask_server, needed, reversed_name, system_servers
from probes.dns_expect import Records
from probes.fields import Duration
from probes.net.egress import Zone, is_address, zone_of
from probes.outcome import Check, check, control
from probes.places import Host, home_of, host_of, port_of, split_place
from probes.probe import Probe
from probes.request import fill, has_places
from probes.session import Session, TargetError

Sort = Literal["A", "AAAA", "CNAME", "MX", "TXT", "NS", "SRV", "CAA", "SOA", "PTR"]


class Private(StrEnum):
    """What a private address in an answer means: somebody's inner network, or an attack by rebinding."""

    FAIL = "fail"
    WARN = "warn"
    ALLOW = "allow"


class Dns(Probe, kind="dns"):
    """Ask a name server for a name's records and judge them; with `nxdomain: true` the name must not exist at all.

    Aliases are followed; a circle, too many of them, one that leads to a name that does not exist, a server that is not in
    charge, and an answer that fits neither one datagram nor comes over TCP are told apart.
    Control: a random name beside it does not lead to the same records, as it would where the zone or the resolver answers
    everything. With `wildcard: true` a random name under `.invalid` is asked for instead (RFC 6761); with `nxdomain: true`, the
    zone above exists, so that the server does not merely deny everything.
    Source: RFC 1034 section 3.6.2 (aliases), RFC 7766 (TCP), RFC 8914 (explanations), RFC 8020 (NXDOMAIN).
    """

    extra: ClassVar[str] = "dns"

    host: Host | None = None  # the name, for PTR also an address; default: the target's own; may hold `{{vars.name}}`
    type: Sort = "A"  # A, AAAA, CNAME, MX, TXT, NS, SRV, CAA, SOA or PTR
    resolver: str | None = None  # the name server to ask, as `HOST` or `HOST:PORT`; default: this machine's own
    expect: Records | None = None  # a record, a list of all of them, or what must hold of them; default: there is one
    ttl: Bounds | None = None  # seconds that the answer may be kept; a cache counts them down, so ask a server in charge
    authoritative: bool = False  # true: the server must be in charge of the zone, and is not asked to look elsewhere
    dnssec: bool = False  # true: the resolver must have validated the answer (its AD flag; trust it as you trust the way to it)
    same_on: tuple[str, ...] = ()  # other name servers that must give the same records
    nxdomain: bool = False  # true: the name must not exist, such as one that was given up
    wildcard: bool = False  # true: every name beside it leads to the same records, and that is meant
    private_addresses: Private | None = None  # fail, warn or allow; default: warn, allow where the target has `private_networks`
    aliases: PositiveInt = Field(default=8, le=16)  # gone through at most
    answer_within: Duration = Field(default=3.0, gt=0)  # of each answer, with a second try after half of it
    duration: Duration | None = None  # hard: an answer that takes longer is a failure
    warn_above: Duration | None = None  # soft: longer is degraded

    @field_validator("resolver", "same_on")
    @classmethod
    def _places(cls, value: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        for written in (value,) if isinstance(value, str) else value or ():
            if not has_places(written):
                split_place(written, 53)
        return value

    @model_validator(mode="after")
    def _can_decide(self) -> Dns:
        if self.nxdomain and (self.expect or self.ttl or self.same_on or self.wildcard):
            raise ValueError(
                "a name that must not exist has no records: remove 'nxdomain', or 'expect', 'ttl', 'same_on', 'wildcard'"
            )
        wrong = self.expect.unusable(self.type) if self.expect else ""
        if wrong:
            raise ValueError(f"'{wrong}' cannot be a record of type {self.type}")
        if self.duration is not None and self.warn_above is not None and self.warn_above >= self.duration:
            raise ValueError("'warn_above' should be shorter than 'duration', or it never warns")
        return self

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        """Ask, judge, ask the others, and ask for what cannot be."""
        needed()
        host, server = self._host(session), self._server(session, self.resolver)
        said = await self._ask(session, server, host)
        session.measure("dns duration", said.took_s, "s")
        trouble = self._trouble(said)
        if self.nxdomain:
            yield self._gone(said, trouble)
            yield await self._zone_is_there(session, server, host)
            return
        observed = ", ".join(said.records) or said.code
        name = f"the name has {self.type} records"
        yield check(name, holds=not trouble, expected="a record", observed=observed, say=trouble, evidence=said.as_evidence())
        for made in self._timely(said):
            yield made
        if trouble:
            return
        for made in self._judge(session, said):
            yield made
        for other in self.same_on:
            yield await self._same(session, self._server(session, other), said)
        yield await self._not_everything(session, server, said)

    # Asking

    def _host(self, session: Session) -> str:
        host = host_of(self.host, session.values) if self.host else home_of(session.target)[0]
        if is_address(host) and self.type == "PTR":
            return reversed_name(host)
        return host

    def _server(self, session: Session, written: str | None) -> Server:
        if written is None:
            return system_servers()[0]
        host, port = split_place(str(fill(written, session.values)), 53)
        return Server(host_of(host, session.values), port_of(port, session.values))

    async def _ask(self, session: Session, server: Server, host: str, sort: str | None = None) -> Answered:
        """Ask, and follow aliases that lead out of the answer. Raises: TargetError, NotSent."""
        said = await self._once(session, server, host, sort or self.type)
        while said.code == "NOERROR" and not said.records and len(said.aliases) > 1 and not said.loops:
            if len(said.aliases) - 1 > self.aliases:
                break
            more = await self._once(session, server, said.last, said.sort)
            names = (*said.aliases, *more.aliases[1:])
            round_again = more.loops or len(set(names)) < len(names)
            said = replace(more, host=said.host, aliases=names, loops=round_again, took_s=said.took_s + more.took_s)
            if len(more.aliases) == 1:
                break
        return said

    async def _once(self, session: Session, server: Server, host: str, sort: str) -> Answered:
        session.doing = f"asking {server} about {host}"
        within_s, recurse = self.answer_within, not self.authoritative
        return await ask_server(session, server, host, sort, within_s=within_s, recurse=recurse, dnssec=self.dnssec)

    # Judging

    def _trouble(self, said: Answered) -> str:
        """Return why there are no records, in one sentence, or an empty text."""
        host, because = said.host, f": {said.explanation}" if said.explanation else ""
        if said.loops:
            return f"{host} points in a circle: {_way(said)} (as told by {said.server})"
        if len(said.aliases) - 1 > self.aliases:
            return f"{host} is reached over more than {self.aliases} aliases: {_way(said)} (as told by {said.server})"
        if said.code == "NXDOMAIN" and len(said.aliases) > 1:
            return (
                f"{host} still points to {said.last}, which does not exist: who registers that gets its visitors ({_way(said)})"
            )
        if said.code == "NXDOMAIN":
            return f"the name {host} does not exist: {said.server} says NXDOMAIN{because}"
        if said.code == "SERVFAIL":
            return f"the name server {said.server} could not find out about {host}: it says SERVFAIL{because}"
        if said.code == "REFUSED":
            return f"the name server {said.server} refuses to answer about {host} (REFUSED), as if it were not in charge of it"
        if said.code != "NOERROR":
            return f"the name server {said.server} did not answer about {host}: it says {said.code}{because}"
        if said.records:
            return ""
        if said.refers_to:
            others = ", ".join(said.refers_to[:4])
            return f"the name server {said.server} is not in charge of {host}, it only points to {others}: a lame delegation"
        via = f" at {said.last}, to which it points" if len(said.aliases) > 1 else ""
        return f"the name {host} exists, but has no {said.sort} record{via} (as told by {said.server})"

    def _gone(self, said: Answered, trouble: str) -> Check:
        gone = said.code == "NXDOMAIN" and len(said.aliases) == 1
        there = f"the name {said.host} still exists, and should not: {said.server} says {', '.join(said.records) or said.code}"
        return check(
            "the name does not exist",
            holds=gone,
            expected="NXDOMAIN",
            observed=", ".join(said.records) or said.code,
            say=there if said.records else trouble,
            evidence=said.as_evidence(),
        )

    def _timely(self, said: Answered) -> Iterator[Check]:
        for bound_s, soft in ((self.duration, False), (self.warn_above, True)):
            if bound_s is not None:
                took = f"{said.took_s * 1000:.0f} ms"
                say = f"the name server {said.server} took {took} to answer about {said.host}, longer than {bound_s:g} s"
                name = "the answer is quick" if soft else "the answer is in time"
                yield check(name, holds=said.took_s <= bound_s, soft=soft, expected=f"≤ {bound_s:g} s", observed=took, say=say)

    def _judge(self, session: Session, said: Answered) -> Iterator[Check]:
        if self.expect is not None:
            yield from self.expect.filled(session.values).judge(said, session.now())
        if self.ttl is not None:
            say = f"{said.host} may be kept for {said.ttl_s} s, expected that this {self.ttl} (as told by {said.server})"
            yield check(
                "it may be kept as long",
                holds=self.ttl.holds(said.ttl_s),
                expected=str(self.ttl),
                observed=f"{said.ttl_s} s",
                say=say,
            )
        if self.authoritative:
            say = f"the name server {said.server} answers about {said.host}, but is not in charge of it: a lame delegation"
            yield check(
                "the server is in charge",
                holds=said.authoritative,
                expected="the AA flag",
                observed=_flag(said.authoritative),
                say=say,
            )
        if self.dnssec:
            say = f"{said.server} did not validate the answer about {said.host}: it is not signed, or nobody looks at signatures"
            yield check(
                "the answer is validated", holds=said.validated, expected="the AD flag", observed=_flag(said.validated), say=say
            )
        yield from self._public(session, said)

    def _public(self, session: Session, said: Answered) -> Iterator[Check]:
        rule = self.private_addresses or (Private.ALLOW if session.target.private_networks else Private.WARN)
        if said.sort not in ("A", "AAAA") or rule is Private.ALLOW:
            return
        inner = [(text, zone_of(text)) for text in said.records]
        found = [f"{text} ({what})" for text, (zone, what) in inner if zone is not Zone.PUBLIC]
        say = (
            f"{said.host} leads to {', '.join(found)}, where nobody outside can go, but a stranger's page inside ({said.server})"
        )
        soft = rule is Private.WARN
        yield check(
            "the addresses are public", holds=not found, soft=soft, expected="public", observed=", ".join(said.records), say=say
        )

    # Other servers, other names

    async def _same(self, session: Session, server: Server, said: Answered) -> Check:
        other = await self._ask(session, server, said.host)
        theirs = ", ".join(other.records) or self._trouble(other)
        ours = ", ".join(said.records)
        return check(
            f"{server} says the same",
            holds=set(other.records) == set(said.records),
            expected=ours,
            observed=theirs,
            say=f"name servers disagree about {said.host}, so a part of its visitors goes astray: {said.server} says {ours}, "
            f"{server} says {theirs}",
            evidence=[said.as_evidence(), other.as_evidence()],
        )

    async def _not_everything(self, session: Session, server: Server, said: Answered) -> Check:
        strange = f"vedette-{session.nonce}.invalid" if self.wildcard else _beside(said.host, session.nonce, self.type)
        try:
            other = await self._ask(session, server, strange)
        except TargetError as problem:
            return control(f"{strange} does not lead there too", holds=False, say=f"no control could be made: {problem}")
        same = bool(other.records) and set(other.records) == set(said.records)
        way = "" if self.wildcard else ", or say 'wildcard: true'"
        return control(
            "a random name does not lead there too",
            holds=not same,
            expected=f"{strange} leads nowhere, or elsewhere",
            observed=", ".join(other.records) or other.code,
            say=f"{server} answers everything: the random name {strange} leads to {', '.join(other.records)} too, so that "
            f"{said.host} does proves nothing; ask a name server that is in charge{way}",
            evidence=other.as_evidence(),
        )

    async def _zone_is_there(self, session: Session, server: Server, host: str) -> Check:
        zone = host.partition(".")[2] or host
        try:
            said = await self._ask(session, server, zone, "SOA")
        except TargetError as problem:
            return control("the zone above exists", holds=False, say=f"no control could be made: {problem}")
        return control(
            "the zone above exists",
            holds=said.code == "NOERROR" and not said.refers_to,
            expected=f"{zone} exists",
            observed=", ".join(said.records) or said.code,
            say=f"{server} says {said.code} about {zone} too, so that {host} does not exist there proves nothing",
            evidence=said.as_evidence(),
        )


def _beside(host: str, nonce: str, sort: str) -> str:
    """Return a random name in the same zone: beside the host, or below it where it is a zone itself."""
    rest = host.partition(".")[2]
    below = sort == "PTR" or "." not in rest
    return f"vedette-{nonce}.{host if below else rest}"


def _way(said: Answered) -> str:
    names = said.aliases
    shown = [*names[:4], f"… {len(names) - 6} more …", *names[-2:]] if len(names) > 7 else names
    return " → ".join(shown)


def _flag(there: bool) -> str:
    return "it is set" if there else "it is not set"
