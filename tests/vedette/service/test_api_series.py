"""This file is for tests of the routes of series: lists in pages, filters, ticks, charts, strips, and asking out of turn."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from probes.outcome import Verdict
from scenarios.watch.asks import NotWatching
from tests.vedette.service.living import asking, living, series_of, storing, suite, tell, tick
from vedette.service.state import Service

pytestmark = pytest.mark.anyio

SERIES = "/api/v1/series"


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Iterator[Service]:
    with storing(make_service) as made:
        yield made


async def pages(client: httpx.AsyncClient, path: str, **query: Any) -> AsyncIterator[list[dict[str, Any]]]:
    answer = await client.get(path, params=query)
    while True:
        assert answer.status_code == 200, answer.text
        yield answer.json()["items"]
        if not (link := answer.json()["next"]):
            return
        answer = await client.get(link)


async def test_every_series_is_listed_once_page_by_page_in_order(service: Service, client: httpx.AsyncClient) -> None:
    found = [page async for page in pages(client, SERIES, limit=3)]
    told = [(one["suite"], one["scenario"], one["target"], one["location"]) for page in found for one in page]
    assert told == [tuple(one.key) for one in series_of(service)]
    assert [len(page) for page in found] == [3, 3, 3, 1]


async def test_filters_hold_over_all_pages(service: Service, client: httpx.AsyncClient) -> None:
    found = [one async for page in pages(client, SERIES, limit=1, target="staging", tag="even") for one in page]
    assert {(one["target"], one["tags"][0]) for one in found} == {("staging", "even")}
    assert len(found) == 3


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 10),
        ({"suite": "shop"}, 10),
        ({"suite": "other"}, 0),
        ({"scenario": "promise 001"}, 2),
        ({"target": "production"}, 5),
        ({"tag": "odd"}, 4),
        ({"severity": "P0"}, 4),
        ({"verdict": "fail"}, 1),
        ({"mark": "unasked"}, 8),
        ({"problem": "true"}, 1),
        ({"problem": "false"}, 9),
        ({"problem": "true", "target": "staging"}, 0),
    ],
    ids=str,
)
async def test_filters_choose(service: Service, client: httpx.AsyncClient, query: dict[str, str], count: int) -> None:
    bad, good, *_ = series_of(service)
    tell(service, tick(bad, Verdict.FAIL), tick(good))
    found = (await client.get(SERIES, params=query)).json()["items"]
    assert len(found) == count


async def test_a_misspelt_filter_is_refused_and_does_not_show_everything(client: httpx.AsyncClient) -> None:
    answer = await client.get(SERIES, params={"targt": "staging"})
    assert answer.status_code == 422


def forged(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


DEEP = base64.urlsafe_b64encode(b"[" * 5000).decode()


FORGED = (
    *("x", "====", "null", "bnVsbA", "ä", "\x00", "-" * 8001, DEEP),
    *(forged(), forged(1), forged("series"), forged("x", 1, 2, 3, 4), forged("x", "a", "b", "c", "d"), forged({"a": 1})),
    forged("x", *["a"] * 500),
)


@pytest.mark.parametrize("path", ["series", "series/{slug}/ticks", "runs", "runs/x", "audit", "config/scenarios"])
async def test_a_cursor_that_somebody_made_up_is_refused(service: Service, client: httpx.AsyncClient, path: str) -> None:
    slug = series_of(service)[0].key.slug
    for cursor in FORGED:
        answer = await client.get(f"/api/v1/{path.format(slug=slug)}", params={"cursor": cursor})
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), answer.text
        assert len(cursor) < 3 or cursor not in answer.text


@pytest.mark.parametrize("value", [10**30, -(10**30), 10**18, True, 1.5, None, [], "1"], ids=str)
async def test_a_cursor_with_the_right_beginning_and_an_impossible_place_is_refused(
    service: Service, client: httpx.AsyncClient, value: object
) -> None:
    one, *_ = series_of(service)
    tell(service, tick(one), tick(one, at=service.clock() - timedelta(minutes=1)))
    for path in (f"{SERIES}/{one.key.slug}/ticks", "/api/v1/config/scenarios"):
        link = (await client.get(path, params={"limit": 1})).json()["next"]
        cursor = httpx.URL(link).params["cursor"]
        mark = json.loads(base64.urlsafe_b64decode(cursor + "=="))[0]
        answer = await client.get(path, params={"cursor": forged(mark, value)})
        assert answer.status_code == 422, (path, answer.text)


async def test_a_cursor_belongs_to_its_list_and_its_filters(client: httpx.AsyncClient) -> None:
    link = (await client.get(SERIES, params={"limit": 1, "target": "staging"})).json()["next"]
    cursor = httpx.URL(link).params["cursor"]
    answers = [
        await client.get(SERIES, params={"cursor": cursor, "target": "production"}),
        await client.get("/api/v1/runs", params={"cursor": cursor}),
        await client.get(SERIES, params={"cursor": cursor, "target": "staging", "limit": 5}),
    ]
    assert [answer.status_code for answer in answers] == [422, 422, 200]


async def test_a_page_goes_on_where_it_was_although_its_last_series_is_gone(service: Service, client: httpx.AsyncClient) -> None:
    first, second, third, *_ = series_of(service)
    link = (await client.get(SERIES, params={"limit": 2})).json()["next"]
    service.board.watch([one for one in series_of(service) if one not in (first, second)])
    assert (await client.get(link)).json()["items"][0]["slug"] == third.key.slug


async def test_one_series_tells_how_it_stands_and_when_it_is_due(service: Service, client: httpx.AsyncClient) -> None:
    one, *_ = series_of(service)
    first = tick(one, Verdict.FAIL, at=service.clock() - timedelta(minutes=3))
    tell(service, first, tick(one, Verdict.FAIL))
    said = (await client.get(f"{SERIES}/{one.key.slug}")).json()
    assert (said["verdict"], said["mark"], said["is_problem"], said["trouble"]) == ("fail", "fail", True, "it said fail")
    assert datetime.fromisoformat(said["since_at"]) == first.outcome.started_at
    assert (said["in_row"], said["duration_s"], said["schedule"]["every_s"]) == (2, 0.125, 60)
    assert (said["pass_ratio"]["5m"], said["counts"]["1h"]["failed"], said["counts"]["30d"]["pass_ratio"]) == (0.0, 2, 0.0)
    assert datetime.fromisoformat(said["next_due_at"]) == service.watcher.next_due(one.key)


async def test_what_was_never_asked_has_no_verdict_and_no_ratio(service: Service, client: httpx.AsyncClient) -> None:
    said = (await client.get(f"{SERIES}/{series_of(service)[0].key.slug}")).json()
    assert (said["verdict"], said["pass_ratio"]) == (None, {"5m": None, "1h": None, "24h": None, "30d": None})


@pytest.mark.parametrize("rest", ["", "/ticks", "/chart", "/strip"])
async def test_a_series_that_is_not_there_is_told_so(client: httpx.AsyncClient, rest: str) -> None:
    answer = await client.get(f"{SERIES}/0123456789abcdef{rest}")
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        "there is no series with this slug; `/api/v1/series` lists them",
    )
    assert (await client.get(f"{SERIES}/0123456789ABCDEF{rest}")).status_code == 422


async def test_ticks_are_read_page_by_page_the_newest_first(service: Service, client: httpx.AsyncClient) -> None:
    one, *_ = series_of(service)
    now = service.clock()
    told = [tick(one, at=now - timedelta(seconds=60 * n), lateness_s=0.25, version="1.4.2") for n in range(7)]
    tell(service, *reversed(told))
    found = [seen async for page in pages(client, f"{SERIES}/{one.key.slug}/ticks", limit=3) for seen in page]
    assert [datetime.fromisoformat(seen["at"]) for seen in found] == [made.outcome.started_at for made in told]
    assert {(seen["verdict"], seen["duration_s"], seen["lateness_s"], seen["version"]) for seen in found} == {
        ("pass", 0.125, 0.25, "1.4.2")
    }


async def test_only_bad_ticks_lead_to_their_outcomes(service: Service, client: httpx.AsyncClient) -> None:
    one, *_ = series_of(service)
    now = service.clock()
    bad = tick(one, Verdict.FAIL, at=now - timedelta(seconds=30))
    tell(service, tick(one, at=now - timedelta(seconds=60)), bad, tick(one, at=now))
    found = (await client.get(f"{SERIES}/{one.key.slug}/ticks", params={"only_bad": "true"})).json()["items"]
    assert [(seen["verdict"], seen["sentence"], seen["outcome_id"]) for seen in found] == [
        ("fail", "it said fail", bad.outcome.id)
    ]
    whole = (await client.get(f"/api/v1/outcomes/{found[0]['outcome_id']}")).json()
    assert (whole["sentence"], whole["subject"]["scenario"]) == ("it said fail", one.key.scenario)


@pytest.mark.parametrize(("range_", "bucket_s"), [("24h", 300), ("7d", 3600), ("30d", 3600)])
async def test_a_chart_tells_durations_over_time(service: Service, client: httpx.AsyncClient, range_: str, bucket_s: int) -> None:
    one, *_ = series_of(service)
    tell(service, tick(one), tick(one, Verdict.FAIL, at=service.clock() + timedelta(milliseconds=1)))
    said = (await client.get(f"{SERIES}/{one.key.slug}/chart", params={"range": range_})).json()
    last = next(bucket for bucket in reversed(said["buckets"]) if bucket["counts"]["passed"])
    assert (said["bucket_s"], last["length_s"], last["counts"]["failed"]) == (bucket_s, bucket_s, 1)
    assert last["mean_s"] == pytest.approx(0.125)
    assert last["p50_s"] == pytest.approx(0.125, rel=0.34)


async def test_a_strip_tells_the_worst_of_each_slot(service: Service, client: httpx.AsyncClient) -> None:
    one, *_ = series_of(service)
    tell(service, tick(one), tick(one, Verdict.FAIL, at=service.clock() + timedelta(milliseconds=1)))
    said = (await client.get(f"{SERIES}/{one.key.slug}/strip")).json()
    assert len(said["slots"]) == 90
    assert [slot["worst"] for slot in said["slots"] if slot["worst"]] == ["fail"]
    too_long = await client.get(f"{SERIES}/{one.key.slug}/strip", params={"slots": 366, "slot_s": 86_400 * 2})
    assert too_long.status_code == 422


async def test_asking_out_of_turn_answers_the_outcome(service: Service, client: httpx.AsyncClient) -> None:
    one, *_ = series_of(service)
    answer = await client.post(f"{SERIES}/{one.key.slug}/ask")
    said = answer.json()
    assert (answer.status_code, said["slug"], said["trigger"]) == (200, one.key.slug, "manual")
    assert (said["outcome"]["verdict"], said["outcome"]["sentence"]) == ("fail", "it said fail")
    assert [check["control"] for check in said["outcome"]["checks"]] == [True, False]
    assert service.watcher.asked == [one.key]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("trouble", "status", "sentence"),
    [
        (KeyError("gone"), 404, "this series is watched no longer"),
        (ValueError("'nightly backup' waits for a report and cannot be asked"), 409, "waits for a report"),
        (NotWatching("the service is stopping"), 503, "the service is stopping"),
    ],
)
async def test_what_cannot_be_asked_is_told_why(
    service: Service, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, trouble: Exception, status: int, sentence: str
) -> None:
    async def refuse(*_: object) -> None:
        raise trouble

    monkeypatch.setattr(service.watcher, "ask_now", refuse)
    answer = await client.post(f"{SERIES}/{series_of(service)[0].key.slug}/ask")
    assert (answer.status_code, sentence in answer.json()["detail"]) == (status, True)


async def test_many_series_are_read_in_pages_of_five_hundred(make_service: Callable[..., Service]) -> None:
    service = living(make_service, suite(600))
    async with asking(service) as client:
        found = [one["slug"] async for page in pages(client, SERIES, limit=500) for one in page]
    assert (len(found), len(set(found))) == (1200, 1200)
