"""This file is for answering like blackbox_exporter: one outcome in its metric names, each only where it is really known.

Source: prometheus/blackbox_exporter, prober/handler.go, prober/http.go and prober/utils.go at e39d7d4.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from probes.outcome import CERTIFICATE_ENDS, Exchange, Outcome, Verdict
from reports.metrics.labels import number
from reports.store.watch.answers import GOOD

PHASES = {"resolve": "dns_s", "connect": "connect_s", "tls": "tls_s", "processing": "first_byte_s", "transfer": "body_s"}

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REGEX = re.compile(r"(?:does not match|matches) ")  # how an expectation says that it is a regular expression


class Sample(NamedTuple):
    """A gauge with its value, or its values by label."""

    name: str
    help: str
    value: float | dict[str, float]
    label: str = ""


def probe_text(outcome: Outcome, *, timeout_s: float) -> str:
    """Return the exposition of one outcome. `probe_success` is 1 for a good verdict only."""
    success = Sample("probe_success", "Displays whether or not the probe was a success", int(outcome.verdict in GOOD))
    shown = [success, *_times(outcome.duration_s, timeout_s), *_of_exchanges(outcome), *_of_checks(outcome)]
    return _written([*shown, _verdict(outcome.verdict)])


def no_answer_text(*, waited_s: float, timeout_s: float) -> str:
    """Return the exposition where the scrape's time was over before there was an outcome: no success, and nothing proven."""
    success = Sample("probe_success", "Displays whether or not the probe was a success", 0)
    return _written([success, *_times(waited_s, timeout_s), _verdict(Verdict.INCONCLUSIVE)])


def debug_text(outcome: Outcome, *, timeout_s: float) -> str:
    """Return what a person wants to know of one outcome. It holds nothing of the configuration, which may hold secrets."""
    lines = [f"{outcome.subject.scenario} at {outcome.subject.target}: {outcome.verdict}, {outcome.sentence}", ""]
    for made in outcome.checks:
        told = f" ({made.say or made.observed})" if made.say or made.observed else ""
        lines.append(f"  {made.verdict:<12} {'control: ' if made.control else ''}{made.name}{told}")
    for one in outcome.exchanges:
        came = one.trouble or ("done" if one.status is None else str(one.status))
        by = f" (correlation id {one.correlation_id})" if one.correlation_id else ""
        lines.append(f"  {one.method} {one.url} -> {came} in {one.duration_s:.3f} s{by}")
    return "\n".join(
        ["What was asked:", *lines, "", "Metrics that would have been returned:", probe_text(outcome, timeout_s=timeout_s)]
    )


def _times(duration_s: float, timeout_s: float) -> Iterator[Sample]:
    yield Sample("probe_duration_seconds", "Returns how long the probe took to complete in seconds", duration_s)
    yield Sample("probe_timeout_seconds", "Returns how long the probe timeout is in seconds", timeout_s)


def _verdict(verdict: Verdict) -> Sample:
    values = {str(one): float(one is verdict) for one in Verdict}
    return Sample("vedette_probe_verdict", "1 for the verdict of the probe, 0 for the others", values, "verdict")


def _of_exchanges(outcome: Outcome) -> Iterator[Sample]:
    exchanges = outcome.exchanges
    if not exchanges:
        return
    first, last = exchanges[0], exchanges[-1]
    if first.phases.dns_s is not None or first.phases.connect_s is not None:  # an address was known already, or found
        lookup_s = first.phases.dns_s or 0.0
        yield Sample("probe_dns_lookup_time_seconds", "Returns the time taken for probe dns lookup in seconds", lookup_s)
    yield from _address(last)
    ends = [one.value for one in outcome.measurements if one.name == CERTIFICATE_ENDS]
    if ends:
        text = "Returns earliest SSL cert expiry in unixtime, of the certificates that the target showed for itself"
        yield Sample("probe_ssl_earliest_cert_expiry", text, min(ends))
    spoke_http = all(one.url.startswith(("http://", "https://")) for one in exchanges)
    if spoke_http and not outcome.exchanges_left_out:  # else the sums would be of some of them
        summed = {name: sum(getattr(one.phases, field) or 0.0 for one in exchanges) for name, field in PHASES.items()}
        text = "Duration of http request by phase, summed over all requests of the scenario"
        yield Sample("probe_http_duration_seconds", text, summed, "phase")
        yield Sample("probe_http_redirects", "The number of redirects", _redirects(exchanges))
        yield from _of_last(last)


def _of_last(last: Exchange) -> Iterator[Sample]:
    """Yield what is said of the last request; a status of 0 is blackbox_exporter's way to say that none came."""
    yield Sample("probe_http_status_code", "Response HTTP status code", last.status or 0)
    yield Sample("probe_http_ssl", "Indicates if SSL was used for the final redirect", int(last.phases.tls_s is not None))
    if last.status is None:
        return
    if last.content_length is not None:
        yield Sample("probe_http_content_length", "Length of http content response", last.content_length)
    yield Sample("probe_http_uncompressed_body_length", "Length of uncompressed response body", last.body_bytes)
    if re.fullmatch(r"\d(\.\d)?", last.http_version):
        yield Sample("probe_http_version", "Returns the version of HTTP of the probe response", float(last.http_version))


def _of_checks(outcome: Outcome) -> Iterator[Sample]:
    """Yield whether a regular expression failed, where one was tried."""
    tried = [made for made in outcome.checks if not made.control and _REGEX.match(made.expected)]
    if tried:
        failed = any(made.verdict is Verdict.FAIL for made in tried)
        yield Sample("probe_failed_due_to_regex", "Indicates if probe failed due to regex", int(failed))


def _address(exchange: Exchange) -> Iterator[Sample]:
    try:
        address = ipaddress.ip_address(exchange.address)
    except ValueError:
        return
    yield Sample("probe_ip_protocol", "Specifies whether probe ip protocol is IP4 or IP6", address.version)
    text = "Specifies the hash of IP address. It's useful to detect if the IP address changes."
    yield Sample("probe_ip_addr_hash", text, fnv_1a(address.packed))


def fnv_1a(data: bytes) -> int:
    """Return the 32-bit FNV-1a hash. Source: draft-eastlake-fnv section 2."""
    made = 0x811C9DC5
    for byte in data:
        made = (made ^ byte) * 0x01000193 & 0xFFFFFFFF
    return made


def _redirects(exchanges: Sequence[Exchange]) -> int:
    """Return how many redirects were followed: the hops of one request share its correlation id."""
    both = pairwise(exchanges)
    return sum(one.status in _REDIRECTS and one.correlation_id == after.correlation_id for one, after in both)


def _written(samples: Sequence[Sample]) -> str:
    made: list[str] = []
    for name, text, value, label in samples:
        made.append(f"# HELP {name} {text}\n# TYPE {name} gauge\n")
        if isinstance(value, dict):
            made += [f'{name}{{{label}="{one}"}} {number(amount)}\n' for one, amount in value.items()]
        else:
            made.append(f"{name} {number(value)}\n")
    return "".join(made)
