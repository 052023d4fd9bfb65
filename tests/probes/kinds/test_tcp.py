"""This file is for the kind `tcp`: what counts as an answer, what counts as closed, and when neither is proven."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import pytest
import trustme
from pydantic import ValidationError

from probes.kinds.tcp import Tcp
from probes.outcome import Verdict
from tests.probes.kinds.asked import asked, the
from vedette.reference.edge.face_tcp import Talk, listening

pytestmark = pytest.mark.anyio
HOST = "127.0.0.1"


def tcp(port: int | str, **options: Any) -> Tcp:
    return Tcp.model_validate({"host": HOST, "port": port, **options})


def saying(*pieces: bytes, end: bool = False) -> Talk:
    """Send each piece when the one before was taken, then listen, or end."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        if not end:
            await reader.read()

    return talk


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"you said " + await reader.read(100))
    await reader.read()


@pytest.mark.parametrize(
    ("pieces", "options"),
    [
        ((b"220 ma", b"il ready\r\n"), {"expect": {"contains": "mail ready"}}),
        ((b"OK\n",), {"expect": {"equals": "OK\n"}, "settle": "30ms"}),
        ((b"J\x00\x00\x00\n8.0\xff",), {"expect": {"matches": r"8\.0\xff"}}),
        (("größe".encode(),), {"expect": {"contains": "größe"}}),
        ((b"x" * 5000,), {"expect": {"matches": "^x{4096}$"}}),
        ((b"ready",), {"expect": {"not_contains": "error", "contains": "ready"}, "settle": "30ms"}),
    ],
    ids=["in pieces", "whole", "no UTF-8", "UTF-8", "up to the cap", "and not"],
)
async def test_a_banner_is_read_as_far_as_needed(pieces: tuple[bytes, ...], options: dict[str, Any]) -> None:
    async with listening(saying(*pieces)) as port:
        outcome = await asked(tcp(port, **options))
    assert outcome.verdict is Verdict.PASS, outcome.sentence


@pytest.mark.parametrize("options", [{"send": "ping"}, {"send_hex": "70 69 6e 67"}], ids=["text", "bytes"])
async def test_what_is_sent_is_answered(options: dict[str, Any]) -> None:
    async with listening(echo) as port:
        outcome = await asked(tcp(port, expect={"contains": "you said ping"}, **options))
    assert outcome.verdict is Verdict.PASS and outcome.exchanges[0].body_bytes == 13


async def test_no_more_than_the_cap_is_read() -> None:
    async with listening(saying(b"x" * 100_000)) as port:
        outcome = await asked(tcp(port, expect={"contains": "y"}, read_bytes=1000))
    assert outcome.exchanges[0].body_bytes == 1000 and outcome.verdict is Verdict.FAIL


async def test_an_expectation_that_nothing_can_break_proves_nothing() -> None:
    async with listening(saying(b"hello")) as port:
        outcome = await asked(tcp(port, expect={"not_contains": "error"}, settle="10ms"))
    assert outcome.verdict is Verdict.INCONCLUSIVE and "would also accept" in outcome.sentence


async def test_a_connection_alone_is_proven_by_a_port_that_takes_none() -> None:
    async with listening(saying()) as port, listening(None) as unused, listening(saying()) as taken:
        sound = await asked(tcp(port, unused_port=unused))
        doubted = await asked(tcp(port, unused_port=taken))
    assert (sound.verdict, doubted.verdict) == (Verdict.PASS, Verdict.INCONCLUSIVE)
    assert "takes them all" in doubted.sentence


async def test_a_slow_connection_is_told_softly_or_hard() -> None:
    async with listening(saying()) as port, listening(None) as unused:
        soft = await asked(tcp(port, unused_port=unused, warn_above=0, duration=60))
        hard = await asked(tcp(port, unused_port=unused, duration=0))
    assert (soft.verdict, hard.verdict) == (Verdict.DEGRADED, Verdict.FAIL)
    assert "longer than 0 s" in hard.sentence


async def test_tls_is_verified_when_asked_for() -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    async with listening(saying(b"+OK"), context) as port:
        with authority.cert_pem.tempfile() as ca_file:
            trusted = await asked(tcp(port, tls=True, expect={"contains": "+OK"}), tls={"ca_file": ca_file})
        strange = await asked(tcp(port, tls=True, expect={"contains": "+OK"}))
    assert trusted.verdict is Verdict.PASS
    assert strange.verdict is Verdict.FAIL and "unknown issuer" in strange.sentence


# Closed ports


async def test_a_closed_port_is_proven_by_one_that_is_open() -> None:
    async with listening(None) as port, listening(saying()) as alive:
        outcome = await asked(tcp(port, closed=True, alive=alive))
        own = await asked(Tcp(port=port, closed=True), url=f"http://{HOST}:{alive}")
    assert (outcome.verdict, own.verdict) == (Verdict.PASS, Verdict.PASS)
    assert the(outcome, "the port is closed").observed.startswith("staging refused the connection")


async def test_a_host_of_which_nothing_is_known_only_seems_closed() -> None:
    outcome = await asked(Tcp(host="other.example", port=5432, closed=True))
    assert outcome.verdict is Verdict.INCONCLUSIVE and "name an open port under 'alive'" in outcome.sentence
    assert outcome.exchanges == ()


async def test_an_open_port_is_not_blamed_where_everything_seems_open() -> None:
    async with listening(saying()) as port, listening(saying()) as unused:
        outcome = await asked(tcp(port, closed=True, alive=port, unused_port=unused))
    assert outcome.verdict is Verdict.INCONCLUSIVE and "takes them all" in outcome.sentence


# What is nobody's fault but ours


async def test_our_own_policy_is_no_closed_port() -> None:
    outcome = await asked(tcp(5432, closed=True, alive=80), private_networks=False)
    assert outcome.verdict is Verdict.ERROR and "private_networks" in outcome.sentence


@pytest.mark.parametrize(
    ("options", "word"),
    [({"port": "{{vars.port}}"}, "should be a port"), ({"port": 80, "host": "{{vars.host}}"}, "is no name of a host")],
    ids=["port", "host"],
)
async def test_a_variable_that_does_not_fit_is_the_suites_mistake(options: dict[str, Any], word: str) -> None:
    outcome = await asked(Tcp.model_validate(options), vars={"port": "http", "host": "a b"})
    assert outcome.verdict is Verdict.ERROR and word in outcome.sentence


async def test_a_port_may_come_from_the_targets_variables() -> None:
    async with listening(saying(b"hello")) as port:
        outcome = await asked(tcp("{{vars.port}}", expect={"contains": "hello"}), vars={"port": str(port)})
    assert outcome.verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"port": 0}, "from 1 to 65535"),
        ({"port": True}, "from 1 to 65535"),
        ({"port": 80, "host": "http://x"}, "a host's name alone"),
        ({"port": 80, "host": "x:80"}, "under 'port'"),
        ({"port": 80, "send_hex": "0g"}, "hexadecimal"),
        ({"port": 80, "send": "a", "send_hex": "00"}, "only one of"),
        ({"port": 80, "expect": {"matches": "("}}, "regular expression"),
        ({"port": 80, "closed": True, "expect": {"contains": "x"}}, "remove 'closed'"),
        ({"port": 80, "alive": 81}, "with 'closed: true'"),
        ({"port": 80, "warn_above": "2s", "duration": "1s"}, "never warns"),
    ],
    ids=str,
)
def test_a_mistake_is_refused_before_anything_is_sent(options: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        Tcp.model_validate(options)
