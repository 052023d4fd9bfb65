"""This file is for what strangers may see: the public page and badges, open only by name, and nothing else in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from xml.etree import ElementTree

import pytest

from probes.outcome import Verdict
from scenarios.model import Suite
from tests.vedette.service.living import asking, series_of, suite, tell, tick
from tests.vedette.service.paging import deployed, with_pages
from vedette.service.state import ReloadResult, Service

pytestmark = pytest.mark.anyio

OPEN = {"require_tokens": True, "open_routes": ("public", "badges"), "public_tags": ("public",)}
INSIDE = ("OWNER", "RUNBOOK", "WHY", "SECRETSUITE", "SECRETTARGET", "it said", "1.4.2", "HIDDENONE", "example.com", "/scenarios/",
          "/outcomes/", "/maintenance", "/deployments", "/api/", "threshhold", "OTHERTAG", "1.2.3")  # fmt: skip


def secretive() -> Suite:
    from probes.target import Target

    base = suite(2)
    more = {"owner": "OWNER", "runbook": "https://RUNBOOK.example.com", "why": "WHY"}
    shown, hidden = base.scenarios
    targets = {"SECRETTARGET": Target(name="SECRETTARGET", base_url="http://SECRETTARGET.example.com")}
    return base.model_copy(update={
        "name": "SECRETSUITE", "targets": targets, "target_names": tuple(targets),
        "scenarios": (shown.model_copy(update={"name": "slots can be booked", "tags": ("public", "OTHERTAG"), **more}),
                      hidden.model_copy(update={"name": "HIDDENONE", **more})),
    })  # fmt: skip


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Iterator[Service]:
    with with_pages(make_service, secretive(), settings=OPEN) as made:
        tell(made, *(tick(one, Verdict.FAIL, version="1.4.2") for one in series_of(made)))
        made.reloads.last = ReloadResult(made.clock(), False, "file", (), "unknown field 'threshhold'")
        deployed(made)
        yield made


async def test_the_public_page_shows_chosen_scenarios_and_nothing_else(service: Service) -> None:
    async with asking(service) as stranger:
        answer = await stranger.get("/public")
    assert answer.status_code == 200
    assert "slots can be booked" in answer.text and "is disturbed" in answer.text and "One part is disturbed" in answer.text
    assert [word for word in INSIDE if word in answer.text] == []
    assert [one.key.slug for one in series_of(service) if one.key.slug in answer.text] == []


async def test_the_public_page_is_whole_for_a_stranger(service: Service) -> None:
    import re

    async with asking(service) as stranger:
        text = (await stranger.get("/public")).text
        for address in re.findall(r'"(/assets/[^"]+)"', text):
            assert (await stranger.get(address)).status_code == 200


@pytest.mark.parametrize("path", ["/", "/deployments", "/maintenance", "/runs", "/api/v1/events", "/scenarios/x"])
async def test_what_is_open_opens_nothing_else(service: Service, path: str) -> None:
    async with asking(service) as stranger:
        assert (await stranger.get(path)).status_code == 401


async def test_what_was_not_opened_by_name_is_closed(make_service: Callable[..., Service]) -> None:
    with with_pages(make_service, settings={**OPEN, "open_routes": ()}) as service:
        async with asking(service) as stranger:
            paths = ("/public", "/badge/x.svg", "/badge/suite/shop/staging.svg", "/assets/page.css")
            assert [(await stranger.get(path)).status_code for path in paths] == [401] * 4


async def test_a_badge_of_a_scenario_and_of_a_group_can_be_shown_elsewhere(service: Service) -> None:
    slug = series_of(service)[0].key.slug
    async with asking(service) as stranger:
        for path in (f"/badge/{slug}.svg", f"/badge/{slug}.svg?window=24h", "/badge/suite/SECRETSUITE/SECRETTARGET.svg",
                     "/badge/0000000000000000.svg", f"/badge/{slug}.svg?window=<script>"):  # fmt: skip
            answer = await stranger.get(path)
            assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml"), path
            assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
            ElementTree.fromstring(answer.text)


async def test_a_badge_that_has_not_changed_is_not_sent_again(service: Service) -> None:
    one = series_of(service)[0]
    async with asking(service) as stranger:
        first = await stranger.get(f"/badge/{one.key.slug}.svg")
        again = await stranger.get(f"/badge/{one.key.slug}.svg", headers={"if-none-match": first.headers["etag"]})
        tell(service, tick(one, Verdict.PASS))
        changed = await stranger.get(f"/badge/{one.key.slug}.svg", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content, changed.status_code) == (304, b"", 200)
    assert ("failing" in first.text, "passing" in changed.text) == (True, True)


async def test_a_public_page_of_very_many_is_cut_and_says_so(make_service: Callable[..., Service]) -> None:
    with with_pages(make_service, suite(450), settings={**OPEN, "public_tags": ("even", "odd")}) as service:
        async with asking(service) as stranger:
            text = (await stranger.get("/public")).text
    assert (text.count('<tr role="row" class="r-'), "and 250 more, which the line above counts" in text) == (200, True)
