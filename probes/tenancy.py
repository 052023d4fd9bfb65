"""This file is for how a scenario writes tenants, and how it says that an answer came from the cache."""

from __future__ import annotations

import re
from typing import Any

from pydantic import ConfigDict, Field, field_validator, model_validator

from probes.cache_keys import key_regex
from probes.expect import JsonPath
from probes.fields import Configured, KeyRef
from probes.jsonpath import find
from probes.net.answer import Answer
from probes.operators import found, pattern, same
from probes.outcome import Json
from probes.request import names_in


class Tenant(Configured):
    """One tenant; what stands beside `id` and `marker` fills `{{tenant.<name>}}` in the request."""

    model_config = ConfigDict(frozen=True, extra="allow")

    id: str | int  # the tenant's id, `{{tenant.id}}`
    marker: Any = None  # the tenant's value at the scenario's `marker` path, typed; default: its id

    @property
    def name(self) -> str:
        return str(self.id)

    @property
    def own_marker(self) -> Json:
        return self.marker if "marker" in self.model_fields_set else self.id


class Colliding(Configured):
    """Values of one tenant that, written after one another, read like another tenant's (1 and 50, 15 and 0)."""

    model_config = ConfigDict(frozen=True, extra="allow")

    tenant: str | int  # the id of one of the tenants; the other keys fill `{{tenant.<name>}}`


class CachedWhen(Configured):
    """How an answer from the cache is known: by a header, a JSON value, keys that appear, or by its speed."""

    header: str | None = None  # a header that tells, such as X-Cache
    json_path: JsonPath | None = Field(None, alias="json")  # the JSONPath of a value that tells
    matches: str | None = None  # a regular expression on the header's or the JSON value's text, found anywhere
    equals: Any = None  # what the header or the value is, typed
    exists: bool = True  # the value is there and not null; `exists: false` turns it round
    keys: KeyRef | None = None  # the source of cache keys in which a key must appear
    pattern: str | None = None  # of the tenant's keys, with {{tenant.id}}
    faster_by: float | None = Field(None, gt=1)  # the median of cold answers is so many times that of warm ones

    @field_validator("matches")
    @classmethod
    def _regex(cls, value: str | None) -> str | None:
        if value is not None:
            pattern(value)
        return value

    @model_validator(mode="after")
    def _one_way(self) -> CachedWhen:
        if sum(way is not None for way in (self.header, self.json_path, self.keys, self.faster_by)) != 1:
            raise ValueError("give one of 'header', 'json', 'keys' and 'faster_by'")
        if (self.keys is None) != (self.pattern is None):
            raise ValueError("'keys' and 'pattern' belong together")
        if self.pattern is not None:
            refuse_pattern(self.pattern)
        return self

    @property
    def in_answer(self) -> bool:
        return self.header is not None or self.json_path is not None

    def says(self, answer: Answer, document: Json) -> bool:
        """Say whether this sign is in the answer."""
        if self.header is not None:
            value: Json = answer.header(self.header)
        else:
            value = next(iter(find(self.json_path or "$", document)), None)
        if value is None or not self.exists:
            return (value is None) != self.exists
        if self.matches is not None:
            return bool(found(value if isinstance(value, str) else str(value), self.matches))
        return same(value, self.equals) if "equals" in self.model_fields_set else True

    def describe(self) -> str:
        if self.faster_by is not None:
            return f"response times, {self.faster_by:g} times faster"
        return f"header '{self.header}'" if self.header else f"'{self.json_path}'" if self.json_path else f"keys '{self.pattern}'"


class Keys(Configured):
    """Where the names of cache keys are read, and what they look like."""

    source: KeyRef  # the source of cache keys
    pattern: str  # of one tenant's keys, with {{tenant.id}}; with {{unique.date}} it tells our keys from other people's
    all: str | None = None  # of all tenants' keys, also those without an id; default: the pattern with * for the tenant

    @model_validator(mode="after")
    def _with_tenant(self) -> Keys:
        refuse_pattern(self.pattern)
        return self


def refuse_pattern(text: str) -> None:
    """Raise ValueError for a pattern of keys that cannot tell tenants apart, or is none."""
    if not any(name.startswith("tenant.") for name in names_in(text)):
        raise ValueError("'pattern' should hold {{tenant.id}}, else it cannot tell one tenant's keys from another's")
    try:
        key_regex(re.sub(r"\{\{[^{}]*\}\}", "x", text), {}, any_tenant=False)
    except re.error as problem:
        raise ValueError(f"'{text}' is not a pattern of keys: {problem}") from None


def one_or_many(value: object) -> object:
    """Return a list of what is written, as one entry or as several."""
    return value if isinstance(value, list | tuple) else [value]
