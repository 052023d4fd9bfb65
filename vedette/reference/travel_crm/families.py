"""This file is for the metric families of the CRM, as its metrics service makes them, and prom-client's own."""

from __future__ import annotations

import resource
import time
from collections.abc import Collection

from vedette.reference.kit.metrics import Metrics

PREFIX = "travel_crm_"
MEMORY_BYTES = 180_000_000
_HTTP = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
_QUERIES = (0.01, 0.05, 0.1, 0.5, 1.0, 2.0, 5.0)
_FAMILIES: tuple[tuple[str, str, str, tuple[str, ...], tuple[float, ...]], ...] = (
    ("histogram", "http_request_duration_seconds", "Duration of HTTP requests", ("method", "route", "status_code"), _HTTP),
    ("counter", "http_requests_total", "Total number of HTTP requests", ("method", "route", "status_code"), ()),
    ("gauge", "active_connections", "Number of active connections", (), ()),
    ("histogram", "db_query_duration_seconds", "Duration of database queries", ("operation", "collection"), _QUERIES),
    ("counter", "emails_sent_total", "Total number of emails sent", ("status", "type"), ()),
    ("counter", "bookings_created_total", "Total number of bookings created", ("status",), ()),
    ("counter", "payments_processed_total", "Total number of payments processed", ("gateway", "status"), ()),
    ("gauge", "cache_hit_rate", "Cache hit rate percentage", ("cache_type",), ()),
    ("gauge", "job_queue_size", "Number of jobs in queue", ("queue_name", "status"), ()),
    ("counter", "sla_breaches_total", "Total number of SLA breaches", ("severity",), ()),
    ("counter", "process_cpu_user_seconds_total", "User CPU time spent", (), ()),
    ("counter", "process_cpu_system_seconds_total", "System CPU time spent", (), ()),
    ("counter", "process_cpu_seconds_total", "User and system CPU time spent", (), ()),
    ("gauge", "process_start_time_seconds", "Start time of the process since the epoch", (), ()),
    ("gauge", "process_resident_memory_bytes", "Resident memory size", (), ()),
    ("gauge", "nodejs_eventloop_lag_seconds", "Lag of the event loop", (), ()),
    ("gauge", "nodejs_heap_size_total_bytes", "Process heap size", (), ()),
    ("gauge", "nodejs_heap_size_used_bytes", "Process heap size used", (), ()),
    ("gauge", "nodejs_version_info", "Node.js version info", ("version", "major", "minor", "patch"), ()),
)


def families(bugs: Collection[str]) -> Metrics:
    """Return the families with what a system that has run for a while has in them."""
    made = Metrics(bugs)
    prefix = "" if "default_metrics_prefix_lost" in bugs else PREFIX  # of the default metrics
    for sort, name, about, labels, buckets in _FAMILIES:
        own = name.partition("_")[0] not in ("process", "nodejs")
        wanted = (0.005, 0.05, 0.5, 5.0) if "metrics_buckets_default" in bugs and buckets else buckets
        made.add(sort, (PREFIX if own else prefix) + name, about, labels, wanted)
    made.set(prefix + "process_start_time_seconds", to=time.time())
    made.set(prefix + "nodejs_eventloop_lag_seconds", to=0.002)
    made.set(prefix + "nodejs_heap_size_total_bytes", to=96_000_000)
    made.set(prefix + "nodejs_version_info", "v18.20.4", "18", "20", "4", to=1)
    _served_before(made, bugs)
    measure_process(made, bugs)
    return made


def _served_before(made: Metrics, bugs: Collection[str]) -> None:
    labels = ("GET", "/api/bookings", "200")
    made.inc(PREFIX + "http_requests_total", *labels, by=4000)
    made.inc(PREFIX + "http_requests_total", "GET", "/api/bookings", "500", by=600 if "error_rate_high" in bugs else 4)
    made.observe(PREFIX + "http_request_duration_seconds", *labels, seconds=0.04)
    made.observe(PREFIX + "db_query_duration_seconds", "find", "bookings", seconds=0.004)
    for status in ("sent", "failed"):
        made.inc(PREFIX + "emails_sent_total", status, "transactional", by=3)
    made.inc(PREFIX + "bookings_created_total", "confirmed", by=12)
    made.inc(PREFIX + "payments_processed_total", "stripe", "success", by=9)
    made.inc(PREFIX + "sla_breaches_total", "warning", by=0)
    made.set(PREFIX + "cache_hit_rate", "bookings", to=1011 if "cache_hits_by_misses" in bugs else 91)
    for status in ("waiting", "active", "failed"):
        made.set(PREFIX + "job_queue_size", "emails", status, to=-1 if "queue_size_negative" in bugs else 0)


def measure_process(made: Metrics, bugs: Collection[str]) -> None:
    """Measure what prom-client measures by itself at each scrape."""
    prefix = "" if "default_metrics_prefix_lost" in bugs else PREFIX
    usage = resource.getrusage(resource.RUSAGE_SELF)
    for name, seconds in (
        ("user_seconds", usage.ru_utime),
        ("system_seconds", usage.ru_stime),
        ("seconds", usage.ru_utime + usage.ru_stime),
    ):
        made.set(f"{prefix}process_cpu_{name}_total", to=seconds)
    held = 3 * MEMORY_BYTES if "memory_high" in bugs else MEMORY_BYTES
    made.set(prefix + "process_resident_memory_bytes", to=held)
    made.set(prefix + "nodejs_heap_size_used_bytes", to=held / 3)
