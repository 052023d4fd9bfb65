"""This file is for what the service's tests share: a service made of real parts, and a client that needs no socket."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from reports.store.database import Database
from reports.store.ledger.audit import Audit
from reports.store.ledger.tokens import Tokens
from reports.store.store import Store
from scenarios.runner import utc_now
from vedette.service.access import Scope
from vedette.service.app import build_app, close_app
from vedette.service.bus import Bus
from vedette.service.state import ServeSettings, Service

BASE = "http://127.0.0.1:8900"


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a SQLite file with all tables, made once: making them takes longer than most tests."""
    path = tmp_path_factory.mktemp("store") / "empty.db"
    database = Database(path)
    database.make_ready()
    database.close()
    assert not path.with_name("empty.db-wal").exists()
    return path


@pytest.fixture
def settings(tmp_path: Path) -> ServeSettings:
    """Return the settings of a service whose store and state are in this test's folder."""
    return ServeSettings(suites=(), store=str(tmp_path / "results.db"), state=tmp_path / "state")


@pytest.fixture
def make_service(settings: ServeSettings, empty_store: Path) -> Iterator[Callable[..., Service]]:
    """Yield a maker of services: real parts where they need nothing else, None where they do.

    Keywords replace parts, `settings` what the command line says: `make_service(watcher=..., settings={"port": 1})`.
    """
    opened: list[Service] = []

    def make(**parts: Any) -> Service:
        chosen = replace(settings, **parts.pop("settings", {}))
        opened.append(made := service_of(chosen, empty_store, **parts))
        return made

    yield make
    for one in opened:
        close_parts(one)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[FastAPI]:
    """Yield the application of a service on loopback that a whole file shares, because its tests change nothing."""
    folder = tmp_path_factory.mktemp("shared")
    service = service_of(ServeSettings(suites=(), store=str(folder / "results.db"), state=folder / "state"), empty_store)
    app = build_app(service)
    yield app
    app.state.answers.close()
    close_parts(service)


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Service:
    """Return a service on loopback that asks for no token."""
    return make_service()


@pytest.fixture
def guarded(make_service: Callable[..., Service]) -> Service:
    """Return a service that asks for a token and opens nothing by name."""
    return make_service(settings={"require_tokens": True, "open_routes": ()})


@pytest.fixture
async def client(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of the service's application."""
    app = build_app(service)
    async with client_of(app) as made:
        yield made
    await close_app(app)


def service_of(settings: ServeSettings, empty_store: Path, **parts: Any) -> Service:
    """Return a service of real parts where they need nothing else; `parts` replace them."""
    if not Path(settings.store).exists():
        shutil.copyfile(empty_store, settings.store)
    made: dict[str, Any] = dict.fromkeys(("watcher", "sink", "metrics", "burn_ins", "gates", "calendar", "heartbeats", "reloads"))
    made |= {
        "bus": Bus(),
        "board": _real("reports.board", "Board"),
        "store": Store(settings.store),
        "history": _real("reports.store.watch.history", "WatchHistory", settings.store),
        "tokens": Tokens(settings.store),
        "audit": Audit(settings.store),
    }
    return Service(settings=settings, started_at=utc_now(), version="1.2.3", clock=utc_now, **{**made, **parts})


def close_parts(service: Service) -> None:
    """Close what a service of the tests has open."""
    for part in (service.store, service.history, service.tokens, service.audit):
        if hasattr(part, "close"):
            part.close()


def client_of(app: FastAPI, headers: Mapping[str, str] | None = None, *, address: str = "127.0.0.1") -> httpx.AsyncClient:
    """Return a client of an application, without a socket. Close the application with `close_app` after it."""
    transport = httpx.ASGITransport(app, client=(address, 50000))
    return httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers)


def token_of(service: Service, *scopes: Scope, name: str = "tester") -> dict[str, str]:
    """Make a token and return the header that shows it."""
    _, text = service.tokens.create(name, scopes, at=utc_now())
    return {"Authorization": f"Bearer {text}"}


def _real(module: str, name: str, *given: Any) -> Any:
    """Return a part, or None while nobody has made it."""
    try:
        return getattr(importlib.import_module(module), name)(*given)
    except ModuleNotFoundError as problem:
        if problem.name is None or not module.startswith(problem.name):
            raise
        return None
