"""This file is for what leaves the process: every text passes here, and secrets, planted values and personal data stay."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar
from urllib.parse import quote

from probes.encodings import MIN_VALUE, Finder
from probes.outcome import Outcome, Severity, Subject, Verdict
from probes.pii import DETECTORS, find

Whatever = TypeVar("Whatever")

_NOTHING_CAN_BE_HERE = re.compile(r"[0-9a-f-]{0,36}")  # ids, counts, dates
_LABELS = {"connection": "credentials", "bearer": "credentials", "password": "secret"}
_MIN_BEGINNING = 5  # of a value that was cut off
_BETWEEN = "\n\0\n"  # no pattern reaches over this
_BUT_SUBJECT = tuple(f.name for f in fields(Outcome) if f.name != "subject")
_NOBODY = Subject("", "", "", "", "")
_WITHOUT_TEXT = frozenset({type(None), bool, int, float, datetime, Verdict, Severity})
_MIN_LINE = 12  # a line of a secret with several lines, such as a private key, is a secret of its own


class Redactor:
    """Replaces registered values, in whatever form they reappear, by `[label]`, and what the detectors find by `[kind]`.

    A value of fewer than four characters is replaced only where it stands as a word of its own.
    """

    def __init__(self) -> None:
        self._values: dict[str, str] = {}
        self._finder = Finder(())
        self._words: re.Pattern[str] | None = None
        self._beginnings: list[tuple[str, str]] = []
        self._stale = False

    def add(self, value: str, label: str) -> None:
        """Register a value that must never be shown. The first label given to a value stays."""
        for part in (value, value.strip(), *(line for line in value.splitlines() if len(line.strip()) >= _MIN_LINE)):
            if part.strip() and part not in self._values:
                self._values[part] = label
                self._stale = True

    def copy(self) -> Redactor:
        """Return another one that knows the same values; what is added to either stays there. Costs next to nothing."""
        if self._stale:
            self._build()
        made = Redactor.__new__(Redactor)
        made._values, made._stale = dict(self._values), False
        made._finder, made._words, made._beginnings = self._finder, self._words, self._beginnings
        return made

    def text(self, s: str) -> str:
        """Return the text without anything that must not be shown."""
        if len(s) < MIN_VALUE and not self._values:
            return s
        s = self._without_values(s)
        found = find(s, DETECTORS) if len(s) >= MIN_VALUE and not _NOTHING_CAN_BE_HERE.fullmatch(s) else []
        for finding in reversed(found):
            label = _LABELS.get(finding.detector, finding.detector)
            s = f"{s[: finding.start]}[{label}]{s[finding.end :]}"
        return s

    def outcome(self, o: Outcome) -> Outcome:
        """Return the outcome with every text in it redacted, at any depth; itself if there is nothing to redact."""
        whole = _BETWEEN.join(_texts([getattr(o, name) for name in _BUT_SUBJECT]))
        if self.text(whole) == whole and self.own(o.subject) is o.subject:
            return o
        whatever = self._redacted(replace(o, subject=_NOBODY))
        return replace(whatever, subject=self.own(o.subject))

    def own(self, thing: Whatever) -> Whatever:
        """Return a thing of the suite's, such as the subject, with registered values replaced at any depth.

        An e-mail address in it is the owner's, whom people must reach: detectors are for what targets send.
        """
        whole = _BETWEEN.join(_texts(thing)) if self._values else ""
        return thing if self._without_values(whole) == whole else self._redacted(thing, self._without_values)

    def _without_values(self, s: str) -> str:
        if not self._values:
            return s
        if self._stale:
            self._build()
        if self._finder.holds_any(s):
            for hit in reversed(self._finder.find(s)):
                s = f"{s[: hit.start]}[{hit.label}]{s[hit.end :]}"
        if self._words is not None:
            s = self._words.sub(lambda match: f"[{self._values[match.group()]}]", s)
        return self._without_beginnings(s) if "…" in s else s

    def _without_beginnings(self, s: str) -> str:
        """Return the text without what is left of a value that was cut off by `…`."""
        for cut in reversed([match.start() for match in re.finditer("…", s)]):
            found = [(n, label) for form, label in self._beginnings for n in (_overlap(s[:cut], form),) if n]
            if found:
                length, label = max(found)
                s = f"{s[: cut - length]}[{label}]{s[cut:]}"
        return s

    def _build(self) -> None:
        self._finder = Finder(self._values.items())
        short = [re.escape(value) for value in self._values if len(value) < MIN_VALUE]
        self._words = re.compile(rf"(?<![\w.-])(?:{'|'.join(short)})(?![\w-]|\.\w)") if short else None
        self._beginnings = [
            (form, label)
            for value, label in self._values.items()
            for form in dict.fromkeys((value, repr(value)[1:-1], json.dumps(value)[1:-1], quote(value, safe="")))
        ]
        self._stale = False

    def _redacted(self, thing: Whatever, text: Callable[[str], str] | None = None) -> Whatever:
        """Return the same thing with redacted texts; keys are texts too."""
        made: Any = thing
        text = text or self.text
        if isinstance(thing, Enum):
            return thing
        if isinstance(thing, str):
            made = text(thing)
        elif isinstance(thing, Mapping):
            made = {self._redacted(key, text): self._redacted(item, text) for key, item in thing.items()}
        elif isinstance(thing, list | tuple | set | frozenset):
            made = type(thing)(self._redacted(item, text) for item in thing)
        elif isinstance(thing, bytes):
            made = text(thing.decode("utf-8", "replace"))
        elif is_dataclass(thing) and not isinstance(thing, type):
            made = replace(thing, **{f.name: self._redacted(getattr(thing, f.name), text) for f in fields(thing)})
        return made  # type: ignore[no-any-return]


def _overlap(head: str, value: str) -> int:
    """Return how many characters of a value's beginning stand at the end of a text, 0 if too few to say."""
    lengths = range(min(len(value), len(head)), _MIN_BEGINNING - 1, -1)
    return next((n for n in lengths if head.endswith(value[:n])), 0)


@cache
def _getter(kind: type) -> Callable[[Any], Iterable[Any]] | None:
    """Return what reads all fields of a dataclass at once; None for another type."""
    names = tuple(getattr(kind, "__dataclass_fields__", ()))
    if not names:
        return None
    if len(names) == 1:
        return lambda thing: (getattr(thing, names[0]),)
    return attrgetter(*names)


def _texts(thing: Any) -> list[str]:
    """Return every text in a thing, at any depth, in no order."""
    texts: list[str] = []
    left = [thing]
    while left:  # every outcome goes through here, so the commonest types come first
        item = left.pop()
        kind = type(item)
        if kind is str:
            texts.append(item)
        elif kind in _WITHOUT_TEXT or isinstance(item, Enum):
            continue
        elif kind is tuple or isinstance(item, list | tuple | set | frozenset):
            left.extend(item)
        elif (fields_of := _getter(kind)) is not None:  # type: ignore[arg-type]  # a class is hashable, whatever mypy thinks of type[Any]
            left.extend(fields_of(item))
        elif isinstance(item, Mapping):
            left.extend(item.keys())
            left.extend(item.values())
        elif isinstance(item, str):
            texts.append(item)
        elif isinstance(item, bytes):
            texts.append(item.decode("utf-8", "replace"))
    return texts
