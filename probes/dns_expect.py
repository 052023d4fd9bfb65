"""This file is for what a scenario expects of a name server's records."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from pydantic import GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from probes.bounds import Bounds
from probes.dns_answers import Answered, plain
from probes.fields import Configured
from probes.matchers import Selection, TextMatcher
from probes.operators import shown
from probes.outcome import Check, check
from probes.request import fill, has_places


class Records(Configured):
    """The records that there must be: one, a list of all of them, or a mapping of what must hold."""

    equals: tuple[str, ...] | None = None  # exactly these, in any order
    contains: tuple[str, ...] = ()  # these among others
    any: TextMatcher | None = None  # at least one record is like this
    every: TextMatcher | None = None  # each record is like this
    count: Bounds | None = None  # so many records

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return {k: [v] if k in ("equals", "contains") and isinstance(v, str) else v for k, v in value.items()}
        return {"equals": value if isinstance(value, list) else [value]}

    @model_validator(mode="after")
    def _something(self) -> Records:
        if not self.model_fields_set or self.equals == ():
            raise ValueError("give a record, a list of records, or at least one of 'equals', 'contains', 'any', 'every', 'count'")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        whole = handler.resolve_ref_schema(handler(schema))
        texts = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
        properties = {name: texts if name in ("equals", "contains") else part for name, part in whole["properties"].items()}
        return {"anyOf": [*texts["anyOf"], {**whole, "properties": properties}]}

    def unusable(self, sort: str) -> str:
        """Return the first record that cannot be one of this type, or an empty text."""
        if sort not in ("A", "AAAA"):
            return ""
        return next((text for text in (*(self.equals or ()), *self.contains) if not has_places(text) and not _is(sort, text)), "")

    def filled(self, values: Mapping[str, Any]) -> Records:
        """Return the records with every `{{name}}` replaced. Raises: UnknownVariable."""
        if not has_places(self):
            return self
        update: dict[str, Any] = {
            name: tuple(map(str, fill(getattr(self, name) or (), values))) for name in ("equals", "contains")
        }
        update["equals"] = update["equals"] or None
        for name in ("any", "every"):
            matcher = getattr(self, name)
            update[name] = matcher.filled(values) if matcher else None
        return self.model_copy(update=update)

    def judge(self, said: Answered, now: datetime) -> Iterator[Check]:
        """Judge the records by all that was given."""
        what, have = f"{said.sort} of {said.host}", said.records
        observed, proof = ", ".join(have[:8]) or "no record", said.as_evidence()
        if self.equals is not None:
            want = sorted({plain(said.sort, text) for text in self.equals})
            say = f"{said.host} leads to {observed} instead of {', '.join(want)} ({said.sort} as told by {said.server})"
            yield check(
                "the records are these",
                holds=sorted(set(have)) == want,
                expected=", ".join(want),
                observed=observed,
                say=say,
                evidence=proof,
            )
        missing = [text for text in self.contains if plain(said.sort, text) not in have]
        if self.contains:
            say = f"{what} lacks {', '.join(missing)}: {said.server} says {observed}"
            want_text = ", ".join(self.contains)
            yield check(
                "the records are there", holds=not missing, expected=want_text, observed=observed, say=say, evidence=proof
            )
        if self.count is not None:
            say = f"{what} has {len(have)} records, expected that their number {self.count}: {said.server} says {observed}"
            yield check(
                "there are as many records",
                holds=self.count.holds(len(have)),
                expected=str(self.count),
                observed=observed,
                say=say,
            )
        for matcher, whole in ((self.any, False), (self.every, True)):
            if matcher is not None:
                yield _alike(matcher, said, now, whole=whole)


def _alike(matcher: TextMatcher, said: Answered, now: datetime, *, whole: bool) -> Check:
    unlike = [text for text in said.records if not all(f.holds for f in matcher.judge(Selection([text]), now))]
    phrase = " and ".join(f.phrase for f in matcher.judge(Selection([""]), now))
    holds = bool(said.records) and (not unlike if whole else len(unlike) < len(said.records))
    what = f"{said.sort} records of {said.host}"
    which = "each record" if whole else "a record"
    first = shown(unlike[0]) if unlike else "no record"
    say = f"the {what} are not as they should be: expected that {which} {phrase}, {said.server} says {first}"
    return check(f"{which} {phrase}", holds=holds, expected=phrase, observed=", ".join(map(shown, said.records[:4])), say=say)


def _is(sort: str, text: str) -> bool:
    try:
        return ipaddress.ip_address(text).version == (4 if sort == "A" else 6)
    except ValueError:
        return False
