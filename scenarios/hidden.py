"""This file is for what a run knows and must not show: the secrets of its target, of its probes and of the environment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from inspect import isabstract
from typing import TYPE_CHECKING, Any, get_args
from urllib.parse import unquote

from pydantic import BaseModel

from probes.fields import Secret

if TYPE_CHECKING:
    from probes.probe import Probe
    from probes.redact import Redactor
    from probes.target import Target
    from scenarios.model import Suite

_NAME = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)")
_USER_INFO = re.compile(r"://[^\s/?#@:]*:([^\s/?#]+)@")
_IN_QUERY = re.compile(r"[?&;]password=([^&;#\s]+)", re.IGNORECASE)


def secrets_of(suite: Suite, target: Target, probes: Iterable[Probe]) -> tuple[tuple[str, str], ...]:
    """Return (value, label) of all that a run of these probes at that target must not show."""
    return (*secrets_in([target, *probes]), *suite.secrets)


def redactor_of(values: Iterable[tuple[str, str]]) -> Redactor:
    """Return a redactor that knows these values by their labels."""
    from probes.redact import Redactor

    redactor = Redactor()
    for value, label in values:
        redactor.add(value, label)
    return redactor


def passwords_in(value: str) -> Iterator[str]:
    """Yield the password of an address such as `redis://user:password@host`, as it stands and decoded."""
    for found in (*_USER_INFO.findall(value), *_IN_QUERY.findall(value)):
        yield from {found, unquote(found)}


def secrets_in(value: Any) -> Iterator[tuple[str, str]]:
    """Yield (value, label) of every secret in a model, at any depth."""
    if isinstance(value, Secret):
        name = _NAME.search(value.origin)
        label = name.group(1).lower() if name else "secret"
        yield value.reveal(), label
        yield from ((password, label) for password in passwords_in(value.reveal()))
    elif isinstance(value, BaseModel):
        if may_hold_secret(type(value)):
            for field in type(value).model_fields:
                yield from secrets_in(getattr(value, field))
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from secrets_in(inner)
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from secrets_in(inner)


@cache
def may_hold_secret(annotation: Any) -> bool:
    """Return whether a value of this type can hold a Secret: most kinds cannot, and suites may hold thousands of them.

    Under `Any` stands plain YAML, which holds none; a type that may be any model, such as a base of plug-ins, may.
    """
    return _finds_secret(annotation, set())


def _finds_secret(annotation: Any, seen: set[Any]) -> bool:
    if annotation is Secret or annotation is BaseModel:
        return True
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if isabstract(annotation):
            return True
        if annotation in seen:
            return False
        seen.add(annotation)
        return any(_finds_secret(field.annotation, seen) for field in annotation.model_fields.values())
    return any(_finds_secret(inner, seen) for inner in get_args(annotation))
