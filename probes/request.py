"""This file is for requests as a scenario writes them, with `{{name}}` where a value comes in at run time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, Field, PrivateAttr, model_validator

from probes.fields import ApiRef, Configured, Duration
from probes.signing import Signing, body_text

Made = TypeVar("Made")

_PLACE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_METHOD = r"^[A-Za-z]{1,20}$"


class UnknownVariable(ValueError):
    """A `{{name}}` has no value at run time. `name` is the name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no value for '{{{{{name}}}}}'")
        self.name = name


def has_places(value: Any) -> bool:
    """Return whether a `{{name}}` stands anywhere in a value or in what was given of a model, at any depth."""
    if isinstance(value, str):
        return "{{" in value and bool(names_in(value))
    if isinstance(value, BaseModel):
        return any(has_places(getattr(value, name)) for name in value.model_fields_set)
    if isinstance(value, Mapping):
        return any(has_places(key) or has_places(item) for key, item in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return any(has_places(item) for item in value)
    return False


def names_in(text: str) -> list[str]:
    """Return the names of all `{{name}}` places in a text, in order."""
    return _PLACE.findall(text)


def fill(value: Any, values: Mapping[str, Any]) -> Any:
    """Return `value` with each `{{name}}` replaced, in texts at any depth, keys included.

    A text that is nothing but one place takes the value as it is, so that numbers stay numbers and `"007"`
    stays text; elsewhere the value's text form is put in. Raises: UnknownVariable.
    """
    if isinstance(value, str):
        return _fill_text(value, values)
    if isinstance(value, Mapping):
        return {str(_fill_text(str(key), values)): fill(item, values) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [fill(item, values) for item in value]
    return value


def _fill_text(text: str, values: Mapping[str, Any]) -> Any:
    if "{{" not in text:
        return text
    whole = _PLACE.fullmatch(text)
    if whole:
        return _value(whole.group(1), values)
    return _PLACE.sub(lambda place: _as_text(_value(place.group(1), values)), text)


def _value(name: str, values: Mapping[str, Any]) -> Any:
    if name in values:
        return values[name]
    head, dot, rest = name.partition(".")
    inner = values.get(head)
    if dot and isinstance(inner, Mapping):
        return _value(rest, inner)
    raise UnknownVariable(name)


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


class RequestTemplate(Configured):
    """One HTTP request: a path below the target's base address (or a full address), and at most one body.

    `json`, `form` and `body` exclude each other. `anonymous: true` sends neither the target's credentials
    nor its default headers. `follow_redirects` counts the hops allowed, each checked by the egress policy.
    What is asked `at` an evidence source gets that source's credentials, and is only read (GET or HEAD).
    """

    method: str = Field("GET", pattern=_METHOD)  # GET, POST and so on
    at: ApiRef | None = None  # an evidence source with an HTTP API, such as `grafana`, that is asked instead of the target
    path: str = "/"  # below the target's `base_url` (the source's `url`), or a full address
    query: dict[str, Any] = Field(default_factory=dict)  # encoded and added to the path
    headers: dict[str, str] = Field(default_factory=dict)  # laid over the target's own
    cookies: dict[str, str] = Field(default_factory=dict)  # sent as one Cookie header
    json_body: Any = Field(None, alias="json")  # a body of JSON
    form: dict[str, Any] | None = None  # a body of form fields, URL-encoded
    body: str | None = None  # a body of plain text, as it stands
    anonymous: bool = False  # true: without the target's credentials and default headers
    follow_redirects: int | None = Field(None, ge=0, le=20)  # hops at most; default: the target's `limits.redirects`
    timeout: Duration | None = None  # of the exchange; default: the target's `limits.request`
    sign: Signing | None = None  # signs the body with a secret that the target shares, as webhooks are

    _open: bool = PrivateAttr(default=True)
    _prepared: Any = PrivateAttr(default=None)  # what the sender made of it before; only where nothing is to be filled in

    @model_validator(mode="after")
    def _one_body(self) -> RequestTemplate:
        given = [n for n, v in (("json", self.json_body), ("form", self.form), ("body", self.body)) if v is not None]
        if len(given) > 1:
            raise ValueError(f"give only one of {' and '.join(repr(n) for n in given)}")
        if self.at is not None and self.method.upper() not in ("GET", "HEAD"):
            raise ValueError(f"'at' an evidence source is only read, by GET or HEAD, not by {self.method.upper()}")
        self._open = has_places(self)
        return self

    def filled(self, values: Mapping[str, Any]) -> RequestTemplate:
        """Return the request with every `{{name}}` replaced. Raises: UnknownVariable."""
        if not self._open:
            return self
        parts = fill(
            {
                "path": self.path,
                "query": self.query,
                "cookies": self.cookies,
                "json": self.json_body,
                "form": self.form,
                "body": self.body,
            },
            values,
        )
        headers = {key: str(_as_text(value)) for key, value in fill(self.headers, values).items()}
        made = self.model_copy(
            update={
                "path": str(parts["path"]),
                "query": parts["query"],
                "headers": headers,
                "cookies": {k: _as_text(v) for k, v in parts["cookies"].items()},
                "json_body": parts["json"],
                "form": parts["form"],
                "body": None if parts["body"] is None else _as_text(parts["body"]),
            }
        )
        made._prepared = None
        return made

    def signed(self, now_s: float) -> RequestTemplate:
        """Return the filled request with its signature, made at that time in seconds since 1970."""
        if self.sign is None:
            return self
        body, content_type = body_text(self.json_body, self.form, self.body)
        own = self.sign.header.lower()
        given = {name: value for name, value in self.headers.items() if name.lower() != own}
        is_typed = not content_type or any(name.lower() == "content-type" for name in given)
        typed = {} if is_typed else {"Content-Type": content_type}
        headers = {**typed, **given, **self.sign.headers(body, int(now_s))}
        return self.exactly(json_body=None, form=None, body=body, headers=headers, sign=None)

    def exactly(self, **changes: Any) -> RequestTemplate:
        """Return a copy in which nothing is filled in any more, so that `{{7*7}}` goes over the wire as it stands.

        `changes` are values of fields, by their names in Python; they are not checked.
        """
        made = self.model_copy(update=changes)
        made._open, made._prepared = False, None
        return made

    def prepared(self, key: object, make: Callable[[], Made]) -> Made:
        """Return what `make` returned before for the same key, where no place is to be filled in; else make it anew."""
        if self._open:
            return make()
        if self._prepared is None or self._prepared[0] != key:
            self._prepared = (key, make())
        return self._prepared[1]  # type: ignore[no-any-return]
