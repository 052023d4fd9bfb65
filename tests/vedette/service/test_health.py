"""This file is for tests of the service's own health: our own probe passes on it, and sees it fail when something is broken."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from probes.kinds.health import Health
from probes.outcome import Verdict
from reports.store.watch.sink import TickSink
from scenarios.watch.series import watched
from scenarios.watch.watcher import Watcher
from tests.probes.kinds.loopback import outcome_of
from tests.vedette.service.living import asking, living, series_of, serving, serving_elsewhere, suite, tick
from vedette.service.api import readiness
from vedette.service.state import Service

pytestmark = pytest.mark.anyio

OURS = Health(startup="/health/startup", dependencies=("store", "scheduler", "configuration"), tick="20ms")


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Service:
    return living(make_service, settings={"port": 0})


async def test_our_own_probe_passes_on_it_with_its_proof(service: Service) -> None:
    async with serving(service) as url:
        outcome = await outcome_of(OURS, url)
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    assert [c.name for c in outcome.controls] == ["an address that cannot exist is not answered like health"]
    held = {c.name for c in outcome.checks}
    assert {"readiness says store is up", "readiness says scheduler is up", "liveness timestamp moves on"} <= held


async def test_our_own_probe_passes_where_tokens_are_needed_for_all_else(make_service: Callable[..., Service]) -> None:
    service = living(make_service, settings={"port": 0, "require_tokens": True, "open_routes": ("health",)})
    async with serving(service) as url:
        outcome = await outcome_of(OURS, url)
    assert outcome.verdict is Verdict.PASS, outcome.sentence


def break_store(service: Service) -> None:
    service.sink.healthy = False  # type: ignore[misc]
    service.sink.spooled = 12  # type: ignore[attr-defined]
    service.sink.last_error = "the disk is full, the store '/var/lib/vedette/results.db' cannot grow"  # type: ignore[attr-defined]


def stop_scheduler(service: Service) -> None:
    service.watcher.overdue_s = 60.0  # type: ignore[attr-defined]


def let_loop_lag(service: Service) -> None:
    service.watcher.loop_lag_s = 7.5  # type: ignore[attr-defined]


def unload(service: Service) -> None:
    service.watcher.series = {}  # type: ignore[misc]


def begin_to_stop(service: Service) -> None:
    service.stopping = True


BREAKS = {
    "store": (break_store, "the store takes nothing at present, ticks that wait: 12"),
    "scheduler": (stop_scheduler, "a scenario has been due for 60 s and was not taken up"),
    "loop": (let_loop_lag, "the service comes 8 s late to its own work"),
    "configuration": (unload, "nothing is watched: no configuration is loaded"),
    "stopping": (begin_to_stop, "the service is stopping"),
}


@pytest.mark.parametrize("what", BREAKS)
async def test_our_own_probe_sees_what_is_broken(service: Service, what: str) -> None:
    BREAKS[what][0](service)
    async with serving(service) as url:
        outcome = await outcome_of(OURS, url)
    assert outcome.verdict is Verdict.FAIL
    named = {"loop": "scheduler", "stopping": "scheduler"}.get(what, what)
    assert outcome.sentence.startswith(f"readiness says {named} is down"), outcome.sentence


@pytest.mark.parametrize("what", BREAKS)
async def test_readiness_says_what_is_down_and_nothing_internal(service: Service, what: str) -> None:
    BREAKS[what][0](service)
    async with asking(service) as client:
        answer, live = await client.get("/health/ready"), await client.get("/health/live")
    said = answer.json()
    assert (answer.status_code, answer.headers["cache-control"], said["status"]) == (503, "no-store", "not_ready")
    assert [check["say"] for check in said["checks"].values() if check["status"] == "down"] == [BREAKS[what][1]]
    assert "/var" not in answer.text
    assert live.status_code == 200, "liveness must not follow readiness, or a broken store restarts the service again and again"


async def test_readiness_comes_back_when_the_store_does(service: Service) -> None:
    async with asking(service) as client:
        break_store(service)
        broken = await client.get("/health/ready")
        service.sink.healthy = True  # type: ignore[misc]
        mended = await client.get("/health/ready")
    assert (broken.status_code, mended.status_code) == (503, 200)


async def test_what_waits_for_a_turn_is_no_trouble_of_the_scheduler(service: Service) -> None:
    service.watcher.overdue_s = readiness.OVERDUE_S / 2  # type: ignore[attr-defined]
    async with asking(service) as client:
        assert (await client.get("/health/ready")).status_code == 200


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/health/startup"])
async def test_every_answer_has_the_fields_of_the_contract(service: Service, path: str) -> None:
    async with asking(service) as client:
        answer = await client.get(path)
    said = answer.json()
    assert set(said) == {"status", "timestamp", "version", "checks"}
    assert (said["version"], said["timestamp"][-1], answer.headers["content-type"]) == ("1.2.3", "Z", "application/json")


async def test_start_up_is_told_from_being_ready(service: Service) -> None:
    break_store(service)
    async with asking(service) as client:
        assert (await client.get("/health/startup")).status_code == 200
        unload(service)
        answer = await client.get("/health/startup")
    assert (answer.status_code, answer.json()["status"]) == (503, "starting")


async def test_a_loop_that_stands_still_is_noticed(service: Service) -> None:
    with serving_elsewhere(service) as (url, loop):
        assert (await outcome_of(OURS, url)).verdict is Verdict.PASS
        thawed = threading.Event()
        loop.call_soon_threadsafe(thawed.wait, 20)
        outcome = await outcome_of(OURS, url, limits={"request": "500ms"})
        thawed.set()
        assert outcome.verdict is Verdict.FAIL
        assert "liveness" in outcome.sentence or "within" in outcome.sentence, outcome.sentence


async def test_health_is_answered_to_a_head_request_too(service: Service) -> None:
    async with asking(service) as client:
        answer: httpx.Response = await client.head("/health/live")
    assert (answer.status_code, answer.content) == (200, b"")


async def test_a_watcher_that_stands_still_shows_in_its_figures() -> None:
    """The real watcher: its clockwork is not started, so that nobody takes up what comes due."""
    now_s = 1000.0
    watcher = Watcher(watched([suite(1)], "local"), sinks=[], monotonic=lambda: now_s)
    watcher.begin()
    assert watcher.figures().overdue_s == 0.0
    now_s += 300.0
    assert watcher.figures().overdue_s > readiness.OVERDUE_S
    watcher.turn()
    assert watcher.figures().overdue_s == 0.0
    await watcher.stop(0)


async def test_a_real_store_that_takes_nothing_is_told_and_so_is_its_return(service: Service, tmp_path: Path) -> None:
    where = tmp_path / "a folder, no file" / "results.db"
    where.mkdir(parents=True)
    service.sink = TickSink(where, spool=tmp_path / "spool")
    one, *_ = series_of(service)
    service.sink.take_watched(tick(one))
    assert not await asyncio.to_thread(service.sink.flush, 10)
    async with asking(service) as client:
        broken = await client.get("/health/ready")
        where.rmdir()
        service.sink.take_watched(tick(one))
        async with asyncio.timeout(20):
            while not await asyncio.to_thread(service.sink.flush, 10):
                pass
        mended = await client.get("/health/ready")
    await asyncio.to_thread(service.sink.close)
    assert (broken.status_code, mended.status_code) == (503, 200)
    assert broken.json()["checks"]["store"]["say"] == "the store takes nothing at present, ticks that wait: 1"
    assert str(tmp_path) not in broken.text
