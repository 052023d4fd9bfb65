"""This file is for the weighted proxy: the share is kept, a named side is met, nothing is added, and both sides are counted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest

from vedette.reference.proxy import Proxy, Way
from vedette.reference.server import HttpServer, Request, Response, json_response


def _side(name: str) -> HttpServer:
    async def answer(request: Request) -> Response:
        if request.path == "/broken":
            return json_response(500, {})
        if request.path == "/cut":
            return Response(200, b"0123456789", cut=True)
        return json_response(200, {"side": name, "bytes": len(request.body), "headers": dict(request.headers)})

    return HttpServer(answer)


@asynccontextmanager
async def proxied(**options: object) -> AsyncIterator[tuple[Proxy, httpx.AsyncClient, str]]:
    async with AsyncExitStack() as stack:
        urls = []
        for name in Way:
            server = _side(name)
            urls.append(f"http://127.0.0.1:{await server.start('127.0.0.1', 0)}")
            stack.push_async_callback(server.stop)
        proxy = Proxy(*urls, **options)  # type: ignore[arg-type]
        url, counters = await stack.enter_async_context(proxy.running())
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=url, trust_env=False))
        yield proxy, client, counters


@pytest.mark.anyio
@pytest.mark.parametrize("weight", [0, 5, 25, 50, 100])
async def test_the_share_is_kept_exactly_and_spread_evenly(weight: int) -> None:
    async with proxied(weight=weight) as (_, client, _):
        seen = [(await client.get("/")).json()["side"] for _ in range(100)]
    assert Counter(seen)[Way.CANARY] == weight
    assert abs(Counter(seen[:20])[Way.CANARY] - weight / 5) <= 1


@pytest.mark.anyio
async def test_with_a_seed_each_request_is_drawn_and_drawn_the_same_again() -> None:
    drawn = []
    for _ in range(2):
        async with proxied(weight=25, seed=7) as (_, client, _):
            drawn.append([(await client.get("/")).json()["side"] for _ in range(80)])
    assert drawn[0] == drawn[1] and 8 < Counter(drawn[0])[Way.CANARY] < 34


@pytest.mark.anyio
async def test_the_weight_is_turned_while_it_runs() -> None:
    async with proxied() as (proxy, client, _):
        assert (await client.get("/")).json()["side"] == "baseline"
        proxy.turn_to(100)
        assert (await client.get("/")).json()["side"] == "canary"
        with pytest.raises(ValueError, match="between 0 and 100 percent, not 101"):
            proxy.turn_to(101)


@pytest.mark.anyio
async def test_a_request_that_names_its_side_is_sent_there_whatever_the_weight() -> None:
    async with proxied(weight=100, cookie="side") as (proxy, client, _):
        by_header = await client.get("/", headers={"X-Route": "baseline", "Cookie": "side=canary"})
        by_cookie = await client.get("/", headers={"Cookie": "a=b; side=baseline; c=d"})
        nobody = await client.get("/", headers={"X-Route": "elsewhere", "Cookie": "besides=baseline"})
        assert [one.json()["side"] for one in (by_header, by_cookie, nobody)] == ["baseline", "baseline", "canary"]
        assert (proxy.counted(Way.BASELINE, "caller"), proxy.counted(Way.CANARY)) == (2, 1)


@pytest.mark.anyio
async def test_nothing_is_added_and_a_body_passes_as_it_is() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(8):
            yield b"x" * 50_000

    async with proxied() as (_, client, _):
        plain = (await client.get("/", headers={"X-Mine": "1"})).json()["headers"]
        assert set(plain) == {"host", "accept", "accept-encoding", "connection", "user-agent", "x-mine"}
        whole = await client.post("/", content=b"x" * 700_000)
        chunked = await client.post("/", content=pieces())
        assert (whole.json()["bytes"], chunked.json()["bytes"]) == (700_000, 400_000)


@pytest.mark.anyio
async def test_errors_of_each_side_are_counted_and_told_to_prometheus() -> None:
    async with proxied() as (_, client, counters):
        assert (await client.get("/broken", headers={"X-Route": "canary"})).status_code == 500
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/cut", headers={"X-Route": "canary"})
        await client.get("/")
        told = await client.get(counters)
        assert 'proxy_requests_total{side="canary",chosen="caller"} 2' in told.text
        assert 'proxy_errors_total{side="canary",chosen="caller"} 2' in told.text
        assert 'proxy_requests_total{side="baseline",chosen="weight"} 1' in told.text
        assert 'proxy_errors_total{side="baseline",chosen="weight"} 0' in told.text
        assert (await client.get(counters.replace("/metrics", "/other"))).status_code == 404


@pytest.mark.anyio
async def test_a_side_that_is_gone_is_answered_with_502_and_counted() -> None:
    server = _side("baseline")
    async with httpx.AsyncClient(trust_env=False) as client:
        alive = f"http://127.0.0.1:{await server.start('127.0.0.1', 0)}"
        gone = _side("gone")
        nowhere = f"http://127.0.0.1:{await gone.start('127.0.0.1', 0)}"
        await gone.stop()
        proxy = Proxy(nowhere, alive, weight=100)
        async with proxy.running() as (url, _):
            assert (await client.get(url)).status_code == 502
            assert (await client.get(url, headers={"X-Route": "baseline"})).status_code == 200
        assert (proxy.counted(Way.CANARY), proxy.counted(Way.CANARY, errors=True)) == (1, 1)
        await server.stop()


@pytest.mark.anyio
@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-A : 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 70_000,
    ],
    ids=["no head", "told twice", "two lengths", "below zero", "space before the colon", "too long"],
)
async def test_what_two_readers_could_read_differently_is_refused_and_reaches_no_side(sent: bytes) -> None:
    async with proxied(weight=100) as (proxy, client, _):
        port = client.base_url.port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        writer.write_eof()
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        writer.close()
        assert [proxy.counted(way) for way in Way] == [0, 0]
        assert (await client.get("/")).json()["side"] == "canary"


@pytest.mark.parametrize("url", ["https://127.0.0.1:1", "http://127.0.0.1", "http://127.0.0.1:80/path", "nothing"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="'http://HOST:PORT'"):
        Proxy(url, "http://127.0.0.1:80")
