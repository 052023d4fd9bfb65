"""This file is for matchers: what a scenario expects of a value, as a plain value or as a mapping of operators."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import Field, GetJsonSchemaHandler, PrivateAttr, field_validator, model_validator
from pydantic_core import CoreSchema

from probes.bounds import Bounds
from probes.contracts.catalogue import BodyContractName
from probes.fields import Configured, Duration
from probes.operators import OPERATORS, comparable, pattern, schema_validator, shown
from probes.outcome import Json
from probes.request import fill, has_places, names_in

JsonType = Literal["null", "boolean", "integer", "number", "string", "array", "object"]

_ORDER = ("lt", "le", "gt", "ge")
_REGEXES = ("matches", "not_matches")
_NEGATIVE = ("not_equals", "not_matches", "not_contains", "none_of")
_PHRASES = {
    "equals": "equals {}",
    "not_equals": "is not {}",
    "lt": "is below {}",
    "le": "is at most {}",
    "gt": "is above {}",
    "ge": "is at least {}",
    "matches": "matches {}",
    "not_matches": "does not match {}",
    "contains": "contains {}",
    "not_contains": "does not contain {}",
    "one_of": "is one of {}",
    "none_of": "is none of {}",
    "type": "is of type {}",
    "length": "has a length that {}",
    "json_schema": "fits the schema",
    "contract": "fits the contract {}",
    "newer_than": "is a time not older than {} s",
    "within": "is a time within {} s of now",
}


@dataclass(frozen=True, slots=True)
class Selection:
    """The values that were found where a matcher looks. `trouble` says why nothing could be looked at.

    `hollow` marks a text that is there but empty (a body): it cannot clear anything, so negative operators fail.
    """

    values: Sequence[Json] = ()
    trouble: str = ""
    hollow: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What one operator said. `phrase` reads after the name of the value: `equals 'ok'`; `reason` too: `is 'down'`."""

    phrase: str
    holds: bool
    observed: str
    reason: str = ""
    soft: bool = False


class Matcher(Configured):
    """What a value should be: a plain value for "equals this", or operators, all of which must hold.

    Every operator fails where there is no value, or one of another type. Only `exists: false` and
    `count: 0` hold where a path selects nothing, and only in JSON that could be read.
    """

    equals: Any = None  # typed: "007" is not 7, true is not 1; 1 is 1.0
    not_equals: Any = None  # another value, of the same type
    lt: float | str | None = None  # below; a number, or "{{name}}" of one
    le: float | str | None = None  # at most
    gt: float | str | None = None  # above
    ge: float | str | None = None  # at least
    matches: str | None = None  # a regular expression (linear time, no look-around), found anywhere
    not_matches: str | None = None  # text in which the expression is found nowhere
    contains: Any = None  # a part of a text, an item of an array, or a key of an object
    not_contains: Any = None  # none of these parts, items or keys is in it
    one_of: list[Any] | None = Field(default=None, min_length=1)  # equals one of these
    none_of: list[Any] | None = Field(default=None, min_length=1)  # equals none of these, and is of their type
    type: JsonType | list[JsonType] | None = None  # is of this type, or one of these
    count: Bounds | None = None  # how many values the path selects
    length: Bounds | None = None  # of a text, an array or an object
    exists: bool | None = None  # true: there is a value, null included; false: there is none
    empty: bool | None = None  # a text, array or object of length 0
    json_schema: dict[str, Any] | bool | None = Field(default=None, alias="schema")  # a JSON Schema that the value fits
    contract: BodyContractName | None = None  # the name of a bundled contract that the value fits, such as travel-ready
    newer_than: Duration | None = None  # an ISO 8601 time with offset that is not older than this
    within: Duration | None = None  # the same, at most this far from now in either direction

    _operators: list[tuple[str, Any, str]] = PrivateAttr(default_factory=list)  # name, operand, phrase
    _open: bool = PrivateAttr(default=False)

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: Any) -> Any:
        return value if isinstance(value, dict | Matcher) else {"equals": value}

    @field_validator(*_ORDER, mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        if isinstance(value, str) and names_in(value) and not re.sub(r"\{\{[^{}]*\}\}", "", value).strip():
            return value
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"should be a number, not {shown(value, 60)}")
        return value

    @field_validator(*_REGEXES)
    @classmethod
    def _regex(cls, value: str | None) -> str | None:
        if value is not None:
            pattern(_without_places(value))
        return value

    @field_validator("json_schema")
    @classmethod
    def _usable_schema(cls, value: Any) -> Any:
        if value is not None:
            schema_validator(_as_key(value))
        return value

    @model_validator(mode="after")
    def _usable(self) -> Matcher:
        given = self.model_fields_set
        if not given:
            raise ValueError("give a value, or at least one operator such as 'equals'")
        for name in given - {"equals", "not_equals", "contains", "not_contains"}:
            if getattr(self, name) is None:
                raise ValueError(f"'{name}' has no value")
        if self.exists is False and given != {"exists"}:
            raise ValueError("'exists: false' cannot stand beside other operators")
        if not all(comparable(getattr(self, name)) for name in given):
            raise ValueError("NaN and infinity cannot be compared with anything")
        operands = ((name, self._operand(name)) for name in OPERATORS if name in given)
        self._operators = [(name, operand, _phrase(name, operand)) for name, operand in operands]
        self._open = has_places(self)
        return self

    def _operand(self, name: str) -> Any:
        operand = getattr(self, name)
        if name == "type":
            return (operand,) if isinstance(operand, str) else tuple(operand)
        return _as_key(operand) if name == "json_schema" else operand

    def filled(self, values: Mapping[str, Any]) -> Matcher:
        """Return the matcher with every `{{name}}` replaced. Raises: UnknownVariable; ValueError for a misfit."""
        if not self._open:
            return self
        parts: dict[str, Any] = {}
        for name in self.model_fields_set:
            given = getattr(self, name)
            # What comes into a regular expression is text to be found, never an expression.
            parts[name] = _fill_regex(given, values) if name in _REGEXES else fill(given, values)
        if "json_schema" in parts:
            parts["schema"] = parts.pop("json_schema")
        return type(self).model_validate(parts)

    def judge(self, found: Selection, now: datetime) -> Iterator[Finding]:
        """Judge the selected values by each operator given; `now` is the instant of the answer."""
        if self.exists is not None:
            yield _exists(found, self.exists)
        if self.count is not None:
            yield _count(found, self.count)
        for name, operand, phrase in self._operators:
            yield self._judge_one(name, operand, phrase, found, now)

    def _judge_one(self, name: str, operand: Any, phrase: str, found: Selection, now: datetime) -> Finding:
        if found.trouble:
            return Finding(phrase, False, found.trouble, found.trouble)
        if found.hollow and name in _NEGATIVE:
            return Finding(phrase, False, "empty", "is empty, which clears nothing")
        if not found.values:
            return Finding(phrase, False, "no value", "is missing")
        for place, value in enumerate(found.values, 1):
            seen = self._seen(name, value)
            try:
                reason = OPERATORS[name](seen, operand, now)
            except RecursionError:
                reason = "is nested too deeply to be judged"
            if reason:
                which = f" (value {place} of {len(found.values)})" if len(found.values) > 1 else ""
                return Finding(phrase, False, shown(value), reason + which)
        observed = shown(found.values[0]) if len(found.values) == 1 else f"{len(found.values)} values, each of which does"
        return Finding(phrase, True, observed)

    def _seen(self, name: str, value: Json) -> Json:
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"type": ["null", "boolean", "number", "string", "array"]}, handler(schema)]}


