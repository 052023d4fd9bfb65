"""This file is for correlation ids: the forms that a target makes them in, and hostile ones that it must not hand on."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from probes.operators import found, pattern
from probes.session import Answer

FORMS = ("uuid4", "uuid", "any")
LARGE = 10_240  # characters

# Source: RFC 9562 section 4 (text form), 4.1 and 4.2 (variant and version).
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-(?P<version>[1-8])[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}")
_SAFE = re.compile(r"[\x21-\x7e]{1,200}")


def usable_form(form: str) -> str:
    """Return the form of ids as a scenario gives it. Raises: ValueError where it is neither a name nor an expression."""
    if form not in FORMS:
        if not form.startswith("^"):
            raise ValueError(f"should be {', '.join(FORMS)}, or a regular expression that starts with '^'")
        pattern(form)
    return form


def called(form: str) -> str:
    """Return what a form is called in a sentence."""
    return {"uuid4": "a UUID of version 4", "uuid": "a UUID", "any": "an id of printable signs"}.get(
        form, f"text that matches {form}"
    )


def misses(value: str, form: str) -> str:
    """Return why an id is not of the form wanted, as a clause, or an empty text."""
    if not _SAFE.fullmatch(value):
        return "is empty" if not value else "holds white space, signs that do not print, or more than 200 of them"
    if form in ("uuid4", "uuid"):
        match = _UUID.fullmatch(value)
        if match is None:
            return "is no UUID"
        return "" if form == "uuid" or match["version"] == "4" else f"is a UUID of version {match['version']}, not 4"
    if form != "any" and not found(value, form):
        return f"does not match {form}"
    return ""


# What it is called, the text, and what it tries to make. The wide signs end in the bytes of a line end where a program
# cuts each sign to one byte.
_HOSTILE = (
    ("an encoded line end", "TOKEN%0d%0aX-Forged: TOKEN", "X-Forged"),
    ("a line end in wide signs", "TOKEN\u560d\u560aX-Forged: TOKEN", "X-Forged"),
    ("a line end written as an escape", "TOKEN\\r\\nX-Forged: TOKEN", "X-Forged"),
    ("a script", "<script>alert('TOKEN')</script>", ""),
    ("quotes and braces", 'TOKEN"},"level":"error","forged":"TOKEN', ""),
    ("signs beyond ASCII", "\u00fc\u00df\u20acTOKEN\u202e", ""),
)


@dataclass(frozen=True, slots=True)
class Hostile:
    """One id that no client of good will sends. `token` stands in it; `forged` is a line or header that it tries to make."""

    name: str
    value: str
    token: str
    forged: str = ""

    @property
    def begins(self) -> str:
        """Return the beginning of the value as it would stand in a text that took it over as it is."""
        return self.value[:200]


def hostile_ids() -> Iterator[Hostile]:
    """Yield hostile ids, fresh ones each time.

    A raw line end is not among them: HTTP itself ends the header there (RFC 9112 section 5), so none can be sent.
    """
    for name, text, forged in _HOSTILE:
        token = uuid.uuid4().hex[:12]
        yield Hostile(name, text.replace("TOKEN", token), token, forged)
    token = uuid.uuid4().hex[:12]
    yield Hostile("10 kB", (token + "A" * LARGE)[:LARGE], token)
    yield Hostile("an empty text", "", "")


def reflected(answer: Answer, hostile: Hostile) -> str:
    """Return where an answer hands a hostile id on, as a clause, or an empty text. A text that shows it escaped does not."""
    if not hostile.token:
        return ""
    if hostile.forged and answer.header(hostile.forged) is not None:
        return f"makes the header {hostile.forged} out of it"
    for name, value in answer.headers:
        if hostile.token in value.lower():
            return f"hands it on in the header {name}"
    begins, body = hostile.begins.lower(), answer.body.lower()
    if begins.encode("utf-8") in body or begins.encode("latin-1", "replace") in body:
        return "hands it on in the body as it is"
    return ""
