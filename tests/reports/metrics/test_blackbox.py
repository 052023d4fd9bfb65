"""This file is for answers in the names of blackbox_exporter: its names and types, and no value that is not known."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from probes.outcome import CERTIFICATE_ENDS, UNIX_TIME, Exchange, Measurement, Outcome, Phases, Verdict, check, control
from reports.metrics.blackbox import debug_text, fnv_1a, no_answer_text, probe_text
from tests.reports.watched import key, tick

PLAIN = Exchange("GET", "http://shop.example.com/", "id-1", 0.0, 0.15, Phases(0.01, 0.02, None, 0.1, 0.004), 200, 2048, "",
                 "192.0.2.7", "1.1", 2048)  # fmt: skip
SECURE = replace(PLAIN, url="https://shop.example.com/", phases=Phases(0.01, 0.02, 0.03, 0.1, 0.004))

# Every gauge of blackbox_exporter's HTTP prober that we answer with; read in prober/handler.go, http.go and utils.go.
THEIRS = {
    "probe_success", "probe_duration_seconds", "probe_timeout_seconds", "probe_dns_lookup_time_seconds", "probe_ip_protocol",
    "probe_ip_addr_hash", "probe_http_duration_seconds", "probe_http_redirects", "probe_http_status_code", "probe_http_ssl",
    "probe_ssl_earliest_cert_expiry", "probe_http_content_length", "probe_http_uncompressed_body_length", "probe_http_version",
    "probe_failed_due_to_regex",
}  # fmt: skip


def outcome(verdict: Verdict, *exchanges: Exchange, **fields: object) -> Outcome:
    return tick(key(), verdict, outcome={"exchanges": exchanges, "duration_s": 0.2, **fields}).outcome


def told(text: str) -> dict[str, float]:
    """Return every sample, read by a parser that is not ours, as `name` or `name{label}`."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        assert family.type == "gauge" and family.documentation
        for sample in family.samples:
            found[sample.name + "".join(f"{{{value}}}" for value in sample.labels.values())] = sample.value
    return found


def test_a_good_answer_over_tls_tells_all_that_is_known() -> None:
    pattern = check("the body matches '^ok'", holds=True, expected="matches '^ok'")
    checks = (pattern, control("a wrong one would be noticed", holds=True))
    ends = (Measurement("first duration", 0.1, "s"), Measurement(CERTIFICATE_ENDS, 1_800_000_000.0, UNIX_TIME))
    found = told(probe_text(outcome(Verdict.PASS, SECURE, checks=checks, measurements=ends), timeout_s=9.5))
    assert {name.partition("{")[0] for name in found} == THEIRS | {"vedette_probe_verdict"}
    assert {name: found[name] for name in THEIRS & set(found)} == {
        "probe_success": 1, "probe_duration_seconds": 0.2, "probe_timeout_seconds": 9.5, "probe_dns_lookup_time_seconds": 0.01,
        "probe_ip_protocol": 4, "probe_ip_addr_hash": fnv_1a(bytes((192, 0, 2, 7))), "probe_http_redirects": 0,
        "probe_http_status_code": 200, "probe_http_ssl": 1, "probe_ssl_earliest_cert_expiry": 1_800_000_000,
        "probe_http_content_length": 2048, "probe_http_uncompressed_body_length": 2048, "probe_http_version": 1.1,
        "probe_failed_due_to_regex": 0,
    }  # fmt: skip
    phases = {
        name: found[f"probe_http_duration_seconds{{{name}}}"] for name in ("resolve", "connect", "tls", "processing", "transfer")
    }
    assert phases == {"resolve": 0.01, "connect": 0.02, "tls": 0.03, "processing": 0.1, "transfer": 0.004}


@pytest.mark.parametrize("verdict", Verdict)
def test_success_is_for_good_verdicts_only_and_the_verdict_is_told(verdict: Verdict) -> None:
    found = told(probe_text(outcome(verdict, PLAIN), timeout_s=9.5))
    assert found["probe_success"] == (verdict in (Verdict.PASS, Verdict.DEGRADED))
    assert {v: found[f"vedette_probe_verdict{{{v}}}"] for v in Verdict} == {v: float(v is verdict) for v in Verdict}


def test_what_asked_over_no_http_at_all_tells_nothing_of_http() -> None:
    found = told(probe_text(outcome(Verdict.PASS), timeout_s=9.5))
    assert {name.partition("{")[0] for name in found} == {
        "probe_success", "probe_duration_seconds", "probe_timeout_seconds", "vedette_probe_verdict",
    }  # fmt: skip


