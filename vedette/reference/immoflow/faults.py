"""This file is for the faults of ImmoflowMe and of what watches over it, which the suite `immoflow` must catch."""

from __future__ import annotations

from vedette.reference.fault import Fault

_Row = tuple[str, str, tuple[str, ...], tuple[str, ...]]


def _of(owner: str, *faults: _Row, vacuity: bool = False) -> list[Fault]:
    """Each: the bug's name in the code, its story, the ids of what it breaks, words of the sentence that must catch it."""
    return [Fault(f"immoflow_{bug}", owner, story, hint, vacuity, "immoflow", breaks, bug) for bug, story, breaks, hint in faults]


_METRICS = _of(
    "metrics_contract",
    ("metrics_without_http_requests_in_flight", "the gauge went with the old middleware",
     ("metrics.http",), ("http_requests_in_flight",)),
    ("metrics_without_billing_conflicts_total", "the counter was renamed in a refactoring",
     ("metrics.billing",), ("billing_conflicts_total",)),
    ("metrics_without_job_queue_pending_total", "the new queue brings metrics of its own",
     ("metrics.jobs",), ("job_queue_pending_total",)),
    ("metrics_without_nodejs_heap_used_bytes", "the collector of defaults is off",
     ("metrics.process",), ("nodejs_heap_used_bytes",)),
    ("metrics_counter_as_gauge", "the registry was filled by hand, all as gauges",
     ("metrics.http", "metrics.billing"), ("gauge",)),
    ("metrics_html", "the front end answers for /metrics", ("metrics.endpoint",), ("html",)),
    ("metrics_broken", "a label is written without quotes", ("metrics.endpoint",), ("not well formed",)),
    ("metrics_paths_raw", "the path is taken for the route, with its ids in it", ("metrics.http",), ("route=~",)),
    ("invoices_not_counted", "the new way of issuing does not count",
     ("metrics.billing",), ("billing_invoices_generated_total",)),
    ("run_not_timed", "the timer is stopped in a branch that is never taken",
     ("metrics.billing",), ("billing_run_duration_seconds",)),
    ("conflicts_not_counted", "the upsert became an insert that ignores", ("metrics.billing",), ("billing_conflicts_total",)),
    ("idor_not_counted", "the guard refuses and tells nobody", ("security.idor",), ("security_idor_attempts_total",)),
    ("csrf_failures_not_counted", "the library for CSRF was changed", ("security.csrf",), ("security_csrf_failures_total",)),
    ("auth_failures_not_counted", "the login moved to another module", ("security.logins",), ("auth_failures_total",)),
    ("limit_not_counted", "the proxy limits now, and does not count", ("security.rate-limit",), ("rate_limit_exceeded_total",)),
)  # fmt: skip
_METRICS += _of(
    "metrics_contract",
    ("middleware_after_routes", "the middleware is used after the routes, so it sees none",
     ("metrics.middleware",), ("http_requests_total",)),
    ("metrics_frozen", "the exposition is cached, and never made anew", ("metrics.endpoint",), ("moved by 0",)),
    vacuity=True,
)  # fmt: skip

_FIGURES = _of(
    "promql",
    ("target_down", "the new network policy keeps the scraper out", ("architecture.metrics",), ("up{", "is 0")),
    ("scrapes_stopped", "the scrape config lost the job", ("architecture.metrics",), ("is gone",)),
    ("availability_missed", "one release in the month broke the checkout", ("slo.availability",), ("is 0.98",)),
    ("budget_spent", "a hundred small errors a day have eaten the budget",
     ("slo.error-budget",), ("expected that it is above 0",)),
    ("latency_high", "an index is missing since the last migration", ("slo.latency",), ("expected that it is below 2",)),
    ("billing_run_slow", "each invoice is written in a transaction of its own",
     ("slo.billing-run",), ("expected that it is below 1800",)),
    ("billing_run_missing", "the job is suspended since the migration", ("billing-run.daily",), ("below 86400",)),
    ("backup_old", "the volume for backups is full for two days", ("backup.daily",), ("below 86400",)),
    ("pool_full", "a transaction is never closed", ("limits.database",), ("0.975",)),
    ("wal_lags", "the bucket for archives refuses the key", ("limits.database",), ("wal_archive_lag_seconds", "900")),
    ("queue_deep", "the worker is not started with the new release", ("limits.jobs",), ("job_queue_pending_total", "340")),
    ("disk_full", "logs are kept on the disk of the database", ("limits.machines",), ("0.03",)),
    ("notifications_fail", "the webhook of Slack was revoked",
     ("architecture.notifications", "environment.keys"), ("slack", "below 1")),
    ("backup_metric_gone", "the exporter of backups was not started again", ("backup.daily",), ("is gone",)),
)  # fmt: skip
_FIGURES += _of(
    "promql",
    ("errors_not_counted", "the error handler answers before the middleware counts", ("slo.error-budget",), ("selects nothing",)),
    ("backup_metric_renamed", "the new exporter calls it otherwise",
     ("backup.daily",), ("backup_last_success_timestamp_seconds",)),
    ("prometheus_canned", "a cache before Prometheus answers everything alike",
     ("architecture.metrics",), ("answered something else",)),
    vacuity=True,
)  # fmt: skip

