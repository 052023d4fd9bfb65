"""This file is for passing over text that cannot hold what is sought, in one pass, so that only the rest is looked at closely."""

from __future__ import annotations

import re
from binascii import a2b_qp
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from html.entities import html5
from itertools import islice, pairwise

from ahocorasick_rs import BytesAhoCorasick, Implementation

from probes.encodings import ESCAPES, ROUNDS, decoded_escape

# Signs that values are written with and without: taken out of the text and of what is sought, they make no difference.
# Every byte beyond ASCII is one: what case and encoding do to it need not be known then.
_TAKEN_OUT = bytes(sign for sign in range(256) if sign >= 0x80 or chr(sign) in " \t\r\n\v\f\x1c\x1d\x1e\x1f\2\3\4()./_:+-\\\"'=~")
_SMALL = bytes(range(256)).lower()
_KELVIN = "\u212a"  # the one sign beyond ASCII whose small form is an ASCII letter, k
_SHORTEST = 6  # what is shorter when those are taken out would let nearly everything through
_ODD_SIGNS = frozenset("%&\\\n\1\2\3\4")  # what is sought is itself changed when escapes are undone, if it holds one of them
_GROUPED = 160  # signs of a number with separators between its digits

# Quoted-printable is undone at the speed at which memory is read, so the escapes of URLs are made to look like it: `=` for `%`.
# What begins other escapes, and line ends, are told apart from those that come out of it: \1 for `&`, \2 for a backslash,
# \3 for a line end; \4 is a carriage return, at which quoted-printable would stumble.
_AS_PRINTABLE = bytes.maketrans(b"\1\2\3\4%=&\\\n\r", b"\5\5\5\5=~\1\2\3\4").translate(_SMALL)
_MANY_BACKSLASHES = b"\2" * 8
_SEVEN_BACKSLASHES = r"\\" * 7
# up to a line end, at which an escape may have been cut in two
_CUT = rb"[0-9A-Za-z#;=%&\\\x01\x02]{0,63}+[\x04-\x20\x80-\xff]*\x03"
_LEFT = tuple(
    (begin, re.compile(re.escape(begin) + rb"(?:" + _CUT + rb"|" + rest + rb")"))
    for begins, rest in (
        ((b"=", b"%"), rb"[0-9a-fA-F]{2}"),
        ((b"\1", b"&"), rb"#|[A-Za-z][A-Za-z0-9]{1,31};?"),
        ((b"\2", b"\\"), rb"[\x02\\]{0,7}[uxnUXN]"),
    )
    for begin in begins
)
_HEX = re.compile(rb"[0-9a-f]{1,2}")
_NAMES = frozenset(name.lower() for name in html5)
_SHORT_NAMES = tuple(name for name in _NAMES if not name.endswith(";"))
_NEAR = (1024, 16 * 1024)  # signs around an escape that are looked at before the whole text

# The same in text as it is: each begins with a plain sign, which lets `re` skip what has none of it.
WRITTEN_LINE_END = re.compile(r"(?:\\r)?\\n")  # a line end that a JSON text holds
_SITE = re.compile(r"%[0-9a-fA-F]{2}|\\\\*[ux]|&(?:#|[A-Za-z][A-Za-z0-9]{1,31};?)")
_END = re.compile(r"\\\\*n|[%&\\][0-9A-Za-z#;%&\\]{0,63}+ *\n")
_LINE_END = re.compile(r"\s*\n\s*")
_MUCH_SPACE = ("\n" + " " * 15, " " * 15 + "\n", "\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x1f")
_LINE_BREAK = 31  # signs of a line end with less space than that on both sides
_LONGEST = 64  # of one escape: a name of HTML, or a sign behind seven backslashes


