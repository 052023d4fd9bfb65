"""This file is for lines that do hold personal data or a secret, in the forms in which they are really written to logs.

Nobody is behind them: addresses are of reserved domains, phone numbers of blocks for fiction, cards of test prefixes, IBANs
and secrets are random.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from itertools import pairwise
from urllib.parse import quote

from harmless_values import Dice

from probes.numbering import luhn_is_valid
from probes.planting import FICTION_PHONES

_FIRST = ("bob", "alice", "carol", "dave", "erin", "mallory", "j.doe", "m-schmidt", "o_brien", "anna.lena", "x", "kim2001")
_DOMAINS = (
    "example.com",
    "example.org",
    "mail.example.net",
    "firma.example",
    "example.co.uk",
    "corp.example.com.py",
    "163.example.com",
)
# Country, and how a BBAN is made: n digits, a capital letters. Source: the IBAN registry of SWIFT.
_BBANS = (
    ("DE", "18n"),
    ("GB", "4a14n"),
    ("FR", "20n3n"),
    ("AT", "16n"),
    ("NL", "4a10n"),
    ("ES", "20n"),
    ("CH", "17n"),
    ("PL", "24n"),
    ("BE", "12n"),
)


def email(d: Dice) -> str:
    local = d.pick(_FIRST) + d.pick(("", f".{d.below(90)}", "+news", f"{d.below(99)}"))
    plain = f"{local}@{d.pick(_DOMAINS)}"
    return d.pick(
        (
            f"registered {plain} now",
            f"to=<{plain}>, relay=none",
            f"GET /u/{plain} HTTP/1.1",
            f"mailto:{plain}",
            json.dumps({"user": {"email": plain}}),
            f"email={quote(plain)}&x=1",
            f"next=%2Fu%3Fe%3D{quote(quote(plain, safe=''), safe='')}",
            json.dumps({"e": plain}).replace("@", "\\u0040"),
            f"<td>{plain.replace('@', '&#64;')}</td>",
            f"user {plain.upper()} locked",
            f"From: {local} <{plain}>: mailbox full",
            f"duplicate key (email)=({plain})",
            f"who={plain}:{d.base62(6)}",
            f"smtp://{quote(plain, safe='')}@mail.example.net",
            f"login failed for {plain}.",
        )
    )


def phone(d: Dice) -> str:
    code, block, length = d.pick(FICTION_PHONES[d.pick(("DE", "GB", "US", "FR"))])
    rest = block + d.digits(length)
    return d.pick(
        (
            f"sms to +{code}{rest} sent",
            f"call +{code} {rest[:3]} {rest[3:]} now",
            f"tel:+{code}-{rest[:3]}-{rest[3:]}",
            f"+{code} ({rest[:2]}) {rest[2:]}",
            f"+{code} (0){rest[:2]} {rest[2:6]} {rest[6:]}",
            f"+{code}.{rest[:3]}.{rest[3:]}",
            f"to=%2B{code}{rest}&x=1",
            json.dumps({"phone": f"+{code}{rest}"}),
            json.dumps({"mobile": f"0{rest[:3]} {rest[3:]}"}),
            f"Telefon: 0{rest[:3]}/{rest[3:]}",
            f"phone_number=0{rest}",
            f"Phone: +{code}.{rest}",
        )
    )


def iban(d: Dice) -> str:
    country, form = d.pick(_BBANS)
    bank, number = (
        ("".join(d.pick("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(4)), form[2:-1])
        if "a" in form
        else ("", form.replace("n3n", "3n")[:-1])
    )
    body = bank + d.digits({"20n3": 23, "203": 23}.get(number) or int(number))
    check = 98 - int("".join(str(int(sign, 36)) for sign in f"{body}{country}00")) % 97
    plain = f"{country}{check:02}{body}"
    grouped = " ".join(plain[at : at + 4] for at in range(0, len(plain), 4))
    return d.pick(
        (
            f"debit {plain} now",
            f"from {grouped} EUR",
            f"iban={plain}&x",
            json.dumps({"iban": plain}),
            f"konto {grouped.replace(' ', '-')}.",
            f"IBAN:{plain}",
            f"(iban)=({grouped})",
        )
    )


def card(d: Dice) -> str:
    prefix, groups = d.pick(
        (
            ("424242", (4, 4, 4, 4)),
            ("555555", (4, 4, 4, 4)),
            ("378282", (4, 6, 5)),
            ("601111", (4, 4, 4, 4)),
            ("305693", (4, 6, 4)),
        )
    )
    body = prefix + d.digits(sum(groups) - 7)
    plain = next(body + digit for digit in "0123456789" if luhn_is_valid(body + digit))
    at = [sum(groups[:n]) for n in range(len(groups) + 1)]
    parts = [plain[a:b] for a, b in pairwise(at)]
    return d.pick(
        (
            f"paid with {' '.join(parts)}.",
            f"paid with {'-'.join(parts)} today",
            json.dumps({"card_number": plain}),
            json.dumps({"creditCard": {"number": plain}}),
            f"pan={plain}&cvc=***",
            f"Kreditkarte {plain} abgelehnt",
            f"number: {' '.join(parts)}, exp 12/29",
        )
    )


def bearer(d: Dice) -> str:
    token = d.pick(
        (
            d.base62(12),
            d.base62(40),
            d.hex(32),
            d.base64url(24),
            f"{d.below(900)}|{d.base62(40)}",
            f"ghp_{d.base62(36)}",
            d.uuid(),
        )
    )
    basic = base64.b64encode(f"svc:{d.base62(10)}".encode()).decode()
    return d.pick(
        (
            f"Authorization: Bearer {token}",
            json.dumps({"headers": {"authorization": [f"Bearer {token}"]}}),
            f"curl -H 'Authorization: Basic {basic}'",
            f"auth=Bearer%20{quote(token)}&x=1",
            f"sent with bearer {token} to upstream",
        )
    )


def jwt(d: Dice) -> str:
    head = d.pick(({"alg": "HS256", "typ": "JWT"}, {"typ": "JWT", "alg": "RS256", "kid": d.hex(8)}))
    parts = [
        base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=")
        for one in (head, {"sub": d.below(10**6), "iat": d.epoch()})
    ]
    token = ".".join((*parts, d.base64url(32)))
    return d.pick(
        (
            f"token {token} accepted",
            f"/cb?access_token={token}&x=1",
            json.dumps({"id_token": token}),
            f"Cookie: session={token}; path=/",
        )
    )


def password(d: Dice) -> str:
    value = d.pick((d.base62(10), f"{d.word()}{d.below(9000)}!", f"Sommer{d.below(90)}", d.hex(16)))
    return d.pick(
        (
            f"/login?user=7&password={value}",
            json.dumps({"login": 7, "password": value}),
            json.dumps(json.dumps({"password": value})),
            f"DB_PASSWORD={value} started",
            f"'passwd' => '{value}',",
            f"api_key={d.base62(32)} used",
            f"client_secret={d.base62(24)}&grant_type=x",
            json.dumps({"access_token": d.base62(30)}),
        )
    )


def connection(d: Dice) -> str:
    scheme = d.pick(("postgres", "mysql", "redis", "amqp", "mongodb+srv", "https", "postgresql+asyncpg"))
    who = f"{d.pick(('app', 'root', '', 'svc-shop'))}:{d.base62(9)}{d.pick(('', '!', '%21', '/x'))}"
    return f"connecting to {scheme}://{who}@{d.inner_host()}{d.pick(('', ':5432', '/shop'))}"


LEAKS: dict[str, Callable[[Dice], str]] = {
    "email": email,
    "phone": phone,
    "iban": iban,
    "card": card,
    "bearer": bearer,
    "jwt": jwt,
    "password": password,
    "connection": connection,
}


def leaking_line(dice: Dice, kind: str) -> str:
    """Return one line that holds something of a kind that the detector of that name should find."""
    said = LEAKS[kind](dice)
    return dice.pick(
        (
            f"[{dice.plain()}] production.INFO: {said}",
            f"{dice.iso()} {said}",
            f"{dice.syslog} {dice.host()} app[7]: {said} id={dice.hex(8)}",
        )
    )
