"""This file is for Grafana: the two dashboards of the document and the data sources that they stand on.

Source: grafana.com/docs/grafana/latest/developers/http_api (dashboard, data source), and the JSON model of dashboards.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

_PROMETHEUS, _LOKI, _TEMPO = "immoflowme-prometheus", "immoflowme-loki", "immoflowme-tempo"
_BUCKETS = "sum by (le) (rate(http_request_duration_seconds_bucket[5m]))"
_BAD, _ALL = 'sum(rate(http_requests_total{status=~"5.."}[30d]))', "sum(rate(http_requests_total[30d]))"
_RUN = "histogram_quantile(0.99, sum by (le) (rate(billing_run_duration_seconds_bucket[1d])))"
Panel = tuple[str, str, tuple[str, ...], float | None]  # title, type, expressions, threshold

_SLO: tuple[Panel, ...] = (
    ("Availability", "gauge", (f"100 * (1 - {_BAD} / {_ALL})",), 99.9),
    ("Error Budget (30d)", "stat", (f"1 - ({_BAD} / {_ALL}) / 0.001",), 0.0),
    ("Latency", "timeseries", tuple(f"histogram_quantile({q}, {_BUCKETS})" for q in (0.99, 0.95, 0.5)), 2.0),
    ("Request Rate", "timeseries", ("sum(rate(http_requests_total[5m]))", 'sum(rate(http_requests_total{status=~"5.."}[5m]))',
                                    'sum(rate(http_requests_total{status=~"4.."}[5m]))'), None),
    ("Billing Run Duration", "timeseries", (_RUN,), 1800.0),
)  # fmt: skip
_BUSINESS: tuple[Panel, ...] = (
    ("Invoices Generated (24h)", "stat", ("sum(increase(billing_invoices_generated_total[24h]))",), None),
    ("Lines Upserted (24h)", "stat", ("sum(increase(billing_lines_upserted_total[24h]))",), None),
    ("Job Queue Status", "timeseries", ("job_queue_pending_total",), None),
    ("Memory", "timeseries", ("nodejs_heap_used_bytes",), None),
    ("CPU", "timeseries", ("rate(process_cpu_seconds_total[5m])",), None),
)
_LOST = {
    "dashboard_availability_gone": "Availability",
    "dashboard_budget_gone": "Error Budget (30d)",
    "dashboard_invoices_gone": "Invoices Generated (24h)",
    "dashboard_lines_gone": "Lines Upserted (24h)",
    "dashboard_queue_gone": "Job Queue Status",
    "dashboard_cpu_gone": "CPU",
    "dashboard_requests_gone": "Request Rate",
}


def answer(path: str, bugs: Collection[str]) -> Any:
    """Return what Grafana answers on a path, None where there is nothing."""
    if path == "/api/dashboards/uid/immoflowme-slo":
        return _dashboard("immoflowme-slo", "ImmoflowMe SLO", _SLO, bugs)
    if path == "/api/dashboards/uid/immoflowme-business":
        return _dashboard("immoflowme-business", "ImmoflowMe Business KPI", _BUSINESS, bugs)
    return _sources(bugs) if path == "/api/datasources" else None


def _dashboard(uid: str, title: str, panels: tuple[Panel, ...], bugs: Collection[str]) -> dict[str, Any]:
    lost = {panel for bug, panel in _LOST.items() if bug in bugs}
    made = [_panel(number, one, bugs) for number, one in enumerate(panels, 1) if one[0] not in lost]
    provisioned = "dashboards_by_hand" not in bugs
    meta = {"type": "db", "slug": uid, "version": 3, "provisioned": provisioned}
    return {"meta": meta, "dashboard": {"uid": uid, "title": title, "schemaVersion": 39, "panels": made}}


def _panel(number: int, one: Panel, bugs: Collection[str]) -> dict[str, Any]:
    title, kind, expressions, threshold = one
    if "dashboard_median_gone" in bugs and title == "Latency":
        expressions = expressions[:2]
    if "dashboard_run_line_gone" in bugs and title == "Billing Run Duration":
        threshold = None
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    steps += [{"color": "red", "value": threshold}] if threshold is not None else []
    return {
        "id": number,
        "title": title,
        "type": kind,
        "datasource": {"type": "prometheus", "uid": _PROMETHEUS},
        "targets": [{"refId": chr(65 + place), "expr": text} for place, text in enumerate(expressions)],
        "fieldConfig": {"defaults": {"thresholds": {"mode": "absolute", "steps": steps}}},
    }


def _sources(bugs: Collection[str]) -> list[dict[str, Any]]:
    fields = (
        [] if "loki_link_gone" in bugs else [{"name": "traceId", "matcherRegex": '"traceId":"(\\w+)"', "datasourceUid": _TEMPO}]
    )
    back = {} if "tempo_link_gone" in bugs else {"tracesToLogsV2": {"datasourceUid": _LOKI, "filterByTraceID": True}}
    return [
        {"uid": _PROMETHEUS, "type": "prometheus", "url": "http://prometheus:9090", "jsonData": {}},
        {"uid": _LOKI, "type": "loki", "url": "http://loki:3100", "jsonData": {"derivedFields": fields}},
        {"uid": _TEMPO, "type": "tempo", "url": "http://tempo:3200", "jsonData": back},
    ]