class ValueSieve:
    """Says of lines whether they may hold one of the forms of a value. It may be wrong in saying yes, never in saying no.

    One pass finds what stands there as it is or in the escapes of a URL. What shows only when other escapes are undone, or
    when line ends are taken out that are written as two signs or that cut an escape in two, is looked for around those.
    """

    def __init__(self, forms: Iterable[str]) -> None:
        texts = list(forms)
        needles = {_reduced(form.encode("utf-8", "replace")) for form in texts}
        odd = any(not _ODD_SIGNS.isdisjoint(form) for form in texts)
        self._lets_all_through = odd or any(len(needle) < _SHORTEST for needle in needles)
        begun = {begun for needle in needles for begun in _begun(needle)} - needles
        self._sure = len(needles)  # what is found of the others may as well be something else
        sought = [] if self._lets_all_through else [*sorted(needles), *sorted(begun)]
        self._machine = BytesAhoCorasick(sought, implementation=Implementation.DFA) if sought else None
        # Before a quote and a slash there may be up to seven backslashes more than in the value.
        self._reach = max(_GROUPED, 0, *(len(form) + 8 * sum(form.count(sign) for sign in "\"'/") for form in texts))

    def may_hold(self, text: str) -> bool:
        """Look at lines that stand one after the other."""
        if self._machine is None:
            return self._lets_all_through
        undone = a2b_qp(text.encode("utf-8", "replace").translate(_AS_PRINTABLE))
        found = self._found(undone)
        if found and (min(found)[0] < self._sure or self._holds(text)):
            return True
        if not undone.isascii() and _KELVIN.encode() in undone:
            return True
        if _MANY_BACKSLASHES in undone:  # more than are counted with
            return self.may_hold(re.sub(r"\\{8,}", _SEVEN_BACKSLASHES, text))
        return any(self._shows_around(text, start, end) for start, end in _cores(text, undone))

    def _shows_around(self, text: str, start: int, end: int) -> bool:
        """Return whether something shows around the escapes in a part of the text; where they go on outside, in all of it."""
        for near in _NEAR:
            first, last = text.rfind("\n", 0, max(0, start - near)) + 1, _line_end(text, end + near)
            part = _with_short_line_breaks(text[first:last])
            runs = [run for run in self._runs(part) if run[0] <= end - first and run[-1] >= start - first]
            stretches = [self._stretch(part, run) for run in runs]
            goes_on = any((begin == 0 and first > 0) or (until >= len(part) and last < len(text)) for begin, until in stretches)
            if not goes_on and len(part) == last - first:  # else places are not where they were
                return self._shows_in(part, runs, stretches)
        return self._shows(text)

    def _shows(self, text: str) -> bool:
        """Return whether something shows when escapes are undone and line ends taken out."""
        text = _with_short_line_breaks(text)
        runs = list(self._runs(text))
        return self._shows_in(text, runs, [self._stretch(text, run) for run in runs])

    def _shows_in(self, text: str, runs: Sequence[Sequence[int]], stretches: Sequence[tuple[int, int]]) -> bool:
        near = "\0".join(_undone(text, run, *stretch) for run, stretch in zip(runs, stretches, strict=True))
        whole = _LINE_END.sub("\n", "\0".join(text[start:end] for start, end in stretches))  # space goes before written line ends
        whole = WRITTEN_LINE_END.sub("", whole).replace("\n", "")
        return any(self._holds(one) or self._shows_undone(one) for one in (near, whole))

    def _shows_undone(self, text: str) -> bool:
        for _ in range(ROUNDS):
            undone = ESCAPES.sub(_plain, text)
            if undone == text:
                return False
            text = undone
            if self._holds(text):
                return True
        return False

    def _runs(self, text: str) -> Iterator[Sequence[int]]:
        """Yield the places, of escapes and of line ends to take out, that stand together, so that a form may be of several."""
        places, first, apart = _places(text), 0, 2 * self._reach + _LONGEST
        for number, (one, other) in enumerate(pairwise(places), 1):
            if other - one > apart and other - one > apart + _LINE_BREAK * text.count("\n", one, other):
                yield places[first:number]
                first = number
        if places:
            yield places[first:]

    def _stretch(self, text: str, run: Sequence[int]) -> tuple[int, int]:
        return _start_of_end(text, run[0], self._reach), _end_of_start(text, run[-1] + _LONGEST, self._reach)

    def _holds(self, text: str) -> bool:
        found = self._found(text.replace(_KELVIN, "k").encode("utf-8", "replace"))
        return bool(found) and min(found)[0] < self._sure

    def _found(self, raw: bytes) -> list[tuple[int, int, int]]:
        return self._machine.find_matches_as_indexes(_reduced(raw), overlapping=True) if self._machine else []


