"""This file is for asking a name server one question and reading what it says; the one owner of dnspython among the probes."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

from probes.evidence.source import EvidenceError
from probes.net.egress import is_address
from probes.net.flight import Phase
from probes.net.reach import Found, Names
from probes.outcome import Evidence

if TYPE_CHECKING:
    from dns.message import Message

    from probes.session import Session

_PAYLOAD = 1232  # bytes of an answer over UDP that pass every network unbroken (DNS Flag Day 2020)
_TRIES = 2  # a datagram may be lost
_NAMED = frozenset({"CNAME", "NS", "PTR", "MX", "SRV"})  # whose records end in a host's name
_FOLLOWED = 16  # aliases that are followed in one answer at most


@dataclass(frozen=True, slots=True)
class Server:
    """A name server to ask. `own` is this machine's resolver, which no rule of ours keeps us from."""

    host: str
    port: int
    own: bool = False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Answered:
    """What one name server said. `records` are sorted, and as a person writes them: without trailing dots, texts unquoted."""

    host: str
    sort: str
    server: str
    code: str  # such as NOERROR or NXDOMAIN
    records: tuple[str, ...]
    ttl_s: int | None  # the shortest of the records and of the aliases that lead to them
    aliases: tuple[str, ...]  # the names that were gone through, the asked one first
    loops: bool
    authoritative: bool
    validated: bool
    refers_to: tuple[str, ...]  # name servers it points to, where it knows nothing itself
    explanation: str  # why, in the server's own words (RFC 8914)
    took_s: float
    over_tcp: bool

    @property
    def last(self) -> str:
        return self.aliases[-1]

    def as_evidence(self) -> Evidence:
        said = {
            "code": self.code,
            "records": list(self.records[:20]),
            "ttl_s": self.ttl_s,
            "aliases": list(self.aliases[1:]),
            "authoritative": self.authoritative,
            "validated": self.validated,
            "over_tcp": self.over_tcp,
            "duration_s": self.took_s,
        }
        return Evidence("dns", f"{self.sort} {self.host} asked of {self.server}", said)


def needed() -> None:
    """Raises: EvidenceError where the extra is missing."""
    try:
        import dns.message  # noqa: F401
    except ImportError:
        raise EvidenceError("asking name servers needs the extra 'dns': pip install 'vedette[dns]'") from None


def system_servers() -> list[Server]:
    """Return the name servers this machine is told to use."""
    from dns.resolver import NoResolverConfiguration, Resolver

    try:
        resolver = Resolver()
    except NoResolverConfiguration as problem:
        raise EvidenceError("this machine has no resolver configured; name one under 'resolver'") from problem
    return [Server(host, resolver.port, own=True) for host in resolver.nameservers if isinstance(host, str) and is_address(host)]


def reversed_name(address: str) -> str:
    """Return the name under which an address is looked up, such as `4.3.2.1.in-addr.arpa`."""
    return ipaddress.ip_address(address).reverse_pointer


def plain(sort: str, text: str) -> str:
    """Return a record as it is compared: names in lower case without a trailing dot, addresses in their one form."""
    if sort in ("A", "AAAA"):
        try:
            return str(ipaddress.ip_address(text.strip()))
        except ValueError:
            return text
    return text.strip().rstrip(".").lower() if sort in _NAMED else text.strip()


async def ask_server(
    session: Session, server: Server, host: str, sort: str, *, within_s: float, recurse: bool = True, dnssec: bool = False
) -> Answered:
    """Ask over UDP, and over TCP what does not fit. Answers to other questions are ignored. Raises: TargetError, NotSent."""
    import dns.flags
    import dns.message

    needed()
    query = dns.message.make_query(host, sort, use_edns=0, payload=_PAYLOAD, want_dnssec=dnssec)
    query.flags |= dns.flags.AD
    if not recurse:
        query.flags &= ~dns.flags.RD
    began, title = perf_counter(), f"DNS {sort} {host}"
    async with session.find(server.host, server.port, scheme="dns", request=title, judged=not server.own) as found:
        reply = await _over_udp(found, query, host, within_s)
    over_tcp = bool(reply.flags & dns.flags.TC)
    if over_tcp:
        left_s = max(0.1, within_s - (perf_counter() - began))
        reply = await _over_tcp(session, Server(found.address, server.port, server.own), query, host, left_s)
    return _read(reply, host, sort, str(server), perf_counter() - began, over_tcp)


