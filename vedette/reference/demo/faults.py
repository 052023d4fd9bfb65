"""This file is for the faults of the booking service, which the suite `demo` must catch."""

from __future__ import annotations

from vedette.reference.fault import Fault


def faults_of(owner: str, *faults: tuple[str, str, tuple[str, ...]], vacuity: bool = False) -> list[Fault]:
    return [Fault(name, owner, story, hint, vacuity) for name, story, hint in faults]


_HTTP = faults_of(
    "http",
    ("api_maintenance_page", "the maintenance page is served with status 200", ("html",)),
    ("api_error_with_200", "an error of the database is caught and answered with status 200", ("success",)),
    ("api_slow", "a call to a slow service was put into the request", ("time of the answer",)),
    ("api_slots_empty", "a refactored query finds no slots any more", ("slots",)),
    ("api_numbers_as_text", "a new serializer writes numbers as text", ("event_type_id",)),
    ("api_fails", "the release was started without its configuration", ("500",)),
    ("api_answer_cut", "the worker dies while it answers", ("body",)),
    ("api_redirects_to_login", "the route moved behind the login by mistake", ("302",)),
) + faults_of(
    "http",
    ("api_canned_answer", "a stub of the front-end team went live, which answers the same to everybody", ("service",)),
    vacuity=True,
)

_HEALTH = faults_of(
    "health",
    ("health_ready_lies", "readiness answers 200 without asking the database", ("readiness", "all is well", "database")),
    (
        "health_live_needs_database",
        "liveness asks the database, so an outage restarts every container",
        ("liveness went down with database",),
    ),
    ("health_culprit_unnamed", "readiness turns 503 but shows every dependency as ok", ("does not name database",)),
    ("health_dependency_unchecked", "the check of Redis was lost in a merge", ("does not name redis",)),
    ("health_dependency_unknown", "the check of Redis is not done yet and says 'unknown'", ("redis", "unknown")),
    ("health_timestamp_frozen", "the timestamp is taken when the image is built", ("timestamp", "stale")),
    ("health_timestamp_without_offset", "the timestamp is written in the database's form", ("timestamp", "offset")),
    ("health_cacheable", "a middleware lets every GET be cached for a minute", ("caches",)),
    ("health_html", "the web server answers for the application, with a page", ("html",)),
    ("health_text_plain", "the body is JSON but says that it is text", ("text/plain",)),
    ("health_needs_login", "the health routes were moved into the group that needs a login", ("credentials",)),
    ("health_live_slow", "liveness writes to a log on a slow disk first", ("liveness took",)),
    ("health_stack_trace_shown", "the last exception is shown for the operators' comfort", ("stack trace",)),
    ("health_dsn_shown", "the connection string is shown for the operators' comfort", ("connection string",)),
    ("health_alias_disagrees", "the alias still checks a service that was retired", ("alias", "memcached")),
    ("health_startup_missing", "the start-up route was forgotten", ("start-up answers 404",)),
) + faults_of(
    "health",
    ("catch_all_answers_ok", "a catch-all route answers 200 and 'ok' to every path", ("an address that cannot exist",)),
    ("health_ready_remembered", "readiness is remembered for ever after the first answer", ("readiness timestamp stands still",)),
    ("health_alias_always_up", "the alias is a constant from the old days", ("alias", "database was down")),
    vacuity=True,
)

_CACHE = faults_of(
    "tenant_cache_isolation",
    ("cache_key_without_tenant", "the cache key lacks the company", ("tenant 20", "tenant 15's slots", "from the cache")),
    ("cache_tenant_context_global", "the company is kept in a field that all requests share", ("tenant", "was served tenant")),
    (
        "cache_key_concatenated",
        "company and branch stand side by side in the key, so 1+50 meets 15+0",
        ("tenant 15", "tenant 1's slots", "collide"),
    ),
    (
        "cache_hit_from_shared_layer",
        "a quicker cache in front of the real one forgets the company",
        ("was served tenant", "from the cache"),
    ),
    (
        "cache_marker_stamped_on",
        "the company id is written over another company's cached answer",
        ("tenant 20", "the same slots as tenant 15"),
    ),
    ("cache_unstable", "each hit shuffles the cached slots", ("two different answers",)),
    (
        "cache_fill_shared",
        "requests that come together share one filling, whoever they are for",
        ("was served tenant", "all at once"),
    ),
    ("tenant_ignored", "every caller is taken for company 15", ("tenant 20", "tenant 15's slots")),
    ("tenant_marker_missing", "the answer does not say any more whose it is", ("no marker at $.company_id",)),
) + faults_of(
    "tenant_cache_isolation",
    ("cache_off", "the cache driver is set to 'array', so nothing is ever kept", ("from the cache", "not tested")),
    vacuity=True,
)

