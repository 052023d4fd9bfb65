"""This file is for reading one line of an exposition: a sample, or what is said of a family, or the reason why it is neither.

Every expression here is possessive, so that no line costs more than its length.

Source: Prometheus text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats), OpenMetrics 1.0 (specs/om).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from probes.operators import shown

Labels = tuple[tuple[str, str], ...]

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*+"
_KEY = r"[a-zA-Z_][a-zA-Z0-9_]*+"
_TEXT = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_PAIR = rf"{_KEY}={_TEXT}"
# The usual form of a line, taken in one bite; whatever does not fit is looked at with care, to know why.
_USUAL = re.compile(rf"({_NAME})(?:\{{((?:{_PAIR}(?:,{_PAIR})*+)?+,?)\}})? ([0-9.eE+-]++|NaN|[+-]Inf)(?: (-?[0-9.]++))?")
_PAIRS = re.compile(rf'({_KEY})="([^"\\]*+(?:\\.[^"\\]*+)*+)"')
_BLANK = re.compile(r"[ \t]*+")
_WORD = re.compile(r"[^ \t]*+")
_NUMBER = re.compile(r"[+-]?(?:(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?|(?i:inf(?:inity)?|nan))")
_ESCAPE = re.compile(r"\\(.)")
_MEANS = {"\\": "\\", '"': '"', "n": "\n"}
_SAID = re.compile(rf"#[ \t]++(HELP|TYPE|UNIT)[ \t]++({_NAME})(?:[ \t](.*))?", re.DOTALL)
_EXEMPLAR_CHARACTERS = 128  # of names and values together (OpenMetrics 1.0, section Exemplars)

is_name = re.compile(_NAME).fullmatch
is_label = re.compile(_KEY).fullmatch


class LineTrouble(Exception):
    """The line cannot be read. The text is a clause without any label value."""


class Exemplar(NamedTuple):
    """An example of what was counted, such as a trace id."""

    labels: Labels
    value: float
    at_s: float | None


class Sample(NamedTuple):
    """One value of one series. `at_s` is the time that the line gives, Unix seconds."""

    name: str
    labels: Labels
    value: float
    line: int
    at_s: float | None = None
    exemplar: Exemplar | None = None

    def label(self, name: str) -> str:
        return next((value for key, value in self.labels if key == name), "")

    @property
    def shape(self) -> str:
        """Return the series for a sentence, with the names of its labels and none of their values."""
        return f"{self.name}{{{','.join(key for key, _ in self.labels)}}}" if self.labels else self.name


class Said(NamedTuple):
    """A line that tells of a family: its HELP, TYPE or UNIT."""

    what: str
    family: str
    text: str


def read_said(line: str, *, openmetrics: bool) -> Said | None:
    """Return what a line that starts with `#` says of a family; None for a comment. Raises: LineTrouble."""
    match = _SAID.fullmatch(line)
    if match is not None and (openmetrics or match[1] != "UNIT"):
        text = match[3] or ""
        return Said(match[1], match[2], _unescaped(text, strict=False) if match[1] == "HELP" else text.strip(" \t"))
    words = line[1:100].split(None, 1)
    if words and words[0] in ("HELP", "TYPE") and line[1:2] in (" ", "\t"):
        raise LineTrouble(f"a {words[0]} line names no family")
    if openmetrics:
        raise LineTrouble("a line that starts with '#' is neither HELP, TYPE, UNIT nor EOF, and OpenMetrics has no comments")
    return None


def read_sample(line: str, number: int, *, openmetrics: bool) -> Sample:
    """Return the sample of a line. Raises: LineTrouble."""
    usual = _USUAL.fullmatch(line)
    if usual is None:
        return _Careful(line, openmetrics).sample(number)
    name, inner, value, at = usual.groups()
    labels: Labels = tuple(_PAIRS.findall(inner)) if inner else ()
    if inner is not None and ("\\" in inner or inner[-1:] == ","):
        labels = _Careful(line, openmetrics).sample(number).labels
    if len(labels) > 1 and len(dict(labels)) != len(labels):
        raise LineTrouble(_twice(labels, name))
    try:
        return Sample(name, labels, float(value), number, None if at is None else _at(at, openmetrics))
    except ValueError:
        raise LineTrouble(f"the value of {name} is no number") from None


class _Careful:
    """Walks along a line, so that it can say what is wrong with it and where."""

    def __init__(self, line: str, openmetrics: bool) -> None:
        self._line = line
        self._at = 0
        self._openmetrics = openmetrics

    def sample(self, number: int) -> Sample:
        if self._line.endswith("\r"):
            raise LineTrouble("the line ends with a carriage return")
        self._blanks()
        name = self._word_of(re.compile(_NAME), "a metric name")
        apart = self._blanks()
        labels: Labels = ()
        if self._next("{"):
            labels = self._labels(name)
            apart = self._blanks() or not self._openmetrics
        if not apart and self._at < len(self._line):
            raise LineTrouble(f"a blank is missing at column {self._at + 1}")
        value = self._number(f"the value of {name}")
        at = self._time(name)
        exemplar = self._exemplar(name)
        if self._at < len(self._line):
            raise LineTrouble(f"there is something after the value of {name}: {self._rest()}")
        return Sample(name, labels, value, number, at, exemplar)

    def _labels(self, name: str) -> Labels:
        pairs: list[tuple[str, str]] = []
        self._blanks()
        while not self._next("}"):
            key = self._word_of(re.compile(_KEY), f"a label name of {name}")
            self._blanks()
            if not self._next("="):
                raise LineTrouble(f"the label {key} of {name} has no '=' at column {self._at + 1}")
            self._blanks()
            pairs.append((key, self._quoted(key, name)))
            self._blanks()
            if self._next(","):
                self._blanks()
            elif self._at >= len(self._line) or self._line[self._at] != "}":
                raise LineTrouble(f"a ',' or '}}' is missing after the label {key} of {name} at column {self._at + 1}")
        if len({key for key, _ in pairs}) != len(pairs):
            raise LineTrouble(_twice(tuple(pairs), name))
        return tuple(pairs)

    def _quoted(self, key: str, name: str) -> str:
        match = re.compile(_TEXT, re.DOTALL).match(self._line, self._at)
        if match is None:
            missing = "is not closed by a quote" if self._next('"') else "is not in quotes"
            raise LineTrouble(f"the value of the label {key} of {name} {missing}")
        self._at = match.end()
        try:
            return _unescaped(match[0][1:-1], strict=not self._openmetrics)
        except LineTrouble as problem:
            raise LineTrouble(f"the value of the label {key} of {name} {problem}") from None

    def _number(self, what: str) -> float:
        self._blanks()
        word = self._word()
        if not _NUMBER.fullmatch(word):
            raise LineTrouble(f"{what} is missing" if not word else f"{what} is no number: {shown(word, 40)}")
        return float(word)

    def _time(self, name: str) -> float | None:
        self._blanks()
        word = _WORD.match(self._line, self._at)
        if word is None or not word[0] or word[0].startswith("#"):
            return None
        self._at = word.end()
        try:
            return _at(word[0], self._openmetrics)
        except (ValueError, LineTrouble):
            raise LineTrouble(f"the timestamp of {name} is no number: {shown(word[0], 40)}") from None

    def _exemplar(self, name: str) -> Exemplar | None:
        self._blanks()
        if not self._next("#"):
            return None
        if not self._openmetrics:
            raise LineTrouble(f"{name} has an exemplar, which the text format 0.0.4 does not know")
        self._blanks()
        if not self._next("{"):
            raise LineTrouble(f"the exemplar of {name} has no labels")
        labels = self._labels(f"the exemplar of {name}")
        if sum(len(key) + len(value) for key, value in labels) > _EXEMPLAR_CHARACTERS:
            raise LineTrouble(f"the exemplar of {name} has labels of more than {_EXEMPLAR_CHARACTERS} characters")
        value = self._number(f"the value of the exemplar of {name}")
        return Exemplar(labels, value, self._time(f"the exemplar of {name}"))

    def _next(self, sign: str) -> bool:
        if not self._line.startswith(sign, self._at):
            return False
        self._at += 1
        return True

    def _blanks(self) -> bool:
        """Go over blanks, and say whether there were any."""
        before = self._at
        match = _BLANK.match(self._line, self._at)
        self._at = match.end() if match else self._at
        return self._at > before

    def _word_of(self, allowed: re.Pattern[str], what: str) -> str:
        match = allowed.match(self._line, self._at)
        if match is None:
            raise LineTrouble(f"{what} is missing at column {self._at + 1}: {self._rest()}")
        self._at = match.end()
        return match[0]

    def _word(self) -> str:
        match = _WORD.match(self._line, self._at)
        self._at = match.end() if match else self._at
        return match[0] if match else ""

    def _rest(self) -> str:
        """Return the next sign only: what follows may be a label's value, which is nobody's business."""
        sign = self._line[self._at : self._at + 1]
        return f"there stands {shown(sign)}" if sign else "the line ends there"


def _at(text: str, openmetrics: bool) -> float:
    """Return Unix seconds: OpenMetrics writes seconds, the text format whole milliseconds."""
    if openmetrics:
        if not _NUMBER.fullmatch(text):
            raise ValueError(text)
        return float(text)
    try:
        return int(text) / 1000 if len(text) < 20 else float("inf")
    except ValueError:
        raise LineTrouble("the timestamp is no whole number of milliseconds") from None


def _unescaped(text: str, *, strict: bool) -> str:
    if "\\" not in text:
        return text
    if strict and (unknown := next((m[1] for m in _ESCAPE.finditer(text) if m[1] not in _MEANS), None)):
        raise LineTrouble(f"holds the escape '\\{unknown}', which there is not")
    return _ESCAPE.sub(lambda found: _MEANS.get(found[1], found[0]), text)


def _twice(labels: Labels, name: str) -> str:
    keys = [key for key, _ in labels]
    return f"the label {next(key for key in keys if keys.count(key) > 1)} of {name} stands there twice"
