"""This file is for Prometheus beside the booking service: what it has scraped for a week, and the alerts that are loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from typing import Any

from vedette.reference.edge.promql_answers import Series
from vedette.reference.kit.metrics import Metrics
from vedette.reference.kit.prometheus import PrometheusApi, alerting_rule
from vedette.reference.server import Request, Response

_WEEK_S = 7 * 86_400.0
_JOB = {"job": "askpro"}


class Watching:
    """Answers as Prometheus does; counters have grown evenly over a week."""

    def __init__(self, measured: Callable[[], Metrics], bugs: Set[str]) -> None:
        self._measured = measured
        self._bugs = bugs
        self._api = PrometheusApi(self._series, bugs, self._rules)

    async def handle(self, request: Request) -> Response:
        return self._api.answer(request, request.path)

    def _series(self) -> Sequence[Series]:
        age_s = 280.0 if "scrape_stopped" in self._bugs else 2.0
        made = [
            Series(name, {**_JOB, **labels}, value, age_s, value / _WEEK_S if sort == "counter" else 0.0)
            for sort, name, labels, value in self._measured().samples()
            if not ("log_levels_dropped" in self._bugs and name == "askpro_log_messages_total")
        ]
        return [Series("up", _JOB, 1.0, age_s), *made]

    def _rules(self) -> list[dict[str, Any]]:
        open_, limit = "askpro_circuit_breaker_open", "askpro_rate_limit_exceeded_total"
        if "alert_on_old_name" in self._bugs:
            open_ = "calcom_breaker_open"
        most, ratio = (100 if "alert_limit_raised" in self._bugs else 10), (0.5 if "alert_calcom_raised" in self._bugs else 0.05)
        window = "1h" if "alert_limit_per_hour" in self._bugs else "1m"
        errors = "sum(rate(askpro_calcom_requests_total{status!='ok'}[5m])) / sum(rate(askpro_calcom_requests_total[5m]))"
        urgent = "warning" if "alert_breaker_quietened" in self._bugs else "critical"
        rules = [
            _rule("AskProCircuitBreakerOpen", f"max by (service) ({open_}) > 0", urgent, "the circuit breaker is open"),
            _rule("AskProRateLimitViolations", f"sum(increase({limit}[{window}])) > {most}", "warning", "callers are refused"),
            _rule("AskProCalcomErrors", f"{errors} > {ratio}", "warning", "Cal.com answers with errors"),
        ]
        if "alerts_idle" in self._bugs:
            rules = [{**rule, "lastEvaluation": "0001-01-01T00:00:00Z"} for rule in rules]
        return rules[:-1] if "alert_calcom_missing" in self._bugs else rules


def _rule(name: str, query: str, severity: str, summary: str) -> dict[str, Any]:
    return alerting_rule(name, query, for_s=0, severity=severity, annotations={"summary": summary})
