"""This file is for a small real HTTP server on loopback whose answers a test decides, one request at a time."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from probes.outcome import Outcome, Subject
from probes.probe import Probe, ask
from probes.session import Session
from probes.target import Target


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    hang_up: bool = False


def as_json(document: Any, status: int = 200, *headers: tuple[str, str]) -> Reply:
    return Reply(status, json.dumps(document).encode(), (("Content-Type", "application/json"), *headers))


Handler = Callable[[Asked], Reply]


@dataclass
class Loopback:
    """Answers by `handler`, and remembers what it was asked."""

    handler: Handler
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Loopback]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, _ = head[0].split(" ")
            headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            asked = Asked(method, path, headers, body)
            self.asked.append(asked)
            reply = self.handler(asked)
            if not reply.hang_up:
                lines = [f"HTTP/1.1 {reply.status} X", f"Content-Length: {len(reply.body)}", "Connection: close"]
                lines += [f"{name}: {value}" for name, value in reply.headers]
                writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + (b"" if method == "HEAD" else reply.body))
                await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


SUBJECT = Subject(suite="test", scenario="a scenario", kind="http", target="loopback", environment="development")


async def outcome_of(probe: Probe, url: str, *, deadline_s: float = 20.0, **target: Any) -> Outcome:
    """Ask once through the real frame and session."""
    aim = Target.model_validate({"name": "loopback", "base_url": url, "private_networks": True, **target})
    session = Session(target=aim, subject=SUBJECT, run_id="run-1")
    return await ask(probe, session, run_id="run-1", deadline_s=deadline_s)