_LOGS = faults_of(
    "log_privacy",
    (
        "log_email_raw",
        "the e-mail address is put into the message instead of the context",
        ("planted email address", "request 'success'"),
    ),
    ("log_phone_raw", "the phone number is put into the message", ("planted phone number",)),
    ("log_name_raw", "the customer's name is put into the message", ("planted name",)),
    ("log_password_raw", "a failed login is logged with its password", ("planted password",)),
    ("log_iban_raw", "the bank account is put into the message", ("planted iban",)),
    ("log_bearer_header", "all headers are logged, the authorization among them", ("planted token",)),
    ("log_body_base64", "the raw body is logged as base64", ("base64",)),
    ("log_body_hex", "the raw body is logged as hex", ("hex",)),
    ("log_query_urlencoded", "the full address is logged with its query", ("email", "URL-encoded")),
    ("log_path_raw", "unknown paths are logged as they came", ("request 'unknown path'",)),
    ("log_validation_error_leaks", "the input is logged when validation fails", ("request 'validation error'",)),
    ("log_server_error_leaks", "the failed statement is logged with its values", ("request 'server error'",)),
    ("log_stack_arguments", "the stack trace is logged with its arguments", ("planted name",)),
    ("log_email_upper", "the address is logged in upper case for a look-up", ("email", "case changed")),
    ("log_phone_regrouped", "the number is logged as the dialler groups its digits", ("phone", "separators")),
    ("log_json_escapes", "the forwarded JSON is logged with its escapes", ("JSON escapes",)),
    ("log_html_entities", "the rendered mail is logged as HTML", ("HTML entities",)),
    ("log_wrapped_lines", "a debug printer wraps long lines in the middle of the address", ("email", "two lines")),
    ("log_debug_dump", "a var_dump was left in", ("planted card",)),
    ("log_late", "a queued job logs the address a moment after the answer", ("planted email address",)),
    ("log_other_customer", "a reminder for another customer is logged with her address", ("that we did not send", "email")),
    (
        "log_markers_missing",
        "the payload is not logged at all, so its redaction cannot be seen",
        ("redaction marker", "EMAIL_REDACTED"),
    ),
) + faults_of(
    "log_privacy",
    ("log_nothing", "the log channel is set to 'null'", ("nothing was logged",)),
    ("log_other_file", "the release writes to another file than the one that is read", ("nothing was logged",)),
    (
        "log_level_raised",
        "the level is raised to warning, so good requests leave no line",
        ("nothing was logged", "request 'success'"),
    ),
    (
        "log_correlation_missing",
        "the lines lost their correlation id, so ours cannot be told from others'",
        ("nothing was logged", "none with an id of ours"),
    ),
    vacuity=True,
)

_LIMIT = faults_of(
    "rate_limit",
    ("limit_off", "the middleware is not registered", ("all served", "limit of 50")),
    ("limit_500", "the limit has a zero too many", ("all served", "limit of 50")),
    ("limit_20", "the limit of another route is used", ("only 20 of 50 were served",)),
    ("limit_global", "calls are counted per address, and all come through one proxy", ("another caller was refused",)),
    ("limit_answers_500", "the limiter's exception is not handled", ("answered HTTP 500",)),
    ("limit_retry_after_missing", "the refusal does not say when to come back", ("have no 'Retry-After'",)),
    ("limit_retry_after_absurd", "Retry-After holds an instant where seconds belong", ("Retry-After: 1893456000",)),
    ("limit_key_random", "the counter's key holds a random part", ("all served", "limit of 50")),
    ("limit_per_connection", "the counter's key holds the caller's port", ("all served", "limit of 50")),
    ("limit_not_atomic", "the counter is read, then written, with a wait between", ("served", "limit of 50")),
    ("limit_leaky", "every third request over the limit is served", ("served", "limit of 50")),
    ("limit_case_escape", "the call id is compared as it is written", ("escaped by writing its id in another case",)),
    ("limit_whitespace_escape", "the call id is not trimmed", ("escaped by a space",)),
    ("limit_forwarded_for_escape", "X-Forwarded-For is part of the counter's key", ("escaped by a spoofed X-Forwarded-For",)),
    ("limit_bystander_blocked", "once one caller is over the limit, all are refused", ("another caller was refused",)),
    ("limit_remaining_frozen", "X-RateLimit-Remaining never falls", ("remaining",)),
) + faults_of(
    "rate_limit",
    ("limit_blocks_everyone", "every request is refused with 429 from the first one on", ("first request",)),
    vacuity=True,
)

