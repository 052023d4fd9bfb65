"""This file is for passing over text that cannot hold what is sought, in one pass, so that only the rest is looked at closely."""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import unquote_to_bytes

from ahocorasick_rs import BytesAhoCorasick, Implementation

# Signs that values are written with and without: taken out of the text and of what is sought, they make no difference.
# Every byte beyond ASCII is one: what case and encoding do to it need not be known then.
_TAKEN_OUT = bytes(sign for sign in range(256) if sign >= 0x80 or chr(sign) in " \t\r\n()./_:+-\\\"'=~")
_SHORTEST = 6  # what is shorter when those are taken out would let nearly everything through
_ROUNDS = 3  # as for the close look: an address twice URL-encoded in a JSON text needs three
_WRITTEN_LINE_END = re.compile(rb"(?:\\r)?\\n")  # a line end that a JSON text holds
_JSON_ESCAPE = re.compile(rb"\\+u00([0-7][0-9a-fA-F])|\\+x([0-7][0-9a-fA-F])")
_WIDE_ESCAPE = re.compile(rb"\\+(?:u(?!00[0-7])[0-9a-fA-F]{4}|x[89a-fA-F][0-9a-fA-F])")
_ENTITY = re.compile(rb"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});?")


class ValueSieve:
    """Says of text whether it may hold one of the forms of a value. It may be wrong in saying yes, never in saying no."""

    def __init__(self, forms: Iterable[str]) -> None:
        needles = {_reduced(form.encode("utf-8", "replace")) for form in forms}
        self._lets_all_through = any(len(needle) < _SHORTEST for needle in needles)
        sought = () if self._lets_all_through else sorted(needles)
        self._machine = BytesAhoCorasick(sought, implementation=Implementation.DFA) if sought else None

    def may_hold(self, text: str) -> bool:
        """Look through a text once for each round of escapes that it holds."""
        if self._machine is None:
            return self._lets_all_through
        raw = text.encode("utf-8", "replace")
        for _ in range(_ROUNDS + 1):
            if self._is_in(raw) or (b"\\n" in raw and self._is_in(_WRITTEN_LINE_END.sub(b"", raw))):
                return True
            plain = _unescaped(raw)
            if plain is raw:
                return False
            raw = plain
        return False

    def _is_in(self, raw: bytes) -> bool:
        return bool(self._machine and self._machine.find_matches_as_indexes(_reduced(raw)))


def _reduced(raw: bytes) -> bytes:
    return raw.lower().translate(None, _TAKEN_OUT)


def _unescaped(raw: bytes) -> bytes:
    """Return the text with each escape undone once, or the very same text where there is none."""
    made = raw
    if b"%" in made:
        made = unquote_to_bytes(made)
    if b"\\u" in made or b"\\x" in made:
        made = _WIDE_ESCAPE.sub(b"", _JSON_ESCAPE.sub(lambda found: bytes([int(found[1] or found[2], 16)]), made))
    if b"&" in made:
        made = _ENTITY.sub(_meaning, made)
    return raw if made == raw else made


def _meaning(found: re.Match[bytes]) -> bytes:
    return html.unescape(found[0].decode("ascii")).encode("utf-8", "replace")


class LineSieve:
    """Finds the lines in which a detector's pattern could match: those with one of its triggers, or of its shapes.

    A trigger is text in lower case. A shape is text in which `0` stands for any digit, `A` for any capital letter, and a
    space for any sign that is no letter, digit, dot or hyphen, or for the text's beginning.
    """

    def __init__(self, triggers: Mapping[str, Sequence[str]], shapes: Mapping[str, Sequence[str]]) -> None:
        self._words, self._by_word = _machine(triggers)
        self._forms, self._by_form = _machine(shapes)

    def lines(self, text: str, starts: Sequence[int]) -> list[tuple[int, set[str]]]:
        """Return the lines to look at, in order, with the detectors to look with; `starts` says where each line begins."""
        raw = text.encode("ascii", "replace")  # one byte for each sign, so that places stay places
        found: dict[int, set[str]] = {}
        for machine, names, looked_at in (
            (self._words, self._by_word, raw.lower()),
            (self._forms, self._by_form, b" " + raw.translate(_SHAPE)),
        ):
            for number, _, end in machine.find_matches_as_indexes(looked_at, overlapping=True) if machine else ():
                place = end - 1 - (len(looked_at) - len(raw))  # of the last sign, as the first may be of the line before
                found.setdefault(bisect_right(starts, place) - 1, set()).update(names[number])
        return sorted(found.items())


def _shape_of(sign: str) -> str:
    if sign.isdigit():
        return "0"
    if sign.isalpha():
        return "A" if sign.isupper() else "a"
    return sign if sign in ".-" else " "


_SHAPE = bytes(ord(_shape_of(chr(byte))) if byte < 0x80 else 0x20 for byte in range(256))


def _machine(wanted: Mapping[str, Sequence[str]]) -> tuple[BytesAhoCorasick | None, list[list[str]]]:
    texts = sorted({text for several in wanted.values() for text in several})
    names = [[name for name, several in wanted.items() if text in several] for text in texts]
    return (BytesAhoCorasick([t.encode() for t in texts], implementation=Implementation.DFA) if texts else None), names
