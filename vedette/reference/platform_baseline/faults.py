"""This file is for the faults of the platform, which the suite `platform-baseline` must catch; those of its log stand beside."""

from __future__ import annotations

from vedette.reference.fault import Fault
from vedette.reference.platform_baseline.faults_logged import LOGGED, platform_fault

_M = "metrics_contract"
_METRICS = (
    platform_fault("metrics_html", _M, "metrics.api", "the single page application answers for all paths", "html"),
    platform_fault(
        "metrics_without_http_request_duration_seconds",
        _M,
        "metrics.http",
        "the histogram was dropped to save series",
        "http_request_duration_seconds",
        "missing",
    ),
    platform_fault("metrics_paths_raw", _M, "metrics.http", "the path is counted where the route should be", "route"),
    platform_fault(
        "status_always_200",
        _M,
        "metrics.http",
        "the status is read before the handler of errors sets it",
        "http_requests_total",
        "moved by 0",
    ),
    platform_fault(
        "metrics_without_db_pool_wait_seconds",
        _M,
        "metrics.database",
        "the pool was changed, its hook was not",
        "db_pool_wait_seconds",
    ),
    platform_fault(
        "metrics_without_redis_up", _M, "metrics.cache-and-queue", "the gauge of the ping was taken for noise", "redis_up"
    ),
    platform_fault(
        "metrics_without_process_threads",
        _M,
        "metrics.resources",
        "the collector of the process is off on Windows",
        "process_threads",
    ),
    platform_fault("worker_metrics_missing", _M, "metrics.worker", "the worker's port serves health only", "not served", "404"),
    platform_fault(
        "metrics_without_jobs_retried_total", _M, "metrics.jobs", "retries are counted as new jobs", "jobs_retried_total"
    ),
    platform_fault(
        "metrics_without_jobs_dead_lettered_total",
        _M,
        "runbook.backlog-figures",
        "dead letters are counted by the broker only",
        "jobs_dead_lettered_total",
    ),
    platform_fault(
        "metrics_frozen", _M, "metrics.api", "a proxy keeps the exposition", "none of the counters moved", vacuity=True
    ),
    platform_fault(
        "metrics_not_counted",
        _M,
        "metrics.jobs",
        "the counters are those of another registry",
        "none of the counters moved",
        vacuity=True,
    ),
)
_H = "health"
_HEALTH = (
    platform_fault(
        "health_live_needs_database", _H, "health.live", "liveness and readiness are one function", "liveness went down"
    ),
    platform_fault("live_slow", _H, "health.live", "liveness warms up a cache", "liveness took"),
    platform_fault(
        "health_ready_lies", _H, "health.ready-database", "readiness says what it said at the start", "readiness", "database"
    ),
    platform_fault("redis_unchecked", _H, "health.ready-required", "the check of Redis was taken out in an outage", "redis"),
    platform_fault("health_alias_always_up", _H, "health.alias", "the old address answers by itself", "alias"),
    platform_fault("worker_health_ready_lies", _H, "health.worker-mirrors", "the worker's readiness is a constant", "database"),
    platform_fault(
        "worker_queue_unchecked", _H, "health.worker-queue", "the worker has the API's readiness and no more", "queue"
    ),
    platform_fault("health_checks_missing", _H, "health.body", "the details are for administrators only", "checks"),
    platform_fault("health_timestamp_missing", _H, "health.body", "the body is a constant", "timestamp"),
    platform_fault("worker_health_html", _H, "health.body health.worker-mirrors", "the worker's page is for people", "json"),
    platform_fault(
        "health_stack_trace_shown", _H, "health.nothing-internal", "the last error is shown for debugging", "stack trace"
    ),
    platform_fault(
        "health_dsn_shown",
        _H,
        "health.nothing-internal",
        "the address of the database is shown with all that is in it",
        "connection string",
    ),
    platform_fault(
        "health_needs_login", _H, "health.unauthenticated", "the middleware of sessions holds for all routes", "credentials"
    ),
    platform_fault("catch_all_answers_ok", _H, "health.body", "a route for everything answers 200", "cannot exist", vacuity=True),
    platform_fault(
        "lever_dead", _H, "health.ready-database", "the switch of staging switches nothing", "did not bite", vacuity=True
    ),
)
_P = "promql"
_ALERTS = (
    platform_fault(
        "alert_without_ReadinessFailing",
        _P,
        "alerts.readiness",
        "the file of rules was not deployed",
        "no alert 'readinessfailing'",
    ),
    platform_fault(
        "alert_late_ReadinessFailing",
        _P,
        "alerts.readiness",
        "the alert was quietened in a bad night",
        "readinessfailing",
        "instead of 120 s",
    ),
    platform_fault("alert_blunt_HighErrorRate", _P, "alerts.errors", "a point has moved", "higherrorrate", "> 0.2"),
    platform_fault(
        "errors_many", _P, "alerts.errors", "a release fails for some of its users", "expected that it is at most 0.02"
    ),
    platform_fault(
        "alert_blunt_SlowRequests", _P, "alerts.latency", "the bound is the gateway's timeout", "slowrequests", "> 30"
    ),
    platform_fault("slow", _P, "alerts.latency", "an index is missing", "is 5 s"),
    platform_fault(
        "alert_half_JobsFailing",
        _P,
        "alerts.jobs",
        "retries were left out, as they come to a good end",
        "jobsfailing",
        "jobs_retried_total",
    ),
    platform_fault("jobs_fail", _P, "alerts.jobs", "the storage refuses what is sent", "at most 0.1"),
    platform_fault(
        "dead_letters_grow", _P, "alerts.dead-letters", "a job's form has changed, and old ones cannot be read", "at most 0"
    ),
    platform_fault("alert_blunt_BacklogTooOld", _P, "alerts.backlog", "the bound is a day", "backlogtooold", "> 86400"),
    platform_fault("backlog_old", _P, "alerts.backlog", "one worker of four is left", "is 5400 s"),
    platform_fault("alert_blunt_DatabasePoolExhausted", _P, "alerts.pool", "the bound is more than there can be", "> 9"),
    platform_fault("pool_exhausted", _P, "alerts.pool", "a connection is not given back", "below 0.9"),
    platform_fault(
        "alert_without_MigrationFailed",
        _P,
        "alerts.migrations",
        "nobody thought of an alert for it",
        "no alert 'migrationfailed'",
    ),
    platform_fault("migration_failed", _P, "alerts.migrations", "a migration waits for a lock for ever", "is 1"),
    platform_fault("alert_without_RedisDown", _P, "alerts.redis", "the rule went with the old cache", "no alert 'redisdown'"),
    platform_fault("redis_gone", _P, "alerts.redis", "Redis was moved, the clients were not", "redis_up", "is 0"),
    platform_fault(
        "alert_half_ScrapeMissing", _P, "alerts.scrape", "the workers came later, the rule was before", "scrapemissing", "worker"
    ),
    platform_fault(
        "alert_late_ScrapeMissing", _P, "alerts.scrape", "the time has a zero too many", "scrapemissing", "instead of 300 s"
    ),
    platform_fault("worker_scrape_fails", _P, "alerts.scrape", "the firewall closes the worker's port", 'up{job="worker"} is 0'),
    platform_fault("worker_not_scraped", _P, "alerts.scrape", "the workers are not in the list of what is scraped", "1 sample"),
    platform_fault(
        "alert_blind_DeadLettersGrow",
        _P,
        "alerts.dead-letters",
        "the metric was renamed, the alert was not",
        "deadlettersgrow looks at",
        vacuity=True,
    ),
    platform_fault(
        "rules_idle", _P, "alerts.errors", "rules are loaded, but the evaluation is off", "not evaluated", vacuity=True
    ),
    platform_fault(
        "prometheus_canned",
        _P,
        "alerts.pool",
        "a proxy gives every question the same answer",
        "answered something else",
        vacuity=True,
    ),
    platform_fault(
        "series_without_db_pool_size",
        _P,
        "alerts.pool",
        "the pool's new release names its size otherwise",
        "db_pool_size",
        "not shown that it can fire",
        vacuity=True,
    ),
)
_A = "access_control"
_OWNERSHIP = (
    platform_fault("org_unchecked", _A, "scope.ownership", "a project is found by its id alone", "another org"),
    platform_fault(
        "project_unchecked", _A, "scope.ownership", "the org is checked, the members of the project are not", "colleague"
    ),
    platform_fault(
        "token_expiry_unchecked", _A, "scope.ownership", "tokens live for ever since the library was changed", "expired"
    ),
    platform_fault(
        "nobody_is_served", _A, "scope.ownership", "a join finds nothing any more, so nobody is served", "owner", vacuity=True
    ),
)
FAULTS: tuple[Fault, ...] = (*LOGGED, *_METRICS, *_HEALTH, *_ALERTS, *_OWNERSHIP)
