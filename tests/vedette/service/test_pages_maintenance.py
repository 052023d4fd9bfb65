"""This file is for the page of maintenance: a window is started and ended by its forms, by whoever may, and nobody else."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from probes.outcome import Verdict
from scenarios.maintenance import RecurringWindow
from tests.vedette.service.conftest import BASE, token_of
from tests.vedette.service.living import asking, series_of, suite, tell, tick
from tests.vedette.service.paging import with_pages
from vedette.service.access import Scope
from vedette.service.state import Service

pytestmark = pytest.mark.anyio

FORM = {"target": "staging", "suite": "", "lasts": "30m", "why": "database upgrade"}
ORIGIN = {"origin": BASE, "sec-fetch-site": "same-origin", "accept": "text/html"}


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Iterator[Service]:
    recurring = RecurringWindow(name="nightly backup", cron="0 2 * * *", timezone="Europe/Berlin", lasts=1800, why="backup")
    with with_pages(make_service, suite(maintenance=(recurring,))) as made:
        yield made


async def test_a_window_is_started_and_ended_by_the_forms_of_the_page(service: Service) -> None:
    async with asking(service, ORIGIN) as client:
        started = await client.post("/maintenance", data=FORM)
        assert (started.status_code, started.headers["location"]) == (303, "/maintenance?said=started")
        text = (await client.get(started.headers["location"])).text
        (window,) = service.calendar.active()
        assert (window.targets, window.why, window.ends_at - window.starts_at) == (
            ("staging",),
            "database upgrade",
            timedelta(minutes=30),
        )
        assert "The window is open" in text and "database upgrade" in text and f'value="{window.id}"' in text
        ended = await client.post("/maintenance/end", data={"id": window.id})
        assert (ended.status_code, service.calendar.active()) == (303, [])
        assert "Past" in (await client.get("/maintenance")).text


async def test_an_open_window_is_told_on_the_overview(service: Service) -> None:
    async with asking(service, ORIGIN) as client:
        await client.post("/maintenance", data=FORM)
        text = (await client.get("/")).text
    assert "of target staging until" in text and "database upgrade" in text


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"why": ""}, "'why' is missing"),
        ({"lasts": "soon"}, "the length should be a duration"),
        ({"lasts": "400d"}, "31 days"),
        ({"target": "moon"}, "no target 'moon' is watched here"),
    ],
)
async def test_a_mistake_is_told_and_costs_nothing_that_was_filled_in(
    service: Service, changed: dict[str, str], said: str
) -> None:
    async with asking(service, ORIGIN) as client:
        answer = await client.post("/maintenance", data={**FORM, "why": "a long <story>", **changed})
    text = html.unescape(answer.text)
    assert (answer.status_code, service.calendar.active()) == (422, [])
    assert "Nothing was started: " in text and said in text
    assert "why" in changed or 'value="a long <story>"' in text


async def test_an_unknown_window_cannot_be_ended(service: Service) -> None:
    async with asking(service, ORIGIN) as client:
        answer = await client.post("/maintenance/end", data={"id": "none"})
    assert (answer.status_code, "Nothing was ended" in answer.text) == (404, True)


async def test_a_form_that_is_none_is_refused(service: Service) -> None:
    async with asking(service, ORIGIN) as client:
        answer = await client.post("/maintenance", content="&".join(f"a{n}=1" for n in range(60)),
                                   headers={"content-type": "application/x-www-form-urlencoded"})  # fmt: skip
    assert answer.status_code == 400


async def test_recurring_windows_say_when_they_come_next(service: Service) -> None:
    async with asking(service) as client:
        text = (await client.get("/maintenance")).text
    assert "nightly backup" in text and "0 2 * * *" in text and "Europe/Berlin" in text


async def test_what_fails_in_maintenance_is_no_open_problem(service: Service) -> None:
    one = series_of(service)[0]
    tell(service, tick(one, Verdict.FAIL, maintenance="m1"))
    async with asking(service) as client:
        text = (await client.get("/")).text
        about = (await client.get(f"/scenarios/{one.key.slug}")).text
    assert "Open problems" not in text and "1 in maintenance" in text
    assert "counts for nothing: fail" in about


async def test_other_sites_and_those_who_may_only_read_start_nothing(make_service: Callable[..., Service]) -> None:
    with with_pages(make_service, settings={"require_tokens": True, "open_routes": ()}) as service:
        read, write = token_of(service, Scope.READ, name="r"), token_of(service, Scope.READ, Scope.WRITE, name="w")
        async with asking(service) as client:
            elsewhere = await client.post("/maintenance", data=FORM, headers={"origin": "https://evil.example"})
            reading = await client.post("/maintenance", data=FORM, headers={**ORIGIN, **read})
            assert (elsewhere.status_code, reading.status_code, service.calendar.active()) == (401, 403, [])
            assert "Start a window" not in (await client.get("/maintenance", headers=read)).text
            assert (await client.post("/maintenance", data=FORM, headers={**ORIGIN, **write})).status_code == 303


async def test_a_browser_that_signed_in_needs_the_word_of_the_form(make_service: Callable[..., Service]) -> None:
    with with_pages(make_service, settings={"require_tokens": True, "open_routes": ()}) as service:
        _, text = service.tokens.create("anna", [Scope.READ, Scope.WRITE], at=service.clock())
        async with asking(service, ORIGIN) as client:
            assert (await client.post("/login", data={"token": text})).status_code == 303
            page = (await client.get("/maintenance")).text
            word = re.search(r'name="csrf" value="([^"]+)"', page)
            assert word is not None and "Sign out" in page
            assert (await client.post("/maintenance", data=FORM)).status_code == 403
            assert (await client.post("/maintenance", data={**FORM, "csrf": word[1]})).status_code == 303
        (window,) = service.calendar.active()
        assert window.started_by == "anna"
