"""This file is for a service that watches, as routes see it: real parts, but for a watcher that is told what to say."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx

from probes.ids import new_id
from probes.outcome import Outcome, Severity, Verdict, check, control
from probes.target import Target
from reports.board import Board
from reports.store.watch.sink import TickSink
from scenarios.model import Scenario, Suite
from scenarios.runner import utc_now
from scenarios.schedule_spec import ScheduleSpec
from scenarios.watch.events import MissedReason, SeriesKey, Tick, Trigger
from scenarios.watch.series import Watched, watched
from tests.scenarios.making import Says
from tests.vedette.service.conftest import client_of
from vedette.service.app import build_app, close_app
from vedette.service.server import Server
from vedette.service.state import ReloadResult, Service


class StandInWatcher:
    """Says what a test tells it to say."""

    def __init__(self, series: Sequence[Watched]) -> None:
        self.series: Mapping[SeriesKey, Watched] = {one.key: one for one in series}
        self.due: dict[SeriesKey, datetime | None] = {one.key: utc_now() + timedelta(seconds=30) for one in series}
        self.asked: list[SeriesKey] = []
        self.loop_lag_s = 0.001
        self.overdue_s = 0.0
        self.answered = 0

    def figures(self) -> Any:
        return SimpleNamespace(
            running=1,
            waiting=2,
            series=len(self.series),
            missed={MissedReason.OVERLAP: 3},
            answered=self.answered,
            loop_lag_s=self.loop_lag_s,
            overdue_s=self.overdue_s,
            sink_errors=0,
            clock_jumps=0,
        )

    def next_due(self, key: SeriesKey) -> datetime | None:
        return self.due.get(key)

    async def ask_now(self, key: SeriesKey, trigger: Trigger = Trigger.MANUAL) -> Tick:
        if key not in self.series:
            raise KeyError(key)
        self.asked.append(key)
        return tick(self.series[key], Verdict.FAIL, trigger=trigger)


class StandInSink:
    """A store's sink that is well or not."""

    def __init__(self) -> None:
        self.healthy = True
        self.last_error = ""
        self.spooled = 0

    def figures(self) -> Any:
        return SimpleNamespace(
            queued=0,
            spooled=self.spooled,
            spooled_bytes=100 * self.spooled,
            written=7,
            write_errors=int(not self.healthy),
            lost=0,
            healthy=self.healthy,
            last_error=self.last_error,
        )


class StandInReloads:
    """Reloads as a test says."""

    def __init__(self) -> None:
        self.last: ReloadResult | None = None
        self.result = ReloadResult(utc_now(), True, "api", ("added 'a new one'",))

    async def reload(self, asked_by: str) -> ReloadResult:
        self.last = replace(self.result, asked_by=asked_by)
        return self.last


def suite(count: int = 5, **more: Any) -> Suite:
    """Return a suite of scenarios of every severity at two targets."""
    targets = {name: Target(name=name, base_url=f"http://{name}.example.com") for name in ("production", "staging")}
    scenarios = tuple(
        Scenario(
            name=f"promise {n:03}",
            probe=Says(),
            severity=list(Severity)[n % 4],
            tags=("even",) if n % 2 == 0 else ("odd",),
            schedule=ScheduleSpec(every=60),
            owner="backend",
        )
        for n in range(count)
    )
    given = {"name": "shop", "path": "shop.yaml", "targets": targets, "target_names": tuple(targets), "scenarios": scenarios}
    return Suite(**{**given, **more})


def living(make_service: Callable[..., Service], *suites: Suite, **parts: Any) -> Service:
    """Return a service that watches these suites."""
    given = suites or (suite(),)
    series = watched(given, "local")
    board = Board()
    board.watch(series)
    made = {"watcher": StandInWatcher(series), "sink": StandInSink(), "reloads": StandInReloads(), "board": board}
    service = make_service(suites={one.name: one for one in given}, **{**made, **parts})
    board.next_due_of = service.watcher.next_due
    return service


def tick(of: Watched, verdict: Verdict = Verdict.PASS, *, at: datetime | None = None, **more: Any) -> Tick:
    """Return an answered question of one series."""
    started_at = at or utc_now()
    sentence = "1 check held; proven by: it was asked" if verdict is Verdict.PASS else f"it said {verdict}"
    outcome = Outcome(
        id=new_id(),
        run_id=new_id(),
        subject=of.scenario.subject(of.suite.name, of.target),
        verdict=verdict,
        sentence=sentence,
        started_at=started_at,
        duration_s=0.125,
        checks=(control("it was asked", holds=True), check("it says yes", holds=verdict is Verdict.PASS, say=sentence)),
    )
    return Tick(of.key, outcome, started_at, **more)


def tell(service: Service, *ticks: Tick) -> None:
    """Let the service hear what happened, the board before those who listen; what is stored is stored when this returns."""
    sinks = [service.board, service.bus, *([service.sink] if isinstance(service.sink, TickSink) else [])]
    for one in ticks:
        for sink in sinks:
            sink.take_watched(one)
    if isinstance(service.sink, TickSink):
        assert service.sink.flush(10)


@contextlib.contextmanager
def storing(make_service: Callable[..., Service], *suites: Suite, **parts: Any) -> Iterator[Service]:
    """Yield a service that stores what it is told."""
    service = living(make_service, *suites, **parts)
    sink = TickSink(service.settings.store, spool=service.settings.state / "spool")
    service.sink = sink
    yield service
    sink.close()


def series_of(service: Service) -> list[Watched]:
    return sorted(service.watcher.series.values(), key=lambda one: one.key)


@contextlib.asynccontextmanager
async def asking(service: Service, headers: Mapping[str, str] | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of a service, without a socket."""
    app = build_app(service)
    async with client_of(app, headers) as client:
        yield client
    await close_app(app)


@contextlib.asynccontextmanager
async def serving(service: Service) -> AsyncIterator[str]:
    """Serve on a real socket, and yield the address."""
    app = build_app(service)
    server = Server(app, replace(service.settings, port=0))
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve())
        try:
            yield server.url
        finally:
            await server.stop(within_s=5)
            await close_app(app)


@contextlib.contextmanager
def serving_elsewhere(service: Service) -> Iterator[tuple[str, asyncio.AbstractEventLoop]]:
    """Serve in a loop of its own on a thread, so that it can be frozen while the test goes on."""
    loop = asyncio.new_event_loop()
    app = build_app(service)
    server = Server(app, replace(service.settings, port=0))
    over = asyncio.Event()

    async def serve() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve())
            await over.wait()
            await server.stop(within_s=5)
        await close_app(app)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    try:
        yield server.url, loop
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()
