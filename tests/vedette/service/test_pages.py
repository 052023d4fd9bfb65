"""This file is for the pages over HTTP: what stands on them, that they are sound HTML, and that they survive what fails."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from probes.outcome import Evidence, Verdict, check
from reports.deployments import DeploymentState
from reports.store.errors import StoreError
from scenarios.model import Suite
from tests.vedette.service.conftest import token_of
from tests.vedette.service.living import asking, series_of, suite, tell, tick
from tests.vedette.service.paging import deployed, nesting_of, seen_for_an_hour, store_run, with_pages
from vedette.service.access import Scope
from vedette.service.state import ReloadResult, Service

pytestmark = pytest.mark.anyio

BAD = "promise 003"
PATHS = (
    "/", "/?q=003&range=30h", "/?page=99", "/?only=problems", "/?range=<&page=x&only=y",
    "SCENARIO", "SCENARIO?only=bad&range=7d", "SCENARIO?before=2026-01-01T00:00:00%2B00:00", "SCENARIO?before=x", "EVIDENCE",
    "/deployments", "/deployments/d-1.4.2", "/runs", "/runs/run-1", "/maintenance", "/public",
)  # fmt: skip


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Iterator[Service]:
    with with_pages(make_service) as made:
        yield made


@pytest.fixture
async def pages(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with asking(service) as client:
        client.headers["accept"] = "text/html"
        yield client


def banner(text: str) -> str:
    """Return the words of the headline."""
    found = re.search(r"<h1>.*?</h1>", text, re.DOTALL)
    assert found is not None
    return html.unescape(re.sub(r"<[^>]+>", "", found[0])).strip()


async def test_the_overview_says_what_is_broken_since_when_and_for_whom(service: Service, pages: httpx.AsyncClient) -> None:
    seen_for_an_hour(service, BAD)
    text = (await pages.get("/")).text
    assert banner(text) == "✖ 1 of 10 scenarios is broken"
    assert re.search(r'<p class="why">promise 003 at production, for (10|9) min</p>', text)
    problem = text[text.index('class="problem fail"') : text.index("</ol>")]
    assert "it said fail" in problem and "owner backend" in problem and "10 ticks in a row" in problem
    assert "<title>1 broken · Vedette</title>" in text and "icon-fail" in text


async def test_a_link_leads_from_the_problem_to_its_evidence(service: Service, pages: httpx.AsyncClient) -> None:
    seen_for_an_hour(service, BAD)
    text = (await pages.get("/")).text
    scenario, evidence = (re.search(rf'href="(/{kind}/[^"]+)"', text) for kind in ("scenarios", "outcomes"))
    assert scenario is not None and evidence is not None
    about = (await pages.get(scenario[1])).text
    assert BAD in banner(about) and "Fails" in about
    proof = await pages.get(evidence[1])
    assert (proof.status_code, "it says yes" in proof.text, "it was asked" in proof.text) == (200, True, True)


async def test_a_page_that_is_all_green_says_how_old_its_newest_proof_is(service: Service, pages: httpx.AsyncClient) -> None:
    tell(service, *(tick(one) for one in series_of(service)))
    text = (await pages.get("/")).text
    assert banner(text) == "✔ All 10 scenarios pass"
    assert re.search(r"newest proof \d s ago", text) and "icon-pass" in text


@pytest.mark.parametrize("path", PATHS)
async def test_every_page_is_sound_html_and_asks_for_nothing_from_elsewhere(
    service: Service, pages: httpx.AsyncClient, path: str
) -> None:
    seen_for_an_hour(service, BAD)
    deployed(service)
    store_run(service)
    bad = next(line for line in service.board.lines() if line.mark == "fail")
    path = path.replace("SCENARIO", f"/scenarios/{bad.slug}").replace("EVIDENCE", f"/outcomes/{bad.outcome_id}")
    answer = await pages.get(path)
    found = nesting_of(answer.text)
    assert (answer.status_code, found.wrong, found.open) == (200, [], [])
    assert len(found.ids) == len(set(found.ids))
    assert [one for one in found.loads if not one.startswith("/")] == []
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=", answer.text)


async def test_the_pages_parts_are_kept_for_ever_and_the_page_itself_is_not(service: Service, pages: httpx.AsyncClient) -> None:
    answer = await pages.get("/")
    assert answer.headers["cache-control"] == "no-store"
    for address in re.findall(r'"(/assets/[^"]+)"', answer.text):
        asset = await pages.get(address)
        assert (asset.status_code, asset.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
    assert (await pages.get("/assets/page.000000000000.js")).status_code == 404


async def test_what_a_target_or_a_suite_said_cannot_become_markup(make_service: Callable[..., Service]) -> None:
    hostile = "</title><script>alert(1)</script><a href=javascript:alert(1)>'\"&"
    spoilt = suite(1).scenarios[0].model_copy(update={"name": hostile, "owner": hostile, "runbook": "javascript:alert(1)",
                                                      "why": hostile, "tags": (hostile,)})  # fmt: skip
    with with_pages(make_service, suite(scenarios=(spoilt,)), settings={"public_tags": (hostile,)}) as service:
        deployed(service, hostile)
        (one, _) = series_of(service)
        made = tick(one, Verdict.FAIL)
        failed = check(hostile, holds=False, say=hostile, evidence=Evidence(hostile, hostile, {hostile: hostile}))
        tell(service, replace(made, outcome=replace(made.outcome, checks=(failed,), sentence=hostile), version=hostile))
        (line,) = [line for line in service.board.lines() if line.outcome_id]
        async with asking(service) as client:
            for path in (
                "/",
                f"/scenarios/{line.slug}",
                f"/outcomes/{line.outcome_id}",
                "/deployments",
                "/public",
                "/maintenance",
            ):
                text = (await client.get(path)).text
                assert "<script>" not in text and 'href="javascript' not in text, path
                assert nesting_of(text).wrong == []


async def test_fifty_rows_stand_on_a_page_and_the_search_finds_any(make_service: Callable[..., Service]) -> None:
    with with_pages(make_service, suite(120)) as service:
        async with asking(service) as client:
            first, last = (await client.get("/")).text, (await client.get("/?page=5")).text
            found = (await client.get("/?q=promise+117+staging")).text
    rows = [len(re.findall(r'<tr role="row" class="r-', text)) for text in (first, last, found)]
    assert rows == [50, 40, 1]
    assert "1–50 of 240" in first and "201–240 of 240" in last


async def test_the_page_stands_without_its_history(service: Service, pages: httpx.AsyncClient) -> None:
    seen_for_an_hour(service, BAD)

    def gone(*args: object, **keys: object) -> None:
        raise StoreError("the database is locked")

    for name in ("strips", "chart", "recent", "gaps", "durations_between"):
        setattr(service.history, name, gone)
    text = (await pages.get("/")).text
    assert banner(text) == "✖ 1 of 10 scenarios is broken"
    assert "The history cannot be read at present" in text and "the database is locked" in text
    bad = next(line for line in service.board.lines() if line.mark == "fail")
    about = await pages.get(f"/scenarios/{bad.slug}")
    assert (about.status_code, "The history cannot be read at present" in about.text) == (200, True)


async def test_a_refused_reload_is_seen_with_its_mistake(service: Service, pages: httpx.AsyncClient) -> None:
    service.reloads.last = ReloadResult(
        service.clock(), False, "file", (), "error: unknown field 'threshhold'\n  --> a.yaml:41:7"
    )
    text = html.unescape((await pages.get("/")).text)
    assert "The changed suites were refused" in text and "unknown field 'threshhold'" in text


async def test_a_scheduler_that_stands_still_is_never_green(service: Service, pages: httpx.AsyncClient) -> None:
    tell(service, *(tick(one) for one in series_of(service)))
    service.watcher.overdue_s = 60.0
    text = (await pages.get("/")).text
    assert banner(text).startswith("! The scheduler stands still") and "icon-error" in text


async def test_ticks_can_be_paged_and_only_the_bad_ones_shown(service: Service, pages: httpx.AsyncClient) -> None:
    seen_for_an_hour(service, BAD)
    slug = next(line.slug for line in service.board.lines() if line.mark == "fail")

    async def ticks(address: str) -> tuple[int, int, str]:
        text = (await pages.get(address)).text
        part = text[text.index('id="ticks"') :]
        older = re.search(r'rel="next" href="([^"]+)"', part)
        return part.count('class="badge fail"'), part.count('class="badge pass"'), html.unescape(older[1]) if older else ""

    bad, good, older = await ticks(f"/scenarios/{slug}")
    assert (bad, good) == (10, 20)
    assert (await ticks(older))[:2] == (0, 30)
    assert await ticks(f"/scenarios/{slug}?only=bad") == (10, 0, "")


@pytest.mark.parametrize(("range_", "unit"), [("3h", "hm"), ("24h", "hm"), ("7d", "day"), ("30d", "day")])
async def test_a_chart_of_hours_has_hours_below_it(service: Service, pages: httpx.AsyncClient, range_: str, unit: str) -> None:
    seen_for_an_hour(service)
    slug = next(iter(service.board.lines())).slug
    page = (await pages.get(f"/scenarios/{slug}?range={range_}")).text
    axis = page.split('<ol class="times"', 1)[1].split("</ol>", 1)[0]
    assert set(re.findall(r'data-as="(\w+)"', axis)) == {unit}


async def test_the_chart_shows_the_deployment_at_its_time(service: Service, pages: httpx.AsyncClient) -> None:
    seen_for_an_hour(service)
    deployed(service, "9.9.9")
    slug = next(line.slug for line in service.board.lines() if line.key.target == "production")
    text = (await pages.get(f"/scenarios/{slug}")).text
    assert '<path class="l-p95"' in text and "9.9.9 was deployed on" in text
    elsewhere = next(line.slug for line in service.board.lines() if line.key.target == "staging")
    assert "9.9.9 was deployed on" not in (await pages.get(f"/scenarios/{elsewhere}")).text


async def test_a_burn_in_that_goes_on_is_told_on_the_overview_and_has_its_track(
    service: Service, pages: httpx.AsyncClient
) -> None:
    deployed(service)
    assert "is burning in at production" in (await pages.get("/")).text
    text = (await pages.get("/deployments/d-1.4.2")).text
    assert re.findall(r'<li class="phase (\w+)"', text) == ["running", "running", "coming", "coming"]
    assert "a &lt;note&gt;" in text and "<progress" in text


async def test_a_burn_in_that_failed_is_not_told_as_one_that_goes_on(service: Service, pages: httpx.AsyncClient) -> None:
    made = deployed(service)
    first = replace(made.phases[0], judged_at=service.clock(), verdict=Verdict.FAIL, sentence="half of it failed")
    service.burn_ins._open[made.id] = replace(made, phases=(first, *made.phases[1:]), state=DeploymentState.FAILED)
    text = (await pages.get("/")).text
    assert "has not passed its burn-in at production: verification: half of it failed" in text


async def test_a_run_after_a_deployment_is_the_report_itself(service: Service, pages: httpx.AsyncClient) -> None:
    run = store_run(service)
    assert f'href="/runs/{run}"' in (await pages.get("/runs")).text
    text = (await pages.get(f"/runs/{run}")).text
    assert "tenants never share a cache entry" in text and "Sign-off" in text and "<title>Failed: askpro on staging" in text


@pytest.mark.parametrize(
    "path", ["/scenarios/0000000000000000", "/outcomes/none", "/deployments/none", "/runs/none", "/runs/last"]
)
async def test_what_is_not_there_is_said_in_words(pages: httpx.AsyncClient, path: str) -> None:
    answer = await pages.get(path)
    assert (answer.status_code, "there is no" in answer.text, answer.headers["content-type"]) == (
        404,
        True,
        "text/html; charset=utf-8",
    )


async def test_every_page_needs_a_token_that_may_read(make_service: Callable[..., Service]) -> None:
    with with_pages(make_service, settings={"require_tokens": True, "open_routes": ()}) as service:
        metrics, read = token_of(service, Scope.METRICS, name="m"), token_of(service, Scope.READ, name="r")
        async with asking(service) as client:
            for path in ("/", "/deployments", "/runs", "/maintenance", "/public", "/badge/x.svg", "/assets/x", "/scenarios/x"):
                said = [(await client.get(path, headers=headers)).status_code for headers in ({}, metrics)]
                assert said == [401, 403], path
            assert (await client.get("/", headers=read)).status_code == 200


async def test_heartbeats_stand_among_the_scenarios(make_service: Callable[..., Service]) -> None:
    from tests.vedette.service.desks import job

    made: Suite = suite(scenarios=(job(),))
    with with_pages(make_service, made) as service:
        async with asking(service) as client:
            slug = next(line.slug for line in service.board.lines())
            text = (await client.get(f"/scenarios/{slug}")).text
    assert "<dt>Reported</dt><dd>never" in text


async def test_overviews_of_ten_thousand_scenarios_are_made_fast_enough(make_service: Callable[..., Service]) -> None:
    import time

    with with_pages(make_service, suite(5_000)) as service:
        now = service.clock()
        for one in series_of(service):
            service.board.take_watched(tick(one, at=now - timedelta(seconds=5)))
        async with asking(service) as client:
            await client.get("/")
            begun = time.process_time()
            for _ in range(5):
                await client.get("/")
    assert (time.process_time() - begun) / 5 < 0.5  # about 0.05 s; generous, because machines differ
