"""This file is for values of Uptime Kuma's monitors: ranges of status codes, JSON queries, numbers that may be text."""

from __future__ import annotations

import re
from typing import Any

from scenarios.importing.expecting import Expecting, escape, segment
from scenarios.importing.gatus_conditions import variants
from scenarios.importing.language import literal
from scenarios.importing.reading import text_of

_ORDER = {">": "gt", ">=": "ge", "<": "lt", "<=": "le"}
_PATH = re.compile(r"(\w[\w-]*)((?:\[\d+\])*)")


def number(value: Any, otherwise: float) -> float:
    """Return a number that may be written as text, or another one."""
    try:
        found = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else otherwise
    except ValueError:
        return otherwise
    return found if 0 <= found < 1e9 else otherwise


def codes(expecting: Expecting, accepted: list[str]) -> str:
    """Expect one of the codes and ranges such as `200-299`; return why that cannot be said, or an empty text."""
    wanted: list[int | str] = []
    for code in accepted:
        found = re.fullmatch(r"([1-5]\d\d)(?:\s*-\s*([1-5]\d\d))?", code.strip())
        if found is None:
            return "a status is a number or a range of numbers"
        first, last = int(found[1]), int(found[2] or found[1])
        while first <= last:
            whole = first % 100 == 0 and first + 99 <= last
            wanted.append(f"{first // 100}xx" if whole else first)
            first += 100 if whole else 1
    if len(wanted) > 60:
        return "the ranges hold too many single codes"
    return expecting.status(wanted) if wanted else ""


def json_query(expecting: Expecting, monitor: dict[str, Any]) -> str:
    """Expect what a JSON query says, where its path is plain; return why that cannot be said, or an empty text."""
    query = text_of(monitor.get("jsonPath")).strip()
    path = _path(query)
    if path is None:
        return "it is JSONata, of which only plain paths such as 'data.items[0].name' can be carried over"
    said, operator = literal(text_of(monitor.get("expectedValue"))), text_of(monitor.get("jsonPathOperator")) or "=="
    if operator in _ORDER:
        values = [one for one in variants(said) if isinstance(one, int | float) and not isinstance(one, bool)]
        return expecting.json(path, _ORDER[operator], values[0]) if values else "it is compared with a number only"
    options = variants(said)
    if operator == "==":
        return expecting.json(path, "one_of", options) if len(options) > 1 else expecting.json(path, "equals", options[0])
    if operator == "!=":
        return expecting.json(path, "none_of", options)
    if operator == "contains":
        return expecting.json(path, "matches", escape(said))
    return f"the operator '{operator[:20]}' is not known"


def _path(query: str) -> str | None:
    if query in ("", "$"):
        return "$"
    made = "$"
    for part in query.removeprefix("$.").split("."):
        quoted = re.fullmatch(r"[`\"]([^`\"]+)[`\"]", part)
        found = _PATH.fullmatch(part)
        if quoted:
            made += segment(quoted[1])
        elif found:
            made += segment(found[1]) + found[2]
        else:
            return None
    return made
