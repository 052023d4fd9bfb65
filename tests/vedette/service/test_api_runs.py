"""This file is for tests of the routes of runs and outcomes."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from probes.outcome import Check, Evidence, Exchange, Measurement, Outcome, Phases, Subject, to_json
from reports.store.sink import StoreSink
from scenarios.events import RunResult
from tests.reports.store.stored_runs import AT, a_run, feed, full_outcome, full_result, run_info
from vedette.service.api import outcome_models as models
from vedette.service.state import Service

pytestmark = pytest.mark.anyio

RUNS = "/api/v1/runs"
CHOSEN: tuple[tuple[dict[str, str], int], ...] = (
    ({}, 2),  # those that somebody asked for
    ({"suite": "other"}, 0),
    ({"suite": "other", "kind": "watch"}, 1),
    ({"target": "production"}, 1),
    ({"kind": "watch"}, 1),
    ({"kind": "deploy"}, 0),
)


def stored(service: Service, *results: RunResult) -> None:
    sink = StoreSink(service.settings.store)
    for result in results:
        feed(sink, result)
    sink.close()


async def all_of(client: httpx.AsyncClient, path: str, items: str, **query: Any) -> list[dict[str, Any]]:
    found = []
    answer = await client.get(path, params=query)
    while True:
        assert answer.status_code == 200, answer.text
        found += answer.json()[items]
        if not (link := answer.json()["next"]):
            return found
        answer = await client.get(link)


async def test_runs_are_listed_the_newest_first_page_by_page(service: Service, client: httpx.AsyncClient) -> None:
    results = [a_run(1, at=AT + timedelta(minutes=minute)) for minute in range(5)]
    stored(service, *results)
    found = await all_of(client, RUNS, "items", limit=2)
    assert [one["id"] for one in found] == [result.run.id for result in reversed(results)]
    newest = found[0]
    assert (newest["ended"], newest["counts"], newest["wall_s"], newest["kind"]) == ("deadline", {"fail": 1}, 9.5, "smoke")


async def test_runs_are_chosen_by_suite_target_and_kind(service: Service, client: httpx.AsyncClient) -> None:
    watch = replace(run_info(suite="other"), kind="watch")
    stored(service, a_run(1), a_run(1, target="production"), full_result(watch, (full_outcome(watch),)))
    for query, count in CHOSEN:
        assert len(await all_of(client, RUNS, "items", **query)) == count, query


async def test_a_run_tells_its_outcomes_page_by_page(service: Service, client: httpx.AsyncClient) -> None:
    result = a_run(5)
    stored(service, result)
    path = f"{RUNS}/{result.run.id}"
    found = await all_of(client, path, "outcomes", limit=2)
    assert [one["id"] for one in found] == [outcome.id for outcome in result.outcomes]
    assert set(found[0]) == {"id", "scenario", "severity", "verdict", "sentence", "started_at", "duration_s"}


async def test_what_is_not_there_is_told_so(client: httpx.AsyncClient) -> None:
    for path in (f"{RUNS}/01981f6e", "/api/v1/outcomes/01981f6e"):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["detail"].startswith("there is no ")) == (404, True)


async def test_an_outcome_is_told_whole(service: Service, client: httpx.AsyncClient) -> None:
    result = a_run(1)
    stored(service, result)
    [outcome] = result.outcomes
    said = (await client.get(f"/api/v1/outcomes/{outcome.id}")).json()
    expected = to_json(outcome) | {"started_at": said["started_at"]}
    assert said == expected
    assert said["started_at"].startswith("2026-11-21T10:00:00.123456")


@pytest.mark.parametrize(
    ("ours", "told"),
    [
        (Outcome, models.OutcomeAnswer), (Subject, models.SubjectAnswer), (Check, models.CheckAnswer),
        (Evidence, models.EvidenceAnswer), (Exchange, models.ExchangeAnswer), (Phases, models.PhasesAnswer),
        (Measurement, models.MeasurementAnswer),
    ],
)  # fmt: skip
def test_nothing_of_an_outcome_is_left_out(ours: Any, told: Any) -> None:
    assert {field.name for field in fields(ours)} == set(told.model_fields)


async def test_numbers_that_json_cannot_hold_break_nothing(service: Service, client: httpx.AsyncClient) -> None:
    run = run_info()
    odd = full_outcome(run)
    odd = replace(odd, checks=(replace(odd.checks[0], evidence=(Evidence("number", "", {"ratio": float("nan")}),)),))
    stored(service, full_result(run, (odd,)))
    assert (await client.get(f"/api/v1/outcomes/{odd.id}")).status_code == 200
    assert (await client.get(f"{RUNS}/{run.id}")).status_code == 200
