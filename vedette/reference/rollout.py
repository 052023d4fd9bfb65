"""This file is for a rollout to be watched: a sound version and a new one behind the proxy, with callers who know of neither."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

from vedette.reference.proxy import Proxy
from vedette.reference.settings import Settings
from vedette.reference.target import ReferenceTarget

CANARY, BASELINE = "2.0.0", "1.0.0"  # versions
CALL_EVERY_S = 0.1
CALLS_AT_MOST = 5000
_ANSWER_WITHIN_S = 5.0
_COMPANIES = (15, 20, 1)


@dataclass(slots=True)
class Rollout:
    """What runs. `answers` counts the answers to callers by status; 0 stands for none."""

    proxy: Proxy
    variables: Mapping[str, str]  # that its policy and suite are loaded with
    answers: Counter[int] = field(default_factory=Counter)


@asynccontextmanager
async def rollout(faults: Collection[str], *, folder: Path, seed: int = 0) -> AsyncIterator[Rollout]:
    """Serve both versions on loopback for as long as the context is open; the new one has the faults.

    They share what two versions of one service share: the log. Raises: ValueError for a fault that nobody knows.
    """
    log, token = folder / "laravel.log", secrets.token_hex(16)
    async with AsyncExitStack() as stack:
        addresses = []
        for version, broken in ((CANARY, faults), (BASELINE, ())):
            target = ReferenceTarget(broken, log_path=log, settings=Settings(version=version, control_token=token))
            addresses.append(await stack.enter_async_context(target.running()))
        proxy = Proxy(*addresses)
        url, counters = await stack.enter_async_context(proxy.running())
        made = Rollout(
            proxy,
            {
                "VEDETTE_PROXY_URL": url,
                "VEDETTE_PROXY_METRICS": counters,
                "VEDETTE_CANARY_URL": addresses[0],
                "VEDETTE_BASELINE_URL": addresses[1],
                "VEDETTE_CANARY_VERSION": CANARY,
                "VEDETTE_BASELINE_VERSION": BASELINE,
                "VEDETTE_DEMO_URL": url,
                "VEDETTE_DEMO_LOG": str(log),
                "VEDETTE_REFERENCE_TOKEN": token,
            },
        )
        for side in addresses:  # so that each has counted something before anybody reads what it counts
            await _answered(side, _asked(0, Random(seed)))
        calling = asyncio.create_task(_call(made, url, Random(seed)))
        try:
            yield made
        finally:
            calling.cancel()
            with suppress(asyncio.CancelledError):
                await calling


async def _call(made: Rollout, url: str, rng: Random) -> None:
    """Ask for appointments as callers do, one after another; no more than CALLS_AT_MOST in all."""
    for number in range(1, CALLS_AT_MOST + 1):
        made.answers[await _answered(url, _asked(number, rng))] += 1
        await asyncio.sleep(CALL_EVERY_S)


def _asked(number: int, rng: Random) -> bytes:
    """Return what a caller asks for."""
    day = datetime.now(UTC).date() + timedelta(days=rng.randint(3, 60))
    args = {"service": rng.choice(("Haarschnitt", "Massage")), "date": f"{day}", "time": "10:00"}
    return json.dumps({"call_id": f"caller-{number}-company-{rng.choice(_COMPANIES)}", "args": args}).encode()


async def _answered(url: str, body: bytes) -> int:
    """Send one request on a connection of its own; return the answer's status, 0 where there was none."""
    address = urlsplit(url)
    head = (
        f"POST /api/retell/check-availability HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    try:
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            try:
                writer.write(head.encode() + body)
                answer = await reader.read(-1)
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return 0
    words = answer.partition(b"\r\n")[0].split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
