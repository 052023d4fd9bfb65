"""This file is for testing what counters of real requests grew by: restarts, series that come and go, sources that are gone."""

from __future__ import annotations

import asyncio
import json
import math
import time
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from scenarios.gates.policy import TrafficMetric
from scenarios.gates.records import TrafficSeen, as_json, read
from scenarios.gates.sides import BadSides, both
from scenarios.gates.traffic import FORGOTTEN_AFTER, Traffic
from tests.probes.prometheus_server import PROGRAM, prometheus
from tests.probes.small_service import Asked, Reply, serving
from tests.scenarios.gates.sides_making import a_policy, a_suite, says, two
from vedette.reference.settings import Settings
from vedette.reference.target import ReferenceTarget

pytestmark = pytest.mark.anyio

ASKPRO = {
    "canary_total": "askpro_http_requests_total",
    "canary_failed": 'askpro_http_requests_total{status=~"5.."}',
    "baseline_total": "askpro_http_requests_total",
    "baseline_failed": 'askpro_http_requests_total{status=~"5.."}',
}
OWN = {name: query.replace("askpro_http_", "") for name, query in ASKPRO.items()}
QUERIES = {"canary_total": "ct", "canary_failed": "cf", "baseline_total": "bt", "baseline_failed": "bf"}


def metric(**told: Any) -> TrafficMetric:
    return TrafficMetric.model_validate({"weight": 0.5, **told})


def grown(seen: TrafficSeen) -> tuple[int, int, int, int]:
    return seen.canary_total, seen.canary_failed, seen.baseline_total, seen.baseline_failed


# Both sides' own metrics


async def test_real_targets_are_counted_from_the_first_reading_on() -> None:
    def ask(url: str, times: int) -> None:
        for _ in range(times):
            body = json.dumps(
                {"call_id": "x-company-15", "args": {"service": "x", "date": "2026-12-01", "time": "10:00"}}
            ).encode()
            asked = urllib.request.Request(f"{url}/api/retell/check-availability", body, {"Content-Type": "application/json"})
            try:
                urllib.request.urlopen(asked, timeout=10).close()
            except urllib.error.HTTPError as problem:
                problem.close()

    broken = ReferenceTarget(["api_fails"], settings=Settings(version="2"))
    async with broken.running() as canary, ReferenceTarget(settings=Settings(version="1")).running() as baseline:
        policy = a_policy(canary={"version": "2", "base_url": canary})
        traffic = Traffic(both(a_suite(url=baseline), policy), metric(**ASKPRO), 1)
        await asyncio.to_thread(ask, canary, 2)
        first = await traffic.read(100.0)
        await asyncio.gather(asyncio.to_thread(ask, canary, 3), asyncio.to_thread(ask, baseline, 5))
        second = await traffic.read(115.0)
        third = await traffic.read(130.0)
    assert (grown(first), first.trouble, first.metric) == ((0, 0, 0, 0), "", 1)
    assert (grown(second), second.trouble, second.at) == ((3, 3, 5, 0), "", 115.0)
    assert grown(third) == (0, 0, 0, 0)
    assert read(json.loads(json.dumps(as_json(second)))) == second


class Process:
    """A process with a counter by status, that may begin anew."""

    def __init__(self, version: str) -> None:
        self.version, self.url, self.status, self.start = version, "", 200, 1.0
        self.counts: dict[str, float] = {"200": 100.0}
        self.text: str | None = None

    def exposition(self) -> str:
        lines = ["# TYPE requests_total counter", *(f'requests_total{{status="{s}"}} {n}' for s, n in self.counts.items())]
        start = ["# TYPE process_start_time_seconds gauge", f"process_start_time_seconds {self.start}"] if self.start else []
        return self.text if self.text is not None else "\n".join([*lines, *start, ""])


def read_by(canary: Process, baseline: Process, **queries: str) -> Traffic:
    sides = ({"version": one.version, "base_url": one.url} for one in (canary, baseline))
    return Traffic(both(a_suite(), a_policy(canary=next(sides), baseline=next(sides))), metric(**{**OWN, **queries}), 0)


