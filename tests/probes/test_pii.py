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

from probes.numbering import card_is_valid, iban_is_valid, luhn_is_valid
from probes.pii import DETECTORS, find

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
    ("connection", "at redis://:12345@cache:6379/0", ":12345"),
    # What was found out, or must not be lost, when the lookalikes below were turned down.
    ("email", "to bob@firma.com.py now", "bob@firma.com.py"),
    ("email", "to jörg@müller.example now", "jörg@müller.example"),
    ("email", "联系bob@firma.de，谢谢", "联系bob@firma.de"),
    ("email", "to bob@xn--mller-kva.xn--p1ai now", "bob@xn--mller-kva.xn--p1ai"),
    ("email", "?next=%2Fu%3Fe%3Dbob%2540firma.de", "bob%2540firma.de"),
    ("email", "<td>bob&#64;firma.de and</td>", "bob&#64;firma.de"),
    ("email", "b'bob\\x40firma.de'", "bob\\x40firma.de"),
    ("email", "bob@firma.de:hunter2", "bob@firma.de"),
    ("email", "bob@163.com", "bob@163.com"),
    ("email", "root@firma.de", "root@firma.de"),
    ("email", "https://13957525385%40163.com@p28.example.com/", "13957525385%40163.com@p28.example.com"),
    ("email", "smtp://bob%40firma.de@mail.internal", "bob%40firma.de@mail.internal"),
    ("email", "bob@corp.local logged in", "bob@corp.local"),
    ("email", "login of bob@EXAMPLE.COM", "bob@EXAMPLE.COM"),
    ("phone", "call +49 (0)30 23125-123 now", "+49 (0)30 23125-123"),
    ("phone", "sms from +493023125123", "+493023125123"),
    ("phone", "+33 6 39 98 12 34 200 OK", "+33 6 39 98 12 34"),
    ("phone", "Phone: +1.2125550123", "+1.2125550123"),
    ("phone", "+33.1.99.00.12.34", "+33.1.99.00.12.34"),
    ("phone", "+1 (212) 555-0123", "+1 (212) 555-0123"),
    ("phone", "customerTel=0301234567", "0301234567"),
    ("phone", "+44 07700 900123", "+44 07700 900123"),
    ("iban", "LY83002048000020100120361", "LY83002048000020100120361"),
    ("iban", "account NO9386011117947", "NO9386011117947"),
    ("card", '{"creditCard":{"number":"4111111111111111"}}', "4111111111111111"),
    ("card", "card_id=4111111111111111", "4111111111111111"),
    ("card", "credit 4111111111111111", "4111111111111111"),
    ("card", "2026 4111 1111 1111 1111 1229 123", "4111 1111 1111 1111"),
    ("bearer", "Authorization: Bearer my-secret-token-1", "my-secret-token-1"),
    ("bearer", "Authorization: Bearer 12345678", "12345678"),
    ("bearer", "bearer 7|kSd83jfLwpq0", "7|kSd83jfLwpq0"),
    ("bearer", "bearer abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrstuvwxyz"),
    ("bearer", "bearer 018f2c1e-9d1c-4b7e-a0f1-3c5d7e9f1a2b", "018f2c1e-9d1c-4b7e-a0f1-3c5d7e9f1a2b"),
    ("bearer", "auth=Bearer%20abc123def456&x", "abc123def456"),
    ("password", "PWD={hunter2};UID=sa", "{hunter2}"),
    ("password", "access_token=4f8a9c", "4f8a9c"),
    ("password", "password=/x9/k3", "/x9/k3"),
    ("password", "'passwd' => 'Sommer26',", "Sommer26"),
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
    # The classes of false alarms of docs/benchmarks.md, one line each.
    ("email", "img@2x.avif icon@1.5x.ico react@18.3.0-rc.next webpack@5.9.1-beta.hotfix inter@4.1.woff2"),
    ("email", "user@1000.service getty@tty1.service dev@x.device openvpn@client.conf"),
    ("email", "git@github.com:org/repo.git git+ssh://git@gitlab.example.com:2222/a.git deploy@web-1.prod.internal:/srv/app"),
    ("email", "rabbit@rabbitmq-0.rabbitmq-headless.shop.svc.cluster.local celery@worker-1.example.net postgres@db-3.example.net"),
    ("email", "voters=1@kafka-1.prod.example.net:9093,2@kafka-2.prod.example.net:9093"),
    ("email", "https://0123456789abcdef0123456789abcdef@o123456.ingest.sentry.io/4504 amqp://shop@mq.example.net:5672/"),
    ("email", 'Message-ID: <20261121.4711@mail.internal> message_id="<a1@b.example.net>" In-Reply-To: <x@y.example>'),
    ("email", '{\\"messageId\\":\\"<a1@b.example.net>\\"}'),
    ("email", "aes128-gcm@openssh.com,rijndael-cbc@lysator.liu.se,curve25519-sha256@libssh.org,zlib@openssh.com"),
    ("email", "com.acme.shop.OrderService@6d06d69c.process HTTP/web.example.com@EXAMPLE.COM"),
    ("email", "Linux version 6.1.0 (debian-kernel@lists.debian.org) (gcc-12)"),
    ("email", "/share?url=https%3A%2F%2Fmedium.com%2F%40acme.blog%2Fpost"),
    ("email", "GET /%24%7B%28%23a%3D%40org.apache.commons.Utils%29.%28%40java.lang.Runtime%29"),
    ("phone", "+1.234567 s, +2.5821615 s, +49.1234567 ms, +52.520008+013.404954/, mobile at +53.145337+10.729179/"),
    ("phone", "+15 ms, +123 -45 lines, +449355039 bytes, delta=+449355039, at +1795255258, #+1162490366"),
    ("phone", "+51.686.170,99 EUR, +809945.85 EUR, 2026-11-21 10:00:00 +1200 555 01 23, m=+49.123456789"),
    ("phone", "hotel: 00186063 HOTEL=0341324537 tel: 000000000 mobile=0.123456789 phone: 01.02.2026 +999 1234567"),
    ("iban", "INVOICE NO9386011117947 and DE20261121100000111112 and DE89ABCD044053201300AB"),
    ("card", "discarded 4111111111111111 credit note 4111111111111111 cardinality=4111111111111111 dashboard 4111111111111111"),
    ("card", "debit order_id=4111111111111111 card event_id: 4111111111111111 credit_note_id=4111111111111111"),
    ("card", "sizes 4111 1111 1111 1111, voucher 4111-1111-1111-1111"),
    ("card", "0x0000:  4500 96b5 4111 1111 1111 1111 3433 8208"),
    ("card", "0x0000:  4111 1111 1111 1111 3433 8208"),
    ("bearer", "bearer oauth2-proxy, Bearer error_description=The+access+token, bearer id=12345678, bearer 2026-11-21T10:00"),
    (
        "bearer",
        "Bearer org.springframework.security.oauth2.BearerTokenAuthentication, bearer 20261121100000, bearer ORD-2026-49668639",
    ),
    ("bearer", "basic preconditions/checks, basic understanding123, Basic authentication"),
    ("password", "PWD=/srv/app private_key=/etc/ssl/site.pem secret=prod/db/credentials secret=arn:aws:secretsmanager:eu:1:x"),
    ("password", "token=expired token => missing password: required|string|min:8 password=:password pwd={password}"),
    ("password", "next_page_token=CAUQkuty continuation_token=rRgalJ_Lx cancellationToken=System.Threading.CancellationToken"),
    ("password", "token=Token{78af589 ActivityRecord} token: com.apple.xpc.activity/4505: token: android.os.BinderProxy@2bd79ce"),
    ("password", '"password":"__REDACTED__"'),
    ("password", "registry.example.com:5000/shop/token:v18.11.36@sha256:f7e4023a312d3a3a"),
    ("connection", "docker://nginx:1.25@sha256:0af mongodb://a:27017,b:27017/shop?x=a@b postgres://user:password@host:5432/db"),
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
