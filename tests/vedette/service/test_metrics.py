"""This file is for the routes that Prometheus scrapes: over real sockets, packed or not, and asking out of turn."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families

from probes.fields import Secret
from probes.kinds.heartbeat import Heartbeat
from probes.kinds.http import Http
from probes.probe import Probe
from probes.target import Target
from reports.metrics.exposition import OPENMETRICS, TEXT, Exposition
from scenarios.model import Scenario, Suite
from scenarios.schedule_spec import ScheduleSpec
from scenarios.watch.events import SeriesKey
from scenarios.watch.series import watched
from scenarios.watch.watcher import Watcher
from tests.probes.badserver import answer, echoing, saying, serving
from tests.scenarios.making import Gate, Says
from tests.vedette.service import living as house
from tests.vedette.service.conftest import token_of
from tests.vedette.service.living import asking, living, series_of, tell, tick
from vedette.service.access import Scope
from vedette.service.problems import Problem
from vedette.service.routes.metrics import scrape_s, wants
from vedette.service.state import Service

pytestmark = pytest.mark.anyio

HEADER = "X-Prometheus-Scrape-Timeout-Seconds"


def with_metrics(service: Service) -> Service:
    service.metrics = Exposition(service.board, version=service.version)
    return service


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Service:
    return with_metrics(living(make_service, settings={"port": 0}))


def values(text: str, name: str) -> list[float]:
    return [s.value for f in text_string_to_metric_families(text) for s in f.samples if s.name == name]


# /metrics


async def test_a_scraper_on_a_real_socket_reads_what_is_watched(service: Service) -> None:
    one, *_ = series_of(service)
    tell(service, tick(one))
    service.metrics.take_watched(tick(one))
    async with house.serving(service) as url, httpx.AsyncClient(trust_env=False) as client:
        got = await client.get(f"{url}/metrics")
    assert (got.status_code, got.headers["content-type"], got.headers["cache-control"]) == (200, TEXT, "no-store")
    assert got.headers["content-encoding"] == "gzip"
    assert sum(values(got.text, "vedette_outcomes_total")) == 1
    assert values(got.text, "vedette_metrics_series_limit") == [200_000]


@pytest.mark.parametrize("many", [0, 1_000])
async def test_packed_and_unpacked_pages_are_the_same(make_service: Callable[..., Service], many: int) -> None:
    service = with_metrics(living(make_service, house.suite(many)))
    async with asking(service) as client, client.stream("GET", "/metrics", headers={"Accept-Encoding": "gzip"}) as packed:
        raw = b"".join([piece async for piece in packed.aiter_raw()])
        plain = await client.get("/metrics", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    ours = [line for line in gzip.decompress(raw).decode().splitlines() if not line.startswith(("process_", "python_"))]
    assert ours == [line for line in plain.text.splitlines() if not line.startswith(("process_", "python_"))]
    assert not many or len(raw) < len(plain.content) / 10


async def test_open_metrics_come_where_they_are_asked_for(service: Service) -> None:
    prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;q=0.5"
    async with asking(service, {"Accept": prometheus}) as client:
        got = await client.get("/metrics")
    assert got.headers["content-type"] == OPENMETRICS and got.text.endswith("# EOF\n")
    assert {"vedette_outcomes", "vedette_build_info", "process_cpu_seconds"} < {f.name for f in openmetrics_families(got.text)}


WANTED = {
    "named": ("application/openmetrics-text", True),
    "preferred": ("text/plain;q=0.5, application/openmetrics-text; version=1.0.0; q=0.6", True),
    "a Prometheus of today": (
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;q=0.4,*/*;q=0.1",
        True,
    ),
    "less": ("text/plain, application/openmetrics-text;q=0.9", False),
    "refused": ("application/openmetrics-text;q=0", False),
    "a browser": ("text/html,application/xhtml+xml,*/*;q=0.8", False),
    "anything": ("*/*", False),
    "nothing": ("", False),
    "garbage": (";;,q=,;q=9,application/openmetrics-text;q=banana;;", True),
}


@pytest.mark.parametrize(("header", "wanted"), WANTED.values(), ids=WANTED.keys())
def test_which_format_a_header_asks_for(header: str, wanted: bool) -> None:
    assert wants(header, "application/openmetrics-text", "text/plain") is wanted


async def test_a_scraper_that_goes_away_in_the_middle_does_no_harm(make_service: Callable[..., Service]) -> None:
    service = with_metrics(living(make_service, house.suite(400), settings={"port": 0}))
    async with house.serving(service) as url, httpx.AsyncClient(trust_env=False) as client:
        for _ in range(3):
            async with client.stream("GET", f"{url}/metrics", headers={"Accept-Encoding": "identity"}) as got:
                await anext(got.aiter_raw())
        assert len(values((await client.get(f"{url}/metrics")).text, "vedette_outcomes_total")) == 2 * 400 * 6


@pytest.mark.parametrize("path", ["/metrics", "/probe?scenario=a&target=b"])
async def test_only_who_may_read_metrics_may(make_service: Callable[..., Service], path: str) -> None:
    service = with_metrics(living(make_service, settings={"require_tokens": True, "open_routes": ()}))
    async with asking(service) as client:
        assert (await client.get(path)).status_code == 401
        assert (await client.get(path, headers=token_of(service, Scope.READ, name="reader"))).status_code == 403
        assert (await client.get(path, headers=token_of(service, Scope.METRICS, name="scraper"))).status_code in (200, 400)


# /probe


@contextlib.asynccontextmanager
async def watching(make_service: Callable[..., Service], *suites: Suite) -> AsyncIterator[tuple[Service, httpx.AsyncClient]]:
    """Yield a service with a real watcher that asks nothing by itself for a long time, and a client of it."""
    service = with_metrics(living(make_service, *suites))
    series = watched(suites, "local")
    service.watcher = Watcher(series, sinks=[service.board, service.metrics])
    async with asyncio.TaskGroup() as group, asking(service) as client:
        group.create_task(service.watcher.run())
        await asyncio.sleep(0)  # it begins with its first step
        try:
            async with asyncio.timeout(10):
                yield service, client
        finally:
            await service.watcher.stop(1)


def a_suite(probe: Probe, url: str = "http://127.0.0.1:9", *, name: str = "shop", **more: Any) -> Suite:
    given = {"name": "production", "base_url": url, "private_networks": True, **more.get("target", {})}
    target = Target.model_validate(given)
    scenario = Scenario(name="slots are shown", probe=probe, schedule=ScheduleSpec(every=86_400))
    return Suite(name=name, path="shop.yaml", targets={target.name: target}, target_names=(target.name,), scenarios=(scenario,))


ASK = {"scenario": "slots are shown", "target": "production"}
GET = Http.model_validate({"request": {"path": "/slots"}, "expect": {"status": 200, "body": {"contains": "free"}}})


@pytest.mark.parametrize(("body", "success"), [(b"free: 3", 1), (b"all gone", 0)])
async def test_a_probe_asks_the_target_and_answers_like_blackbox_exporter(
    make_service: Callable[..., Service], body: bytes, success: int
) -> None:
    async with serving(saying(answer(body))) as server, watching(make_service, a_suite(GET, server.url)) as (service, client):
        got = await client.get("/probe", params=ASK, headers={HEADER: "5"})
        line = service.board.line(SeriesKey("shop", "slots are shown", "production", "local"))
    assert (got.status_code, got.headers["content-type"], got.headers["cache-control"]) == (200, TEXT, "no-store")
    assert values(got.text, "probe_success") == [success]
    assert values(got.text, "probe_http_status_code") == [200] and values(got.text, "probe_timeout_seconds") == [4.5]
    assert values(got.text, "probe_http_content_length") == [len(body)]
    assert [talk.path for talk in server.talks] == ["/slots"]
    assert line is not None and line.counts("5m").asked == 1  # it counts like any other answer


async def test_a_set_up_of_blackbox_exporter_works_with_its_own_word(make_service: Callable[..., Service]) -> None:
    async with watching(make_service, a_suite(Says())) as (_, client):
        got = await client.get("/probe", params={"module": "slots are shown", "target": "production"})
    assert values(got.text, "probe_success") == [1]


async def test_the_scrapers_time_is_kept_and_what_was_begun_goes_on(make_service: Callable[..., Service]) -> None:
    gate = Gate()
    async with watching(make_service, a_suite(Says(gate=gate))) as (service, client):
        got = await client.get("/probe", params=ASK, headers={HEADER: "0.1"})
        assert (values(got.text, "probe_success"), values(got.text, "probe_timeout_seconds")) == ([0], [0.05])
        assert gate.begun == ["slots are shown"]
        for _ in range(5):  # whoever asks again and again does not start a crowd
            await client.get("/probe", params=ASK, headers={HEADER: "0.05"})
        assert gate.begun == ["slots are shown"]
        gate.open.set()
        got = await client.get("/probe", params=ASK, headers={HEADER: "8"})
        assert values(got.text, "probe_success") == [1]
        line = service.board.line(SeriesKey("shop", "slots are shown", "production", "local"))
        assert line is not None and line.counts("5m").asked == len(gate.begun)


async def test_debugging_shows_the_checks_and_neither_configuration_nor_secrets(make_service: Callable[..., Service]) -> None:
    async with serving(echoing()) as server:
        suite = a_suite(GET, server.url, target={"auth": {"bearer": Secret("hunter2-of-the-target")}})
        async with watching(make_service, suite) as (_, client):
            got = await client.get("/probe", params={**ASK, "debug": "true"})
    assert b"hunter2-of-the-target" in server.talks[0].head
    assert got.headers["content-type"] == "text/plain; charset=utf-8"
    assert "the body contains 'free'" in got.text and "Metrics that would have been returned:" in got.text
    assert "hunter2" not in got.text and "base_url" not in got.text and "schedule" not in got.text


REFUSED = {
    "no scenario": ({"target": "production"}, "name a scenario"),
    "no target": ({"scenario": "slots are shown"}, "name a target"),
    "an unknown scenario": ({**ASK, "scenario": "nothing"}, "no such scenario"),
    "an unknown target": ({**ASK, "target": "moon"}, "no such scenario"),
    "an unknown suite": ({**ASK, "suite": "elsewhere"}, "no such scenario"),
    "an address for a target": ({**ASK, "target": "http://169.254.169.254/latest"}, "no such scenario"),
    "an address for a scenario": ({**ASK, "scenario": "http://127.0.0.1:9/"}, "no such scenario"),
}


@pytest.mark.parametrize(("params", "say"), REFUSED.values(), ids=REFUSED.keys())
async def test_what_is_not_configured_cannot_be_asked(
    make_service: Callable[..., Service], params: dict[str, str], say: str
) -> None:
    gate = Gate()
    async with watching(make_service, a_suite(Says(gate=gate))) as (_, client):
        got = await client.get("/probe", params=params)
    assert (got.status_code, say in got.json()["detail"]) == (400, True)
    assert gate.begun == []


async def test_where_two_suites_have_the_scenario_the_suite_is_to_be_named(make_service: Callable[..., Service]) -> None:
    async with watching(make_service, a_suite(Says()), a_suite(Says(says="fail"), name="till")) as (_, client):
        unclear = await client.get("/probe", params=ASK)
        named = await client.get("/probe", params={**ASK, "suite": "till"})
    assert (unclear.status_code, unclear.json()["detail"]) == (
        400, "several suites have this scenario ('shop', 'till'); name one with suite=…",
    )  # fmt: skip
    assert values(named.text, "probe_success") == [0]


async def test_a_job_that_reports_by_itself_cannot_be_probed(make_service: Callable[..., Service]) -> None:
    async with watching(make_service, a_suite(Heartbeat())) as (_, client):
        got = await client.get("/probe", params=ASK)
    assert (got.status_code, "waits for a report" in got.json()["detail"]) == (400, True)


async def test_a_service_that_stops_says_so(make_service: Callable[..., Service]) -> None:
    async with watching(make_service, a_suite(Says())) as (service, client):
        await service.watcher.stop(0.1)
        got = await client.get("/probe", params=ASK)
    assert (got.status_code, got.json()["detail"]) == (503, "nothing can be asked now: the service is stopping")


@pytest.mark.parametrize(("header", "seconds"), [("", 120.0), ("10", 9.5), ("0.6", 0.3), ("0.1", 0.05), ("1e6", 120.0)])
def test_how_long_a_probe_may_take_follows_the_scraper(header: str, seconds: float) -> None:
    assert scrape_s(header) == pytest.approx(seconds)


@pytest.mark.parametrize("header", ["soon", "nan", "inf", "-1", "0", "1e999", "1 s"])
def test_a_time_that_is_none_is_refused(header: str) -> None:
    with pytest.raises(Problem, match="should be a number of seconds") as caught:
        scrape_s(header)
    assert caught.value.status == 400
