"""This file is for the kind `promql` and its source, against a real Prometheus that scrapes what a test exposes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from probes.evidence.prometheus import Prometheus
from probes.evidence.source import EvidenceError
from probes.kinds.promql import Promql
from probes.outcome import Outcome, Verdict
from probes.promql_range import range_of
from probes.promql_syntax import parse
from tests.probes.kinds.loopback import Asked, Loopback, Reply, as_json, outcome_of
from tests.probes.prometheus_server import PROGRAM, RealPrometheus, prometheus

PAST: dict[str, Any] = {
    'up{job="shop"}': (1, 2),
    'pg_replication_lag_seconds{replica="a"}': (0.4, 2),
    'pg_replication_lag_seconds{replica="b"}': (45, 2),
    "not_a_number": ("NaN", 2),
    "queue_depth": (7, 2),
    "old_seconds": (5, 125),
    "vanished": (1, 1200),
    'lag_seconds{replica="a"}': (0.4, 2),
    'lag_seconds{replica="b"}': (0.4, 1200),
    'half_a_number{replica="a"}': (1, 2),
    'half_a_number{replica="b"}': ("NaN", 2),
    'rpc_seconds{quantile="0.99"}': ("NaN", 2),
    'http_requests_total{status="200"}': (1000, 2),
}
RULES = {
    "groups": [
        {
            "name": "shop",
            "rules": [
                {
                    "alert": "HighErrorRate",
                    "expr": 'sum(rate(http_requests_total{status=~"5.."}[5m])) / sum(rate(http_requests_total[5m])) > 0.05',
                    "for": "5m",
                    "labels": {"severity": "P1", "team": "backend"},
                    "annotations": {"runbook_url": "https://wiki.example/errors", "owner": "backend"},
                },
                {"alert": "BackupMissing", "expr": "time() - backup_last_success_timestamp_seconds > 24 * 3600"},
                {"alert": "QueueDeep", "expr": "queue_depth > 5", "labels": {"severity": "P2"}},
                {"alert": "QueueDeep", "expr": "queue_depth > 500", "labels": {"severity": "P1"}},
                {"alert": "OfNobody", "expr": 'up{job="nobody"} == 0'},
                {"alert": "OfNoLabel", "expr": 'up{service="shop"} == 0'},
                {"alert": "OfNoErrors", "expr": 'rate(http_requests_total{status="500"}[5m]) > 0'},
                {"alert": "MetricsMissing", "expr": 'absent(up{job="api"})', "for": "5m"},
                {"alert": "Broken", "expr": 'queue_depth + on(nothing) {__name__=~"up|queue_depth"}'},
                {"record": "shop:requests", "expr": "sum(http_requests_total)"},
            ],
        }
    ]
}  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPrometheus | None]:
    if PROGRAM is None:
        yield None
        return
    with prometheus(tmp_path_factory.mktemp("prometheus"), PAST, RULES) as made:
        made.until("shop:requests")
        made.until('ALERTS{alertname="QueueDeep"}')
        yield made


@pytest.fixture
def real(server: RealPrometheus | None, require: Callable[[str, bool], None]) -> RealPrometheus:
    require("Prometheus (Debian's package prometheus)", server is not None)
    assert server is not None
    return server


async def ask(real: RealPrometheus, **options: Any) -> Outcome:
    evidence = {"prometheus": Prometheus(url=real.url)}
    probe = Promql.model_validate({"source": "prometheus", "max_age": "60s", **options})
    return await outcome_of(probe, "http://127.0.0.1:9", evidence=evidence, vars={"most": 100, "replica": "a"})


GOOD: list[Any] = [
    pytest.param({"query": "queue_depth", "expect": {"lt": 10}}, id="below"),
    pytest.param({"query": "queue_depth", "expect": 7}, id="equals"),
    pytest.param({"query": "queue_depth", "expect": {"lt": "{{vars.most}}"}}, id="a bound of the target"),
    pytest.param(
        {"query": 'pg_replication_lag_seconds{replica="{{vars.replica}}"}', "expect": {"lt": 1}}, id="a label of the target"
    ),
    pytest.param({"query": "pg_replication_lag_seconds", "expect": {"lt": 30}, "every": False}, id="one is enough"),
    pytest.param({"query": "pg_replication_lag_seconds", "expect": {"lt": 60}, "samples": 2}, id="as many as there should be"),
    pytest.param({"query": "queue_depth > 10", "samples": 0}, id="nothing is bad"),
    pytest.param({"query": 'absent(up{job="shop"})', "samples": 0}, id="nothing is absent"),
    pytest.param({"query": "queue_depth", "expect": {"lt": 10}, "control": 'up{job="shop"}'}, id="with a control"),
    pytest.param({"query": "queue_depth + scalar(sum(up)) * 0", "expect": {"lt": 10}}, id="a scalar in it"),
    pytest.param({"query": "rpc_seconds > 5", "samples": 0}, id="a summary of nothing is not above 5"),
]
BAD: list[Any] = [
    pytest.param(
        {"query": "pg_replication_lag_seconds", "expect": {"lt": 30}, "unit": "s"},
        Verdict.FAIL,
        'replica="b"} is 45 s, one of 2, expected that it is below 30',
        id="over the bound",
    ),
    pytest.param({"query": "pg_replication_lag_seconds", "expect": {"lt": 0.1}}, Verdict.FAIL, "as 1 more of 2", id="all over"),
    pytest.param(
        {"query": "pg_replication_lag_seconds", "expect": {"lt": 0.1}, "every": False}, Verdict.FAIL, "is 0.4", id="none"
    ),
    pytest.param({"query": "not_a_number", "expect": {"lt": 30}}, Verdict.FAIL, "is no number (NaN)", id="NaN"),
    pytest.param({"query": "queue_depth / 0", "expect": {"lt": 30}}, Verdict.FAIL, "is infinite", id="infinite"),
    pytest.param(
        {"query": "not_a_number > 30", "samples": 0}, Verdict.FAIL, "not_a_number is no number (NaN)", id="NaN filtered away"
    ),
    pytest.param(
        {"query": "max(half_a_number)", "expect": {"lt": 30}},
        Verdict.FAIL,
        'half_a_number{replica="b"} is no number (NaN), which a comparison or a maximum leaves out',
        id="NaN left out of a maximum",
    ),
    pytest.param(
        {"query": "(queue_depth - queue_depth) / (queue_depth - queue_depth)", "expect": {"lt": 0.05}},
        Verdict.INCONCLUSIVE,
        "the value is no number (NaN), though the series that it is computed of are",
        id="a ratio of nothing",
    ),
    pytest.param(
        {"query": "rpc_seconds", "expect": {"lt": 5}}, Verdict.INCONCLUSIVE, "is no number (NaN)", id="a summary of nothing"
    ),
    pytest.param(
        {"query": " + ".join(f'queue_depth{{a{n}=""}}' for n in range(31)), "expect": {"lt": 900}},
        Verdict.INCONCLUSIVE,
        "the query looks at 31 sorts of series, more than the 30",
        id="more than is looked at",
    ),
    pytest.param(
        {"query": "queue_depth", "expect": {"lt": 9}, "samples": {"ge": 2}},
        Verdict.FAIL,
        "selects 1 sample, such as queue_depth is 7",
        id="too few",
    ),
    pytest.param({"query": "queue_depth > 5", "samples": 0}, Verdict.FAIL, "is 7, expected none", id="something is bad"),
    pytest.param({"query": "old_seconds", "expect": {"lt": 30}}, Verdict.FAIL, "is stale: its last value is 12", id="stale"),
    pytest.param({"query": "vanished", "expect": 1}, Verdict.FAIL, "vanished is gone: its last value was 1", id="gone"),
    pytest.param(
        {"query": "sum(vanished) or vector(0)", "expect": {"lt": 5}},
        Verdict.FAIL,
        "is gone: its last value was",
        id="gone behind a zero",
    ),
    pytest.param(
        {"query": "never_there", "expect": 1}, Verdict.INCONCLUSIVE, "never_there selects nothing at Prometheus", id="nothing"
    ),
    pytest.param(
        {"query": "sum(rate(never_there[5m])) or vector(0)", "expect": {"lt": 5}},
        Verdict.INCONCLUSIVE,
        "never_there selects nothing",
        id="nothing behind a zero",
    ),
    pytest.param(
        {"query": "queue_depth > 5 and never_there", "samples": 0},
        Verdict.INCONCLUSIVE,
        "never_there selects nothing",
        id="nothing bad can be",
    ),
    pytest.param(
        {"query": "queue_depth > 10", "expect": {"lt": 90}}, Verdict.INCONCLUSIVE, "the query selects nothing", id="filtered away"
    ),
    pytest.param(
        {"query": "queue_depth", "expect": {"lt": 10}, "control": "up - 1"},
        Verdict.INCONCLUSIVE,
        "the control up - 1 does not hold",
        id="control",
    ),
    pytest.param(
        {"query": "queue_depth", "expect": {"lt": 10}, "control": "never"},
        Verdict.INCONCLUSIVE,
        "it selects nothing",
        id="control none",
    ),
    pytest.param(
        {"query": 'queue_depth / on(nothing) group_left() {__name__=~"up|queue_depth"}', "expect": 1},
        Verdict.ERROR,
        "cannot answer it",
        id="cannot be computed",
    ),
    pytest.param(
        {"query": "sort_by_label(queue_depth)", "expect": {"lt": 9}},
        Verdict.ERROR,
        "does not understand the question, which the suite asks",
        id="newer than the server",
    ),
    pytest.param(
        {"query": "rate(queue_depth[{{vars.most}}])", "expect": {"lt": 9}},
        Verdict.ERROR,
        "with its values filled in",
        id="filled wrongly",
    ),
]


@pytest.mark.anyio
@pytest.mark.parametrize("options", GOOD)
async def test_what_is_well_passes(real: RealPrometheus, options: dict[str, Any]) -> None:
    outcome = await ask(real, **options)
    assert (outcome.verdict, outcome.sentence) == (Verdict.PASS, outcome.sentence)
    assert "the source computes what it is asked" in [made.name for made in outcome.controls]


@pytest.mark.anyio
@pytest.mark.parametrize(("options", "verdict", "hint"), BAD)
async def test_what_is_not_well_is_named(real: RealPrometheus, options: dict[str, Any], verdict: Verdict, hint: str) -> None:
    outcome = await ask(real, **options)
    assert (outcome.verdict, hint in outcome.sentence) == (verdict, True), outcome.sentence


AGREED: dict[str, Any] = {
    "name": "HighErrorRate",
    "severity": "P1",
    "for": "5m",
    "labels": {"team": "backend"},
    "annotations": ["runbook_url", "owner"],
    "holds": ['status=~"5.."', ">0.05"],
    "thresholds": {"gt": 0.05},
    "firing": False,
}
ALERTS: list[Any] = [
    pytest.param({"name": "HighErorRate"}, Verdict.FAIL, "there is no alert 'HighErorRate' among the 9", id="missing"),
    pytest.param({**AGREED, "severity": "P0"}, Verdict.FAIL, "has severity 'P1' instead of 'P0'", id="severity"),
    pytest.param({**AGREED, "for": "2m"}, Verdict.FAIL, "fires after 300 s instead of 120 s", id="for"),
    pytest.param({**AGREED, "labels": {"team": "ops"}}, Verdict.FAIL, "has the label 'team' that is 'backend'", id="label"),
    pytest.param({**AGREED, "annotations": ["remediation"]}, Verdict.FAIL, "has no annotation 'remediation'", id="annotation"),
    pytest.param({**AGREED, "holds": ["4.."]}, Verdict.FAIL, "does not hold '4..' in its expression", id="expression"),
    pytest.param({**AGREED, "thresholds": {"gt": 0.01}}, Verdict.FAIL, "compares with > 0.05 instead of > 0.01", id="threshold"),
    pytest.param({"name": "QueueDeep", "firing": False}, Verdict.FAIL, "the alert QueueDeep is firing", id="firing"),
    pytest.param(
        {"name": "QueueDeep", "severity": "P1", "firing": True},
        Verdict.FAIL,
        "the alert QueueDeep is inactive",
        id="not this one",
    ),
    pytest.param(
        {"name": "OfNobody"}, Verdict.INCONCLUSIVE, 'looks at up{job="nobody"}, of which Prometheus at', id="of no such job"
    ),
    pytest.param(
        {"name": "OfNoLabel"}, Verdict.INCONCLUSIVE, 'looks at up{service="shop"}, of which Prometheus at', id="of no such label"
    ),
    pytest.param({"name": "Broken", "series": False}, Verdict.FAIL, "the alert Broken cannot be evaluated", id="unhealthy"),
    pytest.param(
        {"name": "BackupMissing", "thresholds": {"gt": 86400}},
        Verdict.INCONCLUSIVE,
        "looks at backup_last_success_timestamp_seconds, of which Prometheus at",
        id="looks at nothing",
    ),
]


@pytest.mark.anyio
async def test_alerts_that_are_as_agreed_pass(real: RealPrometheus) -> None:
    missing = {"name": "MetricsMissing", "for": "5m", "holds": ["absent(up"]}
    late = {"name": "BackupMissing", "thresholds": [{"gt": 86400}], "series": False}
    others = [{"name": "QueueDeep", "severity": "P2", "firing": True}, {"name": "OfNoErrors"}]
    outcome = await ask(real, alerts=[AGREED, missing, late, *others])
    assert (outcome.verdict, outcome.sentence) == (Verdict.PASS, outcome.sentence)


@pytest.mark.anyio
async def test_series_that_are_gone_among_others_are_told(real: RealPrometheus) -> None:
    outcome = await ask(real, query="lag_seconds", expect={"lt": 1})
    said = [made.say for made in outcome.checks if made.verdict is Verdict.SKIPPED]
    assert (outcome.verdict, len(said)) == (Verdict.PASS, 1), said
    assert said[0].startswith("lag_seconds{replica=\"b\"} is gone, and was there in the last 3600 s; say in 'samples' how many")
    assert (await ask(real, query="lag_seconds", expect={"lt": 1}, samples=2)).verdict is Verdict.FAIL


@pytest.mark.anyio
@pytest.mark.parametrize(("alert", "verdict", "hint"), ALERTS)
async def test_an_alert_that_is_not_as_agreed_is_named(real: RealPrometheus, alert: Any, verdict: Verdict, hint: str) -> None:
    outcome = await ask(real, alerts=[alert])
    assert (outcome.verdict, hint in outcome.sentence) == (verdict, True), outcome.sentence


@pytest.mark.anyio
async def test_rules_that_were_not_evaluated_lately_prove_nothing(real: RealPrometheus) -> None:
    outcome = await ask(real, alerts=[AGREED], evaluated_within=0)
    assert (outcome.verdict, "was not evaluated since 20" in outcome.sentence) == (Verdict.INCONCLUSIVE, True), outcome.sentence


@pytest.mark.anyio
async def test_the_source_gives_values_rules_and_alerts(real: RealPrometheus) -> None:
    source = Prometheus(url=real.url)
    lags = await source.query("sort(pg_replication_lag_seconds)")
    assert [(one.labels["replica"], one.value) for one in lags] == [("a", 0.4), ("b", 45.0)]
    assert [one.value for one in await source.query("7")] == [7.0]
    assert [one.value for one in (await source.instant("time()", at_s=1.5)).samples] == [1.5]
    long = " or ".join(f'queue_depth{{n="{n}"}}' for n in range(150)) + " or queue_depth"
    assert [one.value for one in await source.query(long)] == [7.0], "asked in a body"
    rules = {rule.name: rule for rule in await source.rules()}
    assert (rules["HighErrorRate"].for_s, rules["HighErrorRate"].interval_s, rules["shop:requests"].kind) == (
        300.0,
        0.2,
        "recording",
    )
    assert rules["HighErrorRate"].evaluated_at is not None and rules["Broken"].health == "err"
    assert [(one.name, one.state, one.value) for one in await source.alerts() if one.name == "QueueDeep"] == [
        ("QueueDeep", "firing", 7.0)
    ]
    for query in ("queue_depth[1m]", '"text"'):
        with pytest.raises(EvidenceError, match="which is no value"):
            await source.query(query)


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        pytest.param({"query": "rate(x)", "expect": 1}, "'rate' needs a range", id="PromQL"),
        pytest.param({"query": "x[5m]", "expect": 1}, "gives a range, which is no value", id="range"),
        pytest.param({"query": '"x"', "expect": 1}, "gives a text, which is no value", id="text"),
        pytest.param({"query": "x", "expect": 1, "control": "sum("}, "this is not PromQL", id="control"),
        pytest.param({"query": "x"}, "needs 'expect', or 'samples'", id="no condition"),
        pytest.param({}, "give a 'query', or 'alerts'", id="nothing"),
        pytest.param({"expect": 1, "alerts": [{"name": "x"}]}, "need a 'query'", id="expect alone"),
        pytest.param({"query": "vector(1)", "expect": 1}, "looks at no series", id="no series"),
        pytest.param({"query": "rate(x_total[5m])", "expect": {"ge": 0}}, "it cannot fail", id="a rate is never negative"),
        pytest.param({"query": "count(x)", "expect": {"ge": 1}}, "it cannot fail", id="a count is at least 1"),
        pytest.param({"query": "x > 5", "expect": {"gt": 5}}, "it cannot fail", id="filtered before"),
        pytest.param({"query": "x > bool 5", "expect": {"le": 1}}, "it cannot fail", id="bool"),
        pytest.param({"query": "-rate(x_total[5m])", "expect": {"le": 0}}, "it cannot fail", id="minus a rate"),
        pytest.param({"query": "x_total", "expect": {"ge": 0}}, "it cannot fail", id="a counter is never negative"),
        pytest.param({"query": "up", "expect": {"le": 1}}, "it cannot fail", id="up is 0 or 1"),
        pytest.param({"query": "clamp_max(x, 5)", "expect": {"le": 5}}, "it cannot fail", id="clamped"),
        pytest.param({"query": "x", "samples": {"ge": 0}}, "holds for any number of samples", id="any number of samples"),
        pytest.param({"query": "x", "expect": {"matches": "a"}}, "'matches' says nothing of a number", id="no number"),
    ],
)
def test_what_cannot_be_asked_or_cannot_fail_is_refused_before_anything_is_sent(options: dict[str, Any], hint: str) -> None:
    with pytest.raises(ValidationError, match=hint.replace("(", r"\(")):
        Promql.model_validate({"source": "p", **options})


def test_of_no_number_nothing_is_known() -> None:
    assert range_of(parse("NaN")) == (-math.inf, math.inf)


@pytest.mark.anyio
async def test_a_source_that_answers_everything_alike_proves_nothing() -> None:
    def canned(asked: Asked) -> Reply:
        sample = {"metric": {"__name__": "queue_depth"}, "value": [time.time(), "0.5"]}
        return as_json({"status": "success", "data": {"resultType": "vector", "result": [sample]}})

    async with Loopback(canned).running() as server:
        probe = Promql.model_validate({"source": "prometheus", "query": "queue_depth", "expect": {"lt": 10}, "every": False})
        outcome = await outcome_of(probe, server.url, evidence={"prometheus": Prometheus(url=server.url)})
    assert (outcome.verdict, "its answers are not to what it is asked" in outcome.sentence) == (Verdict.INCONCLUSIVE, True)


def stub(asked: Asked) -> Reply:
    """Compute numbers, and find nothing of anything else."""
    query = parse_qs(urlsplit(asked.path).query)["query"][0]
    number = query.removeprefix("vector(").removesuffix(")")
    found = [{"metric": {}, "value": [time.time(), number]}] if number.isdigit() else []
    return as_json({"status": "success", "data": {"resultType": "vector", "result": found}})


@pytest.mark.anyio
async def test_absence_that_is_never_told_proves_nothing() -> None:
    async with Loopback(stub).running() as server:
        probe = Promql.model_validate({"source": "prometheus", "query": 'absent(up{job="shop"})', "samples": 0})
        outcome = await outcome_of(probe, server.url, evidence={"prometheus": Prometheus(url=server.url)})
    assert (outcome.verdict, "does not say of a made-up series that it is absent" in outcome.sentence) == (
        Verdict.INCONCLUSIVE,
        True,
    )


@pytest.mark.anyio
async def test_a_bound_of_the_target_that_nothing_could_break_proves_nothing(real: RealPrometheus) -> None:
    outcome = await ask(real, query='up{job="shop"}', expect={"lt": "{{vars.most}}"})
    assert (outcome.verdict, "holds for every value that this query can give" in outcome.sentence) == (
        Verdict.INCONCLUSIVE,
        True,
    ), outcome.sentence
