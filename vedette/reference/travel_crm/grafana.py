"""This file is for Grafana with the CRM's dashboard, as its HTTP API tells of it.

Source: grafana.com/docs/grafana/latest/developers/http_api: folder/dashboard search, dashboard, data source.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection
from typing import Any

from vedette.reference.kit.prometheus import PrometheusApi
from vedette.reference.server import Request, Response, json_response
from vedette.reference.travel_crm.families import PREFIX

_UID, _SOURCE = "travel-crm-overview", "prometheus-main"
_PANELS = (
    ("Requests a second", f"sum by (route) (rate({PREFIX}http_requests_total[5m]))"),
    ("Errors", f'sum(rate({PREFIX}http_requests_total{{status_code=~"5.."}}[5m]))'),
    ("Time of requests", f"histogram_quantile(0.95, sum by (le) (rate({PREFIX}http_request_duration_seconds_bucket[5m])))"),
    ("Time of queries", f"histogram_quantile(0.95, sum by (le) (rate({PREFIX}db_query_duration_seconds_bucket[5m])))"),
    ("Bookings", f"sum by (status) (increase({PREFIX}bookings_created_total[1h]))"),
    ("Payments", f"sum by (gateway, status) (increase({PREFIX}payments_processed_total[1h]))"),
    ("E-mails", f"sum by (status) (increase({PREFIX}emails_sent_total[1h]))"),
    ("Cache", f"{PREFIX}cache_hit_rate"),
    ("Queues", f"sum by (queue_name, status) ({PREFIX}job_queue_size)"),
    ("SLA breaches", f"sum by (severity) (increase({PREFIX}sla_breaches_total[1d]))"),
    ("Memory", f"{PREFIX}process_resident_memory_bytes"),
)


class Grafana:
    """One dashboard over one data source."""

    def __init__(self, prometheus: PrometheusApi, token: str, bugs: Collection[str]) -> None:
        self._prometheus = prometheus
        self._token = token
        self._bugs = frozenset(bugs)

    def answer(self, request: Request, path: str) -> Response:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            return json_response(401, {"message": "Unauthorized"})
        if path == "/api/search":
            return json_response(200, self._found())
        if path == f"/api/dashboards/uid/{_UID}":
            return json_response(200, {"meta": {"type": "db", "slug": _UID}, "dashboard": self._dashboard()})
        proxied = f"/api/datasources/proxy/uid/{_SOURCE}"
        if path.startswith(proxied):
            return self._proxied(request, path.removeprefix(proxied))
        return json_response(404, {"message": "Dashboard not found"})

    def _found(self) -> list[dict[str, Any]]:
        if "grafana_empty" in self._bugs:
            return []
        return [{"id": 7, "uid": _UID, "title": "Travel CRM", "type": "dash-db", "tags": ["travel-crm"], "url": f"/d/{_UID}"}]

    def _dashboard(self) -> dict[str, Any]:
        panels = [p for p in _PANELS if not ("grafana_panel_gone" in self._bugs and p[0] == "Payments")]
        old = "grafana_old_names" in self._bugs
        return {
            "uid": _UID,
            "title": "Travel CRM",
            "panels": [
                {
                    "id": number,
                    "title": title,
                    "type": "timeseries",
                    "datasource": {"type": "prometheus", "uid": _SOURCE},
                    "targets": [{"refId": "A", "expr": expr.replace(PREFIX, "travelcrm_") if old else expr}],
                }
                for number, (title, expr) in enumerate(panels, 1)
            ],
        }

    def _proxied(self, request: Request, path: str) -> Response:
        if "grafana_source_gone" in self._bugs:
            return json_response(502, {"message": "dial tcp: lookup prometheus: no such host"})
        return self._prometheus.answer(request, path)
