"""Measure the CPU of one whole `http` check over a fresh connection, its split, and bare httpx beside it.

`python benchmarks/probe_cost.py [--json] [--quick] [--peer blackbox]`. The target is a small server in a child process,
so only our side is counted (`process_time`: user and system, threads included). All variants take turns in every
repetition, in another order each time; a figure is the median of its repetitions, and `range` gives the least and the
most. `overhead_ratio` is what a session and its `send` cost, over what bare httpx costs for the same exchange. With
`--peer blackbox` a whole service is compared with blackbox_exporter too (see peer.py).
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import json
import multiprocessing
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import httpx

from probes.kinds.http import Http
from probes.outcome import Outcome, Subject, Verdict
from probes.probe import ask
from probes.session import Session
from probes.target import Target
from reports.store.sink import StoreSink
from scenarios.events import OutcomeReady, RunInfo, RunStarted

CONCURRENCY = 8
BODY = b'{"status": "ok", "company_id": 15, "slots": ["2026-12-01T10:00:00+01:00"], "requested": "10:00:00"}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (
    len(BODY),
    BODY,
)
EXPECT = {
    "status": 200,
    "headers": {"content-type": "application/json"},
    "json": {"$.status": "ok", "$.company_id": 15},
}
SUBJECT = Subject("bench", "one http check", "http", "local", "development")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--peer", choices=("blackbox",), help="compare a whole service with blackbox_exporter as well (minutes)")
    args = parser.parse_args()
    repetitions, batch = (5, 150) if args.quick else (15, 400)
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    child.start()
    try:
        figures = asyncio.run(measure(f"http://127.0.0.1:{ours.recv()}", repetitions, batch))
    finally:
        child.terminate()
        child.join()
    if args.peer:
        from peer import compare

        figures |= compare(1 if args.quick else 5, 5.0 if args.quick else 15.0)
    print(json.dumps(figures) if args.json else "\n".join(f"{name:<16} {value}" for name, value in figures.items()))


class Local(asyncio.Protocol):
    """Answer the same whatever is asked, and close."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(ANSWER)  # type: ignore[attr-defined]
        self.transport.close()


def serve(pipe: Connection) -> None:
    async def forever() -> None:
        server = await asyncio.get_running_loop().create_server(Local, "127.0.0.1", 0, backlog=512)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(forever())


async def measure(url: str, repetitions: int, batch: int) -> dict[str, object]:
    target = Target(name="local", base_url=url, private_networks=True)
    probe = Http.model_validate({"request": {"path": "/health"}, "expect": EXPECT})
    with tempfile.TemporaryDirectory() as folder:
        sink = StoreSink(Path(folder) / "bench.db")
        sink.take(RunStarted(RunInfo("run-1", "bench", "", "local", "development", url, datetime.now(UTC), "0"), (SUBJECT,)))
        limits = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(trust_env=False, limits=limits) as client:
            variants = {
                "httpx": lambda: bare(client, f"{url}/health"),
                "client": lambda: sent(target, probe),
                "expectations": lambda: judged(target, probe),
                "outcome": lambda: asked(target, probe, None),
                "store": lambda: asked(target, probe, sink),
            }
            cost = await in_turns(variants, repetitions, batch, sink)
        sink.close()
    return figures_of(cost, repetitions, batch)


async def in_turns(
    variants: dict[str, Callable[[], Awaitable[None]]], repetitions: int, batch: int, sink: StoreSink
) -> dict[str, list[float]]:
    cost: dict[str, list[float]] = {name: [] for name in variants}
    for name in variants:
        await many(variants[name], batch // 4)  # warm
    sink.flush()
    gc.collect()
    gc.freeze()
    for _ in range(repetitions):
        for name in random.sample(list(variants), len(variants)):
            began = time.process_time()
            await many(variants[name], batch)
            if name == "store":
                sink.flush()  # what the writer's thread does belongs to it
            cost[name].append((time.process_time() - began) / batch * 1e6)
    return cost


async def many(one: Callable[[], Awaitable[None]], count: int) -> None:
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            await one()

    async with asyncio.TaskGroup() as group:
        for _ in range(CONCURRENCY):
            group.create_task(work())


async def bare(client: httpx.AsyncClient, url: str) -> None:
    response = await client.get(url)
    assert response.status_code == 200 and response.content == BODY


def session_for(target: Target) -> Session:
    return Session(target=target, subject=SUBJECT, run_id="run-1")


async def sent(target: Target, probe: Http) -> None:
    assert probe.request is not None
    answer = await session_for(target).send(probe.request)
    assert answer.status == 200 and answer.body == BODY


async def judged(target: Target, probe: Http) -> None:
    checks = [made async for made in probe.ask(session_for(target))]
    assert all(made.verdict is Verdict.PASS for made in checks)


async def asked(target: Target, probe: Http, sink: StoreSink | None) -> None:
    outcome: Outcome = await ask(probe, session_for(target), run_id="run-1", deadline_s=10.0)
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    if sink is not None:
        sink.take(OutcomeReady(outcome))


def figures_of(cost: dict[str, list[float]], repetitions: int, batch: int) -> dict[str, object]:
    """Return the figures; each part of the split is what it adds to the part before, within one repetition."""
    chain = ["client", "expectations", "outcome", "store"]
    split = {"client": statistics.median(cost["client"])}
    for before, name in itertools.pairwise(chain):
        split[name] = statistics.median(after - base for base, after in zip(cost[before], cost[name], strict=True))
    ratios = [client / bare for client, bare in zip(cost["client"], cost["httpx"], strict=True)]
    return {
        "vedette_us": round(statistics.median(cost["store"]), 1),
        "httpx_us": round(statistics.median(cost["httpx"]), 1),
        "overhead_ratio": round(statistics.median(ratios), 3),
        "split": {name: round(value, 1) for name, value in split.items()},
        "range": {name: [round(min(of), 1), round(max(of), 1)] for name, of in cost.items()},
        "checks": repetitions * batch,
        "concurrency": CONCURRENCY,
    }


if __name__ == "__main__":
    main()
