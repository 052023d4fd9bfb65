"""This file is for writes that are sent twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Response

from reports.store.errors import StoreError
from scenarios.runner import utc_now
from tests.vedette.service.conftest import client_of, token_of
from vedette.service.access import Scope, needs
from vedette.service.app import build_app, close_app
from vedette.service.problems import Problem
from vedette.service.state import Service

pytestmark = pytest.mark.anyio
KEY = {"Idempotency-Key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}


class Deeds:
    """What was done, and what happens while it is done."""

    def __init__(self) -> None:
        self.done: list[Any] = []
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.raises: Exception | None = None

    def router(self) -> APIRouter:
        router = APIRouter(dependencies=[needs(Scope.WRITE)])

        @router.post("/api/v1/trial", status_code=201)
        @router.delete("/api/v1/trial")
        async def trial(body: dict[str, Any], response: Response) -> dict[str, int]:
            self.begun.set()
            await self.go_on.wait()
            if self.raises is not None:
                raise self.raises
            self.done.append(body)
            response.headers["Location"] = f"/api/v1/trial/{len(self.done)}"
            response.headers["X-Other"] = "1"
            return {"number": len(self.done)}

        return router


@pytest.fixture
async def deeds() -> Deeds:
    return Deeds()


@pytest.fixture
async def app(service: Service, deeds: Deeds) -> AsyncIterator[FastAPI]:
    made = build_app(service)
    made.include_router(deeds.router())
    yield made
    await close_app(made)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app, KEY) as made:
        yield made


async def post(client: httpx.AsyncClient, what: int = 1, **more: Any) -> httpx.Response:
    return await client.post("/api/v1/trial", json={"what": what}, **more)


async def test_a_write_sent_twice_is_done_once_and_answered_twice_alike(client: httpx.AsyncClient, deeds: Deeds) -> None:
    first, second = await post(client), await post(client)
    assert (first.status_code, first.json()) == (second.status_code, second.json()) == (201, {"number": 1})
    assert (
        first.headers["location"] == second.headers["location"]
        and first.headers["content-type"] == second.headers["content-type"]
    )
    assert ("idempotency-replayed" in first.headers, second.headers["idempotency-replayed"]) == (False, "true")
    assert deeds.done == [{"what": 1}]


async def test_a_replayed_answer_has_its_own_correlation_id(client: httpx.AsyncClient) -> None:
    first, second = await post(client), await post(client)
    assert first.headers["x-correlation-id"] != second.headers["x-correlation-id"]


async def test_without_a_key_every_write_is_done(client: httpx.AsyncClient, deeds: Deeds) -> None:
    del client.headers["Idempotency-Key"]
    await post(client)
    await post(client)
    assert len(deeds.done) == 2


async def test_a_key_for_another_request_is_refused(client: httpx.AsyncClient, deeds: Deeds) -> None:
    await post(client)
    for answer in (
        await post(client, 2),
        await post(client, params={"x": 1}),
        await client.request("DELETE", "/api/v1/trial", json={"what": 1}),
    ):
        assert (answer.status_code, "another request" in answer.json()["detail"]) == (422, True)
    assert len(deeds.done) == 1


async def test_a_repeat_while_the_first_is_at_work_is_told_to_wait(client: httpx.AsyncClient, deeds: Deeds) -> None:
    deeds.go_on.clear()
    first = asyncio.create_task(post(client))
    await deeds.begun.wait()
    second = await post(client)
    assert (second.status_code, second.headers["retry-after"]) == (409, "1")
    deeds.go_on.set()
    assert (await first).status_code == 201
    assert (await post(client)).headers["idempotency-replayed"] == "true"
    assert len(deeds.done) == 1


async def test_an_answer_is_kept_over_a_restart(service: Service, client: httpx.AsyncClient, deeds: Deeds) -> None:
    await post(client)
    again = build_app(service)
    again.include_router(deeds.router())
    async with client_of(again, KEY) as restarted:
        assert (await post(restarted)).headers["idempotency-replayed"] == "true"
    await close_app(again)
    assert len(deeds.done) == 1


@pytest.mark.parametrize(
    "problem", [Problem(404, "no"), Problem(503, "not now"), StoreError("locked")], ids=["404", "503", "store"]
)
async def test_what_was_refused_did_nothing_and_may_be_asked_again(
    client: httpx.AsyncClient, deeds: Deeds, problem: Exception
) -> None:
    deeds.raises = problem
    assert (await post(client)).status_code >= 400
    deeds.raises = None
    assert (await post(client)).status_code == 201
    assert (await client.post("/api/v1/trial", json=[1], headers={"Idempotency-Key": "k2"})).status_code == 422
    assert (await client.post("/api/v1/trial", json={}, headers={"Idempotency-Key": "k2"})).status_code == 201


async def test_what_broke_on_the_way_is_not_done_again_and_told_so(
    service: Service, client: httpx.AsyncClient, deeds: Deeds
) -> None:
    deeds.raises = ValueError("a bug")
    assert (await post(client)).status_code == 500
    deeds.raises = None
    later = build_app(replace(service, clock=lambda: utc_now() + timedelta(minutes=3)))
    later.include_router(deeds.router())
    async with client_of(later, KEY) as restarted:
        answer = await post(restarted)
    await close_app(later)
    assert (answer.status_code, "nobody knows what it did" in answer.json()["detail"]) == (409, True)
    assert deeds.done == []


async def test_callers_do_not_get_each_others_answers(guarded: Service, deeds: Deeds) -> None:
    app = build_app(guarded)
    app.include_router(deeds.router())
    for name in ("one", "two"):
        async with client_of(app, {**KEY, **token_of(guarded, Scope.WRITE, name=name)}) as client:
            assert "idempotency-replayed" not in (await post(client)).headers
    async with client_of(app, {**KEY, **token_of(guarded, Scope.READ, name="three")}) as client:
        assert (await post(client)).status_code == 403
    async with client_of(app, KEY) as client:
        assert (await post(client)).status_code == 401
    await close_app(app)
    assert len(deeds.done) == 2


@pytest.mark.parametrize("key", ["", '""', '"', 'a"b', "a b", '"' + "x" * 256 + '"', "x" * 256, "ä", '"a", "b"'])
async def test_a_key_that_is_none_is_refused(client: httpx.AsyncClient, deeds: Deeds, key: str) -> None:
    answer = await client.post("/api/v1/trial", json={}, headers=[(b"Idempotency-Key", key.encode())])
    assert answer.status_code == 400 and deeds.done == []


async def test_a_bare_key_and_a_quoted_one_are_the_same(client: httpx.AsyncClient, deeds: Deeds) -> None:
    await post(client, headers={"Idempotency-Key": "abc"})
    await post(client, headers={"Idempotency-Key": '"abc"'})
    assert len(deeds.done) == 1


async def test_a_repeat_stands_once_in_the_audit_trail(service: Service, client: httpx.AsyncClient) -> None:
    await post(client)
    await post(client)
    assert len(service.audit.list()) == 1


async def test_reading_is_never_kept(client: httpx.AsyncClient) -> None:
    for _ in range(2):
        assert "idempotency-replayed" not in (await client.get("/api/v1/openapi.json")).headers


async def test_without_its_store_nothing_is_done(client: httpx.AsyncClient, app: FastAPI, deeds: Deeds) -> None:
    app.state.answers.claim = _broken
    answer = await post(client)
    assert (answer.status_code, answer.headers["retry-after"], deeds.done) == (503, "5", [])


async def test_a_done_write_is_answered_though_its_answer_cannot_be_kept(
    client: httpx.AsyncClient, app: FastAPI, deeds: Deeds
) -> None:
    app.state.answers.finish = _broken
    assert (await post(client)).status_code == 201
    assert (await post(client)).status_code == 409
    assert len(deeds.done) == 1


def _broken(*_: object) -> None:
    raise StoreError("the disk is full")
