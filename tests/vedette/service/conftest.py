"""This file is for what the service's tests share: a service made of real parts, and a client that needs no socket."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from scenarios.runner import utc_now
from vedette.service.app import build_app
from vedette.service.bus import Bus
from vedette.service.state import ServeSettings, Service

BASE = "http://127.0.0.1:8900"


@pytest.fixture
def settings(tmp_path: Path) -> ServeSettings:
    """Return the settings of a service whose store and state are in this test's folder."""
    return ServeSettings(suites=(), store=str(tmp_path / "results.db"), state=tmp_path / "state")


@pytest.fixture
def make_service(settings: ServeSettings) -> Callable[..., Service]:
    """Return a maker of services: real parts where they need nothing else, None where they do.

    Keywords replace parts, `settings` what the command line says: `make_service(watcher=..., settings={"port": 1})`.
    """

    def make(**parts: Any) -> Service:
        chosen = replace(settings, **parts.pop("settings", {}))
        made = {
            "bus": Bus(),
            "watcher": None,
            "sink": None,
            "metrics": None,
            "burn_ins": None,
            "calendar": None,
            "heartbeats": None,
            "reloads": None,
            "board": _real("reports.board", "Board"),
            "store": _ready_store(chosen.store),
            "history": _real("reports.store.watch.history", "WatchHistory", chosen.store),
            "tokens": _real("reports.store.ledger.tokens", "Tokens", chosen.store),
            "audit": _real("reports.store.ledger.audit", "Audit", chosen.store),
        }
        return Service(settings=chosen, started_at=utc_now(), version="1.2.3", clock=utc_now, **{**made, **parts})

    return make


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Service:
    """Return a service on loopback that asks for no token."""
    return make_service()


@pytest.fixture
async def client(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of the service's application."""
    async with client_of(service) as made:
        yield made


def client_of(service: Service, **headers: str) -> httpx.AsyncClient:
    """Return a client of a service's application, without a socket."""
    transport = httpx.ASGITransport(build_app(service), client=("127.0.0.1", 50000))
    return httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers)


def _real(module: str, name: str, *given: Any) -> Any:
    """Return a part, or None while nobody has made it."""
    try:
        return getattr(importlib.import_module(module), name)(*given)
    except ModuleNotFoundError as problem:
        if problem.name is None or not module.startswith(problem.name):
            raise
        return None


def _ready_store(where: str) -> Any:
    from reports.store.database import Database
    from reports.store.store import Store

    database = Database(where)
    database.make_ready()
    database.close()
    return Store(where)
