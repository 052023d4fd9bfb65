"""This file is for bounds on what we measure ourselves: counts, sizes, durations, days."""

from __future__ import annotations

import math
from typing import Any

from pydantic import Field, GetJsonSchemaHandler, field_validator, model_validator
from pydantic_core import CoreSchema

from probes.fields import Configured, parse_duration

_WORDS = {"equals": "equals", "lt": "is below", "le": "is at most", "gt": "is above", "ge": "is at least"}


class Bounds(Configured):
    """How many: a number, or a mapping such as `{ge: 1, lt: 10}`."""

    equals: float | None = Field(default=None, allow_inf_nan=False)  # exactly
    lt: float | None = Field(default=None, allow_inf_nan=False)  # below
    le: float | None = Field(default=None, allow_inf_nan=False)  # at most
    gt: float | None = Field(default=None, allow_inf_nan=False)  # above
    ge: float | None = Field(default=None, allow_inf_nan=False)  # at least

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: Any) -> Any:
        return value if isinstance(value, dict | Bounds) else {cls._plain_means(): value}

    @field_validator("equals", "lt", "le", "gt", "ge", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        return cls._read(value)

    @model_validator(mode="after")
    def _something(self) -> Bounds:
        if all(bound is None for bound in self._given().values()):
            raise ValueError("give a number, or at least one of 'equals', 'lt', 'le', 'gt', 'ge'")
        return self

    @classmethod
    def _read(cls, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float | None):
            raise ValueError("should be a number")
        return value

    @classmethod
    def _plain_means(cls) -> str:
        return "equals"

    @classmethod
    def _unit(cls) -> str:
        return ""

    def _given(self) -> dict[str, float | None]:
        return {"equals": self.equals, "lt": self.lt, "le": self.le, "gt": self.gt, "ge": self.ge}

    def holds(self, value: float | None) -> bool:
        """Tell whether the value keeps every bound; what was not measured, or is no number, keeps none."""
        if value is None or not math.isfinite(value):
            return False
        return (
            (self.equals is None or value == self.equals)
            and (self.lt is None or value < self.lt)
            and (self.le is None or value <= self.le)
            and (self.gt is None or value > self.gt)
            and (self.ge is None or value >= self.ge)
        )

    def __str__(self) -> str:
        given = [(name, bound) for name, bound in self._given().items() if bound is not None]
        return " and ".join(f"{_WORDS[name]} {bound:g}{self._unit()}" for name, bound in given)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"type": "number"}, handler(schema)]}


class DurationBounds(Bounds):
    """How long: a duration that may not be exceeded, or a mapping such as `{lt: 250ms}`."""

    @classmethod
    def _read(cls, value: Any) -> Any:
        return None if value is None else parse_duration(value)

    @classmethod
    def _plain_means(cls) -> str:
        return "le"

    @classmethod
    def _unit(cls) -> str:
        return " s"

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"type": ["number", "string"]}, _texts_too(handler.resolve_ref_schema(handler(schema)))]}


class AtLeast(Bounds):
    """How many there must be at least: a number, or a mapping such as `{gt: 14}`."""

    @classmethod
    def _plain_means(cls) -> str:
        return "ge"


def _texts_too(schema: dict[str, Any]) -> dict[str, Any]:
    durations = {name: {"type": ["number", "string"]} for name in schema.get("properties", {})}
    return {**schema, "properties": durations}
