"""This file is for what one request may cost, and for what every answer tells a browser. Over real sockets: test_server.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from starlette.types import Message

from tests.vedette.service.conftest import client_of
from vedette.service.access import Scope, needs
from vedette.service.app import build_app, close_app
from vedette.service.security.limits import DRAINED_BYTES, LARGEST_BODY_BYTES, LimitsMiddleware
from vedette.service.state import Service

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def app(shared: FastAPI) -> FastAPI:
    router = APIRouter(dependencies=[needs(Scope.READ)])

    @router.post("/trial/size")
    async def size(request: Request) -> int:
        return len(await request.body())

    shared.include_router(router)
    return shared


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as made:
        yield made


async def pieces(total: int, each: int = 1000) -> AsyncIterator[bytes]:
    while total > 0:
        yield b"x" * min(each, total)
        total -= each


async def test_a_body_up_to_the_limit_reaches_its_route_whole(client: httpx.AsyncClient) -> None:
    assert (await client.post("/trial/size", content=b"x" * LARGEST_BODY_BYTES)).json() == LARGEST_BODY_BYTES
    assert (await client.post("/trial/size", content=pieces(LARGEST_BODY_BYTES))).json() == LARGEST_BODY_BYTES
    assert (await client.post("/trial/size")).json() == 0


async def test_a_larger_body_is_refused_by_what_it_announces(client: httpx.AsyncClient) -> None:
    answer = await client.post("/trial/size", content=b"x" * (LARGEST_BODY_BYTES + 1))
    assert (answer.status_code, answer.json()["detail"]) == (413, "the body is larger than 64 KiB")
    assert answer.headers["connection"] == "close"


async def test_a_larger_body_is_refused_though_it_announces_nothing(client: httpx.AsyncClient) -> None:
    assert (await client.post("/trial/size", content=pieces(LARGEST_BODY_BYTES + 1))).status_code == 413


async def test_a_body_without_end_is_refused_before_its_end(client: httpx.AsyncClient) -> None:
    given = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        while True:
            given += 1000
            yield b"x" * 1000

    assert (await client.post("/trial/size", content=endless())).status_code == 413
    assert given < 2 * DRAINED_BYTES


async def test_a_body_that_drips_is_cut() -> None:
    async def drip() -> Message:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def never(scope: object, receive: object, send: object) -> None:
        raise AssertionError("no route is to be reached")

    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message)

    scope = {"type": "http", "method": "POST", "path": "/api/x", "headers": [(b"transfer-encoding", b"chunked")]}
    async with asyncio.timeout(5):
        await LimitsMiddleware(never, within_s=0.05)(scope, drip, send)
    assert said[0]["status"] == 408 and b"the body did not arrive within 0.05 s" in said[1]["body"]
    assert LimitsMiddleware(never)._within_s == 10


@pytest.mark.parametrize("length", ["-1", "x", "1" * 5000, "1_000", "²"])
async def test_a_length_that_is_none_is_refused(client: httpx.AsyncClient, length: str) -> None:
    headers = [(b"Content-Length", length.encode("latin-1"))]
    assert (await client.post("/trial/size", content=b"x", headers=headers)).status_code in (400, 413)


@pytest.mark.parametrize("path", ["/nothing", "/login", "/api/v1/openapi.json", "/login/page.css"])
async def test_every_answer_tells_a_browser_what_not_to_do(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    assert headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    assert (headers["x-content-type-options"], headers["referrer-policy"], headers["x-frame-options"]) == (
        "nosniff",
        "no-referrer",
        "DENY",
    )
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == ("public, max-age=3600" if path.endswith(".css") else "no-store")
    assert "server" not in headers and "access-control-allow-origin" not in headers


async def test_a_refusal_at_the_edge_has_them_too(client: httpx.AsyncClient) -> None:
    for answer in (
        await client.get("/", headers={"Host": "evil.example"}),
        await client.post("/trial/size", content=b"x" * (LARGEST_BODY_BYTES + 1)),
    ):
        assert answer.status_code > 400 and "content-security-policy" in answer.headers


LOOPBACK = ["127.0.0.1", "127.0.0.1:8900", "localhost", "LOCALHOST:1", "localhost.", "[::1]:8900"]
STRANGE = [
    *("evil.example", "evil.example:8900", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", "evil@127.0.0.1"),
    *("", "127.0.0.1/x", "127.0.0.1?", "127.0.0.1#", "127.0.0.1:x", "127.0.0.1:", "127.0.0.1 ", "[::1", "127.0.0.1,evil.example"),
]


@pytest.mark.parametrize("host", LOOPBACK)
async def test_our_own_names_are_answered(client: httpx.AsyncClient, host: str) -> None:
    assert (await client.get("/login", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("host", STRANGE)
async def test_another_name_is_not(client: httpx.AsyncClient, host: str) -> None:
    answer = await client.get("/login", headers={"Host": host})
    assert answer.status_code == 421 and "--allow-host" in answer.json()["detail"]
    assert "evil" not in answer.text


async def test_a_name_given_in_the_settings_is_answered(make_service: Callable[..., Service]) -> None:
    app = build_app(make_service(settings={"hosts": ("Watch.Example",)}))
    async with client_of(app) as client:
        assert (await client.get("/login", headers={"Host": "watch.example:443"})).status_code == 200
        assert (await client.get("/login", headers={"Host": "other.example"})).status_code == 421
    await close_app(app)


async def test_listening_everywhere_the_address_that_was_used_is_a_name_of_ours(make_service: Callable[..., Service]) -> None:
    app = build_app(make_service(settings={"host": "0.0.0.0"}))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://10.1.2.3:8900") as client:
        for server, status in (("10.1.2.3", 200), ("10.9.9.9", 421)):

            async def arrived(scope: object, receive: object, send: object, at: str = server) -> None:
                await app({**scope, "server": (at, 8900)}, receive, send)  # type: ignore[dict-item, arg-type]

            transport.app = arrived  # type: ignore[assignment]
            assert (await client.get("/login")).status_code == status
    await close_app(app)
