"""This file is for a running reference target and a plain client that talks to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from vedette.reference.settings import Settings
from vedette.reference.target import ReferenceTarget

TOKEN = "levers-only-with-this"


@dataclass(frozen=True, slots=True)
class Running:
    """A target that listens, its log, and a client of it."""

    client: httpx.AsyncClient
    log: Path

    async def ask(
        self, company: int = 15, *, date: str = "2026-12-01", time: str = "10:00", service: str = "Haarschnitt", **more: str
    ) -> httpx.Response:
        args = {"service": service, "date": date, "time": time, **more}
        body = {"call_id": f"test-company-{company}-x", "args": args}
        return await self.client.post("/api/retell/check-availability", json=body)

    async def call(self, call_id: str, **headers: str) -> httpx.Response:
        form = {"call_id": call_id, "function_name": "test"}
        return await self.client.post("/api/webhooks/retell/function", data=form, headers=headers)

    async def pull(self, method: str, name: str) -> None:
        answer = await self.client.request(method, f"/_control/faults/{name}-down", headers={"X-Control-Token": TOKEN})
        assert answer.status_code == 200

    async def calls(self) -> int:
        answer = await self.client.get("/_control/dependencies/calcom", headers={"X-Control-Token": TOKEN})
        return int(answer.json()["calls"])

    async def breaker(self) -> dict[str, object]:
        return dict((await self.client.get("/api/health/detailed")).json()["circuit_breakers"]["calcom_api"])


Start = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Return `start(*faults, **settings)`, an async context with a running target."""

    @asynccontextmanager
    async def running(*faults: str, **settings: object) -> AsyncIterator[Running]:
        log = tmp_path / "laravel.log"
        made = Settings(**{"control_token": TOKEN, "open_s": 0.05, **settings})  # type: ignore[arg-type]
        async with (
            ReferenceTarget(faults, log_path=log, settings=made).running() as url,
            httpx.AsyncClient(base_url=url, trust_env=False) as client,
        ):
            yield Running(client, log)

    return running
