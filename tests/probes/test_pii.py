"""This file is for what the detectors find in text, and what they leave alone."""

from __future__ import annotations

import json
import random
import uuid
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.pii import DETECTORS, card_is_valid, find, iban_is_valid, luhn_is_valid

FOUND = [
    ("email", "mail to bob.o+tag@mail.firma.de now", "bob.o+tag@mail.firma.de"),
    ("email", "GET /x?to=bob%40firma.de&y=1", "bob%40firma.de"),
    ("email", '{"to":"bob\\u0040firma.de"}', "bob\\u0040firma.de"),
    ("phone", "call +491234567890 now", "+491234567890"),
    ("phone", "call +49 (30) 23125-123 now", "+49 (30) 23125-123"),
    ("phone", "?tel=%2B493023125123&x", "%2B493023125123"),
    ("phone", '{"phone":"030 23125 123"}', "030 23125 123"),
    ("iban", "from DE89370400440532013000 to", "DE89370400440532013000"),
    ("iban", "from DE89 3704 0044 0532 0130 00 EUR 5", "DE89 3704 0044 0532 0130 00"),
    ("iban", "GB33BUKB20201555555555", "GB33BUKB20201555555555"),
    ("card", "paid with 4111 1111 1111 1111.", "4111 1111 1111 1111"),
    ("card", "paid with 5555-5555-5555-4444", "5555-5555-5555-4444"),
    ("card", '{"card_number":"4111111111111111"}', "4111111111111111"),
    ("card", "amex card 378282246310005", "378282246310005"),
    ("card", "amex 3782 822463 10005", "3782 822463 10005"),
    ("card", "diners card 30569309025904", "30569309025904"),
    ("bearer", "Authorization: Bearer abc123def456", "abc123def456"),
    ("bearer", '"authorization":"basic dXNlcjpwYXNz"', "dXNlcjpwYXNz"),
    ("jwt", "x eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln y", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"),
    ("password", "login?password=hunter2&x=1", "hunter2"),
    ("password", '{"db_password": "letmein"}', "letmein"),
    ("password", '{\\"password\\":\\"letmein\\"}', "letmein"),
    ("password", "api-key: k3yk3yk3y", "k3yk3yk3y"),
    ("connection", "at postgres://app:p@ss/word@db.example/app", "app:p@ss/word"),
    ("connection", "at redis://:hunter2@cache:6379/0", ":hunter2"),
]
CLEAN = [
    ("email", "logo@2x.png and lodash@4.17.21.tgz and user@localhost"),
    ("phone", "at 2026-11-21T10:00:00+00:00 with +0200 and a+1234567890 and 1.5e+10"),
    ("phone", "off by +3 2026-11-21"),
    ("phone", '{"phone":"[PHONE_REDACTED]","telephone_id":12345678}'),
    ("iban", "DE89370400440532013001 and DE8937040044053201300 and DE893704004405320130001"),
    ("card", "order 4111111111111111 and card 4111111111111112"),
    ("card", "card 1732183200000123456 and card 4111111111111111.5 and card x-4111111111111111"),
    ("bearer", "basic authentication, Bearer authorization, Bearer [REDACTED], Basic [REDACTED], bearer ********"),
    ("jwt", "eyJhbGciOiJIUzI1NiJ9 alone"),
    ("password", "password: expected 401, password=[REDACTED], password=*** token=null max_token=4096 if token == other"),
    ("connection", "https://example.com/a:b and http://user@example.com/ and postgres://app:[REDACTED]@db/x"),
]


@pytest.mark.parametrize(("name", "text", "place"), FOUND, ids=[f"{n}-{p}" for n, _, p in FOUND])
def test_what_is_personal_is_found_at_its_place(name: str, text: str, place: str) -> None:
    assert [text[f.start : f.end] for f in find(text, [name])] == [place]


@pytest.mark.parametrize(("name", "text"), CLEAN, ids=[f"{n}-{i}" for i, (n, _) in enumerate(CLEAN)])
def test_what_only_looks_alike_is_left_alone(name: str, text: str) -> None:
    assert find(text, [name]) == []


def test_every_detector_has_an_example_of_both_sorts() -> None:
    assert {name for name, *_ in FOUND} == {name for name, *_ in CLEAN} == set(DETECTORS)


def test_five_thousand_clean_lines_of_ids_times_and_addresses_yield_no_finding() -> None:
    dice = random.Random(6)
    start = datetime(2026, 11, 21, tzinfo=UTC)
    for number in range(5000):
        at = start + timedelta(seconds=dice.random() * 1e6)
        context = {
            "correlation_id": str(uuid.UUID(int=dice.getrandbits(128))),
            "trace": f"00-{dice.getrandbits(128):032x}-{dice.getrandbits(64):016x}-01",
            "order_id": dice.randrange(10**15, 10**16),
            "snowflake": dice.getrandbits(63),
            "at_ms": int(at.timestamp() * 1000),
            "at_ns": int(at.timestamp() * 1e9),
            "ip": ".".join(str(dice.randrange(256)) for _ in range(4)),
            "ip6": ":".join(f"{dice.getrandbits(16):x}" for _ in range(8)),
            "hash": f"{dice.getrandbits(256):064x}".upper(),
            "mac": ":".join(f"{dice.getrandbits(8):02X}" for _ in range(6)),
            "duration_ms": round(dice.random() * 1000, 6),
            "at": at.isoformat(),
            "offset": at.strftime("%Y-%m-%d %H:%M:%S +0200"),
            "version": f"{number % 9}.{number % 7}.{number}",
        }
        line = f"[{at:%Y-%m-%d %H:%M:%S}] staging.INFO: Request handled {json.dumps(context)}"
        assert find(line, DETECTORS) == [], line


@given(st.text(max_size=300))
def test_findings_lie_in_order_and_never_overlap(text: str) -> None:
    found = find(text, DETECTORS)
    assert all(a.end <= b.start for a, b in pairwise(found))
    assert all(0 <= f.start < f.end <= len(text) for f in found)


@given(st.integers(min_value=10**9, max_value=10**18))
def test_one_wrong_digit_breaks_the_luhn_digit(number: int) -> None:
    digits = str(number)
    good = next(digits + d for d in "0123456789" if luhn_is_valid(digits + d))
    for place in range(len(good)):
        bad = good[:place] + str((int(good[place]) + 1) % 10) + good[place + 1 :]
        assert not luhn_is_valid(bad)


def test_a_card_needs_an_issuer_and_an_iban_needs_a_country() -> None:
    stranger = next(f"911111111111111{digit}" for digit in "0123456789" if luhn_is_valid(f"911111111111111{digit}"))
    assert card_is_valid("4111111111111111") and not card_is_valid(stranger)
    assert iban_is_valid("FR1420041010050500013M02606") and not iban_is_valid("ZZ1420041010050500013M02606")
