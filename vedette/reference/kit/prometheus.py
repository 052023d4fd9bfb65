"""This file is for Prometheus beside a system: the part of its HTTP API that is asked, over what the system counts.

It computes (see `vedette/reference/edge/promql_answers.py`), and answers nothing from a can.
Source: prometheus.io/docs/prometheus/latest/querying/api (instant queries, rules, alerts).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from probes.promql_syntax import PromqlError, parse
from vedette.reference.edge.promql_answers import CannotAnswer, Evaluation, Series
from vedette.reference.kit.metrics import Metrics
from vedette.reference.server import Request, Response, json_response

_WINDOW_S = 300.0  # all that was counted counts as counted in the last five minutes: systems here do not live longer


def scraped(metrics: Metrics, *, job: str, age_s: float = 2.0) -> list[Series]:
    """Return what a scrape of the system gave, as series with the job's label, and `up`."""
    made = [
        Series(name, {"job": job, **labels}, value, age_s, value / _WINDOW_S if sort == "counter" else 0.0)
        for sort, name, labels, value in metrics.samples()
    ]
    return [Series("up", {"job": job}, 1.0, age_s), *made]


class PrometheusApi:
    """Answers instant queries over `series()`, and lists `rules()` (see `alerting_rule`); both are asked anew each time."""

    def __init__(
        self,
        series: Callable[[], Sequence[Series]],
        bugs: Collection[str] = (),
        rules: Callable[[], Sequence[dict[str, Any]]] = list,
    ) -> None:
        self._series = series
        self._rules = rules
        self._bugs = frozenset(bugs)

    def answer(self, request: Request, path: str) -> Response:
        """Answer a request; `path` is what stands behind the address of Prometheus."""
        if path == "/api/v1/query":
            asked = parse_qs(request.query or request.body.decode("utf-8", "replace"))
            return self._query(asked.get("query", [""])[0])
        if path == "/api/v1/rules":
            return _success({"groups": [{"name": "rules", "file": "rules.yml", "interval": 15, "rules": list(self._rules())}]})
        return _success({"alerts": []}) if path == "/api/v1/alerts" else Response(404, b"404 page not found\n")

    def _query(self, expression: str) -> Response:
        now_s = time.time()
        try:
            found = Evaluation(self._series(), now_s).of(parse(expression))
        except PromqlError as problem:
            return json_response(400, {"status": "error", "errorType": "bad_data", "error": str(problem)})
        except CannotAnswer as problem:
            return json_response(422, {"status": "error", "errorType": "execution", "error": str(problem)})
        if "prometheus_canned" in self._bugs:
            found = [({"__name__": "cached"}, 1.0)]
        if isinstance(found, float):
            return _success({"resultType": "scalar", "result": [now_s, _go(found)]})
        result = [{"metric": dict(labels), "value": [now_s, _go(value)]} for labels, value in found]
        return _success({"resultType": "vector", "result": result})


def alerting_rule(name: str, query: str, *, for_s: float, severity: str, annotations: dict[str, str]) -> dict[str, Any]:
    """Return an alert as the rules API lists it, evaluated a moment ago and not firing."""
    return {
        "type": "alerting",
        "name": name,
        "query": query,
        "duration": for_s,
        "labels": {"severity": severity},
        "annotations": annotations,
        "state": "inactive",
        "health": "ok",
        "lastEvaluation": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
    }


def _success(data: Any) -> Response:
    return json_response(200, {"status": "success", "data": data})


def _go(value: float) -> str:
    """Return a number as Go writes it."""
    return "NaN" if math.isnan(value) else f"{value:+g}".replace("inf", "Inf") if math.isinf(value) else repr(value)
