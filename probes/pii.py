"""This file is for detecting personal data and secrets that nobody told us of, by their form and check digits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from probes import lookalikes
from probes.line_sieve import Hint, LineSieve
from probes.numbering import IBAN_LENGTHS


@dataclass(frozen=True, slots=True)
class Finding:
    """One place at which a detector found something: `text[start:end]`."""

    start: int
    end: int
    detector: str


@dataclass(frozen=True, slots=True)
class Detector:
    """`proof` says where the pattern really finds something. It can only where one of the triggers stands, or of the shapes.

    See `Hint` for both; `hint` is what has to match there, if that is not the pattern itself.
    """

    name: str
    pattern: re.Pattern[str]
    proof: Callable[[re.Match[str]], tuple[int, int] | None]
    triggers: tuple[str, ...] = ()
    shapes: tuple[str, ...] = ()
    hint: re.Pattern[str] | None = None

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


def _whole(match: re.Match[str]) -> tuple[int, int] | None:
    return match.span()


_KEYS = r"password|passwd|passwort|passphrase|pwd|secret|api[_-]?key|access[_-]?key|private[_-]?key|token"
_SECRET_NAME = re.compile(rf"(?i){_KEYS}|authorization|credential|\bdsn\b|set-cookie|session[_-]?id|[_-]key\b")
_WHO = r"://(?P<who>[^\s:/@\"']{0,100}:(?P<value>[^\s\"'<>]{1,200}))@(?=[\w.\[-])"
_AT_DOMAIN = (
    r"(?:@|%(?:25){0,2}40|\\+(?:u0040|x40)|&#0?64;|&#[xX](?:00)?40;|&commat;)"
    r"(?P<domain>[^\W_](?:[^\W_]|-){0,62}(?:\.(?:[^\W_]|-){1,63}){0,8}\.(?P<top>xn--[a-z0-9-]{2,59}|[^\W\d_]{2,24}))(?![A-Za-z0-9])"
)
_SIGN = r"(?P<sign>\\{0,3}[\"']?\s{0,3}(?:=(?!=)>?|:)\s{0,3}\\{0,3}[\"']?)"


def _all(*detectors: Detector) -> dict[str, tuple[Detector, ...]]:
    names = dict.fromkeys(detector.name for detector in detectors)
    return {name: tuple(one for one in detectors if one.name == name) for name in names}


# The order is that of redaction: what holds other findings within itself comes first.
DETECTORS: dict[str, tuple[Detector, ...]] = _all(
    Detector(
        "connection",
        re.compile(rf"\b[a-zA-Z][a-zA-Z0-9+.-]{{1,20}}{_WHO}"),
        lookalikes.credentials,
        ("://",),
        hint=re.compile(_WHO),
    ),
    Detector(
        "jwt",
        re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{2,}(?:\.[\w-]*)?"),
        _whole,
        ("eyj",),
    ),
    Detector(
        "bearer",
        re.compile(
            r"(?i)\b(?P<scheme>bearer|basic)(?:\s|%20|\+)+(?!redacted|masked|\*)(?P<value>(?:\d{1,9}(?:\||%7c))?[\w.~+/=-]{8,})"
        ),
        lookalikes.bearer,
        ("bearer", "basic"),
    ),
    Detector(
        "password",
        re.compile(rf"(?i)(?P<key>{_KEYS}){_SIGN}(?P<value>[^\s\"'&,;<>\\]{{3,200}})"),
        lookalikes.pair,
        ("pass", "token", "secret", "pwd", "api", "access", "private"),
    ),
    Detector(
        "email",
        re.compile(rf"(?<![\w.%+-])(?P<local>[\w.%+-]+){_AT_DOMAIN}"),
        lookalikes.email,
        ("@", "%40", "%2540", "%252540", "\\u0040", "\\x40", "&#64;", "&#064;", "&#x40;", "&#x0040;", "&commat;"),
        hint=re.compile(rf"(?<=[\w.%+\\-]){_AT_DOMAIN}"),
    ),
    Detector(
        "iban",
        re.compile(r"[A-Z](?<![A-Za-z\d].)[A-Z][0-9]{2}(?=[ -]?[A-Z0-9]{2})"),
        lookalikes.iban,
        shapes=(" AA00", ".AA00", "-AA00"),
        hint=re.compile(rf"(?:{'|'.join(IBAN_LENGTHS)})[0-9]{{2}}[ -]?[A-Z0-9]{{2}}"),
    ),
    Detector(
        "card",
        re.compile(
            # Look-behinds come late, so that the search starts fast; the rest is only looked at, as a card may begin in it.
            r"[2-6](?<![\w.-].)(?=(?P<rest>\d{3}([ -]?)\d{4}\2\d{4}\2\d{4}"
            r"|(?<=3)[47]\d{2}([ -]?)\d{6}\3\d{5}|(?<=3)[068]\d{2}([ -]?)\d{6}\4\d{4})(?![\w-]|\.\d))"
        ),
        lookalikes.card,
        shapes=tuple(
            " " + sign.join("0" * length for length in groups)
            for groups in ((4, 4, 4, 4), (4, 6, 5), (4, 6, 4))
            for sign in ("", " ", "-")
        ),
    ),
    Detector(
        "phone",
        re.compile(r"(?:\+(?<![\w+.].)|%2[Bb])[1-9](?:(?:[ ./-]|%20)?\(?\d{1,14}\)?){1,7}(?!\w)"),
        lookalikes.phone,
        ("+", "%2b"),
        hint=re.compile(r"(?:\+|%2[Bb])[1-9](?:(?:[ ./-]|%20)?\(?\d\)?){7}"),  # eight digits or more
    ),
    Detector(
        "phone",
        re.compile(
            r"(?i)(?:phone|tel|telefon|mobile|mobil|handy)(?:[_-]?(?:number|nummer|no))?\\{0,3}[\"']?\s?[:=]\s?\\{0,3}[\"']?"
            r"(?P<value>0[\d ()/.-]{6,20}\d)(?![\w.-])"
        ),
        lookalikes.labelled_phone,
        ("phone", "tel", "mobil", "handy"),
    ),
)


def line_sieve(names: Iterable[str]) -> LineSieve:
    """Return what finds the lines that the named detectors have to look at."""
    wanted = [detector for name in names for detector in DETECTORS[name]]
    return LineSieve([Hint(one.name, one.hint or one.pattern, one.triggers, one.shapes) for one in wanted])
