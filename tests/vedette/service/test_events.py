"""This file is for tests of live events: what is told when, to how many, and when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from probes.outcome import Verdict
from scenarios.watch.events import Missed, MissedReason, Retired
from tests.vedette.service.conftest import token_of
from tests.vedette.service.living import living, series_of, serving, suite, tell, tick
from vedette.service.access import Scope
from vedette.service.api import feed as feeds
from vedette.service.api.feed import Feed, Listener
from vedette.service.problems import Problem
from vedette.service.routes import events
from vedette.service.state import Service

pytestmark = pytest.mark.anyio


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Service:
    return living(make_service)


@contextlib.asynccontextmanager
async def heard(feed: Feed) -> AsyncIterator[Listener]:
    """Listen, from the moment on when the feed takes in what happens."""
    with feed.joined() as listener:
        await until(lambda: bool(feed._service.bus._listeners))
        yield listener


async def until(holds: Callable[[], bool]) -> None:
    """Let the others of the loop have their turns until something holds."""
    began = asyncio.get_running_loop().time()
    for _ in iter(holds, True):
        assert asyncio.get_running_loop().time() < began + 10, "it never came to be"
        await asyncio.sleep(0)


async def event(listener: Listener, within_s: float = 5) -> tuple[str, Any]:
    """Return the kind and the data of the next event."""
    async with asyncio.timeout(within_s):
        message = await listener.waiting.get()
    assert message is not None, "the stream ended"
    return parsed(message)


def parsed(message: str) -> tuple[str, Any]:
    fields = dict(line.split(": ", 1) for line in message.strip().splitlines())
    return fields["event"], json.loads(fields["data"])


async def test_a_batch_tells_the_newest_tick_of_each_series_once(service: Service) -> None:
    one, other, *_ = series_of(service)
    tell(service, tick(one), tick(other))
    async with heard(Feed(service, batch_s=0.2)) as listener:
        tell(service, tick(one), tick(one), tick(other))
        kind, told = await event(listener)
    assert kind == "ticks"
    assert sorted(one["slug"] for one in told["events"]) == sorted([one.key.slug, other.key.slug])
    first = told["events"][0]
    assert set(first) == {"slug", "verdict", "sentence", "since_at", "at", "duration_s", "maintenance"}
    assert (first["verdict"], first["duration_s"], first["maintenance"]) == ("pass", 0.125, False)


async def test_a_changed_verdict_is_told_long_before_the_batch_is_due(service: Service) -> None:
    one, *_ = series_of(service)
    tell(service, tick(one))
    async with heard(Feed(service, batch_s=3600)) as listener:
        began = tick(one, Verdict.FAIL)
        tell(service, began)
        _, told = await event(listener)
    assert [(e["verdict"], e["sentence"], e["since_at"]) for e in told["events"]] == [
        ("fail", "it said fail", began.outcome.started_at.isoformat())
    ]


async def test_an_unchanged_verdict_waits_for_the_batch(service: Service) -> None:
    one, *_ = series_of(service)
    tell(service, tick(one))
    async with heard(Feed(service, batch_s=3600)) as listener:
        tell(service, tick(one))
        with pytest.raises(TimeoutError):
            await event(listener, within_s=0.3)


async def test_changes_come_first_where_a_batch_cannot_hold_all(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "MOST_IN_BATCH", 3)
    tell(service, *(tick(one) for one in series_of(service)))
    async with heard(Feed(service)) as listener:
        *quiet, changed = series_of(service)
        tell(service, *(tick(one) for one in quiet), tick(changed, Verdict.FAIL))
        _, told = await event(listener)
    assert told["events"][0]["slug"] == changed.key.slug
    assert len(told["events"]) == 3


@pytest.mark.parametrize("why", ["more changes than a batch holds", "series that are watched no longer", "a burst"])
async def test_what_a_page_cannot_follow_makes_it_read_anew(service: Service, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    monkeypatch.setattr(feeds, "MOST_IN_BATCH", 3)
    tell(service, *(tick(one) for one in series_of(service)))
    async with heard(Feed(service, batch_s=0.2)) as listener:
        if why.startswith("more"):
            tell(service, *(tick(one, Verdict.FAIL) for one in series_of(service)))
        elif why.startswith("series"):
            service.bus.take_watched(Retired((series_of(service)[0].key,)))
        else:  # more than waits for the feed in the bus, so that the oldest are forgotten
            one = series_of(service)[0]
            for _ in range(1200):
                service.bus.take_watched(tick(one))
        kind, _ = await event(listener)
    assert kind == "resync"


async def test_what_tells_a_page_nothing_is_not_told(service: Service) -> None:
    async with heard(Feed(service, batch_s=0.05)) as listener:
        service.bus.take_watched(Missed(series_of(service)[0].key, service.clock(), MissedReason.OVERLAP))
        with pytest.raises(TimeoutError):
            await event(listener, within_s=0.3)


async def test_a_listener_that_is_too_slow_is_told_to_read_anew_and_costs_no_memory() -> None:
    listener = Listener()
    took = [listener.tell(f"batch {n}") for n in range(feeds.KEPT + 1)]
    assert (took.count(False), listener.waiting.qsize()) == (1, 1)


async def test_there_are_no_more_listeners_than_allowed_and_who_leaves_makes_room(service: Service) -> None:
    feed = Feed(service, most=2)
    with feed.joined():
        with feed.joined():
            with pytest.raises(Problem, match="2 are listening already") as refused, feed.joined():
                pass
            assert (refused.value.status, refused.value.headers["Retry-After"]) == (503, "30")
        with feed.joined():
            assert feed.listeners == 2
    assert feed.listeners == 0


async def test_the_feed_rests_while_nobody_listens(service: Service) -> None:
    feed = Feed(service)
    async with heard(feed):
        pass
    await until(lambda: not service.bus._listeners)


async def test_streams_end_at_once_when_the_service_stops(service: Service) -> None:
    feed = Feed(service, batch_s=3600)
    async with heard(feed) as listener:
        service.stopping = True
        async with asyncio.timeout(2):
            assert await listener.waiting.get() is None
    with pytest.raises(Problem, match="the service is stopping"), feed.joined():
        pass


async def test_whoever_comes_back_is_told_to_read_anew_and_whoever_comes_is_greeted(service: Service) -> None:
    feed = Feed(service)
    new, back = [[*feed.greeting(given)] for given in ("", "1763721600-7")]
    assert new[0] == back[0] == f"retry: {feeds.RETRY_MS}\n\n"
    assert [parsed(given[1])[0] for given in (new, back)] == ["hello", "resync"]


async def test_a_sentence_cannot_begin_another_field_or_event(service: Service) -> None:
    one, *_ = series_of(service)
    spiteful = tick(one, Verdict.FAIL)
    object.__setattr__(spiteful.outcome, "sentence", "no\n\nevent: resync\ndata: {}\r\n\r\n\u2028")
    async with heard(Feed(service)) as listener:
        tell(service, spiteful)
        async with asyncio.timeout(5):
            message = await listener.waiting.get()
    assert message is not None
    assert len(message.rstrip("\n").splitlines()) == 3
    assert parsed(message)[1]["events"][0]["sentence"] == spiteful.outcome.sentence


async def test_a_quiet_stream_says_now_and_then_that_it_is_alive(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "COMMENT_S", 0.05)
    messages = stream_of(service)
    async with asyncio.timeout(5):
        told = [await anext(messages) for _ in range(4)]
    await messages.aclose()
    assert told[2:] == [": still here\n\n"] * 2


class TurnsAway:
    """A guard that lets in so often, and then no more: the token was revoked."""

    def __init__(self, times: int, caller: Any) -> None:
        self.times = times
        self.caller = caller

    async def identify(self, request: Any) -> Any:
        self.times -= 1
        if self.times < 0:
            raise Problem(401, "the token is wrong, expired or revoked")
        return self.caller


def stream_of(service: Service, guard: Any = None) -> AsyncIterator[str]:
    from types import SimpleNamespace

    from vedette.service.security.guard import ANYBODY

    state = SimpleNamespace(service=service, guard=guard or TurnsAway(1000, ANYBODY))
    request = SimpleNamespace(headers={}, app=SimpleNamespace(state=state))
    return events.EventStream(Feed(service, batch_s=0.01), request)._messages(Listener())  # type: ignore[arg-type]


@pytest.mark.parametrize("scopes", ["revoked", "without the scope"])
async def test_a_stream_ends_when_its_token_is_revoked_also_while_there_is_much_to_tell(
    service: Service, monkeypatch: pytest.MonkeyPatch, scopes: str
) -> None:
    from vedette.service.access import Caller

    monkeypatch.setattr(events, "COMMENT_S", 0.05)
    guard = TurnsAway(2 if scopes == "revoked" else 1000, Caller("board", frozenset()))
    if scopes == "revoked":
        from vedette.service.security.guard import ANYBODY

        guard.caller = ANYBODY
    async with asyncio.timeout(5):
        told = [message async for message in stream_of(service, guard)]
    assert len(told) == (4 if scopes == "revoked" else 2)


async def test_since_a_failure_is_told_from_its_first_tick_on(service: Service) -> None:
    one, *_ = series_of(service)
    first = tick(one, Verdict.FAIL, at=service.clock() - timedelta(minutes=5))
    tell(service, first)
    async with heard(Feed(service, batch_s=0.1)) as listener:
        tell(service, tick(one, Verdict.FAIL))
        _, told = await event(listener)
    assert told["events"][0]["since_at"] == first.outcome.started_at.isoformat()


async def test_ten_thousand_ticks_a_minute_cost_a_listener_one_message_a_second(make_service: Callable[..., Service]) -> None:
    service = living(make_service, suite(100))
    tell(service, *(tick(one) for one in series_of(service)))
    async with heard(Feed(service, batch_s=0.3)) as listener:
        tell(service, *(tick(one) for one in series_of(service)[:167]))
        _, told = await event(listener)
        assert (len(told["events"]), listener.waiting.qsize()) == (167, 0)


@contextlib.asynccontextmanager
async def streaming(url: str, **headers: str) -> AsyncIterator[tuple[httpx.Response, AsyncIterator[str]]]:
    """Yield an open stream and its lines."""
    async with (
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=10) as client,
        client.stream("GET", "/api/v1/events", headers=headers) as answer,
    ):
        yield answer, answer.aiter_lines()


@pytest.fixture
def on_a_socket(make_service: Callable[..., Service]) -> Service:
    return living(make_service, settings={"port": 0})


async def test_what_happens_arrives_over_a_real_connection(on_a_socket: Service) -> None:
    service = on_a_socket
    one, *_ = series_of(service)
    async with serving(service) as url, streaming(url) as (answer, lines):
        said = [await anext(lines) for _ in range(5)]
        await until(lambda: bool(service.bus._listeners))
        tell(service, tick(one, Verdict.FAIL))
        told = [await anext(lines) for _ in range(4)]
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert (answer.headers["cache-control"], said[0], said[2]) == ("no-store", "retry: 3000", "event: hello")
    assert (told[1], one.key.slug in told[3], "it said fail" in told[3]) == ("event: ticks", True, True)


async def test_a_listener_that_hangs_up_is_noticed(on_a_socket: Service) -> None:
    async with serving(on_a_socket) as url:
        async with streaming(url) as (_, lines):
            await anext(lines)
            await until(lambda: bool(on_a_socket.bus._listeners))
        await until(lambda: not on_a_socket.bus._listeners)


async def test_an_open_stream_does_not_hold_up_the_end_of_the_service(on_a_socket: Service) -> None:
    async with asyncio.timeout(5), serving(on_a_socket) as url, streaming(url) as (_, lines):
        await anext(lines)
        on_a_socket.stopping = True
        with contextlib.suppress(StopAsyncIteration):
            while True:
                await anext(lines)


async def test_one_listener_too_many_is_refused_with_a_problem_document(
    on_a_socket: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Feed, "__init__", functools.partialmethod(Feed.__init__, most=1))
    async with serving(on_a_socket) as url, streaming(url) as (_, lines):
        await anext(lines)
        async with streaming(url) as (refused, _):
            problem = json.loads(await refused.aread())
        assert (refused.status_code, refused.headers["content-type"]) == (503, "application/problem+json")
        assert problem["detail"].startswith("1 are listening already")


async def test_nobody_listens_without_a_token_that_reads(make_service: Callable[..., Service]) -> None:
    service = living(make_service, settings={"port": 0, "require_tokens": True})
    wrong = {"Authorization": "Bearer vdt_wrong"}
    async with serving(service) as url:
        for headers, status in (({}, 401), (wrong, 401), (token_of(service, Scope.METRICS), 403)):
            async with streaming(url, **headers) as (answer, _):
                assert answer.status_code == status
    assert not service.bus._listeners
