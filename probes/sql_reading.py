"""This file is for SQL that only reads: one statement, its `:name` places bound by the driver, its values as JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator

from probes.outcome import Json

_READING = ("SELECT", "WITH", "VALUES", "TABLE")
_PLACE = re.compile(r"(?<![:\w]):([A-Za-z_][A-Za-z0-9_]*)")
_WORD = re.compile(r"[\s(]*([A-Za-z_]\w*)?")
_TO_A_FILE = re.compile(r"(?i)\binto\s+(outfile|dumpfile)\b")

# Within WITH (PostgreSQL), or after it (both); nothing that reads has these words behind a bracket.
_WRITING = re.compile(r"(?i)[()]\s*(insert\s+into|delete\s+from|merge\s+into|update\s)")


class Dialect(StrEnum):
    """Whose quoting and comments a statement has."""

    POSTGRES = "PostgreSQL"
    MYSQL = "MySQL"


# What is no code, each to its end or, where that is missing, the sign that begins it. Possessive: linear in time.
# Source: https://www.postgresql.org/docs/current/sql-syntax-lexical.html sections 4.1.2 and 4.1.5
_APART = {
    Dialect.POSTGRES: re.compile(
        r"""(?P<quoted>(?<!\w)[eE]'(?:[^'\\]|\\.|'')*+'|'(?:[^']|'')*+'|"(?:[^"]|"")*+"|(?<![\w$])\$(?:[A-Za-z_]\w*)?\$)"""
        r"""|(?P<comment>--[^\n]*|/\*)|(?P<open>['"])""",
        re.DOTALL,
    ),
    # Source: https://dev.mysql.com/doc/refman/8.4/en/comments.html; `/*!` and `/*M!` are run, so they are no comments
    Dialect.MYSQL: re.compile(
        r"""(?P<quoted>'(?:[^'\\]|\\.|'')*+'|"(?:[^"\\]|\\.|"")*+"|`(?:[^`]|``)*+`)"""
        r"""|(?P<comment>--(?=\s|$)[^\n]*|\#[^\n]*|/\*)|(?P<open>['"`])""",
        re.DOTALL,
    ),
}
_COMMENT_EDGE = re.compile(r"/\*|\*/")


class NotReading(ValueError):
    """The statement cannot be used for reading. The text is a clause that reads after `the statement`."""


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    code: bool  # false: a quotation or a comment


def places(statement: str, dialect: Dialect) -> list[str]:
    """Return the names of the `:name` places, in order, each once. Raises: NotReading."""
    found = (name for piece in _pieces(statement, dialect) if piece.code for name in _PLACE.findall(piece.text))
    return list(dict.fromkeys(found))


def only_reads(statement: str, dialect: Dialect) -> None:
    """Refuse what is not one statement that reads. Raises: NotReading.

    This is the first of two locks: the second is a transaction that the database holds to reading. It is needed because
    `COPY … TO PROGRAM` and `SELECT … INTO OUTFILE` write beside the database, where no transaction reaches.
    """
    code = "".join(piece.text if piece.code else " " for piece in _pieces(statement, dialect))
    body, semicolon, rest = code.partition(";")
    if semicolon and rest.strip(" \t\r\n;"):
        raise NotReading("is more than one statement; give one")
    word = _WORD.match(body)
    first = (word[1] or "") if word else ""
    if not first:
        raise NotReading("is empty" if not statement.strip() else "begins with no word of SQL")
    if first.upper() not in _READING:
        raise NotReading(f"begins with {first[:20].upper()}; only {', '.join(_READING[:-1])} and {_READING[-1]} read")
    if first.upper() == "WITH" and (found := _WRITING.search(body)):
        raise NotReading(f"writes by {found[1].split()[0].upper()}")
    if dialect is Dialect.MYSQL and (found := _TO_A_FILE.search(body)):
        raise NotReading(f"writes a file on the server (INTO {found[1].upper()})")


