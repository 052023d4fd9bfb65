"""The reference target's health endpoints and the levers that break it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.vedette.reference.conftest import Start

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("/health/live", "ok"),
        ("/health/ready", "ready"),
        ("/health/startup", "started"),
        ("/api/v1/health", "ready"),
        ("/api/health", "ok"),
        ("/api/health/detailed", "healthy"),
    ],
)
async def test_each_endpoint_is_up_fresh_and_not_to_be_cached(start: Start, path: str, word: str) -> None:
    async with start() as target:
        told = await target.client.get(path)
    assert (told.status_code, told.json()["status"]) == (200, word)
    assert told.headers["cache-control"] == "no-store"
    assert abs(datetime.now(UTC) - datetime.fromisoformat(told.json()["timestamp"])) < timedelta(minutes=1)


@pytest.mark.parametrize("dependency", ["database", "redis"])
async def test_without_a_dependency_it_is_alive_but_not_ready(start: Start, dependency: str) -> None:
    async with start() as target:
        await target.pull("POST", dependency)
        live, ready, alias = [await target.client.get(p) for p in ("/health/live", "/health/ready", "/api/v1/health")]
        await target.pull("DELETE", dependency)
        mended = await target.client.get("/health/ready")
    assert (live.status_code, ready.status_code, alias.status_code, mended.status_code) == (200, 503, 503, 200)
    assert ready.json()["checks"][dependency] == "down"


async def test_without_the_calendar_service_it_stays_ready(start: Start) -> None:
    async with start() as target:
        await target.pull("POST", "calcom")
        assert (await target.client.get("/health/ready")).status_code == 200


async def test_without_its_database_it_says_when_to_come_back(start: Start) -> None:
    async with start() as target:
        await target.pull("POST", "database")
        told = await target.ask()
    assert told.status_code == 503 and told.headers["retry-after"]


@pytest.mark.parametrize("headers", [{}, {"X-Control-Token": "guess"}])
async def test_a_stranger_can_pull_no_lever(start: Start, headers: dict[str, str]) -> None:
    async with start() as target:
        told = await target.client.post("/_control/faults/database-down", headers=headers)
        assert told.status_code == 403
        assert (await target.client.get("/health/ready")).status_code == 200


async def test_a_target_without_a_control_token_has_no_levers_at_all(start: Start) -> None:
    async with start(control_token="") as target:
        told = await target.client.post("/_control/faults/database-down", headers={"X-Control-Token": ""})
    assert told.status_code == 403


async def test_an_unknown_path_is_404_and_a_wrong_method_405(start: Start) -> None:
    async with start() as target:
        assert (await target.client.get("/nowhere")).status_code == 404
        assert (await target.client.get("/api/webhooks/retell")).status_code == 405


@pytest.mark.parametrize("version", ["", "1.5.0"], ids=["not said", "said"])
async def test_a_target_that_has_a_version_says_it_in_every_answer_and_in_its_health(start: Start, version: str) -> None:
    async with start(version=version) as target:
        answers = [await target.client.get(path) for path in ("/health/live", "/api/health", "/api/health/detailed", "/nowhere")]
    assert [one.headers.get("x-version", "") for one in answers] == [version] * 4
    assert [one.json().get("version", "") for one in answers] == [version] * 3 + [""]
