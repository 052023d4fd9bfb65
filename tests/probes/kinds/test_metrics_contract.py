"""This file is for the kind `metrics_contract`: a sound exposition of the reference client passes, each broken one is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from pydantic import ValidationError

from probes.contracts.catalogue import Sort, find, names
from probes.kinds.metrics_contract import MetricsContract
from probes.metric_families import Agreed
from probes.metric_thresholds import quantile
from probes.outcome import Outcome, Verdict
from tests.probes.kinds.loopback import Asked, Loopback, Reply, outcome_of

TEXT = ("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
OPEN = ("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")


@dataclass
class Shop:
    """A service with metrics; sound, but for what a test changes."""

    openmetrics: bool = False
    route: Callable[[Asked], str] = lambda asked: asked.path
    edit: Callable[[str, int], str] = lambda text, number: text
    headers: tuple[tuple[str, str], ...] = ()
    status: int = 200
    scrapes: int = 0
    counting: bool = True
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        labels = ["method", "route", "status"]
        self.requests = Counter("shop_requests_total", "Requests.", labels, registry=self.registry)
        self.took = Histogram("shop_duration_seconds", "Time.", labels[:1], buckets=[0.1, 1, 10], registry=self.registry)
        self.queue = Gauge("shop_queue_depth", "Jobs.", ["status"], registry=self.registry)
        self.hits = Counter("shop_cache_hits_total", "Hits.", registry=self.registry)
        self.misses = Counter("shop_cache_misses_total", "Misses.", registry=self.registry)
        self.started = Gauge("process_start_time_seconds", "Start.", registry=self.registry)
        self.scraped = Gauge("shop_scrapes", "Scrapes.", registry=self.registry)
        self.orders = Counter("shop_orders_total", "Orders.", ["tenant_id"], registry=self.registry)
        self.started.set(1_700_000_000)
        self.queue.labels("pending").set(3)
        self.hits.inc(90)
        self.misses.inc(10)
        for tenant in range(50):
            self.orders.labels(str(tenant)).inc()
        for seconds in (0.05,) * 90 + (0.5,) * 10:
            self.took.labels("GET").observe(seconds)
            self.requests.labels("GET", "/", "200").inc()

    def __call__(self, asked: Asked) -> Reply:
        if not asked.path.startswith("/metrics"):
            if self.counting:
                self.requests.labels(asked.method, self.route(asked), "200").inc()
                self.took.labels(asked.method).observe(0.05)
            return Reply(200, b"ok")
        self.scrapes += 1
        if self.counting:
            self.scraped.set(self.scrapes)
        text = (generate_openmetrics if self.openmetrics else generate_latest)(self.registry).decode()  # type: ignore[operator]
        body = self.edit(text, self.scrapes).encode()
        return Reply(self.status, body, self.headers or ((OPEN if self.openmetrics else TEXT),))


FAMILIES: list[dict[str, Any]] = [
    {"name": "shop_requests_total", "type": "counter", "labels": ["method", "route", "status"]},
    {"name": "shop_duration_seconds", "type": "histogram", "labels": ["method"], "unit": "seconds", "buckets": [0.1, 1, 10]},
    {
        "name": "shop_queue_depth",
        "type": "gauge",
        "labels": ["status"],
        "label_values": {"status": ["pending", "failed"]},
        "values": {"ge": 0},
    },
    {"name": "shop_orders_total", "type": "counter", "labels": ["tenant_id"], "samples": {"ge": 1}},
    {"name": "shop_refunds_total", "type": "counter", "optional": True},
]
THINGS = {"requests": [{"path": "/things"}] * 3, "by": [{"of": 'shop_requests_total{route="/things"}', "at_least": 3}]}
OPTIONS: dict[str, Any] = {"families": FAMILIES, "label_rules": {"ids": ["tenant_id"]}, "wait": 0.2}


async def ask(shop: Shop, deadline_s: float = 20.0, **options: Any) -> Outcome:
    async with Loopback(shop).running() as server:
        probe = MetricsContract.model_validate({**OPTIONS, **options})
        return await outcome_of(probe, server.url, deadline_s=deadline_s)


SOUND: list[Any] = [
    pytest.param({}, id="passive"),
    pytest.param({"moves": THINGS}, id="moves"),
    pytest.param(
        {
            "moves": {
                **THINGS,
                "by": [
                    {"of": 'shop_requests_total{route=~"/th.*"}', "equals": 3},
                    {"of": 'shop_duration_seconds{method="GET"}', "equals": 3},
                ],
            }
        },
        id="exactly",
    ),
    pytest.param(
        {
            "thresholds": [
                {
                    "name": "cache hit ratio",
                    "gt": 0.8,
                    "ratio": {"of": "shop_cache_hits_total", "to": ["shop_cache_hits_total", "shop_cache_misses_total"]},
                }
            ]
        },
        id="ratio",
    ),
    pytest.param(
        {
            "thresholds": [
                {"name": "errors", "lt": 0.05, "ratio": {"of": 'shop_requests_total{status=~"5.."}', "to": "shop_requests_total"}}
            ]
        },
        id="no errors",
    ),
    pytest.param(
        {
            "thresholds": [
                {"name": "p95", "quantile": 0.95, "of": 'shop_duration_seconds{method="GET"}', "lt": "2s"},
                {"name": "depth", "value": "shop_queue_depth", "lt": 10},
            ]
        },
        id="quantile and value",
    ),
    pytest.param(
        {
            "moves": THINGS,
            "thresholds": [{"name": "p50", "quantile": 0.5, "of": "shop_duration_seconds", "lt": 0.1, "over": "window"}],
        },
        id="quantile of the window",
    ),
]


@pytest.mark.anyio
@pytest.mark.parametrize("openmetrics", [False, True], ids=["text", "openmetrics"])
@pytest.mark.parametrize("options", SOUND)
async def test_a_sound_exposition_passes(options: dict[str, Any], openmetrics: bool) -> None:
    outcome = await ask(Shop(openmetrics), **options)
    assert (outcome.verdict, outcome.sentence) == (Verdict.PASS, outcome.sentence)
    wanted = "our own requests moved a counter" if "moves" in options else "the exposition changes from scrape to scrape"
    assert wanted in [made.name for made in outcome.controls]
    assert "shop_refunds_total is not there, which it may be" in [made.say for made in outcome.checks]


def replaced(old: str, new: str, *, at: int = 0) -> Shop:
    """Return a shop whose text is changed, from one scrape on."""
    return Shop(edit=lambda text, number: text.replace(old, new) if number > at else text)


def line(added: str) -> Shop:
    return Shop(edit=lambda text, _: text + added)


def two_replicas() -> Shop:
    """Each scrape is answered by another one, which started at another time."""
    return Shop(
        edit=lambda text, number: text.replace("process_start_time_seconds 1.7e+09", f"process_start_time_seconds {number}")
    )


def paths(*values: str) -> Shop:
    return line("".join(f'late{{path="{value}"}} 1\n' for value in values))


BROKEN: list[Any] = [
    pytest.param(
        replaced("shop_queue_depth", "shop_queue_size"),
        {},
        Verdict.FAIL,
        "the metric shop_queue_depth is missing among 13 families; there is shop_queue_size",
        id="missing",
    ),
    pytest.param(
        replaced("TYPE shop_queue_depth gauge", "TYPE shop_queue_depth counter"),
        {},
        Verdict.FAIL,
        "shop_queue_depth is a counter instead of a gauge (line",
        id="type",
    ),
    pytest.param(
        replaced("# TYPE shop_queue_depth gauge\n", ""), {}, Verdict.FAIL, "is an untyped instead of a gauge", id="no type"
    ),
    pytest.param(
        replaced("# HELP shop_queue_depth Jobs.\n", ""), {}, Verdict.FAIL, "shop_queue_depth has no HELP text", id="no help"
    ),
    pytest.param(
        replaced('route="/",', ""), {}, Verdict.FAIL, "shop_requests_total lacks the label route (line", id="label gone"
    ),
    pytest.param(
        replaced('route="/",', 'route="/",user="7",'),
        {},
        Verdict.FAIL,
        "has the label user, which was not agreed",
        id="label more",
    ),
    pytest.param(
        replaced("pending", "stuck"),
        {},
        Verdict.FAIL,
        "the label status with the value 'stuck', which is none of pending",
        id="value",
    ),
    pytest.param(
        replaced('"pending"} 3', '"pending"} -3'),
        {},
        Verdict.FAIL,
        "shop_queue_depth is -3, expected that it is at least 0",
        id="negative",
    ),
    pytest.param(
        replaced('le="0.1"', 'le="0.2"'), {}, Verdict.FAIL, "has the buckets 0.2, 1, 10 instead of 0.1, 1, 10", id="buckets"
    ),
    pytest.param(
        line('shop_queue_depth{status="dead"} 1\n'), {}, Verdict.FAIL, "apart from the rest of shop_queue_depth", id="interleaved"
    ),
    pytest.param(line("x{} 1\nx 1\n"), {}, Verdict.FAIL, "the series x stands there twice (first in line", id="twice"),
    pytest.param(
        line("cut"), {}, Verdict.FAIL, "the value of cut is missing, and 1 more mistakes (GET /metrics answered 200", id="cut"
    ),
    pytest.param(
        line('late{user="anna.b@firma.de"} 1\n'),
        {},
        Verdict.FAIL,
        "the label user of late holds an email address (line",
        id="email",
    ),
    pytest.param(line('late{account="DE89370400440532013000"} 1\n'), {}, Verdict.FAIL, "holds an iban", id="iban"),
    pytest.param(
        line('late{phone="+493023125123"} 1\n'), {}, Verdict.FAIL, "the label phone of late holds a phone number", id="phone"
    ),
    pytest.param(
        line('late{id="2b0e7a9c-6f0e-4a3f-9d7e-0123456789ab"} 1\n'),
        {},
        Verdict.FAIL,
        "the label id of late holds a UUID",
        id="UUID",
    ),
    pytest.param(line('late{id="507f1f77bcf86cd799439011"} 1\n'), {}, Verdict.FAIL, "holds a hexadecimal id", id="object id"),
    pytest.param(line('late{id="01ARZ3NDEKTSV4RRFFQ69G5FAV"} 1\n'), {}, Verdict.FAIL, "holds a ULID", id="ULID"),
    pytest.param(
        paths("/users/17", "/users/18"),
        {},
        Verdict.FAIL,
        "the label path of late holds raw paths with ids: /users/:id",
        id="paths",
    ),
    pytest.param(paths("/a/507f1f77bcf86cd799439011/b"), {}, Verdict.FAIL, "holds a raw path with an id: /a/:id/b", id="path"),
    pytest.param(paths("/find?q=1"), {}, Verdict.FAIL, "holds a path with its query", id="query"),
    pytest.param(
        Shop(),
        {"label_rules": {}},
        Verdict.FAIL,
        "the label tenant_id of shop_orders_total holds more than 20 different numbers",
        id="ids",
    ),
    pytest.param(
        line("".join(f'late{{w="{n:x}w"}} 1\n' for n in range(501))),
        {},
        Verdict.FAIL,
        "more than 500 different values",
        id="values",
    ),
    pytest.param(
        Shop(status=503), {}, Verdict.FAIL, "the metrics are not served: GET /metrics answered 503 instead of 200", id="503"
    ),
    pytest.param(
        Shop(headers=(("Content-Type", "application/json"),)), {}, Verdict.FAIL, "the metrics come as application/json", id="JSON"
    ),
    pytest.param(Shop(headers=(("Content-Type", "text/plain; version=9"),)), {}, Verdict.FAIL, "of the version 9", id="version"),
    pytest.param(Shop(headers=(("X", "y"),)), {}, Verdict.FAIL, "something without a content type", id="no content type"),
    pytest.param(Shop(edit=lambda *_: "<!DOCTYPE html>"), {}, Verdict.FAIL, "the metrics come as HTML", id="HTML"),
    pytest.param(Shop(edit=lambda *_: ""), {}, Verdict.FAIL, "there is no metric in them", id="empty"),
    pytest.param(
        Shop(headers=(TEXT, ("Age", "7"))), {}, Verdict.FAIL, "come out of a cache, or may be kept in one (Age:", id="cached"
    ),
    pytest.param(
        Shop(headers=(TEXT, ("Cache-Control", "max-age=60"))), {"not_cacheable": True}, Verdict.FAIL, "max-age=60", id="cacheable"
    ),
    pytest.param(
        Shop(edit=lambda text, _: text + f"# {'x' * 200_000}\n" * 6),
        {},
        Verdict.FAIL,
        "longer than 1 MiB (limit body_bytes)",
        id="1 MiB",
    ),
    pytest.param(
        replaced("shop_cache_hits_total 90", "shop_cache_hits_total 80", at=1),
        {},
        Verdict.FAIL,
        "the counter shop_cache_hits_total fell from 90 to 80 (line",
        id="fell",
    ),
    pytest.param(
        replaced('shop_orders_total{tenant_id="7"}', 'shop_orders_total{tenant_id="700"}', at=1),
        {},
        Verdict.FAIL,
        "shop_orders_total{tenant_id} vanished (it was 1 in line",
        id="vanished",
    ),
    pytest.param(two_replicas(), {}, Verdict.INCONCLUSIVE, "are of two processes", id="two processes"),
    pytest.param(Shop(counting=False), {}, Verdict.INCONCLUSIVE, "the exposition stood still", id="a file"),
    pytest.param(
        Shop(counting=False),
        {"moves": THINGS},
        Verdict.FAIL,
        "moved by 0 instead of at least 3 on our 3 requests (answered 200)",
        id="not counted",
    ),
    pytest.param(
        Shop(route=lambda _: "/"), {"moves": THINGS}, Verdict.FAIL, "moved by 0 instead of at least 3", id="counted elsewhere"
    ),
    pytest.param(
        Shop(),
        {"moves": {**THINGS, "by": [{"of": "shop_request_total"}]}},
        Verdict.FAIL,
        "and there is no such metric",
        id="no such",
    ),
    pytest.param(
        Shop(),
        {"moves": {**THINGS, "by": [{"of": "shop_requests_total", "equals": 4}]}},
        Verdict.FAIL,
        "moved by 3 instead of exactly 4",
        id="not exactly",
    ),
    pytest.param(
        Shop(edit=lambda text, number: text.replace("_hits_total 90", f"_hits_total {number}000")),
        {"moves": {**THINGS, "by": [{"of": "shop_cache_hits_total"}]}},
        Verdict.INCONCLUSIVE,
        "without any request of ours",
        id="busy",
    ),
    pytest.param(
        Shop(),
        {
            "thresholds": [
                {
                    "name": "hit ratio",
                    "gt": 0.95,
                    "ratio": {"of": "shop_cache_hits_total", "to": ["shop_cache_hits_total", "shop_cache_misses_total"]},
                }
            ]
        },
        Verdict.FAIL,
        "the hit ratio is 0.9 since the process started, expected that it is above 0.95 (90 of 100)",
        id="ratio",
    ),
    pytest.param(
        Shop(),
        {"thresholds": [{"name": "p95", "quantile": 0.95, "of": "shop_duration_seconds", "lt": "500ms"}]},
        Verdict.FAIL,
        "the p95 is 0.55 s since the process started, expected that it is below 0.5 s (of 100 observations",
        id="p95",
    ),
    pytest.param(
        Shop(
            edit=lambda text, _: text.replace('le="1.0",method="GET"} 100', 'le="1.0",method="GET"} 90').replace(
                'le="10.0",method="GET"} 100', 'le="10.0",method="GET"} 90'
            )
        ),
        {"thresholds": [{"name": "p95", "quantile": 0.95, "of": "shop_duration_seconds", "lt": "60s"}]},
        Verdict.FAIL,
        "the p95 is above the last bucket since",
        id="beyond the buckets",
    ),
    pytest.param(
        Shop(),
        {"thresholds": [{"name": "depth", "value": "shop_queue_depth", "lt": 3, "soft": True}]},
        Verdict.DEGRADED,
        "the depth is 3, expected that it is below 3 (line",
        id="soft",
    ),
    pytest.param(
        Shop(),
        {
            "thresholds": [
                {"name": "errors", "lt": 0.05, "ratio": {"of": 'shop_requests_total{code=~"5.."}', "to": "shop_requests_total"}}
            ]
        },
        Verdict.INCONCLUSIVE,
        "no sample of shop_requests_total has a label code",
        id="label that is not there",
    ),
    pytest.param(
        Shop(),
        {"thresholds": [{"name": "errors", "value": "shop_errors", "lt": 5}]},
        Verdict.INCONCLUSIVE,
        "the bound of the errors was not tried: there is no metric shop_errors",
        id="no metric",
    ),
    pytest.param(
        Shop(),
        {"thresholds": [{"name": "dead", "value": 'shop_queue_depth{status="dead"}', "lt": 5}]},
        Verdict.INCONCLUSIVE,
        "no sample of shop_queue_depth",
        id="no sample",
    ),
    pytest.param(
        Shop(),
        {
            "thresholds": [
                {
                    "name": "ratio",
                    "lt": 0.5,
                    "over": "window",
                    "ratio": {"of": "shop_cache_misses_total", "to": "shop_cache_hits_total"},
                }
            ]
        },
        Verdict.INCONCLUSIVE,
        "counted nothing meanwhile",
        id="idle",
    ),
    pytest.param(
        Shop(),
        {"thresholds": [{"name": "p9", "quantile": 0.9, "of": 'shop_duration_seconds{method="PUT"}', "lt": 1}]},
        Verdict.INCONCLUSIVE,
        "has no bucket, or counted nothing yet",
        id="no observations",
    ),
]


@pytest.mark.anyio
@pytest.mark.parametrize(("shop", "options", "verdict", "hint"), BROKEN)
async def test_what_is_not_as_agreed_is_named(shop: Shop, options: dict[str, Any], verdict: Verdict, hint: str) -> None:
    shop.scrapes = 0
    outcome = await ask(shop, **options)
    said = [outcome.sentence, *(made.say for made in outcome.checks if made.verdict is verdict)]
    assert (outcome.verdict, any(hint in one for one in said)) == (verdict, True), said


@pytest.mark.anyio
async def test_no_personal_data_of_a_label_comes_into_the_outcome() -> None:
    shop = line('late{user="anna.b@firma.de",iban="DE89370400440532013000"} 1\n')
    outcome = await ask(shop)
    assert "anna" not in repr(outcome) and "DE8937" not in repr(outcome)


@pytest.mark.anyio
async def test_mistakes_of_the_format_are_only_noted_where_the_scenario_wants_it_so() -> None:
    outcome = await ask(line('late{x="1"} 1\nlate{x="1"} 1\n'), strict=False)
    assert outcome.verdict is Verdict.PASS
    assert any("stands there twice" in made.say for made in outcome.checks if made.verdict is Verdict.SKIPPED)


@pytest.mark.anyio
async def test_what_is_counted_late_is_waited_for() -> None:
    shop = Shop()
    counted: list[Asked] = []

    def serve(asked: Asked) -> Reply:
        if not asked.path.startswith("/metrics"):
            counted.append(asked)
            return Reply(200)
        if shop.scrapes >= 4:
            while counted:
                shop(counted.pop())
        return shop(asked)

    async with Loopback(serve).running() as server:
        outcome = await outcome_of(MetricsContract.model_validate({**OPTIONS, "moves": THINGS, "wait": 10}), server.url)
    assert (outcome.verdict, shop.scrapes) == (Verdict.PASS, 8)  # once more each: it stands still without us, and moves again


@pytest.mark.anyio
async def test_writing_requests_need_the_grant() -> None:
    moves = {**THINGS, "requests": [{"method": "PUT", "path": "/things"}]}
    outcome = await ask(Shop(), moves=moves)
    assert (outcome.verdict, "does not grant write" in outcome.sentence) == (Verdict.SKIPPED, True)
    assert (await ask(Shop(), moves={**moves, "by": [{"of": "shop_requests_total"}]}, writes=False)).verdict is Verdict.PASS


@pytest.mark.anyio
async def test_a_long_exposition_is_read_where_the_limit_allows_it() -> None:
    shop = Shop(edit=lambda text, _: text + f"# {'x' * 100_000}\n" * 15)
    async with Loopback(shop).running() as server:
        probe = MetricsContract.model_validate(OPTIONS)
        outcome = await outcome_of(probe, server.url, limits={"body_bytes": 3_000_000})
    assert outcome.verdict is Verdict.PASS


@pytest.mark.parametrize("name", names(Sort.METRICS))
def test_each_bundled_contract_can_be_used_by_its_name(name: str) -> None:
    families = Agreed.model_validate(dict(find(name).body)).families
    assert len({one.name for one in families}) == len(families) >= 8
    own = [{"name": families[0].name, "type": "gauge"}]
    probe = MetricsContract.model_validate({"contract": name, "families": own})
    assert [one.type for one in probe._wanted if one.name == families[0].name] == ["gauge"], "one's own word counts"


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        pytest.param({"families": []}, "give at least one of", id="nothing"),
        pytest.param({"contract": "bokando-metrics"}, "did you mean 'bookando-metrics'", id="unknown contract"),
        pytest.param({"contract": "bookando-log"}, "is a contract of sort 'log'", id="another sort"),
        pytest.param({"families": [{"name": "a-b"}]}, "'a-b' is no metric name", id="name"),
        pytest.param({"families": [{"name": "a"}, {"name": "a"}]}, "names one family twice", id="twice"),
        pytest.param({"families": [{"name": "a", "unit": "seconds"}]}, "does not end with the unit", id="unit"),
        pytest.param({"families": [{"name": "a", "labels": ["b"], "labels_at_least": ["c"]}]}, "give either", id="labels"),
        pytest.param(
            {"families": [{"name": "a", "labels": ["b"], "label_values": {"c": ["x"]}}]}, "none of its 'labels'", id="values"
        ),
        pytest.param({"families": [{"name": "a", "type": "gauge", "buckets": [1]}]}, "needs the type histogram", id="buckets"),
        pytest.param({"moves": {"requests": [{}], "by": [{"of": "rate(a[5m])"}]}}, "should be a name with conditions", id="of"),
        pytest.param({"moves": {"requests": [{}], "by": [{"of": 'a{b=~"("}'}]}}, "is not a regular expression", id="regex"),
        pytest.param({"moves": {"requests": [{}], "by": [{"of": "a", "at_least": 1, "equals": 1}]}}, "give either", id="both"),
        pytest.param({"thresholds": [{"name": "x", "lt": 1}]}, "exactly one of", id="no value"),
        pytest.param({"thresholds": [{"name": "x", "quantile": 0.5, "lt": 1}]}, "belong together", id="no histogram"),
        pytest.param({"thresholds": [{"name": "x", "value": "a", "lt": 1, "over": "window"}]}, "for a ratio", id="window"),
        pytest.param(
            {"thresholds": [{"name": "x", "ratio": {"of": "a", "to": "b"}, "ge": 0}]}, "it cannot fail", id="ratio from 0"
        ),
        pytest.param(
            {"thresholds": [{"name": "x", "ratio": {"of": "a", "to": ["a", "b"]}, "le": 1}]}, "it cannot fail", id="part"
        ),
        pytest.param({"thresholds": [{"name": "x", "value": "a"}]}, "give a number", id="no bound"),
    ],
)
def test_what_cannot_be_asked_or_cannot_fail_is_refused_before_anything_is_sent(options: dict[str, Any], hint: str) -> None:
    with pytest.raises(ValidationError, match=hint):
        MetricsContract.model_validate(options)


@pytest.mark.parametrize(
    ("wanted", "buckets", "is_"),
    [
        pytest.param(0.5, {1: 50, 2: 100}, 1.0, id="at a bound"),
        pytest.param(0.75, {1: 50, 2: 100}, 1.5, id="within"),
        pytest.param(0.99, {1: 50, 2: 98}, float("inf"), id="beyond"),
        pytest.param(0.25, {1: 50, 2: 100}, 0.5, id="in the first"),
        pytest.param(0.5, {-1: 60, 2: 100}, -1.0, id="negative"),
    ],
)
def test_a_quantile_is_that_of_prometheus_but_infinite_beyond_the_buckets(wanted: float, buckets: Any, is_: float) -> None:
    assert quantile(wanted, {**buckets, float("inf"): 100}) == is_
