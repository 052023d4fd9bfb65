from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from probes.evidence.http_api import HttpApi
from probes.fields import Expanded
from probes.kinds.access_control import AccessControl
from probes.kinds.http import Http
from probes.outcome import Verdict
from probes.request import RequestTemplate
from probes.target import Limits
from tests.probes.kinds.loopback import Asked, Loopback, Reply, as_json, outcome_of

pytestmark = pytest.mark.anyio

TOKEN = "t0ken-of-the-viewer"
OWN = {"headers": {"Authorization": "Bearer the-target-s-own", "X-Tenant": "20"}}


def grafana(asked: Asked) -> Reply:
    if asked.headers.get("authorization") != f"Bearer {TOKEN}":
        return as_json({"message": "Unauthorized"}, 401)
    return as_json({"title": "SLO"}) if asked.path == "/grafana/api/dashboards/uid/slo" else as_json({"message": "no"}, 404)


def asking(path: str = "/api/dashboards/uid/slo", **expect: Any) -> Http:
    return Http.model_validate({"request": {"at": "grafana", "path": path}, "expect": {"json": {"$.title": "SLO"}, **expect}})


def beside(url: str, **options: Any) -> dict[str, HttpApi]:
    auth = {"bearer": Expanded(TOKEN, "${GRAFANA_TOKEN}")}
    return {"grafana": HttpApi.model_validate({"url": f"{url}/grafana", "auth": auth, **options})}


async def test_a_request_asks_the_api_of_a_source_with_its_credentials_and_none_of_the_targets() -> None:
    async with Loopback(lambda _: Reply(500)).running() as target, Loopback(grafana).running() as api:
        outcome = await outcome_of(asking(), target.url, evidence=beside(api.url), **OWN)
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    assert not target.asked
    assert "x-tenant" not in api.asked[0].headers
    assert api.asked[0].headers["x-correlation-id"]
    assert TOKEN not in repr(outcome)


async def test_what_the_api_answers_is_judged_as_an_answer_of_the_target_is() -> None:
    async with Loopback(grafana).running() as api:
        outcome = await outcome_of(asking("/api/dashboards/uid/sla"), api.url, evidence=beside(api.url))
    assert outcome.verdict is Verdict.FAIL
    assert "404" in outcome.sentence


async def test_an_api_that_cannot_be_reached_fails() -> None:
    async with Loopback(grafana).running() as api:
        url = api.url
    outcome = await outcome_of(asking(), "http://127.0.0.1:1", evidence=beside(url))
    assert outcome.verdict is Verdict.FAIL
    assert "refused" in outcome.sentence


async def test_where_the_target_has_no_such_source_nothing_is_proven() -> None:
    outcome = await outcome_of(asking(), "http://127.0.0.1:1")
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "no evidence source with an HTTP API 'grafana'" in outcome.sentence


async def test_the_limit_on_requests_holds_there_too() -> None:
    steps = {"steps": [{"request": {"at": "grafana", "path": "/api/dashboards/uid/slo"}}] * 3}
    async with Loopback(grafana).running() as api:
        limits = Limits(requests=2)
        outcome = await outcome_of(Http.model_validate(steps), api.url, evidence=beside(api.url), limits=limits)
    assert outcome.verdict is Verdict.ERROR
    assert len(api.asked) == 2


async def test_more_than_may_be_read_fails() -> None:
    async with Loopback(lambda _: Reply(200, b"x" * 5000)).running() as api:
        outcome = await outcome_of(asking(), api.url, evidence=beside(api.url, max_bytes=1000))
    assert outcome.verdict is Verdict.FAIL
    assert "1000" in outcome.sentence


def test_an_evidence_source_is_only_read() -> None:
    with pytest.raises(ValidationError, match="only read, by GET or HEAD, not by DELETE"):
        RequestTemplate.model_validate({"at": "grafana", "method": "DELETE", "path": "/api/dashboards/uid/slo"})


def test_who_may_is_not_asked_of_an_evidence_source() -> None:
    with pytest.raises(ValidationError, match="'at' leads to an evidence source"):
        AccessControl.model_validate({"request": {"at": "grafana", "path": "/"}, "marker": {"json": "$.title"}})
