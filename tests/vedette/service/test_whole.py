"""This file is for tests of the API over a whole service: real watcher, real store, real suites, real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from probes.kinds.health import Health
from probes.outcome import Verdict
from tests.probes.kinds.loopback import outcome_of
from tests.vedette.service.whole import SUITE, Whole, whole_service

OURS = Health(startup="/health/startup", dependencies=("store", "scheduler", "configuration"), tick="20ms")


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[Whole]:
    with whole_service(tmp_path) as made:
        yield made


@pytest.fixture
def client(whole: Whole) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=whole.url, trust_env=False, timeout=20) as made:
        yield made


def series(client: httpx.Client, **wanted: str) -> list[dict[str, Any]]:
    found = client.get("/api/v1/series", params=wanted).json()["items"]
    assert isinstance(found, list)
    return found


@pytest.mark.anyio
async def test_our_own_health_probe_passes_on_a_whole_service(whole: Whole) -> None:
    outcome = await outcome_of(OURS, whole.url)
    assert outcome.verdict is Verdict.PASS, outcome.sentence


def test_what_is_asked_out_of_turn_is_told_kept_and_counted(whole: Whole, client: httpx.Client) -> None:
    [one] = series(client, scenario="the shop is open", target="staging")
    path = f"/api/v1/series/{one['slug']}"
    said = client.post(f"{path}/ask").json()
    assert (said["trigger"], said["outcome"]["verdict"]) == ("manual", "fail")
    assert "refused the connection" in said["outcome"]["sentence"]
    assert whole.service.sink.flush(10)
    now = client.get(path).json()
    assert (now["verdict"], now["mark"], now["is_problem"]) == ("fail", "fail", True)
    manual = [tick for tick in client.get(f"{path}/ticks").json()["items"] if tick["trigger"] == "manual"]
    assert len(manual) == 1
    assert client.get(f"/api/v1/outcomes/{now['outcome_id']}").json()["verdict"] == "fail"
    assert client.get("/api/v1/status").json()["problems_total"] >= 1


def test_a_job_that_reports_by_itself_is_not_asked(client: httpx.Client) -> None:
    [one] = series(client, scenario="the nightly backup ran", target="staging")
    answer = client.post(f"/api/v1/series/{one['slug']}/ask")
    assert (answer.status_code, "waits for a report" in answer.json()["detail"]) == (409, True)


def test_a_reload_swaps_what_is_watched_and_a_mistake_leaves_it(client: httpx.Client, tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(SUITE.replace("the basket is kept", "the basket is full"), encoding="utf-8")
    taken = client.post("/api/v1/reload")
    assert (taken.status_code, any("the basket is full" in change for change in taken.json()["changes"])) == (200, True)
    names = {one["scenario"] for one in series(client)}
    path.write_text(SUITE.replace("probe: http", "prob: http"), encoding="utf-8")
    refused = client.post("/api/v1/reload")
    assert refused.status_code == 422
    assert "'probe' is missing" in refused.json()["mistakes"]
    assert {one["scenario"] for one in series(client)} == names
    assert "the basket is full" in names and "the basket is kept" not in names
    assert client.get("/api/v1/status").json()["reload"]["ok"] is False
    assert client.get("/health/ready").status_code == 200
