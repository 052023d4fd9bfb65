"""This file is for the faults of AskPro that show in what it answers."""

from __future__ import annotations

from vedette.reference.askpro.fault_rows import askpro

HEALTH = askpro(
    "health",
    ("health_cacheable", "a middleware lets every GET be cached for a minute", ("immediate.health",), ("caches",)),
    ("health_timestamp_frozen", "the timestamp is taken when the image is built", ("immediate.health",), ("timestamp", "stale")),
    (
        "detailed_breaker_renamed",
        "the status was given shorter names in a refactoring",
        ("dashboard.breaker",),
        ("failure_count",),
    ),
    ("detailed_redis_missing", "the check of Redis was lost in a merge", ("immediate.redis",), ("does not name redis",)),
    (
        "brief_health_fails",
        "the brief answer needs a route cache that was not built",
        ("rollback.verified",),
        ("liveness answers 500",),
    ),
) + askpro(
    "health",
    (
        "catch_all_answers_ok",
        "a catch-all route answers 200 and 'ok' to every unknown path",
        ("immediate.health", "rollback.verified"),
        ("an address that cannot exist",),
    ),
    vacuity=True,
)

BREAKER = askpro(
    "circuit_breaker",
    (
        "breaker_open_at_start",
        "the release starts with a breaker that is stuck open",
        ("immediate.breaker", "rollback.breaker-stuck"),
        ("is open",),
    ),
    ("breaker_threshold_misdeclared", "the status declares the threshold of another service", ("dashboard.breaker",), ("50",)),
    (
        "breaker_state_missing",
        "the state is gone from the detailed health answer",
        ("watch.figures", "immediate.breaker"),
        ("no breaker",),
    ),
    (
        "breaker_absent",
        "Cal.com is called without the breaker",
        ("integration.breaker", "test5.opens", "before.breaker-tested"),
        ("never opened",),
    ),
    (
        "breaker_threshold_10",
        "it opens after ten failures",
        ("integration.breaker", "test5.opens"),
        ("opened only after 10 failures",),
    ),
    ("breaker_opens_at_once", "it opens at the first failure", ("trouble.breaker-cause",), ("opened already after 1 failure",)),
    (
        "breaker_counter_never_resets",
        "a success does not reset the count of failures",
        ("trouble.breaker-cause",),
        ("5 failures",),
    ),
    ("breaker_state_frozen", "the status always says closed", ("test5.status",), ("its state says 'closed",)),
    (
        "breaker_never_half_opens",
        "once open it stays open until somebody resets it",
        ("test5.restored", "days2-7.recovery", "success.recovery"),
        ("did not recover",),
    ),
    (
        "breaker_open_slow",
        "while open it waits for the time-out before it refuses",
        ("trouble.breaker-open",),
        ("answered only after",),
    ),
    (
        "calcom_error_unhandled",
        "an exception of the HTTP client is not caught any more",
        ("integration.calcom-errors",),
        ("a call was answered with status 503 instead of 502",),
    ),
    (
        "breaker_unlogged",
        "the event listener that logs changes was not registered",
        ("watch.errors",),
        ("circuit breaker opened",),
    ),
    (
        "calcom_exceptions_swallowed",
        "failures of Cal.com are counted and no longer logged",
        ("watch.calcom",),
        ("no line 'exception'",),
    ),
) + askpro(
    "circuit_breaker",
    (
        "breaker_lever_dead",
        "the switch that takes Cal.com down does nothing",
        ("test5.opens", "before.breaker-tested"),
        ("did not bite",),
    ),
    (
        "calcom_log_silent",
        "the channel of calcom.log is set to 'null'",
        ("monitoring.calcom-log", "watch.calcom"),
        ("nothing was logged",),
    ),
    vacuity=True,
)

HTTP = askpro(
    "http",
    ("api_slow", "a slow service is asked within the request", ("signoff.performance",), ("time of the answer",)),
    ("api_error_with_200", "a database error is caught and answered with 200", ("test1.answered",), ("success",)),
    ("api_numbers_as_text", "a new serializer writes the event type as text", ("integration.calcom",), ("event_type_id",)),
    ("api_fails", "the release was started without its configuration", ("test1.answered",), ("500",)),
) + askpro(
    "http",
    ("debug_left_on", "APP_DEBUG=true came along with staging's .env", ("monitoring.debug-only-there",), ("$.trace",)),
    target="production",
)

