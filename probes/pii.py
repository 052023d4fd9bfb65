"""This file is for detecting personal data and secrets that nobody told us of, by their form and check digits."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from probes.sieve import LineSieve

# A file name such as logo@2x.png, or a package such as lodash@4.17.tgz, has the shape of an address.
_FILE_ENDINGS = re.compile(
    r"(?i)png|jpe?g|gif|svg|webp|css|m?js|map|html?|php|py|rb|json|xml|ya?ml|txt|log|t?gz|zip|so|jar",
)
_MASKED = re.compile(
    r"(?i)[\[<(]|\*{2}|\{\{|\$\{|%[({]|(?:redacted|filtered|masked|hidden|removed|null|none|nil|true|false|undefined|x{3,})\b"
)
# Length of an IBAN by country. Source: ISO 13616, the IBAN registry of SWIFT.
_IBAN_LENGTHS = dict(
    re.findall(
        r"([A-Z]{2}):(\d\d)",
        "AD:24 AE:23 AL:28 AT:20 AZ:28 BA:20 BE:16 BG:22 BH:22 BR:29 BY:28 CH:21 CR:22 CY:28 CZ:24 DE:22 DK:18 DO:28 EE:20 "
        "EG:29 ES:24 FI:18 FO:18 FR:27 GB:22 GE:22 GI:23 GL:18 GR:27 GT:28 HR:21 HU:28 IE:22 IL:23 IQ:23 IS:26 IT:27 JO:30 "
        "KW:30 KZ:20 LB:28 LC:32 LI:21 LT:20 LU:20 LV:21 MC:27 MD:24 ME:22 MK:19 MR:27 MT:31 MU:30 NL:18 NO:15 PK:24 PL:28 "
        "PS:29 PT:25 QA:29 RO:24 RS:22 SA:24 SC:31 SE:24 SI:19 SK:24 SM:27 ST:25 SV:28 TL:23 TN:24 TR:26 UA:29 VA:22 VG:24 XK:20",
    )
)
_CARD_WORDS = re.compile(r"(?i)card|karte|kredit|credit|debit|\bpan\b|\bcc\b|visa|amex")
_CARD_WORD_REACH = 40


@dataclass(frozen=True, slots=True)
class Finding:
    """One place at which a detector found something: `text[start:end]`."""

    start: int
    end: int
    detector: str


@dataclass(frozen=True, slots=True)
class Detector:
    """`proof` says where the pattern really finds something. It can only where one of the triggers stands, or of the shapes.

    See `LineSieve` for both.
    """

    name: str
    pattern: re.Pattern[str]
    proof: Callable[[re.Match[str]], tuple[int, int] | None]
    triggers: tuple[str, ...] = ()
    shapes: tuple[str, ...] = ()

    def find(self, text: str) -> Iterator[Finding]:
        low = text.lower() if self.triggers else ""
        if self.triggers and not any(trigger in low for trigger in self.triggers):
            return
        for match in self.pattern.finditer(text):
            place = self.proof(match)
            if place:
                yield Finding(*place, self.name)


def find(text: str, names: Iterable[str]) -> list[Finding]:
    """Return what the named detectors find, in order, without overlaps; the earlier name wins."""
    taken: list[Finding] = []
    for detector in (one for name in names for one in DETECTORS[name]):
        for finding in detector.find(text):
            if all(finding.end <= other.start or finding.start >= other.end for other in taken):
                taken.append(finding)
    return sorted(taken, key=lambda f: f.start)


def names_a_secret(name: str) -> bool:
    """Return whether a value of this name, a header or a key of JSON, should not be shown."""
    return bool(_SECRET_NAME.search(name))


def iban_is_valid(text: str) -> bool:
    """Return whether letters and digits form an IBAN: the country's length, and check digits. Source: ISO 7064, mod 97-10."""
    if str(len(text)) != _IBAN_LENGTHS.get(text[:2]) or not (text.isascii() and text.isalnum()):
        return False
    return int("".join(str(int(sign, 36)) for sign in text[4:] + text[:4])) % 97 == 1


