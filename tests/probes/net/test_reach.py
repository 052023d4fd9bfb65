"""This file is for what must be true of reaching a port that does not speak HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import trustme

from probes.net.flight import Phase
from probes.net.reach import tls_for
from probes.session import EgressRefused, RequestLimit, TargetError
from probes.target import Tls
from tests.probes.sessions import session_at, target_at

pytestmark = pytest.mark.anyio
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HERE = "http://127.0.0.1:1"


@contextlib.asynccontextmanager
async def listening(talk: Talk, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    tasks: set[asyncio.Task[Any]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await talk(reader, writer)
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(one, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)
        await asyncio.sleep(0)  # lets the transports close their sockets
        await server.wait_closed()


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 hello\r\n")
    await writer.drain()
    await reader.read()


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    writer.transport.abort()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def names(*addresses: str) -> dict[str, Any]:
    async def resolve(host: str, port: int) -> list[str]:
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return list(addresses)

    return {"resolve": resolve}


async def test_a_banner_is_read_and_the_exchange_is_written_down() -> None:
    async with listening(greet) as port:
        session = session_at(HERE, session=names("127.0.0.1"))
        async with session.connect("mail.example", port) as reached:
            assert (await reached.read(), reached.address) == (b"220 hello\r\n", "127.0.0.1")
        assert reached.exchange is not None and session.exchanges == (reached.exchange,)
        seen = reached.exchange
    assert (seen.method, seen.url, seen.body_bytes, seen.trouble) == ("TCP", f"tcp://mail.example:{port}", 11, "")
    timed = seen.phases
    assert None not in (timed.dns_s, timed.connect_s, timed.first_byte_s, timed.body_s) and timed.tls_s is None


async def test_the_name_is_resolved_once_and_that_very_address_is_used() -> None:
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    async with (
        listening(greet) as port,
        session_at(HERE, session={"resolve": resolve}).find("a.example", port, scheme="x") as found,
    ):
        assert (asked, found.where) == (["a.example"], f"127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("addresses", "private", "word"),
    [
        (("10.1.2.3",), False, "private"),
        (("169.254.169.254",), True, "metadata"),
        (("::ffff:169.254.169.254",), True, "metadata"),
    ],
    ids=["private", "metadata", "metadata in IPv6"],
)
async def test_the_egress_policy_holds_for_every_protocol(addresses: tuple[str, ...], private: bool, word: str) -> None:
    session = session_at(HERE, session=names(*addresses), private_networks=private)
    with pytest.raises(EgressRefused, match=word):
        async with session.connect("evil.example", 5432):
            raise AssertionError("connected")
    with pytest.raises(EgressRefused, match=word):
        async with session.find("evil.example", 5432, scheme="grpc"):
            raise AssertionError("found")
    assert session.exchanges == ()


async def test_a_refused_connection_is_told_with_its_address() -> None:
    port, session = free_port(), session_at(HERE)
    with pytest.raises(TargetError, match=f"staging refused the connection at 127.0.0.1:{port}") as caught:
        async with session.connect("127.0.0.1", port):
            raise AssertionError("connected")
    assert caught.value.phase is Phase.CONNECT and "refused" in session.exchanges[0].trouble


async def test_a_name_that_is_not_there_is_told() -> None:
    with pytest.raises(TargetError, match=r"the name gone\.example could not be resolved \(TCP gone\.example:25\)") as caught:
        async with session_at(HERE, session=names()).connect("gone.example", 25):
            raise AssertionError("connected")
    assert caught.value.phase is Phase.DNS


async def test_a_reset_while_reading_is_told() -> None:
    async with listening(hang_up) as port:
        with pytest.raises(TargetError, match=r"broke off the connection at .*: connection reset"):
            async with session_at(HERE).connect("127.0.0.1", port) as reached:
                await reached.read()


async def test_what_is_waited_for_inside_is_bounded_and_named() -> None:
    async with listening(silent) as port:
        with pytest.raises(TargetError, match=r"staging sent no byte of an answer within 0\.05 s") as caught:
            async with session_at(HERE).connect("127.0.0.1", port) as reached, reached.within(0.05):
                await reached.read()
    assert caught.value.phase is Phase.FIRST_BYTE


async def test_a_handshake_that_never_ends_is_bounded_by_the_limit_to_connect() -> None:
    async with listening(silent) as port:
        with pytest.raises(TargetError, match=r"did not finish the TLS handshake at .* within 0\.1 s"):
            async with session_at(HERE, limits={"connect": "100ms"}).connect("127.0.0.1", port, tls=Tls()):
                raise AssertionError("connected")


async def test_a_handshake_is_made_and_timed() -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("shop.example").configure_cert(context)
    ours = ssl.create_default_context()
    authority.configure_trust(ours)
    async with listening(greet, context) as port:
        session = session_at(HERE, session=names("127.0.0.1"))
        async with session.connect("shop.example", port, tls=ours, scheme="smtps") as reached:
            assert reached.ssl_object is not None and await reached.read() == b"220 hello\r\n"
        assert session.exchanges[0].phases.tls_s is not None
        with pytest.raises(TargetError, match=r"the certificate is not for other\.example") as caught:
            async with session.connect("shop.example", port, tls=ours, server_name="other.example"):
                raise AssertionError("connected")
        assert caught.value.phase is Phase.TLS
        with pytest.raises(TargetError, match="self-signed or from an unknown issuer"):
            async with session.connect("shop.example", port, tls=Tls()):
                raise AssertionError("connected")


async def test_a_port_without_tls_is_told() -> None:
    async with listening(greet) as port:
        with pytest.raises(TargetError, match="it does not speak TLS there"):
            async with session_at(HERE).connect("127.0.0.1", port, tls=Tls()):
                raise AssertionError("connected")


async def test_reaching_counts_as_a_request() -> None:
    async with listening(greet) as port:
        session = session_at(HERE, limits={"requests": 1})
        async with session.connect("127.0.0.1", port):
            pass
        with pytest.raises(RequestLimit):
            async with session.connect("127.0.0.1", port):
                raise AssertionError("connected")


async def test_what_is_interrupted_is_remembered_as_waited_for() -> None:
    async with listening(silent) as port:
        session = session_at(HERE)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05), session.connect("127.0.0.1", port) as reached:
                await reached.read()
        assert session.in_flight == f"the first byte of TCP 127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("host", "port", "certificate"),
    [
        ("shop.example", 443, "me.pem"),
        ("SHOP.example", 443, "me.pem"),
        ("shop.example", 8443, None),
        ("other.example", 443, None),
    ],
    ids=["its own", "in another case", "another port", "another host"],
)
def test_a_client_certificate_goes_to_the_targets_own_port_only(host: str, port: int, certificate: str | None) -> None:
    target = target_at("https://shop.example", tls={"client_certificate": "me.pem", "server_name": "x.example"})
    assert tls_for(target, host, port).client_certificate == certificate
