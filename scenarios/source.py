"""This file is for reading YAML into nodes that know their place, with none of YAML's surprises.

Only `true` and `false` are booleans, only plain decimal digits are numbers, only `null`, `~` and nothing are null:
`NO`, `on`, `12:30`, `010` and `2025-10-02` stay text. A key given twice, a tag, a second document, a node
that holds itself, and a document that aliases blow up are mistakes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scenarios.mistakes import Mistake, Place, SourceFile, SuiteError

FILE_BYTES = 4 * 1024 * 1024
NODES = 50_000  # that aliases may add to what is written out; a suite of 1,000 scenarios has about 30,000 values
_DEPTH = 60

# Digits beyond 64 bits stay text: an identifier of 20 digits must not lose any in a float somewhere.
_INT = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][+-]?[0-9]{1,3})?|[eE][+-]?[0-9]{1,3})")
_LINE_END = re.compile("\r\n|[\r\n\x85\u2028\u2029]")  # YAML 1.1 section 5.4; or line numbers would differ
_CONSTANTS: dict[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text, number, boolean or null. `held` says that a variable in it has no value."""

    value: str | int | float | bool | None
    place: Place
    held: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a table with its value; the key has its own place."""

    place: Place
    node: Node


@dataclass(frozen=True, slots=True)
class Table:
    entries: dict[str, Entry]
    place: Place

    def get(self, key: str) -> Node | None:
        entry = self.entries.get(key)
        return entry.node if entry else None

    def key_place(self, key: str) -> Place:
        entry = self.entries.get(key)
        return entry.place if entry else self.place


Node = Scalar | Listing | Table


def read_file(path: Path, shown: str, mistakes: list[Mistake] | None = None, *, folder: Path | None = None) -> Node:
    """Return the root node of a YAML file; see `read_text`. Relative paths in it begin in `folder`. Raises: SuiteError."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(FILE_BYTES + 1)
    except OSError as problem:
        why = "is a folder" if path.is_dir() else (problem.strerror or type(problem).__name__).lower()
        raise SuiteError([Mistake(f"the file '{shown}' could not be read: {why}")]) from None
    if len(raw) > FILE_BYTES:
        raise SuiteError([Mistake(f"the file '{shown}' is larger than {FILE_BYTES // 1024 // 1024} MiB")])
    return read_text(_decoded(raw, shown), shown, mistakes, folder=path.parent if folder is None else folder)


