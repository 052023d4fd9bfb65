"""This file is for the platform's alerts, as its operators have loaded them into Prometheus."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from vedette.reference.kit.prometheus import alerting_rule

_FAILING = "sum(rate(jobs_failed_total[10m])) + sum(rate(jobs_retried_total[10m]))"
_ALERTS = (
    ("ReadinessFailing", 'min by (job) (probe_success{probe="ready"})', "< 1", 120),
    ("HighErrorRate", 'sum(rate(http_requests_total{status=~"5.."}[5m])) / sum(rate(http_requests_total[5m]))', "> 0.02", 300),
    ("SlowRequests", "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))", "> 1", 300),
    ("JobsFailing", f"({_FAILING}) / sum(rate(jobs_enqueued_total[10m]))", "> 0.1", 600),
    ("DeadLettersGrow", "sum(increase(jobs_dead_lettered_total[15m]))", "> 0", 0),
    ("BacklogTooOld", "max by (queue) (queue_oldest_job_age_seconds)", "> 300", 300),
    ("DatabasePoolExhausted", 'sum(db_pool_connections{state="used"}) / sum(db_pool_size)', "> 0.9", 120),
    ("MigrationFailed", "max(db_migrations_failed)", "> 0", 0),
    ("RedisDown", "min(redis_up)", "< 1", 60),
    ("ScrapeMissing", 'up{job=~"api|worker"}', "== 0", 300),
)


def rules(bugs: Collection[str]) -> list[dict[str, Any]]:
    """Return the rules as the API lists them. A bug `alert_late_NAME` is one of the alert of that name."""
    made = []
    for name, query, bound, for_s in _ALERTS:
        if f"alert_without_{name}" in bugs:
            continue
        if f"alert_blunt_{name}" in bugs:
            bound = bound.replace("0.02", "0.2").replace("> 1", "> 30").replace("> 300", "> 86400").replace("> 0.9", "> 9")
        if f"alert_blind_{name}" in bugs:
            query = query.replace("dead_lettered", "deadlettered").replace("redis_up", "redis_ping").replace("up{", "scraped{")
        if f"alert_half_{name}" in bugs:
            query = query.replace("api|worker", "api").replace(_FAILING, "sum(rate(jobs_failed_total[10m]))")
        late = 30.0 if f"alert_late_{name}" in bugs else 1.0
        notes = {"runbook_url": f"https://ops.example/runbooks/{name}", "summary": name}
        made.append(alerting_rule(name, f"{query} {bound}", for_s=for_s * late, severity="critical", annotations=notes))
    if "rules_idle" in bugs:
        made = [{**rule, "health": "unknown", "lastEvaluation": "0001-01-01T00:00:00Z"} for rule in made]
    return made