_ALERTS = _of(
    "promql",
    ("alert_threshold_raised", "it was quietened in a bad night and left so",
     ("alerts.p0",), ("CriticalErrorRate", "> 0.5 instead of > 0.05")),
    ("alert_one_signal", "'and' became 'or' in a merge", ("alerts.multi-signal",), ("ServiceDegraded", "'and'")),
    ("alert_waits_too_long", "the time has a zero too many", ("alerts.p1",), ("HighErrorRate", "3000 s instead of 300 s")),
    ("alert_team_lost", "the label went with the file of the old team", ("alerts.p1",), ("BillingRunMissing", "no label 'team'")),
    ("alert_backup_deleted", "it rang every night, so somebody took it out",
     ("alerts.p1", "backup.daily"), ("no alert 'BackupMissing'",)),
    ("alert_severity_lowered", "a louder alert was needed elsewhere",
     ("alerts.p2",), ("AuthFailureElevated", "'P3' instead of 'P2'")),
    ("alert_unit_wrong", "the threshold is in milliseconds, the metric in seconds",
     ("alerts.p3",), ("EventLoopLag", "> 500 instead of > 0.5")),
)  # fmt: skip
_ALERTS += _of(
    "promql",
    ("alert_metric_renamed", "the metric got another name, the alert did not", ("alerts.p2",), ("job_queue_waiting",)),
    ("rules_idle", "rules are loaded, but nothing evaluates them", ("alerts.p0",), ("was not evaluated",)),
    vacuity=True,
)  # fmt: skip

_ROUTING = _of(
    "alert_routing",
    ("routing_p0_slack_only", "the key of PagerDuty was taken out for a test", ("routing.p0",), ("not be sent to pagerduty",)),
    ("routing_p1_other_channel", "#alerts was renamed in Slack, and changed here to another one",
     ("routing.p1",), ("slack #alerts", "#general")),
    ("routing_p2_pages", "somebody wanted to be sure that billing hears of it",
     ("routing.p2",), ("would also be sent to pagerduty",)),
    ("routing_p3_lost", "the route of tickets was lost in a merge", ("routing.p3",), ("not be sent to webhook",)),
    ("inhibition_lost", "HighErrorRate is misspelt in the rule",
     ("inhibition.multi-signal",), ("HighErrorRate", "no inhibition")),
    ("inhibition_without_equal", "'equal' was left out, so P0 swallows everything",
     ("inhibition.severity",), ("BackupMissing", "would not be sent")),
)  # fmt: skip
_ROUTING += _of(
    "alert_routing",
    ("routing_everything_pages", "the emergency configuration of one night is still loaded",
     ("routing.p0", "routing.p2"), ("pagerduty",)),
    vacuity=True,
)  # fmt: skip

