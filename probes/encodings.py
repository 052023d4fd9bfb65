"""This file is for finding a known value in text again, in whatever form it reappears there."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

# Forms shorter than this would be found in innocent text; the value as it stands is sought from `MIN_VALUE` on.
MIN_ENCODED = 8
MIN_VALUE = 4
_SEPARATORS = r"[ \u00a0()./_-]{0,3}"
_GROUPED = re.compile(r"[A-Z]{0,4}[\d ()./+-]{8,}[A-Z0-9 ]{0,30}")
_ESCAPE_SIGNS = re.compile(r"[%\\&]")
# A run of bytes over 0x7f is one character or several of UTF-8, and is decoded as one. Each alternative begins with
# a plain sign: that lets `re` skip text without escapes ten times as fast.
ESCAPES = re.compile(
    r"%(?:[0-7][0-9a-fA-F]|[89a-fA-F][0-9a-fA-F](?:%[89a-fA-F][0-9a-fA-F])*)"
    r"|\\\\*(?:u[0-9a-fA-F]{4}(?:\\+u[0-9a-fA-F]{4})*|x[0-7][0-9a-fA-F]|x[89a-fA-F][0-9a-fA-F](?:\\+x[89a-fA-F][0-9a-fA-F])*|[\"'/])"
    r"|\\\\+"
    r"|&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});?"
)
ROUNDS = 3  # an address twice URL-encoded in a JSON text needs three


class Form(StrEnum):
    """How a value reappeared."""

    RAW = "as it is"
    CASE = "with its case changed"
    URL = "URL-encoded"
    URL_TWICE = "URL-encoded twice"
    HTML = "with HTML entities"
    JSON = "with JSON escapes"
    BYTES = "with \\x escapes"
    MIXED = "escaped in several ways"
    BASE64 = "as base64"
    HEX = "as hex"
    REVERSED = "reversed"
    REGROUPED = "with other separators"
    WRAPPED = "broken over two lines"
    HASHED = "hashed without salt"


@dataclass(frozen=True, slots=True)
class Hit:
    """One place at which a sought value stands: `text[start:end]`."""

    start: int
    end: int
    label: str
    form: Form


@dataclass(frozen=True, slots=True)
class _Needle:
    text: str  # in lower case
    label: str
    form: Form
    value: str  # for telling RAW from CASE


class Finder:
    """Finds values, given with the label to show in their place, in every form of `Form`.

    Values of fewer than `MIN_VALUE` characters are not sought. With `hashes`, unsalted hex digests count as forms.
    """

    def __init__(self, values: Iterable[tuple[str, str]], *, hashes: bool = False) -> None:
        needles: dict[str, _Needle] = {}
        self._regrouped: list[tuple[re.Pattern[str], str]] = []
        for value, label in values:
            if len(value) < MIN_VALUE:
                continue
            for form, text in _forms(value, hashes):
                needles.setdefault(_lower(text), _Needle(_lower(text), label, form, value))
            pattern = _regrouped(value)
            if pattern:
                self._regrouped.append((pattern, label))
        self._needles = sorted(needles.values(), key=lambda n: -len(n.text))
        self.forms = [needle.text for needle in self._needles]  # what is escaped or regrouped holds one when that is undone

    def holds_any(self, text: str) -> bool:
        """Return whether any value is there in any form. Cheap where none is."""
        return self._holds_plain(text) or self._holds_escaped(text)

    def find(self, text: str) -> list[Hit]:
        """Return the hits in order; where several overlap, the longest."""
        hits = list(self._find_plain(text))
        if self._holds_escaped(text):
            hits += self._find_escaped(text)
        return _without_overlap(hits)

    def _holds_plain(self, text: str) -> bool:
        low = _lower(text)
        for needle in self.forms:
            if needle in low:
                return True
        return any(pattern.search(low) for pattern, _ in self._regrouped)

    def _holds_escaped(self, text: str) -> bool:
        """Return whether undoing escapes shows anything; without regard to places, which cost four times as much."""
        if not _ESCAPE_SIGNS.search(text):
            return False
        for _ in range(ROUNDS):
            undone = ESCAPES.sub(lambda match: decoded_escape(match.group()), text)
            if undone == text:
                return False
            if self._holds_plain(undone):
                return True
            text = undone
        return False

    def _find_plain(self, text: str) -> Iterator[Hit]:
        low = _lower(text)
        for needle in self._needles:
            start = low.find(needle.text)
            while start >= 0:
                end = start + len(needle.text)
                changed = needle.form is Form.RAW and text[start:end] != needle.value
                yield Hit(start, end, needle.label, Form.CASE if changed else needle.form)
                start = low.find(needle.text, end)
        for pattern, label in self._regrouped:
            for match in pattern.finditer(low):
                yield Hit(match.start(), match.end(), label, Form.REGROUPED)

    def _find_escaped(self, text: str) -> Iterator[Hit]:
        """Undo escapes round by round, look again, and tell where each hit stands in the text as it was."""
        decoded = text
        back: Back = _same
        for _ in range(ROUNDS):
            step = _unescaped(decoded)
            if step is None:
                return
            decoded, back = step.text, _chain(step, back)
            for hit in self._find_plain(decoded):
                start, end = back(hit.start, hit.end)
                if end - start != hit.end - hit.start or text[start:end] != decoded[hit.start : hit.end]:
                    form = _escape_form(text[start:end]) if hit.form in (Form.RAW, Form.CASE, Form.REGROUPED) else hit.form
                    yield Hit(start, end, hit.label, form)


def _forms(value: str, hashes: bool) -> Iterator[tuple[Form, str]]:
    """Yield the forms that are sought as they stand, without regard to case; escapes are undone elsewhere."""
    yield Form.RAW, value
    if " " in value:
        yield Form.URL, value.replace(" ", "+")
    for text in dict.fromkeys((value, value.lower())):
        raw = text.encode("utf-8", "surrogatepass")
        encoded = [(Form.BASE64, form) for form in base64_inside(raw)]
        encoded += [(Form.HEX, raw.hex()), (Form.HEX, raw.hex(" ")), (Form.HEX, raw.hex(":"))]
        encoded.append((Form.REVERSED, text[::-1]))
        yield from ((form, found) for form, found in encoded if len(found) >= MIN_ENCODED)
        if hashes:
            for name in ("md5", "sha1", "sha256", "sha512"):
                yield Form.HASHED, hashlib.new(name, raw, usedforsecurity=False).hexdigest()


def base64_inside(raw: bytes) -> list[str]:
    """Return what of `raw` is sure to stand in any base64 text that holds it, at all three alignments, both alphabets."""
    found: dict[str, None] = {}
    for pad, cut in ((0, 0), (1, 2), (2, 3)):
        end = {0: None, 1: -3, 2: -2}[(len(raw) + pad) % 3]  # the last characters depend on what follows
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            found[encode(b"\0" * pad + raw)[cut:end].decode()] = None
    return list(found)


def _regrouped(value: str) -> re.Pattern[str] | None:
    """Return a pattern for numbers as people group them (phone, card, IBAN), or None for any other value."""
    if not _GROUPED.fullmatch(value.upper()):
        return None
    signs = [sign for sign in value.lower() if sign.isalnum()]
    if sum(sign.isdigit() for sign in signs) < 8 or len(signs) > 40:
        return None
    return re.compile(_SEPARATORS.join(re.escape(sign) for sign in signs))


def _lower(text: str) -> str:
    """Return the text in lower case, of the same length, so that places stay places."""
    low = text.lower()
    if len(low) == len(text) and "Σ" not in text:  # its small form depends on what follows it
        return low
    return "".join(small if len(small := sign.lower()) == 1 else sign for sign in text)


@dataclass(frozen=True, slots=True)
class _Step:
    """A text with its escapes undone, and where its stretches stood before: three lists of equal length."""

    text: str
    after: list[int]  # where each stretch begins in `text`
    before: list[int]  # where it began in the text as it was
    escape: list[int]  # the length it had there if it is an escape, 0 if it was copied

    def back(self, start: int, end: int) -> tuple[int, int]:
        at = bisect_right(self.after, start) - 1
        first = self.before[at] + (0 if self.escape[at] else start - self.after[at])
        at = bisect_right(self.after, end - 1) - 1
        last = self.before[at] + (self.escape[at] or end - self.after[at])
        return first, last


def _unescaped(text: str) -> _Step | None:
    """Return the text with each escape undone once, or None where there is none."""
    pieces: list[str] = []
    after, before, escape = [], [], []
    at = length = 0
    for match in ESCAPES.finditer(text):
        plain = decoded_escape(match.group())
        if plain == match.group():
            continue
        for piece, start, was in ((text[at : match.start()], at, 0), (plain, match.start(), match.end() - match.start())):
            if piece:
                pieces.append(piece)
                after.append(length)
                before.append(start)
                escape.append(was)
                length += len(piece)
        at = match.end()
    if not at:
        return None
    if at < len(text):
        pieces.append(text[at:])
        after.append(length)
        before.append(at)
        escape.append(0)
    return _Step("".join(pieces), after, before, escape)


@lru_cache(4096)  # a text mostly holds the same few
def decoded_escape(escape: str) -> str:
    """Return what an escape stands for, or itself if it is none after all."""
    if escape[0] == "%":
        return _as_text(bytes.fromhex(escape.replace("%", "")))
    if escape[0] == "&":
        return html.unescape(escape)
    sign = escape.lstrip("\\")
    if not sign:
        return "\\"
    if sign[0] == "u":
        units = re.findall(r"u([0-9a-fA-F]{4})", escape)
        return b"".join(bytes.fromhex(unit) for unit in units).decode("utf-16-be", "replace")
    if sign[0] == "x":
        return _as_text(bytes.fromhex("".join(re.findall(r"x([0-9a-fA-F]{2})", escape))))
    return sign


def _as_text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


Back = Callable[[int, int], tuple[int, int]]


def _same(start: int, end: int) -> tuple[int, int]:
    return start, end


def _chain(step: _Step, earlier: Back) -> Back:
    return lambda start, end: earlier(*step.back(start, end))


def _escape_form(seen: str) -> Form:
    """Return the form that the text at a hit shows."""
    low = seen.lower()
    shown = [
        form
        for form, there in (
            (Form.URL_TWICE, "%25" in low),
            (Form.URL, "%" in low and "%25" not in low),
            (Form.HTML, "&" in low),
            (Form.BYTES, "\\x" in low),
            (Form.JSON, "\\" in low and "\\x" not in low),
        )
        if there
    ]
    return shown[0] if len(shown) == 1 else Form.MIXED


def _without_overlap(hits: list[Hit]) -> list[Hit]:
    """Join hits that overlap into one, so that no end of a value is left over; the longest names it."""
    kept: list[Hit] = []
    for hit in sorted(hits, key=lambda h: (h.start, -h.end)):
        if not kept or hit.start >= kept[-1].end:
            kept.append(hit)
            continue
        last = kept[-1]
        named = hit if hit.end - hit.start > last.end - last.start else last
        kept[-1] = Hit(last.start, max(last.end, hit.end), named.label, named.form)
    return kept
