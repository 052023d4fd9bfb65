"""This file is for the field types that probe kinds, targets and scenarios share."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)
from pydantic_core import CoreSchema, core_schema

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_PLAIN = (str, int, float, bool, type(None))
_SHARED_AT_MOST = 5000
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Configured(BaseModel):
    """The base of everything that is read from a file: frozen, and a key nobody knows is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        """Read private attributes directly: pydantic looks for each as a missing one first, and a tick reads a dozen."""
        super().__pydantic_init_subclass__(**options)
        for name in cls.__private_attributes__:
            setattr(cls, name, property(partial(_private, name)))

    def __deepcopy__(self, memo: object = None) -> Self:
        """Return itself: it is frozen, and pydantic would copy a default for each of ten thousand scenarios."""
        return self

    def __eq__(self, other: object) -> bool:
        """Compare what was read from the file, and nothing that was made of it since, such as a request that was sent before."""
        if not isinstance(other, Configured) or type(self) is not type(other):
            return NotImplemented
        mine, theirs = self.__dict__, other.__dict__
        same = mine == theirs or all(mine[name] == theirs[name] for name in type(self).model_fields)
        return same and self.__pydantic_extra__ == other.__pydantic_extra__


class OrText(Configured):
    """The base of what may be written as one text, too: editors learn it by this, and the class reads it by a validator."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"type": "string"}, handler(schema)]}


def _private(name: str, model: Configured) -> Any:
    try:
        return model.__pydantic_private__[name]  # type: ignore[index]
    except (KeyError, TypeError):  # not made yet: let pydantic say so
        raise AttributeError(name) from None


def parse_duration(value: object) -> float:
    """Return seconds from `250ms`, `1.5s`, `5m`, `2h`, `1d`, `1h30m`, or a bare number of seconds.

    Raises: ValueError for anything else, and for a negative or boolean value.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf:
        return float(value)
    if isinstance(value, str):
        text = value.strip()
        parts = _DURATION.findall(text)
        seconds = sum(float(number) * _UNIT_S[unit] for number, unit in parts)
        if parts and "".join(_DURATION.sub("", text).split()) == "" and seconds < math.inf:
            return seconds
    raise ValueError("should be a duration such as 250ms, 1.5s, 5m or 2h")


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    WithJsonSchema(
        {
            "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^(\d+(\.\d+)?\s*(ms|s|m|h|d)\s*)+$"}],
            "description": "a duration: 250ms, 1.5s, 5m, 2h, or a number of seconds",
        }
    ),
]


def shared() -> WrapValidator:
    """Return the mark of a field that many scenarios say alike, such as `expect: {status: 200}`: equal text, one object.

    It saves half of the memory of a suite with thousands of scenarios. What holds a value of the environment
    (`Expanded`), or anything but plain YAML, is never shared.
    """
    made: dict[str, Any] = {}

    def as_before(value: Any, make: ValidatorFunctionWrapHandler) -> Any:
        if not _plain_yaml(value):
            return make(value)
        key = repr(value)
        if key not in made:
            if len(made) >= _SHARED_AT_MOST:
                made.clear()
            made[key] = make(value)
        return made[key]

    return WrapValidator(as_before)


def _plain_yaml(value: Any) -> bool:
    kind = type(value)
    if kind is dict:
        return all(type(key) is str and _plain_yaml(item) for key, item in value.items())
    if kind is list:
        return all(_plain_yaml(item) for item in value)
    return kind in _PLAIN


@dataclass(frozen=True, slots=True)
class Ref:
    """Marks a field that names something of the target; `to` is `evidence` or `faults`.

    `sort` is the name of the class that an evidence source must be of, such as `LogSource`.
    """

    to: str
    sort: str = ""


EvidenceRef = Annotated[str, Ref("evidence")]
LogRef = Annotated[str, Ref("evidence", "LogSource")]
KeyRef = Annotated[str, Ref("evidence", "KeySource")]
SampleRef = Annotated[str, Ref("evidence", "SampleSource")]
RowRef = Annotated[str, Ref("evidence", "RowSource")]
ApiRef = Annotated[str, Ref("evidence", "ApiSource")]
AlertmanagerRef = Annotated[str, Ref("evidence", "Alertmanager")]
FaultRef = Annotated[str, Ref("faults")]


class Expanded(str):
    """Text in which `${NAME}` was replaced; `template` is the text as the file has it."""

    template: str

    def __new__(cls, value: str, template: str) -> Expanded:
        made = super().__new__(cls, value)
        made.template = template
        return made


class Secret:
    """A value that may be used but never shown: its text is `***` everywhere but in `reveal`.

    In a file it can only be written as `${NAME}` or `{file: PATH}`; `origin` keeps that form.
    """

    __slots__ = ("_value", "origin")

    def __init__(self, value: str, origin: str = "") -> None:
        self._value = value
        self.origin = origin

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return f"Secret({self.origin or '***'})"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    @classmethod
    def _read(cls, value: Any) -> Secret:
        if isinstance(value, Secret):
            return value
        if isinstance(value, Expanded):
            return cls(str(value), value.template)
        if isinstance(value, dict) and set(value) == {"file"} and isinstance(value["file"], str):
            try:
                return cls(Path(value["file"]).read_text(encoding="utf-8").rstrip("\r\n"), f"file:{value['file']}")
            except (OSError, UnicodeDecodeError) as problem:
                raise ValueError(f"the secret file '{value['file']}' could not be read ({type(problem).__name__})") from None
        raise ValueError("a secret may not stand in the file; write ${NAME} or {file: PATH}")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._read, serialization=core_schema.plain_serializer_function_ser_schema(_origin_of)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {
            "description": "a secret: ${NAME} from the environment, or {file: PATH}",
            "anyOf": [
                {"type": "string", "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}"},
                {
                    "type": "object",
                    "properties": {"file": {"type": "string"}},
                    "required": ["file"],
                    "additionalProperties": False,
                },
            ],
        }


def _read_header(value: object) -> object:
    """Take a value that came from the environment or a file for a secret; literal text stays text."""
    return Secret._read(value) if isinstance(value, Expanded | dict) else value


HeaderValue = Annotated[str | Secret, BeforeValidator(_read_header)]


def _origin_of(secret: Secret) -> Any:
    """Return what stands in the file, so that a dump can be written to disk and read again."""
    if secret.origin.startswith("file:"):
        return {"file": secret.origin[5:]}
    return secret.origin or "***"
