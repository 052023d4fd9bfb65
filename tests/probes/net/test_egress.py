"""This file is for where nothing may be sent, however the address is written."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest

from probes.net.egress import EgressRefused, Zone, admit, choose, resolve, zone_of
from probes.request import RequestTemplate
from probes.session import NotSent, Phase, TargetError
from tests.probes.badserver import Talk, answer, saying, serving
from tests.probes.sessions import session_at

FORBIDDEN = [
    "169.254.169.254", "169.254.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192", "0.0.0.0", "0.1.2.3", "224.0.0.1",
    "255.255.255.255", "::", "fe80::1", "fe80::1%eth0", "ff02::1", "fd00:ec2::254", "fd20:ce::254", "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1",
]  # fmt: skip
PRIVATE = [
    "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "198.18.0.1", "240.0.0.1",
    "::1", "fc00::1", "fdff::1", "fec0::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:0a00:0001::1",
    "::127.0.0.1", "64:ff9b:1::7f00:1",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:1.1.1.1"]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_metadata_link_local_and_multicast_are_never_permitted(address: str) -> None:
    assert zone_of(address)[0] is Zone.FORBIDDEN
    with pytest.raises(EgressRefused, match="never permitted") as caught:
        admit("host", address, private_networks=True)
    assert caught.value.always


@pytest.mark.parametrize("address", PRIVATE)
def test_private_networks_are_permitted_by_the_target_only(address: str) -> None:
    assert zone_of(address)[0] is Zone.PRIVATE
    admit("host", address, private_networks=True)
    with pytest.raises(EgressRefused, match="permit it with 'private_networks: true' at the target"):
        admit("host", address, private_networks=False)


def test_a_resolver_that_hangs_does_not_hold_up_the_end_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(60))

    async def ask() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await resolve("hangs.example", 80)

    began = time.monotonic()
    asyncio.run(ask())  # joins the threads of asyncio's own pool
    took_s = time.monotonic() - began
    over.set()
    assert took_s < 30


@pytest.mark.parametrize("address", PUBLIC)
def test_the_internet_is_permitted(address: str) -> None:
    admit("host", address, private_networks=False)


def test_the_names_of_metadata_services_are_refused_wherever_they_lead() -> None:
    with pytest.raises(EgressRefused):
        admit("Metadata.Google.Internal.", "1.1.1.1", private_networks=True)


def test_ipv4_is_chosen_first() -> None:
    assert choose(["::1", "127.0.0.1", "127.0.0.2"]) == "127.0.0.1"
    assert choose(["::2", "::1"]) == "::2"


class Resolver:
    """Says another address each time it is asked, as an attacker's name server does."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return [self.answers.pop(0)]


@pytest.mark.anyio
async def test_the_address_that_was_judged_is_the_address_that_is_used() -> None:
    rebinding = Resolver("127.0.0.1", "169.254.169.254")
    async with serving(saying(answer(b"ok"))) as server:
        got = await session_at(f"http://api.test:{server.port}", session={"resolve": rebinding}).send(RequestTemplate())
    assert got.address == "127.0.0.1"
    assert rebinding.asked == ["api.test"]


@pytest.mark.anyio
async def test_a_refused_address_is_no_fault_of_the_target_and_nothing_is_sent() -> None:
    async with serving(saying(answer(b"ok"))) as server:
        with pytest.raises(EgressRefused, match=r"nothing was sent to api\.test \(127\.0\.0\.1\): the address is loopback"):
            await session_at(
                f"http://api.test:{server.port}", private_networks=False, session={"resolve": Resolver("127.0.0.1")}
            ).send(RequestTemplate())
    assert server.connections == 0


@pytest.mark.anyio
@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1"])
async def test_an_address_in_another_spelling_is_judged_as_what_it_is(host: str) -> None:
    assert await resolve(host, 80) == ["127.0.0.1"]
    with pytest.raises(NotSent):
        await session_at(f"http://{host}", private_networks=False).send(RequestTemplate())


@pytest.mark.anyio
@pytest.mark.parametrize("location", ["http://169.254.169.254/latest/meta-data/?x=y", "http://[::ffff:169.254.169.254]/"])
async def test_a_redirect_into_metadata_is_the_targets_failure(location: str) -> None:
    async def script(talk: Talk) -> None:
        await talk.send(answer(status="302 Found", location=location))

    async with serving(script) as server:
        session = session_at(server.url)
        with pytest.raises(TargetError, match="the target redirected to a refused address: ") as caught:
            await session.send(RequestTemplate(follow_redirects=3))
    assert caught.value.phase is Phase.EGRESS
    assert "x=y" not in str(caught.value)
    assert [one.status for one in session.exchanges] == [302, None]


@pytest.mark.anyio
async def test_a_redirect_is_resolved_and_judged_anew() -> None:
    async def script(talk: Talk) -> None:
        await talk.send(answer(status="302 Found", location=f"http://api.test:{talk.server.port}/next"))

    rebinding = Resolver("127.0.0.1", "169.254.169.254")
    async with serving(script) as server:
        session = session_at(f"http://api.test:{server.port}", session={"resolve": rebinding})
        with pytest.raises(TargetError, match="refused address"):
            await session.send(RequestTemplate(follow_redirects=3))
    assert server.connections == 1