@asynccontextmanager
async def processes() -> AsyncIterator[tuple[Traffic, Process, Process]]:
    """Serve two processes' metrics as text, and give what reads them."""
    canary, baseline = Process("2"), Process("1")

    async def one(process: Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = process.exposition().encode()
        said = f"X-Version: {process.version}\r\n" if process.version else ""
        head = f"HTTP/1.1 {process.status} X\r\n{said}Content-Type: text/plain; version=0.0.4\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    servers = [await asyncio.start_server(lambda r, w, p=p: one(p, r, w), "127.0.0.1", 0) for p in (canary, baseline)]  # type: ignore[misc]
    urls = [f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}" for server in servers]
    canary.url, baseline.url = urls
    try:
        yield read_by(canary, baseline), canary, baseline
    finally:
        for server in servers:
            server.close()
            await server.wait_closed()


async def test_a_series_that_is_new_counts_from_nothing() -> None:
    async with processes() as (traffic, canary, _):
        await traffic.read(0.0)
        canary.counts |= {"200": 103.0, "500": 2.0}
        assert grown(await traffic.read(15.0)) == (5, 2, 0, 0)


@pytest.mark.parametrize("start", [2.0, 0.0], ids=["it says so", "it shows by the fall"])
async def test_a_process_that_began_anew_counts_what_it_has_since(start: float) -> None:
    async with processes() as (traffic, canary, _):
        canary.start = 1.0 if start else 0.0
        await traffic.read(0.0)
        canary.start, canary.counts = start, {"200": 7.0, "500": 1.0}
        assert grown(await traffic.read(15.0)) == (8, 1, 0, 0)


async def test_a_process_that_began_anew_and_overtook_itself_is_not_undercounted() -> None:
    async with processes() as (traffic, canary, _):
        await traffic.read(0.0)
        canary.start, canary.counts = 2.0, {"200": 150.0}
        assert grown(await traffic.read(15.0)) == (150, 0, 0, 0)


async def test_several_processes_that_answer_in_turn_are_no_evidence_from_then_on() -> None:
    async with processes() as (traffic, canary, _):
        seen: list[str] = []
        for start in (1.0, 2.0, 1.0, 1.0, 2.0):
            canary.start = start
            seen.append((await traffic.read(15.0 * len(seen))).trouble)
    assert seen[:2] == ["", ""] and all("several processes answer for the canary in turn" in say for say in seen[2:])


def _says(version: str) -> Callable[[Process], None]:
    return lambda process: setattr(process, "version", version)


def _text(text: str) -> Callable[[Process], None]:
    return lambda process: setattr(process, "text", text)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        pytest.param(_says("1"), "the metrics that answered for the canary say version '1'", id="the wrong side"),
        pytest.param(_says(""), "the metrics that answered for the canary say no version", id="unmarked"),
        pytest.param(_text("other_total 5\n"), "the metrics of the canary have no family 'requests_total'", id="no family"),
        pytest.param(_text('requests_totals{status="200"} 5\n'), "have no family 'requests_total'", id="a family alike"),
        pytest.param(_text('requests_total{status="200"} NaN\n'), "'canary_total' is nan, which is no count", id="NaN"),
        pytest.param(_text('requests_total{status="200"} +Inf\n'), "'canary_total' is inf", id="infinite"),
        pytest.param(_text('requests_total{status="200"} -3\n'), "'canary_total' is -3", id="negative"),
        pytest.param(_text("<html>maintenance</html>"), "the metrics of the canary are none", id="a page"),
        pytest.param(_text(""), "the metrics of the canary are none: nothing stands there", id="empty"),
        pytest.param(lambda process: setattr(process, "status", 503), "/metrics answered 503", id="503"),
    ],
)
async def test_what_is_no_count_of_that_side_is_trouble_and_no_evidence(spoil: Callable[[Process], None], says: str) -> None:
    async with processes() as (traffic, canary, baseline):
        await traffic.read(0.0)
        baseline.counts["200"] += 50
        spoil(canary)
        seen = await traffic.read(15.0)
    assert says in seen.trouble and grown(seen) == (0, 0, 0, 0)
    assert len(seen.trouble) <= 200


async def test_after_a_short_trouble_what_came_meanwhile_counts_and_after_a_long_one_not() -> None:
    async with processes() as (traffic, canary, _):
        await traffic.read(0.0)
        canary.counts["200"], canary.status = 110.0, 503
        assert (await traffic.read(15.0)).trouble
        canary.status = 200
        assert grown(await traffic.read(30.0)) == (10, 0, 0, 0)
        canary.counts["200"] = 500.0
        late = await traffic.read(30.0 + (FORGOTTEN_AFTER + 1) * 15)
        assert (grown(late), late.trouble) == ((0, 0, 0, 0), "")
        canary.counts["200"] = 502.0
        assert grown(await traffic.read(late.at + 15)) == (2, 0, 0, 0)


