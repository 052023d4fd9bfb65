"""This file is for the catalogue of faults: each one a mistake that a developer could make on a Friday."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from probes.outcome import Verdict

_BROKEN = frozenset({Verdict.FAIL})
_UNPROVEN = frozenset({Verdict.FAIL, Verdict.INCONCLUSIVE})


@dataclass(frozen=True, slots=True)
class Fault:
    """A bug of the reference target, and what must come of it.

    `owner` is the probe kind that has to catch it; `hint` holds words that its sentence or a failed check must
    contain, so that the bug is caught for the right reason. A `vacuity` fault takes away what the probe looks
    at, so that a careless probe would pass; it may be called inconclusive as well as failed.
    """

    name: str
    owner: str
    story: str
    hint: tuple[str, ...]
    vacuity: bool = False

    @property
    def expected(self) -> frozenset[Verdict]:
        return _UNPROVEN if self.vacuity else _BROKEN


def named(name: str) -> Fault:
    """Return the fault of that name. Raises: ValueError that names a near miss."""
    if name in FAULTS:
        return FAULTS[name]
    near = difflib.get_close_matches(name, FAULTS, 1)
    raise ValueError(f"there is no fault '{name}'" + (f", did you mean '{near[0]}'?" if near else ""))


def _of(owner: str, *faults: tuple[str, str, tuple[str, ...]], vacuity: bool = False) -> list[Fault]:
    return [Fault(name, owner, story, hint, vacuity) for name, story, hint in faults]


_HTTP = _of(
    "http",
    ("api_maintenance_page", "the maintenance page is served with status 200", ("html",)),
    ("api_error_with_200", "an error of the database is caught and answered with status 200", ("success",)),
    ("api_slow", "a call to a slow service was put into the request", ("time of the answer",)),
    ("api_slots_empty", "a refactored query finds no slots any more", ("slots",)),
    ("api_numbers_as_text", "a new serializer writes numbers as text", ("event_type_id",)),
    ("api_fails", "the release was started without its configuration", ("500",)),
    ("api_answer_cut", "the worker dies while it answers", ("body",)),
    ("api_redirects_to_login", "the route moved behind the login by mistake", ("302",)),
) + _of(
    "http",
    ("api_canned_answer", "a stub of the front-end team went live, which answers the same to everybody", ("service",)),
    vacuity=True,
)

_HEALTH = _of(
    "health",
    ("health_ready_lies", "readiness answers 200 without asking the database", ("database",)),
    ("health_live_needs_database", "liveness asks the database, so an outage restarts every container", ("live",)),
    ("health_culprit_unnamed", "readiness turns 503 but shows every dependency as ok", ("database",)),
    ("health_dependency_unchecked", "the check of Redis was lost in a merge", ("redis",)),
    ("health_dependency_unknown", "the check of Redis is not done yet and says 'unknown'", ("redis", "unknown")),
    ("health_timestamp_frozen", "the timestamp is taken when the image is built", ("timestamp",)),
    ("health_timestamp_without_offset", "the timestamp is written in the database's form", ("timestamp", "offset")),
    ("health_cacheable", "a middleware lets every GET be cached for a minute", ("cache",)),
    ("health_html", "the web server answers for the application, with a page", ("html",)),
    ("health_text_plain", "the body is JSON but says that it is text", ("text/plain",)),
    ("health_needs_login", "the health routes were moved into the group that needs a login", ("401",)),
    ("health_live_slow", "liveness writes to a log on a slow disk first", ("live",)),
    ("health_stack_trace_shown", "the last exception is shown for the operators' comfort", ("stack trace",)),
    ("health_dsn_shown", "the connection string is shown for the operators' comfort", ("connection string",)),
    ("health_alias_disagrees", "the alias still checks a service that was retired", ("alias",)),
    ("health_startup_missing", "the start-up route was forgotten", ("startup",)),
) + _of(
    "health",
    ("catch_all_answers_ok", "a catch-all route answers 200 and 'ok' to every path", ()),
    ("health_ready_remembered", "readiness is remembered for ever after the first answer", ("database",)),
    ("health_alias_always_up", "the alias is a constant from the old days", ("alias",)),
    vacuity=True,
)

_CACHE = _of(
    "tenant_cache_isolation",
    ("cache_key_without_tenant", "the cache key lacks the company", ("tenant",)),
    ("cache_tenant_context_global", "the company is kept in a field that all requests share", ("tenant",)),
    ("cache_key_concatenated", "company and branch stand side by side in the key, so 1+50 meets 15+0", ("tenant",)),
    ("cache_hit_from_shared_layer", "a quicker cache in front of the real one forgets the company", ("tenant",)),
    ("cache_marker_stamped_on", "the company id is written over another company's cached answer", ("tenant",)),
    ("cache_unstable", "each hit shuffles the cached slots", ("two different answers",)),
    ("cache_fill_shared", "requests that come together share one filling, whoever they are for", ("tenant",)),
    ("tenant_ignored", "every caller is taken for company 15", ("tenant",)),
    ("tenant_marker_missing", "the answer does not say any more whose it is", ("company_id",)),
) + _of(
    "tenant_cache_isolation",
    ("cache_off", "the cache driver is set to 'array', so nothing is ever kept", ("cache",)),
    vacuity=True,
)

_LOGS = _of(
    "log_privacy",
    ("log_email_raw", "the e-mail address is put into the message instead of the context", ("email",)),
    ("log_phone_raw", "the phone number is put into the message", ("phone",)),
    ("log_name_raw", "the customer's name is put into the message", ("name",)),
    ("log_password_raw", "a failed login is logged with its password", ("password",)),
    ("log_iban_raw", "the bank account is put into the message", ("iban",)),
    ("log_bearer_header", "all headers are logged, the authorization among them", ("token",)),
    ("log_body_base64", "the raw body is logged as base64", ("base64",)),
    ("log_body_hex", "the raw body is logged as hex", ("hex",)),
    ("log_query_urlencoded", "the full address is logged with its query", ()),
    ("log_path_raw", "unknown paths are logged as they came", ()),
    ("log_validation_error_leaks", "the input is logged when validation fails", ()),
    ("log_server_error_leaks", "the failed statement is logged with its values", ()),
    ("log_stack_arguments", "the stack trace is logged with its arguments", ()),
    ("log_email_upper", "the address is logged in upper case for a look-up", ("email",)),
    ("log_phone_regrouped", "the number is logged as the dialler groups its digits", ("phone",)),
    ("log_json_escapes", "the forwarded JSON is logged with its escapes", ()),
    ("log_html_entities", "the rendered mail is logged as HTML", ("email",)),
    ("log_wrapped_lines", "a debug printer wraps long lines in the middle of the address", ("email",)),
    ("log_debug_dump", "a var_dump was left in", ()),
    ("log_late", "a queued job logs the address a moment after the answer", ("email",)),
    ("log_other_customer", "a reminder for another customer is logged with her address", ("email",)),
    ("log_markers_missing", "the payload is not logged at all, so its redaction cannot be seen", ("EMAIL_REDACTED",)),
) + _of(
    "log_privacy",
    ("log_nothing", "the log channel is set to 'null'", ("log",)),
    ("log_other_file", "the release writes to another file than the one that is read", ("log",)),
    ("log_level_raised", "the level is raised to warning, so good requests leave no line", ("log",)),
    ("log_correlation_missing", "the lines lost their correlation id, so ours cannot be told from others'", ("log",)),
    vacuity=True,
)

_LIMIT = _of(
    "rate_limit",
    ("limit_off", "the middleware is not registered", ("limit",)),
    ("limit_500", "the limit has a zero too many", ("limit",)),
    ("limit_20", "the limit of another route is used", ("limit",)),
    ("limit_global", "calls are counted per address, and all come through one proxy", ()),
    ("limit_answers_500", "the limiter's exception is not handled", ("500",)),
    ("limit_retry_after_missing", "the refusal does not say when to come back", ("retry-after",)),
    ("limit_retry_after_absurd", "Retry-After holds an instant where seconds belong", ("retry-after",)),
    ("limit_key_random", "the counter's key holds a random part", ("limit",)),
    ("limit_per_connection", "the counter's key holds the caller's port", ("limit",)),
    ("limit_not_atomic", "the counter is read, then written, with a wait between", ("limit",)),
    ("limit_leaky", "every third request over the limit is served", ("limit of 50",)),
    ("limit_case_escape", "the call id is compared as it is written", ("case",)),
    ("limit_whitespace_escape", "the call id is not trimmed", ("space",)),
    ("limit_forwarded_for_escape", "X-Forwarded-For is part of the counter's key", ("forwarded",)),
    ("limit_bystander_blocked", "once one caller is over the limit, all are refused", ()),
    ("limit_remaining_frozen", "X-RateLimit-Remaining never falls", ("remaining",)),
) + _of(
    "rate_limit",
    ("limit_blocks_everyone", "every request is refused with 429 from the first one on", ("first",)),
    vacuity=True,
)

_HOURS = _of(
    "business_hours",
    ("hours_not_adjusted", "requests outside the opening hours are taken as they are", ("09:00",)),
    ("hours_server_in_utc", "the server's zone is UTC, and wishes are read in it", ()),
    ("hours_summer_time_ignored", "the offset is +01:00 all year round", ()),
    ("hours_closing_inclusive", "19:00 sharp is still taken for open", ("19:00",)),
    ("hours_saturday_open", "the week is Monday to Saturday", ("Saturday",)),
    ("hours_holidays_forgotten", "the list of holidays is empty", ("holiday",)),
    ("hours_next_day_unchecked", "after closing the wish moves to the next day, open or not", ()),
    ("hours_early_loses_a_day", "before opening the wish moves to the next day instead of the same", ()),
    ("hours_ignores_request", "the wished time is ignored, ten o'clock is always offered", ()),
    ("hours_flag_missing", "the answer does not say any more that the time was moved", ("adjusted",)),
    ("hours_adjustment_unlogged", "the log line of the adjustment was removed", ("Auto-adjusted",)),
) + _of(
    "business_hours",
    ("hours_adjust_everything", "every wish is moved to the next day's opening", ()),
    vacuity=True,
)

_BREAKER = _of(
    "circuit_breaker",
    ("breaker_absent", "the calendar service is called without the breaker", ("open",)),
    ("breaker_threshold_10", "it opens after ten failures instead of five", ("5",)),
    ("breaker_threshold_2", "it opens after two failures instead of five", ("5",)),
    ("breaker_opens_at_once", "it opens at the first failure", ("5",)),
    ("breaker_threshold_misdeclared", "the state endpoint declares another threshold", ("threshold",)),
    ("breaker_never_half_opens", "once open it stays open until somebody resets it", ("recover", "half-open")),
    ("breaker_recovers_late", "it stays open twenty times as long as declared", ("recover",)),
    ("breaker_open_still_calls", "while open it calls the dependency all the same", ("call",)),
    ("breaker_open_slow", "while open it waits for the time-out before it refuses", ("open",)),
    ("breaker_retry_after_missing", "the refusal does not say when to come back", ("retry-after",)),
    ("breaker_fallback_lies", "while open it offers made-up slots as if they were real", ()),
    ("breaker_state_frozen", "the state endpoint always says closed", ("state",)),
    ("breaker_state_missing", "the state is gone from the detailed health answer", ("state",)),
    ("breaker_counter_never_resets", "a success does not reset the count of failures", ("failure",)),
    ("breaker_open_at_start", "the release starts with a breaker that is stuck open", ("open",)),
) + _of(
    "circuit_breaker",
    ("breaker_lever_dead", "the switch that should take the dependency down does nothing", ()),
    ("cache_masks_outage", "the cache answers for every day and service, so the outage cannot be seen", ()),
    vacuity=True,
)

FAULTS: dict[str, Fault] = {fault.name: fault for fault in (*_HTTP, *_HEALTH, *_CACHE, *_LOGS, *_LIMIT, *_HOURS, *_BREAKER)}