class _Datagrams(asyncio.DatagramProtocol):
    """Keeps what comes; the socket is connected, so that the kernel drops what others send."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[bytes | OSError] = asyncio.Queue(64)

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._keep(data)

    def error_received(self, exc: Exception) -> None:
        if isinstance(exc, OSError):
            self._keep(exc)

    def _keep(self, what: bytes | OSError) -> None:
        if not self.came.full():
            self.came.put_nowait(what)


async def _over_udp(found: Found, query: Message, host: str, within_s: float) -> Message:
    flight, ignored = found.flight, 0
    address = (found.address, flight.port)
    transport, came = await asyncio.get_running_loop().create_datagram_endpoint(_Datagrams, remote_addr=address)
    flight.connected, flight.phase = perf_counter(), Phase.FIRST_BYTE
    try:
        for _ in range(_TRIES):
            transport.sendto(query.to_wire())
            try:
                async with asyncio.timeout(within_s / _TRIES):
                    while True:
                        reply = _answer_to(query, await came.came.get(), found, host)
                        if reply is not None:
                            return reply
                        ignored += 1
            except TimeoutError:
                continue
    finally:
        transport.close()
        await asyncio.sleep(0)  # lets the transport close its socket
    beside = f", only {ignored} that did not belong to our question" if ignored else ""
    raise found.trouble(f"the name server {found.where} gave no answer about {host} within {within_s:g} s{beside}")


def _answer_to(query: Message, data: bytes | OSError, found: Found, host: str) -> Message | None:
    """Return the answer, or None for what is none to this question: another id, another question, or no message at all."""
    import dns.exception
    import dns.message

    if isinstance(data, OSError):
        raise found.trouble(f"nothing answers questions about {host} at {found.where}: {(data.strerror or str(data)).lower()}")
    try:
        reply = dns.message.from_wire(data)
    except (dns.exception.DNSException, ValueError):
        return None
    if not query.is_response(reply):
        return None
    found.flight.first_byte, found.flight.received = perf_counter(), len(data)
    return reply


async def _over_tcp(session: Session, server: Server, query: Message, host: str, within_s: float) -> Message:
    """Ask again for what was cut short over UDP (RFC 7766)."""
    from probes.session import TargetError

    wire = query.to_wire()
    names: Names = {"scheme": "dns", "request": f"DNS {host} over TCP"}
    try:
        async with session.connect(server.host, server.port, judged=not server.own, **names) as reached:
            async with reached.within(within_s):
                await reached.send(len(wire).to_bytes(2) + wire)
                size = int.from_bytes(await _exactly(reached, 2))
                reply = _answer_to(query, await _exactly(reached, size), reached, host)
            if reply is None:
                raise reached.trouble("what came is no answer to the question")
            return reply
    except TargetError as problem:
        sentence = f"the answer about {host} does not fit into one datagram, and over TCP there is none: {problem}"
        raise TargetError(problem.phase, sentence, problem.exchange) from problem


async def _exactly(reached: Any, size: int) -> bytes:
    came = b""
    while len(came) < size:
        data = await reached.read(size - len(came))
        if not data:
            raise reached.trouble(f"{reached.where} ended the connection after {len(came)} of {size} bytes")
        came += data
    return came


def _read(reply: Message, host: str, sort: str, server: str, took_s: float, over_tcp: bool) -> Answered:
    import dns.flags
    import dns.rcode
    import dns.rdatatype

    names, loops, ttls, sets = _followed(reply, host, sort)
    records = [record for one in sets for record in one]
    refers = [plain("NS", r.to_text()) for one in reply.authority if one.rdtype == dns.rdatatype.NS for r in one]
    own = bool(reply.flags & dns.flags.AA)
    return Answered(
        host=host,
        sort=sort,
        server=server,
        code=dns.rcode.to_text(reply.rcode()),
        records=tuple(sorted({plain(sort, _text(record)) for record in records})),
        ttl_s=min([*ttls, *(one.ttl for one in sets)], default=None),
        aliases=tuple(names),
        loops=loops,
        authoritative=own,
        validated=bool(reply.flags & dns.flags.AD),
        refers_to=tuple(refers) if not reply.answer and not own else (),
        explanation="; ".join(one.text for one in reply.extended_errors() if one.text)[:200],
        took_s=took_s,
        over_tcp=over_tcp,
    )


def _followed(reply: Message, host: str, sort: str) -> tuple[list[str], bool, list[int], list[Any]]:
    """Follow the aliases inside one answer: names gone through, whether they go round, their TTLs, and the last one's records."""
    import dns.rdatatype

    at = {(plain("NS", one.name.to_text()), one.rdtype): one for one in reply.answer}
    wanted = dns.rdatatype.from_text(sort)
    names = [plain("NS", host)]
    ttls: list[int] = []
    while len(names) <= _FOLLOWED:
        if (names[-1], wanted) in at:
            return names, False, ttls, [at[names[-1], wanted]]
        alias = at.get((names[-1], dns.rdatatype.CNAME))
        if alias is None:
            return names, False, ttls, []
        ttls.append(alias.ttl)
        names.append(plain("NS", next(iter(alias)).target.to_text()))
        if names[-1] in names[:-1]:
            return names, True, ttls, []
    return names, False, ttls, []


def _text(record: Any) -> str:
    strings = cast(Sequence[bytes] | None, getattr(record, "strings", None))
    return record.to_text() if strings is None else b"".join(strings).decode("utf-8", "backslashreplace")