def bound(statement: str, parameters: Mapping[str, Any], dialect: Dialect) -> tuple[str, dict[str, Any]]:
    """Return the statement with `%(name)s` for its `:name` places, as drivers take it, and the parameters that it uses.

    Raises: NotReading, also for a place without a parameter.
    """
    only_reads(statement, dialect)
    names = places(statement, dialect)
    for name in names:
        if name not in parameters:
            known = ", ".join(f":{one}" for one in sorted(parameters))
            raise NotReading(f"holds ':{name}', for which there is no value" + (f"; there is {known}" if known else ""))
    made = []
    for piece in _pieces(statement, dialect):
        text = piece.text.replace("%", "%%")
        made.append(_PLACE.sub(r"%(\1)s", text) if piece.code else text)
    return "".join(made).rstrip().rstrip(";"), {name: _parameter(parameters[name]) for name in names}


def _parameter(value: Any) -> Any:
    """Return a value that every driver binds: an array or object goes as JSON text."""
    return json.dumps(value) if isinstance(value, list | tuple | Mapping) else value


def _reading_statement(text: str) -> str:
    troubles = []
    for dialect in Dialect:
        try:
            only_reads(text, dialect)
            return text
        except NotReading as problem:
            troubles.append(str(problem))
    raise ValueError(f"the statement {troubles[0]}")


# A statement in a suite, whose source is not known yet: refused where no dialect takes it for one that reads.
ReadingStatement = Annotated[str, AfterValidator(_reading_statement)]


def names_in_statement(statement: str) -> list[str]:
    """Return the `:name` places of a statement whose dialect is not known: those that it has in every dialect that it fits."""
    found: list[list[str]] = []
    for dialect in Dialect:
        try:
            found.append(places(statement, dialect))
        except NotReading:
            continue
    return [name for name in (found[0] if found else []) if all(name in names for names in found)]


def as_json(value: Any) -> Json:
    """Return a database's value as JSON: times as ISO 8601, bytes as hex, exact numbers as numbers where that loses nothing."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [as_json(item) for item in value]
    return str(value)


def _number(value: Decimal) -> Json:
    """Return 19.90 as 19.9 and 7.00 as 7; what a float cannot hold stays text, digit by digit."""
    if not value.is_finite() or abs(value.adjusted()) > 300:
        return str(value)
    if value == value.to_integral_value():
        return int(value)
    near = float(value)
    return near if Decimal(repr(near)) == value else str(value)


def _pieces(statement: str, dialect: Dialect) -> Iterator[_Piece]:
    """Cut a statement into code and what is no code: quotations and comments. Raises: NotReading where one is not closed."""
    at = 0
    while apart := _APART[dialect].search(statement, at):
        if apart.start() > at:
            yield _Piece(statement[at : apart.start()], code=True)
        at = _end_of(apart, statement, dialect)
        yield _Piece(statement[apart.start() : at], code=False)
    if at < len(statement):
        yield _Piece(statement[at:], code=True)


def _end_of(apart: re.Match[str], statement: str, dialect: Dialect) -> int:
    begin = apart.group()
    if apart["open"]:
        raise NotReading(f"holds a quotation that is not closed ({begin})")
    if begin == "/*":
        return _end_of_comment(apart.end(), statement, dialect)
    if begin.startswith("$"):
        end = statement.find(begin, apart.end())
        if end < 0:
            raise NotReading(f"holds a quotation that is not closed ({begin})")
        return end + len(begin)
    return apart.end()


def _end_of_comment(at: int, statement: str, dialect: Dialect) -> int:
    """Return where a comment ends; PostgreSQL's may stand within each other."""
    if dialect is Dialect.MYSQL and statement[at : at + 2].lstrip("Mm").startswith("!"):
        raise NotReading("holds a comment that is run as code (/*!)")
    depth = 1
    for edge in _COMMENT_EDGE.finditer(statement, at):
        if edge.group() == "*/":
            depth -= 1
        elif dialect is Dialect.POSTGRES:
            depth += 1
        if depth == 0:
            return edge.end()
    raise NotReading("holds a comment that is not closed")
