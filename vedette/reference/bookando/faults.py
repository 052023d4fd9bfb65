"""This file is for the faults of the booking platform, which the suite `bookando` must catch."""

from __future__ import annotations

from vedette.reference.fault import Fault


def _of(owner: str, *faults: tuple[str, str, tuple[str, ...], tuple[str, ...]], vacuity: bool = False) -> list[Fault]:
    """Each: the bug's name in the code, its story, the ids of what it breaks, words of the sentence that must catch it."""
    return [
        Fault(f"bookando_{bug.replace('.', '_')}", owner, story, hint, vacuity, "bookando", breaks, bug)
        for bug, story, breaks, hint in faults
    ]


_LOGS = _of(
    "log_contract",
    (
        "log_not_json",
        "the development formatter went live, which writes key=value",
        ("log.json-lines",),
        ("text instead of json",),
    ),
    ("log_pretty", "JSON is written for people, over several lines", ("log.json-lines",), ("several lines",)),
    ("log_two_on_a_line", "the line end was lost in a new handler", ("log.json-lines",), ("line",)),
    ("log_coloured", "the console formatter colours the lines of the server, too", ("log.json-lines",), ("colour",)),
    ("log_time_local", "the timestamp is the server's wall clock, without an offset", ("log.timestamp",), ("timestamp",)),
    ("log_time_wrong", "the timestamp's format has the week's year in it", ("log.timestamp",), ("timestamp",)),
    ("log_without_timestamp", "the new formatter calls the time 'time'", ("log.timestamp",), ("timestamp",)),
    ("log_level_unknown", "a library brings a level of its own", ("log.level",), ("level",)),
    ("log_without_level", "the level went into the file's name", ("log.level",), ("level",)),
    ("log_message_nested", "the message became an object", ("log.message",), ("message",)),
    ("log_without_message", "entries have a context and no message any more", ("log.message",), ("message",)),
    ("log_without_correlation_id", "the processor that adds the id is not registered", ("log.correlation-id",), ("correlation",)),
    ("log_without_tenant_id", "the tenant is only added where somebody is logged in", ("log.tenant-id",), ("tenant_id",)),
    ("log_duration_as_text", "durations are written with their unit", ("log.further-fields",), ("duration_ms",)),
    ("log_call_shared", "the ids of the first request are kept in a static field", ("correlation.in-logs",), ("",)),
    ("job_correlation_lost", "the worker makes an id of its own", ("correlation.job",), ("the confirmation job", "traced back")),
    ("job_retry_correlation_lost", "only the first attempt has the id", ("correlation.job",), ("second attempt",)),
    ("job_tenant_lost", "the worker does not know for whom it works", ("boundary.job",), ("tenant_id",)),
    ("webhook_keeps_id", "a webhook is logged under the id that the gateway sends", ("correlation.webhook",), ("webhook",)),
    ("webhook_unlinked", "the new id of a webhook is linked to nothing", ("correlation.webhook",), ("webhook",)),
    ("log_queries_missing", "the query log was turned off to save disk", ("boundary.db-query",), ("the query",)),
    ("log_external_missing", "the HTTP client was replaced by one that logs nothing", ("boundary.external-call",), ("gateway",)),
    ("log_sync_missing", "calendar syncs are no longer logged", ("boundary.calendar-sync",), ("calendar sync",)),
    ("log_webhook_missing", "webhooks are answered before the logger is ready", ("boundary.webhook",), ("webhook",)),
    ("log_requests_missing", "the access log was moved to the proxy", ("boundary.http-request",), ("request's own line",)),
) + _of(
    "log_contract",
    ("log_nothing", "the channel is set to 'null'", ("log.json-lines",), ("nothing was logged",)),
    ("log_other_file", "the release writes to another file", ("log.json-lines",), ("nothing was logged",)),
    ("log_level_raised", "the level was raised to warning", ("log.level",), ("nothing",)),
    ("jobs_never_run", "no worker is running, so no job says anything", ("boundary.job",), ("the confirmation job",)),
    vacuity=True,
)

