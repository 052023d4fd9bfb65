"""This file is for reading another program's file: bounded in size and depth, every refusal with line and column."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from scenarios.mistakes import Mistake, Place, SourceFile, SuiteError
from scenarios.source import Builder, Listing, Node, Table, read_text

FILE_BYTES = 32 * 1024 * 1024  # a HAR file of a long visit, with the bodies of its answers
YAML_BYTES = 8 * 1024 * 1024  # YAML is read slowly; JSON of the same size is not
VALUES = 2_000_000  # in a JSON text, counted by its commas and brackets before it is read
DEPTH = 100
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[{]|[\]}]')

Path_ = tuple[str | int, ...]


class MilderBuilder(Builder):
    """Reads YAML as other programs do: tags are taken for what they are, and `<<` merges."""

    def tagged(self, event: Any) -> None:
        """Take every tag: `value` knows what it says."""

    def value(self, event: Any) -> str | int | float | bool | None:
        if event.tag == "tag:yaml.org,2002:binary":
            try:
                return base64.b64decode(event.value, validate=False).decode("latin-1")
            except (binascii.Error, ValueError):
                return str(event.value)
        return super().value(event) if event.tag is None else str(event.value)

    def merges(self, event: Any) -> bool:
        return True


@dataclass(slots=True)
class Input:
    """One file of another program: its text, and its values where it is YAML or JSON."""

    shown: str
    text: str
    extra: dict[str, str] = field(default_factory=dict)  # options of the format, such as `url`
    beside: Input | None = None  # a second file, such as Postman's environment
    _value: Any = None
    _node: Node | None = None
    _read: bool = False

    @property
    def value(self) -> Any:
        """Return the file's values. Raises: SuiteError where it is neither YAML nor JSON."""
        if not self._read:
            self._value, self._read = self._parsed(), True
        return self._value

    def place(self, *path: str | int) -> Place:
        """Return where the value at a path stands; the first line where that cannot be told."""
        node = self._tree()
        for key in path:
            below = _below(node, key)
            if below is None:
                break
            node = below
        return node.place if node is not None else Place(self._file(), 1, 1)

    def line(self, path: Path_) -> int | None:
        """Return the line in which the value at a path stands, where that can be told."""
        return self.place(*path).line if path and self._tree() is not None else None

    def refuse(self, sentence: str, *path: str | int, remedy: str = "") -> SuiteError:
        """Return the error that says why the file cannot be used."""
        return SuiteError([Mistake(sentence, self.place(*path), remedy)])

    def refuse_at(self, sentence: str, line: int, column: int = 1, remedy: str = "") -> SuiteError:
        return SuiteError([Mistake(sentence, Place(self._file(), line, column), remedy)])

    def _parsed(self) -> Any:
        if self.text.lstrip("\ufeff \t\r\n")[:1] in ("{", "["):
            try:
                return self._json()
            except SuiteError:
                if len(self.text) > 100_000 or not _may_be_yaml(self.text):
                    raise
        if len(self.text) > YAML_BYTES:
            raise SuiteError([Mistake(f"the YAML file '{self.shown}' is larger than {YAML_BYTES // 1024 // 1024} MiB")])
        self._node = _merged(read_text(self.text, self.shown, reader=MilderBuilder), {})
        return _plain(self._node)

    def _json(self) -> Any:
        _refuse_deep(self)
        try:
            return json.loads(self.text, parse_constant=str)
        except json.JSONDecodeError as problem:
            raise self.refuse_at(f"this is not valid JSON: {problem.msg.lower()}", problem.lineno, problem.colno) from None
        except ValueError:  # a number of thousands of digits
            raise self.refuse_at("this is not usable JSON: it holds a number that is too long", 1) from None

    def _tree(self) -> Node | None:
        if self._node is None and len(self.text) <= YAML_BYTES // 4:
            try:
                self._node = read_text(self.text, self.shown, reader=MilderBuilder)
            except SuiteError:  # JSON that is no YAML: the first line has to do
                return None
        return self._node

    def _file(self) -> SourceFile:
        return SourceFile(self.shown, tuple(self.text.split("\n")))


