"""This file is for asking a model's type annotations which keys may stand where."""

from __future__ import annotations

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel


def known_fields(model: Any, loc: tuple[Any, ...]) -> set[str]:
    """Return the keys that may stand at a place below a model, over all branches of unions on the way."""
    types = list(_flat(model))
    for part in loc:
        below = [inner for one in types for inner in _inside(one, part)]
        types = below or types
    return {f.alias or n for one in types if _is_model(one) for n, f in one.model_fields.items()}


def _flat(annotation: Any) -> Iterator[Any]:
    """Yield the members of a union, with Annotated taken off."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _flat(get_args(annotation)[0])
    elif origin is Union or origin is UnionType:
        for member in get_args(annotation):
            yield from _flat(member)
    else:
        yield annotation


def _inside(annotation: Any, part: Any) -> Iterator[Any]:
    args = get_args(annotation)
    if _is_model(annotation):
        for name, info in annotation.model_fields.items():
            if part in (name, info.alias):
                yield from _flat(info.annotation)
    elif get_origin(annotation) is dict and len(args) == 2:
        yield from _flat(args[1])
    elif isinstance(part, int) and args:
        for arg in args:
            yield from _flat(arg)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
