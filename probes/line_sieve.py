"""This file is for finding the few lines of a text that a detector has to look at closely, in two passes over all of it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ahocorasick_rs import BytesAhoCorasick, Implementation


@dataclass(frozen=True, slots=True)
class Hint:
    """What has to stand in a line for a detector to find something: a trigger or a shape, and there a match of the pattern.

    A trigger is text in lower case. A shape is text in which `0` stands for any digit, `A` for any capital letter, and a
    space for any sign that is no letter, digit, dot or hyphen, or for the text's beginning. The pattern is tried where a
    trigger begins, or a shape behind its first sign. It may be found over the line's end, and must be found in the line.
    """

    detector: str
    pattern: re.Pattern[str]
    triggers: Sequence[str] = ()
    shapes: Sequence[str] = ()


class LineSieve:
    """Finds the lines in which a detector could find something. It may be wrong in naming one, never in leaving one out."""

    def __init__(self, hints: Sequence[Hint]) -> None:
        self._words, self._by_word = _machine([(hint, hint.triggers) for hint in hints])
        self._forms, self._by_form = _machine([(hint, hint.shapes) for hint in hints])

    def lines(self, text: str) -> list[tuple[int, int, set[str]]]:
        """Return where the lines to look at begin and end, in order, and the detectors to look with."""
        words = text.encode("ascii", _LETTERS).lower()  # one byte for each sign, so that places stay places
        forms = b" " + text.encode("ascii", _DIGITS).translate(_SHAPE)
        found: dict[int, set[str]] = {}
        for machine, by_number, looked_at in (
            (self._words, self._by_word, words),
            (self._forms, self._by_form, forms),
        ):
            for number, start, _ in machine.find_matches_as_indexes(looked_at, overlapping=True) if machine else ():
                for hint in by_number[number]:
                    if hint.pattern.match(text, start):
                        found.setdefault(text.rfind("\n", 0, start) + 1, set()).add(hint.detector)
        return [(start, _line_end(text, start), names) for start, names in sorted(found.items())]


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


# What `re` takes for an ASCII letter, or for a digit, though it is none, must not be passed over.
_LIKE_LETTERS = {"\u0130": "i", "\u0131": "i", "\u017f": "s", "\u212a": "k"}


def _to_letters(problem: UnicodeError) -> tuple[str, int]:
    assert isinstance(problem, UnicodeEncodeError)
    return "".join(_LIKE_LETTERS.get(sign, "?") for sign in problem.object[problem.start : problem.end]), problem.end


def _to_digits(problem: UnicodeError) -> tuple[str, int]:
    assert isinstance(problem, UnicodeEncodeError)
    return "".join("0" if sign.isdecimal() else "?" for sign in problem.object[problem.start : problem.end]), problem.end


_LETTERS, _DIGITS = "probes.line_sieve.letters", "probes.line_sieve.digits"
codecs.register_error(_LETTERS, _to_letters)
codecs.register_error(_DIGITS, _to_digits)


def _shape_of(sign: str) -> str:
    if sign.isdigit():
        return "0"
    if sign.isalpha():
        return "A" if sign.isupper() else "a"
    return sign if sign in ".-" else " "


_SHAPE = bytes(ord(_shape_of(chr(byte))) if byte < 0x80 else 0x20 for byte in range(256))


def _machine(wanted: Sequence[tuple[Hint, Sequence[str]]]) -> tuple[BytesAhoCorasick | None, list[list[Hint]]]:
    texts = sorted({text for _, several in wanted for text in several})
    hints = [[hint for hint, several in wanted if text in several] for text in texts]
    return (BytesAhoCorasick([t.encode() for t in texts], implementation=Implementation.DFA) if texts else None), hints
