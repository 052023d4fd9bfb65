"""This file is for sinks in tests: a free port, and waiting until something was received."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from probes.evidence.source import LogSource, LogWindow


def free_address() -> str:
    """Return an address of loopback that nobody listens at, neither by TCP nor by UDP."""
    with socket.socket() as stream, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        stream.bind(("127.0.0.1", 0))
        datagrams.bind(stream.getsockname())
        return f"127.0.0.1:{stream.getsockname()[1]}"


async def received(source: LogSource, mark: Any, lines: int, *, remarks: int = 0, last: str = "") -> LogWindow:
    """Return the window once it holds so many lines and remarks, and the last line begins with `last`."""
    async with asyncio.timeout(20):
        while True:
            window = await source.read_since(mark)
            ended = not last or (window.lines and window.lines[-1].text.startswith(last))
            if ended and len(window.lines) >= lines and len(window.remarks) >= remarks:
                return window
            await asyncio.sleep(0.001)


def send_datagrams(address: str, *messages: bytes) -> None:
    host, _, port = address.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for message in messages:
            out.sendto(message, (host, int(port)))


async def send_stream(address: str, *pieces: bytes) -> None:
    """Send pieces over one connection, and close it."""
    host, _, port = address.rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    writer.close()
    await writer.wait_closed()
