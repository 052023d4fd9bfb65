"""This file is for values that a recording takes from one answer into a later request: they are captured, not repeated."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scenarios.importing.expecting import segment
from scenarios.importing.language import braced, capture_name, literal, place
from scenarios.importing.reading import listing, table, text_of
from scenarios.importing.vault import Vault, secret_name

_FROM = 8  # characters: a shorter value may be the same by chance
_LONGEST = 4000
_MOST = 5000  # values that are remembered
_BODY = 2_000_000
_TELLING = re.compile(r"(?=.*[0-9])[\w.~+/=:-]+")  # a token or an id has a digit; a word may stand anywhere


@dataclass(slots=True)
class _Origin:
    """Where a value came from: a step, and a path in its answer."""

    step: dict[str, Any]
    path: str
    name: str
    used: bool = False


class Kept:
    """What earlier answers gave: cookies by name, and values by what they are."""

    def __init__(self, vault: Vault) -> None:
        self.cookies: set[str] = set()
        self._vault = vault
        self._values: dict[str, _Origin] = {}
        self._names: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def say(self, text: str) -> str:
        """Return a text of the recording in the suite's language: a value of an earlier answer becomes its place."""
        if not self._values:
            return literal(text)
        pattern = self._pattern = self._pattern or re.compile(r"[\w.~+/=-]{8,}")
        parts, end = [], 0
        for found in pattern.finditer(text):
            for start, stop, value in self._known(found):
                parts += [braced(text[end:start]), place(self._use(value))]
                end = stop
        return "".join([*parts, braced(text[end:])]).replace("${", "$${")

    def learn(self, step: dict[str, Any], response: dict[str, Any]) -> None:
        """Remember the cookies and the values that a step's answer gave."""
        for cookie in map(table, listing(response.get("cookies"))):
            self.cookies.add(text_of(cookie.get("name")))
        for header in map(table, listing(response.get("headers"))):
            if text_of(header.get("name")).lower() == "set-cookie":
                self.cookies |= {line.partition("=")[0].strip() for line in text_of(header.get("value")).split("\n")}
        for path, name, value in _values(table(response.get("content"))):
            if len(self._values) < _MOST and _FROM <= len(value) <= _LONGEST and _TELLING.fullmatch(value):
                self._values.setdefault(value, _Origin(step, path, self._unused(name)))

    def capture(self) -> None:
        """Write down, at the steps, what later ones use."""
        for origin in self._values.values():
            if origin.used:
                secret = {"secret": True} if secret_name(origin.name) else {}
                origin.step.setdefault("capture", {})[origin.name] = {"json": origin.path, **secret}

    def _known(self, found: re.Match[str]) -> Iterator[tuple[int, int, str]]:
        """Yield what is known of one run of signs: all of it, or one of its parts between slashes and signs of equality."""
        if found.group() in self._values:
            yield found.start(), found.end(), found.group()
            return
        for part in re.finditer(r"[^/=]{8,}", found.group()):
            if part.group() in self._values:
                yield found.start() + part.start(), found.start() + part.end(), part.group()

    def _use(self, value: str) -> str:
        self._values[value].used = True
        return self._values[value].name

    def _unused(self, name: str) -> str:
        base = capture_name(name)
        made, number = base, 1
        while made in self._names:
            number += 1
            made = f"{base}_{number}"
        self._names.add(made)
        return made


def _values(content: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield path, name and value of each text in a JSON answer."""
    text = text_of(content.get("text"))
    if "json" not in text_of(content.get("mimeType")) or len(text) > _BODY:
        return
    try:
        if content.get("encoding") == "base64":
            text = base64.b64decode(text).decode()
        yield from _walk(json.loads(text), "$", "value", 0)
    except (ValueError, RecursionError):
        return


def _walk(value: Any, path: str, name: str, depth: int) -> Iterator[tuple[str, str, str]]:
    if depth > 20:
        return
    if isinstance(value, str):
        yield path, name, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(item, path + segment(key), key, depth + 1)
    elif isinstance(value, list):
        for number, item in enumerate(value[:200]):
            yield from _walk(item, f"{path}[{number}]", name, depth + 1)
