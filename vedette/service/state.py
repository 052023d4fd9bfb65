"""This file is for what the routes of the service stand on: one object with every part, made in `vedette/jobs/watch.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from fastapi import Request

if TYPE_CHECKING:
    from reports.board import Board
    from reports.metrics.exposition import Exposition
    from reports.store.ledger.audit import Audit
    from reports.store.ledger.tokens import Tokens
    from reports.store.store import Store
    from reports.store.watch.history import WatchHistory
    from reports.store.watch.sink import TickSink
    from scenarios.model import Suite
    from scenarios.watch.watcher import Watcher
    from vedette.service.burn_in import BurnIns
    from vedette.service.bus import Bus
    from vedette.service.calendar import Calendar
    from vedette.service.gates import Gates
    from vedette.service.heartbeats import Heartbeats


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """What the command line and the environment say about one service."""

    suites: tuple[str, ...]
    targets: tuple[str, ...] = ()
    gates: tuple[str, ...] = ()  # files of policies that gates can be opened with
    host: str = "127.0.0.1"
    port: int = 8900
    location: str = "local"
    environment: str = ""
    store: str = ""  # a path or an address
    state: Path = Path(".vedette")
    max_running: int = 500
    stop_within_s: float = 20.0
    require_tokens: bool | None = None  # None: off on loopback, on elsewhere
    open_routes: tuple[str, ...] = ("health",)  # of health, metrics, badges, public: open to everybody by name
    hosts: tuple[str, ...] = ()  # names that a Host header may hold beside the address listened on
    tls_cert: Path | None = None  # with tls_key: speak HTTPS
    tls_key: Path | None = None
    public_tags: tuple[str, ...] = ()  # scenarios with one of these stand on the public page
    log_level: str = "INFO"
    log_format: str = ""  # json or text; none: text on a terminal, else json
    max_series: int = 200_000  # lines of /metrics that scenarios may make
    keep_ticks_d: float = 90.0
    keep_outcomes_d: float = 30.0


@dataclass(frozen=True, slots=True)
class ReloadResult:
    """What came of a reload. `changes` are sentences; `error` is every mistake as text, empty when it was taken."""

    at: datetime
    ok: bool
    asked_by: str  # file, signal, api
    changes: tuple[str, ...] = ()
    error: str = ""


class Reloads(Protocol):
    """What may be asked of reloading."""

    last: ReloadResult | None

    async def reload(self, asked_by: str) -> ReloadResult: ...


@dataclass(slots=True)
class Service:
    """One running service. Blocking parts (history, store, ledgers) are to be called from a thread: `def` routes are."""

    settings: ServeSettings
    started_at: datetime
    version: str
    clock: Callable[[], datetime]
    watcher: Watcher
    board: Board
    sink: TickSink
    history: WatchHistory
    store: Store
    metrics: Exposition
    bus: Bus
    burn_ins: BurnIns
    gates: Gates
    calendar: Calendar
    heartbeats: Heartbeats
    tokens: Tokens
    audit: Audit
    reloads: Reloads
    suites: Mapping[str, Suite] = field(default_factory=dict)  # by name, as they are now
    stopping: bool = False


def the_service(request: Request) -> Service:
    """Return the service that a request came to, as a dependency of routes."""
    return request.app.state.service  # type: ignore[no-any-return]