def test_what_asked_over_another_protocol_tells_its_time_address_and_certificate_only() -> None:
    ends = (Measurement(CERTIFICATE_ENDS, 1_800_000_000.0, UNIX_TIME),)
    asked = Exchange("TLS", "tls://shop.example:443", "", 0.0, 0.01, Phases(0.01, 0.02, 0.03), address="192.0.2.7")
    found = told(probe_text(outcome(Verdict.PASS, asked, measurements=ends), timeout_s=9.5))
    assert {name for name in found if "http" in name} == set()
    assert found["probe_ssl_earliest_cert_expiry"] == 1_800_000_000 and found["probe_dns_lookup_time_seconds"] == 0.01


def test_a_connection_that_was_refused_tells_no_answer_and_makes_none_up() -> None:
    refused = Exchange("GET", "https://x/", "id", 0.0, 0.01, Phases(), None, 0, "refused", "2001:db8::1")
    found = told(probe_text(outcome(Verdict.FAIL, refused), timeout_s=9.5))
    assert (found["probe_success"], found["probe_http_status_code"], found["probe_http_ssl"]) == (0, 0, 0)
    assert found["probe_ip_protocol"] == 6
    for unknown in ("probe_http_version", "probe_http_content_length", "probe_http_uncompressed_body_length",
                    "probe_ssl_earliest_cert_expiry", "probe_dns_lookup_time_seconds", "probe_failed_due_to_regex"):  # fmt: skip
        assert unknown not in found


def test_an_answer_without_a_promised_length_tells_none() -> None:
    found = told(probe_text(outcome(Verdict.PASS, replace(PLAIN, content_length=None)), timeout_s=9.5))
    assert "probe_http_content_length" not in found and found["probe_http_uncompressed_body_length"] == 2048


def test_times_are_summed_over_redirects_and_the_rest_is_of_the_last_answer() -> None:
    hop = replace(PLAIN, status=301, body_bytes=0)
    other = replace(PLAIN, correlation_id="id-2", status=404)
    found = told(probe_text(outcome(Verdict.FAIL, hop, hop, PLAIN, other), timeout_s=9.5))
    assert (found["probe_http_redirects"], found["probe_http_status_code"]) == (2, 404)
    assert found["probe_http_duration_seconds{processing}"] == pytest.approx(0.4)
    assert found["probe_dns_lookup_time_seconds"] == 0.01


def test_a_redirect_that_was_not_followed_is_not_counted() -> None:
    moved = replace(PLAIN, status=302)
    found = told(probe_text(outcome(Verdict.PASS, moved, replace(moved, correlation_id="id-2")), timeout_s=9.5))
    assert (found["probe_http_redirects"], found["probe_http_status_code"]) == (0, 302)


def test_of_a_burst_that_was_not_kept_whole_nothing_is_summed() -> None:
    found = told(probe_text(outcome(Verdict.PASS, PLAIN, exchanges_left_out=3), timeout_s=9.5))
    assert not {name for name in found if name.startswith("probe_http_")}


def test_a_pattern_that_did_not_match_is_told() -> None:
    for expected in ("matches '^ok'", "does not match 'error'"):
        checks = (check(f"the body {expected}", holds=False, expected=expected),)
        assert told(probe_text(outcome(Verdict.FAIL, PLAIN, checks=checks), timeout_s=9.5))["probe_failed_due_to_regex"] == 1


def test_without_an_answer_in_time_nothing_is_a_success() -> None:
    found = told(no_answer_text(waited_s=9.5, timeout_s=9.5))
    assert (found["probe_success"], found["probe_duration_seconds"], found["vedette_probe_verdict{inconclusive}"]) == (0, 9.5, 1)


def test_the_hash_of_an_address_is_theirs() -> None:
    # From the draft's test vectors (appendix C): the empty text, "a", "foobar".
    assert [fnv_1a(text) for text in (b"", b"a", b"foobar")] == [0x811C9DC5, 0xE40C292C, 0xBF9CF968]


def test_for_people_there_are_the_checks_and_the_same_metrics() -> None:
    failed = outcome(Verdict.FAIL, PLAIN)
    text = debug_text(failed, timeout_s=9.5)
    assert "slots are shown at production: fail, tenant 20 saw tenant 15" in text
    assert "fail         tenants are kept apart (tenant 20 saw tenant 15)" in text
    assert text.endswith(probe_text(failed, timeout_s=9.5))


def test_promtool_finds_nothing_to_say_about_a_probe(require: Callable[[str, bool], None]) -> None:
    promtool = shutil.which("promtool")
    require("promtool (Debian's package prometheus)", promtool is not None)
    text = probe_text(outcome(Verdict.DEGRADED, SECURE), timeout_s=9.5)
    done = subprocess.run([str(promtool), "check", "metrics"], input=text.encode(), capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
