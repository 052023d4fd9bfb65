"""This file is for Prometheus as an evidence source: its documented HTTP API over figures of its own, sound or not.

Source: prometheus.io/docs/prometheus/latest/querying/api (instant queries, rules, alerts). The real one is asked in the tests.
"""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from probes.promql_syntax import PromqlError, parse
from vedette.reference.edge.promql_answers import CannotAnswer, Evaluation, Series
from vedette.reference.fault import Fault
from vedette.reference.server import HttpServer, Request, Response, json_response

_LAG, _BACKUP, _QUEUE = "pg_replication_lag_seconds", "backup_last_success_timestamp_seconds", "job_queue_pending_total"
_ERRORS, _REQUESTS, _WAL = "http_errors_total", "http_requests_total", "wal_archive_lag_seconds"


def _fault(name: str, story: str, *hint: str, vacuity: bool = False) -> Fault:
    return Fault(f"prometheus_{name}", "promql", story, hint, vacuity=vacuity, system="edge")


FAULTS = (
    _fault("wal_lags", "the archive of the database's log is full, so nothing is archived any more", f"{_WAL} is 900 s", "below"),
    _fault(
        "one_replica_lags", "one of three replicas hangs behind a long query", f'{_LAG}{{replica="db-3"}} is 45 s', "one of 3"
    ),
    _fault("lag_in_milliseconds", "the exporter's new release gives milliseconds under the name of seconds", _LAG, "is 400 s"),
    _fault("lag_not_a_number", "the exporter divides by a count of replicas that is zero", _LAG, "no number (NaN)"),
    _fault("backup_gone", "the exporter of the backups was not started again after the update", _BACKUP, "is gone", "2400 s ago"),
    _fault("backup_old", "the nightly backup has not run for two days", "is 172800 s", "below"),
    _fault(
        "queue_stale", "the scrape of the workers hangs, so the last figure is shown on and on", _QUEUE, "is stale", "280 s old"
    ),
    _fault("queue_deep", "the workers are down, and jobs pile up", f'{_QUEUE}{{queue="billing"}} is 250', "expected none"),
    _fault("alert_missing", "the file of rules was not deployed with the release", "there is no alert 'HighErrorRate'"),
    _fault("alert_threshold", "an alert was quietened in a bad night and left so", "HighErrorRate", "> 0.5 instead of > 0.05"),
    _fault("alert_for", "the time before the page goes out has a zero too many", "HighErrorRate", "1200 s instead of 120 s"),
    _fault("alert_severity", "the label by which alerts are routed was lost in a merge", "HighErrorRate", "no severity"),
    _fault("alert_runbook", "the annotation of the runbook was dropped", "HighErrorRate", "no annotation 'runbook_url'"),
    _fault(
        "alert_unhealthy",
        "a join in the alert's expression matches twice since the last release",
        "HighErrorRate",
        "cannot be evaluated",
    ),
    _fault("partial", "one of the stores behind the query did not answer", "may be partial", vacuity=True),
    _fault("queue_renamed", "a new release of the exporter renamed the metric", f"{_QUEUE} selects nothing", vacuity=True),
    _fault(
        "zero_for_nothing",
        "the errors are not counted any more, and 'or vector(0)' stands in for them",
        f"{_ERRORS} selects nothing",
        vacuity=True,
    ),
    _fault("canned", "a proxy in front gives every question the same answer", "answered something else", vacuity=True),
    _fault(
        "alert_looks_at_nothing",
        "the metric was renamed, and the alert still looks at the old name",
        "BackupMissing looks at",
        vacuity=True,
    ),
    _fault("rules_idle", "rules are loaded, but the evaluation was switched off", "was not evaluated", vacuity=True),
)
MODULES: tuple[str, ...] = ()


@asynccontextmanager
async def serve(bugs: Collection[str], folder: Path) -> AsyncIterator[Mapping[str, str]]:
    server = HttpServer(_Prometheus(frozenset(bugs)).handle)
    port = await server.start("127.0.0.1", 0)
    try:
        yield {"VEDETTE_EDGE_PROMETHEUS_URL": f"http://127.0.0.1:{port}"}
    finally:
        await server.stop()


