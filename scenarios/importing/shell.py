"""This file is for the words of a shell command line as bash reads them: quotes, `$'…'`, continued lines, variables, comments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from scenarios.importing.language import Say, filled
from scenarios.importing.reading import Input
from scenarios.importing.vault import Vault

CURL = re.compile(r"(?m)(?:^|[;&|(`]|\$\(|\s)\s*(?:\S*/)?curl(?:\.exe)?[ \t\\\^]")
OPEN, CLOSE = "\ue000", "\ue001"  # around the name of a variable
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)(?::?[-=?+][^{}]*)?\}|([A-Za-z_][A-Za-z0-9_]*))")
_MARKED = re.compile(f"{OPEN}([A-Za-z0-9_]+){CLOSE}")
_ANSI = re.compile(r"\\(?:([abeEfnrtv\\'\"?])|([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8}))")
_SIGNS = {"a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_PREFIX = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_MOST = 10_000  # commands of one file


@dataclass(frozen=True, slots=True)
class Word:
    """One word, its quotes gone; a variable in it stands between two marks."""

    text: str
    quoted: bool = False


def commands(given: Input) -> Iterator[list[Word]]:
    """Yield the arguments of each curl command. Raises: SuiteError for a quote without an end."""
    found = 0
    for words in _lines(given):
        start = next((n for n, word in enumerate(words) if _is_curl(word, words[:n])), None)
        if start is None:
            continue
        found += 1
        if found > _MOST:
            raise given.refuse(f"the file holds more than {_MOST:,} commands")
        yield words[start + 1 :]


def say_of(vault: Vault) -> Say:
    """Return what turns a word into the suite's language."""

    def value(found: re.Match[str]) -> str:
        return vault.outside(found.group(1), f"the shell's variable {found.group(1)}")

    return lambda text: filled(text, _MARKED, value)


def _is_curl(word: Word, before: list[Word]) -> bool:
    name = re.split(r"[/\\]", word.text)[-1]
    return not word.quoted and name in ("curl", "curl.exe") and all(_is_prefix(one.text) for one in before)


def _is_prefix(text: str) -> bool:
    """Say whether a word may stand before the command: `$ curl`, `time curl`, `TOKEN=x curl`, `if ! curl`."""
    return text in ("$", "%", ">", "time", "sudo", "!", "if", "while", "until", "then", "do", "env", "exec") or bool(
        _PREFIX.match(text)
    )


def _lines(given: Input) -> Iterator[list[Word]]:
    """Yield the words of each simple command."""
    reader = _Reader(given)
    words: list[Word] = []
    while (word := reader.word()) is not None:
        if isinstance(word, Word):
            words.append(word)
            continue
        if words:
            yield words
        words = []
    if words:
        yield words


class _End:
    """The end of a command."""


class _Reader:
    def __init__(self, given: Input) -> None:
        self._given = given
        text = given.text.replace("\r\n", "\n")
        # Chrome's "copy as cURL (cmd)" escapes for cmd.exe: a caret before what it would mean, and at the end of a line
        self._text = re.sub(r"\^(?=[\s\S])", "", text.replace("^\n", " ")) if '^"' in text else text
        self._place = 0

    def word(self) -> Word | _End | None:
        text = self._text
        while self._place < len(text):
            sign = text[self._place]
            if text.startswith("\\\n", self._place):
                self._place += 2
            elif sign in " \t":
                self._place += 1
            elif sign == "#":
                end = text.find("\n", self._place)
                self._place = len(text) if end < 0 else end
            elif sign in "\n;|&()":
                self._place += 1
                return _End()
            elif sign in "<>" or (sign.isdigit() and text[self._place + 1 : self._place + 2] in ("<", ">")):
                self._redirection()
            else:
                return self._one()
        return None

    def _redirection(self) -> None:
        found = re.compile(r"\d?[<>]{1,3}&?[ \t]*").match(self._text, self._place)
        self._place = found.end() if found else self._place + 1
        if self._place < len(self._text) and self._text[self._place] not in "\n;|&()<>":
            self._one()

    def _one(self) -> Word:
        parts: list[str] = []
        quoted, text = False, self._text
        while self._place < len(text):
            sign = text[self._place]
            if sign in " \t\n;|&()<>":
                break
            if sign == "'" or text.startswith("$'", self._place):
                quoted = True
                parts.append(self._single())
            elif sign == '"' or text.startswith('$"', self._place):
                quoted = True
                parts.append(self._double())
            elif sign == "\\":
                parts.append("" if text.startswith("\\\n", self._place) else text[self._place + 1 : self._place + 2])
                self._place += 2
            elif sign == "$" and (found := _VARIABLE.match(text, self._place)):
                parts.append(f"{OPEN}{found[1] or found[2]}{CLOSE}")
                self._place = found.end()
            else:
                parts.append(sign)
                self._place += 1
        return Word("".join(parts), quoted)

    def _single(self) -> str:
        text, start = self._text, self._place
        ansi = text[start] == "$"
        place = begin = start + (2 if ansi else 1)
        while place < len(text) and text[place] != "'":
            place += 2 if ansi and text[place] == "\\" else 1
        if place >= len(text):
            raise self._unclosed(start)
        self._place = place + 1
        content = text[begin:place]
        return _ANSI.sub(_ansi, content) if ansi else content

    def _double(self) -> str:
        text, start = self._text, self._place
        place = start + (2 if text[start] == "$" else 1)
        parts: list[str] = []
        while place < len(text) and text[place] != '"':
            if text[place] == "\\" and text[place + 1 : place + 2] in ("$", "`", '"', "\\", "\n"):
                parts.append("" if text[place + 1] == "\n" else text[place + 1])
                place += 2
            elif text[place] == "$" and (found := _VARIABLE.match(text, place)):
                parts.append(f"{OPEN}{found[1] or found[2]}{CLOSE}")
                place = found.end()
            else:
                parts.append(text[place])
                place += 1
        if place >= len(text):
            raise self._unclosed(start)
        self._place = place + 1
        return "".join(parts)

    def _unclosed(self, start: int) -> Exception:
        before = self._text[:start]
        line, column = before.count("\n") + 1, start - (before.rfind("\n") + 1) + 1
        return self._given.refuse_at("the quote that starts here has no end", line, column)


def _ansi(found: re.Match[str]) -> str:
    sign, octal, two, four, eight = found.groups()
    if sign:
        return _SIGNS.get(sign, sign)
    code = int(octal, 8) if octal else int(two or four or eight, 16)
    return chr(code & 0xFF if octal else code) if code <= 0x10FFFF else "\ufffd"
