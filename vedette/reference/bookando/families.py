"""This file is for the metric families of the booking platform, as its document lists them."""

from __future__ import annotations

from collections.abc import Collection

from vedette.reference.bookando.people import OTHER_TENANT, TENANT
from vedette.reference.kit.metrics import Metrics

_P = "bookando_"
_FAMILIES = (
    ("counter", "appointments_total", "Appointments by status", ("tenant_id", "status")),
    ("counter", "payments_total", "Payments by gateway and status", ("tenant_id", "gateway", "status")),
    ("counter", "invoices_total", "Invoices by currency", ("tenant_id", "currency")),
    ("gauge", "active_tenants", "Tenants that are active, by plan", ("plan",)),
    ("gauge", "active_users", "Users that are active, by role", ("tenant_id", "role")),
    ("histogram", "bookings_per_day", "Bookings of a day", ("tenant_id",)),
    ("histogram", "http_request_duration_seconds", "Time of requests", ("method", "route", "status")),
    ("counter", "http_requests_total", "Requests answered", ("method", "route", "status")),
    ("histogram", "db_query_duration_seconds", "Time of queries", ("operation", "table")),
    ("gauge", "queue_depth", "Jobs by status", ("status",)),
    ("histogram", "queue_job_duration_seconds", "Time of jobs", ("job_class", "status")),
    ("histogram", "external_api_duration_seconds", "Time of calls to others", ("host", "status")),
    ("counter", "cache_hits_total", "Answers from the cache", ()),
    ("counter", "cache_misses_total", "Answers that the cache did not have", ()),
    ("gauge", "sync_outbox_pending", "Messages that wait to be sent", ("tenant_id",)),
    ("counter", "sync_conflicts_total", "Conflicts found", ("entity_type",)),
    ("counter", "rate_limit_exceeded_total", "Requests refused by the limiter", ("type",)),
    ("counter", "auth_failures_total", "Logins refused", ("method", "reason")),
)


def families(bugs: Collection[str]) -> Metrics:
    """Return the families with what a system that runs for a while has in them."""
    made = Metrics(bugs)
    for sort, name, about, labels in _FAMILIES:
        made.add(sort, _P + name, about, labels)
    for status in ("pending", "processing", "failed", "dead"):
        made.set(_P + "queue_depth", status, to=0)
    for tenant in (TENANT, OTHER_TENANT):
        made.set(_P + "active_users", tenant, "admin", to=1)
        made.set(_P + "sync_outbox_pending", tenant, to=0)
        made.observe(_P + "bookings_per_day", tenant, seconds=3)
    made.set(_P + "active_tenants", "pro", to=2)
    made.inc(_P + "invoices_total", TENANT, "CHF")
    made.inc(_P + "payments_total", TENANT, "stripe", "captured")
    made.inc(_P + "sync_conflicts_total", "appointment", by=0)
    made.inc(_P + "rate_limit_exceeded_total", "user", by=0)
    made.inc(_P + "cache_hits_total", by=9)
    made.inc(_P + "cache_misses_total")
    return made
