"""This file is for what leaves the process: secrets are replaced in every form, ids and numbers stay."""

from __future__ import annotations

import base64
import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.ids import new_id, new_traceparent
from probes.outcome import Check, Evidence, Exchange, Measurement, Outcome, Phases, Subject, Verdict, to_json
from probes.redact import Redactor

SECRET = "t0p-s3cret/Value+1"
STAYS = [
    "018f0000-aaaa-7bbb-8ccc-111122223333",
    "2026-11-21T10:00:00.123456+00:00",
    "2026-11-21 10:00:00 +0200",
    "tenant 20 was served tenant 15's slots from the cache (request 3 of 4, correlation id 018f0000-aaaa-7bbb-8ccc-111122223333)",
    "expected 200, saw 503 after 1.834 s; 4111111111111111 bytes; 1732183200000",
    "http://127.0.0.1:8080/api/retell/check-availability?date=2026-12-01&slot=10:00",
    "wrong password: expected 401, saw 200",
    "the key askpro_cache_cal_slots_15_0_2563193_2026-12-01 appeared",
    "[EMAIL_REDACTED] [PHONE_REDACTED] Bearer [REDACTED]",
]


def _redactor(*secrets: str) -> Redactor:
    redactor = Redactor()
    for secret in secrets or (SECRET,):
        redactor.add(secret, "token")
    return redactor


def _outcome(text: str) -> Outcome:
    exchange = Exchange("GET", f"http://x/{quote(text, safe='')}", "018f0000-aaaa-7bbb-8ccc-111122223333", 0.1, 0.2, Phases(0.1))
    check = Check(
        f"name {text}",
        Verdict.FAIL,
        f"expected {text}",
        f"observed {text}",
        f"say {text}",
        (Evidence("exchange", f"summary {text}", {f"key {text}": [{"deep": [text, 1, None, True, 4.5]}]}),),
    )
    return Outcome(
        id=new_id(),
        run_id="run",
        subject=Subject("s", f"scenario {text}", "http", "t", "staging", tags=(f"tag {text}",)),
        verdict=Verdict.FAIL,
        sentence=f"it {text}",
        started_at=datetime(2026, 11, 21, tzinfo=UTC),
        duration_s=1.5,
        checks=(check,),
        exchanges=(exchange,),
        measurements=(Measurement("time to open", 1.25, "s"),),
        undo_failures=(f"undo {text}",),
    )


@pytest.mark.parametrize(
    "seen",
    [
        SECRET,
        SECRET.upper(),
        quote(SECRET, safe=""),
        quote(quote(SECRET, safe=""), safe=""),
        json.dumps(json.dumps(SECRET.replace("/", "\\/"))),
        "".join(f"\\u{ord(sign):04x}" for sign in SECRET),
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(f"user:{SECRET}".encode()).decode(),
        base64.urlsafe_b64encode(f"ab{SECRET}?".encode()).decode(),
        SECRET.encode().hex(),
        SECRET[::-1],
    ],
)
def test_a_registered_value_is_replaced_by_its_label_in_every_form(seen: str) -> None:
    shown = _redactor().text(f"before {seen} after")
    assert "[token]" in shown and shown.startswith("before ") and shown.endswith(" after")
    assert not any(form in shown for form in (SECRET, seen, seen[4:-4]))


@pytest.mark.parametrize("text", STAYS)
def test_ids_times_numbers_and_sentences_survive(text: str) -> None:
    assert _redactor().text(text) == text
    assert Redactor().text(text) == text


@given(st.uuids(), st.datetimes(), st.integers(), st.floats(allow_nan=False))
def test_any_id_time_and_number_survives(identity: uuid.UUID, at: datetime, number: int, ratio: float) -> None:
    for text in (str(identity), at.isoformat(), at.isoformat() + "+00:00", str(number), str(ratio), new_id(), new_traceparent()):
        assert Redactor().text(f"seen {text} here") == f"seen {text} here"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mail bob@firma.de", "mail [email]"),
        ("Authorization: Bearer abc123def", "Authorization: Bearer [credentials]"),
        ("Basic dXNlcjpwYXNz", "Basic [credentials]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "[jwt]"),
        ("to DE89 3704 0044 0532 0130 00", "to [iban]"),
        ("card 4111111111111111", "card [card]"),
        ("call +493023125123", "call [phone]"),
        ("x?password=hunter2&y=1", "x?password=[secret]&y=1"),
        ("redis://:hunter2@cache:6379/0", "redis://[credentials]@cache:6379/0"),
    ],
)
def test_personal_data_that_nobody_registered_is_replaced_by_its_kind(text: str, shown: str) -> None:
    assert Redactor().text(text) == shown


