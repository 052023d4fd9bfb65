"""Traces: a span for each question and each request, received by a real OTLP receiver on loopback; off without the extra."""

from __future__ import annotations

import builtins
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from probes.ids import new_id, new_traceparent, trace_ids
from probes.outcome import Exchange, Outcome, Phases, Subject, Verdict
from scenarios.watch.events import SeriesKey, Tick
from vedette.service.tracing import NEEDED, NOWHERE, Traces, TracingUnavailable

AT = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
KEY = SeriesKey("shop", "the shop answers", "production", "fra1")
SUBJECT = Subject("shop", KEY.scenario, "http", KEY.target, "production")


def call(correlation_id: str, **more: Any) -> Exchange:
    return Exchange("GET", "https://shop.example.com/a", correlation_id, 0.1, 0.2, Phases(), 200, **more)


def tick(*exchanges: Exchange, verdict: Verdict = Verdict.PASS) -> Tick:
    return Tick(KEY, Outcome("outcome-1", "run-1", SUBJECT, verdict, "it said so", AT, 0.5, exchanges=exchanges), AT)


class Receiver:
    """Takes OTLP over HTTP and keeps the spans."""

    def __init__(self) -> None:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        self.requests: list[Any] = []
        self.paths: list[str] = []
        kept = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                import gzip

                body = self.rfile.read(int(self.headers["Content-Length"]))
                body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
                request = ExportTraceServiceRequest()
                request.ParseFromString(body)
                kept.requests.append(request)
                kept.paths.append(self.path)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    @property
    def spans(self) -> list[Any]:
        return [s for request in self.requests for r in request.resource_spans for scope in r.scope_spans for s in scope.spans]

    @property
    def resource(self) -> dict[str, str]:
        return {a.key: a.value.string_value for a in self.requests[0].resource_spans[0].resource.attributes}


@pytest.fixture
def receiver(require: Callable[[str, bool], None], monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    try:
        import opentelemetry.exporter.otlp.proto.http  # noqa: F401

        there = True
    except ModuleNotFoundError:
        there = False
    require("the extra 'otel'", there)
    made = Receiver()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", made.url)
    yield made
    made.server.shutdown()
    made.server.server_close()


def attributes(span: Any) -> dict[str, Any]:
    return {a.key: a.value.string_value or a.value.int_value for a in span.attributes}


def told(receiver: Receiver, *ticks: Tick) -> list[Any]:
    traces = Traces(version="1.2.3", environment="staging")
    for one in ticks:
        traces.take_watched(one)
    traces.close()
    return receiver.spans


def test_a_question_and_its_requests_arrive_with_what_they_were(receiver: Receiver) -> None:
    question, request = told(receiver, tick(call(new_id()), verdict=Verdict.FAIL))
    assert receiver.paths == ["/v1/traces"]
    assert (receiver.resource["service.name"], receiver.resource["service.version"]) == ("vedette", "1.2.3")
    assert question.name == KEY.scenario
    facts = attributes(question)
    assert [facts[f"vedette.{name}"] for name in ("suite", "scenario", "target", "verdict")] == [
        "shop", KEY.scenario, "production", "fail",
    ]  # fmt: skip
    assert (question.status.code, question.status.message) == (2, "it said so")
    assert question.start_time_unix_nano == int(AT.timestamp() * 1e9)
    assert question.end_time_unix_nano - question.start_time_unix_nano == 500_000_000
    assert request.start_time_unix_nano - question.start_time_unix_nano == 100_000_000
    assert (request.name, attributes(request)["http.response.status_code"]) == ("GET", 200)


def test_a_request_stands_in_the_trace_that_the_target_was_told(receiver: Receiver) -> None:
    correlation_id = new_id()
    _, trace_id, span_id, _ = new_traceparent(correlation_id).split("-")
    question, request = told(receiver, tick(call(correlation_id)))
    assert (request.trace_id.hex(), request.span_id.hex()) == (trace_id, span_id)
    assert [link.span_id for link in request.links] == [question.span_id]
    assert [link.span_id for link in question.links] == [request.span_id]


def test_a_request_whose_trace_is_not_known_stands_below_the_question(receiver: Receiver) -> None:
    question, request = told(receiver, tick(call("an-id-of-the-suite")))
    assert (request.trace_id, request.parent_span_id) == (question.trace_id, question.span_id)
    assert attributes(request)["vedette.correlation_id"] == "an-id-of-the-suite"


def test_a_redirect_that_was_followed_is_another_span_of_the_same_trace(receiver: Receiver) -> None:
    correlation_id = new_id()
    _, first, second = told(receiver, tick(call(correlation_id), call(correlation_id)))
    assert first.trace_id == second.trace_id
    assert first.span_id != second.span_id


def test_the_standard_sampler_decides_how_many_there_are(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    assert told(receiver, tick(call(new_id()))) == []


def test_nobody_who_takes_them_stops_nothing(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    assert told(receiver, *[tick(call(new_id())) for _ in range(20)]) == []


def test_without_a_place_for_traces_it_is_said_what_is_missing() -> None:
    with pytest.raises(TracingUnavailable) as refusal:
        Traces(environ={})
    assert str(refusal.value) == NOWHERE


def test_without_the_extra_it_is_said_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("opentelemetry"):
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(TracingUnavailable) as refusal:
        Traces(environ={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"})
    assert str(refusal.value) == NEEDED


def test_importing_tracing_loads_nothing_of_the_extra() -> None:
    code = "import sys, vedette.service.tracing\nsys.exit('opentelemetry.sdk' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


@pytest.mark.parametrize(
    "given", ["", "x", "0190-not-ours", "9f1c2a3b-0000-4000-8000-000000000000", "01A1FE90-8DA9-747D-A08E-3A5756ECC04D"]
)
def test_only_an_id_of_ours_names_a_trace(given: str) -> None:
    assert trace_ids(given) is None
    assert new_traceparent(given) != new_traceparent(given)


def test_an_id_of_ours_always_names_the_same_trace() -> None:
    own = new_id()
    assert new_traceparent(own) == new_traceparent(own)
    assert new_traceparent(own)[3:35] == own.replace("-", "")
    assert new_traceparent(new_id())[36:52] != new_traceparent(own)[36:52]