class _Prometheus:
    """Answers as Prometheus does; `bugs` change its figures, its rules or itself."""

    def __init__(self, bugs: frozenset[str]) -> None:
        self._bugs = bugs

    async def handle(self, request: Request) -> Response:
        if request.path == "/api/v1/query":
            asked = parse_qs(request.query or request.body.decode("utf-8", "replace"))
            return self._query(asked.get("query", [""])[0])
        if request.path == "/api/v1/rules":
            return _success({"groups": [{"name": "platform", "file": "rules.yml", "interval": 15, "rules": self._rules()}]})
        return _success({"alerts": []}) if request.path == "/api/v1/alerts" else Response(404, b"404 page not found\n")

    def _query(self, expression: str) -> Response:
        now_s = time.time()
        try:
            found = Evaluation(self._series(now_s), now_s).of(parse(expression))
        except PromqlError as problem:
            return json_response(400, {"status": "error", "errorType": "bad_data", "error": str(problem)})
        except CannotAnswer as problem:
            return json_response(422, {"status": "error", "errorType": "execution", "error": str(problem)})
        if "prometheus_canned" in self._bugs:
            found = [({"__name__": "cached"}, 1.0)]
        if isinstance(found, float):
            return _success({"resultType": "scalar", "result": [now_s, _go(found)]})
        result = [{"metric": dict(labels), "value": [now_s, _go(value)]} for labels, value in found]
        warnings = ["store-2: context deadline exceeded"] if "prometheus_partial" in self._bugs else []
        return _success({"resultType": "vector", "result": result}, warnings)

    def _series(self, now_s: float) -> list[Series]:
        bugs = {bug.removeprefix("prometheus_") for bug in self._bugs}
        lags = {"db-2": 0.4, "db-3": 0.7, "db-4": 0.5}
        if "one_replica_lags" in bugs:
            lags["db-3"] = 45.0
        if "lag_in_milliseconds" in bugs:
            lags = {name: 1000 * value for name, value in lags.items()}
        if "lag_not_a_number" in bugs:
            lags = dict.fromkeys(lags, math.nan)
        backup = Series(_BACKUP, {"job": "nightly"}, now_s - (172_800 if "backup_old" in bugs else 10_800))
        queue = Series(_QUEUE, {"queue": "billing"}, 250 if "queue_deep" in bugs else 4)
        made = [Series(_LAG, {"replica": name}, value) for name, value in lags.items()]
        made += [Series("up", {"job": "api", "instance": name}, 1) for name in ("api-1", "api-2")]
        made += [Series(_WAL, {}, 900 if "wal_lags" in bugs else 12), Series(_REQUESTS, {"status": "200"}, 99_000, per_s=40)]
        made += [replace(backup, age_s=2400) if "backup_gone" in bugs else backup]
        made += [replace(queue, age_s=280) if "queue_stale" in bugs else queue]
        made += [Series(_REQUESTS, {"status": "500"}, 30, per_s=0.1), Series(_ERRORS, {"kind": "database"}, 30, per_s=0.1)]
        renamed = {_QUEUE: "queue_renamed", _ERRORS: "zero_for_nothing"}
        return [one for one in made if renamed.get(one.name) not in bugs]

    def _rules(self) -> list[dict[str, Any]]:
        bugs = {bug.removeprefix("prometheus_") for bug in self._bugs}
        bound = 0.5 if "alert_threshold" in bugs else 0.05
        notes = {"runbook_url": "https://wiki.example/errors", "owner": "backend"}
        errors = _alert(
            "HighErrorRate",
            f'sum(rate({_REQUESTS}{{status=~"5.."}}[5m])) / sum(rate({_REQUESTS}[5m])) > {bound}',
            duration=1200 if "alert_for" in bugs else 120,
            labels={"team": "backend"} | ({} if "alert_severity" in bugs else {"severity": "P0"}),
            annotations={name: text for name, text in notes.items() if name == "owner" or "alert_runbook" not in bugs},
        )
        if "alert_unhealthy" in bugs:
            errors |= {"health": "err", "lastError": "many-to-many matching not allowed"}
        backup = _alert(
            "BackupMissing",
            f"time() - {'backup_last_success_time' if 'alert_looks_at_nothing' in bugs else _BACKUP} > 24 * 3600",
            duration=0,
            labels={"severity": "P1", "team": "ops"},
            annotations=notes,
        )
        rules = [backup] if "alert_missing" in bugs else [errors, backup]
        if "rules_idle" in bugs:
            rules = [{**rule, "health": "unknown", "lastEvaluation": "0001-01-01T00:00:00Z"} for rule in rules]
        return rules


def _alert(
    name: str, query: str, *, duration: float, labels: Mapping[str, str], annotations: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "type": "alerting",
        "name": name,
        "query": query,
        "duration": duration,
        "labels": dict(labels),
        "annotations": dict(annotations),
        "state": "inactive",
        "health": "ok",
        "lastEvaluation": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
    }


def _success(data: Any, warnings: Collection[str] = ()) -> Response:
    return json_response(200, {"status": "success", "data": data} | ({"warnings": list(warnings)} if warnings else {}))


def _go(value: float) -> str:
    """Return a number as Go writes it."""
    return "NaN" if math.isnan(value) else f"{value:+g}".replace("inf", "Inf") if math.isinf(value) else repr(value)