_LOGS = _of(
    "log_contract",
    ("log_not_json", "pino-pretty went live", ("logs.structured",), ("instead of json",)),
    ("log_without_msg", "the logger is called with an object only", ("logs.structured",), ("msg",)),
    ("log_time_wrong", "the timestamp function was replaced by one of its own", ("logs.structured",), ("time",)),
    ("log_level_unknown", "a library brings a level of its own", ("logs.structured",), ("level",)),
    ("duration_as_text", "durations are written with their unit", ("logs.query-slow",), ("duration",)),
    ("duration_in_seconds", "process.hrtime was divided once more", ("logs.query-slow",), ("duration", "at least 1")),
    ("log_stack_lost", "the serializer for errors is not registered", ("logs.query-errors",), ("stack",)),
)  # fmt: skip
_LOGS += _of(
    "log_contract",
    ("log_nothing", "the level is 'silent' in the new deployment",
     ("architecture.logs", "logs.structured"), ("nothing was logged",)),
    ("log_other_file", "the new release writes to a file that no agent reads", ("architecture.logs",), ("nothing was logged",)),
    ("loki_label_renamed", "the agent calls the application immoflow", ("architecture.logs",), ("nothing was logged",)),
    ("log_service_lost", "the child logger of billing lost its binding", ("logs.query-billing",), ("$.service",)),
    ("jobs_never_run", "no worker is running, so no job says anything", ("logs.query-billing",), ("sends statements",)),
    vacuity=True,
)  # fmt: skip

_PRIVACY = _of(
    "log_privacy",
    ("log_password", "a line of debugging was left in the login", ("errors.pii",), ("password",)),
    ("log_iban", "payments are logged with the account they come from", ("errors.pii",), ("iban",)),
)

_TRACES = _of(
    "correlation",
    ("trace_not_continued", "the propagator is not registered", ("traces.w3c",), ("another trace",)),
    ("trace_span_kept", "the header is copied through as it came", ("traces.w3c",), ("span",)),
    ("trace_not_shown", "the proxy takes the header off", ("traces.w3c",), ("no header traceparent",)),
    ("log_trace_lost", "the log's mixin makes an id of its own", ("traces.logs",), ("no line of the log carries the trace",)),
)
_TRACES += _of(
    "correlation",
    ("trace_shared", "the context is kept in a module, and all requests share it", ("traces.w3c",), ("another trace",)),
    vacuity=True,
)

_BESIDE = _of(
    "http",
    ("trace_never_exported", "the endpoint of the exporter is the old one",
     ("architecture.traces", "traces.export"), ("its trace", "404")),
    ("service_name_lost", "OTEL_SERVICE_NAME was lost with the new chart", ("traces.service-name",), ("unknown_service",)),
    ("trace_export_blocks", "the exporter is awaited, and waits for Tempo", ("traces.non-blocking",), ("request meanwhile", "1")),
    ("sentry_blocks", "the handler flushes Sentry before it answers", ("errors.non-blocking",), ("breaks meanwhile", "1")),
    ("error_stack_shown", "the handler of development answers in production", ("errors.captured",), ("stack",)),
    ("alert_runbook_lost", "the wiki moved, and its addresses were taken out",
     ("alerts.annotated",), ("annotations.runbook", "LowDiskSpace")),
    ("alert_extra_without_owner", "an alert was added in a hurry",
     ("alerts.annotated",), ("annotations.owner", "CertificateEnds")),
    ("alertmanager_unknown", "the service of Alertmanager was renamed", ("architecture.alerts",), ("activeAlertmanagers",)),
    ("escalation_slow", "the policy was copied from a quieter team", ("escalation.p0",), ("escalation_delay_in_minutes",)),
    ("escalation_nobody_next", "the secondary left, and nobody took over", ("escalation.p1",), ("escalation_rules",)),
    ("metrics_kept_half", "the volume was too small for 30 days", ("retention.metrics",), ("storageRetention",)),
    ("logs_kept_a_month", "retention was lowered to save disk", ("logs.retention",), ("90 days",)),
    ("loki_never_deletes", "the compactor runs without retention", ("logs.retention",), ("deletes",)),
    ("logs_same_for_all", "the file of overrides was lost with the new chart", ("logs.retention-per-tenant",), ("tenant",)),
    ("traces_kept_two_days", "Tempo runs with its default", ("traces.retention",), ("Tempo",)),
    ("exports_stopped", "the job's key for the bucket has ended", ("worm.exports",), ("created_at",)),
    ("exports_without_checksum", "the export was rewritten without its sums", ("worm.exports",), ("sha256",)),
    ("exports_missing", "nobody ever switched the job on", ("worm.exports",), ("items",)),
    ("login_any_password", "the comparison is off since the tests of the front end", ("security.logins",), ("401",)),
    ("dashboards_by_hand", "somebody saved the dashboard as a copy", ("dashboards.preconfigured",), ("provisioned",)),
    ("dashboard_availability_gone", "the gauge was taken out, as it was always red",
     ("dashboards.slo-availability",), ("[Aa]vailab",)),
    ("dashboard_budget_gone", "the panel was lost in a merge", ("dashboards.slo-error-budget",), ("[Bb]udget",)),
    ("dashboard_median_gone", "p50 was taken out to save room", ("dashboards.slo-latency",), ("0.50",)),
    ("dashboard_requests_gone", "the panel moved to another dashboard", ("dashboards.slo-requests",), ("[Rr]equest",)),
    ("dashboard_run_line_gone", "the line of 30 minutes was lost in an upgrade", ("dashboards.slo-billing-run",), ("1800",)),
    ("dashboard_invoices_gone", "the panel was lost in a merge",
     ("dashboards.business-invoices",), ("billing_invoices_generated_total",)),
    ("dashboard_lines_gone", "the panel was lost in a merge", ("dashboards.business-lines",), ("billing_lines_upserted_total",)),
    ("dashboard_queue_gone", "the queue got a dashboard of its own", ("dashboards.business-jobs",), ("job_queue_pending_total",)),
    ("dashboard_cpu_gone", "CPU is looked at elsewhere", ("dashboards.business-resources",), ("cpu",)),
    ("grafana_source_gone", "Prometheus got another name in the cluster", ("architecture.dashboards",), ("502",)),
    ("tempo_link_gone", "the data source was made anew by hand", ("traces.logs",), ("datasourceUid",)),
    ("loki_link_gone", "the derived field was lost in an upgrade", ("traces.logs",), ("derivedFields",)),
)  # fmt: skip
_BESIDE += _of(
    "http",
    ("grafana_catch_all", "Grafana's front end answers every path with its page", ("dashboards.preconfigured",), ("html",)),
    vacuity=True,
)

