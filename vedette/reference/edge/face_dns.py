"""This file is for the system's name servers: one zone, told by two servers on loopback over UDP and TCP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from vedette.reference.edge.face_tcp import listening
from vedette.reference.fault import Fault

if TYPE_CHECKING:
    from dns.message import Message
    from dns.rrset import RRset

ZONE = "vedette.example"
_ROWS = (
    ("dns_nxdomain", "the record was lost in a move to another provider", ("does not exist", "NXDOMAIN")),
    ("dns_servfail", "the signatures of the zone were not renewed, so resolvers refuse it", ("SERVFAIL", "signature expired")),
    ("dns_refused", "the provider ended the contract and the server does not know the zone any more", ("REFUSED",)),
    ("dns_wrong_address", "the address of the old data centre came back with a restored backup", ("instead of 203.0.113.10",)),
    ("dns_cname_loop", "two aliases were made to point to each other", ("in a circle", "www.vedette.example →")),
    (
        "dns_alias_dangling",
        "the alias of a campaign still points to a cloud service that was given up",
        ("still points to", "registers"),
    ),
    ("dns_name_not_removed", "the name of a service that was switched off was left in the zone", ("still exists",)),
    ("dns_ttl_zero", "the TTL was set to 0 for the move and never set back", ("may be kept for 0 s",)),
    ("dns_stale_second_resolver", "the second server does not get the zone's changes any more", ("disagree", "198.51.100.7")),
    ("dns_truncated_no_tcp", "a firewall lets name servers talk over UDP only", ("does not fit into one datagram", "refused")),
    ("dns_slow", "each question waits for a log on a slow disk", ("took", "longer than 1 s")),
    ("dns_private_address", "the address inside was put into the zone that everybody sees", ("10.0.0.5", "private")),
    ("dns_mail_lost", "the MX record was deleted as unknown", ("has no MX record",)),
    ("dns_mail_open_to_forgery", "the SPF record was replaced by a verification text", ("TXT records", "v=spf1")),
    ("dns_lame", "the delegation still points to a server that only knows who else to ask", ("lame delegation",)),
)
_EMPTY_ROWS = (
    ("dns_answers_everything", "a landing page's record answers for every name", ("answers everything",)),
    ("dns_silent", "the name server is gone, and nobody tells", ("gave no answer",)),
    ("dns_denies_everything", "an empty zone was loaded, so every name is denied", ("does not exist",)),
)
FAULTS = tuple(Fault(name, "dns", story, hint, system="edge") for name, story, hint in _ROWS) + tuple(
    Fault(name, "dns", story, hint, vacuity=True, system="edge") for name, story, hint in _EMPTY_ROWS
)
MODULES = ("dns",)

_SHOP, _OLD, _WRONG, _PRIVATE = "203.0.113.10", "198.51.100.7", "198.51.100.66", "10.0.0.5"  # RFC 5737 and RFC 1918
_SLOW_S = 1.3
_LONG_KEY = " ".join(f'"{"k" * 250}"' for _ in range(8))  # a text that no datagram takes

Zone = dict[tuple[str, str], list[str]]


@dataclass
class NameServer:
    """What one server knows, and how it behaves."""

    zone: Zone
    bugs: Collection[str] = ()
    delay_s: float = 0.0
    asked: list[str] = field(default_factory=list)

    def answer(self, wire: bytes) -> Message | None:
        """Return the answer to a question, or None where it says nothing at all."""
        import dns.flags
        import dns.message
        import dns.rcode
        import dns.rdatatype

        query = dns.message.from_wire(wire)
        reply = dns.message.make_response(query, recursion_available=True)
        if "dns_silent" in self.bugs or not query.question:
            return None
        asked = query.question[0]
        name, sort = asked.name.to_text().rstrip(".").lower(), dns.rdatatype.to_text(asked.rdtype)
        self.asked.append(f"{sort} {name}")
        if "dns_refused" in self.bugs:
            reply.set_rcode(dns.rcode.REFUSED)
        elif "dns_servfail" in self.bugs:
            self._failed(reply)
        elif "dns_lame" in self.bugs:
            _put(reply.authority, ZONE, "NS", ["ns.elsewhere.example."])
        else:
            self._tell(reply, name, sort)
        return reply

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one question over TCP."""
        with suppress(asyncio.IncompleteReadError):
            size = int.from_bytes(await reader.readexactly(2))
            reply = self.answer(await reader.readexactly(size))
            if reply is not None:
                wire = reply.to_wire(max_size=65535)
                writer.write(len(wire).to_bytes(2) + wire)
                await writer.drain()

    def _tell(self, reply: Message, name: str, sort: str) -> None:
        import dns.flags
        import dns.rcode

        reply.flags |= dns.flags.AA
        seen: list[str] = []
        while name not in seen and (alias := self.zone.get((name, "CNAME"))) and sort != "CNAME":
            seen.append(name)
            _put(reply.answer, name, "CNAME", alias, self._ttl)
            name = alias[0].rstrip(".")
        records = self.zone.get((name, sort), [])
        if not records and "dns_answers_everything" in self.bugs and (name, sort) != (f"old.{ZONE}", "A"):
            records = [_SHOP] if sort == "A" else []
        if records:
            _put(reply.answer, name, sort, records, self._ttl)
        elif name not in {known for known, _ in self.zone} and name not in seen:
            reply.set_rcode(dns.rcode.NXDOMAIN)

    @property
    def _ttl(self) -> int:
        return 0 if "dns_ttl_zero" in self.bugs else 300

    def _failed(self, reply: Message) -> None:
        import dns.edns
        import dns.rcode

        reply.set_rcode(dns.rcode.SERVFAIL)
        reply.use_edns(0, options=[dns.edns.EDEOption(dns.edns.EDECode.SIGNATURE_EXPIRED, "signature expired")])