def test_a_short_secret_is_replaced_only_where_it_is_a_word_of_its_own() -> None:
    redactor = _redactor("ab")
    assert redactor.text("ab about lab, (ab) ab-c x=ab&y") == "[token] about lab, ([token]) ab-c x=[token]&y"


def test_empty_and_blank_values_are_not_registered() -> None:
    redactor = _redactor("", "  ", "\n")
    assert redactor.text("a  b\n") == "a  b\n"


def test_each_long_line_of_a_secret_with_several_lines_is_a_secret() -> None:
    redactor = _redactor("-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0\nabc\n-----END KEY-----\n")
    assert redactor.text("line MIIEvQIBADANBgkqhkiG9w0 abc") == "line [token] abc"


def test_the_first_label_of_a_value_stays() -> None:
    redactor = _redactor("same-value")
    redactor.add("same-value", "other")
    assert redactor.text("same-value") == "[token]"


def test_a_value_that_is_added_later_is_replaced_too() -> None:
    redactor = _redactor()
    assert redactor.text("second-value") == "second-value"
    redactor.add("second-value", "second")
    assert redactor.text("second-value") == "[second]"


@pytest.mark.parametrize("text", [SECRET, "bob@firma.de", "Bearer abc123def456"])
def test_every_text_of_an_outcome_at_any_depth_is_redacted_and_all_else_stays(text: str) -> None:
    before = _outcome(text)
    after = _redactor().outcome(before)
    shown = json.dumps(to_json(replace(after, subject=_outcome("").subject)))
    secret = text.removeprefix("Bearer ")
    assert not any(form in shown for form in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1]))
    assert (after.id, after.started_at, after.verdict, after.measurements) == (
        before.id, before.started_at, before.verdict, before.measurements,
    )  # fmt: skip
    assert after.exchanges[0].correlation_id == before.exchanges[0].correlation_id
    assert after.exchanges[0].phases == before.exchanges[0].phases
    [deep] = next(iter(after.checks[0].evidence[0].data.values()))
    assert deep["deep"][1:] == [1, None, True, 4.5]
    assert isinstance(after.subject.tags, tuple)


def test_a_secret_in_the_subject_is_replaced_and_its_owners_address_stays() -> None:
    before = replace(_outcome(SECRET), subject=Subject("s", f"of {SECRET}", "http", "t", "staging", owner="team@firma.de"))
    after = _redactor().outcome(before).subject
    assert (after.scenario, after.owner) == ("of [token]", "team@firma.de")


@pytest.mark.parametrize("left", [5, 9, len(SECRET) - 1])
def test_the_beginning_of_a_secret_that_was_cut_off_is_replaced(left: int) -> None:
    assert _redactor().text(f"the body is 'x{SECRET[:left]}…, expected y") == "the body is 'x[token]…, expected y"
    assert _redactor().text(f"?q={quote(SECRET, safe='')[:left]}…") == "?q=[token]…"
    assert _redactor().text("an innocent end…") == "an innocent end…"


def test_an_outcome_without_anything_to_hide_is_handed_back_as_it_is() -> None:
    outcome = _outcome("nothing")
    assert _redactor().outcome(outcome) is outcome


@given(st.text(max_size=80), st.text(max_size=80))
@settings(deadline=None)
def test_a_secret_never_survives_in_any_text(before: str, after: str) -> None:
    shown = _redactor().text(f"{before}{SECRET}{after}")
    assert SECRET not in shown and "[token]" in shown


@given(st.text(min_size=4, max_size=40), st.text(max_size=40))
@settings(deadline=None)
def test_any_secret_of_four_signs_or_more_is_replaced(secret: str, around: str) -> None:
    if not secret.strip() or len(secret.strip()) < 4 or secret in "[token]":
        return
    assert secret not in _redactor(secret).text(f"{around}{secret}{around}").replace("[token]", "\0")


def test_an_address_with_a_port_and_an_e_mail_in_its_query_keeps_its_host() -> None:
    seen = Redactor().text("http://127.0.0.1:8080/page?email=bob@firma.de&phone=%2B49%2030%2090182011")
    assert seen == "http://127.0.0.1:8080/page?email=[email]&phone=[phone]"


@pytest.mark.parametrize("secret", ["00001;İ2", "abcİdefgh", "password-Σ", "ΑΒΓΔΣ", "straße-ẞẞẞẞ"])
def test_a_value_whose_letters_are_odd_in_lower_case_is_found_too(secret: str) -> None:
    redactor = Redactor()
    redactor.add(secret, "known")
    for text in (secret, f"before {secret} after", f"x{secret}x", f"İΣ {secret}İ"):
        assert secret not in redactor.text(text)