def _reduced(raw: bytes) -> bytes:
    return raw.translate(_SMALL, _TAKEN_OUT)


def _begun(needle: bytes) -> Iterator[bytes]:
    """Yield what becomes of a needle where a `%` stands before it, so that its first signs are taken for a code."""
    if _HEX.fullmatch(needle[:1]):
        yield needle[1:]
    if len(needle) > 1 and _HEX.fullmatch(needle[:2]):
        yield _reduced(bytes.fromhex(needle[:2].decode())) + needle[2:]


def _cores(text: str, undone: bytes) -> Iterator[tuple[int, int]]:
    """Yield the parts of the text in which something is still escaped after the escapes of URLs were undone, line by line."""
    places = sorted(_left(undone))
    if not places:
        return
    line_ends, start, end = re.finditer("\n", text), 0, -1
    for before, place in pairwise((0, *places)):
        further = undone.count(b"\3", before, place)
        if further == 0 and end >= 0:
            continue  # in the same line
        line_start = next(islice(line_ends, further - 1, None)).end() if further else 0
        if end >= 0 and line_start > end + _NEAR[0]:
            yield start, end
            start = line_start
        elif end < 0:
            start = line_start
        end = _line_end(text, line_start)
    yield start, end


def _left(undone: bytes) -> Iterator[int]:
    for begin, left in _LEFT:
        if begin in undone:
            yield from [match.start() for match in left.finditer(undone) if _is_escape(match.group())]


@lru_cache(4096)  # the parameters of URLs, mostly
def _is_escape(found: bytes) -> bool:
    if found[:1] not in b"\1&" or found[1:2] == b"#" or found.endswith(b"\3"):
        return True
    name = found[1:].decode().lower()
    return name in _NAMES or name.startswith(_SHORT_NAMES)


def _places(text: str) -> list[int]:
    """Return the places of escapes that stand for a sign that matters, and of line ends that have to be taken out."""
    found = {match.end() - 1 for match in _END.finditer(text)}
    found.update(match.start() for match in _SITE.finditer(text) if _is_escape(match.group().encode()))
    return sorted(found)


def _with_short_line_breaks(text: str) -> str:
    """Return the text with no more white space around a line end than `_LINE_BREAK` counts with."""
    text = text.replace("\t", " ")
    if text.isascii() and not any(sign in text for sign in _MUCH_SPACE):
        return text
    return "\n".join([line for line in map(str.strip, text.split("\n")) if line])


def _end_of_start(text: str, start: int, length: int) -> int:
    """Return where so many signs end, line breaks not counted: one may stand between any two signs of a form."""
    end = start + length + 2 * _LINE_BREAK
    while end < len(text) and (enough := start + length + _LINE_BREAK * text.count("\n", start, end)) > end:
        end = enough
    return end


def _start_of_end(text: str, end: int, length: int) -> int:
    start = max(0, end - length - 2 * _LINE_BREAK)
    while start > 0 and (enough := end - length - _LINE_BREAK * text.count("\n", start, end)) < start:
        start = max(0, enough)
    return start


def _undone(text: str, places: Sequence[int], start: int, end: int) -> str:
    """Return a stretch of the text with its escapes undone, which stand from the first to the last place."""
    escape = ESCAPES.match(text, places[-1])
    until = escape.end() if escape else places[-1]
    return text[start : places[0]] + ESCAPES.sub(_plain, text[places[0] : until]) + text[until:end]


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _plain(escape: re.Match[str]) -> str:
    return decoded_escape(escape.group())