_SENTRY = _of(
    "audit_log",
    ("sentry_pii_kept", "sendDefaultPii was switched on for one bug", ("errors.pii",), ("password",)),
    ("sentry_iban_kept", "the filter knows passwords and tokens only", ("errors.pii",), ("iban",)),
    ("sentry_without_user", "the user is set after the handlers", ("errors.user",), ("$.user.id",)),
    ("sentry_without_breadcrumbs", "the integration for Express was left out", ("errors.breadcrumbs",), ("breadcrumbs",)),
) + _of(
    "audit_log",
    ("sentry_not_initialised", "SENTRY_DSN is empty, and nobody says so",
     ("architecture.errors", "errors.captured"), ("no audit record",)),
    vacuity=True,
)  # fmt: skip

_RECORDS = _of(
    "audit_log",
    ("audit_changeable", "the trigger was dropped for a migration and never made again",
     ("worm.refused",), ("could be changed",)),
    ("ledger_audit_changeable", "billing got a way to correct in place", ("worm.refused",), ("could be changed",)),
    ("audit_chain_broken", "each worker begins a chain of its own", ("worm.chain",), ("chain",)),
    ("audit_hash_wrong", "the hash is taken before the record is filled", ("worm.chain",), ("hash",)),
    ("ledger_audit_chain_missing", "the ledger was moved to a table without hashes", ("worm.chain",), ("hash",)),
) + _of(
    "audit_log",
    ("audit_api_canned", "the audit API answers with its first page, whatever is asked", ("worm.chain",), ("no audit record",)),
    ("audit_nothing", "the queue of audit records has no reader", ("worm.refused", "worm.chain"), ("no audit record",)),
    vacuity=True,
)  # fmt: skip

_ACCESS = _of(
    "access_control",
    ("tenant_unchecked", "the query by id forgot the office", ("security.idor",), ("another office",)),
    ("token_expiry_unchecked", "the clock of tokens is not looked at", ("security.idor",), ("an expired login",)),
    ("token_signature_unchecked", "tokens are decoded, not verified", ("security.idor",), ("token",)),
    ("csrf_unchecked", "the middleware is not used by this route", ("security.csrf",), ("form",)),
)

_LIMIT = _of(
    "rate_limit",
    ("limit_off", "the limiter's store is not configured", ("security.rate-limit",), ("limit",)),
    ("limit_for_all", "all devices share one key", ("security.rate-limit",), ("not kept per caller",)),
)

FAULTS: tuple[Fault, ...] = tuple(
    _METRICS + _FIGURES + _ALERTS + _ROUTING + _LOGS + _PRIVACY + _TRACES + _BESIDE + _SENTRY + _RECORDS + _ACCESS + _LIMIT
)
