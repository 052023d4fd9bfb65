"""This file is for JavaScript as far as test scripts need it: statements, without comments."""

from __future__ import annotations

import re
from collections.abc import Iterator

_OPEN, _CLOSE = "([{", ")]}"
_BEFORE_REGEX = frozenset("(,=:[!&|?{};\n")
_NEXT = re.compile(r"\s{0,1000}(else|\S)")
_LONGEST = 200_000  # characters of one script


def statements(script: str) -> Iterator[str]:
    """Yield the statements of the outermost level, each with all that it holds."""
    text = script[:_LONGEST]
    place, start, depth = 0, 0, 0
    parts: list[str] = []
    while place < len(text):
        sign = text[place]
        if text.startswith(("//", "/*"), place) and not _is_regex(text, place):
            parts.append(text[start:place])
            place = start = _after_comment(text, place)
            continue
        if sign in "\"'`" or (sign == "/" and _is_regex(text, place)):
            place = _after_text(text, place)
            continue
        if sign in _OPEN:
            depth += 1
        elif sign in _CLOSE:
            depth -= 1
        place += 1
        ends = (
            sign == ";" or (sign == "\n" and not _goes_on(text, place)) or (sign == "}" and _is_block(parts, text[start:place]))
        )
        if depth <= 0 and ends:
            yield from _clean([*parts, text[start:place]])
            parts, start, depth = [], place, 0
    yield from _clean([*parts, text[start:]])


def closing(text: str, place: int) -> int:
    """Return where the bracket closes that opens at a place; the end of the text where it never does."""
    depth = 0
    while place < len(text):
        sign = text[place]
        if sign in "\"'`" or (sign == "/" and _is_regex(text, place)):
            place = _after_text(text, place)
            continue
        depth += (sign in _OPEN) - (sign in _CLOSE)
        if depth == 0:
            return place
        place += 1
    return len(text)


def _clean(parts: list[str]) -> Iterator[str]:
    statement = "".join(parts).strip().rstrip(";").strip()
    if statement:
        yield statement


def _is_block(parts: list[str], rest: str) -> bool:
    return "".join([*parts, rest]).lstrip().startswith(("if", "for", "while", "function", "try", "switch"))


def _goes_on(text: str, place: int) -> bool:
    """Say whether a statement goes on in the next line: the next sign is a dot, an operator or a bracket that closes."""
    if text.startswith("\n", place):  # the last of several line ends decides
        return True
    found = _NEXT.match(text, place)
    return found is not None and (found[1][:1] in ".,?:+&|=" or found[1] == "else")


def _after_comment(text: str, place: int) -> int:
    end = text.find("\n" if text[place + 1] == "/" else "*/", place + 2)
    if end < 0:
        return len(text)
    return end if text[place + 1] == "/" else end + 2


def _after_text(text: str, place: int) -> int:
    """Return where a text or a regular expression ends that starts here; one that does not end is taken as a sign."""
    quote, at, inside = text[place], place + 1, False
    while at < len(text):
        sign = text[at]
        if sign == "\\":
            at += 1
        elif quote == "/" and sign in "[]":
            inside = sign == "["
        elif sign == quote and not inside:
            return at + 1
        elif sign == "\n" and quote != "`":
            break
        at += 1
    return place + 1


def _is_regex(text: str, place: int) -> bool:
    if text.startswith(("//", "/*"), place):
        return False
    before = text[:place].rstrip(" \t")[-1:]
    return not before or before in _BEFORE_REGEX
