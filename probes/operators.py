"""This file is for judging one value by one operator, failing closed: what cannot be compared does not hold."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from pydantic_core import SchemaError, SchemaValidator, ValidationError, core_schema

from probes.contracts import catalogue
from probes.outcome import Json
from probes.shorten import shorten

SHOWN = 200  # characters of a value that came from the target

# An operator returns why it does not hold ("is 'down'"), or an empty text where it holds.
Operator = Callable[[Json, Any, datetime], str]


def kind_of(value: Json) -> str:
    """Return the JSON type: null, boolean, number, string, array or object."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list | tuple) else "object"


def shown(value: Json, limit: int = SHOWN) -> str:
    """Return the value for a person, shortened to `limit` characters."""
    if isinstance(value, str):
        text = repr(value[: 2 * limit])  # longer than the limit if the value is, whatever is escaped
    else:
        try:
            text = json.dumps(value, ensure_ascii=False, default=str)
        except (ValueError, RecursionError):
            text = kind_of(value)
    return shorten(text, limit)


def same(left: Json, right: Json) -> bool:
    """Compare typed and exactly: `"007"` is not 7, true is not 1, 1 is 1.0, NaN is nothing, not even itself."""
    kind = kind_of(left)
    if kind != kind_of(right):
        return False
    if kind == "array":
        return len(left) == len(right) and all(map(same, left, right))
    if kind == "object":
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if kind == "number" and not (math.isfinite(left) and math.isfinite(right)):
        return False
    return bool(left == right)


def comparable(value: Json) -> bool:
    """Tell whether a value holds no NaN or infinity at any depth."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, Mapping):
        return all(comparable(item) for item in value.values())
    if isinstance(value, list | tuple):
        return all(comparable(item) for item in value)
    return True


@lru_cache(1024)
def pattern(text: str) -> SchemaValidator:
    """Compile a regular expression of Rust's linear-time engine. Raises: ValueError when it is not one."""
    try:
        return SchemaValidator(core_schema.str_schema(pattern=text, regex_engine="rust-regex", strict=True))
    except SchemaError as problem:
        reason = str(problem).strip().splitlines()[-1].removeprefix("error: ").strip()
        raise ValueError(f"'{text}' is not a regular expression: {reason}") from problem


def found(text: str, regex: str) -> bool | None:
    """Tell whether the expression is found anywhere in the text; None where that cannot be told."""
    try:
        pattern(regex).validate_python(text)
    except ValidationError as problem:
        return False if problem.errors(include_url=False)[0]["type"] == "string_pattern_mismatch" else None
    return True


@lru_cache(256)
def schema_validator(schema_text: str) -> Any:
    """Return a JSON Schema validator, from the schema as JSON text, that never fetches anything.

    Raises: ValueError when the schema is wrong or points elsewhere.
    """
    import jsonschema_rs  # imported here: few scenarios have a schema

    try:
        # RegexOptions is the linear-time engine; the default one backtracks on the target's data.
        return jsonschema_rs.validator_for(
            json.loads(schema_text),
            validate_formats=True,
            retriever=_refuse_remote,
            pattern_options=jsonschema_rs.RegexOptions(),
        )
    except ValueError as problem:
        raise ValueError(f"this is not a usable JSON Schema: {_schema_reason(problem)}") from problem


def _refuse_remote(address: str) -> Any:
    raise ValueError(f"a $ref may not lead out of the schema, as '{address}' does")


def _schema_reason(problem: Exception) -> str:
    """Return what is wrong with a schema, and where in it."""
    text = str(getattr(problem, "message", "") or problem)
    _, refused, rest = text.partition("a $ref may not")
    place = [str(part) for part in getattr(problem, "instance_path", ())]
    if refused or not place:
        return (refused + rest if refused else text).strip().splitlines()[0]
    reason = text.strip().splitlines()[0]
    if place[-1] == "type" and "'anyOf'" in reason:
        reason = "should be array, boolean, integer, null, number, object or string, or a list of them"
    if reason.endswith('is not a "regex"'):
        reason = "is no regular expression without look-around and backreferences"
    return f"'{'.'.join(place)}' {reason}" if reason.startswith(("is ", "should ")) else f"at '{'.'.join(place)}': {reason}"


def _is(value: Json) -> str:
    return f"is {shown(value)}"


def _is_kind(value: Json, wanted: str) -> str:
    return f"is {_a(kind_of(value))}, not {_a(wanted)} ({shown(value, 60)})"


def _a(kind: str) -> str:
    return "null" if kind == "null" else f"an {kind}" if kind[0] in "aeio" else f"a {kind}"


def _equals(value: Json, wanted: Json, now: datetime) -> str:
    if same(value, wanted):
        return ""
    return _is(value) if kind_of(value) == kind_of(wanted) else _is_kind(value, kind_of(wanted))


def _none_of(value: Json, unwanted: list[Json], now: datetime) -> str:
    """Refuse another type too: a number that stands where a text should proves nothing about the text."""
    if not comparable(value):
        return f"{_is(value)}, which cannot be compared"
    if any(same(value, item) for item in unwanted):
        return _is(value)
    kinds = {kind_of(item) for item in unwanted} - {"null"}
    if kinds and kind_of(value) not in kinds:
        return _is_kind(value, " or ".join(sorted(kinds)))
    return ""


def _not_equals(value: Json, unwanted: Json, now: datetime) -> str:
    return _none_of(value, [unwanted], now)


