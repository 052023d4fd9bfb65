"""This file is for comparing JSON documents: where two differ, and what is left without the parts that may change."""

from __future__ import annotations

import re
from collections.abc import Sequence

from probes.operators import same
from probes.outcome import Json

_STEP = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)|\['([^'\\]*)'\]|\[\"([^\"\\]*)\"\]|\[(-?\d+)\]|(\[\*\]|\.\*)")


def difference(one: Json, other: Json, path: str = "$") -> str:
    """Return the path of the first place where two documents differ, or an empty text."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in [*one, *(k for k in other if k not in one)]:
            if key not in one or key not in other:
                return f"{path}.{key}"
            inner = difference(one[key], other[key], f"{path}.{key}" if not key.startswith("$") else key)
            if inner:
                return inner
        return ""
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return next((d for i, (a, b) in enumerate(zip(one, other, strict=True)) if (d := difference(a, b, f"{path}[{i}]"))), "")
    return "" if same(one, other) else path


def steps(path: str) -> list[str | int | None]:
    """Return the steps of a plain path; None is a wildcard. Raises: ValueError for a path that has others."""
    found, place = [], 1
    while place < len(path):
        step = _STEP.match(path, place)
        if step is None:
            break
        dotted, single, double, index, _ = step.groups()
        name = next((n for n in (dotted, single, double) if n is not None), None)
        found.append(name if name is not None else int(index) if index else None)
        place = step.end()
    if not path.startswith("$") or place < len(path) or not found:
        raise ValueError(f"'{path}' should be a path of names, indexes and wildcards, such as $.meta.time or $.slots[*].id")
    return found


def is_plain(path: str) -> bool:
    """Say whether a path has names, indexes and wildcards only, so that what it names can be left out."""
    try:
        steps(path)
    except ValueError:
        return False
    return True


def without(document: Json, paths: Sequence[str]) -> Json:
    """Return the document less what stands at the paths."""
    for path in paths:
        document = _dropped(document, steps(path))
    return document


def _dropped(value: Json, at: Sequence[str | int | None]) -> Json:
    step, rest = at[0], at[1:]
    if isinstance(value, dict):
        hit = [key for key in value if step is None or key == step]
        kept = {key: item for key, item in value.items() if rest or key not in hit}
        return {key: _dropped(item, rest) if key in hit else item for key, item in kept.items()}
    if isinstance(value, list):
        wanted = {i for i in range(len(value)) if step is None or step in (i, i - len(value))}
        return [_dropped(item, rest) if i in wanted else item for i, item in enumerate(value) if rest or i not in wanted]
    return value
