"""This file is for maintenance windows over the API: opened, seen, ended, each by those who may and with words that help."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from reports.store.ledger.maintenance import MaintenanceBook
from tests.vedette.service.conftest import client_of, token_of
from tests.vedette.service.test_calendar import AT, BACKUP, Now, suite_of
from vedette.service.access import Scope
from vedette.service.app import build_app, close_app
from vedette.service.calendar import Calendar
from vedette.service.state import Service

pytestmark = pytest.mark.anyio
HERE = "/api/v1/maintenance"
TOLD = {"lasts": "30m", "why": "we move", "targets": ["staging"]}


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def service(make_service: Callable[..., Service], now: Now) -> Service:
    made = make_service()
    made.calendar = Calendar(MaintenanceBook(made.settings.store), [suite_of("shop", BACKUP), suite_of("blog")], clock=now)
    made.clock = now
    return made


@asynccontextmanager
async def asking(service: Service, headers: dict[str, str] | None = None) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(service)
    async with client_of(app, headers) as client:
        yield client
    await close_app(app)
    service.calendar.close()


async def test_a_window_is_opened_and_can_be_seen(service: Service) -> None:
    async with asking(service) as client:
        answer = await client.post(HERE, json=TOLD)
        made = answer.json()
        assert (answer.status_code, answer.headers["Location"]) == (201, f"{HERE}/{made['id']}")
        assert (await client.get(answer.headers["Location"])).json() == made
        listed = (await client.get(HERE)).json()
    assert (made["starts_at"], made["ends_at"], made["why"]) == ("2026-06-01T00:00:00Z", "2026-06-01T00:30:00Z", "we move")
    assert (made["targets"], made["suite"], made["started_by"], made["name"]) == (["staging"], "", "anonymous", "")
    assert made in listed["active"] and listed["now_at"] == "2026-06-01T00:00:00Z"
    assert [one["name"] for one in listed["active"] if one != made] == ["backup"]
    assert {one["name"] for one in listed["upcoming"]} == {"backup"} and len(listed["upcoming"]) == 6


async def test_a_window_may_open_later(service: Service) -> None:
    async with asking(service) as client:
        made = (await client.post(HERE, json={**TOLD, "starts_at": "2026-06-02T02:00:00+02:00"})).json()
        listed = (await client.get(HERE, params={"until": "2026-06-02T12:00:00Z"})).json()
    assert made["starts_at"] == "2026-06-02T00:00:00Z"
    assert made in listed["upcoming"] and len(listed["upcoming"]) == 2


async def test_a_window_is_ended_early_once_and_is_then_past(service: Service, now: Now) -> None:
    async with asking(service) as client:
        made = (await client.post(HERE, json=TOLD)).json()
        now.at += timedelta(minutes=5)
        first = (await client.delete(f"{HERE}/{made['id']}")).json()
        now.at += timedelta(minutes=5)
        again = (await client.delete(f"{HERE}/{made['id']}")).json()
        past = (await client.get(f"{HERE}/past")).json()
    assert first == again == {**made, "ends_at": "2026-06-01T00:05:00Z", "ended_by": "anonymous"}
    assert past == {"items": [first], "next": None}


async def test_one_time_of_a_recurring_window_can_be_looked_up_and_ended(service: Service, now: Now) -> None:
    async with asking(service) as client:
        (open_now,) = (await client.get(HERE)).json()["active"]
        assert (await client.get(f"{HERE}/{open_now['id']}")).json() == open_now
        now.at += timedelta(hours=1)
        ended = (await client.delete(f"{HERE}/{open_now['id']}")).json()
        assert ended["ends_at"] == "2026-06-01T01:00:00Z"
        assert (await client.get(HERE)).json()["active"] == []


@pytest.mark.parametrize("until", ["0001-01-01T00:00:00+12:00", "9999-12-31T23:59:59-12:00"])
async def test_a_list_until_the_end_of_all_calendars_is_still_one(until: str, service: Service) -> None:
    async with asking(service) as client:
        assert (await client.get(HERE, params={"until": until})).status_code == 200


async def test_the_past_goes_page_by_page(service: Service, now: Now) -> None:
    async with asking(service) as client:
        for _ in range(3):
            await client.post(HERE, json=TOLD)
            now.at += timedelta(hours=1)
        first = (await client.get(f"{HERE}/past", params={"limit": 2})).json()
        rest = (await client.get(first["next"])).json()
    assert [one["starts_at"][11:13] for one in first["items"] + rest["items"]] == ["02", "01", "00"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({**TOLD, "targets": ["stagin"]}, "did you mean 'staging'?"),
        ({**TOLD, "suite": "shpo"}, "did you mean 'shop'?"),
        ({**TOLD, "scenarios": ["chekout"]}, "did you mean 'checkout'?"),
        ({**TOLD, "starts_at": "2026-05-31T00:00:00Z"}, "cannot begin in the past"),
        ({**TOLD, "starts_at": "2026-06-02T00:00:00"}, "body.starts_at"),
        ({**TOLD, "starts_at": "2036-06-02T00:00:00Z"}, "within a year"),
        ({**TOLD, "starts_at": "9999-12-31T23:59:59-12:00"}, "within a year"),
        ({**TOLD, "starts_at": "0001-01-01T00:00:00+12:00"}, "cannot begin in the past"),
        ({**TOLD, "lasts": "32d"}, "body.lasts"),
        ({**TOLD, "lasts": 0}, "body.lasts"),
        ({**TOLD, "lasts": "soon"}, "body.lasts"),
        ({"lasts": "30m"}, "body.why"),
        ({**TOLD, "why": ""}, "body.why"),
        ({**TOLD, "why": "a\u202eb"}, "body.why"),
        ({**TOLD, "target": "staging"}, "a field that is not known"),
        ({**TOLD, "tags": ["x"] * 101}, "body.tags"),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_refused_and_nothing_is_noted(body: dict[str, Any], words: str, service: Service) -> None:
    async with asking(service) as client:
        answer = await client.post(HERE, json=body)
        assert answer.status_code == 422 and words in answer.json()["detail"]
        assert [one for one in (await client.get(HERE)).json()["active"] if not one["name"]] == []


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_what_is_not_there_is_said_to_be_so(method: str, service: Service) -> None:
    async with asking(service) as client:
        answer = await client.request(method, f"{HERE}/nothing")
    assert answer.status_code == 404 and "there is no maintenance window with this id" in answer.json()["detail"]


async def test_only_those_who_may_write_open_windows_and_it_stands_in_the_trail(make_service: Callable[..., Service]) -> None:
    service = make_service(settings={"require_tokens": True})
    service.calendar = Calendar(MaintenanceBook(service.settings.store), [suite_of()])
    reads, writes = (token_of(service, scope, name=scope.value) for scope in (Scope.READ, Scope.WRITE))
    async with asking(service) as client:
        answers = [(await client.post(HERE, json=TOLD, headers=headers)).status_code for headers in ({}, reads, writes)]
        (made,) = (await client.get(HERE, headers=reads)).json()["active"]
        assert (await client.delete(f"{HERE}/{made['id']}", headers=reads)).status_code == 403
        assert (await client.delete(f"{HERE}/{made['id']}", headers=writes)).status_code == 200
    assert answers == [401, 403, 201]
    entry = next(entry for entry in service.audit.list() if entry.action == "maintenance.start")
    assert (entry.who, entry.details["why"], entry.details["scope"]) == ("write", "we move", "target staging")
    assert made["started_by"] == "write" and AT.year == 2026
