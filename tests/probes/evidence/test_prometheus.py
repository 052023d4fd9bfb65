"""This file is for what may come instead of an answer of Prometheus; against a real one, see tests/probes/kinds/test_promql.py.

The stub's rules are those of prometheus.io/docs/prometheus/latest/querying/api: the envelope with status, errorType and error,
400 for a wrong query, 422 for one that cannot be executed, 503 for one that takes too long, and warnings beside data.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from probes.evidence.prometheus import Prometheus
from probes.evidence.source import EvidenceError, Sample, SampleSource
from probes.fields import Expanded
from probes.kinds.promql import Promql
from probes.outcome import Verdict
from tests.probes.kinds.loopback import Asked, Loopback, Reply, as_json, outcome_of

pytestmark = pytest.mark.anyio

TOKEN = "t0ken-of-the-reader"


def vector(*values: object, at: float | None = None, **more: Any) -> Reply:
    result = [{"metric": {"__name__": "x", "n": str(n)}, "value": [at or time.time(), value]} for n, value in enumerate(values)]
    return as_json({"status": "success", "data": {"resultType": "vector", "result": result}, **more})


def refusal(status: int, kind: str, message: str) -> Reply:
    return as_json({"status": "error", "errorType": kind, "error": message}, status)


async def asked(reply: Reply, **options: Any) -> tuple[Sample, ...]:
    async with Loopback(lambda _: reply).running() as server:
        return await Prometheus.model_validate({"url": server.url, **options}).query("x")


HTML = (("Content-Type", "text/html"),)
INSTEAD: list[Any] = [
    pytest.param(
        refusal(400, "bad_data", "parse error: unexpected end"),
        "does not understand the question, which the suite asks: parse error",
        id="bad data",
    ),
    pytest.param(refusal(422, "execution", "many-to-many matching"), "cannot answer it: many-to-many", id="execution"),
    pytest.param(refusal(503, "timeout", "query timed out"), "gave up on the question: query timed out", id="timeout"),
    pytest.param(Reply(503, b"<html>no</html>", HTML), "gave up on the question: with a page of HTML", id="HTML 503"),
    pytest.param(Reply(200, b"<!doctype html><p>log in", HTML), "the body is HTML instead of JSON", id="HTML"),
    pytest.param(Reply(302, b"", (("Location", "/login"),)), "it answered 302", id="redirect"),
    pytest.param(Reply(401), "it refused the credentials", id="401"),
    pytest.param(Reply(404, b"404 page not found"), "it answered 404: 404 page not found", id="404"),
    pytest.param(Reply(200, b'{"status":'), "JSON of the body is cut off", id="cut"),
    pytest.param(as_json([]), "its answer is not one of Prometheus", id="array"),
    pytest.param(as_json({"status": "success"}), "its answer has no result", id="no data"),
    pytest.param(
        as_json({"status": "success", "data": {"resultType": "vector", "result": [{}]}}), "has no labels", id="no labels"
    ),
    pytest.param(vector(None), "has no time and value", id="no value"),
    pytest.param(vector("x"), "has no time and value", id="word"),
    pytest.param(
        as_json({"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "histogram": []}]}}),
        "native histograms",
        id="histogram",
    ),
    pytest.param(
        lambda: vector("1", warnings=["store 2 did not answer"]),
        "it answered with a warning, so it may not be everything: store 2",
        id="warning",
    ),
    pytest.param(lambda: vector("1", at=time.time() - 900), "as of 900 s away from our clock (at most 60 s", id="old answer"),
    pytest.param(Reply(hang_up=True), "could not be read: ", id="hangs up"),
]


@pytest.mark.parametrize(("reply", "hint"), INSTEAD)
async def test_what_comes_instead_of_an_answer_is_told_in_one_sentence(reply: Any, hint: str) -> None:
    with pytest.raises(EvidenceError) as problem:
        await asked(reply if isinstance(reply, Reply) else reply())
    said = str(problem.value).replace("901", "900")
    assert said.startswith("Prometheus at 127.0.0.1:") and hint in said and "\n" not in said, said


async def test_an_empty_answer_from_a_cache_is_known_by_its_date() -> None:
    empty = vector()
    old = Reply(200, empty.body, (*empty.headers, ("Date", formatdate(time.time() - 600, usegmt=True))))
    assert await asked(empty) == ()
    with pytest.raises(EvidenceError, match="away from our clock"):
        await asked(old)
    assert await asked(old, skew="20m") == ()


async def test_all_numbers_of_go_are_read() -> None:
    values = [one.value for one in await asked(vector("1.5", "+Inf", "-Inf", "1e+06", "NaN"))]
    assert values[:4] == [1.5, float("inf"), float("-inf"), 1e6] and values[4] != values[4]


async def test_the_credentials_are_sent_and_shown_nowhere() -> None:
    asked_for: list[Asked] = []

    def reply(one: Asked) -> Reply:
        asked_for.append(one)
        return refusal(400, "bad_data", f"who is {TOKEN}?")

    async with Loopback(reply).running() as server:
        source = Prometheus.model_validate({"url": f"{server.url}/prometheus", "auth": {"bearer": Expanded(TOKEN, "${PROM}")}})
        probe = Promql.model_validate({"source": "p", "query": "x", "expect": 1})
        outcome = await outcome_of(probe, "http://127.0.0.1:9", evidence={"p": source})
    assert (asked_for[0].headers["authorization"], urlsplit(asked_for[0].path).path) == (
        f"Bearer {TOKEN}",
        "/prometheus/api/v1/query",
    )
    assert outcome.verdict is Verdict.ERROR and "does not understand" in outcome.sentence


class Answering:
    """A stub that answers every question as it should for one series `x`, but for what a test changes."""

    def __init__(self, changed: Mapping[str, Callable[[], Reply]]) -> None:
        self._changed = changed

    def __call__(self, one: Asked) -> Reply:
        query = parse_qs(urlsplit(one.path).query)["query"][0]
        for beginning, reply in self._changed.items():
            if query.startswith(beginning):
                return reply()
        if "unless" in query:  # nothing is lost, nothing is no number
            return vector()
        return vector(query[7:-1]) if query.startswith("vector(") else vector("3")


@pytest.mark.parametrize(
    ("changed", "verdict", "hint"),
    [  # made when they are asked for, as of then
        pytest.param({}, Verdict.PASS, "the source computes what it is asked", id="sound"),
        pytest.param({"vector": lambda: vector("3")}, Verdict.INCONCLUSIVE, "and answered something else", id="a canned answer"),
        pytest.param(
            {"x": lambda: vector("3", warnings=["no store"])}, Verdict.INCONCLUSIVE, "may be partial: no store", id="partial"
        ),
        pytest.param(
            {"topk": lambda: vector("400")}, Verdict.FAIL, "is stale: its last value is 400 s old, more than 300 s", id="stale"
        ),
        pytest.param({"x": lambda: vector("7")}, Verdict.FAIL, 'x{n="0"} is 7, expected that it equals 3', id="another value"),
    ],
)
async def test_a_source_that_does_not_compute_or_does_not_know_all_proves_nothing(
    changed: Mapping[str, Callable[[], Reply]], verdict: Verdict, hint: str
) -> None:
    async with Loopback(Answering(changed)).running() as server:
        probe = Promql.model_validate({"source": "p", "query": "x", "expect": 3})
        outcome = await outcome_of(probe, server.url, evidence={"p": Prometheus(url=server.url)})
    assert (outcome.verdict, hint in outcome.sentence) == (verdict, True), outcome.sentence


async def test_remarks_on_the_query_are_shown_and_decide_nothing() -> None:
    async with Loopback(Answering({"x": lambda: vector("3", infos=["x might not be a counter"])})).running() as server:
        probe = Promql.model_validate({"source": "p", "query": "x", "expect": 3})
        outcome = await outcome_of(probe, server.url, evidence={"p": Prometheus(url=server.url)})
    assert outcome.verdict is Verdict.PASS
    assert [made.say for made in outcome.checks if made.verdict is Verdict.SKIPPED] == ["x might not be a counter"]


class Other(SampleSource, source="other"):
    """A source of somebody else's, which has no rules and no warnings."""

    async def query(self, expression: str) -> tuple[Sample, ...]:
        if "unless" in expression:
            return ()
        return (Sample({}, float(expression[7:-1]) if expression.startswith("vector(") else 3.0, time.time()),)


