"""This file is for telling people what is wrong in a file: the place, what was found, what would be right."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

SHOWN_AT_MOST = 50
_WIDEST_LINE = 120
_RED, _BLUE, _OFF = "\x1b[1;31m", "\x1b[1;34m", "\x1b[0m"

# Keys whose values are not repeated, near misses such as `pasword` included.
_SECRET_WORD = r"pass?w(?:or)?d|passphrase|secret|token|bearer|credential|api[_-]?key|private[_-]?key|dsn|authorization"
_SECRET_KEY = re.compile(_SECRET_WORD, re.IGNORECASE)
# No `[\w-]*` in front: what stands before the word is not needed, and a long line without the word would cost its square.
_SECRET_VALUE = re.compile(rf"""((?:{_SECRET_WORD})[\w-]*["']?\s*:\s+)(?![{{\[&*|>#])(\S.*)""", re.IGNORECASE)
_SECRET_IN_FLOW = re.compile(_SECRET_VALUE.pattern.replace(r"(\S.*)", r"""("[^"]*"|'[^']*'|[^,}\s][^,}]*)"""), re.IGNORECASE)
_FROM_ENVIRONMENT = re.compile(r"""["']?\$\{[^}]*\}["']?[\s,}\]]*""")
_URL_PASSWORD = re.compile(r"(://[^/\s:@]{0,200}:)([^@\s]{1,1000})(?=@)")  # bounded, or a long line would cost its square


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file as text; `path` is how it is shown, `folder` is where relative paths in it begin."""

    path: str
    lines: tuple[str, ...]
    folder: Path = Path()

    def line(self, number: int) -> str:
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: line and column count from 1, `width` in characters, within one line."""

    file: SourceFile
    line: int
    column: int
    width: int = 1


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong: a sentence, and beside the caret what would be right. `path` is the place in the document."""

    sentence: str
    place: Place | None = None
    remedy: str = ""
    path: str = ""


class SuiteError(Exception):
    """A suite cannot be used. `mistakes` holds every reason, sorted by place; `render` tells them to a person."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(sorted(_once(mistakes), key=_order))
        super().__init__(self.render(color=False))

    def render(self, *, color: bool = False) -> str:
        """Return all mistakes in the form of a compiler's messages, at most `SHOWN_AT_MOST` of them."""
        blocks = [_render(_harmless(mistake), color=color) for mistake in self.mistakes[:SHOWN_AT_MOST]]
        more = len(self.mistakes) - SHOWN_AT_MOST
        return "\n\n".join(blocks + ([f"and {more} more"] if more > 0 else []))


def near(name: str, known: Iterable[str], *, likeness: float = 0.6, shown: Mapping[str, str] | None = None) -> str:
    """Return `did you mean 'x'?` for the known name closest to a misspelt one, or an empty text.

    `shown` says what is to be written for a name.
    """
    by_lower = {k.lower(): k for k in known}
    found = difflib.get_close_matches(name.lower(), list(by_lower), 1, likeness)
    right = by_lower[found[0]] if found else ""
    return f"did you mean '{(shown or {}).get(right, right)}'?" if found else ""


def near_or_known(name: str, known: Iterable[str], *, at_most: int = 24) -> str:
    """Return the near name, or else all known names where they are few."""
    names = sorted(known)
    if hint := near(name, names):
        return hint
    if not names or len(names) > at_most:
        return ""
    return f"known here: {', '.join(names)}"


def looks_secret(key: str) -> bool:
    """Return whether the value of a key of this name should not be repeated."""
    return bool(_SECRET_KEY.search(key))


def _once(mistakes: Iterable[Mistake]) -> list[Mistake]:
    """Drop what a fragment or a default repeats for each scenario that uses it."""
    seen: dict[tuple[object, ...], Mistake] = {}
    for mistake in mistakes:
        place = mistake.place
        where = (place.file.path, place.line, place.column) if place else (mistake.path,)
        seen.setdefault((*where, mistake.sentence), mistake)
    return list(seen.values())


def _order(mistake: Mistake) -> tuple[str, int, int, str]:
    place = mistake.place
    return (place.file.path, place.line, place.column, mistake.sentence) if place else ("", 0, 0, mistake.sentence)


def _harmless(mistake: Mistake) -> Mistake:
    """Return the mistake without characters that would move a terminal's cursor or change its colours."""
    sentence, remedy, path = (
        "".join(c if c.isprintable() else "·" for c in text) for text in (mistake.sentence, mistake.remedy, mistake.path)
    )
    return replace(mistake, sentence=sentence, remedy=remedy, path=path)


def _render(mistake: Mistake, *, color: bool) -> str:
    red, blue, off = (_RED, _BLUE, _OFF) if color else ("", "", "")
    head = f"{red}error:{off} {mistake.sentence}"
    place = mistake.place
    if place is None:
        return f"{head}\n{blue}  ={off} {mistake.remedy}" if mistake.remedy else head
    number = str(place.line)
    pad = " " * len(number)
    line = "".join(c if c == "\t" or c.isprintable() else "·" for c in place.file.line(place.line).rstrip())
    text, column, width = _window(*_masked(line, place.column, place.width))
    lead = _blank(text[: column - 1])
    caret = "^" * max(1, sum(_cells(c) for c in text[column - 1 : column - 1 + width]))
    lines = [
        head,
        f"{blue}{pad}-->{off} {place.file.path}:{place.line}:{place.column}",
        f"{blue}{pad} |{off}",
        f"{blue}{number} |{off} {text}".rstrip(),
        f"{blue}{pad} |{off} {lead}{red}{caret}{(' ' + mistake.remedy) if mistake.remedy else ''}{off}",
    ]
    if mistake.path:
        lines.append(f"{blue}{pad} ={off} at {mistake.path}")
    return "\n".join(lines)


def without_password(text: str) -> str:
    """Return a text with the password of every address in it masked."""
    return _URL_PASSWORD.sub(r"\1***", text)


def _masked(line: str, column: int, width: int) -> tuple[str, int, int]:
    """Return a line of the file without the secret that somebody wrote into it, and the caret moved to match."""
    first = _SECRET_VALUE.search(line)
    pattern = _SECRET_IN_FLOW if first and "{" in line[: first.start()] else _SECRET_VALUE
    shown, end = "", 0
    for found in sorted([*pattern.finditer(line), *_URL_PASSWORD.finditer(line)], key=lambda m: m.start(2)):
        if found.start(2) < end or _FROM_ENVIRONMENT.fullmatch(found.group(2)):
            continue
        shown += line[end : found.start(2)] + "***"
        end = found.end(2)
        hidden = end - found.start(2) - len("***")
        if column - 1 >= end:
            column -= hidden
        elif column - 1 + width >= end:
            width -= hidden
    return shown + line[end:], column, width


def _window(line: str, column: int, width: int) -> tuple[str, int, int]:
    """Return the part of a line to show, with the caret's column and width in it."""
    column = min(column, len(line) + 1)
    width = max(1, min(width, len(line) + 1 - column))
    if len(line) <= _WIDEST_LINE:
        return line, column, width
    start = max(0, min(column - 1 - 30, len(line) - _WIDEST_LINE))
    left, right = "…" if start else "", "…" if start + _WIDEST_LINE < len(line) else ""
    shown = left + line[start : start + _WIDEST_LINE] + right
    column = column - start + len(left)
    return shown, column, min(width, len(shown) + 1 - column)


def _blank(text: str) -> str:
    """Return white space as wide as the text on a terminal, tabs kept."""
    return "".join("\t" if c == "\t" else " " * _cells(c) for c in text)


def _cells(character: str) -> int:
    if character.isascii():
        return 1
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def listed(words: Sequence[str], joiner: str = "or") -> str:
    """Return `a`, `a or b`, `a, b or c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {joiner} {words[-1]}" if words else ""
