"""This file is for a whole service in a loop of its own on a thread: every part real, as `vedette serve` joins them."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from reports.store.database import Database
from scenarios.loader import load_suite
from tests.vedette.service.conftest import token_of
from vedette.service.access import Scope
from vedette.service.app import build_app, close_app
from vedette.service.assembly import Assembly, assembled
from vedette.service.gate_policies import Policies, load_policies
from vedette.service.server import Server
from vedette.service.state import ServeSettings, Service

SUITE = """
suite: shop
targets:
  production: {base_url: "http://127.0.0.1:9", private_networks: true, environment: production}
  staging: {base_url: "http://127.0.0.1:9", private_networks: true}
defaults: {schedule: {every: 1h}}
scenarios:
  - {name: the shop is open, probe: http, tags: [smoke], severity: P0, request: {path: /}, expect: {status: 200}}
  - {name: the basket is kept, probe: http, tags: [basket], request: {path: /basket}, expect: {status: 200}}
  - {name: the nightly backup ran, probe: heartbeat, grace: 1h}
"""

POLICY = """
service: shop
suite: shop.yaml
target: production
canary: {version: "2", headers: {X-Canary: always}}
baseline: {version: "1"}
identity: {header: X-Version}
stages: [{weight: 5, margin: 4.5, min_rounds: 100, max_rounds: 400, max_time: 2h}, {weight: 100}]
"""


@dataclass(frozen=True)
class Whole:
    """A running service, and how to talk to it."""

    url: str
    app: FastAPI
    service: Service
    loop: asyncio.AbstractEventLoop
    token: dict[str, str]  # the header that shows a token with every scope


@contextlib.contextmanager
def whole_service(folder: Path, **settings: Any) -> Iterator[Whole]:
    """Serve a small suite, its store and its state in a folder."""
    path = folder / "shop.yaml"
    path.write_text(SUITE, encoding="utf-8")
    policy = folder / "shop-policy.yaml"
    policy.write_text(f"name: shop{POLICY}", encoding="utf-8")
    state = folder / "state"
    state.mkdir()
    chosen = ServeSettings(
        suites=(str(path),), store=str(folder / "results.db"), state=state, port=0, gates=(str(policy),), **settings
    )
    database = Database(chosen.store)
    database.make_ready()
    database.close()
    began, over = threading.Event(), asyncio.Event()
    running: list[Whole] = []

    async def serve() -> None:
        made = assembled(chosen, [load_suite(str(path))], policies=Policies(load_policies(chosen.gates)))
        app = build_app(made.service)
        server = Server(app, chosen)
        token = token_of(made.service, *Scope, name="everything")
        running.append(Whole(server.url, app, made.service, asyncio.get_running_loop(), token))
        async with asyncio.TaskGroup() as group:
            group.create_task(made.service.watcher.run())
            burning_in = group.create_task(made.service.burn_ins.run())
            gating = group.create_task(made.service.gates.run())
            group.create_task(server.serve())
            began.set()
            await over.wait()
            await _stop(made, server)
            burning_in.cancel()
            gating.cancel()
        await close_app(app)
        made.close()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert began.wait(30), "the service did not start"
    try:
        yield running[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(30)
        loop.close()


async def _stop(made: Assembly, server: Server) -> None:
    made.service.stopping = True
    await made.service.watcher.stop(2)
    await made.service.heartbeats.close()
    await asyncio.to_thread(made.service.sink.close, 10)
    await server.stop(within_s=2)
