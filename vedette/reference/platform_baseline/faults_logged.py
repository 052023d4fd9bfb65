"""This file is for the faults in what the platform logs and hands on: lines, jobs, errors, ids."""

from __future__ import annotations

from vedette.reference.fault import Fault


def platform_fault(bug: str, owner: str, breaks: str, story: str, *hint: str, vacuity: bool = False, target: str = "") -> Fault:
    name, broken = f"platform_{bug.lower()}", tuple(breaks.split())
    return Fault(name, owner, story, hint, vacuity, system="platform_baseline", breaks=broken, bug=bug, target=target)


_LOG, _JOB, _ERR = "log_contract", "log_contract", "log_contract"
_LOGS = (
    platform_fault("log_not_json", _LOG, "log.json-lines", "a library prints past the logger", "json"),
    platform_fault("log_time_local", _LOG, "log.timestamp", "the formatter takes the server's wall clock", "timestamp"),
    platform_fault("log_level_unknown", _LOG, "log.level-and-message", "a new library has levels of its own", "level"),
    platform_fault(
        "log_without_service", _LOG, "log.service-and-environment", "the variable is not set in the container", "service"
    ),
    platform_fault(
        "log_environment_wrong", _LOG, "log.service-and-environment", "staging was started with the file of dev", "environment"
    ),
    platform_fault(
        "log_without_org_id", _LOG, "log.org-and-project", "the middleware of the org runs after the logger's", "org_id"
    ),
    platform_fault(
        "log_without_project_id", _LOG, "log.org-and-project", "the project is put in by one of two routers only", "project_id"
    ),
    platform_fault(
        "request_id_shared",
        _LOG,
        "log.request-id",
        "the id is made when the worker starts and not for each request",
        "request_id",
    ),
    platform_fault(
        "log_without_trace_id", _LOG, "log.trace-ids", "tracing was turned on, its ids were not put into the log", "trace_id"
    ),
    platform_fault(
        "log_without_user_id", _LOG, "log.user-id", "the session is read after the logger's context was made", "user_id"
    ),
    platform_fault("log_without_ip", _LOG, "log.ip-and-route", "the proxy's header was renamed, so the address is empty", "ip"),
    platform_fault("log_path_as_route", _LOG, "log.ip-and-route", "the path is logged where the route should be", "route"),
    platform_fault("log_duration_as_text", _LOG, "log.duration", "the duration is logged with its unit", "duration_ms"),
    platform_fault("log_without_outcome", _LOG, "log.outcome", "the outcome is told in the message only", "outcome"),
    platform_fault("log_without_source", _LOG, "log.source", "the field was called component before, and is so still", "source"),
    platform_fault(
        "outcome_always_success",
        _LOG,
        "errors.outcome",
        "whoever handles an error first answers, and it counts as done",
        "outcome",
    ),
    platform_fault(
        "outbound_redis_unlogged", _LOG, "correlation.outbound", "the client of Redis was changed, its hook was not", "redis"
    ),
    platform_fault(
        "outbound_db_without_id", _LOG, "correlation.outbound", "queries run in a pool that does not know the request", "query"
    ),
    platform_fault("debug_missing", _LOG, "levels.per-environment", "staging was given the level of production", "debug"),
    platform_fault(
        "debug_in_production",
        _LOG,
        "levels.per-environment",
        "the level of a bad night was left as it was",
        "'level' is 'debug'",
        target="production",
    ),
    platform_fault(
        "log_nothing", _LOG, "log.json-lines", "the logger's handler was removed by a library", "nothing was logged", vacuity=True
    ),
    platform_fault(
        "log_other_file", _LOG, "log.json-lines", "the release logs to a file of its own", "nothing was logged", vacuity=True
    ),
    platform_fault(
        "log_call_shared",
        _LOG,
        "log.correlation-id",
        "the context is that of the first request",
        "nothing was logged",
        vacuity=True,
    ),
)
_JOBS = (
    platform_fault(
        "job_correlation_lost", _JOB, "correlation.into-jobs", "the payload is built before the id is known", "attempt"
    ),
    platform_fault("job_request_lost", _JOB, "correlation.job-context", "the worker makes a request id of its own", "request_id"),
    platform_fault(
        "job_retry_correlation_lost", _JOB, "correlation.retries", "a retry is enqueued anew, without its metadata", "goes well"
    ),
    platform_fault(
        "outbound_http_without_id", _JOB, "correlation.outbound", "the client of the storage logs in a thread", "storage"
    ),
    platform_fault(
        "outbound_http_untraced",
        _JOB,
        "tracing.stitched",
        "the client of the storage begins a trace of its own",
        "storage",
        "trace_id",
    ),
    platform_fault(
        "outbound_queue_untraced", _JOB, "tracing.stitched", "the queue's library does not hand the trace on", "trace_id"
    ),
    platform_fault(
        "job_retry_told_as_success", _JOB, "log.outcome", "what will be tried again is told as done", "attempt that fails"
    ),
    platform_fault(
        "jobs_never_run",
        _JOB,
        "correlation.into-jobs",
        "the worker is not subscribed to the new queue",
        "nothing of",
        vacuity=True,
    ),
)
_ERRORS = (
    platform_fault("log_error_as_text", _ERR, "errors.fields", "the exception is logged as one text", "error"),
    platform_fault("log_stack_missing", _ERR, "errors.fields", "the stack is left out to save space", "stack"),
    platform_fault("validation_without_org", _ERR, "errors.validation", "validation runs before the org is known", "org_id"),
    platform_fault(
        "validation_not_logged",
        _ERR,
        "errors.validation",
        "a 422 counts as the caller's own affair",
        "nothing was logged",
        vacuity=True,
    ),
    platform_fault("input_unchecked", "input_validation", "errors.validation", "the name is taken as it comes", "accepted"),
    platform_fault("input_crashes", "input_validation", "errors.validation", "the name is checked before its type is", "500"),
    platform_fault(
        "input_refuses_all",
        "input_validation",
        "errors.validation",
        "the rule's expression has an end too many",
        "good",
        vacuity=True,
    ),
)
_CORRELATION = (
    platform_fault(
        "correlation_ignored",
        "correlation",
        "correlation.echoed",
        "the proxy in front makes an id for each request",
        "another x-correlation-id",
    ),
    platform_fault(
        "correlation_not_echoed",
        "correlation",
        "correlation.echoed",
        "the header is not among those that are exposed",
        "no header",
    ),
    platform_fault(
        "log_without_correlation_id",
        "correlation",
        "log.correlation-id",
        "the processor of the logger was lost in a merge",
        "log",
    ),
    platform_fault("trace_not_continued", "correlation", "tracing.w3c", "the propagator is B3, as it was before", "trace"),
    platform_fault(
        "correlation_constant",
        "correlation",
        "correlation.echoed",
        "the id is kept in a variable of the module",
        "did not come back each",
        vacuity=True,
    ),
    platform_fault(
        "frontend_header_other",
        "browser",
        "correlation.frontend",
        "the new client of the frontend names the header otherwise",
        "without x-correlation-id",
    ),
    platform_fault(
        "frontend_asks_nothing",
        "browser",
        "correlation.frontend",
        "the page shows what it had kept",
        "asks nothing",
        vacuity=True,
    ),
)
LOGGED = (*_LOGS, *_JOBS, *_ERRORS, *_CORRELATION)
