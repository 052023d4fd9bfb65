"""This file is for what a terminal can do: its width, its colours, one line that changes, and text that cannot harm it."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping
from typing import TextIO

from probes.outcome import Verdict
from reports.formats.reporter import say

_COLOURS = {
    Verdict.FAIL: "31;1",
    Verdict.ERROR: "35;1",
    Verdict.INCONCLUSIVE: "33;1",
    Verdict.DEGRADED: "33",
    Verdict.PASS: "32",
    Verdict.SKIPPED: "2",
}
_UNKNOWN_WIDTH = 80
_NARROWEST, _WIDEST = 40, 120  # below, wrapping breaks words; above, lines are hard to read


def clean(text: str) -> str:
    """Return one line of text in which nothing moves the cursor, changes colours, or turns the reading direction.

    What a target sent may hold escape sequences; they are shown as text, white space becomes a blank.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(" " if sign in "\t\n\v\f\r\x85\u2028\u2029" else _visible(sign) for sign in text)


def _visible(sign: str) -> str:
    # Category C is control, format (direction marks, zero width), surrogate, private use and unassigned.
    if not unicodedata.category(sign).startswith("C"):
        return sign
    code = ord(sign)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def columns(text: str) -> int:
    """Return how many columns a terminal needs for a text: wide signs take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(sign) else 1 + (unicodedata.east_asian_width(sign) in "WF") for sign in text)


def cut(text: str, room: int) -> str:
    """Return as much of a text as fits into so many columns, with a sign that something was left out."""
    if columns(text) <= room:
        return text
    while text and columns(text) > room - 1:
        text = text[:-1]
    return f"{text}…" if room > 0 else ""


def is_terminal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Tell whether a stream is a terminal that understands control sequences."""
    return stream.isatty() and environ.get("TERM") != "dumb"


def width_of(stream: TextIO, environ: Mapping[str, str]) -> int:
    """Return a terminal's columns. `shutil` asks standard output only, but progress goes to standard error."""
    given = environ.get("COLUMNS", "")
    if given.isdecimal() and int(given):
        return int(given)
    try:
        return os.get_terminal_size(stream.fileno()).columns or _UNKNOWN_WIDTH
    except (OSError, ValueError):
        return _UNKNOWN_WIDTH


class Page:
    """Lines for one stream: wrapped and coloured on a terminal, bare and unwrapped for a pipe or a file."""

    def __init__(self, stream: TextIO, environ: Mapping[str, str]) -> None:
        self._stream = stream
        self._coloured = is_terminal(stream, environ) and not environ.get("NO_COLOR")
        self._width = min(max(width_of(stream, environ), _NARROWEST), _WIDEST) if stream.isatty() else None
        self._lines: list[str] = []

    def line(self, text: str = "", *, lead: str = "", verdict: Verdict | None = None, whole: bool = False) -> None:
        """Add `lead` and a text, wrapped under its own beginning, unless it must stay `whole`.

        A verdict colours the lead. The text may come from a target.
        """
        shown = self._painted(lead, verdict) if verdict is not None else lead
        pieces = [clean(text)] if whole else self._wrapped(clean(text), len(lead))
        self._lines.append((shown + pieces[0]).rstrip())
        self._lines += [" " * len(lead) + piece for piece in pieces[1:]]

    def send(self) -> None:
        """Write all lines."""
        say("".join(line + "\n" for line in self._lines), self._stream)
        self._lines.clear()

    def _painted(self, text: str, verdict: Verdict) -> str:
        word = text.rstrip()
        if not self._coloured or not word:
            return text
        return f"\x1b[{_COLOURS[verdict]}m{word}\x1b[0m{text[len(word) :]}"

    def _wrapped(self, text: str, indent: int) -> list[str]:
        if self._width is None:
            return [text]
        pieces, piece, room = [], "", self._width - indent
        for word in text.split(" "):
            joined = f"{piece} {word}" if piece else word
            if piece and columns(joined) > room:
                pieces.append(piece)
                joined = word
            piece = joined
        return [*pieces, piece]


class StatusLine:
    """One line on a terminal that is written over, and gone before anything else is printed."""

    def __init__(self, stream: TextIO, environ: Mapping[str, str]) -> None:
        self._stream = stream
        self._environ = environ
        self._shown = False

    def show(self, text: str) -> None:
        room = width_of(self._stream, self._environ) - 1  # a full line would wrap and could not be taken back
        self._write(f"\r\x1b[K{cut(clean(text), room)}")
        self._shown = True

    def clear(self) -> None:
        if self._shown:
            self._write("\r\x1b[K")
            self._shown = False

    def _write(self, text: str) -> None:
        say(text, self._stream)
