"""This file is for what ImmoflowMe counts: the table of its document, and the counters that its alerts look at."""

from __future__ import annotations

import time
from collections.abc import Collection

from vedette.reference.kit.metrics import Metrics

_RUN_S = (1.0, 10.0, 60.0, 300.0, 900.0, 1800.0, 3600.0)


def families(bugs: Collection[str]) -> Metrics:
    """Return the families, as yet without values of their own."""
    made = Metrics(bugs)
    made.add("counter", "http_requests_total", "Requests", ("method", "route", "status"))
    made.add("histogram", "http_request_duration_seconds", "Time of requests", ("method", "route"))
    made.add("gauge", "http_requests_in_flight", "Requests under way")
    made.add("counter", "billing_invoices_generated_total", "Invoices made")
    made.add("counter", "billing_lines_upserted_total", "Lines written by billing runs")
    made.add("histogram", "billing_run_duration_seconds", "Time of billing runs", (), _RUN_S)
    made.add("counter", "billing_conflicts_total", "Lines that a run found already there")
    made.add("gauge", "job_queue_pending_total", "Jobs that wait")
    made.add("gauge", "nodejs_heap_used_bytes", "Memory")
    made.add("counter", "security_idor_attempts_total", "Reaches for what is somebody else's")
    made.add("counter", "security_csrf_failures_total", "Forms without their page's token")
    made.add("counter", "auth_failures_total", "Logins that were refused")
    made.add("counter", "rate_limit_exceeded_total", "Requests that were one too many")
    made.add("gauge", "process_start_time_seconds", "Start of the process, Unix time")
    made.set("process_start_time_seconds", to=time.time())
    made.set("nodejs_heap_used_bytes", to=73_400_320)
    return made
