"""This file is for what an HTTP status should be: a code, a class of codes, or any matcher."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pydantic import GetJsonSchemaHandler, field_validator, model_validator
from pydantic_core import CoreSchema

from probes.matchers import Finding, Matcher, Selection

_CODE = re.compile(r"[1-5](xx|[0-9][0-9])")


class StatusMatcher(Matcher):
    """A status code, a class such as `2xx`, a list of those, or a mapping of operators."""

    codes: tuple[str, ...] = ()  # codes and classes, one of which it must be

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: Any) -> Any:
        return value if isinstance(value, dict | Matcher) else {"codes": value if isinstance(value, list | tuple) else [value]}

    @field_validator("codes", mode="before")
    @classmethod
    def _known(cls, value: Any) -> Any:
        for code in value:
            if isinstance(code, bool) or not _CODE.fullmatch(str(code).lower()):
                raise ValueError(f"'{code}' is no HTTP status; give a number such as 200, or a class such as 2xx")
        if not value:
            raise ValueError("give at least one status")
        return tuple(str(code).lower() for code in value)

    def judge(self, found: Selection, now: datetime) -> Iterator[Finding]:
        if self.codes:
            status = str(found.values[0])
            holds = any(status == code or (code.endswith("xx") and status[0] == code[0]) for code in self.codes)
            yield Finding(f"is {' or '.join(self.codes)}", holds, status, f"is {status}")
        yield from super().judge(found, now)

    def holds(self, status: int) -> bool:
        """Tell whether this status would be accepted."""
        return all(finding.holds for finding in self.judge(Selection([status]), datetime.now(UTC)))

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        code = {"anyOf": [{"type": "integer", "minimum": 100, "maximum": 599}, {"type": "string", "pattern": "^[1-5]xx$"}]}
        return {"anyOf": [*code["anyOf"], {"type": "array", "items": code, "minItems": 1}, handler(schema)]}