async def test_after_it_is_told_to_forget_it_begins_anew() -> None:
    async with processes() as (traffic, canary, _):
        await traffic.read(0.0)
        canary.counts["200"] += 9
        traffic.forget()
        assert grown(await traffic.read(1.0)) == (0, 0, 0, 0)
        canary.counts["200"] += 4
        assert grown(await traffic.read(2.0)) == (4, 0, 0, 0)


async def test_more_failures_than_requests_are_not_believed() -> None:
    async with processes() as (_, canary, baseline):
        odd = read_by(canary, baseline, canary_total='requests_total{status="200"}')
        await odd.read(0.0)
        canary.counts |= {"500": 5.0, "200": 101.0}
        assert "'canary_failed' grew by more than 'canary_total'" in (await odd.read(15.0)).trouble


async def test_labels_that_no_series_has_are_trouble_but_a_family_without_any_request_yet_is_not() -> None:
    async with processes() as (_, canary, baseline):
        assert (
            "no series of 'requests_total' has the labels"
            in (await read_by(canary, baseline, canary_total='requests_total{code="200"}').read(0.0)).trouble
        )
        fresh = read_by(canary, baseline)
        canary.counts = {}
        assert (await fresh.read(0.0)).trouble == ""
        canary.counts = {"500": 2.0}
        assert grown(await fresh.read(15.0)) == (2, 2, 0, 0)


async def test_a_counter_that_is_no_name_with_labels_is_refused_at_once() -> None:
    told = metric(**{**OWN, "canary_total": "sum(requests_total)"}).model_dump()
    with pytest.raises(BadSides, match="'canary_total' should be a name with labels"):
        both(a_suite(), a_policy(canary={"version": "2", "host": "c"}, metrics=[told]))


async def test_a_side_that_is_gone_is_trouble_in_a_sentence() -> None:
    async with two(says("2"), says("1")) as sides:
        pass
    seen = await Traffic(sides, metric(**OWN), 0).read(0.0)
    assert "could not be read" in seen.trouble and "refused the connection" in seen.trouble


# A source of metric values


class Api:
    """What speaks Prometheus' API: each query has the series that a test gives it."""

    def __init__(self) -> None:
        self.series: dict[str, list[tuple[dict[str, str], str]]] = {q: [({}, "100")] for q in QUERIES.values()}
        self.status, self.warnings = 200, list[str]()
        self.times: set[str] = set()

    async def __call__(self, asked: Asked) -> Reply:
        query = dict(urllib.parse.parse_qsl(asked.path.partition("?")[2]))
        self.times.add(query.get("time", ""))
        result = [{"metric": labels, "value": [time.time(), value]} for labels, value in self.series[query["query"]]]
        told = {"status": "success", "data": {"resultType": "vector", "result": result}, "warnings": self.warnings}
        return self.status, {}, told if self.status == 200 else {"status": "error", "error": "it is starting"}


@asynccontextmanager
async def queried() -> AsyncIterator[tuple[Traffic, Api]]:
    api = Api()
    async with serving(api) as url:
        suite = a_suite(evidence={"prom": _prometheus(url)})
        yield Traffic(both(suite, a_policy(canary={"version": "2", "host": "c"})), metric(source="prom", **QUERIES), 2), api


def _prometheus(url: str) -> Any:
    from probes.evidence.prometheus import Prometheus

    return Prometheus.model_validate({"url": url})


async def test_all_four_queries_are_asked_for_one_moment() -> None:
    async with queried() as (traffic, api):
        at = time.time()
        await traffic.read(at)
        assert len(api.times) == 1 and float(api.times.pop()) < at
        api.series |= {"ct": [({}, "120")], "cf": [({}, "101")], "bt": [({}, "480")]}
        seen = await traffic.read(at + 15)
    assert (grown(seen), seen.trouble, seen.metric) == ((20, 1, 380, 0), "", 2)


