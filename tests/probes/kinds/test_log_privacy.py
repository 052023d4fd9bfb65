"""This file is for the log privacy probe, asked of a real server that logs to a real file in good and in leaking ways."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import html
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import ValidationError

from probes.encodings import Finder
from probes.evidence.command import Command
from probes.evidence.log_file import LogFile
from probes.kinds import log_privacy
from probes.kinds.log_privacy import LogPrivacy
from probes.outcome import Check, Outcome, Verdict, to_json
from tests.probes.kinds.loopback import Asked, Loopback, Reply, as_json, outcome_of

pytestmark = pytest.mark.anyio

KINDS = ("email", "phone", "name", "token", "password", "iban", "card", "ip")
BODY = {kind: f"{{{{planted.{kind}}}}}" for kind in KINDS}
POST = {"method": "POST", "path": "/hook", "json": BODY}


def _probe(**options: Any) -> LogPrivacy:
    return LogPrivacy.model_validate(
        {"requests": [{"name": "success", "request": POST}], "wait": "300ms", "settle": "20ms", **options}
    )


class Service:
    """Logs each request as `write` says: it is given the planted values and the correlation id, and returns log text."""

    def __init__(self, log: Path, write: Callable[[Mapping[str, Any], str], str], status: int = 200) -> None:
        self.log, self.write, self.status = log, write, status
        self.planted: list[str] = []
        self.log.touch()

    def __call__(self, asked: Asked) -> Reply:
        data = json.loads(asked.body or b"{}")
        self.planted += [str(value) for value in data.values()]
        self.append(self.write(data, asked.headers["x-correlation-id"]))
        return as_json({"ok": True}, self.status)

    def append(self, text: str) -> None:
        with self.log.open("a") as file:
            file.write(text)


async def _ask(service: Service, probe: LogPrivacy, **evidence: Any) -> Outcome:
    async with Loopback(service).running() as server:
        outcome = await outcome_of(probe, server.url, evidence=evidence or {"app": LogFile(path=str(service.log))})
    shown = json.dumps(to_json(outcome))
    assert Finder((value, "x") for value in service.planted).find(shown) == [], "a planted value reached the outcome"
    return outcome


def _check(outcome: Outcome, name: str) -> Check:
    [found] = [c for c in outcome.checks if name in c.name]
    return found


def _line(text: str, correlation_id: str) -> str:
    return f'[2026-11-21 10:00:00] staging.INFO: {text} {{"correlation_id":"{correlation_id}"}}\n'


def _good(data: Mapping[str, Any], correlation_id: str) -> str:
    return _line('Webhook received {"email":"[EMAIL_REDACTED]","phone":"[PHONE_REDACTED]"}', correlation_id)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "app.log"


async def test_a_service_that_redacts_passes_and_the_controls_held(log: Path) -> None:
    outcome = await _ask(Service(log, _good), _probe(markers=["[EMAIL_REDACTED]", "[PHONE_REDACTED]"]))
    assert (outcome.verdict, outcome.sentence) == (Verdict.PASS, outcome.sentence), outcome.sentence
    assert [c.verdict for c in outcome.controls] == [Verdict.PASS] * 3
    assert len([c for c in outcome.checks if c.name.startswith("the planted")]) == len(KINDS)


LEAKS: dict[str, tuple[str, Callable[[str], str]]] = {
    "plain": ("as it is", str),
    "upper case": ("with its case changed", str.upper),
    "URL": ("URL-encoded", lambda v: quote(v, safe="")),
    "URL twice": ("URL-encoded twice", lambda v: quote(quote(v, safe=""), safe="")),
    "entities": ("with HTML entities", lambda v: "".join(f"&#{ord(s)};" for s in v)),
    "named entities": ("with HTML entities", lambda v: html.escape(v).replace("@", "&commat;")),
    "JSON escapes": ("with JSON escapes", lambda v: "".join(f"\\u{ord(s):04x}" for s in v)),
    "base64": ("as base64", lambda v: base64.b64encode(v.encode()).decode()),
    "base64 inside": ("as base64", lambda v: base64.b64encode(json.dumps({"a": v}).encode()).decode()),
    "base64url": ("as base64", lambda v: base64.urlsafe_b64encode(b"??" + v.encode()).decode()),
    "hex": ("as hex", lambda v: v.encode().hex()),
    "reversed": ("reversed", lambda v: v[::-1]),
    "wrapped": ("broken over two lines", lambda v: v[:12] + "\n" + v[12:]),
}


@pytest.mark.parametrize(("form", "encode"), LEAKS.values(), ids=LEAKS)
async def test_a_leak_fails_in_each_encoding_and_says_kind_form_file_and_line(
    log: Path, form: str, encode: Callable[[str], str]
) -> None:
    service = Service(log, lambda data, cid: _good(data, cid) + _line(f"mail {encode(data['email'])} sent", cid))
    outcome = await _ask(service, _probe())
    assert outcome.verdict is Verdict.FAIL
    assert outcome.sentence.startswith(f"the planted email address stands in the logs, {form} ({log} line 2")
    [evidence] = _check(outcome, "the planted email address").evidence
    assert {"kind": "email", "encoding": form, "where": str(log), "line": 2} == {
        key: evidence.data["places"][0][key] for key in ("kind", "encoding", "where", "line")
    }


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_planted_value_is_missed_in_the_logs(log: Path, kind: str) -> None:
    outcome = await _ask(Service(log, lambda data, cid: _good(data, cid) + _line(f"got {data[kind]}!", cid)), _probe())
    assert outcome.verdict is Verdict.FAIL
    assert next(c for c in outcome.checks if c.verdict is Verdict.FAIL).say == outcome.sentence
    assert f"{log} line 2, request 'success', correlation id" in outcome.sentence


async def test_regrouped_digits_are_a_leak(log: Path) -> None:
    service = Service(log, lambda data, cid: _good(data, cid) + _line("dial " + "/".join(data["phone"][3:]), cid))
    assert "phone number stands in the logs, with other separators" in (await _ask(service, _probe())).sentence


async def test_an_unsalted_hash_is_degraded_because_it_is_a_pseudonym_only(log: Path) -> None:
    service = Service(log, lambda data, cid: _line(hashlib.sha256(data["email"].encode()).hexdigest(), cid))
    outcome = await _ask(service, _probe())
    assert outcome.verdict is Verdict.DEGRADED and "pseudonymised only" in outcome.sentence


async def test_nothing_logged_is_inconclusive_and_says_where_was_looked(log: Path) -> None:
    outcome = await _ask(Service(log, lambda data, cid: ""), _probe(markers=["[X]"], wait="100ms"))
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert outcome.sentence == (
        f"nothing was logged for our 1 request within 0.1 s, so leaks could not be looked for (log file {log})"
    )
    assert _check(outcome, "marker").verdict is Verdict.SKIPPED


async def test_lines_without_our_id_are_inconclusive(log: Path) -> None:
    outcome = await _ask(Service(log, lambda data, cid: _line("handled", "-")), _probe(wait="100ms"))
    assert outcome.verdict is Verdict.INCONCLUSIVE and "1 lines were written, none with an id of ours" in outcome.sentence


async def test_logging_elsewhere_is_inconclusive_until_that_source_is_read_too(log: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.log"
    other.touch()
    service = Service(log, _good)
    assert (await _ask(service, _probe(wait="100ms"), app=LogFile(path=str(other)))).verdict is Verdict.INCONCLUSIVE
    both = {"app": LogFile(path=str(other)), "second": LogFile(path=str(log))}
    silent = await _ask(service, _probe(), **both)
    assert silent.verdict is Verdict.INCONCLUSIVE and "nothing was written to 'app' (log file " in silent.sentence
    assert (await _ask(service, _probe(logs=["second"]), **both)).verdict is Verdict.PASS
    assert (await _ask(service, _probe(logs=["app"], wait="100ms"), **both)).verdict is Verdict.INCONCLUSIVE


async def test_a_late_line_is_waited_for_and_a_later_leak_falls_into_the_settling_time(log: Path) -> None:
    def write(data: Mapping[str, Any], cid: str) -> str:
        loop = asyncio.get_running_loop()
        loop.call_later(0.15, service.append, _good(data, cid))
        loop.call_later(0.4, service.append, _line(f"job for {data['email']}", ""))
        return ""

    service = Service(log, write)
    outcome = await _ask(service, _probe(wait="5s", settle="1s"))
    assert outcome.verdict is Verdict.FAIL and "email address" in outcome.sentence


async def test_a_leak_in_the_last_line_without_an_end_is_seen(log: Path) -> None:
    service = Service(log, lambda data, cid: _good(data, cid) + f"dying with {data['email']}")
    assert (await _ask(service, _probe())).verdict is Verdict.FAIL


async def test_each_request_needs_a_log_line_of_its_own(log: Path) -> None:
    service = Service(log, lambda data, cid: _good(data, cid) if "email" in data else "")
    quiet = {"name": "quiet", "request": {"path": "/other", "headers": {"X-Token": "{{planted.token}}"}}}
    outcome = await _ask(service, _probe(requests=[{"name": "success", "request": POST}, quiet], wait="100ms"))
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert outcome.sentence.startswith("nothing was logged for our request 'quiet' within 0.1 s")


async def test_a_request_is_known_by_its_trace_id_where_only_that_is_logged(log: Path) -> None:
    service = Service(log, lambda data, correlation_id: f"traceId={correlation_id.replace('-', '')} done\n")
    outcome = await _ask(service, _probe())
    assert outcome.verdict is Verdict.PASS, outcome.sentence


async def test_a_request_is_known_by_its_own_nonce_where_no_correlation_id_is_logged(log: Path) -> None:
    request = {"method": "POST", "path": "/hook", "json": {"email": "{{planted.email}}", "id": "call-{{nonce}}"}}
    requests = [{"name": "first", "request": request}, {"name": "second", "request": request}]
    calls: list[str] = []

    def write(data: Mapping[str, Any], cid: str) -> str:
        calls.append(data["id"])
        return f"handled {data['id']}\n" if len(calls) != 2 else ""

    service = Service(log, write)
    outcome = await _ask(service, _probe(requests=requests, wait="100ms"))
    assert len(set(calls)) == 2
    assert outcome.sentence.startswith("nothing was logged for our request 'second'")


async def test_a_missing_marker_fails_although_nothing_leaked(log: Path) -> None:
    outcome = await _ask(Service(log, _good), _probe(markers=["[EMAIL_REDACTED]", "[NAME_REDACTED]"]))
    assert outcome.verdict is Verdict.FAIL
    assert outcome.sentence == (
        f"the redaction marker [NAME_REDACTED] is in none of the 1 log lines of our requests (log file {log})"
    )


async def test_a_marker_in_somebody_elses_line_does_not_count(log: Path) -> None:
    service = Service(log, lambda data, cid: _line("handled", cid) + _line("[EMAIL_REDACTED]", "other"))
    assert (await _ask(service, _probe(markers=["[EMAIL_REDACTED]"]))).verdict is Verdict.FAIL


async def test_another_persons_data_fails_and_the_allow_list_clears_it(log: Path) -> None:
    service = Service(log, lambda data, cid: _good(data, cid) + _line("to sabine@kunden.de", cid))
    outcome = await _ask(service, _probe())
    assert outcome.verdict is Verdict.FAIL
    assert outcome.sentence.startswith("personal data that we did not send stands in the logs: email address, as it is")
    assert "sabine" not in json.dumps(to_json(outcome))
    assert (await _ask(service, _probe(allow=[r"^sabine@kunden\.de$"]))).verdict is Verdict.PASS
    assert (await _ask(service, _probe(detectors=["iban"]))).verdict is Verdict.PASS


async def test_what_stood_in_the_log_before_is_not_ours_to_judge(log: Path) -> None:
    service = Service(log, _good)
    service.append("mail to sabine@kunden.de\n")
    assert (await _ask(service, _probe())).verdict is Verdict.PASS


async def test_an_answer_other_than_expected_fails_because_the_path_was_not_taken(log: Path) -> None:
    outcome = await _ask(Service(log, _good, status=404), _probe())
    assert outcome.verdict is Verdict.FAIL
    assert outcome.sentence.startswith("the request 'success' was answered with 404 instead of 2xx (correlation id")


@pytest.mark.parametrize("wanted", [404, "404", "4xx", [200, "4xx"]])
async def test_expected_errors_are_no_failures(log: Path, wanted: Any) -> None:
    requests = [{"name": "error", "request": POST, "expect_status": wanted}]
    assert (await _ask(Service(log, _good, status=404), _probe(requests=requests))).verdict is Verdict.PASS


async def test_a_request_that_is_hung_up_on_fails_and_the_leak_before_it_is_still_found(log: Path) -> None:
    service = Service(log, lambda data, cid: _good(data, cid) + _line(f"fatal {data['email']}", cid))
    async with Loopback(lambda asked: service(asked) and Reply(hang_up=True)).running() as server:
        outcome = await outcome_of(_probe(), server.url, evidence={"app": LogFile(path=str(log))})
    assert outcome.verdict is Verdict.FAIL
    assert [c.name for c in outcome.checks if c.verdict is Verdict.FAIL][1:] == ["the planted email address is not in the logs"]


async def test_a_window_that_is_cut_short_is_inconclusive(log: Path) -> None:
    service = Service(log, lambda data, cid: _good(data, cid) + "x" * 5000 + "\n")
    outcome = await _ask(service, _probe(), app=LogFile(path=str(log), max_bytes=1000))
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "what was not read cannot be cleared" in outcome.sentence


async def test_a_log_that_is_rotated_meanwhile_hides_nothing(log: Path) -> None:
    def write(data: Mapping[str, Any], cid: str) -> str:
        service.append(_line(f"to {data['email']}", cid))
        log.rename(log.with_name("app.log.1"))
        return _good(data, cid)

    service = Service(log, write)
    assert "email address stands in the logs" in (await _ask(service, _probe())).sentence


async def test_a_log_that_cannot_be_read_is_our_error(log: Path) -> None:
    outcome = await _ask(Service(log, _good), _probe(), app=LogFile(path=str(log) + ".none"))
    assert outcome.verdict is Verdict.ERROR and "does not exist" in outcome.sentence


async def test_a_target_without_log_sources_is_inconclusive(log: Path) -> None:
    async with Loopback(Service(log, _good)).running() as server:
        outcome = await outcome_of(_probe(), server.url)
        assert server.asked == []
    assert outcome.verdict is Verdict.INCONCLUSIVE and "has no log source" in outcome.sentence


async def test_the_lines_of_a_command_are_scanned_too(log: Path) -> None:
    service = Service(log, lambda data, cid: _good(data, cid) + _line(f"to {data['email']}", cid))
    outcome = await _ask(service, _probe(), app=Command(argv=["cat", str(log)]))
    assert f"(command cat {log} line 2" in outcome.sentence


async def test_a_scan_with_a_blind_spot_proves_nothing(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_privacy, "blind_spots", lambda planted, detectors: ["email as base64"])
    outcome = await _ask(Service(log, _good), _probe())
    assert outcome.verdict is Verdict.INCONCLUSIVE and "overlooked" in outcome.sentence


async def test_values_are_planted_in_header_query_and_path_and_are_fresh_for_each_run(log: Path) -> None:
    request = {
        "path": "/customers/{{planted.email}}",
        "query": {"tel": "{{planted.phone}}"},
        "headers": {"Authorization": "Bearer {{planted.token}}", "X-Forwarded-For": "{{planted.ip}}"},
    }
    asked: list[Asked] = []
    service = Service(log, _good)

    def handle(one: Asked) -> Reply:
        asked.append(one)
        return service(one)

    probe = _probe(requests=[{"name": "get", "request": request}], phone_country="GB")
    for _ in range(2):
        async with Loopback(handle).running() as server:
            outcome = await outcome_of(probe, server.url, evidence={"app": LogFile(path=str(log))})
        assert outcome.verdict is Verdict.PASS, outcome.sentence
        assert "[planted email]" in outcome.exchanges[0].url and "canary" not in json.dumps(to_json(outcome))
    first, second = asked
    assert "vera.canary." in first.path and "44" in first.path and "Bearer vedette_canary_" in first.headers["authorization"]
    assert first.path != second.path and first.headers["authorization"] != second.headers["authorization"]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"requests": []}, "requests"),
        ({"requests": [{"name": "a", "request": {"path": "/"}}]}, "no request holds a planted value"),
        ({"requests": [{"name": "a", "request": {"path": "/{{planted.mail}}"}}]}, "there is no '{{planted.mail}}'"),
        ({"requests": [{"name": "a", "request": {"path": "/{{planted.ip}}"}}], "plant": ["ip", "iban"]}, "no request holds"),
        (
            {"requests": [{"name": "a", "request": {"path": "/{{planted.ip}}/{{planted.iban}}"}}], "plant": ["ip"]},
            "does not name",
        ),
        ({"requests": [{"name": "a", "request": POST, "expect_status": "2x"}]}, "expect_status"),
        ({"allow": ["("]}, "not a regular expression"),
        ({"allow": ["(?=x)"]}, "not a regular expression"),
        ({"phone_country": "XX"}, "phone_country"),
        ({"detectors": ["mail"]}, "detectors"),
        ({"marker": ["x"]}, "marker"),
    ],
)
async def test_options_that_would_make_the_probe_blind_are_refused(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError) as refused:
        _probe(**options)
    assert complaint in str(refused.value)
