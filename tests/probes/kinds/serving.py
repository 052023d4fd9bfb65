"""This file is for a small real HTTP server on loopback whose answers take turns, so that requests really overlap."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from probes.outcome import Outcome, Subject
from probes.probe import Probe, ask
from probes.session import Session
from probes.target import Target

SUBJECT = Subject(suite="test", scenario="a scenario", kind="http", target="loopback", environment="development")


@dataclass(frozen=True)
class Call:
    """One request as it came; `data` is its JSON body."""

    headers: Mapping[str, str]
    data: Any
    peer: str


@dataclass(frozen=True)
class Said:
    """One answer to give; a document that is bytes goes out as it is."""

    document: Any = None
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


Serve = Callable[[Call], Awaitable[Said]]


@contextlib.asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[str]:
    """Serve on a free port and lend the address."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            said = await serve(Call(headers, json.loads(body or b"null"), writer.get_extra_info("peername")[0]))
            raw = said.document if isinstance(said.document, bytes) else json.dumps(said.document).encode()
            lines = [f"HTTP/1.1 {said.status} X", f"Content-Length: {len(raw)}", "Connection: close"]
            lines += [f"{name}: {value}" for name, value in (("Content-Type", "application/json"), *said.headers)]
            writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + raw)
            await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def outcome_of(probe: Probe, url: str, *, deadline_s: float = 30.0, **target: Any) -> Outcome:
    """Ask once through the real frame and session."""
    aim = Target.model_validate({"name": "loopback", "base_url": url, "private_networks": True, "allow": ["burst"], **target})
    return await ask(probe, Session(target=aim, subject=SUBJECT, run_id="run-1"), run_id="run-1", deadline_s=deadline_s)
