"""This file is for refusing a LogQL query that cannot be meant, before anything is sent: braces, quotes, regular expressions."""

from __future__ import annotations

import re

from probes.operators import found, pattern

# Source: https://grafana.com/docs/loki/latest/query/log_queries/ (stream selector, line filters, pipeline)
_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_STRING = re.compile(r'"(?:[^"\\\n]|\\[^\n])*"|`[^`]*`')
_MATCHER = re.compile(r"=~|!~|!=|=")
_LINE_FILTER = re.compile(r"\|=|\|~|\|>|!=|!~|!>")
_STAGE_PART = re.compile(r"=~|!~|[A-Za-z0-9_.%:+-]+|[(),=<>!*/^]")
_ESCAPE = re.compile(r'\\(?:([abfnrtv\\"\'])|x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([0-7]{3})|(.))')
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_BRACE = re.compile(r"\\[pPx]\{[^}]*\}|\\.|\{(?!\d+(?:,\d*)?\})", re.DOTALL)


def check_log_query(query: str) -> str:
    """Return the query as it is. Raises: ValueError that names what is wrong and the character at which it is."""
    reading = _Reading(query)
    reading.selector()
    reading.pipeline()
    return query


class _Reading:
    """A query and how far it is read."""

    def __init__(self, query: str) -> None:
        self.query, self.at = query, 0

    def selector(self) -> None:
        """Read `{label="value", other=~"regex"}`; Loki refuses one that would match every stream."""
        if not self.take("{"):
            if re.match(r"[a-z_]+\s*(?:by|without|\()", self.query.strip()):
                raise ValueError('this computes a number; a query for log lines begins with a selector such as {app="api"}')
            raise self.wrong('a query for log lines begins with a selector such as {app="api"}')
        narrows = False
        while not self.take("}"):
            if self.regex(_NAME) is None:
                raise self.wrong("a label's name should stand here, or the closing brace")
            sign = self.regex(_MATCHER)
            if sign is None:
                raise self.wrong("=, !=, =~ or !~ should stand here")
            value = self.string()
            if sign.endswith("~"):
                self.check_regex(value)
            same_as_none = bool(found("", f"^(?:{_for_rust(value)})$")) if sign.endswith("~") else value == ""
            narrows = narrows or same_as_none == (sign[0] == "!")
            if not self.take(","):
                if self.take("}"):
                    break
                raise self.wrong("a comma or the closing brace should stand here")
        if not narrows:
            raise ValueError("the selector matches every stream, which Loki refuses; give a label with = or =~ and a value")

    def pipeline(self) -> None:
        self.space()
        while self.at < len(self.query):
            sign = self.regex(_LINE_FILTER)
            if sign is not None:
                self.line_filter(sign)
            elif self.take("|"):
                self.stage()
            else:
                raise self.wrong("a line filter (|=, !=, |~, !~) or a | should stand here")
            self.space()

    def line_filter(self, sign: str) -> None:
        """Read `|= "text" or "text"` and `|= ip("10.0.0.0/8")`."""
        more = True
        while more:
            if self.take("ip"):
                self.need("(")
                self.string()
                self.need(")")
            else:
                value = self.string()
                if sign.endswith("~"):
                    self.check_regex(value)
            more = self.take("or")

    def stage(self) -> None:
        """Read what stands between two bars; only its quotes, parentheses and regular expressions are looked at."""
        self.space()
        began, depth, before = self.at, 0, ""
        while self.at < len(self.query) and self.query[self.at] != "|":
            if self.query[self.at] in '"`':
                value = self.string()
                if before in ("=~", "!~"):
                    self.check_regex(value)
                before = ""
            else:
                before = self.regex(_STAGE_PART) or ""
                if not before:
                    raise self.wrong("this does not belong into a query")
                depth += (before == "(") - (before == ")")
                if depth < 0:
                    raise self.wrong("there is no parenthesis to close")
            self.space()
        if depth:
            raise self.wrong("a parenthesis is not closed")
        if self.at == began:
            raise self.wrong("a parser, a filter or a format should follow the bar")

    def string(self) -> str:
        """Read a text in double quotes or backticks and return what it means."""
        self.space()
        text = self.regex(_STRING)
        if text is None:
            opened = self.query[self.at : self.at + 1] in ('"', "`")
            raise self.wrong("a quote is not closed" if opened else "a text in double quotes or backticks should stand here")
        return text[1:-1] if text[0] == "`" else _ESCAPE.sub(self._unescape, text[1:-1])

    def _unescape(self, match: re.Match[str]) -> str:
        simple, *numbers, octal, other = match.groups()
        if other is not None:
            raise self.wrong(f"a text in double quotes may not hold \\{other}; write \\\\{other}, or use backticks")
        if simple:
            return _SIMPLE.get(simple, simple)
        code = int(octal, 8) if octal else int(next(filter(None, numbers)), 16)
        return chr(min(code, 0x10FFFF))

    def check_regex(self, text: str) -> None:
        try:
            pattern(_for_rust(text))
        except ValueError as problem:
            raise ValueError(str(problem).replace(_for_rust(text), text)) from None

    def take(self, word: str) -> bool:
        self.space()
        there = self.query.startswith(word, self.at)
        self.at += len(word) if there else 0
        return there

    def need(self, word: str) -> None:
        if not self.take(word):
            raise self.wrong(f"'{word}' should stand here")

    def regex(self, wanted: re.Pattern[str]) -> str | None:
        self.space()
        match = wanted.match(self.query, self.at)
        if match is None:
            return None
        self.at = match.end()
        return match.group()

    def space(self) -> None:
        match = _SPACE.match(self.query, self.at)
        self.at = match.end() if match else self.at

    def wrong(self, what: str) -> ValueError:
        rest = self.query[self.at : self.at + 20]
        return ValueError(f"{what} (character {self.at + 1}, at {rest!r})" if rest else f"{what} (at the end of the query)")


def _for_rust(text: str) -> str:
    """Return an RE2 expression for the engine that checks it here: RE2 takes a brace that counts nothing for itself."""
    return _BRACE.sub(lambda match: "\\{" if match.group() == "{" else match.group(), text)
