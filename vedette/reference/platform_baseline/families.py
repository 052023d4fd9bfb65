"""This file is for the metric families of the platform and its workers, in the groups of its document."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Collection
from pathlib import Path

from vedette.reference.kit.metrics import Metrics

QUEUE, JOB = "exports", "ExportProject"
POOL_SIZE = 10
_FAMILIES = (
    ("counter", "http_requests_total", "Requests answered", ("route", "method", "status")),
    ("histogram", "http_request_duration_seconds", "Time of requests", ("route", "method", "status")),
    ("gauge", "http_requests_in_flight", "Requests under way", ()),
    ("counter", "jobs_enqueued_total", "Jobs put into the queue", ("queue", "job_type")),
    ("counter", "jobs_succeeded_total", "Jobs done", ("queue", "job_type")),
    ("counter", "jobs_failed_total", "Jobs given up", ("queue", "job_type")),
    ("counter", "jobs_retried_total", "Attempts that were made again", ("queue", "job_type")),
    ("counter", "jobs_dead_lettered_total", "Jobs put aside", ("queue", "job_type")),
    ("gauge", "jobs_active", "Jobs at work", ("queue", "job_type")),
    ("histogram", "job_duration_seconds", "Time of jobs", ("queue", "job_type")),
    ("gauge", "db_pool_connections", "Connections of the pool", ("state",)),
    ("gauge", "db_pool_size", "Connections that the pool may have", ()),
    ("histogram", "db_pool_wait_seconds", "Time until a connection was free", ()),
    ("counter", "db_slow_queries_total", "Queries above 200 ms", ()),
    ("counter", "db_transaction_rollbacks_total", "Transactions rolled back", ()),
    ("gauge", "db_migrations_failed", "Migrations that failed", ()),
    ("gauge", "redis_up", "Whether Redis answers a ping", ()),
    ("histogram", "redis_operation_duration_seconds", "Time of calls of Redis", ("operation",)),
    ("gauge", "queue_depth", "Jobs that wait", ("queue",)),
    ("gauge", "queue_oldest_job_age_seconds", "Age of the oldest job that waits", ("queue",)),
    ("counter", "process_cpu_seconds_total", "Time of the processor", ()),
    ("gauge", "process_resident_memory_bytes", "Memory", ()),
    ("gauge", "process_open_fds", "Open files", ()),
    ("gauge", "process_threads", "Threads", ()),
    ("gauge", "process_start_time_seconds", "When the process began, Unix time", ()),
)
_COUNTED_BEFORE = (("/api/v1/projects/{id}", "GET", 200, 6000), ("/api/v1/projects", "POST", 201, 900))


def families(bugs: Collection[str]) -> Metrics:
    """Return the families with what a platform that runs for a while has in them."""
    made = Metrics(bugs)
    for sort, name, about, labels in _FAMILIES:
        made.add(sort, name, about, labels)
    errors = 400 if "errors_many" in bugs else 3
    for route, method, status, many in (*_COUNTED_BEFORE, ("/api/v1/projects/{id}", "GET", 500, errors)):
        for _ in range(many // 50):
            made.observe("http_request_duration_seconds", route, method, status, seconds=0.02 if "slow" not in bugs else 4.0)
        made.inc("http_requests_total", route, method, status, by=many)
    for name, many in (("enqueued", 500), ("succeeded", 500), ("failed", 0), ("retried", 2), ("dead_lettered", 0)):
        made.inc(f"jobs_{name}_total", QUEUE, JOB, by=many)
    made.inc("jobs_failed_total", QUEUE, JOB, by=200 if "jobs_fail" in bugs else 0)
    made.inc("jobs_dead_lettered_total", QUEUE, JOB, by=30 if "dead_letters_grow" in bugs else 0)
    made.set("db_pool_size", to=POOL_SIZE)
    made.set("process_start_time_seconds", to=round(time.time()) - 3600)
    return made


def read_anew(made: Metrics, bugs: Collection[str], *, redis_up: bool, pending: int, in_flight: int) -> None:
    """Set what is a reading and no count, as a collector does at each scrape."""
    used = POOL_SIZE if "pool_exhausted" in bugs else 1 + in_flight % POOL_SIZE
    for state, many in (("used", used), ("idle", POOL_SIZE - used), ("waiting", 7 if "pool_exhausted" in bugs else 0)):
        made.set("db_pool_connections", state, to=many)
    made.set("db_migrations_failed", to=1 if "migration_failed" in bugs else 0)
    made.set("redis_up", to=float(redis_up and "redis_gone" not in bugs))
    made.set("queue_depth", QUEUE, to=pending)
    made.set("queue_oldest_job_age_seconds", QUEUE, to=5400 if "backlog_old" in bugs else 0.02 * pending)
    made.set("jobs_active", QUEUE, JOB, to=min(pending, 1))
    made.set("http_requests_in_flight", to=in_flight)
    made.set("process_cpu_seconds_total", to=time.process_time())
    made.set("process_resident_memory_bytes", to=_resident_bytes())
    made.set("process_open_fds", to=24)
    made.set("process_threads", to=threading.active_count())


def _resident_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 64 * 1024 * 1024