TENANTS = askpro(
    "tenant_cache_isolation",
    (
        "cache_key_without_tenant",
        "the cache key lacks the company",
        ("integration.cache-keys", "test1.keys", "trouble.collision-keys", "before.isolation-verified"),
        ("tenant 20", "tenant 15's slots", "from the cache"),
    ),
    (
        "tenant_ignored",
        "setTenantContext() is not called, so everybody is company 15",
        ("security.tenant-isolation", "trouble.collision", "rollback.tenant-leak", "alert.tenant-leak"),
        ("tenant 20", "tenant 15's slots"),
    ),
    (
        "cache_tenant_context_global",
        "the company is kept in a singleton that all requests share",
        ("trouble.collision", "days2-7.tenants", "hours2-24.isolation", "success.no-leak"),
        ("was served tenant",),
    ),
    (
        "cache_hit_from_shared_layer",
        "a quicker cache in front forgets the company",
        ("integration.cache-keys",),
        ("was served tenant",),
    ),
) + askpro(
    "tenant_cache_isolation",
    (
        "cache_off",
        "the cache driver is set to 'array', so nothing is kept",
        ("test1.keys", "integration.cache-keys"),
        ("not tested",),
    ),
    vacuity=True,
)

LIMIT = askpro(
    "rate_limit",
    (
        "limit_off",
        "the middleware is not registered",
        ("security.rate-limiter", "test3.refused", "hours1-2.limiter"),
        ("limit of 50",),
    ),
    ("limit_20", "the limit of another route is used", ("rollback.limiter", "test3.refused"), ("only 20 of 50 were served",)),
    ("limit_global", "calls are counted per address", ("trouble.limiter", "rollback.limiter"), ("another caller was refused",)),
    ("limit_case_escape", "the call id is compared as it is written", ("success.no-bypass",), ("in another case",)),
    (
        "limit_forwarded_for_escape",
        "X-Forwarded-For is part of the counter's key",
        ("success.no-bypass",),
        ("spoofed x-forwarded-for",),
    ),
    ("limit_answers_500", "the limiter's exception is not handled", ("test3.refused",), ("answered http 500",)),
    (
        "limit_unlogged",
        "refusals are no longer logged",
        ("test3.log", "watch.errors", "dashboard.limiter-log"),
        ("no line 'rate limit exceeded'",),
    ),
) + askpro(
    "rate_limit",
    (
        "limit_blocks_everyone",
        "every request is refused from the first one on",
        ("rollback.limiter", "trouble.limiter"),
        ("first request",),
    ),
    vacuity=True,
)

HOURS = askpro(
    "business_hours",
    (
        "hours_not_adjusted",
        "requests are taken as they come",
        ("integration.business-hours", "test4.adjusted"),
        ("before opening at 09:00",),
    ),
    ("hours_closing_inclusive", "19:00 sharp is still open", ("integration.business-hours",), ("19:00 is already closed",)),
    ("hours_holidays_forgotten", "the list of holidays is empty", ("days2-7.hours",), ("on a holiday",)),
    ("hours_adjustment_unlogged", "the log line of the adjustment was removed", ("test4.log",), ("auto-adjusted",)),
) + askpro(
    "business_hours",
    (
        "hours_adjust_everything",
        "every wish is moved to the next day's opening",
        ("integration.business-hours", "test4.adjusted"),
        ("inside opening hours came back as it was",),
    ),
    vacuity=True,
)

INPUT = askpro(
    "input_validation",
    ("input_markup_accepted", "the rule for the service's name was lost", ("security.input-validation",), ("accepted a script",)),
    (
        "input_markup_shown",
        "the refusal is a page that shows what was sent",
        ("success.no-injection",),
        ("unescaped in an html answer",),
    ),
    (
        "input_query_shown",
        "the refusal shows the statement that failed",
        ("success.no-injection",),
        ("shows a database's error",),
    ),
    (
        "input_surrogate_crashes",
        "half of a surrogate pair cannot be written again",
        ("security.input-validation",),
        ("half of a pair",),
    ),
    ("input_nesting_crashes", "deep nesting exhausts the parser's stack", ("security.input-validation",), ("nested 10000 deep",)),
    (
        "input_null_byte_accepted",
        "the parser of times stops at a null byte",
        ("security.input-validation",),
        ("accepted a null byte",),
    ),
    (
        "input_legal_refused",
        "the new rule knows plain ASCII letters only",
        ("security.input-validation",),
        ("refused the legal value",),
    ),
) + askpro(
    "input_validation",
    (
        "input_all_refused",
        "a required field that no caller sends was added",
        ("security.input-validation", "success.no-injection"),
        ("good request was not accepted",),
    ),
    vacuity=True,
)


ANSWERED = (*HEALTH, *BREAKER, *HTTP, *TENANTS, *LIMIT, *HOURS, *INPUT)