@asynccontextmanager
async def serve(bugs: Collection[str], folder: Path) -> AsyncIterator[Mapping[str, str]]:
    """Serve the zone by two servers; with some of the faults only one of them has it."""
    zone = _zone(bugs)
    stale: Zone = {**zone, (f"shop.{ZONE}", "A"): [_OLD]} if "dns_stale_second_resolver" in bugs else zone
    async with AsyncExitStack() as stack:
        ports = []
        for known, delay_s in ((zone, _SLOW_S if "dns_slow" in bugs else 0.0), (stale, 0.0)):
            server = NameServer(known, bugs, delay_s)
            ports.append(await stack.enter_async_context(name_server(server, tcp="dns_truncated_no_tcp" not in bugs)))
        yield {"VEDETTE_EDGE_DNS": f"127.0.0.1:{ports[0]}", "VEDETTE_EDGE_DNS_SECOND": f"127.0.0.1:{ports[1]}"}


def _zone(bugs: Collection[str]) -> Zone:
    if "dns_denies_everything" in bugs:
        return {("elsewhere.example", "SOA"): ["ns.elsewhere.example. mail.elsewhere.example. 1 3600 600 86400 60"]}
    shop = {"dns_wrong_address": _WRONG, "dns_private_address": _PRIVATE}
    zone: Zone = {
        (ZONE, "SOA"): [f"ns.{ZONE}. hostmaster.{ZONE}. 2026010101 3600 600 86400 60"],
        (ZONE, "NS"): [f"ns.{ZONE}."],
        (ZONE, "MX"): [f"10 mail.{ZONE}."],
        (ZONE, "TXT"): ['"v=spf1 mx -all"', '"vedette-verification=1"'],
        (f"shop.{ZONE}", "A"): [next((text for name, text in shop.items() if name in bugs), _SHOP)],
        (f"www.{ZONE}", "CNAME"): [f"shop.{ZONE}."],
        (f"key._domainkey.{ZONE}", "TXT"): [_LONG_KEY],
    }
    changes: dict[str, Callable[[], object]] = {
        "dns_nxdomain": lambda: zone.pop((f"shop.{ZONE}", "A")),
        "dns_cname_loop": lambda: zone.update(
            {(f"www.{ZONE}", "CNAME"): [f"web.{ZONE}."], (f"web.{ZONE}", "CNAME"): [f"www.{ZONE}."]}
        ),
        "dns_alias_dangling": lambda: zone.update({(f"old.{ZONE}", "CNAME"): ["campaign.cloud.example."]}),
        "dns_name_not_removed": lambda: zone.update({(f"old.{ZONE}", "A"): [_OLD]}),
        "dns_mail_lost": lambda: zone.pop((ZONE, "MX")),
        "dns_mail_open_to_forgery": lambda: zone.update({(ZONE, "TXT"): ['"vedette-verification=1"']}),
    }
    for name, change in changes.items():
        if name in bugs:
            change()
    return zone


def _put(section: list[RRset], name: str, sort: str, records: list[str], ttl: int = 300) -> None:
    import dns.rrset

    section.append(dns.rrset.from_text(f"{name}.", ttl, "IN", sort, *records))


@asynccontextmanager
async def name_server(server: NameServer, *, tcp: bool = True) -> AsyncIterator[int]:
    """Serve over UDP and TCP on one port of loopback."""
    tasks: set[asyncio.Task[None]] = set()
    async with listening(server.talk if tcp else None) as port:  # held all the same, so that nobody else takes it
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Udp(server, tasks), local_addr=("127.0.0.1", port))
        try:
            yield port
        finally:
            transport.close()
            left = list(tasks)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer, tasks: set[asyncio.Task[None]]) -> None:
        self._server, self._tasks = server, tasks
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        task = asyncio.get_running_loop().create_task(self._say(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _say(self, data: bytes, addr: tuple[str, int]) -> None:
        import dns.flags
        import dns.message

        if self._server.delay_s:
            await asyncio.sleep(self._server.delay_s)
        reply = self._server.answer(data)
        if reply is None or self._transport is None or self._transport.is_closing():
            return
        wire = reply.to_wire(max_size=65535)
        if len(wire) > 1232:
            short = dns.message.make_response(dns.message.from_wire(data), recursion_available=True)
            short.flags |= dns.flags.TC
            wire = short.to_wire()
        self._transport.sendto(wire, addr)