async def test_no_failure_yet_is_no_series_and_the_first_ones_count() -> None:
    async with queried() as (traffic, api):
        api.series |= {"cf": [], "bf": []}
        assert (await traffic.read(0.0)).trouble == ""
        api.series |= {"ct": [({}, "110")], "cf": [({}, "3")], "bt": [({}, "110")]}
        assert grown(await traffic.read(15.0)) == (10, 3, 10, 0)


async def test_a_sum_that_fell_is_no_evidence_and_the_next_reading_counts_from_there() -> None:
    async with queried() as (traffic, api):
        await traffic.read(0.0)
        api.series["ct"] = [({}, "60")]
        seen = await traffic.read(15.0)
        assert "'canary_total' fell from 100 to 60" in seen.trouble and grown(seen) == (0, 0, 0, 0)
        api.series |= {"ct": [({}, "75")], "bt": [({}, "104")]}
        assert grown(await traffic.read(30.0)) == (15, 0, 4, 0)


async def test_a_series_of_one_instance_that_fell_began_anew_at_nothing() -> None:
    async with queried() as (traffic, api):
        api.series["ct"] = [({"instance": "a"}, "100"), ({"instance": "b"}, "100")]
        await traffic.read(0.0)
        api.series["ct"] = [({"instance": "a"}, "110"), ({"instance": "b"}, "4"), ({"instance": "c"}, "2")]
        assert grown(await traffic.read(15.0)) == (16, 0, 0, 0)
        api.series["ct"] = [({"instance": "a"}, "111")]
        assert grown(await traffic.read(30.0)) == (1, 0, 0, 0)


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-1", "1e300"])
async def test_a_value_that_is_no_count_is_trouble(value: str) -> None:
    async with queried() as (traffic, api):
        await traffic.read(0.0)
        api.series["bf"] = [({}, value)]
        seen = await traffic.read(15.0)
    assert "'baseline_failed' is" in seen.trouble and grown(seen) == (0, 0, 0, 0)
    assert all(math.isfinite(number) for number in grown(seen))


async def test_a_prometheus_that_is_gone_warns_or_has_no_series_is_trouble_and_no_evidence() -> None:
    async with queried() as (traffic, api):
        api.series["bt"] = []
        assert "there is no series for 'baseline_total'" in (await traffic.read(0.0)).trouble
        api.warnings = ["a store could not be asked"]
        assert "a store could not be asked" in (await traffic.read(0.0)).trouble
        api.status = 503
        assert "gave up on the question: it is starting" in (await traffic.read(0.0)).trouble
    seen = await traffic.read(0.0)
    assert "could not be read" in seen.trouble and grown(seen) == (0, 0, 0, 0)


async def test_a_source_that_the_target_does_not_have_is_trouble() -> None:
    sides = both(a_suite(), a_policy(canary={"version": "2", "host": "c"}))
    assert "no source of metric values 'prom'" in (await Traffic(sides, metric(source="prom", **QUERIES), 0).read(0.0)).trouble


async def test_a_real_prometheus_is_read(require: Callable[[str, bool], None], tmp_path: Path) -> None:
    require("Prometheus", PROGRAM is not None)

    def past() -> Iterator[tuple[str, tuple[float, float]]]:
        for version, total, failed in (("2", 40.0, 3.0), ("1", 90.0, 1.0)):
            yield f'http_requests_total{{version="{version}",code="200"}}', (total - failed, 30.0)
            yield f'http_requests_total{{version="{version}",code="500"}}', (failed, 30.0)

    queries = {
        f"{side}_{part}": f'sum(http_requests_total{{version="{version}"{code}}})'
        for side, version in (("canary", "2"), ("baseline", "1"))
        for part, code in (("total", ""), ("failed", ',code="500"'))
    }
    with prometheus(tmp_path, dict(past()), {"groups": []}) as real:
        await asyncio.to_thread(real.until, "http_requests_total")
        suite = a_suite(evidence={"prom": _prometheus(real.url)})
        traffic = Traffic(both(suite, a_policy(canary={"version": "2", "host": "c"})), metric(source="prom", **queries), 0)
        seen = await traffic.read(time.time())
        assert (seen.trouble, grown(seen)) == ("", (0, 0, 0, 0))
        stand = {part: sum(one.values.values()) for part, one in traffic._stand.items()}
    assert stand == {"canary_total": 40, "canary_failed": 3, "baseline_total": 90, "baseline_failed": 1}