_CORRELATION = _of(
    "correlation",
    ("correlation_not_echoed", "the header is added in a middleware that was removed", ("correlation.taken-over",), ("id",)),
    ("correlation_ignored", "an id from outside is overwritten", ("correlation.taken-over",), ("id",)),
    ("correlation_not_uuid", "ids are made of the clock", ("correlation.generated",), ("uuid",)),
    ("correlation_unchecked", "whatever is sent is taken for an id", ("correlation.taken-over",), ("hostile",)),
) + _of(
    "correlation",
    ("correlation_constant", "the id is made when the process starts", ("correlation.generated",), ("id",)),
    vacuity=True,
)

_METRICS = _of(
    "metrics_contract",
    (
        "metrics_without_bookando_payments_total",
        "the payments' metric was renamed",
        ("metrics.business",),
        ("bookando_payments_total",),
    ),
    (
        "metrics_without_bookando_http_requests_total",
        "requests are counted by the proxy now",
        ("metrics.http",),
        ("bookando_http_requests_total",),
    ),
    (
        "metrics_without_bookando_db_query_duration_seconds",
        "queries are no longer timed",
        ("metrics.database",),
        ("bookando_db_query_duration_seconds",),
    ),
    (
        "metrics_without_bookando_queue_depth",
        "the queue's gauge is set by a worker that is gone",
        ("metrics.queue",),
        ("bookando_queue_depth",),
    ),
    (
        "metrics_without_bookando_external_api_duration_seconds",
        "the new HTTP client is not measured",
        ("metrics.external",),
        ("bookando_external_api_duration_seconds",),
    ),
    ("metrics_without_bookando_cache_hits_total", "the cache was replaced", ("metrics.cache",), ("bookando_cache_hits_total",)),
    (
        "metrics_without_bookando_sync_outbox_pending",
        "the outbox moved into another service",
        ("metrics.sync",),
        ("bookando_sync_outbox_pending",),
    ),
    (
        "metrics_without_bookando_rate_limit_exceeded_total",
        "the limiter moved into the proxy",
        ("metrics.rate-limit",),
        ("bookando_rate_limit_exceeded_total",),
    ),
    (
        "metrics_without_bookando_auth_failures_total",
        "failed logins are only logged",
        ("metrics.auth",),
        ("bookando_auth_failures_total",),
    ),
    ("metrics_untyped", "the families lost their types", ("metrics.http",), ("untyped",)),
    ("metrics_labels_lost", "a label was dropped to save series", ("metrics.http",), ("label",)),
    ("metrics_counter_as_gauge", "counters are written as gauges", ("metrics.http",), ("gauge",)),
    ("metrics_doubled", "a family is registered twice", ("metrics.business",), ("comes again",)),
    ("metrics_broken", "a label's value is written without quotes", ("metrics.business",), ("line",)),
    ("metrics_buckets_unsorted", "buckets are written from the largest to the smallest", ("metrics.http",), ("bucket",)),
    ("metrics_paths_raw", "the route's label holds the path as it was asked for", ("metrics.http",), ("moved by 0",)),
    ("metrics_reset", "each worker counts for itself, and all answer in turns", ("metrics.http",), ("moved by 0",)),
    ("metrics_html", "the address of the metrics shows a page", ("metrics.http",), ("html",)),
) + _of(
    "metrics_contract",
    ("metrics_frozen", "the exposition is kept by a cache", ("metrics.http",), ("moved by 0",)),
    ("metrics_not_counted", "the families are declared, and nobody counts", ("metrics.business",), ("moved by 0",)),
    vacuity=True,
)

