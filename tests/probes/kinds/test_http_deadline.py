"""This file is for the deadline of a scenario of several steps: the step in flight is cut, and no later one is sent."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from probes.kinds.http import Http
from probes.outcome import Verdict
from tests.probes.kinds.loopback import outcome_of

pytestmark = pytest.mark.anyio


async def test_no_step_is_sent_after_the_deadline_and_the_one_in_flight_is_cut() -> None:
    """Regression: with Gatus a suite that timed out sends its later steps, and its request in flight is never cancelled."""
    asked: list[str] = []
    cut = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        asked.append(path)
        if path == "/second":  # is never answered: the caller hangs up
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            cut.set()
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        steps = [{"name": name, "request": {"path": f"/{name}"}} for name in ("first", "second", "third")]
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        outcome = await outcome_of(Http.model_validate({"steps": steps}), url, deadline_s=0.5)
        await asyncio.wait_for(cut.wait(), 10)
    assert outcome.verdict is Verdict.FAIL, outcome.sentence
    assert asked == ["/first", "/second"]
