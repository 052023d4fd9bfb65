"""This file is for saying in clauses where a JSON object does not fit its schema, without the values that stand in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from probes.operators import comparable, kind_of, shown
from probes.outcome import Json

_MOST = 20  # clauses of one object
_WORD = re.compile(r"[A-Za-z_]{1,20}")
_NUMBER = re.compile(r"-?\d{1,3}")
_TIMELY = re.compile(r"[0-9TtZz:.,+ -]{4,40}")
# Fields whose values are words of the program, never of a person: only these are shown, and only where they look like it.
_PROGRAM_WORDS = frozenset({"level", "severity", "outcome", "status", "state", "source", "actor_type", "service", "environment"})
_TIMES = frozenset({"timestamp", "time", "ts", "at"})
_SAID = {
    "minimum": "is less than {limit}",
    "maximum": "is more than {limit}",
    "exclusiveMinimum": "is not more than {limit}",
    "exclusiveMaximum": "is not less than {limit}",
    "minLength": "is shorter than {limit} characters",
    "maxLength": "is longer than {limit} characters",
    "minItems": "has fewer than {limit} items",
    "maxItems": "has more than {limit} items",
    "minProperties": "has fewer than {limit} fields",
    "maxProperties": "has more than {limit} fields",
    "uniqueItems": "holds an item twice",
    "anyOf": "fits none of the forms allowed",
    "oneOf": "does not fit exactly one of the forms allowed",
    "not": "has a form that is not allowed",
    "contains": "holds no item of the kind wanted",
    "multipleOf": "is no multiple of {limit}",
}


def misfits(validator: Any, document: Json) -> list[str]:
    """Return what is wrong, worst known first, as clauses after the name of the thing: `lacks 'tenant_id'`.

    `validator` comes from `operators.schema_validator`. Names of fields are told, values only of a level and the like.
    """
    if not comparable(document):
        return ["holds a number that is none"]
    found = list(islice(validator.iter_errors(document), _MOST))
    formless = {tuple(error.instance_path) for error in found if error.kind.name == "format"}  # a pattern says no more of these
    told = [one for one in found if one.kind.name != "pattern" or tuple(one.instance_path) not in formless]
    return list(dict.fromkeys(clause for error in told for clause in _clauses(error)))


def _clauses(error: Any) -> Iterator[str]:
    path, kind = list(error.instance_path), error.kind
    name, told = kind.name, kind.as_dict()
    field = _field(path)
    if name in ("required", "dependentRequired", "dependencies") and "property" in told:
        yield f"lacks {_field([*path, told['property']])}"
    elif name == "additionalProperties":
        yield f"has {_listed([_field([*path, one]) for one in told.get('unexpected', ())]) or 'a field'}, which is not allowed"
    elif name == "type":
        wanted = " or ".join(_a(one) for one in sorted(told.get("types", ()), key="null".__eq__)) or "of the type wanted"
        yield f"{field} is {_a(kind_of(error.instance))}, not {wanted}"
    elif name in ("enum", "const"):
        options = told.get("options") or [told.get("expected_value")]
        named = [one if isinstance(one, str) else shown(one, 30) for one in options]
        yield f"{field} is {_value(path, error.instance)}, not {_listed(named)}"
    elif name == "format":
        yield f"{field} is {_value(path, error.instance)}, no {told.get('format', 'value')} as RFC 3339 and its like write it"
    elif name == "pattern":
        yield f"{field} is {_value(path, error.instance)}, which does not match {told.get('pattern', 'the pattern')}"
    else:
        yield f"{field} {_SAID.get(name, f'breaks the rule {name}').format(limit=told.get('limit', told.get('value', '')))}"


def _field(path: Sequence[Any]) -> str:
    """Return the field's name for a sentence: `'error.stack'`, or `the object` for the whole."""
    if not path:
        return "the object"
    dotted = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
    return shown(dotted, 80)


def _value(path: Sequence[Any], value: Json) -> str:
    """Return a value that no person can be behind, or its kind."""
    last = str(path[-1]).lower() if path else ""
    if isinstance(value, str) and last in _PROGRAM_WORDS and _WORD.fullmatch(value):
        return f"'{value}'"
    if isinstance(value, str) and last in _TIMES and _TIMELY.fullmatch(value):
        return f"'{value}'"
    if last in _PROGRAM_WORDS and kind_of(value) == "number" and _NUMBER.fullmatch(str(value)):
        return str(value)
    return f"{_a(kind_of(value))} (not shown)"


def _listed(names: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _a(kind: str) -> str:
    return "null" if kind == "null" else f"an {kind}" if kind[0] in "aeio" else f"a {kind}"
