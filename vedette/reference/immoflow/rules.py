"""This file is for the alert rules P0 to P3 that Prometheus has loaded, and for what goes wrong with such a file."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_ERRORS = 'sum(rate(http_requests_total{status=~"5.."}[5m])) / sum(rate(http_requests_total[5m]))'
_BUCKETS = "sum by (le) (rate(http_request_duration_seconds_bucket[5m]))"
_P95, _P99 = f"histogram_quantile(0.95, {_BUCKETS})", f"histogram_quantile(0.99, {_BUCKETS})"
_RUN = "histogram_quantile(0.99, sum by (le) (rate(billing_run_duration_seconds_bucket[1d])))"
_MEMORY = 'container_memory_working_set_bytes{pod=~"immoflowme-.*"} / container_spec_memory_limit_bytes{pod=~"immoflowme-.*"}'
_DISK = "node_filesystem_avail_bytes / node_filesystem_size_bytes"


def _a_minute(counter: str) -> str:
    return f"sum(rate({counter}[5m])) * 60"


def _baseline(counter: str) -> str:
    return f"sum(rate({counter}[5m])) / sum(rate({counter}[1d]))"


@dataclass(frozen=True, slots=True)
class _Alert:
    """One row of the document's tables; `minutes` is how long its condition must hold."""

    severity: str
    team: str
    name: str
    query: str
    minutes: float = 0


_ALERTS = (
    _Alert("P0", "backend", "ServiceDegraded", f"({_ERRORS} > 0.05) and ({_P95} > 2)", 2),
    _Alert("P0", "backend", "CriticalErrorRate", f"{_ERRORS} > 0.05", 2),
    _Alert("P0", "backend", "DbConnectionsCritical", "db_pool_used / db_pool_size > 0.9 or db_pool_waiting > 10"),
    _Alert("P0", "ops", "WalArchiveLagCritical", "wal_archive_lag_seconds > 300"),
    _Alert("P0", "ops", "PodCrashLooping", "increase(kube_pod_container_status_restarts_total[15m]) > 0"),
    _Alert("P0", "billing", "BillingRunSlow", f"{_RUN} > 1800"),
    _Alert("P1", "backend", "HighErrorRate", f"{_ERRORS} > 0.01", 5),
    _Alert("P1", "backend", "HighLatencyP99", f"{_P99} > 2", 5),
    _Alert("P1", "ops", "BackupMissing", "time() - backup_last_success_timestamp_seconds > 86400"),
    _Alert("P1", "ops", "BackupFailed", "increase(backup_failures_total[1h]) > 0"),
    _Alert("P1", "security", "CsrfFailureSpike", f"{_baseline('security_csrf_failures_total')} > 10"),
    _Alert("P1", "security", "IdorAttemptSpike", f"{_a_minute('security_idor_attempts_total')} > 3", 5),
    _Alert("P1", "security", "SecurityEventAnomaly", f"{_baseline('security_events_total')} > 3"),
    _Alert("P1", "ops", "DbReplicationLag", "pg_replication_lag_seconds > 30", 5),
    _Alert("P1", "billing", "BillingRunMissing", "time() - billing_run_last_success_timestamp_seconds > 86400"),
    _Alert("P2", "billing", "PaymentAllocationFailures",
           "sum(rate(payment_allocation_failures_total[10m])) / sum(rate(payment_allocations_total[10m])) > 0.01", 10),
    _Alert("P2", "ops", "HighMemoryUsage", f"{_MEMORY} > 0.85"),
    _Alert("P2", "backend", "JobQueueBacklog", "job_queue_pending_total > 100", 10),
    _Alert("P2", "security", "AuthFailureElevated", f"{_a_minute('auth_failures_total')} > 20"),
    _Alert("P2", "security", "RateLimitHeavy", f"{_a_minute('rate_limit_exceeded_total')} > 50"),
    _Alert("P2", "billing", "BillingConflictSpike", "sum(rate(billing_conflicts_total[5m])) > 0.1"),
    _Alert("P2", "backend", "SlowQueryRate", f"{_a_minute('db_slow_queries_total')} > 10"),
    _Alert("P3", "ops", "LowDiskSpace", f"{_DISK} < 0.1"),
    _Alert("P3", "ops", "WalArchiveLagMinor", "wal_archive_lag_seconds > 60"),
    _Alert("P3", "billing", "SettlementWarnings", f"{_a_minute('settlement_warnings_total')} > 5"),
    _Alert("P3", "backend", "EventLoopLag", "nodejs_eventloop_lag_seconds > 0.5"),
)  # fmt: skip


def rules(bugs: Collection[str]) -> list[dict[str, Any]]:
    """Return the rules as Prometheus lists them, each evaluated a moment ago and not firing."""
    made = [_listed(one) for one in _ALERTS]
    by_name = {rule["name"]: rule for rule in made}
    if "alert_threshold_raised" in bugs:
        by_name["CriticalErrorRate"]["query"] = f"{_ERRORS} > 0.5"
    if "alert_one_signal" in bugs:
        by_name["ServiceDegraded"]["query"] = f"{_ERRORS} > 0.05 or {_P95} > 2"
    if "alert_waits_too_long" in bugs:
        by_name["HighErrorRate"]["duration"] = 3000
    if "alert_team_lost" in bugs:
        del by_name["BillingRunMissing"]["labels"]["team"]
    if "alert_severity_lowered" in bugs:
        by_name["AuthFailureElevated"]["labels"]["severity"] = "P3"
    if "alert_unit_wrong" in bugs:
        by_name["EventLoopLag"]["query"] = "nodejs_eventloop_lag_seconds > 500"
    if "alert_runbook_lost" in bugs:
        del by_name["LowDiskSpace"]["annotations"]["runbook"]
    if "alert_extra_without_owner" in bugs:
        extra = _listed(_Alert("P2", "ops", "CertificateEnds", "probe_ssl_earliest_cert_expiry - time() < 604800"))
        del extra["annotations"]["owner"]
        made.append(extra)
    if "alert_backup_deleted" in bugs:
        made.remove(by_name["BackupMissing"])
    if "alert_metric_renamed" in bugs:
        by_name["JobQueueBacklog"]["query"] = "job_queue_waiting > 100"
    if "rules_idle" in bugs:
        made = [{**rule, "health": "unknown", "lastEvaluation": "0001-01-01T00:00:00Z"} for rule in made]
    return made


def _listed(one: _Alert) -> dict[str, Any]:
    notes = {
        "runbook": f"https://wiki.immoflow.example/runbooks/{one.name}",
        "owner": one.team,
        "remediation": f"follow the runbook of {one.name}, first step first",
    }
    return {
        "type": "alerting",
        "name": one.name,
        "query": one.query,
        "duration": one.minutes * 60,
        "labels": {"severity": one.severity, "team": one.team},
        "annotations": notes,
        "state": "inactive",
        "health": "ok",
        "lastEvaluation": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
    }
