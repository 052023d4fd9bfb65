"""This file is for traces of watching: a span for each question, and one for each request in the trace that the target got.

The one owner of OpenTelemetry, which is an extra. Where traces go, how many and with which headers is said by the
standard variables OTEL_EXPORTER_OTLP_*, OTEL_TRACES_SAMPLER and OTEL_RESOURCE_ATTRIBUTES.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from probes.ids import trace_ids
from probes.outcome import Exchange, Outcome, Verdict
from scenarios.watch.events import Tick, WatchEvent

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Link, SpanContext, SpanKind

NEEDED = "tracing needs the extra 'otel': pip install 'vedette[otel]'"
NOWHERE = "tracing needs to know where traces go: set OTEL_EXPORTER_OTLP_ENDPOINT, such as http://127.0.0.1:4318"
ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
FLUSH_MS = 3000
_BAD = (Verdict.FAIL, Verdict.ERROR)


class TracingUnavailable(Exception):
    """Traces were asked for and cannot be made. The text is one sentence for a person."""


class Traces:
    """A WatchSink that makes spans. They are exported on a thread; where nobody takes them they are dropped.

    A question has a trace of its own. A request has the trace whose `traceparent` the target got, so that the target's
    own spans hang below ours; it links to the question, and the question to it.
    """

    def __init__(self, *, version: str = "", environment: str = "", environ: Mapping[str, str] = os.environ) -> None:
        """Raises: TracingUnavailable."""
        if not any(environ.get(name) for name in ENDPOINTS):
            raise TracingUnavailable(NOWHERE)
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
            from opentelemetry.sdk.util.instrumentation import InstrumentationScope
        except ModuleNotFoundError as problem:
            raise TracingUnavailable(NEEDED) from problem
        own = {"service.version": version, "deployment.environment.name": environment}
        named = {} if environ.get("OTEL_SERVICE_NAME") else {"service.name": "vedette"}
        self._resource = Resource.create({**named, **{key: value for key, value in own.items() if value}})
        self._sampler = TracerProvider(shutdown_on_exit=False).sampler  # as OTEL_TRACES_SAMPLER says
        self._spans = BatchSpanProcessor(OTLPSpanExporter())
        self._ids = RandomIdGenerator()
        self._scope = InstrumentationScope("vedette", version)

    def take_watched(self, event: WatchEvent) -> None:
        if isinstance(event, Tick):
            self._take(event)

    def close(self) -> None:
        """Give away what is waiting, for a short while."""
        self._spans.force_flush(FLUSH_MS)
        self._spans.shutdown()  # type: ignore[no-untyped-call]

    def _take(self, tick: Tick) -> None:
        from opentelemetry.sdk.trace.sampling import Decision
        from opentelemetry.trace import Link, SpanKind

        outcome = tick.outcome
        question = self._context(self._ids.generate_trace_id())
        sampling = self._sampler.should_sample(None, question.trace_id, outcome.subject.scenario)
        if sampling.decision is not Decision.RECORD_AND_SAMPLE:
            return
        places = self._places(outcome, question)
        links = [Link(place) for place in places if place.trace_id != question.trace_id]
        name = outcome.subject.scenario
        span = self._span(
            name, question, None, SpanKind.INTERNAL, outcome.started_at, outcome.duration_s, _of_tick(tick), links,
            trouble=outcome.sentence if outcome.verdict in _BAD else "",
        )  # fmt: skip
        self._spans.on_end(span)
        for exchange, place in zip(outcome.exchanges, places, strict=True):
            self._spans.on_end(self._request(outcome, exchange, place, question))

    def _places(self, outcome: Outcome, question: SpanContext) -> list[SpanContext]:
        """Return where each request stands: in the trace that it told, or below the question where that is not known."""
        seen: set[str] = set()
        places = []
        for exchange in outcome.exchanges:
            told = trace_ids(exchange.correlation_id)
            if told is None:
                places.append(self._context(question.trace_id))
                continue
            trace_id, span_id = (int(part, 16) for part in told)
            again = exchange.correlation_id in seen  # a redirect that was followed: in the same trace, but another span
            places.append(self._context(trace_id, None if again else span_id))
            seen.add(exchange.correlation_id)
        return places

    def _request(self, outcome: Outcome, exchange: Exchange, place: SpanContext, question: SpanContext) -> ReadableSpan:
        from opentelemetry.trace import Link, SpanKind

        below = place.trace_id == question.trace_id
        began = outcome.started_at + timedelta(seconds=exchange.offset_s)
        links = [] if below else [Link(question)]
        parent = question if below else None
        return self._span(
            exchange.method, place, parent, SpanKind.CLIENT, began, exchange.duration_s, _of_exchange(outcome, exchange), links,
            trouble=exchange.trouble,
        )  # fmt: skip

    def _context(self, trace_id: int, span_id: int | None = None) -> SpanContext:
        from opentelemetry.trace import SpanContext, TraceFlags

        return SpanContext(
            trace_id, span_id or self._ids.generate_span_id(), is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED)
        )

    def _span(
        self, name: str, place: SpanContext, parent: SpanContext | None, kind: SpanKind, began: datetime, took_s: float,
        facts: dict[str, Any], links: list[Link], *, trouble: str,
    ) -> ReadableSpan:  # fmt: skip
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.trace import Status, StatusCode

        start = round(began.timestamp() * 1e9)
        return ReadableSpan(
            name,
            context=place,
            parent=parent,
            resource=self._resource,
            attributes={key: value for key, value in facts.items() if value not in ("", None)},
            links=links,
            kind=kind,
            status=Status(StatusCode.ERROR, trouble) if trouble else Status(StatusCode.UNSET),
            start_time=start,
            end_time=start + round(took_s * 1e9),
            instrumentation_scope=self._scope,
        )


def _of_tick(tick: Tick) -> dict[str, Any]:
    outcome = tick.outcome
    return {
        "vedette.suite": tick.key.suite,
        "vedette.scenario": tick.key.scenario,
        "vedette.target": tick.key.target,
        "vedette.location": tick.key.location,
        "vedette.kind": outcome.subject.kind,
        "vedette.verdict": outcome.verdict.value,
        "vedette.run_id": outcome.run_id,
        "vedette.outcome_id": outcome.id,
        "vedette.trigger": tick.trigger.value,
        "vedette.version": tick.version,
        "vedette.maintenance": tick.maintenance,
    }


def _of_exchange(outcome: Outcome, exchange: Exchange) -> dict[str, Any]:
    """Return the facts of a request by the names of OpenTelemetry's conventions for HTTP."""
    place = urlsplit(exchange.url)
    return {
        "http.request.method": exchange.method,
        "url.full": exchange.url,
        "server.address": place.hostname or "",
        "http.response.status_code": exchange.status,
        "http.response.body.size": exchange.body_bytes,
        "error.type": exchange.trouble and "no_answer",
        "vedette.correlation_id": exchange.correlation_id,
        "vedette.outcome_id": outcome.id,
    }