async def test_a_source_of_another_kind_gives_values_but_has_no_rules() -> None:
    sound = await outcome_of(
        Promql.model_validate({"source": "p", "query": "x", "expect": 3}), "http://127.0.0.1:9", evidence={"p": Other()}
    )
    rules = await outcome_of(
        Promql.model_validate({"source": "p", "alerts": [{"name": "A"}]}), "http://127.0.0.1:9", evidence={"p": Other()}
    )
    assert (sound.verdict, rules.verdict) == (Verdict.PASS, Verdict.INCONCLUSIVE)
    assert rules.sentence == "other has no alert rules to look at; use a source 'prometheus'"


@pytest.mark.parametrize("body", [{"groups": 5}, [], {"alerts": None}], ids=json.dumps)
async def test_rules_and_alerts_of_another_shape_are_an_error(body: Any) -> None:
    async with Loopback(lambda _: as_json({"status": "success", "data": body})).running() as server:
        source = Prometheus(url=server.url)
        with pytest.raises(EvidenceError, match="its rules have no groups"):
            await source.rules()
        with pytest.raises(EvidenceError, match="its answer has no alerts"):
            await source.alerts()


async def test_a_rule_that_lacks_everything_is_read_as_one_that_was_never_evaluated() -> None:
    zero = {"name": "A", "type": "alerting", "lastEvaluation": "0001-01-01T00:00:00Z"}
    fine = {"name": "B", "lastEvaluation": "2026-01-01T00:00:00.123456789+01:00"}
    body = {"status": "success", "data": {"groups": [{"rules": [zero, {}, fine, None]}, None]}}
    async with Loopback(lambda _: as_json(body)).running() as server:
        first, second, third = await Prometheus(url=server.url).rules()
    assert (first.evaluated_at, second.evaluated_at, str(third.evaluated_at)) == (None, None, "2026-01-01 00:00:00.123456+01:00")
