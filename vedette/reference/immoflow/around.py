"""This file is for what stands around ImmoflowMe: one server for all of it, each system below a path of its own."""

from __future__ import annotations

import hmac
from collections.abc import Collection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from vedette.reference.immoflow import dashboards, routing
from vedette.reference.immoflow.exporters import Exporters
from vedette.reference.immoflow.rules import rules
from vedette.reference.immoflow.series import series
from vedette.reference.kit.loki import LokiApi
from vedette.reference.kit.prometheus import PrometheusApi
from vedette.reference.server import Request, Response, json_response

_EVENTS = "/api/0/projects/immoflow/immoflowme/events/"
_PROXY = "/api/datasources/proxy/uid/immoflowme-prometheus"


class Around:
    """Prometheus, Alertmanager, Grafana, Loki, Tempo, Sentry and PagerDuty, as far as they are asked."""

    def __init__(self, exporters: Exporters, log: Path, token: str, bugs: Collection[str]) -> None:
        self._exporters = exporters
        self._token = token
        self._bugs = frozenset(bugs)
        self._prometheus = PrometheusApi(lambda: series(self._bugs), bugs, lambda: rules(self._bugs))
        app = "immoflow" if "loki_label_renamed" in bugs else "immoflowme"
        self._loki = LokiApi(log, {"app": app, "namespace": "immoflow"})

    async def handle(self, request: Request) -> Response:
        name, slash, rest = request.path.removeprefix("/").partition("/")
        answer = getattr(self, f"_at_{name}", None)
        return answer(request, slash + rest) if answer is not None else json_response(404, {"message": "not found"})

    def _at_prometheus(self, request: Request, path: str) -> Response:
        if path == "/api/v1/status/runtimeinfo":
            kept = "15d" if "metrics_kept_half" in self._bugs else "30d"
            return _success({"storageRetention": kept, "reloadConfigSuccess": True})
        if path == "/api/v1/alertmanagers":
            active = [] if "alertmanager_unknown" in self._bugs else [{"url": "http://alertmanager:9093/api/v2/alerts"}]
            return _success({"activeAlertmanagers": active, "droppedAlertmanagers": []})
        return self._prometheus.answer(request, path)

    def _at_alertmanager(self, request: Request, path: str) -> Response:
        if path != "/api/v2/status":
            return json_response(404, {"code": 404, "message": "path was not found"})
        original = routing.configuration(self._bugs)
        return json_response(200, {"cluster": {"status": "ready", "peers": []}, "config": {"original": original}})

    def _at_grafana(self, request: Request, path: str) -> Response:
        if not self._is_known(request, "Bearer "):
            return json_response(401, {"message": "Unauthorized"})
        if path.startswith(_PROXY):
            if "grafana_source_gone" in self._bugs:
                return json_response(502, {"message": "dial tcp: lookup prometheus: no such host"})
            return self._prometheus.answer(request, path.removeprefix(_PROXY))
        found = dashboards.answer(path, self._bugs)
        if "grafana_catch_all" in self._bugs:
            return Response(200, b"<!doctype html><title>Grafana</title>", {"Content-Type": "text/html"})
        return json_response(200, found) if found is not None else json_response(404, {"message": "Dashboard not found"})

    def _at_loki(self, request: Request, path: str) -> Response:
        if path != "/config":
            return self._loki.answer(request, path)
        kept = "30d" if "logs_kept_a_month" in self._bugs else "90d"
        tenants = "" if "logs_same_for_all" in self._bugs else "/etc/loki/overrides.yaml"
        compactor = f"compactor:\n  retention_enabled: {str('loki_never_deletes' not in self._bugs).lower()}\n"
        limits = f"limits_config:\n  retention_period: {kept}\n  per_tenant_override_config: {tenants or chr(34) * 2}\n"
        return Response(200, (compactor + limits).encode(), {"Content-Type": "text/plain; charset=utf-8"})

    def _at_tempo(self, request: Request, path: str) -> Response:
        if path == "/status/config":
            kept = "48h0m0s" if "traces_kept_two_days" in self._bugs else "336h0m0s"
            text = f"compactor:\n    compaction:\n        block_retention: {kept}\n"
            return Response(200, text.encode(), {"Content-Type": "text/plain; charset=utf-8"})
        spans = self._exporters.traces.get(path.removeprefix("/api/traces/"))
        if spans is None:
            return Response(404, b"trace not found")
        called = "unknown_service:node" if "service_name_lost" in self._bugs else "immoflowme"
        resource = {"attributes": [{"key": "service.name", "value": {"stringValue": called}}]}
        return json_response(200, {"batches": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]})

    def _at_sentry(self, request: Request, path: str) -> Response:
        if not self._is_known(request, "Bearer "):
            return json_response(401, {"detail": "Authentication credentials were not provided."})
        return json_response(200, self._exporters.events) if path == _EVENTS else json_response(404, {"detail": "not found"})

    def _at_pagerduty(self, request: Request, path: str) -> Response:
        if not self._is_known(request, "Token token="):
            return json_response(401, {"error": {"code": 2006, "message": "Authentication required"}})
        if path != "/escalation_policies":
            return json_response(404, {"error": {"code": 2100, "message": "Not Found"}})
        wanted = parse_qs(request.query).get("query", [""])[0]
        return json_response(200, {"escalation_policies": routing.escalation(wanted, self._bugs), "more": False})

    def _is_known(self, request: Request, scheme: str) -> bool:
        given = request.headers.get("authorization", "")
        return hmac.compare_digest(given.encode(), f"{scheme}{self._token}".encode())


def _success(data: Any) -> Response:
    return json_response(200, {"status": "success", "data": data})
