"""This file is for deployments over the API: told, listed, seen, ended, each by those who may and with words that help."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.vedette.service.conftest import client_of, token_of
from tests.vedette.service.deploys import World, suite_of
from tests.vedette.service.living import living
from tests.vedette.service.test_events import event, heard
from vedette.service.access import Scope
from vedette.service.api.feed import Feed
from vedette.service.app import build_app, close_app
from vedette.service.state import Service

pytestmark = pytest.mark.anyio
HERE = "/api/v1/deployments"
TOLD = {"target": "production", "version": "1.4.2"}


@asynccontextmanager
async def asking(world: World, service: Service, headers: dict[str, str] | None = None) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(service)
    async with world.going(), client_of(app, headers) as client:
        yield client
    await close_app(app)


@pytest.fixture
def world(empty_store: Path, tmp_path: Path) -> World:
    path = tmp_path / "results.db"
    path.write_bytes(empty_store.read_bytes())
    return World(path, suite_of("shop"), suite_of("blog", ("production", "staging")))


@pytest.fixture
def service(world: World, make_service: Callable[..., Service]) -> Service:
    made = make_service(burn_ins=world.burn_ins, watcher=world.watcher)
    made.clock = lambda: world.clock.now
    return made


async def test_a_deployment_is_told_and_can_be_seen(world: World, service: Service) -> None:
    async with asking(world, service) as client:
        answer = await client.post(HERE, json={**TOLD, "suite": "shop", "note": "hot fix"})
        assert answer.status_code == 201
        (made,) = answer.json()["items"]
        assert answer.headers["Location"] == f"{HERE}/{made['id']}"
        await world.quiet()
        seen = (await client.get(answer.headers["Location"])).json()
    assert {key: seen[key] for key in ("suite", "target", "version", "note", "reported_by", "state")} == {
        "suite": "shop", "target": "production", "version": "1.4.2", "note": "hot fix", "reported_by": "anonymous",
        "state": "burning_in",
    }  # fmt: skip
    assert [phase["name"] for phase in seen["phases"]] == ["verification", "intensive", "extended", "validation"]
    assert seen["run"] == {"id": world.watcher.runs[0], "verdict": "pass", "sentence": "3 of 3 scenarios passed"}
    assert seen["now_at"] == "2026-03-01T12:00:00Z"


async def test_a_judged_phase_is_told_with_the_figures_that_it_stands_on(world: World, service: Service) -> None:
    async with asking(world, service) as client:
        (made,) = (await client.post(HERE, json={**TOLD, "suite": "shop"})).json()["items"]
        await world.quiet()
        await world.pass_time(300)
        phase = (await client.get(f"{HERE}/{made['id']}")).json()["phases"][0]
    assert (phase["verdict"], phase["judged_at"]) == ("pass", "2026-03-01T12:05:00Z")
    assert phase["sentence"] == "18 of 18 ticks of 3 scenarios were good"
    assert phase["figures"]["total"]["asked"] == 18


async def test_every_suite_that_watches_the_target_is_concerned(world: World, service: Service) -> None:
    async with asking(world, service) as client:
        answer = await client.post(HERE, json=TOLD)
    assert sorted(one["suite"] for one in answer.json()["items"]) == ["blog", "shop"]
    assert "Location" not in answer.headers


async def test_phases_may_be_given_in_place_of_the_suites(world: World, service: Service) -> None:
    phases = [{"name": "quick", "lasts": "90s", "factor": 0.1, "never_fail": ["P0", "P1"]}]
    async with asking(world, service) as client:
        (made,) = (await client.post(HERE, json={**TOLD, "suite": "shop", "phases": phases})).json()["items"]
    (phase,) = made["phases"]
    assert (phase["name"], phase["factor"], phase["never_fail"]) == ("quick", 0.1, ["P0", "P1"])
    assert phase["ends_at"] == "2026-03-01T12:01:30Z"


QUICK = {"name": "a", "lasts": "5m"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({**TOLD, "target": "prodction"}, "no target 'prodction' is watched here; did you mean 'production'?"),
        ({**TOLD, "suite": "shpo"}, "no suite 'shpo' is watched here; did you mean 'shop'?"),
        ({"target": "production"}, "body.version"),
        ({**TOLD, "version": ""}, "body.version"),
        ({**TOLD, "version": "1\n2"}, "body.version"),
        ({**TOLD, "version": " 1"}, "body.version"),
        ({**TOLD, "verison": "1"}, "a field that is not known"),
        ({**TOLD, "note": "x" * 501}, "body.note"),
        ({**TOLD, "phases": []}, "body.phases"),
        ({**TOLD, "phases": [QUICK] * 11}, "body.phases"),
        ({**TOLD, "phases": [QUICK, QUICK]}, "body.phases: every phase should have a"),
        ({**TOLD, "phases": [{**QUICK, "lasts": "91d"}]}, "body.phases.0.lasts"),
        ({**TOLD, "phases": [{**QUICK, "least": 0}]}, "body.phases.0.least"),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_refused_and_nothing_is_noted(
    body: dict[str, Any], words: str, world: World, service: Service
) -> None:
    async with asking(world, service) as client:
        answer = await client.post(HERE, json=body)
    assert answer.status_code == 422 and words in answer.json()["detail"]
    assert world.ledger.list() == [] and world.watcher.runs == []


async def test_the_list_goes_page_by_page_with_its_filters(world: World, service: Service) -> None:
    async with asking(world, service) as client:
        for number in range(5):
            world.clock.go(1)
            await client.post(HERE, json={**TOLD, "version": str(number), "suite": ["shop", "blog"][number % 2]})
        first = (await client.get(HERE, params={"limit": 2})).json()
        rest = (await client.get(first["next"])).json()
        blog = (await client.get(HERE, params={"suite": "blog", "target": "production"})).json()
    assert [one["version"] for one in first["items"] + rest["items"]] == ["4", "3", "2", "1"]
    assert [one["version"] for one in blog["items"]] == ["3", "1"] and blog["next"] is None


async def test_a_burn_in_is_cancelled_once_and_stays_so(world: World, service: Service) -> None:
    async with asking(world, service) as client:
        (made,) = (await client.post(HERE, json={**TOLD, "suite": "shop"})).json()["items"]
        await world.quiet()
        first, again = [await client.delete(f"{HERE}/{made['id']}") for _ in range(2)]
    assert first.json()["state"] == again.json()["state"] == "cancelled"
    assert first.json()["ended_at"] == again.json()["ended_at"]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_what_is_not_there_is_said_to_be_so(method: str, world: World, service: Service) -> None:
    async with asking(world, service) as client:
        answer = await client.request(method, f"{HERE}/nothing")
    assert answer.status_code == 404 and "there is no deployment with this id" in answer.json()["detail"]


async def test_only_those_who_may_write_tell_of_deployments_and_it_stands_in_the_trail(
    world: World, make_service: Callable[..., Service]
) -> None:
    service = make_service(burn_ins=world.burn_ins, watcher=world.watcher, settings={"require_tokens": True})
    reads, writes = (token_of(service, scope, name=scope.value) for scope in (Scope.READ, Scope.WRITE))
    async with asking(world, service) as client:
        answers = [(await client.post(HERE, json=TOLD, headers=headers)).status_code for headers in ({}, reads, writes)]
        (made, *_) = (await client.get(HERE, headers=reads)).json()["items"]
        assert (await client.delete(f"{HERE}/{made['id']}", headers=reads)).status_code == 403
    assert answers == [401, 403, 201]
    entry = next(entry for entry in service.audit.list() if entry.action == "deployment.start")
    assert entry.who == "write" and entry.details["version"] == "1.4.2"
    assert made["reported_by"] == "write"


async def test_a_service_that_stops_takes_no_deployment(world: World, service: Service) -> None:
    service.stopping = True
    async with asking(world, service) as client:
        answer = await client.post(HERE, json=TOLD)
    assert answer.status_code == 503 and world.ledger.list() == []


async def test_a_write_that_is_sent_twice_with_one_key_is_one_deployment(world: World, service: Service) -> None:
    async with asking(world, service) as client:
        first, again = [await client.post(HERE, json=TOLD, headers={"Idempotency-Key": "build-7"}) for _ in range(2)]
    assert first.json() == again.json() and len(world.ledger.list()) == 2  # one for each suite


async def test_open_pages_read_anew_when_something_happens_to_a_deployment(
    world: World, make_service: Callable[..., Service]
) -> None:
    service = living(make_service)
    world.burn_ins._listeners = [service.bus.tell]
    async with world.going(), heard(Feed(service, batch_s=60, change_s=0.01)) as listener:
        await world.deploy()
        assert (await event(listener))[0] == "resync"
