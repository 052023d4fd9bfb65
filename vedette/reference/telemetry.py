"""This file is for what the booking service counts of itself: its families, and what a week of callers left in them.

The names are those of the bundled contract `askpro-metrics`.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from datetime import UTC, datetime, timedelta
from typing import Any

from vedette.reference.kit.metrics import Metrics

_ROUTES = ("/api/retell/check-availability", "/api/webhooks/retell", "/api/webhooks/retell/function")
_WEEK = 20_000  # requests of an ordinary week
_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)
_FAMILIES = (
    ("gauge", "askpro_circuit_breaker_open", "1 while the breaker is open", ("service",)),
    ("gauge", "askpro_circuit_breaker_failures", "failures in a row", ("service",)),
    ("counter", "askpro_circuit_breaker_changes_total", "changes of the breaker's state", ("service", "to")),
    ("counter", "askpro_rate_limit_exceeded_total", "requests refused by the limiter", ()),
    ("counter", "askpro_cache_hits_total", "slots found in the cache", ()),
    ("counter", "askpro_cache_misses_total", "slots not found in the cache", ()),
    ("counter", "askpro_calcom_requests_total", "calls of Cal.com", ("status",)),
    ("histogram", "askpro_calcom_request_duration_seconds", "how long Cal.com took", ()),
    ("counter", "askpro_pii_redactions_total", "values kept out of the log", ("kind",)),
    ("counter", "askpro_http_requests_total", "requests answered", ("route", "status")),
    ("histogram", "askpro_http_request_duration_seconds", "how long answers took", ("route",)),
    ("counter", "askpro_bookings_total", "bookings that callers tried", ("outcome",)),
    ("counter", "askpro_log_messages_total", "lines written to the log", ("level",)),
    ("gauge", "askpro_release_timestamp_seconds", "when the running release was deployed", ()),
)


class Telemetry:
    """Counts; with `history`, from what a week of callers has left on."""

    def __init__(self, faults: Set[str], *, history: bool, clock: Callable[[], datetime]) -> None:
        self._faults = faults
        self.metrics = Metrics(faults)
        for sort, name, help, labels in _FAMILIES:
            self.metrics.add(sort, name, help, labels, _BUCKETS)
        for to in ("open", "closed"):
            self.metrics.inc("askpro_circuit_breaker_changes_total", "calcom_api", to, by=0)
        for level in ("info", "warning", "error", "critical"):
            self.metrics.inc("askpro_log_messages_total", level, by=0)
        if history:
            self._remember(clock())

    def answered(self, route: str, status: int, seconds: float) -> None:
        self.metrics.inc("askpro_http_requests_total", route, status)
        self.metrics.observe("askpro_http_request_duration_seconds", route, seconds=seconds)

    def looked_up(self, *, hit: bool) -> None:
        if "cache_lookups_uncounted" not in self._faults:
            self.metrics.inc("askpro_cache_hits_total" if hit else "askpro_cache_misses_total")

    def called_calcom(self, seconds: float, *, ok: bool) -> None:
        self.metrics.inc("askpro_calcom_requests_total", "ok" if ok else "error")
        if "calcom_time_uncounted" not in self._faults:
            self.metrics.observe("askpro_calcom_request_duration_seconds", seconds=seconds)

    def redacted(self, kind: str) -> None:
        if "redactions_uncounted" not in self._faults:
            self.metrics.inc("askpro_pii_redactions_total", kind)

    def limited(self) -> None:
        if "limit_uncounted" not in self._faults:
            self.metrics.inc("askpro_rate_limit_exceeded_total")

    def logged(self, level: str) -> None:
        self.metrics.inc("askpro_log_messages_total", level.lower())

    def breaker_turned(self, to: str) -> None:
        self.metrics.inc("askpro_circuit_breaker_changes_total", "calcom_api", to)

    def now(self, breaker: dict[str, Any]) -> Metrics:
        """Return all of it, with the gauges as they stand now."""
        self.metrics.set("askpro_circuit_breaker_open", "calcom_api", to=float(breaker["state"] == "open"))
        self.metrics.set("askpro_circuit_breaker_failures", "calcom_api", to=float(breaker["failure_count"]))
        return self.metrics

    def _remember(self, now: datetime) -> None:
        """Count a week of callers, who met the bugs that there are."""
        broken, inc = self._faults, self.metrics.inc
        missed = 0.64 if "cache_mostly_missed" in broken else 0.08
        inc("askpro_cache_hits_total", by=round(_WEEK * (1 - missed)))
        inc("askpro_cache_misses_total", by=round(_WEEK * missed))
        failed = 0.09 if "calcom_fails_often" in broken else 0.004
        inc("askpro_calcom_requests_total", "ok", by=round(_WEEK * (1 - failed)))
        inc("askpro_calcom_requests_total", "error", by=round(_WEEK * failed))
        booked = 0.41 if "bookings_mostly_fail" in broken else 0.74
        inc("askpro_bookings_total", "booked", by=round(_WEEK * booked))
        inc("askpro_bookings_total", "failed", by=round(_WEEK * (1 - booked)))
        inc("askpro_rate_limit_exceeded_total", by=8000 if "limit_hits_callers" in broken else 120)
        inc("askpro_circuit_breaker_changes_total", "calcom_api", "open", by=3 if "breaker_opened_lately" in broken else 0)
        inc("askpro_log_messages_total", "critical", by=2 if "critical_errors" in broken else 0)
        fails = 0.08 if "server_errors_often" in broken else 0.001
        slow = 0.11 if "slow_for_some" in broken else 0.005
        for route in _ROUTES:
            inc("askpro_http_requests_total", route, 200, by=round(_WEEK * (1 - fails)))
            inc("askpro_http_requests_total", route, 500, by=round(_WEEK * fails))
            for seconds, share in ((0.03, 0.7), (0.2, 0.3 - slow), (4.2, slow)):
                times = round(_WEEK * share)
                self.metrics.observe("askpro_http_request_duration_seconds", route, seconds=seconds, times=times)
        deployed = _deployed(now, 11 if "deployed_at_noon" in broken else 1)
        self.metrics.set("askpro_release_timestamp_seconds", to=deployed.timestamp())


def _deployed(now: datetime, hour: int) -> datetime:
    """Return the last half past `hour`, UTC: half past two in the night, by the clock of CET."""
    at = now.astimezone(UTC).replace(hour=hour, minute=30, second=0, microsecond=0)
    return at if at <= now else at - timedelta(days=1)