_HOURS = faults_of(
    "business_hours",
    ("hours_not_adjusted", "requests outside the opening hours are taken as they are", ("08:00", "before opening at 09:00")),
    ("hours_server_in_utc", "the server's zone is UTC, and wishes are read in it", ("time zone",)),
    ("hours_summer_time_ignored", "the offset is +01:00 all year round", ("the clocks change",)),
    ("hours_closing_inclusive", "19:00 sharp is still taken for open", ("19:00 is already closed",)),
    ("hours_saturday_open", "the week is Monday to Saturday", ("Saturday",)),
    ("hours_holidays_forgotten", "the list of holidays is empty", ("on a holiday",)),
    ("hours_next_day_unchecked", "after closing the wish moves to the next day, open or not", ("Fri", "on a Saturday")),
    (
        "hours_early_loses_a_day",
        "before opening the wish moves to the next day instead of the same",
        ("08:00", "though the next opening is 09:00"),
    ),
    ("hours_ignores_request", "the wished time is ignored, ten o'clock is always offered", ("answered with 10:00",)),
    ("hours_flag_missing", "the answer does not say any more that the time was moved", ("$.adjusted says False",)),
    ("hours_adjustment_unlogged", "the log line of the adjustment was removed", ("Auto-adjusted",)),
) + faults_of(
    "business_hours",
    (
        "hours_adjust_everything",
        "every wish is moved to the next day's opening",
        ("none of", "inside opening hours came back as it was"),
    ),
    vacuity=True,
)

_BREAKER = faults_of(
    "circuit_breaker",
    ("breaker_absent", "the calendar service is called without the breaker", ("never opened",)),
    ("breaker_threshold_10", "it opens after ten failures instead of five", ("opened only after 10 failures",)),
    ("breaker_threshold_2", "it opens after two failures instead of five", ("opened already after 2 failures",)),
    ("breaker_opens_at_once", "it opens at the first failure", ("opened already after 1 failure",)),
    ("breaker_threshold_misdeclared", "the state endpoint declares another threshold", ("says that it opens after 50 failures",)),
    (
        "breaker_never_half_opens",
        "once open it stays open until somebody resets it",
        ("did not recover", "never became half-open"),
    ),
    ("breaker_recovers_late", "it stays open twenty times as long as declared", ("did not recover",)),
    ("breaker_open_still_calls", "while open it calls the dependency all the same", ("still called the dependency",)),
    ("breaker_open_slow", "while open it waits for the time-out before it refuses", ("answered only after",)),
    ("breaker_retry_after_missing", "the refusal does not say when to come back", ("no Retry-After",)),
    ("breaker_fallback_lies", "while open it offers made-up slots as if they were real", ("status 200 instead of 503",)),
    ("breaker_state_frozen", "the state endpoint always says closed", ("its state says 'closed",)),
    ("breaker_state_missing", "the state is gone from the detailed health answer", ("there is no breaker",)),
    ("breaker_counter_never_resets", "a success does not reset the count of failures", ("5 failures",)),
    ("breaker_open_at_start", "the release starts with a breaker that is stuck open", ("is open",)),
) + faults_of(
    "circuit_breaker",
    ("breaker_lever_dead", "the switch that should take the dependency down does nothing", ("did not bite",)),
    ("cache_masks_outage", "the cache answers for every day and service, so the outage cannot be seen", ("call", "served")),
    vacuity=True,
)

_INPUT = faults_of(
    "input_validation",
    ("input_surrogate_crashes", "half of a surrogate pair is taken, and cannot be written into the answer", ("half of a pair",)),
    ("input_nesting_crashes", "arrays nested 10,000 deep exhaust the parser's stack", ("nested 10000 deep", "broke the target")),
    ("input_null_byte_accepted", "the parser of times stops at a null byte", ("$.args.time", "accepted a null byte")),
    (
        "input_markup_accepted",
        "the rule for the service's name was lost in a refactoring",
        ("$.args.service", "accepted a script"),
    ),
    ("input_markup_shown", "the refusal is a page that shows what was sent", ("gave a script", "unescaped in an html answer")),
    ("input_query_shown", "the refusal shows the statement that failed", ("shows a database's error",)),
    ("input_legal_refused", "the new rule knows plain ASCII letters only", ("refused the legal value",)),
) + faults_of(
    "input_validation",
    ("input_all_refused", "a required field that no caller sends yet was added to the rules", ("good request was not accepted",)),
    vacuity=True,
)

_CORRELATION = faults_of(
    "correlation",
    ("correlation_not_shown", "the middleware that sets the header was removed", ("no header x-correlation-id",)),
    (
        "correlation_ignored",
        "every request gets a fresh id, whatever the caller sent",
        ("another x-correlation-id than was sent",),
    ),
    ("correlation_unchecked", "whatever comes in the header is taken for an id", ("hostile id", "comes through")),
    ("correlation_not_uuid", "ids are made of six random bytes", ("without an id", "uuid")),
    ("correlation_made_once", "the id is made when the worker starts", ("were given the same one",)),
    ("trace_begun_anew", "the tracing library was started without its propagator", ("trace",)),
) + faults_of(
    "correlation",
    ("correlation_constant", "a proxy sets the header to a fixed text", ("x-correlation-id",)),
    vacuity=True,
)

FAULTS = (*_HTTP, *_HEALTH, *_CACHE, *_LOGS, *_LIMIT, *_HOURS, *_BREAKER, *_INPUT, *_CORRELATION)
