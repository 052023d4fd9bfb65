"""This file is for expectations: each is tried on its own before it is written, so that one that cannot be said is told."""

from __future__ import annotations

import re
from operator import ge, gt, le, lt
from typing import Any

from pydantic import ValidationError

from probes.expect import reason_of
from probes.jsonpath import finder
from probes.matchers import Matcher, TextMatcher
from probes.status import StatusMatcher
from scenarios.importing.language import PLACE
from scenarios.importing.writing import fits

_SPECIAL = re.compile(r"[.^$*+?()\[\]{}\\|/&~#-]")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_HOLDS = {"lt": lt, "le": le, "gt": gt, "ge": ge}


class Expecting:
    """The `expect` of one answer, put together bit by bit. What is added returns why it cannot be said, or an empty text."""

    def __init__(self) -> None:
        self.made: dict[str, Any] = {}

    def status(self, codes: list[int | str]) -> str:
        """Expect one of several codes or classes such as `2xx`."""
        codes = list(dict.fromkeys(codes))
        wanted: Any = codes[0] if len(codes) == 1 else codes
        if "status" in self.made and not self._are_among(codes):
            return "a status is expected already"
        return self._try(StatusMatcher, wanted) or self._set("status", wanted)

    def _are_among(self, codes: list[int | str]) -> bool:
        """Say whether all of the codes keep the bounds that are expected already, so that these say nothing more."""
        now = self.made["status"]
        if not isinstance(now, dict) or not set(now) <= set(_HOLDS):
            return bool(now == (codes[0] if len(codes) == 1 else codes))
        return all(isinstance(code, int) and _HOLDS[name](code, bound) for name, bound in now.items() for code in codes)

    def status_by(self, operator: str, bound: Any) -> str:
        """Expect a status by an operator such as `lt`."""
        now = self.made.get("status", {})
        if isinstance(now, int) and operator in _HOLDS and isinstance(bound, int | float) and _HOLDS[operator](now, bound):
            return ""
        if not isinstance(now, dict) or operator in now:
            return "a status is expected already"
        return self._try(StatusMatcher, {operator: bound}) or self._set("status", {**now, operator: bound})

    def header(self, name: str, operator: str, wanted: Any) -> str:
        return self._add("headers", name, operator, wanted, TextMatcher)

    def json(self, path: str, operator: str, wanted: Any) -> str:
        try:
            finder(PLACE.sub("x", path))
        except ValueError as problem:
            return str(problem)
        return self._add("json", path, operator, wanted, Matcher)

    def body(self, operator: str, wanted: Any) -> str:
        """Expect something of the body as text; several patterns that may not be found become one."""
        now = self.made.get("body", {})
        if trouble := self._try(TextMatcher, {operator: wanted}):
            return trouble
        if operator == "not_matches" and operator in now:
            wanted = f"(?:{now[operator]})|(?:{wanted})"
            return self._try(TextMatcher, {operator: wanted}) or self._set("body", {**now, operator: wanted})
        for way, value in ((operator, wanted), *_other_ways(operator, wanted)):
            if way not in now:
                return self._set("body", {**now, way: value})
        return "the body is compared in this way already, and once more cannot be said"

    def schema(self, wanted: dict[str, Any]) -> str:
        """Expect the whole body to fit a JSON Schema, below `json`, where no key of the schema means anything to the suite."""
        return self.json("$", "schema", wanted)

    def plain(self, key: str, wanted: Any) -> str:
        """Set a key such as `duration`, once."""
        return "it is expected already" if key in self.made else self._set(key, wanted)

    def _add(self, part: str, name: str, operator: str, wanted: Any, matcher: type[Matcher]) -> str:
        if trouble := self._try(matcher, {operator: wanted}):
            return trouble
        if not fits(wanted):
            return "it holds a number or a nesting that a suite cannot hold"
        table = self.made.setdefault(part, {})
        for spelt in _spellings(name, part):
            now = table.get(spelt, {})
            if operator not in now and "exists" not in now and (operator, wanted) != ("exists", False):
                table[spelt] = {**now, operator: wanted}
                return ""
            if not now:
                table[spelt] = {operator: wanted}
                return ""
            if now.get(operator, now) == wanted:
                return ""
        return "it is compared in this way already, and once more cannot be said"

    def _set(self, key: str, value: Any) -> str:
        self.made[key] = value
        return ""

    @staticmethod
    def _try(matcher: type[Matcher], given: Any) -> str:
        try:
            matcher.model_validate(given)
        except ValidationError as problem:
            return reason_of(problem)
        except (ValueError, RecursionError) as problem:
            return str(problem)
        return ""

    def done(self) -> dict[str, Any]:
        """Return the mapping for the suite, `equals` alone in its short form."""
        made = dict(self.made)
        for part in ("headers", "json"):
            if part in made:
                made[part] = {name: _short(operators) for name, operators in made[part].items()}
        return made


def segment(name: str) -> str:
    """Return one name as a part of a JSONPath."""
    if _NAME.fullmatch(name):
        return f".{name}"
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"['{escaped}']"


def escape(text: str) -> str:
    """Return a regular expression that finds exactly this text, places in it kept as they are."""
    parts, end = [], 0
    for found in PLACE.finditer(text):
        parts += [_SPECIAL.sub(r"\\\g<0>", text[end : found.start()]), found.group()]
        end = found.end()
    return "".join([*parts, _SPECIAL.sub(r"\\\g<0>", text[end:])])


def glob(pattern: str) -> str:
    """Return a pattern with `*` and `?` as a regular expression of the whole text."""
    middle = "".join(".*" if sign == "*" else "." if sign == "?" else escape(sign) for sign in pattern)
    return f"(?s)^{middle}$"


def _other_ways(operator: str, wanted: Any) -> list[tuple[str, Any]]:
    ways = {"contains": "matches", "not_contains": "not_matches"}
    return [(ways[operator], escape(wanted))] if operator in ways and isinstance(wanted, str) else []


def _spellings(name: str, part: str) -> list[str]:
    """Return other ways to write a header's name or a path, so that more than one thing can be said of it."""
    if part == "headers":
        return list(dict.fromkeys((name, name.lower(), name.upper(), name.title())))
    found = re.fullmatch(r"(.*)\.([A-Za-z_][A-Za-z0-9_]*)", name)
    return [name, f"{found[1]}['{found[2]}']", f'{found[1]}["{found[2]}"]'] if found else [name]


def _short(operators: dict[str, Any]) -> Any:
    plain = set(operators) == {"equals"} and not isinstance(operators["equals"], dict)
    return operators["equals"] if plain else operators
