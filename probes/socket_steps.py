"""This file is for what is said over a web socket as a suite writes it: messages sent, and messages expected."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from pydantic import Field, field_validator, model_validator

from probes.expect import JsonPath
from probes.fields import Configured, Duration, OrText
from probes.jsonpath import find
from probes.matchers import Finding, Matcher, Selection, TextMatcher
from probes.operators import shown
from probes.request import fill, names_in

_CODE = Field(default=None, ge=1000, le=4999)


class Message(OrText):
    """One message to send: a text, or a mapping with `text`, `json` or `binary`."""

    text: str | None = None  # as it stands
    json_value: Any = Field(default=None, alias="json")  # written as JSON
    binary: str | None = None  # bytes, in base64

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: Any) -> Any:
        return {"text": value} if isinstance(value, str) else value

    @field_validator("binary")
    @classmethod
    def _base64(cls, value: str | None) -> str | None:
        if value is not None:
            _bytes(value)
        return value

    @model_validator(mode="after")
    def _one(self) -> Message:
        if len(self.model_fields_set) != 1:
            raise ValueError("give one of 'text', 'json' and 'binary'")
        return self

    @property
    def holds_nonce(self) -> bool:
        return "nonce" in names_in(json.dumps([self.text, self.json_value], default=str))

    def filled(self, values: Mapping[str, Any]) -> str | bytes:
        """Return the message as it is sent. Raises: UnknownVariable."""
        if self.binary is not None:
            return _bytes(self.binary)
        if self.text is not None:
            return str(fill(self.text, values))
        return json.dumps(fill(self.json_value, values), ensure_ascii=False)


class Heard(OrText):
    """What a message must be: a text, or a mapping with `text`, `json` or `binary`."""

    text: TextMatcher | None = None  # of a text message as a whole
    json_values: dict[JsonPath, Matcher] = Field(default_factory=dict, alias="json")  # by RFC 9535 path
    binary: str | None = None  # the bytes of a binary message, in base64
    skip: int = Field(default=0, ge=0, le=1000)  # so many others may come before it, such as greetings

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: Any) -> Any:
        return {"text": value} if isinstance(value, str) else value

    @field_validator("binary")
    @classmethod
    def _base64(cls, value: str | None) -> str | None:
        if value is not None:
            _bytes(value)
        return value

    @model_validator(mode="after")
    def _one(self) -> Heard:
        if (self.text is not None) + bool(self.json_values) + (self.binary is not None) != 1:
            raise ValueError("give one of 'text', 'json' and 'binary'")
        return self

    def filled(self, values: Mapping[str, Any]) -> Heard:
        """Return the expectation with every `{{name}}` replaced. Raises: UnknownVariable; ValueError for a misfit."""
        return self.model_copy(
            update={
                "text": self.text.filled(values) if self.text else None,
                "json_values": {str(fill(path, values)): m.filled(values) for path, m in self.json_values.items()},
            }
        )

    def judge(self, message: str | bytes, now: datetime) -> Iterator[tuple[str, Finding]]:
        """Yield what each part of the expectation says of a message."""
        if self.binary is not None:
            wanted = _bytes(self.binary)
            reason = "" if message == wanted else f"is {described(message)}"
            yield "the message", Finding(f"is the {len(wanted)} bytes expected", not reason, described(message), reason)
            return
        found = Selection((), f"is {described(message)}") if isinstance(message, bytes) else Selection([message])
        if self.text is not None:
            yield from (("the message", finding) for finding in self.text.judge(found, now))
            return
        trouble, document = _document(message)
        for path, matcher in self.json_values.items():
            selected = Selection((), trouble) if trouble else _select(path, document)
            yield from ((path, finding) for finding in matcher.judge(selected, now))


class Step(Configured):
    """One thing said or heard. Give exactly one of the keys from `send` to `quiet`."""

    send: Message | None = None  # a message to send
    expect: Heard | None = None  # what the next message must be
    ping: bool | None = None  # true: a ping is answered by its pong
    closed: int | None = _CODE  # the other side closes with this code, whatever it says before
    quiet: Duration | None = Field(default=None, gt=0)  # so long nothing comes, and the socket stays open
    within: Duration | None = Field(default=None, gt=0)  # the step's time; default: that of the probe

    @model_validator(mode="after")
    def _one_deed(self) -> Step:
        given = [name for name in ("send", "expect", "ping", "closed", "quiet") if getattr(self, name) not in (None, False)]
        if len(given) != 1:
            raise ValueError("a step has one of 'send', 'expect', 'ping', 'closed' and 'quiet'")
        return self


def described(message: str | bytes) -> str:
    """Return a message for a person."""
    return f"{len(message)} bytes of binary" if isinstance(message, bytes) else shown(message)


def _document(message: str | bytes) -> tuple[str, Any]:
    if isinstance(message, bytes):
        return f"could not be looked for: the message is {described(message)}", None
    try:
        return "", json.loads(message)
    except (ValueError, RecursionError):
        return f"could not be looked for: the message is not JSON ({shown(message, 60)})", None


def _select(path: str, document: Any) -> Selection:
    try:
        return Selection(find(path, document))
    except ValueError as problem:
        return Selection((), f"could not be looked for: {problem}")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("should be bytes in base64") from None
