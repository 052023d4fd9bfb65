"""This file is for the kind `dns`: what name servers say, what they say wrongly, and when a name that is gone is proven gone."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import dns.flags
import dns.message
import pytest
from pydantic import ValidationError

from probes.dns_answers import Server
from probes.kinds import dns as kind
from probes.kinds.dns import Dns
from probes.outcome import Outcome, Verdict
from tests.probes.kinds.asked import asked, the
from vedette.reference.edge.face_dns import NameServer, Zone, name_server

pytestmark = pytest.mark.anyio
ZONE: Zone = {
    ("shop.example", "SOA"): ["ns.shop.example. mail.shop.example. 1 3600 600 86400 60"],
    ("shop.example", "A"): ["203.0.113.10", "203.0.113.11"],
    ("shop.example", "AAAA"): ["2001:db8:0:0::1"],
    ("shop.example", "NS"): ["NS.Shop.Example."],
    ("shop.example", "CAA"): ['0 issue "letsencrypt.org"'],
    ("shop.example", "TXT"): ['"v=spf1 " "-all"'],
    ("_sip._tcp.shop.example", "SRV"): ["10 5 5060 sip.shop.example."],
    ("10.113.0.203.in-addr.arpa", "PTR"): ["shop.example."],
    ("inner.shop.example", "A"): ["192.168.1.4"],
    ("www.shop.example", "CNAME"): ["shop.example."],
}


@contextlib.asynccontextmanager
async def serving(zone: Zone, *bugs: str) -> AsyncIterator[tuple[str, NameServer]]:
    server = NameServer(zone, bugs)
    async with name_server(server) as port:
        yield f"127.0.0.1:{port}", server


async def told(zone: Zone = ZONE, *bugs: str, target: dict[str, Any] | None = None, **options: Any) -> Outcome:
    async with serving(zone, *bugs) as (address, _):
        return await asked(Dns.model_validate({"host": "shop.example", "resolver": address, **options}), **(target or {}))


@pytest.mark.parametrize(
    ("options"),
    [
        {"expect": ["203.0.113.11", "203.0.113.10"]},
        {"expect": {"contains": "203.0.113.10", "count": {"ge": 2}, "every": {"matches": "^203"}}},
        {"type": "AAAA", "expect": "2001:db8::1"},
        {"type": "NS", "expect": "ns.shop.example."},
        {"type": "CAA", "expect": {"any": {"contains": "letsencrypt.org"}}},
        {"type": "TXT", "expect": "v=spf1 -all"},
        {"type": "SRV", "host": "_sip._tcp.shop.example", "expect": "10 5 5060 sip.shop.example"},
        {"type": "PTR", "host": "203.0.113.10", "expect": "shop.example"},
        {"type": "CNAME", "host": "www.shop.example", "expect": "shop.example"},
        {"type": "SOA", "authoritative": True, "ttl": {"ge": 300, "le": 300}},
        {"expect": "{{vars.address}}", "host": "inner.shop.example"},
    ],
    ids=["A", "some A", "AAAA", "NS", "CAA", "TXT", "SRV", "PTR", "CNAME", "SOA", "from a variable"],
)
async def test_records_of_each_type_are_compared_as_people_write_them(options: dict[str, Any]) -> None:
    outcome = await told(target={"vars": {"address": "192.168.1.4"}}, **options)
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    assert outcome.exchanges[0].url.startswith("dns://127.0.0.1:")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"expect": "203.0.113.10"}, "leads to 203.0.113.10, 203.0.113.11 instead of 203.0.113.10"),
        ({"expect": {"contains": ["203.0.113.99"]}}, "lacks 203.0.113.99"),
        ({"expect": {"count": 1}}, "has 2 records"),
        ({"expect": {"every": {"matches": "11$"}}}, "expected that each record matches '11$'"),
        ({"expect": {"any": {"matches": "99$"}}}, "expected that a record matches '99$'"),
        ({"type": "MX"}, "exists, but has no MX record"),
        ({"dnssec": True}, "did not validate the answer"),
        ({"ttl": {"lt": 60}}, "may be kept for 300 s"),
        ({"host": "inner.shop.example", "private_addresses": "fail"}, "leads to 192.168.1.4 (private)"),
        ({"nxdomain": True}, "still exists, and should not"),
        ({"nxdomain": True, "type": "MX"}, "exists, but has no MX record"),
    ],
    ids=["others", "lacking", "count", "every", "any", "no data", "dnssec", "ttl", "private", "not gone", "not gone, no data"],
)
async def test_what_is_wrong_is_told(options: dict[str, Any], words: str) -> None:
    outcome = await told(**options)
    assert (outcome.verdict, words in outcome.sentence) == (Verdict.FAIL, True), outcome.sentence


async def test_a_private_address_is_told_softly_where_the_target_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(ZONE) as (address, _):
        own = Server("127.0.0.1", int(address.rpartition(":")[2]), own=True)
        monkeypatch.setattr(kind, "system_servers", lambda: [own])
        outcome = await asked(Dns(host="inner.shop.example"), private_networks=False)
    assert outcome.verdict is Verdict.DEGRADED and "192.168.1.4 (private)" in outcome.sentence


async def test_a_private_name_server_is_refused_unless_it_is_this_machines_own() -> None:
    outcome = await told(target={"private_networks": False})
    assert outcome.verdict is Verdict.ERROR and "private_networks" in outcome.sentence and outcome.exchanges == ()


# Aliases


def chained(length: int) -> Zone:
    """Return a zone in which one name leads to the next."""
    zone = dict(ZONE)
    for number in range(length):
        zone[(f"a{number}.example", "CNAME")] = [f"a{number + 1}.example."]
    zone[(f"a{length}.example", "A")] = ["203.0.113.10"]
    return zone


class OneAtATime(NameServer):
    """A server in charge that tells one alias in each answer, as those do that keep the next name elsewhere."""

    def answer(self, wire: bytes) -> dns.message.Message | None:
        reply = super().answer(wire)
        if reply is not None and len(reply.answer) > 1:
            del reply.answer[1:]
        return reply


@pytest.mark.parametrize("sort", [NameServer, OneAtATime], ids=["in one answer", "one in each answer"])
@pytest.mark.parametrize(("length", "verdict"), [(3, Verdict.PASS), (4, Verdict.FAIL)], ids=["as many", "too many"])
async def test_aliases_are_followed_as_far_as_allowed(sort: type[NameServer], length: int, verdict: Verdict) -> None:
    async with name_server(sort(chained(length))) as port:
        probe = Dns(host="a0.example", resolver=f"127.0.0.1:{port}", aliases=3, expect={"contains": "203.0.113.10"})  # type: ignore[arg-type]
        outcome = await asked(probe)
    assert outcome.verdict is verdict, outcome.sentence
    assert verdict is Verdict.PASS or "over more than 3 aliases: a0.example → a1.example" in outcome.sentence


@pytest.mark.parametrize("sort", [NameServer, OneAtATime], ids=["in one answer", "one in each answer"])
async def test_a_circle_is_told_and_ends(sort: type[NameServer]) -> None:
    zone: Zone = {**ZONE, ("a.example", "CNAME"): ["b.example."], ("b.example", "CNAME"): ["a.example."]}
    async with name_server(sort(zone)) as port:
        outcome = await asked(Dns(host="a.example", resolver=f"127.0.0.1:{port}"))
    assert outcome.verdict is Verdict.FAIL and "in a circle: a.example → b.example → a.example" in outcome.sentence


async def test_an_alias_without_an_end_can_be_taken_over_and_is_not_gone() -> None:
    outcome = await told({**ZONE, ("old.shop.example", "CNAME"): ["gone.cloud.example."]}, host="old.shop.example", nxdomain=True)
    assert outcome.verdict is Verdict.FAIL and "old.shop.example still points to gone.cloud.example" in outcome.sentence


# The controls, each broken once


async def test_a_name_that_is_gone_is_proven_by_its_zone() -> None:
    gone = await told(host="old.shop.example", nxdomain=True)
    nothing = await told({("other.example", "A"): ["203.0.113.1"]}, host="old.shop.example", nxdomain=True)
    assert gone.verdict is Verdict.PASS
    assert nothing.verdict is Verdict.INCONCLUSIVE and "says NXDOMAIN about shop.example too" in nothing.sentence


class Wildcard(NameServer):
    """A zone in which every name that ends in .shop.example leads to one address."""

    def answer(self, wire: bytes) -> dns.message.Message | None:
        name = dns.message.from_wire(wire).question[0].name.to_text().rstrip(".")
        if name.endswith(".shop.example"):
            self.zone = {**self.zone, (name, "A"): ["203.0.113.10"]}
        return super().answer(wire)


async def test_a_zone_that_answers_everything_proves_nothing_unless_it_is_meant() -> None:
    async with name_server(Wildcard(ZONE)) as port:
        options = {"host": "any.shop.example", "resolver": f"127.0.0.1:{port}", "expect": "203.0.113.10"}
        doubted = await asked(Dns.model_validate(options))
        meant = await asked(Dns.model_validate({**options, "wildcard": True}))
    assert doubted.verdict is Verdict.INCONCLUSIVE and "answers everything" in doubted.sentence
    assert meant.verdict is Verdict.PASS


async def test_a_resolver_that_answers_everything_proves_nothing_even_then() -> None:
    outcome = await told(ZONE, "dns_answers_everything", host="any.shop.example", wildcard=True)
    assert outcome.verdict is Verdict.INCONCLUSIVE and ".invalid leads to" in outcome.sentence


# Datagrams


class Datagrams(asyncio.DatagramProtocol):
    """Answers each question with the datagrams that a function makes of it."""

    def __init__(self, make: Callable[[bytes], list[bytes]]) -> None:
        self.make = make

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        for one in self.make(data):
            self.transport.sendto(one, addr)


@contextlib.asynccontextmanager
async def datagrams(make: Callable[[bytes], list[bytes]]) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: Datagrams(make), local_addr=("127.0.0.1", 0))
    try:
        yield f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    finally:
        transport.close()
        await asyncio.sleep(0)


def right(question: bytes) -> bytes:
    reply = NameServer(ZONE).answer(question)
    assert reply is not None
    return reply.to_wire()


def forged(question: bytes) -> list[bytes]:
    """Return answers to other questions: another id, another name, no answer flag, and no message at all."""
    lie = NameServer({("shop.example", "A"): ["198.51.100.66"]})
    wrong_id = bytes([question[0] ^ 0xFF]) + question[1:]
    other_name = question.replace(b"\x04shop", b"\x04shap")
    made = [reply.to_wire() for asked_for in (wrong_id, other_name) if (reply := lie.answer(asked_for)) is not None]
    return [*made, question, b"junk"]


async def test_answers_to_other_questions_are_ignored() -> None:
    async with datagrams(lambda question: [*forged(question), right(question)]) as address:
        outcome = await asked(Dns(host="shop.example", resolver=address, expect=["203.0.113.10", "203.0.113.11"]))  # type: ignore[arg-type]
    assert outcome.verdict is Verdict.PASS, outcome.sentence


async def test_nothing_but_forged_answers_is_no_answer() -> None:
    async with datagrams(forged) as address:
        outcome = await asked(Dns(host="shop.example", resolver=address, answer_within=0.1))
    assert outcome.verdict is Verdict.FAIL and "that did not belong to our question" in outcome.sentence


async def test_a_lost_datagram_is_sent_again() -> None:
    came: list[bytes] = []

    def all_but_the_first(question: bytes) -> list[bytes]:
        came.append(question)
        return [right(question)] if len(came) > 1 else []

    async with datagrams(all_but_the_first) as address:
        outcome = await asked(Dns(host="shop.example", resolver=address, answer_within=1.0))
    assert outcome.verdict is Verdict.PASS, outcome.sentence


async def test_a_port_on_which_no_name_server_listens_is_told_at_once() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    outcome = await asked(Dns(host="shop.example", resolver=f"127.0.0.1:{port}", answer_within=60), deadline_s=10)
    assert (
        outcome.verdict is Verdict.FAIL
        and f"nothing answers questions about shop.example at 127.0.0.1:{port}" in outcome.sentence
    )


async def test_a_long_answer_comes_over_tcp() -> None:
    zone: Zone = {**ZONE, ("long.shop.example", "TXT"): [" ".join(f'"{"x" * 200}"' for _ in range(10))]}
    outcome = await told(zone, host="long.shop.example", type="TXT", expect={"every": {"matches": "^x{2000}$"}})
    assert outcome.verdict is Verdict.PASS and the(outcome, "has TXT records").evidence[0].data["over_tcp"] is True


# What is nobody's fault but ours


async def test_a_missing_extra_is_our_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dns.message", None)
    outcome = await asked(Dns(host="shop.example", resolver="127.0.0.1:9"))
    assert outcome.verdict is Verdict.ERROR and "pip install 'vedette[dns]'" in outcome.sentence


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"type": "ANY"}, "CNAME"),
        ({"type": "A", "expect": "2001:db8::1"}, "cannot be a record of type A"),
        ({"type": "AAAA", "expect": {"contains": "shop.example"}}, "cannot be a record of type AAAA"),
        ({"expect": []}, "give a record"),
        ({"expect": {"any": {"matches": "("}}}, "regular expression"),
        ({"resolver": "http://1.1.1.1"}, "without scheme and path"),
        ({"resolver": "1.1.1.1:99999"}, "should be a port"),
        ({"resolver": "[1.1.1.1"}, "ADDRESS"),
        ({"same_on": ["1.1.1.1", "a b"]}, "is no name of a host"),
        ({"nxdomain": True, "expect": "203.0.113.1"}, "has no records"),
        ({"warn_above": "2s", "duration": "1s"}, "never warns"),
        ({"aliases": 17}, "16"),
    ],
    ids=str,
)
def test_a_mistake_is_refused_before_anything_is_sent(options: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        Dns.model_validate({"host": "shop.example", **options})
