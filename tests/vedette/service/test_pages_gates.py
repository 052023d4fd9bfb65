"""This file is for the pages of gates: every state as it was decided, whatever stands in a name, and whole without scripts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace

import httpx
import pytest

from reports.gates import Gate
from reports.judgement.gate import Phase
from reports.store.errors import StoreError
from tests.vedette.service.conftest import client_of
from tests.vedette.service.gated import LEAK, all_gated, courses, gated, rounds, side
from tests.vedette.service.paging import nesting_of, with_pages
from vedette.service.app import build_app, close_app
from vedette.service.state import Service

pytestmark = pytest.mark.anyio
WORDS = {
    "pending": "Waiting for its first stage",
    "early": "Gathering evidence",
    "running": "Gathering evidence",
    "shown": "5 % is shown",
    "held": "Held by a person",
    "promoted": "Promoted",
    "rolled-back": "Rolled back",
    "trigger": "Rolled back",
    "inconclusive": "Could not be decided",
    "misrouted": "Could not be decided",
    "cancelled": "Cancelled",
    "shadow": "Gathering evidence",
}


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Iterator[Service]:
    with with_pages(make_service) as made:
        yield made


@pytest.fixture
async def pages(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(service)
    async with client_of(app) as client:
        yield client
    await close_app(app)


async def test_every_state_is_told_as_it_was_decided(service: Service, pages: httpx.AsyncClient) -> None:
    made = all_gated(service)
    assert set(made) == set(WORDS)
    the_list = (await pages.get("/gates")).text
    for name, word in WORDS.items():
        text = (await pages.get(f"/gates/{name}")).text
        assert f"{name}: {word}" in text, name
        assert f'href="/gates/{name}"' in the_list
        assert not nesting_of(text).wrong and len(set(nesting_of(text).ids)) == len(nesting_of(text).ids), name
    assert the_list.count('class="deploy-item"') == len(WORDS)


async def test_a_gate_in_the_middle_tells_what_it_rests_on_and_what_is_missing(
    service: Service, pages: httpx.AsyncClient
) -> None:
    gate = gated(service, "shop", courses(service.clock().timestamp())["running"])
    text = (await pages.get("/gates/shop")).text
    for said in (str(gate.decision["reason"]), "rolls back at 20", "shown at 20", "cross tenant leak", "armed in 9 rounds",
                 "answered 500 instead of 200", 'href="/api/v1/gates/shop/evidence"', "1.5.0 against 1.4.1"):  # fmt: skip
        assert said.replace("<", "&lt;").replace("'", "&#39;") in text, said


async def test_a_trigger_that_fired_is_told_with_what_it_saw(service: Service, pages: httpx.AsyncClient) -> None:
    gated(service, "shop", courses(service.clock().timestamp())["trigger"])
    text = (await pages.get("/gates/shop")).text
    assert text.count(LEAK.replace("'", "&#39;")) >= 2 and "fired" in text


async def test_a_second_look_sees_what_came_since_the_first(service: Service, pages: httpx.AsyncClient) -> None:
    records = courses(service.clock().timestamp())["running"]
    gated(service, "shop", records[:10])
    first = (await pages.get("/gates/shop")).text
    keeper, ledger = service.gates._keeper, service.gates.ledger
    for record in rounds(records[9].at + 10, 5, side(wrong=3)):
        keeper.keep(ledger.get("shop").id, lambda gate, state, record=record: record)  # type: ignore[union-attr,misc]
    second = (await pages.get("/gates/shop")).text
    assert "3 of 30 answers by another version" not in first and "3 of 30 answers by another version" in second


async def test_hostile_words_of_people_and_targets_are_shown_and_do_nothing(service: Service, pages: httpx.AsyncClient) -> None:
    hostile = "<script>alert(1)</script>"
    records = courses(service.clock().timestamp())["trigger"]
    spoilt = side("tenants never share a cache entry", hostile, ("cross_tenant_leak",))
    gated(service, "shop", (*records[:-1], *rounds(records[-1].at, 1, spoilt)))
    for path in ("/gates", "/gates/shop"):
        text = (await pages.get(path)).text
        assert "<script>alert" not in text and "&lt;script&gt;" in text


@pytest.mark.parametrize("name", ["none", "..%2f..%2fetc", "%00", "a" * 300, "<script>", "%E2%80%AE"])
async def test_a_gate_that_is_not_there_is_a_page_that_says_so(pages: httpx.AsyncClient, name: str) -> None:
    answer = await pages.get(f"/gates/{name}", headers={"accept": "text/html"})
    assert answer.status_code in (400, 404) and "<script>" not in answer.text


async def test_a_service_without_gates_says_how_to_begin(pages: httpx.AsyncClient) -> None:
    text = (await pages.get("/gates")).text
    assert "No gate was opened yet" in text and "vedette serve --gate" in text


async def test_many_gates_come_in_pages(service: Service, pages: httpx.AsyncClient) -> None:
    for number in range(23):
        gated(service, f"g{number}", ())
    first = (await pages.get("/gates")).text
    assert first.count('class="deploy-item"') == 20 and 'rel="next"' in first
    link = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    assert (await pages.get(link)).text.count('class="deploy-item"') == 3


async def test_a_store_that_does_not_answer_takes_the_list_and_says_so(
    service: Service, pages: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **keys: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(service.gates.ledger, "list", broken)
    monkeypatch.setattr(service.gates.ledger, "get", broken)
    assert "The gates cannot be read at present: the disk is full" in (await pages.get("/gates")).text
    assert (await pages.get("/gates/shop")).status_code == 503


async def test_evidence_that_was_forgotten_leaves_the_decision(service: Service, pages: httpx.AsyncClient) -> None:
    gate: Gate = gated(service, "old", courses(service.clock().timestamp())["promoted"])
    assert gate.phase is Phase.PROMOTED
    later = service.clock().replace(year=service.clock().year + 1)
    service.gates.ledger.prune(evidence_before=later, gates_before=replace(gate).opened_at)
    text = (await pages.get("/gates/old")).text
    assert "old: Promoted" in text and "No round was asked yet" not in text
