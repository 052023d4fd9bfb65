"""This file is for what leaves the process: every text passes here, and secrets, planted values and personal data stay."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

from probes.encodings import MIN_VALUE, Finder
from probes.outcome import Outcome
from probes.pii import DETECTORS, find

Whatever = TypeVar("Whatever")

_NOTHING_CAN_BE_HERE = re.compile(r"[0-9a-f-]{0,36}")  # ids, counts, dates
_LABELS = {"connection": "credentials", "bearer": "credentials", "password": "secret"}
_MIN_LINE = 12  # a line of a secret with several lines, such as a private key, is a secret of its own


class Redactor:
    """Replaces registered values, in whatever form they reappear, by `[label]`, and what the detectors find by `[kind]`.

    A value of fewer than four characters is replaced only where it stands as a word of its own.
    """

    def __init__(self) -> None:
        self._values: dict[str, str] = {}
        self._finder = Finder(())
        self._words: re.Pattern[str] | None = None
        self._stale = False

    def add(self, value: str, label: str) -> None:
        """Register a value that must never be shown. The first label given to a value stays."""
        for part in (value, value.strip(), *(line for line in value.splitlines() if len(line.strip()) >= _MIN_LINE)):
            if part.strip() and part not in self._values:
                self._values[part] = label
                self._stale = True

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
        whole = "\n\0\n".join(_texts(o))  # no pattern reaches over this
        if self.text(whole) == whole:
            return o
        return self._redacted(o)

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
        return s

    def _build(self) -> None:
        self._finder = Finder(self._values.items())
        short = [re.escape(value) for value in self._values if len(value) < MIN_VALUE]
        self._words = re.compile(rf"(?<![\w.-])(?:{'|'.join(short)})(?![\w-]|\.\w)") if short else None
        self._stale = False

    def _redacted(self, thing: Whatever) -> Whatever:
        """Return the same thing with redacted texts; keys are texts too."""
        made: Any = thing
        if isinstance(thing, Enum):
            return thing
        if isinstance(thing, str):
            made = self.text(thing)
        elif isinstance(thing, Mapping):
            made = {self._redacted(key): self._redacted(item) for key, item in thing.items()}
        elif isinstance(thing, list | tuple | set | frozenset):
            made = type(thing)(self._redacted(item) for item in thing)
        elif isinstance(thing, bytes):
            made = self.text(thing.decode("utf-8", "replace"))
        elif is_dataclass(thing) and not isinstance(thing, type):
            made = replace(thing, **{f.name: self._redacted(getattr(thing, f.name)) for f in fields(thing)})
        return made  # type: ignore[no-any-return]


def _texts(thing: Any) -> Iterator[str]:
    """Yield every text in a thing, at any depth."""
    if isinstance(thing, str):
        if not isinstance(thing, Enum):
            yield thing
    elif thing is None or isinstance(thing, bool | int | float | datetime):
        return
    elif isinstance(thing, bytes):
        yield thing.decode("utf-8", "replace")
    elif isinstance(thing, Mapping):
        for key, item in thing.items():
            yield from _texts(key)
            yield from _texts(item)
    elif isinstance(thing, list | tuple | set | frozenset):
        for item in thing:
            yield from _texts(item)
    elif is_dataclass(thing):
        for field in fields(thing):
            yield from _texts(getattr(thing, field.name))