def _one_of(value: Json, wanted: list[Json], now: datetime) -> str:
    return "" if any(same(value, item) for item in wanted) else _is(value)


def _number_operator(holds: Callable[[Any, Any], bool]) -> Operator:
    def judge(value: Json, bound: Any, now: datetime) -> str:
        if kind_of(value) != "number":
            return _is_kind(value, "number")
        if not math.isfinite(value):
            return f"{_is(value)}, which cannot be compared"
        return "" if holds(value, bound) else _is(value)

    return judge


def _matches(value: Json, regex: str, now: datetime) -> str:
    if not isinstance(value, str):
        return _is_kind(value, "string")
    return "" if found(value, regex) else _is(value)


def _not_matches(value: Json, regex: str, now: datetime) -> str:
    if not isinstance(value, str):
        return _is_kind(value, "string")
    return "" if found(value, regex) is False else _is(value)


def _contains(value: Json, wanted: Json, now: datetime) -> str:
    kind = kind_of(value)
    if kind == "array":
        return "" if any(same(item, wanted) for item in value) else _is(value)
    if kind in ("string", "object") and isinstance(wanted, str):
        return "" if wanted in value else _is(value)
    return _is_kind(value, "string" if isinstance(wanted, str) else "array")


def _not_contains(value: Json, unwanted: Json, now: datetime) -> str:
    """Refuse a list whose items are of another type (`["15"]` does not clear a leak of 15), and an object.

    An object whose keys alone were looked at is not cleared; `exists: false` on a path says that a key is absent.
    """
    kind = kind_of(value)
    if kind == "array":
        strangers = [item for item in value if kind_of(item) != kind_of(unwanted)]
        if strangers:
            return f"holds {_a(kind_of(strangers[0]))} where only {_a(kind_of(unwanted))} can be compared ({shown(value, 60)})"
        return _is(value) if not comparable(value) or any(same(item, unwanted) for item in value) else ""
    if kind == "string" and isinstance(unwanted, str):
        return _is(value) if unwanted in value else ""
    return _is_kind(value, "string or array" if isinstance(unwanted, str) else "array")


def _type(value: Json, wanted: tuple[str, ...], now: datetime) -> str:
    kinds = {kind_of(value)}
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        kinds |= {"integer"} if not isinstance(value, bool) else set()
    if kinds == {"number"} and not math.isfinite(value):
        return _is(value)
    return "" if kinds & set(wanted) else _is_kind(value, " or ".join(wanted))


def _length(value: Json, wanted: Any, now: datetime) -> str:
    if kind_of(value) not in ("string", "array", "object"):
        return f"is {_a(kind_of(value))} and has no length ({shown(value, 60)})"
    return "" if wanted.holds(len(value)) else f"has the length {len(value)}"


def _empty(value: Json, wanted: bool, now: datetime) -> str:
    if kind_of(value) not in ("string", "array", "object"):
        return f"is {_a(kind_of(value))} and has no length ({shown(value, 60)})"
    return "" if (len(value) == 0) is wanted else _is(value)


def _schema(value: Json, schema_text: str, now: datetime) -> str:
    if not comparable(value):
        return f"{_is(value)}, which holds a number that is none"
    first = next(schema_validator(schema_text).iter_errors(value), None)
    if first is None:
        return ""
    place = "/".join(str(part) for part in first.instance_path)
    return f"does not fit the schema{f' at {place}' if place else ''}: {shown(first.message)[1:-1]}"


def _contract(value: Json, name: str, now: datetime) -> str:
    return _schema(value, catalogue.find(name).text, now).replace("the schema", f"the contract {name}", 1)


def instant(value: Json) -> datetime | None:
    """Return the instant of an ISO 8601 text with an offset, or None for anything else."""
    if not isinstance(value, str) or len(value) < 20:  # shortest: 2026-01-01T00:00:00Z
        return None
    try:
        read = datetime.fromisoformat(value.upper())  # RFC 3339 section 5.6: a small z is an offset too
    except ValueError:
        return None
    return read if read.tzinfo is not None else None


def _newer_than(value: Json, age_s: float, now: datetime) -> str:
    at = instant(value)
    if at is None:
        return f"is no ISO 8601 time with an offset ({shown(value, 60)})"
    return "" if at >= now - timedelta(seconds=age_s) else f"{_is(value)}, {(now - at).total_seconds():.0f} s ago"


def _within(value: Json, distance_s: float, now: datetime) -> str:
    at = instant(value)
    if at is None:
        return f"is no ISO 8601 time with an offset ({shown(value, 60)})"
    away = abs((now - at).total_seconds())
    return "" if away <= distance_s else f"{_is(value)}, {away:.0f} s away from now"


OPERATORS: Mapping[str, Operator] = {
    "equals": _equals,
    "not_equals": _not_equals,
    "lt": _number_operator(lambda value, bound: value < bound),
    "le": _number_operator(lambda value, bound: value <= bound),
    "gt": _number_operator(lambda value, bound: value > bound),
    "ge": _number_operator(lambda value, bound: value >= bound),
    "matches": _matches,
    "not_matches": _not_matches,
    "contains": _contains,
    "not_contains": _not_contains,
    "one_of": _one_of,
    "none_of": _none_of,
    "type": _type,
    "length": _length,
    "empty": _empty,
    "json_schema": _schema,
    "contract": _contract,
    "newer_than": _newer_than,
    "within": _within,
}
