"""This file is for the faults of AskPro that show in its logs and its figures."""

from __future__ import annotations

from vedette.reference.askpro.fault_rows import askpro

LOGS = (
    askpro(
        "log_privacy",
        (
            "log_email_raw",
            "the address is put into the message",
            ("test2.values", "security.log-sanitization"),
            ("planted email address",),
        ),
        ("log_phone_raw", "the number is put into the message", ("test2.values", "rollback.pii"), ("planted phone number",)),
        (
            "log_bearer_header",
            "all headers are logged, the authorization among them",
            ("test2.values", "success.no-pii"),
            ("planted token",),
        ),
        (
            "log_validation_error_leaks",
            "the input is logged when validation fails",
            ("trouble.pii", "alert.pii"),
            ("webhook with an error",),
        ),
        ("log_body_base64", "the raw body is logged as base64", ("trouble.pii", "before.sanitization-confirmed"), ("base64",)),
        (
            "calcom_log_leaks",
            "what is sent to Cal.com is logged with the attendee",
            ("trouble.pii", "success.no-pii"),
            ("request 'availability'",),
        ),
        (
            "log_markers_missing",
            "the payload is not logged at all, so its redaction cannot be seen",
            ("test2.marks",),
            ("email_redacted",),
        ),
    )
    + askpro(
        "log_privacy",
        (
            "log_nothing",
            "the log channel is set to 'null'",
            ("test2.values", "security.log-sanitization"),
            ("nothing was logged",),
        ),
        (
            "log_other_file",
            "the release writes to another file than the one that is read",
            ("test2.values",),
            ("nothing was logged",),
        ),
        (
            "log_correlation_missing",
            "the lines lost their ids, so ours cannot be told",
            ("test2.values",),
            ("none with an id of ours",),
        ),
        vacuity=True,
    )
    + askpro(
        "log_privacy",
        ("log_query_logged", "the access log has the whole address", ("hours1-2.pii",), ("planted email address",)),
        target="production",
    )
)
LOGS += askpro(
    "log_privacy",
    (
        "log_level_raised",
        "LOG_LEVEL is 'warning' in production, so good requests leave no line",
        ("immediate.first-requests", "hours1-2.pii"),
        ("nothing was logged",),
    ),
    vacuity=True,
    target="production",
)

METRICS = askpro(
    "metrics_contract",
    (
        "metrics_without_askpro_circuit_breaker_changes_total",
        "the listener that counts changes was removed",
        ("metrics.breaker-changes", "hours2-24.breaker"),
        ("askpro_circuit_breaker_changes_total",),
    ),
    (
        "metrics_without_askpro_circuit_breaker_open",
        "the breaker's gauge is set by a job that does not run any more",
        ("watch.figures", "hours2-24.breaker"),
        ("askpro_circuit_breaker_open",),
    ),
    (
        "metrics_without_askpro_http_request_duration_seconds",
        "response times are measured by the proxy now",
        ("hours2-24.response-times",),
        ("askpro_http_request_duration_seconds",),
    ),
    (
        "metrics_without_askpro_log_messages_total",
        "the log is no longer counted by level",
        ("hours1-2.errors",),
        ("askpro_log_messages_total",),
    ),
    ("metrics_broken", "a label's value is not quoted", ("watch.figures",), ("not well formed",)),
    ("cache_lookups_uncounted", "the cache is asked past the class that counts", ("metrics.cache",), ("askpro_cache_", "moved")),
    (
        "calcom_time_uncounted",
        "the new HTTP client is not timed",
        ("metrics.calcom-time",),
        ("calcom_request_duration_seconds", "moved"),
    ),
    (
        "redactions_uncounted",
        "the sanitizer no longer says what it did",
        ("metrics.redaction",),
        ("askpro_pii_redactions_total", "moved"),
    ),
    (
        "limit_uncounted",
        "the limiter refuses and counts nothing",
        ("metrics.rate-limit",),
        ("askpro_rate_limit_exceeded_total", "moved"),
    ),
) + askpro(
    "metrics_contract",
    (
        "metrics_frozen",
        "the exposition is written once and then served from a file",
        ("hours1-2.errors", "watch.figures"),
        ("moved",),
    ),
    vacuity=True,
)
FIGURES = askpro(
    "metrics_contract",
    (
        "cache_mostly_missed",
        "the call id went into the cache key, so hardly anything is found",
        ("hours2-24.cache", "success.cache", "dashboard.cache"),
        ("cache hit ratio is 0.36",),
    ),
    (
        "calcom_fails_often",
        "the API key of Cal.com is limited",
        ("success.calcom-errors",),
        ("error rate of the cal.com api is 0.09",),
    ),
    (
        "slow_for_some",
        "an index was dropped in a migration",
        ("success.response-time",),
        ("95th percentile of the response time",),
    ),
    ("bookings_mostly_fail", "the offered slots are taken already", ("success.bookings",), ("booking success rate is 0.41",)),
    (
        "server_errors_often",
        "one of the workers has the old schema",
        ("immediate.first-requests",),
        ("that end in an error is 0.08",),
    ),
    target="production",
)

WATCHED = askpro(
    "promql",
    (
        "critical_errors",
        "a queue ran full in the night",
        ("before.no-critical-errors", "rollback.critical"),
        ("expected that it",),
    ),
    ("alert_breaker_quietened", "the page was quietened in a bad night", ("alert.breaker",), ("severity 'warning'",)),
    ("alert_limit_raised", "the bound was raised during a load test", ("alert.rate-limit",), ("> 100 instead of",)),
    ("alert_limit_per_hour", "the window has the wrong unit", ("alert.rate-limit",), ("[1m]",)),
    ("alert_calcom_raised", "the bound has a zero too few", ("alert.calcom",), ("> 0.5 instead of",)),
    (
        "alert_calcom_missing",
        "the file of rules was cut in a merge",
        ("alert.calcom",),
        ("there is no alert 'askprocalcomerrors'",),
    ),
) + askpro(
    "promql",
    (
        "log_levels_dropped",
        "the scrape drops the metric to save space",
        ("before.no-critical-errors", "rollback.critical"),
        ("askpro_log_messages_total", "selects nothing"),
    ),
    ("scrape_stopped", "the scrape hangs, and old figures are shown on", ("before.no-critical-errors",), ("is stale",)),
    ("alert_on_old_name", "the metric was renamed, and the alert was not", ("alert.breaker",), ("calcom_breaker_open",)),
    ("alerts_idle", "the rules are loaded, and never evaluated", ("alert.breaker", "alert.calcom"), ("was not evaluated",)),
    vacuity=True,
)
LATER = askpro(
    "promql",
    ("breaker_opened_lately", "it opened and closed between two looks", ("hours1-2.breaker",), ("openings, expected",)),
    (
        "limit_hits_callers",
        "the limit counts the assistant's own retries",
        ("dashboard.limiter-rate", "days2-7.abuse", "rollback.limiter"),
        ("violations an hour, expected",),
    ),
    ("deployed_at_noon", "somebody deployed before lunch", ("window.off-peak",), ("12 o'clock cet",)),
    target="production",
)


SEEN = (*LOGS, *METRICS, *FIGURES, *WATCHED, *LATER)
