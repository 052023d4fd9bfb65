"""This file is for the ports of the system: a mail server's greeting, a cache's answer, a gateway, and a database kept inside."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from vedette.reference.fault import Fault

FAULTS = (
    Fault(
        "tcp_banner_wrong",
        "tcp",
        "after a move the port of the mail server leads to the SSH server",
        ("speaks something else", "SSH-2.0"),
        system="edge",
    ),
    Fault(
        "tcp_silent",
        "tcp",
        "the mail server hangs in a look-up of the caller's name before it greets",
        ("sent no byte",),
        system="edge",
    ),
    Fault(
        "tcp_hangs_up",
        "tcp",
        "the mail server has no free slot and ends each connection without a word",
        ("ended without a word",),
        system="edge",
    ),
    Fault(
        "tcp_port_closed",
        "tcp",
        "the gateway was not started again after the update",
        ("refused the connection",),
        system="edge",
    ),
    Fault("tcp_resets", "tcp", "the mail server crashes on each connection", ("connection reset",), system="edge"),
    Fault(
        "tcp_cache_loading",
        "tcp",
        "the cache takes connections but still loads its data, and says so",
        ("speaks something else", "LOADING"),
        system="edge",
    ),
    Fault(
        "tcp_database_port_open",
        "tcp",
        "a firewall rule opened for a debugging session was never closed again",
        ("is open", "must take none"),
        system="edge",
    ),
    Fault(
        "tcp_accepts_all",
        "tcp",
        "a proxy in front takes every connection on every port, whether anybody stands behind it or not",
        ("takes them all",),
        vacuity=True,
        system="edge",
    ),
    Fault(
        "tcp_host_gone",
        "tcp",
        "the database's host is switched off, so its port only seems to be closed",
        ("only seems closed",),
        vacuity=True,
        system="edge",
    ),
)
MODULES: tuple[str, ...] = ()

_GREETING = b"220 mail.vedette.example ESMTP ready\r\n"
_NO_LINGER = struct.pack("ii", 1, 0)

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serve(bugs: Collection[str], folder: Path) -> AsyncIterator[Mapping[str, str]]:
    """Serve all ports; those that are closed are held, so that nobody else can open them meanwhile."""
    mail = next((talk for name, talk in _MAIL.items() if name in bugs), _greet)
    cache = _loading if "tcp_cache_loading" in bugs else _pong
    async with AsyncExitStack() as stack:

        async def port(talk: Talk | None) -> str:
            return str(await stack.enter_async_context(listening(talk)))

        yield {
            "VEDETTE_EDGE_TCP_MAIL": await port(mail),
            "VEDETTE_EDGE_TCP_CACHE": await port(cache),
            "VEDETTE_EDGE_TCP_GATEWAY": await port(None if "tcp_port_closed" in bugs else _listen),
            "VEDETTE_EDGE_TCP_DATABASE": await port(_listen if "tcp_database_port_open" in bugs else None),
            "VEDETTE_EDGE_TCP_DATABASE_ADMIN": await port(None if "tcp_host_gone" in bugs else _listen),
            "VEDETTE_EDGE_TCP_UNUSED": await port(_listen if "tcp_accepts_all" in bugs else None),
        }


@asynccontextmanager
async def listening(talk: Talk | None, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Hold a port on loopback: with `talk` it takes connections, without it refuses them."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    number = int(sock.getsockname()[1])
    if talk is None:
        try:
            yield number
        finally:
            sock.close()
        return
    tasks: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with suppress(OSError, asyncio.CancelledError):
                await talk(reader, writer)
        finally:
            tasks.discard(task)
            _end(writer)

    server = await asyncio.start_server(one, sock=sock, ssl=context)
    try:
        yield number
    finally:
        server.close()
        left = list(tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.sleep(0)  # lets the connections close their sockets
        await server.wait_closed()


def _end(writer: asyncio.StreamWriter) -> None:
    """Close at once: the end of a TLS connection would be waited for, of a plain one what was written is still sent."""
    if writer.get_extra_info("ssl_object") is None:
        writer.close()
    else:
        writer.transport.abort()


async def _greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(_GREETING)
    await _listen(reader, writer)


async def _greet_as_another(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.2p1\r\n")
    await _listen(reader, writer)


async def _hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    writer.transport.abort()


async def _pong(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readline()
    writer.write(b"+PONG\r\n")
    await _listen(reader, writer)


async def _loading(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readline()
    writer.write(b"-LOADING the dataset is being loaded into memory\r\n")
    await _listen(reader, writer)


async def _listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


_MAIL: Mapping[str, Talk] = {
    "tcp_banner_wrong": _greet_as_another,
    "tcp_silent": _listen,
    "tcp_hangs_up": _hang_up,
    "tcp_resets": _reset,
}
