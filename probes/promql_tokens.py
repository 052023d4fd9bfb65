"""This file is for cutting a PromQL expression into tokens, each with its column."""

from __future__ import annotations

import re
from typing import NamedTuple

_UNITS_S = {"y": 31_536_000.0, "w": 604_800.0, "d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile(r"(?=\d)(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m(?!s))?(\d+s)?(\d+ms)?(?![0-9a-zA-Z_.])")
_TOKEN = re.compile(
    r"(?P<blank>\s++|#[^\n]*+)"
    r"|(?P<duration>[0-9]++(?:y|w|d|h|ms|m|s)[0-9a-z]*+(?![0-9a-zA-Z_.]))"
    r"|(?P<number>0[xX][0-9a-fA-F]++|(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?+[0-9]++)?+)(?![0-9a-zA-Z_.])"
    r"|(?P<word>[a-zA-Z_:][a-zA-Z0-9_:]*+)"
    r"|(?P<text>\"(?:[^\"\\\n]++|\\.)*+\"|'(?:[^'\\\n]++|\\.)*+'|`[^`]*+`)"
    r"|(?P<sign>=~|!~|==|!=|>=|<=|[-+*/%^=<>(){}\[\],:@])",
)
_COLON = re.compile("(?P<sign>:)")
_ESCAPE = re.compile(r"\\(?:([abfnrtv\\'\"])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.|$))", re.DOTALL)
_PLAIN = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
LONGEST = 10_000


class PromqlError(ValueError):
    """The expression does not parse. The text names the column and what is wrong there."""


class Token(NamedTuple):
    """`what` is duration, number, word, text, sign or end."""

    what: str
    text: str
    column: int

    def __str__(self) -> str:
        return "the end" if self.what == "end" else f"'{self.text[:40]}'"


def wrong(column: int, say: str) -> PromqlError:
    return PromqlError(f"this is not PromQL: {say} (column {column})")


def tokens(expression: str) -> list[Token]:
    """Return the tokens of an expression, an end at the end. Raises: PromqlError."""
    if len(expression) > LONGEST:
        raise PromqlError(f"this expression is longer than {LONGEST} characters")
    made, at, ranged = [], 0, False
    while at < len(expression):
        # within [5m:1m] a colon stands between durations; elsewhere it may begin a name
        match = _COLON.match(expression, at) if ranged and expression[at] == ":" else _TOKEN.match(expression, at)
        if match is None:
            raise wrong(at + 1, _unknown(expression[at:]))
        if match.lastgroup != "blank":
            made.append(Token(str(match.lastgroup), match[0], at + 1))
        ranged = match[0] == "[" or (ranged and match[0] != "]")
        at = match.end()
    return [*made, Token("end", "", len(expression) + 1)]


def _unknown(rest: str) -> str:
    if rest[0] in "\"'`":
        return "a text is not closed by its quote"
    if rest[0].isdigit():
        word = re.match(r"[0-9a-zA-Z_.]{1,40}", rest)
        return f"'{word[0] if word else rest[0]}' is neither a number nor a duration such as 5m or 1h30m"
    return f"nothing begins with {rest[0]!r}"


def duration_s(token: Token) -> float:
    """Return the seconds of a duration, whose units must go from the larger to the smaller. Raises: PromqlError."""
    match = _DURATION.fullmatch(token.text)
    if match is None or not any(match.groups()):
        raise wrong(token.column, f"'{token.text[:40]}' is not a duration such as 5m or 1h30m")
    return sum(int(part.rstrip("ywdhms")) * _UNITS_S[part.lstrip("0123456789")] for part in match.groups() if part is not None)


def number(token: Token) -> float:
    """Return the value of a number. Raises: PromqlError."""
    text = token.text.lower()
    return float(int(text, 16)) if text.startswith("0x") else float(text)


def unquoted(token: Token) -> str:
    """Return what stands between the quotes, with Go's escapes undone. Raises: PromqlError."""
    inner, quote = token.text[1:-1], token.text[0]
    if quote == "`":
        return inner

    def one(match: re.Match[str]) -> str:
        plain, hexadecimal, octal, short, long, unknown = match.groups()
        if unknown is not None or (plain in ("'", '"') and plain != quote):
            raise wrong(token.column, f"the text holds the escape '{match[0]}', which there is not")
        if plain is not None:
            return _PLAIN.get(plain, plain)
        code = int(octal, 8) if octal else int(hexadecimal or short or long, 16)
        if code > 0x10FFFF or 0xD800 <= code < 0xE000 or (octal and code > 255):
            raise wrong(token.column, f"the text holds the escape '{match[0]}', which stands for nothing")
        return chr(code)

    return _ESCAPE.sub(one, inner)


class Cursor:
    """A place among the tokens of an expression."""

    def __init__(self, expression: str) -> None:
        self._tokens = tokens(expression)
        self._at = 0

    @property
    def _now(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._tokens[self._at]
        self._at += token.what != "end"
        return token

    def _is(self, *texts: str) -> bool:
        token = self._now
        return token.what in ("sign", "word") and (token.text in texts or (token.what == "word" and token.text.lower() in texts))

    def _expect(self, text: str) -> Token:
        if not self._is(text):
            raise wrong(self._now.column, f"'{text}' is missing before {self._now}")
        return self._take()

    def _names(self) -> tuple[str, ...]:
        self._expect("(")
        names: list[str] = []
        while not self._is(")"):
            token = self._take()
            if token.what != "word" or ":" in token.text:
                raise wrong(token.column, f"{token} is no label name")
            names.append(token.text)
            if not self._is(")"):
                self._expect(",")
        self._take()
        return tuple(names)

    def _duration(self, what: str) -> float:
        token = self._take()
        if token.what != "duration":
            raise wrong(token.column, f"{what} needs a duration such as 5m, not {token}")
        return duration_s(token)
