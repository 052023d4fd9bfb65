"""This file is for the faults of the platform, which the suite `platform-baseline` must catch."""

from __future__ import annotations

from vedette.reference.fault import Fault


def _fault(bug: str, owner: str, breaks: str, story: str, *hint: str, vacuity: bool = False) -> Fault:
    name = f"platform_{bug.lower()}"
    return Fault(name, owner, story, hint, vacuity, system="platform_baseline", breaks=tuple(breaks.split()), bug=bug)


_LOG, _JOB, _ERR = "log_contract", "log_contract", "log_contract"
_LOGS = (
    _fault("log_not_json", _LOG, "log.json-lines", "a library prints past the logger", "json"),
    _fault("log_time_local", _LOG, "log.timestamp", "the formatter takes the server's wall clock", "timestamp"),
    _fault("log_level_unknown", _LOG, "log.level-and-message", "a new library has levels of its own", "level"),
    _fault("log_without_service", _LOG, "log.service-and-environment", "the variable is not set in the container", "service"),
    _fault(
        "log_environment_wrong", _LOG, "log.service-and-environment", "staging was started with the file of dev", "environment"
    ),
    _fault("log_without_org_id", _LOG, "log.org-and-project", "the middleware of the org runs after the logger's", "org_id"),
    _fault(
        "log_without_project_id", _LOG, "log.org-and-project", "the project is put in by one of two routers only", "project_id"
    ),
    _fault(
        "request_id_shared",
        _LOG,
        "log.request-id",
        "the id is made when the worker starts and not for each request",
        "request_id",
    ),
    _fault("log_without_trace_id", _LOG, "log.trace-ids", "tracing was turned on, its ids were not put into the log", "trace_id"),
    _fault("log_without_user_id", _LOG, "log.user-id", "the session is read after the logger's context was made", "user_id"),
    _fault("log_without_ip", _LOG, "log.ip-and-route", "the proxy's header was renamed, so the address is empty", "ip"),
    _fault("log_path_as_route", _LOG, "log.ip-and-route", "the path is logged where the route should be", "route"),
    _fault("log_duration_as_text", _LOG, "log.duration", "the duration is logged with its unit", "duration_ms"),
    _fault("log_without_outcome", _LOG, "log.outcome", "the outcome is told in the message only", "outcome"),
    _fault("log_without_source", _LOG, "log.source", "the field was called component before, and is so still", "source"),
    _fault(
        "outcome_always_success",
        _LOG,
        "errors.outcome",
        "whoever handles an error first answers, and it counts as done",
        "outcome",
    ),
    _fault("outbound_redis_unlogged", _LOG, "correlation.outbound", "the client of Redis was changed, its hook was not", "redis"),
    _fault(
        "outbound_db_without_id", _LOG, "correlation.outbound", "queries run in a pool that does not know the request", "query"
    ),
    _fault("debug_missing", _LOG, "levels.per-environment", "staging was given the level of production", "debug"),
    _fault(
        "log_nothing", _LOG, "log.json-lines", "the logger's handler was removed by a library", "nothing was logged", vacuity=True
    ),
    _fault("log_other_file", _LOG, "log.json-lines", "the release logs to a file of its own", "nothing was logged", vacuity=True),
    _fault(
        "log_call_shared",
        _LOG,
        "log.correlation-id",
        "the context is that of the first request",
        "nothing was logged",
        vacuity=True,
    ),
)
_JOBS = (
    _fault("job_correlation_lost", _JOB, "correlation.into-jobs", "the payload is built before the id is known", "attempt"),
    _fault("job_request_lost", _JOB, "correlation.job-context", "the worker makes a request id of its own", "request_id"),
    _fault(
        "job_retry_correlation_lost", _JOB, "correlation.retries", "a retry is enqueued anew, without its metadata", "goes well"
    ),
    _fault("outbound_http_without_id", _JOB, "correlation.outbound", "the client of the storage logs in a thread", "storage"),
    _fault(
        "outbound_http_untraced",
        _JOB,
        "tracing.stitched",
        "the client of the storage begins a trace of its own",
        "storage",
        "trace_id",
    ),
    _fault("outbound_queue_untraced", _JOB, "tracing.stitched", "the queue's library does not hand the trace on", "trace_id"),
    _fault("job_retry_told_as_success", _JOB, "log.outcome", "what will be tried again is told as done", "attempt that fails"),
    _fault(
        "jobs_never_run",
        _JOB,
        "correlation.into-jobs",
        "the worker is not subscribed to the new queue",
        "nothing of",
        vacuity=True,
    ),
)
_ERRORS = (
    _fault("log_error_as_text", _ERR, "errors.fields", "the exception is logged as one text", "error"),
    _fault("log_stack_missing", _ERR, "errors.fields", "the stack is left out to save space", "stack"),
    _fault("validation_without_org", _ERR, "errors.validation", "validation runs before the org is known", "org_id"),
    _fault(
        "validation_not_logged",
        _ERR,
        "errors.validation",
        "a 422 counts as the caller's own affair",
        "nothing was logged",
        vacuity=True,
    ),
    _fault("input_unchecked", "input_validation", "errors.validation", "the name is taken as it comes", "accepted"),
    _fault("input_crashes", "input_validation", "errors.validation", "the name is checked before its type is", "500"),
    _fault(
        "input_refuses_all",
        "input_validation",
        "errors.validation",
        "the rule's expression has an end too many",
        "good",
        vacuity=True,
    ),
)
_CORRELATION = (
    _fault(
        "correlation_ignored",
        "correlation",
        "correlation.echoed",
        "the proxy in front makes an id for each request",
        "another x-correlation-id",
    ),
    _fault(
        "correlation_not_echoed",
        "correlation",
        "correlation.echoed",
        "the header is not among those that are exposed",
        "no header",
    ),
    _fault(
        "log_without_correlation_id",
        "correlation",
        "log.correlation-id",
        "the processor of the logger was lost in a merge",
        "log",
    ),
    _fault("trace_not_continued", "correlation", "tracing.w3c", "the propagator is B3, as it was before", "trace"),
    _fault(
        "correlation_constant",
        "correlation",
        "correlation.echoed",
        "the id is kept in a variable of the module",
        "did not come back each",
        vacuity=True,
    ),
    _fault(
        "frontend_header_other",
        "browser",
        "correlation.frontend",
        "the new client of the frontend names the header otherwise",
        "without x-correlation-id",
    ),
    _fault(
        "frontend_asks_nothing",
        "browser",
        "correlation.frontend",
        "the page shows what it had kept",
        "asks nothing",
        vacuity=True,
    ),
)
_M = "metrics_contract"
_METRICS = (
    _fault("metrics_html", _M, "metrics.api", "the single page application answers for all paths", "html"),
    _fault(
        "metrics_without_http_request_duration_seconds",
        _M,
        "metrics.http",
        "the histogram was dropped to save series",
        "http_request_duration_seconds",
        "missing",
    ),
    _fault("metrics_paths_raw", _M, "metrics.http", "the path is counted where the route should be", "route"),
    _fault(
        "status_always_200",
        _M,
        "metrics.http",
        "the status is read before the handler of errors sets it",
        "http_requests_total",
        "moved by 0",
    ),
    _fault(
        "metrics_without_db_pool_wait_seconds",
        _M,
        "metrics.database",
        "the pool was changed, its hook was not",
        "db_pool_wait_seconds",
    ),
    _fault("metrics_without_redis_up", _M, "metrics.cache-and-queue", "the gauge of the ping was taken for noise", "redis_up"),
    _fault(
        "metrics_without_process_threads",
        _M,
        "metrics.resources",
        "the collector of the process is off on Windows",
        "process_threads",
    ),
    _fault("worker_metrics_missing", _M, "metrics.worker", "the worker's port serves health only", "not served", "404"),
    _fault("metrics_without_jobs_retried_total", _M, "metrics.jobs", "retries are counted as new jobs", "jobs_retried_total"),
    _fault(
        "metrics_without_jobs_dead_lettered_total",
        _M,
        "runbook.backlog-figures",
        "dead letters are counted by the broker only",
        "jobs_dead_lettered_total",
    ),
    _fault("metrics_frozen", _M, "metrics.api", "a proxy keeps the exposition", "none of the counters moved", vacuity=True),
    _fault(
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
    _fault("health_live_needs_database", _H, "health.live", "liveness and readiness are one function", "liveness went down"),
    _fault("live_slow", _H, "health.live", "liveness warms up a cache", "liveness took"),
    _fault("health_ready_lies", _H, "health.ready-database", "readiness says what it said at the start", "readiness", "database"),
    _fault("redis_unchecked", _H, "health.ready-required", "the check of Redis was taken out in an outage", "redis"),
    _fault("health_alias_always_up", _H, "health.alias", "the old address answers by itself", "alias"),
    _fault("worker_health_ready_lies", _H, "health.worker-mirrors", "the worker's readiness is a constant", "database"),
    _fault("worker_queue_unchecked", _H, "health.worker-queue", "the worker has the API's readiness and no more", "queue"),
    _fault("health_checks_missing", _H, "health.body", "the details are for administrators only", "checks"),
    _fault("health_timestamp_missing", _H, "health.body", "the body is a constant", "timestamp"),
    _fault("worker_health_html", _H, "health.body health.worker-mirrors", "the worker's page is for people", "json"),
    _fault("health_stack_trace_shown", _H, "health.nothing-internal", "the last error is shown for debugging", "stack trace"),
    _fault(
        "health_dsn_shown",
        _H,
        "health.nothing-internal",
        "the address of the database is shown with all that is in it",
        "connection string",
    ),
    _fault("health_needs_login", _H, "health.unauthenticated", "the middleware of sessions holds for all routes", "credentials"),
    _fault("catch_all_answers_ok", _H, "health.body", "a route for everything answers 200", "cannot exist", vacuity=True),
    _fault("lever_dead", _H, "health.ready-database", "the switch of staging switches nothing", "did not bite", vacuity=True),
)
_P = "promql"
_ALERTS = (
    _fault(
        "alert_without_ReadinessFailing",
        _P,
        "alerts.readiness",
        "the file of rules was not deployed",
        "no alert 'readinessfailing'",
    ),
    _fault(
        "alert_late_ReadinessFailing",
        _P,
        "alerts.readiness",
        "the alert was quietened in a bad night",
        "readinessfailing",
        "instead of 120 s",
    ),
    _fault("alert_blunt_HighErrorRate", _P, "alerts.errors", "a point has moved", "higherrorrate", "> 0.2"),
    _fault("errors_many", _P, "alerts.errors", "a release fails for some of its users", "expected that it is at most 0.02"),
    _fault("alert_blunt_SlowRequests", _P, "alerts.latency", "the bound is the gateway's timeout", "slowrequests", "> 30"),
    _fault("slow", _P, "alerts.latency", "an index is missing", "is 5 s"),
    _fault(
        "alert_half_JobsFailing",
        _P,
        "alerts.jobs",
        "retries were left out, as they come to a good end",
        "jobsfailing",
        "jobs_retried_total",
    ),
    _fault("jobs_fail", _P, "alerts.jobs", "the storage refuses what is sent", "at most 0.1"),
    _fault("dead_letters_grow", _P, "alerts.dead-letters", "a job's form has changed, and old ones cannot be read", "at most 0"),
    _fault("alert_blunt_BacklogTooOld", _P, "alerts.backlog", "the bound is a day", "backlogtooold", "> 86400"),
    _fault("backlog_old", _P, "alerts.backlog", "one worker of four is left", "is 5400 s"),
    _fault("alert_blunt_DatabasePoolExhausted", _P, "alerts.pool", "the bound is more than there can be", "> 9"),
    _fault("pool_exhausted", _P, "alerts.pool", "a connection is not given back", "below 0.9"),
    _fault(
        "alert_without_MigrationFailed",
        _P,
        "alerts.migrations",
        "nobody thought of an alert for it",
        "no alert 'migrationfailed'",
    ),
    _fault("migration_failed", _P, "alerts.migrations", "a migration waits for a lock for ever", "is 1"),
    _fault("alert_without_RedisDown", _P, "alerts.redis", "the rule went with the old cache", "no alert 'redisdown'"),
    _fault("redis_gone", _P, "alerts.redis", "Redis was moved, the clients were not", "redis_up", "is 0"),
    _fault(
        "alert_half_ScrapeMissing", _P, "alerts.scrape", "the workers came later, the rule was before", "scrapemissing", "worker"
    ),
    _fault("alert_late_ScrapeMissing", _P, "alerts.scrape", "the time has a zero too many", "scrapemissing", "instead of 300 s"),
    _fault("worker_scrape_fails", _P, "alerts.scrape", "the firewall closes the worker's port", 'up{job="worker"} is 0'),
    _fault("worker_not_scraped", _P, "alerts.scrape", "the workers are not in the list of what is scraped", "1 sample"),
    _fault(
        "alert_blind_DeadLettersGrow",
        _P,
        "alerts.dead-letters",
        "the metric was renamed, the alert was not",
        "deadlettersgrow looks at",
        vacuity=True,
    ),
    _fault("rules_idle", _P, "alerts.errors", "rules are loaded, but the evaluation is off", "not evaluated", vacuity=True),
    _fault(
        "prometheus_canned",
        _P,
        "alerts.pool",
        "a proxy gives every question the same answer",
        "answered something else",
        vacuity=True,
    ),
    _fault(
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
    _fault("org_unchecked", _A, "scope.ownership", "a project is found by its id alone", "another org"),
    _fault("project_unchecked", _A, "scope.ownership", "the org is checked, the members of the project are not", "colleague"),
    _fault("token_expiry_unchecked", _A, "scope.ownership", "tokens live for ever since the library was changed", "expired"),
    _fault(
        "nobody_is_served", _A, "scope.ownership", "a join finds nothing any more, so nobody is served", "owner", vacuity=True
    ),
)
FAULTS: tuple[Fault, ...] = (*_LOGS, *_JOBS, *_ERRORS, *_CORRELATION, *_METRICS, *_HEALTH, *_ALERTS, *_OWNERSHIP)
