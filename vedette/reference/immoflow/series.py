"""This file is for what Prometheus has of ImmoflowMe: weeks of quiet operation, or what a bad night leaves."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from dataclasses import replace

from vedette.reference.edge.promql_answers import Series

_JOB = {"job": "immoflowme"}
_DAY_S = 86_400.0
_LE_S = ("0.1", "0.5", "1", "2.5", "5", "+Inf")
_RUN_LE_S = ("300", "900", "1800", "3600", "+Inf")
_COUNTERS = (
    "security_events_total", "security_csrf_failures_total", "security_idor_attempts_total", "auth_failures_total",
    "rate_limit_exceeded_total", "billing_conflicts_total", "billing_invoices_generated_total", "billing_lines_upserted_total",
    "db_slow_queries_total", "settlement_warnings_total", "payment_allocations_total", "payment_allocation_failures_total",
)  # fmt: skip


def series(bugs: Collection[str]) -> list[Series]:
    """Return the newest value of each series."""
    made = [*_requests(bugs), *_billing(bugs), *_database(bugs), *_machines(bugs), *_alertmanager(bugs)]
    made += [Series(name, _JOB, 40.0, per_s=0.001) for name in _COUNTERS]
    if "backup_metric_gone" in bugs:
        made = [replace(one, age_s=2000.0) if one.name.startswith("backup_last") else one for one in made]
    if "scrapes_stopped" in bugs:
        made = [replace(one, age_s=1000.0) if one.labels.get("job") == "immoflowme" else one for one in made]
    return made


def _requests(bugs: Collection[str]) -> Iterator[Series]:
    errors_per_s = 0.4 if "availability_missed" in bugs else 0.03 if "budget_spent" in bugs else 0.004
    yield Series("up", {**_JOB, "instance": "immoflowme:3000"}, 0.0 if "target_down" in bugs else 1.0)
    yield Series("http_requests_total", {**_JOB, "method": "GET", "status": "200"}, 9e7, per_s=25.0)
    if "errors_not_counted" not in bugs:
        yield Series("http_requests_total", {**_JOB, "method": "GET", "status": "500"}, 900.0, per_s=errors_per_s)
    slow = "latency_high" in bugs
    shares = (0.2, 0.5, 0.7, 0.9, 1.0, 1.0) if slow else (0.9, 0.99, 0.996, 1.0, 1.0, 1.0)
    for le, share in zip(_LE_S, shares, strict=True):
        yield Series("http_request_duration_seconds_bucket", {**_JOB, "le": le}, 9e7 * share, per_s=25.0 * share)


def _billing(bugs: Collection[str]) -> Iterator[Series]:
    shares = (0.1, 0.2, 0.4, 1.0, 1.0) if "billing_run_slow" in bugs else (0.9, 1.0, 1.0, 1.0, 1.0)
    for le, share in zip(_RUN_LE_S, shares, strict=True):
        yield Series("billing_run_duration_seconds_bucket", {**_JOB, "le": le}, 60.0 * share, per_s=1e-4 * share)
    run_ago_s = 2 * _DAY_S if "billing_run_missing" in bugs else 0.4 * _DAY_S
    yield Series("billing_run_last_success_timestamp_seconds", _JOB, time.time() - run_ago_s)
    yield Series("job_queue_pending_total", _JOB, 340.0 if "queue_deep" in bugs else 3.0)


def _database(bugs: Collection[str]) -> Iterator[Series]:
    backup_ago_s = 2.5 * _DAY_S if "backup_old" in bugs else 0.3 * _DAY_S
    backup = "backup_success_timestamp_seconds" if "backup_metric_renamed" in bugs else "backup_last_success_timestamp_seconds"
    yield Series(backup, {"job": "backup"}, time.time() - backup_ago_s)
    yield Series("backup_failures_total", {"job": "backup"}, 0.0)
    yield Series("db_pool_used", _JOB, 19.5 if "pool_full" in bugs else 6.0)
    yield Series("db_pool_size", _JOB, 20.0)
    yield Series("db_pool_waiting", _JOB, 0.0)
    yield Series("wal_archive_lag_seconds", {"job": "postgres"}, 900.0 if "wal_lags" in bugs else 8.0)
    for replica in ("db-1", "db-2"):
        yield Series("pg_replication_lag_seconds", {"job": "postgres", "replica": replica}, 0.4)


def _machines(bugs: Collection[str]) -> Iterator[Series]:
    pod = {"job": "cadvisor", "pod": "immoflowme-5d8"}
    yield Series("kube_pod_container_status_restarts_total", {"job": "kube-state-metrics", "pod": "immoflowme-5d8"}, 1.0)
    yield Series("container_memory_working_set_bytes", pod, 4e8)
    yield Series("container_spec_memory_limit_bytes", pod, 1e9)
    yield Series("node_filesystem_avail_bytes", {"job": "node", "mountpoint": "/"}, 3e9 if "disk_full" in bugs else 6e10)
    yield Series("node_filesystem_size_bytes", {"job": "node", "mountpoint": "/"}, 1e11)
    yield Series("nodejs_eventloop_lag_seconds", _JOB, 0.012)


def _alertmanager(bugs: Collection[str]) -> Iterator[Series]:
    for integration in ("pagerduty", "slack", "webhook"):
        lost = integration == "slack" and "notifications_fail" in bugs
        labels = {"job": "alertmanager", "integration": integration}
        yield Series("alertmanager_notifications_total", labels, 300.0, per_s=0.001)
        yield Series("alertmanager_notifications_failed_total", labels, 30.0 if lost else 0.0, per_s=0.001 if lost else 0.0)
