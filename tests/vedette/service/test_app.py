"""This file is for the application as a whole: what every request gets, whatever it asks for."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Query
from pydantic import BaseModel, ConfigDict, field_validator

from reports.store.errors import StoreError
from tests.vedette.service.conftest import client_of
from vedette.service import app as module
from vedette.service.access import Scope, needs
from vedette.service.app import all_routes, build_app, close_app, scope_of
from vedette.service.context import correlation_id
from vedette.service.problems import Problem
from vedette.service.security.openings import Openings
from vedette.service.state import Service

pytestmark = pytest.mark.anyio

PROBLEM = "application/problem+json"
SECRET = "hunter2-and-more"
BROWSER = {"Accept": "text/html,application/xhtml+xml"}


class Wanted(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: str
    count: int = 1

    @field_validator("version")
    @classmethod
    def _short(cls, value: str) -> str:
        if len(value) > 10:
            raise ValueError(f"'{value}' is too long")
        return value


def trial_routes() -> APIRouter:
    """Return routes that break in all ways."""
    router = APIRouter(dependencies=[needs(Scope.READ)])

    @router.get("/trial/bug")
    async def bug() -> None:
        raise ValueError(f"the password {SECRET} did not fit")

    @router.get("/trial/store")
    def store() -> None:
        raise StoreError(f"the store '/home/{SECRET}' is locked")

    @router.get("/trial/refused")
    async def refused() -> None:
        raise Problem(409, "it is there already", other="this one")

    @router.get("/trial/id")
    def own_id() -> dict[str, str]:
        return {"id": correlation_id.get()}

    @router.post("/trial/wanted")
    def wanted(body: Wanted, limit: Annotated[int, Query(ge=1)] = 5) -> dict[str, int]:
        return {"limit": limit}

    return router


@pytest.fixture(scope="module")
def app(shared: FastAPI) -> FastAPI:
    shared.include_router(trial_routes())
    return shared


@pytest.fixture
async def trial(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as made:
        yield made


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        ("GET", "/api/v1/nothing", 404, "there is nothing at this address"),
        ("DELETE", "/trial/id", 405, "this address does not take DELETE"),
        ("GET", "/trial/refused", 409, "it is there already"),
        ("GET", "/trial/store", 503, "the store cannot be used at the moment, and the service's log says why"),
        ("GET", "/trial/bug", 500, "the service itself broke on this request; its log tells more under this correlation id"),
    ],
)
async def test_a_refusal_is_a_problem_document(
    trial: httpx.AsyncClient, method: str, path: str, status: int, detail: str
) -> None:
    answer = await trial.request(method, path)
    told = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert (told["type"], told["status"], told["detail"]) == ("about:blank", status, detail)
    assert told["title"]


async def test_a_refusal_may_tell_more_than_the_standard_asks(trial: httpx.AsyncClient) -> None:
    assert (await trial.get("/trial/refused")).json()["other"] == "this one"


@pytest.mark.parametrize("path", ["/trial/bug", "/trial/store"])
async def test_what_broke_is_told_to_nobody_outside(
    trial: httpx.AsyncClient, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await trial.get(path)
    assert SECRET not in answer.text + str(answer.headers)
    assert [r.levelname for r in caplog.records] == ["ERROR"]


async def test_a_bug_is_logged_with_its_place_and_without_its_text(
    trial: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await trial.get("/trial/bug", headers={"X-Correlation-ID": "find-me"})
    (record,) = [r for r in caplog.records if r.name == "vedette.service"]
    assert record.getMessage() == "a request broke: ValueError"
    assert "in bug" in record.where[-1] and SECRET not in str(record.__dict__)  # type: ignore[attr-defined]
    assert answer.json()["correlation_id"] == "find-me"


@pytest.mark.parametrize(
    ("sent", "where"),
    [
        ({"version": SECRET}, "body.version"),
        ({"version": [SECRET]}, "body.version"),
        ({"version": "1", "count": SECRET}, "body.count"),
        ({"version": "1", SECRET: 1}, "body"),
        ([SECRET], "body"),
        (SECRET, "body"),
    ],
)
async def test_a_mistake_in_the_input_is_told_without_the_input(trial: httpx.AsyncClient, sent: Any, where: str) -> None:
    answer = await trial.post("/trial/wanted", json=sent)
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
    assert SECRET not in answer.text
    assert answer.json()["errors"][0]["where"] == where


async def test_a_mistake_in_the_query_is_told_with_its_place(trial: httpx.AsyncClient) -> None:
    answer = await trial.post("/trial/wanted?limit=0", json={"version": "1"})
    assert answer.json()["detail"] == "query.limit: input should be greater than or equal to 1"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/xml"])
async def test_a_body_that_is_not_json_is_refused_by_its_type(trial: httpx.AsyncClient, kind: str) -> None:
    answer = await trial.post("/trial/wanted", content=b"version=1", headers={"Content-Type": kind} if kind else {})
    assert (answer.status_code, answer.headers["content-type"]) == (415, PROBLEM)


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[" * 5000, b"nul"], ids=["half", "no UTF-8", "deep", "no value"])
async def test_garbage_that_calls_itself_json_is_a_mistake_of_the_caller(trial: httpx.AsyncClient, content: bytes) -> None:
    answer = await trial.post("/trial/wanted", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422) and answer.headers["content-type"] == PROBLEM


@pytest.mark.parametrize("given", ["abc", "018f0000-0000-7000-8000-000000000000", "a.b:c_d"])
async def test_a_sane_correlation_id_is_taken_over_and_known_in_threads(trial: httpx.AsyncClient, given: str) -> None:
    answer = await trial.get("/trial/id", headers={"X-Correlation-ID": given})
    assert answer.headers["x-correlation-id"] == answer.json()["id"] == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "<script>", "a\tb", "-x", 'a"b'])
async def test_another_correlation_id_is_replaced(trial: httpx.AsyncClient, given: str) -> None:
    answer = await trial.get("/trial/id", headers={"X-Correlation-ID": given})
    assert answer.headers["x-correlation-id"] == answer.json()["id"] != given
    assert len(answer.json()["id"]) == 36


async def test_a_refusal_has_a_correlation_id_too(trial: httpx.AsyncClient) -> None:
    answer = await trial.get("/nothing", headers={"Host": "evil.example"})
    assert (answer.status_code, len(answer.headers["x-correlation-id"])) == (421, 36)


async def test_a_person_sees_a_page_where_a_program_sees_a_document(trial: httpx.AsyncClient) -> None:
    answer = await trial.get("/nothing", headers=BROWSER)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "<h1>Not Found</h1>" in answer.text and "there is nothing at this address" in answer.text


async def test_the_api_answers_a_browser_with_documents_too(trial: httpx.AsyncClient) -> None:
    assert (await trial.get("/api/v1/nothing", headers=BROWSER)).headers["content-type"] == PROBLEM


async def test_head_is_answered_as_get_without_a_body(trial: httpx.AsyncClient) -> None:
    answer = await trial.head("/trial/id")
    assert (answer.status_code, answer.content) == (200, b"")


async def test_each_request_has_a_line_in_the_log_without_its_query(
    trial: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="vedette.service.access"):
        await trial.get(f"/trial/id?token={SECRET}")
    (record,) = [r for r in caplog.records if r.name == "vedette.service.access"]
    assert record.getMessage() == "GET /trial/id 200"
    assert (record.status, record.caller, record.address) == (200, "anonymous", "127.0.0.1")  # type: ignore[attr-defined]
    assert SECRET not in str(record.__dict__)


async def test_a_secret_in_a_path_is_not_logged(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    app = build_app(service)
    router = APIRouter()

    @router.post("/heartbeat/{slug}/{secret}")
    async def ping(slug: str, secret: str) -> dict[str, str]:
        return {}

    app.router.routes.insert(0, router.routes[0])
    with caplog.at_level(logging.INFO, logger="vedette.service.access"):
        async with client_of(app) as client:
            assert (await client.post(f"/heartbeat/abc/{SECRET}")).status_code == 200
    assert caplog.records[-1].getMessage() == "POST /heartbeat/{slug}/{secret} 200"
    await close_app(app)


async def test_the_api_is_described_and_its_description_is_data_of_ours(client: httpx.AsyncClient) -> None:
    told = (await client.get("/api/v1/openapi.json")).json()
    assert (told["info"]["title"], told["info"]["version"]) == ("Vedette", "1.2.3")
    assert {(await client.get(path)).status_code for path in ("/docs", "/redoc", "/openapi.json")} == {404}


def test_every_route_says_who_may_use_it() -> None:
    always_open = Openings()
    silent = {route.path for route in all_routes() if scope_of(route) is None}
    assert {path for path in silent if not always_open.holds(path)} == set()
    own_secret = ("/heartbeat/", "/api/v1/flagger/", "/kayenta/")
    assert {path for path in silent if not path.startswith(own_secret)} <= {"/login", "/login/page.css", "/health/live"}


def test_a_route_that_does_not_say_so_stops_the_service(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    router = APIRouter()
    router.add_api_route("/careless", lambda: {})
    monkeypatch.setattr(module, "_found", lambda: [("careless", router)])
    with pytest.raises(RuntimeError, match=r"careless\.py: the route /careless does not say who may use it"):
        build_app(service)


def test_what_cannot_be_guarded_stops_the_service(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    router = APIRouter()
    router.mount("/files", FastAPI(telemetry=module.SILENT))
    monkeypatch.setattr(module, "_found", lambda: [("files", router)])
    with pytest.raises(RuntimeError, match=r"files\.py: .* nobody can say who may use it"):
        build_app(service)


def test_nothing_is_told_to_a_collector_that_nobody_asked_for(service: Service) -> None:
    assert not build_app(service)._native_telemetry.enabled()