class TextMatcher(Matcher):
    """A matcher of text (a header, a body), where a plain decimal number may be compared by `lt`, `le`, `gt`, `ge`."""

    @field_validator("equals", "not_equals", "contains", "not_contains", "one_of", "none_of")
    @classmethod
    def _text_only(cls, value: Any) -> Any:
        for item in value if isinstance(value, list) else [value]:
            if not isinstance(item, str):
                raise ValueError(f"is compared with text: write '{item}' in quotes")
        return value

    def _seen(self, name: str, value: Json) -> Json:
        if name in _ORDER and isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,15})?", value.strip()):
            return float(value)
        return value


def _exists(found: Selection, wanted: bool) -> Finding:
    phrase = "is there" if wanted else "is not there"
    if found.trouble:
        return Finding(phrase, False, found.trouble, found.trouble)
    there = bool(found.values)
    observed = shown(found.values[0]) if there else "no value"
    reason = "is missing" if wanted else f"is there: {shown(found.values[0])}" if there else ""
    return Finding(phrase, there is wanted, observed, reason)


def _count(found: Selection, wanted: Bounds) -> Finding:
    phrase = f"selects a number of values that {wanted}"
    if found.trouble:
        return Finding(phrase, False, found.trouble, found.trouble)
    many, holds = len(found.values), wanted.holds(len(found.values))
    first = f", such as {shown(found.values[0], 60)}" if many and not holds else ""
    return Finding(phrase, holds, f"{many} value{'' if many == 1 else 's'}", f"selects {many}{first}")


def _phrase(name: str, operand: Any) -> str:
    if name == "empty":
        return "is empty" if operand else "is not empty"
    return _PHRASES[name].format(_operand_text(name, operand))


def _operand_text(name: str, operand: Any) -> str:
    if name in ("newer_than", "within"):
        return f"{operand:g}"
    if name == "contract":
        return str(operand)
    if name == "type":
        return " or ".join(operand)
    return str(operand) if isinstance(operand, Bounds) else shown(operand, 80)


def _as_key(schema: Any) -> str:
    try:
        return json.dumps(schema, sort_keys=True)
    except (TypeError, ValueError) as problem:
        raise ValueError(f"this is not a usable JSON Schema: {problem}") from problem


def _without_places(text: str) -> str:
    return re.sub(r"\{\{[^{}]*\}\}", "x", text)


def _fill_regex(text: str, values: Mapping[str, Any]) -> str:
    return re.sub(r"\{\{[^{}]*\}\}", lambda place: re.escape(str(fill(f"_{place.group()}", values))[1:]), text)
