"""The routes of heartbeats: plain calls with a secret address, and the API; wrong secrets tell nothing."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from probes.ids import new_id
from tests.vedette.service.conftest import client_of
from tests.vedette.service.desks import Hands, Told, job, opened, series_of
from vedette.service.app import build_app
from vedette.service.heartbeats import BURST, Heartbeats
from vedette.service.state import Service

pytestmark = pytest.mark.anyio
SLUG = series_of(job())[0].key.slug
WRONG = "0" * 32


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def desk(tmp_path: Path, told: Told) -> AsyncIterator[Heartbeats]:
    made = opened(tmp_path, told, Hands())
    yield made
    await made.close()


@pytest.fixture
def service(make_service: Callable[..., Service], desk: Heartbeats) -> Service:
    """Return a service that wants tokens, so that the secret address alone must do."""
    return make_service(heartbeats=desk, settings={"require_tokens": True})


def token(service: Service, *scopes: str) -> dict[str, str]:
    _, text = service.tokens.create(f"{'-'.join(scopes)}-{new_id()[-12:]}", scopes, at=service.clock())
    return {"Authorization": f"Bearer {text}"}


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
async def test_a_plain_call_is_a_success(client: httpx.AsyncClient, desk: Heartbeats, told: Told, method: str) -> None:
    answer = await client.request(method, desk.path(SLUG))
    assert (answer.status_code, answer.headers["cache-control"], told.verdicts) == (200, "no-store", ["pass"])


@pytest.mark.parametrize(
    ("word", "verdicts"),
    [("start", []), ("success", ["pass"]), ("fail", ["fail"]), ("0", ["pass"]), ("3", ["fail"]), ("255", ["fail"])],
)
async def test_the_last_word_says_what(
    client: httpx.AsyncClient, desk: Heartbeats, told: Told, word: str, verdicts: list[str]
) -> None:
    assert (await client.post(f"{desk.path(SLUG)}/{word}")).status_code == 200
    assert told.verdicts == verdicts


async def test_what_is_sent_along_is_kept_as_evidence_and_cut(client: httpx.AsyncClient, desk: Heartbeats, told: Told) -> None:
    await client.post(desk.path(SLUG), content="x" * 20_000)
    text = told.last.checks[1].evidence[0].data["text"]
    assert (len(text), text[-1]) == (10_001, "…")
    await client.post(desk.path(SLUG), json="a note")
    assert told.last.checks[1].evidence[0].data == {"text": "a note"}
    await client.post(desk.path(SLUG), content=b"\xff\xfe not UTF-8", headers={"Content-Type": "application/json"})
    assert "not UTF-8" in told.last.checks[1].evidence[0].data["text"]


@pytest.mark.parametrize(
    "path",
    [
        f"/heartbeat/{SLUG}/{WRONG}",
        f"/heartbeat/{SLUG}/{WRONG}/start",
        f"/heartbeat/{SLUG[::-1]}/{WRONG}",
        f"/heartbeat/{SLUG}/%C3%A4",
        "/heartbeat/../x",
        "{right}/256",
        "{right}/-1",
        "{right}/٣",
        "{right}/stop",
        "{right}/start/x",
        "{right}x",
    ],
)
async def test_whatever_is_wrong_at_an_address_is_answered_alike(
    client: httpx.AsyncClient, desk: Heartbeats, told: Told, path: str
) -> None:
    answer = await client.get(path.replace("{right}", desk.path(SLUG)))
    if answer.status_code != 401:  # what does not look like a heartbeat's address at all is no address for strangers
        assert (answer.status_code, answer.json()["detail"]) == (404, "there is nothing at this address")
    assert told.events == []


async def test_an_unknown_heartbeat_and_a_wrong_secret_are_not_told_apart(client: httpx.AsyncClient) -> None:
    unknown = await client.get(f"/heartbeat/{'f' * 16}/{WRONG}")
    wrong = await client.get(f"/heartbeat/{SLUG}/{WRONG}")
    own = {"x-correlation-id", "date"}
    assert unknown.content == wrong.content
    assert {k: v for k, v in unknown.headers.items() if k not in own} == {k: v for k, v in wrong.headers.items() if k not in own}


async def test_the_secret_of_one_job_opens_no_other(tmp_path: Path, make_service: Callable[..., Service], told: Told) -> None:
    series = series_of(job(), job("billing"))
    desk = opened(tmp_path, told, Hands(), series)
    secret = desk.path(SLUG).rpartition("/")[2]
    async with client_of(build_app(make_service(heartbeats=desk))) as client:
        assert (await client.get(f"/heartbeat/{series[1].key.slug}/{secret}")).status_code == 404
    await desk.close()


async def test_a_raised_generation_makes_the_old_address_worthless(
    tmp_path: Path, make_service: Callable[..., Service], told: Told
) -> None:
    desk = opened(tmp_path, told, Hands())
    old = desk.path(SLUG)
    desk.watch(series_of(job(generation=2)))
    async with client_of(build_app(make_service(heartbeats=desk))) as client:
        assert [(await client.get(path)).status_code for path in (old, desk.path(SLUG))] == [404, 200]
    await desk.close()


async def test_a_job_in_a_loop_is_held_back(client: httpx.AsyncClient, desk: Heartbeats, told: Told) -> None:
    statuses = [(await client.get(desk.path(SLUG))).status_code for _ in range(BURST + 1)]
    assert statuses == [200] * BURST + [429]
    assert len(told.ticks) == BURST


async def test_a_report_that_cannot_be_kept_is_to_be_sent_again(
    client: httpx.AsyncClient, desk: Heartbeats, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("vedette.service.heartbeat_journal.os.pwrite", full)
    answer = await client.get(desk.path(SLUG))
    assert (answer.status_code, answer.headers["retry-after"], told.ticks) == (503, "5", [])


async def test_a_report_sent_again_under_its_id_counts_once(client: httpx.AsyncClient, desk: Heartbeats, told: Told) -> None:
    for _ in range(3):
        assert (await client.get(desk.path(SLUG), params={"id": "run-1", "duration": "2.5"})).status_code == 200
    assert (len(told.ticks), told.last.duration_s) == (1, 2.5)


@pytest.mark.parametrize("query", ["duration=-1", "duration=nan", "duration=x", f"id={'x' * 65}", "id=a%20b"])
async def test_a_query_that_makes_no_sense_is_refused(
    client: httpx.AsyncClient, desk: Heartbeats, told: Told, query: str
) -> None:
    assert (await client.get(f"{desk.path(SLUG)}?{query}")).status_code == 422
    assert told.events == []


async def test_the_secret_stands_in_no_line_of_the_log(
    client: httpx.AsyncClient, desk: Heartbeats, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "vedette")
    await client.get(desk.path(SLUG))
    assert "/heartbeat/{slug}/{secret}" in caplog.text
    assert desk.path(SLUG).rpartition("/")[2] not in caplog.text


# The API


async def test_heartbeats_are_listed_with_how_they_stand(client: httpx.AsyncClient, service: Service, desk: Heartbeats) -> None:
    await client.get(f"{desk.path(SLUG)}/3")
    page = (await client.get("/api/v1/heartbeats", headers=token(service, "read"))).json()
    (one,) = page["items"]
    assert (one["slug"], one["scenario"], one["failed"], one["exit_code"], page["next"]) == (
        SLUG,
        "nightly backup",
        True,
        3,
        None,
    )
    assert desk.path(SLUG).rpartition("/")[2] not in str(page)


async def test_the_list_comes_in_pages(tmp_path: Path, make_service: Callable[..., Service], told: Told) -> None:
    desk = opened(tmp_path, told, Hands(), series_of(*[job(f"job {number}") for number in range(5)]))
    seen: list[str] = []
    async with client_of(build_app(make_service(heartbeats=desk))) as client:
        path: Any = "/api/v1/heartbeats?limit=2"
        while path:
            page = (await client.get(path)).json()
            seen += [one["scenario"] for one in page["items"]]
            path = page["next"]
    assert seen == [f"job {number}" for number in range(5)]
    await desk.close()


async def test_only_who_may_write_learns_an_address_and_the_audit_trail_says_who_did(
    client: httpx.AsyncClient, service: Service, desk: Heartbeats
) -> None:
    path = f"/api/v1/heartbeats/{SLUG}/address"
    assert (await client.get(path)).status_code == 401
    assert (await client.get(path, headers=token(service, "read"))).status_code == 403
    answer = await client.get(path, headers=token(service, "write"))
    assert answer.json() == {"path": desk.path(SLUG)}
    entry = service.audit.list()[0]
    assert (entry.who.partition("-")[0], entry.action, entry.object) == ("write", "heartbeat.address", SLUG)
    unknown = await client.get(f"/api/v1/heartbeats/{'0' * 16}/address", headers=token(service, "write", "read"))
    assert unknown.status_code == 404


async def test_a_token_for_heartbeats_reports_for_any_job(client: httpx.AsyncClient, service: Service, told: Told) -> None:
    path, own = f"/api/v1/heartbeats/{SLUG}/reports", token(service, "heartbeat")
    assert (await client.post(path, json={})).status_code == 401
    assert (await client.post(path, json={}, headers=token(service, "read"))).status_code == 403
    assert (await client.post(path, json={"what": "exit", "exit_code": 7, "note": "n"}, headers=own)).status_code == 200
    assert (await client.post(path, json={"what": "exit"}, headers=own)).status_code == 422
    assert (await client.post(path, json={"what": "success", "exit_code": 0}, headers=own)).status_code == 422
    assert (await client.post(f"/api/v1/heartbeats/{'0' * 16}/reports", json={}, headers=own)).status_code == 404
    assert told.verdicts == ["fail"]