def read_input(path: Path) -> Input:
    """Return the file's text. Raises: SuiteError for one that is missing, empty, too large or not UTF-8."""
    shown = str(path)
    try:
        with path.open("rb") as stream:
            raw = stream.read(FILE_BYTES + 1)
    except OSError as problem:
        why = "is a folder" if path.is_dir() else (problem.strerror or type(problem).__name__).lower()
        raise SuiteError([Mistake(f"the file '{shown}' could not be read: {why}")]) from None
    return _input(raw, shown)


def read_stream(stream: IO[bytes]) -> Input:
    """Return what standard input holds. Raises: SuiteError as `read_input` does."""
    return _input(stream.read(FILE_BYTES + 1), "standard input")


def _input(raw: bytes, shown: str) -> Input:
    if len(raw) > FILE_BYTES:
        raise SuiteError([Mistake(f"the file '{shown}' is larger than {FILE_BYTES // 1024 // 1024} MiB")])
    made = Input(shown, decoded(raw, shown))
    if not made.text.strip():
        raise made.refuse_at("the file is empty", 1)
    return made


def decoded(raw: bytes, shown: str) -> str:
    """Return the text of UTF-8, or UTF-16 with its mark (as PowerShell writes). Raises: SuiteError for anything else."""
    try:
        if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return raw.decode("utf-16")
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        before = raw[: problem.start].decode("utf-8", "replace")
        lines = raw.decode("utf-8", "replace").split("\n")
        place = Place(SourceFile(shown, tuple(lines)), before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        raise SuiteError([Mistake("the file is not UTF-8", place, f"byte {raw[problem.start]:#04x} cannot stand here")]) from None


def table(value: Any) -> dict[str, Any]:
    """Return a mapping, empty for anything else."""
    return value if isinstance(value, dict) else {}


def listing(value: Any) -> list[Any]:
    """Return a list, empty for anything else."""
    return value if isinstance(value, list) else []


def text_of(value: Any) -> str:
    """Return what stands there as text: numbers and booleans as written, nothing for null, tables and lists."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else ""


def truth(value: Any) -> bool:
    """Return whether a switch is on, as YAML 1.1 and JSON databases write it."""
    return value is True or value == 1 or (isinstance(value, str) and value.lower() in ("true", "yes", "on", "1"))


def _may_be_yaml(text: str) -> bool:
    return "\n" in text.strip() or not text.lstrip().startswith('{"')


def _below(node: Node | None, key: str | int) -> Node | None:
    if isinstance(node, Table):
        return node.get(str(key))
    if isinstance(node, Listing) and isinstance(key, int) and 0 <= key < len(node.items):
        return node.items[key]
    return None


def _merged(node: Node, known: dict[int, Node]) -> Node:
    """Return the node with every `<<` laid under the keys beside it. What stands several times is made once."""
    if id(node) in known:
        return known[id(node)]
    made = node
    if isinstance(node, Listing):
        made = Listing(tuple(_merged(item, known) for item in node.items), node.place)
    elif isinstance(node, Table):
        entries = {k: type(e)(e.place, _merged(e.node, known)) for k, e in node.entries.items() if k != "<<"}
        under = node.get("<<")
        for piece in under.items if isinstance(under, Listing) else () if under is None else (under,):
            laid = _merged(piece, known)
            entries = {**(laid.entries if isinstance(laid, Table) else {}), **entries}
        made = Table(entries, node.place)
    known[id(node)] = made
    return made


def _plain(node: Node) -> Any:
    if isinstance(node, Table):
        return {key: _plain(entry.node) for key, entry in node.entries.items()}
    return [_plain(item) for item in node.items] if isinstance(node, Listing) else node.value


def _refuse_deep(given: Input) -> None:
    """Raise SuiteError for JSON that is nested too deeply or holds too many values, before it is read."""
    text = given.text
    if text.count(",") + text.count("[") + text.count("{") > VALUES:
        raise SuiteError([Mistake(f"the file '{given.shown}' holds more than {VALUES:,} values")])
    if text.count("[") + text.count("{") <= DEPTH:
        return
    for place, depth in _depths(text):
        if depth > DEPTH:
            before = text.count("\n", 0, place)
            column = place - (text.rfind("\n", 0, place) + 1) + 1
            raise given.refuse_at("nested too deeply", before + 1, column, f"at most {DEPTH} levels")


def _depths(text: str) -> Iterator[tuple[int, int]]:
    depth = 0
    for found in _STRUCTURE.finditer(text):
        sign = text[found.start()]
        if sign != '"':
            depth += 1 if sign in "[{" else -1
            yield found.start(), depth