def luhn_is_valid(digits: str) -> bool:
    """Return whether the last digit is the check digit of the others. Source: ISO/IEC 7812-1, annex B."""
    total = 0
    for place, sign in enumerate(reversed(digits)):
        number = int(sign) * (1 + place % 2)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def card_is_valid(digits: str) -> bool:
    """Return whether digits can be a payment card: an issuer's prefix with its length, and the Luhn digit."""
    head = int(digits[:4])
    if len(digits) == 16:
        known = (
            digits[0] == "4"
            or 5100 <= head <= 5599
            or 2221 <= head <= 2720
            or 3528 <= head <= 3589
            or head == 6011
            or 6440 <= head <= 6599
        )
    elif len(digits) == 15:
        known = digits[:2] in ("34", "37")
    else:
        known = len(digits) == 14 and (3000 <= head <= 3059 or digits[:2] in ("36", "38"))
    return known and luhn_is_valid(digits)


def _whole(match: re.Match[str]) -> tuple[int, int] | None:
    return match.span()


def _email(match: re.Match[str]) -> tuple[int, int] | None:
    return None if _FILE_ENDINGS.fullmatch(match["top"]) else match.span()


def _phone(match: re.Match[str]) -> tuple[int, int] | None:
    """E.164 has 8 to 15 digits here; a date beside a signed number is no phone number."""
    digits = sum(sign.isdigit() for sign in match.group().removeprefix("%2").replace("%20", ""))
    dated = re.search(r"\d{4}-\d\d-\d\d", match.group())
    return match.span() if 8 <= digits <= 15 and not dated else None


def _labelled_phone(match: re.Match[str]) -> tuple[int, int] | None:
    return match.span("value") if 8 <= sum(sign.isdigit() for sign in match["value"]) <= 15 else None


def _iban(match: re.Match[str]) -> tuple[int, int] | None:
    """Walk exactly as many letters and digits as the country has, over single spaces or hyphens."""
    wanted = int(_IBAN_LENGTHS.get(match.group()[:2], "0"))
    text, at, signs = match.string, match.start(), ""
    while len(signs) < wanted and at < len(text):
        if text[at].isalnum():
            signs += text[at]
        elif text[at] not in " -" or text[at - 1] in " -":
            return None
        at += 1
    ends = at >= len(text) or not text[at].isalnum()
    return (match.start(), at) if wanted and ends and iban_is_valid(signs) else None


def _card(match: re.Match[str]) -> tuple[int, int] | None:
    """One random number of 16 digits in fifty passes for a card, so a number without groups needs a word beside it."""
    digits = re.sub(r"\D", "", match.group())
    if not card_is_valid(digits):
        return None
    before = match.string[max(0, match.start() - _CARD_WORD_REACH) : match.start()]
    grouped = len(digits) != len(match.group())
    return match.span() if grouped or _CARD_WORDS.search(before) else None


def _bearer(match: re.Match[str]) -> tuple[int, int] | None:
    """Tell credentials from prose (`basic authentication`): Basic decodes to `user:password`, a token has digits or length."""
    value = match["value"]
    if match["scheme"].lower() == "basic":
        try:
            return match.span("value") if b":" in base64.b64decode(value + "=" * (-len(value) % 4)) else None
        except (binascii.Error, ValueError):
            return None
    return match.span("value") if len(value) >= 20 or any(sign.isdigit() for sign in value) else None


def _pair(match: re.Match[str]) -> tuple[int, int] | None:
    """A word after `token: ` is prose; after `=` or between quotes it is a value."""
    value = match["value"]
    if _MASKED.match(value):
        return None
    quoted_or_equal = "=" in match["sign"] or '"' in match["sign"] or "'" in match["sign"]
    if not quoted_or_equal and (len(value) < 6 or not any(sign.isdigit() for sign in value)):
        return None
    if "token" in match["key"].lower() and value.isdigit() and len(value) < 6:
        return None  # a count of tokens
    return match.span("value")


def _credentials(match: re.Match[str]) -> tuple[int, int] | None:
    """Tell `user:password@` from a port and a path that holds an e-mail address."""
    if _MASKED.match(match["value"]) or re.match(r"\d{1,5}[/?#]", match["value"]):
        return None
    return match.span("who")