_AUDIT = _of(
    "audit_log",
    (
        "audit_without_auth.login_failed",
        "only successful logins are audited",
        ("audit.auth",),
        ("auth.login_failed", "no audit record"),
    ),
    (
        "audit_without_appointment.rescheduled",
        "rescheduling goes past the service that audits",
        ("audit.appointments",),
        ("appointment.rescheduled",),
    ),
    ("audit_without_payment.webhook_received", "webhooks go past the audit", ("audit.payments",), ("payment.webhook_received",)),
    ("audit_without_payment.refunded", "refunds are made by a script", ("audit.payments",), ("payment.refunded",)),
    ("audit_without_invoice.exported", "reading is not audited, and an export reads", ("audit.invoices",), ("invoice.exported",)),
    ("audit_without_user.role_changed", "roles are changed by a bulk query", ("audit.users",), ("user.role_changed",)),
    (
        "audit_without_tenant.config_changed",
        "the tenant's settings are written past the audit",
        ("audit.tenant",),
        ("tenant.config_changed",),
    ),
    ("audit_without_sync.resync_started", "the resync is started by a job", ("audit.sync",), ("sync.resync_started",)),
    (
        "audit_without_security.path_traversal",
        "the guard refuses and tells nobody",
        ("audit.security",),
        ("security.path_traversal",),
    ),
    ("audit_before_lost", "the old values are not read any more", ("audit.settings",), ("before",)),
    ("audit_doubled", "the listener is registered twice", ("audit.schema",), ("2 audit records",)),
    ("audit_actor_lost", "who did it is taken from a session that is not there", ("audit.schema",), ("actor",)),
    ("audit_tenant_lost", "records are written for the system's own tenant", ("audit.appointments",), ("tenant_id",)),
    ("audit_time_wrong", "the clock of the audit's database goes wrong", ("audit.schema",), ("timestamp",)),
    ("audit_password_shown", "the request's body is kept as 'after'", ("audit.auth",), ("password",)),
    ("audit_correlation_lost", "records have ids of their own", ("audit.schema",), ("no audit record",)),
) + _of(
    "audit_log",
    ("audit_nothing", "the audit's queue is not worked off", ("audit.schema",), ("no audit record",)),
    ("audit_canned", "the audit's API answers with the example of its documentation", ("audit.schema",), ("",)),
    vacuity=True,
)

_ACCESS = _of(
    "access_control",
    ("tenant_unchecked", "an invoice is found by its number alone", ("tenancy.isolation",), ("another tenant",)),
    ("anonymous_allowed", "requests without a token are the first user's", ("tenancy.isolation",), ("without credentials",)),
    ("token_expiry_unchecked", "a token's end is not looked at", ("tenancy.isolation",), ("expired",)),
    ("token_signature_unchecked", "the token is decoded and not verified", ("tenancy.isolation",), ("token",)),
    ("token_none_accepted", "a token may say that it is not signed", ("tenancy.isolation",), ("none",)),
    ("webhook_signature_unchecked", "the signature's check is off 'for the moment'", ("boundary.webhook",), ("signature",)),
    ("webhook_replay_accepted", "a webhook's time is not looked at", ("boundary.webhook",), ("old",)),
) + _of(
    "access_control",
    ("invoice_gone", "the invoice that is asked for was deleted, so everybody gets 404", ("tenancy.isolation",), ("owner",)),
    vacuity=True,
)

_HTTP = _of(
    "http",
    ("flag_ignored", "the old code was removed, so the flag decides nothing", ("flags.kill-switch",), ("engine",)),
    ("flag_for_all_tenants", "a flag is kept for all tenants", ("flags.per-tenant",), ("another tenant",)),
    ("flag_name_free", "a flag was made in a hurry, and named so", ("flags.naming",), ("flags",)),
    ("env_served", "the document root is the project's folder", ("secrets.not-served",), (".env",)),
) + _of(
    "http",
    ("catch_all_answers_ok", "a catch-all route answers 200 to every path", ("secrets.not-served",), (".env",)),
    vacuity=True,
)

FAULTS = (*_LOGS, *_CORRELATION, *_METRICS, *_AUDIT, *_ACCESS, *_HTTP)
