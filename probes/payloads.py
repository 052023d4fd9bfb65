"""This file is for the payloads of `input_validation`: what is put into a field, each with a name and a marker.

No payload may do harm where it succeeds: nothing is deleted, written elsewhere or slowed down, and no condition of a statement
is widened or cut off. So there is no `OR`, no `--`, no `DROP` and no `sleep`; a file that a path leads to can be read by
everybody and written by nobody; an operator for MongoDB asks for more than the good value only where the method only reads.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from probes.outcome import Json
from probes.payload_places import Change, Put, Raw

MARKER_LENGTH = 8


class Family(StrEnum):
    """What a payload tries; the value is the word in a suite."""

    SCRIPT = "script"
    SQL = "sql"
    NOSQL = "nosql"
    TEMPLATE = "template"
    PATH = "path_traversal"
    HEADER = "header_injection"
    OVERSIZED = "oversized"
    WRONG_TYPE = "wrong_type"
    NULL_BYTE = "null_byte"
    BROKEN_UTF8 = "broken_utf8"
    UNICODE = "unicode"
    NESTING = "nesting"
    DUPLICATE_KEY = "duplicate_key"
    MISSING = "missing"
    PROTOTYPE = "prototype"
    EXTRA_FIELD = "extra_field"


CALLED = {
    Family.SCRIPT: "script injection",
    Family.SQL: "SQL",
    Family.NOSQL: "NoSQL operators",
    Family.TEMPLATE: "template expressions",
    Family.PATH: "path traversal",
    Family.HEADER: "header injection",
    Family.OVERSIZED: "oversized values",
    Family.WRONG_TYPE: "values of a wrong type",
    Family.NULL_BYTE: "null bytes",
    Family.BROKEN_UTF8: "broken UTF-8",
    Family.UNICODE: "look-alike and invisible characters",
    Family.NESTING: "deep nesting",
    Family.DUPLICATE_KEY: "a field given twice",
    Family.MISSING: "being left out",
    Family.PROTOTYPE: "prototype pollution",
    Family.EXTRA_FIELD: "an unknown field beside it",
}


class FieldType(StrEnum):
    """What the field should hold."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    EMAIL = "email"
    PHONE = "phone"
    UUID = "uuid"
    ENUM = "enum"


class Stance(StrEnum):
    """Who may accept a payload."""

    NEVER = "never"  # no field
    MARKUP = "markup"  # a field that `accepts_literally`
    TEXT = "text"  # any field of free text; a date, an enumeration and the like never
    ANY = "any"  # every field, as long as it takes no effect


@dataclass(frozen=True, slots=True)
class Payload:
    """One thing to send. `name` is for suites and evidence, `called` for sentences, `text` is what might come back."""

    name: str
    called: str
    change: Change
    stance: Stance
    text: str = ""
    marker: str = ""  # in `text`, fresh: where it is found, it is ours
    product: str = ""  # stands in an answer only where the target computed it
    basic: bool = True

    @property
    def family(self) -> Family:
        return Family(self.name.partition(".")[0])


@dataclass(slots=True)
class Made:
    """What the payloads for one field are made from; each marker and each pair of factors is fresh."""

    good: Json  # the value that is accepted
    type: FieldType
    reads: bool  # the method is one that only reads
    in_json: bool
    max_length: int | None = None
    _run: str = field(default_factory=lambda: secrets.token_hex(2))
    _count: int = 0

    @property
    def good_text(self) -> str:
        return self.good if isinstance(self.good, str) else str(self.good)

    def marker(self) -> str:
        """Return a short word that nobody has seen before: letters and digits, so that no encoding changes it."""
        self._count += 1
        return f"v{self._run}{self._count:03x}"

    def text(self, name: str, called: str, text: str, stance: Stance = Stance.MARKUP, *, basic: bool = True) -> Payload:
        """Return a payload of text, in which `~` stands for the marker and `^` for the good value."""
        marker = self.marker()
        whole = text.replace("^", self.good_text).replace("~", marker)
        return Payload(name, called, Put(whole), stance, whole, marker if marker in whole else "", basic=basic)

    def encoded(self, name: str, called: str, encoded: str, stance: Stance = Stance.MARKUP, *, basic: bool = False) -> Payload:
        """Return a payload that is percent-encoded once by us already; in JSON the same signs stand as text."""
        marker = self.marker()
        whole = encoded.replace("~", marker)
        return Payload(
            name, called, Raw(_json(whole), whole, whole), stance, whole, marker if marker in whole else "", basic=basic
        )


def _json(text: str) -> str:
    import json

    return json.dumps(text)


def payloads(made: Made) -> Iterator[Payload]:
    """Yield every payload for a field, in an order that does the least first."""
    from probes.payload_bytes import broken_bytes
    from probes.payload_texts import texts
    from probes.payload_types import wrong_types

    yield from texts(made)
    yield from wrong_types(made)
    yield from broken_bytes(made)


def names() -> frozenset[str]:
    """Return the name of every payload that any field can be given."""
    return frozenset(
        one.name
        for type_ in FieldType
        for reads in (True, False)
        for in_json in (True, False)
        for one in payloads(Made("good", type_, reads, in_json, max_length=10))
    )
