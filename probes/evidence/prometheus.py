"""This file is for reading metric values, alert rules and alerts from Prometheus, or what speaks its API (Thanos, Mimir).

Source: prometheus.io/docs/prometheus/latest/querying/api, sections Format overview, Instant queries, Rules, Alerts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from probes.evidence.source import EvidenceError, Sample, SampleSource
from probes.fields import Duration
from probes.net.answer import Answer
from probes.net.api import ApiSource
from probes.operators import instant as instant_of
from probes.outcome import Json
from probes.shorten import shorten

_LONG = 1500  # characters of an expression from which on it is sent in a body, for the sake of proxies
_SAID = 300
_REFUSED = {
    400: "does not understand the question, which the suite asks",
    422: "understands the question, which the suite asks, but cannot answer it",
    503: "gave up on the question",
}


@dataclass(frozen=True, slots=True)
class InstantAnswer:
    """What an instant query gave. `warnings` say that it may not be everything, `infos` that the query may be odd."""

    samples: tuple[Sample, ...]
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One alerting or recording rule as it is loaded. `for_s` is how long it must hold before it fires."""

    name: str
    kind: str  # alerting or recording
    expression: str
    group: str
    for_s: float = 0.0
    interval_s: float = 0.0
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    state: str = ""  # inactive, pending or firing
    health: str = ""  # ok, err or unknown
    last_error: str = ""
    evaluated_at: datetime | None = None  # None: never yet


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert that is pending or firing."""

    name: str
    state: str
    labels: Mapping[str, str]
    value: float


class Prometheus(SampleSource, ApiSource, source="prometheus"):
    """Metric values, alert rules and alerts from the HTTP API of Prometheus; a query is PromQL, as of now.

    `url` is what stands before `/api/v1`. What it answers with warnings, because a part of it could not be asked, is no
    proof. An answer as of another time than ours, from a cache or with a wrong clock, is an error of the source.
    """

    skew: Duration = 60.0  # how far its clock may be from ours

    async def query(self, expression: str) -> tuple[Sample, ...]:
        answer = await self.instant(expression)
        if answer.warnings:
            raise self.unread(f"it answered with a warning, so it may not be everything: {answer.warnings[0]}")
        return answer.samples

    async def instant(self, expression: str, *, at_s: float | None = None) -> InstantAnswer:
        """Return the answer with its warnings; `at_s` is the Unix time to ask for, default now. Raises: EvidenceError."""
        asked = {"query": expression, "timeout": f"{max(1, math.ceil(self.timeout))}s"}
        asked |= {} if at_s is None else {"time": f"{at_s:.3f}"}
        long = len(expression) > _LONG
        answer = await (self.ask("/api/v1/query", method="POST", form=asked) if long else self.ask("/api/v1/query", query=asked))
        document = self._document(answer)
        samples = self._samples(document.get("data"))
        now = answer.sent_at + timedelta(seconds=answer.duration_s)
        self._same_time(answer, [one.at_s for one in samples] if at_s is None else [], now)
        return InstantAnswer(samples, _texts(document, "warnings"), _texts(document, "infos"))

    async def rules(self) -> tuple[Rule, ...]:
        """Return all rules that are loaded. Raises: EvidenceError."""
        data = self._document(await self.ask("/api/v1/rules")).get("data")
        groups = data.get("groups") if isinstance(data, dict) else None
        if not isinstance(groups, list):
            raise self.unread("its rules have no groups")
        return tuple(
            _rule(rule, group)
            for group in groups
            if isinstance(group, dict)
            for rule in group.get("rules") or ()
            if isinstance(rule, dict)
        )

    async def alerts(self) -> tuple[Alert, ...]:
        """Return the alerts that are pending or firing. Raises: EvidenceError."""
        data = self._document(await self.ask("/api/v1/alerts")).get("data")
        alerts = data.get("alerts") if isinstance(data, dict) else None
        if not isinstance(alerts, list):
            raise self.unread("its answer has no alerts")
        return tuple(_alert(one) for one in alerts if isinstance(one, dict))

    def _document(self, answer: Answer) -> dict[str, Json]:
        refused = _REFUSED.get(answer.status)
        said = self._said(answer)
        if refused is not None and said:
            raise EvidenceError(f"{self.describe()} {refused}{said}")
        document = self.json_of(answer)
        if not isinstance(document, dict) or document.get("status") != "success":
            raise self.unread(f"its answer is not one of Prometheus: no 'status' that is 'success'{said}")
        return document

    def _said(self, answer: Answer) -> str:
        """Return Prometheus' own message of an error, or how a stranger's answer begins."""
        try:
            document = answer.json()
        except ValueError:
            return ApiSource._said(self, answer) if "html" not in answer.content_type else ": with a page of HTML"
        if not isinstance(document, dict) or not isinstance(document.get("error"), str):
            return ""
        return f": {shorten(' '.join(document['error'].split()), _SAID)}"

    def _samples(self, data: Json) -> tuple[Sample, ...]:
        kind, result = (data.get("resultType"), data.get("result")) if isinstance(data, dict) else (None, None)
        if kind == "scalar":
            return (self._sample({}, result),)
        if kind == "vector" and isinstance(result, list):
            return tuple(self._sample_of(one) for one in result)
        if kind in ("matrix", "string"):
            raise self.unread(f"the query gives a {'range' if kind == 'matrix' else 'text'}, which is no value")
        raise self.unread("its answer has no result")

    def _sample_of(self, one: Json) -> Sample:
        if isinstance(one, dict) and "histogram" in one:
            raise self.unread("the query gives native histograms, which are no values; ask for a quantile or a count of them")
        labels = one.get("metric") if isinstance(one, dict) else None
        if not isinstance(labels, dict):
            raise self.unread("a sample of its answer has no labels")
        return self._sample({str(key): str(value) for key, value in labels.items()}, one.get("value"))

    def _sample(self, labels: dict[str, str], pair: Json) -> Sample:
        try:
            at_s, text = pair
            return Sample(labels, float(text), float(at_s))
        except (TypeError, ValueError):
            raise self.unread("a sample of its answer has no time and value") from None

    def _same_time(self, answer: Answer, instants: list[float], now: datetime) -> None:
        """Compare its clock with ours, by the time it evaluated at and by the date it answered at."""
        ours = now.timestamp()
        theirs = [*instants[:1], *_dates(answer)]
        away = max((abs(one - ours) for one in theirs), default=0.0)
        if away > self.skew:
            raise self.unread(
                f"it answers as of {away:.0f} s away from our clock (at most {self.skew:g} s are allowed): "
                "a cache stands before it, or one of the clocks is wrong"
            )


def _dates(answer: Answer) -> list[float]:
    try:
        return [parsedate_to_datetime(answer.header("date") or "").timestamp()]
    except (ValueError, OverflowError):
        return []


def _texts(document: Mapping[str, Json], key: str) -> tuple[str, ...]:
    found = document.get(key)
    return tuple(shorten(" ".join(str(one).split()), _SAID) for one in found[:10]) if isinstance(found, list) else ()


def _rule(rule: Mapping[str, Any], group: Mapping[str, Any]) -> Rule:
    evaluated_at = instant_of(_as_microseconds(str(rule.get("lastEvaluation") or "")))
    return Rule(
        name=str(rule.get("name", "")),
        kind=str(rule.get("type", "")),
        expression=str(rule.get("query", "")),
        group=str(group.get("name", "")),
        for_s=_number(rule.get("duration")),
        interval_s=_number(group.get("interval")),
        labels=_labels(rule.get("labels")),
        annotations=_labels(rule.get("annotations")),
        state=str(rule.get("state", "")),
        health=str(rule.get("health", "")),
        last_error=shorten(str(rule.get("lastError") or ""), _SAID),
        evaluated_at=evaluated_at if evaluated_at is not None and evaluated_at.year > 1 else None,
    )


def _alert(one: Mapping[str, Any]) -> Alert:
    labels = _labels(one.get("labels"))
    return Alert(labels.get("alertname", ""), str(one.get("state", "")), labels, _number(one.get("value")))


def _labels(value: Json) -> dict[str, str]:
    return {str(key): str(text) for key, text in value.items()} if isinstance(value, dict) else {}


def _number(value: Json) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def _as_microseconds(text: str) -> str:
    """Cut Go's nanoseconds to the six digits that Python reads."""
    head, point, rest = text.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    return f"{head}{point}{digits[:6].ljust(6, '0')}{rest[len(digits) :]}" if point else text
