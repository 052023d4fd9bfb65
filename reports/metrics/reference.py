"""This file is for the reference of the metrics, docs/metrics.md: made from the names, so that none is left out."""

from __future__ import annotations

from reports.metrics import names
from reports.metrics.limit import CHECKS, HISTOGRAM_LINES
from reports.metrics.names import GROUPS, Kind, Metric

_TOP = f"""# Metrics

<!-- Made by `vedette metrics --markdown`; `make docs` writes it anew. -->

`vedette serve` answers at `/metrics` in Prometheus's text format, and in OpenMetrics where it is asked for. Times are seconds,
instants are seconds since 1970, counters begin at 0 when the service starts.

## What to alert on

| what | expression |
| --- | --- |
| a scenario is broken, or is no longer asked | \
`{names.GOOD.name} == 0 unless on (suite, scenario, target, location) {names.IN_MAINTENANCE.name} == 1` |
| it fails too often | `{names.RATIO.name}{{window="1h"}} < 0.99` |
| a certificate ends within two weeks | `{names.CERTIFICATE.name} - time() < 14 * 86400` |
| nothing is asked or stored any more (take the longest interval of the suites) | `increase({names.HEARTBEAT.name}[10m]) == 0` |
| the service is not there | `up == 0`, or `absent({names.HEARTBEAT.name})` |
| a gate rolled a canary back | `{names.GATE_DECISION.name}{{decision="rollback"}} == 1` |
| a gate asks no longer, so that it speaks for nothing | `{names.GATE_FRESH.name} == 0` |
| suites could not be reloaded | `{names.RELOAD_OK.name} == 0` |
| the store does not take what it is given | `{names.STORE_HEALTHY.name} == 0` |
| answers were lost | `increase({names.STORE_LOST.name}[1h]) > 0` |
| the page is too long for its limit | `sum({names.LEFT_OUT.name}) > 0` |

The severity and the owner come by a join:
`… * on (suite, scenario, target, location) group_left (severity, owner) {names.INFO.name}`.

## What is meant

- Good is `pass` and `degraded`. `skipped` answers, and those in maintenance, count for no ratio.
- A pass ratio is only there where something was asked in its window. The windows of 5 minutes and an hour move by the minute,
  that of 24 hours by the hour, that of 30 days by three hours; they come from the store and survive a restart.
- All six verdicts of a scenario are there as soon as it is watched, with 0, so that `increase()` sees the first failure.
- At most {CHECKS} names of checks of one scenario at one target are told apart; the rest is `check="other"`.
- Lines of a scenario that was removed are gone with the reload that removed it.
- Of gates, those that are open are shown, and the ten that ended last.
- Scenarios make at most `{names.LINES_LIMIT.name}` lines (`vedette serve --max-series`). Beyond it, the histograms go first
  ({HISTOGRAM_LINES} lines each, those of the least severe scenarios first), then names of checks, then everything but the
  counters of verdicts; `{names.LEFT_OUT.name}` says how many lines are not there.
"""
_PROCESS = """
## The process

`process_…` (CPU, memory, open files, start) and `python_gc_…` (garbage collection) are those of the Python client of Prometheus.

## Asking out of turn: `/probe`

`GET /probe?scenario=…&target=…` asks once and answers in the names of blackbox_exporter, so that its dashboards and alerts go on
working: `probe_success` (1 for a good verdict only), `probe_duration_seconds`, `probe_timeout_seconds`,
`probe_http_status_code`, `probe_http_duration_seconds{phase}`, `probe_http_redirects`, `probe_http_ssl`, `probe_http_version`,
`probe_http_content_length`, `probe_http_uncompressed_body_length`, `probe_dns_lookup_time_seconds`, `probe_ip_protocol`,
`probe_ip_addr_hash`, `probe_ssl_earliest_cert_expiry`, `probe_failed_due_to_regex`, each only where it is known; and
`vedette_probe_verdict{verdict}`. `module` is taken for `scenario`, `suite` tells apart what several suites have, `debug=true`
shows the checks. The scraper's own time limit is kept, half a second less. What is not configured cannot be asked.
"""


def markdown() -> str:
    """Return the whole reference."""
    parts = [_TOP]
    for title, metrics in GROUPS:
        parts.append(f"\n## {title}\n\n| name | type | labels | |\n| --- | --- | --- | --- |\n")
        parts += [_row(metric) for metric in metrics]
    return "".join([*parts, _PROCESS])


def plain() -> str:
    """Return one line for each metric."""
    return "".join(f"{metric.name:<54} {metric.kind:<10} {metric.help}\n" for metric in names.ALL)


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    buckets = f" Buckets: {', '.join(f'{bound:g}' for bound in metric.buckets)}." if metric.kind is Kind.HISTOGRAM else ""
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.help}{buckets} |\n"
