"""This file is for taking a value out of an answer, so that a later step can use it as it came."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StringConstraints, field_validator, model_validator

from probes.expect import JsonPath
from probes.fields import Configured
from probes.jsonpath import find
from probes.operators import found, pattern
from probes.request import names_in

if TYPE_CHECKING:
    from probes.session import Answer

CaptureName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]

_REGEX_TIME_S = 0.5  # the engine with groups backtracks; it may not hold up the other probes


class Capture(Configured):
    """Where a value is taken from: give one of `json`, `header`, `regex` and `cookie`.

    A JSON value keeps its type: `"007"` stays text. Of a regular expression it is the first group, or the
    whole match where there is none.
    """

    json_path: JsonPath | None = Field(default=None, alias="json")  # a JSONPath in the body
    header: str | None = None  # the name of a header
    regex: str | None = None  # a regular expression, found in the body
    cookie: str | None = None  # the name of a cookie that the answer sets
    secret: bool = False  # the value is never shown, in no report, log line or error

    @field_validator("regex")
    @classmethod
    def _usable(cls, value: str | None) -> str | None:
        if value is not None:
            pattern(value)  # refuses what the linear engine does not know
            _engine(value)
        return value

    @model_validator(mode="after")
    def _one_place(self) -> Capture:
        given = [n for n in (self.json_path, self.header, self.regex, self.cookie) if n is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of 'json', 'header', 'regex' and 'cookie'")
        if self.json_path is not None and names_in(self.json_path):
            raise ValueError("the path of a capture cannot hold '{{name}}'")
        return self

    def __str__(self) -> str:
        if self.json_path is not None:
            return self.json_path
        if self.header is not None:
            return f"header {self.header}"
        return f"cookie {self.cookie}" if self.cookie is not None else f"the body by {self.regex}"

    def take(self, answer: Answer) -> tuple[Any, str]:
        """Return the value and an empty text, or nothing and why nothing was found. Null and an empty text are nothing."""
        value, trouble = self._found(answer)
        if not trouble and (value is None or value == ""):
            return None, f"there is {'null' if value is None else 'an empty text'} at {self}"
        return value, trouble

    def _found(self, answer: Answer) -> tuple[Any, str]:
        if self.json_path is not None:
            return _from_json(self.json_path, answer)
        if self.header is not None:
            value = answer.header(self.header)
            return value, "" if value is not None else f"there is no header '{self.header}'"
        if self.cookie is not None:
            value = answer.cookies.get(self.cookie)
            return value, "" if value is not None else f"there is no cookie '{self.cookie}'"
        return _by_regex(self.regex or "", answer.text)


def _from_json(path: str, answer: Answer) -> tuple[Any, str]:
    try:
        values = find(path, answer.json())
    except ValueError as problem:
        return None, str(problem)
    if len(values) == 1:
        return values[0], ""
    return None, f"{path} selects {len(values)} values, not one" if values else f"there is nothing at {path}"


@lru_cache(256)
def _engine(expression: str) -> Any:
    """Compile for an engine that knows groups and, unlike the standard one, a time limit. Raises: ValueError."""
    import regex  # type: ignore[import-untyped]  # imported here: few scenarios capture by expression

    try:
        return regex.compile(expression)
    except regex.error as problem:
        raise ValueError(f"'{expression}' is not a regular expression: {problem}") from problem


def _by_regex(expression: str, text: str) -> tuple[Any, str]:
    nothing = f"the body holds nothing that matches '{expression}'"
    if not found(text, expression):  # linear time: most misses end here
        return None, nothing
    try:
        match = _engine(expression).search(text, timeout=_REGEX_TIME_S)
    except TimeoutError:
        return None, f"matching '{expression}' took longer than {_REGEX_TIME_S:g} s"
    if match is None:
        return None, nothing
    value = match.group(1) if match.re.groups else match.group()
    return value, "" if value is not None else f"the group of '{expression}' matched nothing"
