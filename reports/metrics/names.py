"""This file is for the name of every metric, once: its type, its labels and what it means. docs/metrics.md is made from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SERIES_LABELS = ("suite", "scenario", "target", "location")


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `buckets` are the upper bounds of a histogram, without the open one."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()

    def header(self, *, openmetrics: bool = False) -> str:
        """Return the HELP and TYPE lines. In OpenMetrics the family of a counter goes without `_total`."""
        family = self.name.removesuffix("_total") if openmetrics and self.kind is Kind.COUNTER else self.name
        return f"# HELP {family} {self.help}\n# TYPE {family} {self.kind}\n"


def _counter(name: str, labels: tuple[str, ...], text: str) -> Metric:
    return Metric(f"vedette_{name}_total", Kind.COUNTER, labels, text)


def _gauge(name: str, labels: tuple[str, ...], text: str) -> Metric:
    return Metric(f"vedette_{name}", Kind.GAUGE, labels, text)


def _histogram(name: str, labels: tuple[str, ...], text: str, buckets: tuple[float, ...]) -> Metric:
    return Metric(f"vedette_{name}", Kind.HISTOGRAM, labels, text, buckets)


_DURATIONS = (0.005, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_PHASES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
_LATENESS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0)

# What is watched, a line for each scenario at each target

OUTCOMES = _counter("outcomes", (*SERIES_LABELS, "verdict"), "Answers by verdict, those in maintenance left out.")
MAINTAINED = _counter("maintenance_outcomes", SERIES_LABELS, "Answers in maintenance, whatever their verdict.")
RATIO = _gauge(
    "pass_ratio", (*SERIES_LABELS, "window"),
    "Good answers (pass, degraded) of all that count, 0 to 1, over a sliding window; none where nothing was asked in it.",
)  # fmt: skip
GOOD = _gauge(
    "scenario_good", SERIES_LABELS,
    "1 while the newest answer that counts is good, 0 while it is not or the scenario is no longer asked.",
)  # fmt: skip
VERDICT = _gauge("scenario_verdict", (*SERIES_LABELS, "verdict"), "The newest answer's verdict as a label, the value is 1.")
IN_MAINTENANCE = _gauge("in_maintenance", SERIES_LABELS, "1 while the newest answer fell into a maintenance window, else 0.")
LAST_OUTCOME = _gauge("last_outcome_timestamp_seconds", SERIES_LABELS, "When the newest answer was asked for.")
LAST_GOOD = _gauge("last_good_timestamp_seconds", SERIES_LABELS, "When the newest good answer was asked for.")
CERTIFICATE = _gauge(
    "certificate_expiry_timestamp_seconds", SERIES_LABELS,
    "When the first certificate to expire, of those that the target showed and that were verified, expires.",
)  # fmt: skip
INFO = _gauge(
    "scenario_info", (*SERIES_LABELS, "kind", "environment", "severity", "owner"), "What a scenario is, the value is 1."
)
CHECK_FAILURES = _counter(
    "check_failures", (*SERIES_LABELS, "check"),
    "Checks that did not hold, by name; of the names beyond the first few of a scenario the check is called other.",
)  # fmt: skip
DURATION = _histogram("outcome_duration_seconds", SERIES_LABELS, "How long good answers took.", _DURATIONS)

# What is watched, together

SCENARIOS = _gauge(
    "scenarios", ("standing",),
    "Scenarios at targets by how they stand now; stale are those that were to be asked and were not.",
)  # fmt: skip
PHASE = _histogram("phase_duration_seconds", ("suite", "target", "phase"), "How long each phase of each request took.", _PHASES)
DEPLOY = _gauge("deploy_info", ("suite", "target", "version"), "The version that was deployed last, the value is 1.")
DEPLOY_AT = _gauge("deploy_timestamp_seconds", ("suite", "target"), "When a version was deployed last.")

# Gates, those that are open and the few that ended last

GATE_PHASE = _gauge("gate_phase", ("gate", "service", "phase"), "Where a gate is in its life, the value is 1.")
GATE_DECISION = _gauge("gate_decision", ("gate", "decision", "reason_code"), "What a gate decides now, the value is 1.")
GATE_E = _gauge("gate_e_value", ("gate",), "Evidence that the canary is worse: it is rolled back at 1 / alpha.")
GATE_K = _gauge("gate_k_value", ("gate",), "Evidence that the canary is sound at this stage: it is shown at 1 / beta.")
GATE_WEIGHT = _gauge("gate_stage_weight", ("gate",), "Percent of the traffic that the canary is given at this stage.")
GATE_FRESH = _gauge("gate_fresh", ("gate",), "1 while the newest round speaks for now, or the gate is over, else 0.")

# The service itself

HEARTBEAT = _counter(
    "watch_heartbeat", (), "Answers that were asked for just now and are stored: it stands still when either stops."
)
LATENESS = _histogram(
    "schedule_lateness_seconds", (), "From when a scenario was due to when it was asked, waiting for a turn included.", _LATENESS
)
MISSED = _counter("ticks_missed", ("reason",), "Times at which a scenario was due and was not asked.")
ANSWERED = _counter("ticks_answered", (), "Times at which a scenario was asked, for whatever reason.")
RUNNING = _gauge("ticks_running", (), "Scenarios that are being asked now.")
WAITING = _gauge("ticks_waiting", (), "Scenarios that are due and wait for a turn.")
TARGET_RUNNING = _gauge("target_ticks_running", ("suite", "target"), "Scenarios that are being asked of a target now.")
TARGET_WAITING = _gauge("target_ticks_waiting", ("suite", "target"), "Scenarios that are due and wait for a turn at a target.")
OVERDUE = _gauge(
    "schedule_overdue_seconds", (), "For how long what is due first was not taken up: more than a moment means a standstill."
)
LEFT_BEHIND = _counter("ticks_left_behind", (), "Scenarios that did not stop when they were told to.")
SINK_ERRORS = _counter("sink_errors", (), "Answers that a part of the service did not take.")
LOOP_LAG = _gauge("event_loop_lag_seconds", (), "How late the event loop came to its newest timer.")
CLOCK_JUMPS = _counter("clock_jumps", (), "Times at which the clock was set, or the machine stood still.")
STORE_QUEUE = _gauge("store_queue_length", (), "What waits to be stored.")
STORE_SPOOLED = _gauge("store_spooled", (), "What waits on disk because the store cannot be written.")
STORE_SPOOLED_BYTES = _gauge("store_spooled_bytes", (), "How much room that takes.")
STORE_WRITTEN = _counter("store_written", (), "What was stored.")
STORE_ERRORS = _counter("store_write_errors", (), "Attempts to store that failed.")
STORE_LOST = _counter("store_lost", (), "What could neither be stored nor kept on disk.")
STORE_SHED = _counter("store_shed", (), "Whole answers that there was no room for on disk; their verdicts are kept.")
STORE_HEALTHY = _gauge("store_healthy", (), "1 while the store takes what it is given, else 0.")
RELOAD_OK = _gauge("config_last_reload_successful", (), "1 if the suites were taken in when they were loaded last, else 0.")
RELOAD_AT = _gauge("config_last_reload_success_timestamp_seconds", (), "When suites were last taken in.")
BUILD = _gauge("build_info", ("version", "python"), "What is running, the value is 1.")
LINES = _gauge("metrics_series", (), "Lines that scenarios make on this page.")
LINES_LIMIT = _gauge("metrics_series_limit", (), "Lines that they may make.")
LEFT_OUT = _gauge(
    "metrics_series_left_out", ("what",),
    "Lines that were left out to stay within the limit: histograms first, then check names, then all but verdicts.",
)  # fmt: skip

GROUPS: tuple[tuple[str, tuple[Metric, ...]], ...] = (
    (
        "Each scenario at each target",
        (OUTCOMES, MAINTAINED, RATIO, GOOD, VERDICT, IN_MAINTENANCE, LAST_OUTCOME, LAST_GOOD, CERTIFICATE, INFO,
         CHECK_FAILURES, DURATION),
    ),
    ("All of them together", (SCENARIOS, PHASE, DEPLOY, DEPLOY_AT)),
    ("Gates", (GATE_PHASE, GATE_DECISION, GATE_E, GATE_K, GATE_WEIGHT, GATE_FRESH)),
    ("Is it asking?", (HEARTBEAT, LATENESS, MISSED, ANSWERED, RUNNING, WAITING, TARGET_RUNNING, TARGET_WAITING, OVERDUE,
         LEFT_BEHIND, SINK_ERRORS, LOOP_LAG, CLOCK_JUMPS)),
    (
        "Is it storing?",
        (STORE_QUEUE, STORE_SPOOLED, STORE_SPOOLED_BYTES, STORE_WRITTEN, STORE_ERRORS, STORE_LOST, STORE_SHED, STORE_HEALTHY),
    ),
    ("What is running?", (BUILD, RELOAD_OK, RELOAD_AT)),
    ("How long is this page?", (LINES, LINES_LIMIT, LEFT_OUT)),
)  # fmt: skip
ALL = tuple(metric for _, metrics in GROUPS for metric in metrics)