def read_text(
    text: str, shown: str, mistakes: list[Mistake] | None = None, *, folder: Path = Path(), reader: type[Builder] | None = None
) -> Node:
    """Return the root node of a YAML text; `shown` is the path in messages. A `reader` of another program's files may be milder.

    What is wrong but can be read past, such as a key given twice, is appended to `mistakes` where that is given.
    Raises: SuiteError for all else.
    """
    file = SourceFile(shown, tuple(_LINE_END.split(text)), folder)
    builder = (reader or Builder)(file, yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    try:
        root = builder.document()
    except yaml.MarkedYAMLError as problem:
        raise SuiteError([*builder.mistakes, _broken(problem, file)]) from None
    except yaml.reader.ReaderError as problem:
        raise SuiteError([_unreadable(problem.position, problem.reason, text, file)]) from None
    if builder.mistakes and mistakes is None:
        raise SuiteError(builder.mistakes)
    if mistakes is not None:
        mistakes += builder.mistakes
    return root


def plain(node: Node) -> Any:
    """Return the node as ordinary Python values."""
    if isinstance(node, Table):
        return {key: plain(entry.node) for key, entry in node.entries.items()}
    if isinstance(node, Listing):
        return [plain(item) for item in node.items]
    return node.value


def size(node: Node, known: dict[int, int] | None = None) -> int:
    """Return how many values the node holds, those that stand several times counted as often."""
    known = {} if known is None else known
    if id(node) not in known:
        inner = [e.node for e in node.entries.values()] if isinstance(node, Table) else getattr(node, "items", ())
        known[id(node)] = 1 + sum(size(one, known) for one in inner)
    return known[id(node)]


def resolve(text: str) -> str | int | float | bool | None:
    """Return the value of an unquoted scalar."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


class Builder:
    """Builds nodes from parser events, so that depth, size and aliases are bounded while reading."""

    def __init__(self, file: SourceFile, events: Iterator[Any]) -> None:
        self.mistakes: list[Mistake] = []
        self._file = file
        self._events = events
        self._anchors: dict[str, tuple[Node, int] | None] = {}
        self._written = 0

    def document(self) -> Node:
        next(self._events)  # the stream's start
        start = next(self._events)
        if isinstance(start, yaml.StreamEndEvent):
            return Table({}, Place(self._file, 1, 1))
        root, _ = self._node(next(self._events), 0)
        next(self._events)  # the document's end
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            self._wrong(after, "a second document starts here", "a suite file holds one document")
        return root

    def _node(self, event: Any, depth: int) -> tuple[Node, int]:
        """Return the node that starts with the event, and its size with aliases counted in full."""
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if depth > _DEPTH:
            raise SuiteError([*self.mistakes, Mistake("nested too deeply", self._place(event), f"at most {_DEPTH} levels")])
        if event.tag is not None:
            self.tagged(event)
        if event.anchor:
            self._anchors[event.anchor] = None
        self._written += 2  # a key is counted as well
        made = self._made(event, depth)
        if event.anchor:
            self._anchors[event.anchor] = made
        return made

    def _made(self, event: Any, depth: int) -> tuple[Node, int]:
        if isinstance(event, yaml.MappingStartEvent):
            return self._table(event, depth)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._listing(event, depth)
        return Scalar(self.value(event), self._place(event)), 1

    def tagged(self, event: Any) -> None:
        self._wrong(event, f"the tag '{_short_tag(event.tag)}' is not known here", "write the value without a tag")

    def value(self, event: Any) -> str | int | float | bool | None:
        return resolve(event.value) if event.implicit[0] else str(event.value)

    def merges(self, event: Any) -> bool:  # whether `<<` is kept as a key
        self._wrong(event, "the merge key '<<' is not known here", "put it under 'fragments' and write 'use: [NAME]'")
        return False

    def _alias(self, event: Any) -> tuple[Node, int]:
        known = self._anchors.get(event.anchor)
        if known is not None:
            return known
        if event.anchor in self._anchors:
            self._wrong(event, f"'*{event.anchor}' stands inside itself", "")
        else:
            self._wrong(event, f"nothing is named '&{event.anchor}'", "")
        return Scalar(None, self._place(event)), 1

    def _listing(self, event: Any, depth: int) -> tuple[Node, int]:
        items: list[Node] = []
        size = 1
        while not isinstance(following := next(self._events), yaml.SequenceEndEvent):
            item, item_size = self._node(following, depth + 1)
            items.append(item)
            size += item_size
            if size > NODES + self._written:
                raise SuiteError([*self.mistakes, self._too_large(event)])
        return Listing(tuple(items), self._place(event)), size

    def _table(self, event: Any, depth: int) -> tuple[Node, int]:
        entries: dict[str, Entry] = {}
        size = 1
        while not isinstance(following := next(self._events), yaml.MappingEndEvent):
            key_node, _ = self._node(following, depth + 1)
            value, value_size = self._node(next(self._events), depth + 1)
            size += 1 + value_size
            if size > NODES + self._written:
                raise SuiteError([*self.mistakes, self._too_large(event)])
            key = self._key(following, key_node)
            if key is None:
                continue
            place = self._place(following)
            if key in entries:
                first = entries[key].place.line
                self.mistakes.append(Mistake(f"the key '{key}' is given twice", place, f"first given in line {first}"))
                continue
            entries[key] = Entry(place, value)
        return Table(entries, self._place(event)), size

    def _key(self, event: Any, node: Node) -> str | None:
        if not isinstance(event, yaml.ScalarEvent) or (event.value == "" and event.implicit[0]):
            self._wrong(event, "a key must be text", "")
            return None
        if event.value == "<<" and event.implicit[0] and not self.merges(event):
            return None
        return str(event.value)

    def _place(self, event: Any) -> Place:
        start, end = event.start_mark, event.end_mark
        line = self._file.line(start.line + 1)
        last = end.column if end.line == start.line else len(line.rstrip("\r"))
        return Place(self._file, start.line + 1, start.column + 1, max(1, last - start.column))

    def _wrong(self, event: Any, sentence: str, remedy: str) -> None:
        self.mistakes.append(Mistake(sentence, self._place(event), remedy))

    def _too_large(self, event: Any) -> Mistake:
        return Mistake(
            "the document is too large with its aliases written out",
            self._place(event),
            f"at most {NODES} values more than stand in it",
        )


_HINTS = (
    ("mapping values are not allowed", "put a text that holds ': ' in quotes"),
    ("cannot start any token", "put the text in quotes"),
    ("could not find expected ':'", "a key needs ': ' after it"),
    ("did not find expected key", "look at the indentation and at quotes"),
    ("did not find expected '-'", "look at the indentation"),
    ("did not find expected ',' or", "put a text that holds '{', '[' or ',' in quotes, or close what is open"),
    ("unexpected end of stream", "the quote that starts here has no end"),
)


def _broken(problem: yaml.MarkedYAMLError, file: SourceFile) -> Mistake:
    mark = problem.problem_mark or problem.context_mark
    text = problem.problem or problem.context or "it cannot be read"
    unclosed = "unexpected end of stream" in text and problem.context_mark is not None
    if unclosed:
        mark = problem.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    if line > 1 and line >= len(file.lines) and not file.line(line).strip():  # the end of the file: show the last line instead
        line = max(n for n in range(1, len(file.lines) + 1) if file.line(n).strip() or n == 1)
        column = len(file.line(line)) + 1
    tab = file.line(line)[column - 1 : column] == "\t"
    hint = "indent with spaces, not with tabs" if tab else next((h for words, h in _HINTS if words in text), "")
    return Mistake(f"this is not valid YAML: {text}", Place(file, line, column), hint)


def _unreadable(position: int, reason: str, text: str, file: SourceFile) -> Mistake:
    before = text[:position]
    place = Place(file, before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1)
    which = f"character {ord(text[position]):#04x}" if position < len(text) else ""
    return Mistake(f"this is not valid YAML: {reason}", place, which)


def _decoded(raw: bytes, shown: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        before = raw[: problem.start].decode("utf-8-sig")
        file = SourceFile(shown, tuple(raw.decode("utf-8", "replace").split("\n")))
        place = Place(file, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        mistake = Mistake("the file is not UTF-8", place, f"byte {raw[problem.start]:#04x} cannot stand here")
        raise SuiteError([mistake]) from None


def _short_tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")
