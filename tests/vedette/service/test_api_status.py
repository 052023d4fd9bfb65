"""This file is for tests of the headline, the configuration, reloading and the audit trail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from probes.fields import Expanded, Secret
from probes.outcome import Verdict
from probes.target import Auth, Target
from scenarios.runner import utc_now
from scenarios.watch.events import Tick
from tests.vedette.service.conftest import token_of
from tests.vedette.service.living import asking, living, series_of, suite, tell, tick
from vedette.service.access import Scope
from vedette.service.state import ReloadResult, Service

pytestmark = pytest.mark.anyio

SECRET = "s3cr3t-of-the-target"


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Service:
    return living(make_service)


async def test_the_headline_counts_every_series_once(service: Service, client: httpx.AsyncClient) -> None:
    one, two, three, four, *_ = series_of(service)
    tell(service, tick(one, Verdict.FAIL), tick(two), tick(three, Verdict.DEGRADED), tick(four, Verdict.FAIL, maintenance="w1"))
    said = (await client.get("/api/v1/status")).json()
    assert said["counts"] == {
        "passed": 1, "degraded": 1, "failed": 1, "errors": 0, "inconclusive": 0, "stale": 0, "skipped": 0, "unasked": 6,
        "maintenance": 1,
    }  # fmt: skip
    assert (said["series"], said["problems_total"], [p["slug"] for p in said["problems"]]) == (10, 1, [one.key.slug])
    assert (said["version"], said["location"], said["stopping"], said["reload"]) == ("1.2.3", "local", False, None)
    assert (said["store"]["healthy"], said["store"]["written"], said["scheduling"]["missed"]) == (True, 7, {"overlap": 3})


async def test_problems_stand_in_the_order_in_which_they_matter_and_are_not_endless(make_service: Callable[..., Service]) -> None:
    service = living(make_service, suite(40))
    tell(service, *(tick(one, Verdict.FAIL) for one in series_of(service)))
    async with asking(service) as client:
        said = (await client.get("/api/v1/status")).json()
    assert (said["problems_total"], len(said["problems"])) == (80, 50)
    shown = [problem["severity"] for problem in said["problems"]]
    assert shown == sorted(shown)
    assert shown[0] == "P0"


async def test_the_times_without_a_service_are_listed(service: Service, client: httpx.AsyncClient) -> None:
    now = utc_now()
    history = service.history
    history.begin("a", "local", "0.1.0", now - timedelta(hours=3))
    history.alive("a", now - timedelta(hours=2))
    history.begin("b", "local", "0.1.0", now - timedelta(hours=1))
    [gap] = (await client.get("/api/v1/gaps")).json()["items"]
    assert (gap["length_s"], gap["graceful"], gap["location"]) == (3600.0, False, "local")


def secret_suite() -> Any:
    """Return a suite whose target is reached with secrets, one of them in its address and in a text."""
    auth = Auth(bearer=Secret(SECRET, origin="${SHOP_TOKEN}"))
    address = Expanded(f"https://shop.example.com/{SECRET}", "https://shop.example.com/${SHOP_TOKEN}")
    target = Target(
        name="staging",
        base_url=address,
        auth=auth,
        headers={"X-Key": SECRET},
        vars={"key": SECRET},
        description=f"with {SECRET}",
    )
    made = suite(2, targets={"staging": target}, target_names=("staging",), description=f"knows {SECRET}")
    made._secrets = ((SECRET, "shop_token"),)
    return made


@pytest.mark.parametrize("path", ["config", "config/scenarios", "suites", "series", "status"])
async def test_no_secret_of_a_suite_is_told(make_service: Callable[..., Service], path: str) -> None:
    async with asking(living(make_service, secret_suite())) as client:
        answer = await client.get(f"/api/v1/{path}")
    assert answer.status_code == 200
    assert SECRET not in answer.text


async def test_the_configuration_tells_what_is_watched_and_how(make_service: Callable[..., Service]) -> None:
    async with asking(living(make_service, secret_suite())) as client:
        said = (await client.get("/api/v1/config")).json()
    [one] = said["suites"]
    [target] = one["targets"]
    assert (one["name"], one["scenarios"], [p["name"] for p in one["burn_in"]][:2]) == ("shop", 2, ["verification", "intensive"])
    assert (target["base_url"], target["authenticated"], target["verifies_tls"], target["grants"]) == (
        "https://shop.example.com/[shop_token]", True, True, [],
    )  # fmt: skip
    assert {"store", "state", "tls_key"}.isdisjoint(said["settings"])


async def test_scenarios_are_listed_with_their_schedules_page_by_page(make_service: Callable[..., Service]) -> None:
    other = suite(2, name="other")
    async with asking(living(make_service, suite(3), other)) as client:
        found, link = [], "/api/v1/config/scenarios?limit=2"
        while link:
            page = (await client.get(link)).json()
            found += [(one["suite"], one["name"], one["schedule"]["every_s"]) for one in page["items"]]
            link = page["next"]
        only = (await client.get("/api/v1/config/scenarios", params={"suite": "other"})).json()["items"]
        suites = (await client.get("/api/v1/suites")).json()["items"]
    assert found == [
        ("shop", "promise 000", 60), ("shop", "promise 001", 60), ("shop", "promise 002", 60),
        ("other", "promise 000", 60), ("other", "promise 001", 60),
    ]  # fmt: skip
    assert ([one["name"] for one in only], [one["scenarios"] for one in suites]) == (["promise 000", "promise 001"], [3, 2])


async def test_a_reload_tells_what_changed_and_shows_in_the_headline(service: Service, client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/reload")
    assert (answer.status_code, answer.json()["changes"], answer.json()["asked_by"]) == (200, ["added 'a new one'"], "api")
    assert (await client.get("/api/v1/status")).json()["reload"]["ok"] is True


async def test_a_reload_that_is_refused_is_a_problem_with_every_mistake(service: Service, client: httpx.AsyncClient) -> None:
    mistakes = "error: unknown field 'threshhold'\n  --> shop.yaml:41:7"
    service.reloads.result = ReloadResult(utc_now(), False, "api", error=mistakes)  # type: ignore[attr-defined]
    answer = await client.post("/api/v1/reload")
    said = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert said["mistakes"] == mistakes
    assert said["detail"] == "the new configuration was refused, the old one keeps probing"
    shown = (await client.get("/api/v1/status")).json()["reload"]
    assert (shown["ok"], shown["error"]) == (False, mistakes)


async def test_what_was_changed_stands_in_the_audit_trail_page_by_page(make_service: Callable[..., Service]) -> None:
    service = living(make_service, settings={"require_tokens": True})
    async with asking(service, token_of(service, Scope.READ, Scope.WRITE, name="deployer")) as client:
        for _ in range(3):
            assert (await client.post("/api/v1/reload")).status_code == 200
        found, link = [], "/api/v1/audit?limit=2"
        while link:
            page = (await client.get(link)).json()
            found += page["items"]
            link = page["next"]
    reloads = [one for one in found if one["object"] == "/api/v1/reload"]
    assert [(one["who"], one["action"]) for one in reloads] == [("deployer", "POST reload")] * 3
    assert [one["id"] for one in found] == sorted((one["id"] for one in found), reverse=True)


async def test_a_tick_in_maintenance_is_no_problem(service: Service, client: httpx.AsyncClient) -> None:
    one, *_ = series_of(service)
    held: Tick = replace(tick(one, Verdict.FAIL), maintenance="w1")
    tell(service, held)
    said = (await client.get("/api/v1/series", params={"mark": "maintenance"})).json()["items"]
    assert [(line["slug"], line["maintenance"], line["is_problem"]) for line in said] == [(one.key.slug, "w1", False)]