_KEYS = r"password|passwd|passwort|passphrase|pwd|secret|api[_-]?key|access[_-]?key|private[_-]?key|token"
_SECRET_NAME = re.compile(rf"(?i){_KEYS}|authorization|credential|\bdsn\b|set-cookie|session[_-]?id|[_-]key\b")
_SIGN = r"(?P<sign>\\{0,3}[\"']?\s{0,3}(?:=(?!=)>?|:)\s{0,3}\\{0,3}[\"']?)"


def _all(*detectors: Detector) -> dict[str, tuple[Detector, ...]]:
    names = dict.fromkeys(detector.name for detector in detectors)
    return {name: tuple(one for one in detectors if one.name == name) for name in names}


# The order is that of redaction: what holds other findings within itself comes first.
DETECTORS: dict[str, tuple[Detector, ...]] = _all(
    Detector(
        "connection",
        re.compile(r"\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://(?P<who>[^\s:/@\"']{0,100}:(?P<value>[^\s\"'<>]{1,200}))@(?=[\w.\[-])"),
        _credentials,
        ("://",),
    ),
    Detector(
        "jwt",
        re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{2,}(?:\.[\w-]*)?"),
        _whole,
        ("eyj",),
    ),
    Detector(
        "bearer",
        re.compile(r"(?i)\b(?P<scheme>bearer|basic)(?:\s|%20|\+)+(?!redacted|masked|\*)(?P<value>[\w.~+/=-]{8,})"),
        _bearer,
        ("bearer", "basic"),
    ),
    Detector(
        "password",
        re.compile(rf"(?i)(?P<key>{_KEYS}){_SIGN}(?P<value>[^\s\"'&,;<>\\]{{3,200}})"),
        _pair,
        ("pass", "token", "secret", "pwd", "api", "access", "private"),
    ),
    Detector(
        "email",
        re.compile(
            r"[A-Za-z0-9._%+-]{1,64}(?:@|%40|\\+u0040|&#64;|&commat;)"
            r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}\.(?P<top>[A-Za-z]{2,24})\b"
        ),
        _email,
        ("@", "%40", "u0040", "&#64;", "&commat;"),
    ),
    Detector(
        "iban",
        re.compile(r"[A-Z](?<![A-Za-z0-9].)[A-Z][0-9]{2}(?=[ -]?[A-Z0-9]{2})"),
        _iban,
        shapes=(" AA00", ".AA00", "-AA00"),
    ),
    Detector(
        "card",
        re.compile(
            r"[2-6](?<![\w.-].)(?:\d{3}([ -]?)\d{4}\1\d{4}\1\d{4}"  # look-behinds come late, so that the search starts fast
            r"|(?<=3)[47]\d{2}([ -]?)\d{6}\2\d{5}|(?<=3)[068]\d{2}([ -]?)\d{6}\3\d{4})(?![\w-]|\.\d)"
        ),
        _card,
        shapes=tuple(
            " " + sign.join("0" * length for length in groups)
            for groups in ((4, 4, 4, 4), (4, 6, 5), (4, 6, 4))
            for sign in ("", " ", "-")
        ),
    ),
    Detector(
        "phone",
        re.compile(r"(?:\+(?<![\w+.].)|%2[Bb])[1-9](?:(?:[ ./-]|%20)?\(?\d{1,14}\)?){1,7}(?!\w)"),
        _phone,
        ("+", "%2b"),
    ),
    Detector(
        "phone",
        re.compile(
            r"(?i)(?:phone|tel|telefon|mobile|mobil|handy)(?:[_-]?(?:number|nummer|no))?\\{0,3}[\"']?\s?[:=]\s?\\{0,3}[\"']?"
            r"(?P<value>0[\d ()/.-]{6,20}\d)(?![\w.-])"
        ),
        _labelled_phone,
        ("phone", "tel", "mobil", "handy"),
    ),
)


def line_sieve(names: Iterable[str]) -> LineSieve:
    """Return what finds the lines that the named detectors have to look at."""
    wanted = [(name, DETECTORS[name]) for name in names]
    triggers = {name: [one for detector in found for one in detector.triggers] for name, found in wanted}
    return LineSieve(triggers, {name: [one for detector in found for one in detector.shapes] for name, found in wanted})
