"""This file is for parameters that nobody reads: one that is misspelt, or given twice, must not be passed over in silence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

from fastapi import Request
from fastapi.dependencies.models import Dependant
from pydantic import BaseModel

from vedette.service.problems import Problem


async def exact(request: Request) -> None:
    """Refuse parameters that a route of the API does not know, and those that are given twice. Raises: Problem 422."""
    given = [name for name, _ in request.query_params.multi_items()]
    if not given or not request.url.path.startswith("/api/"):
        return
    known = parameters(request.scope["route"].dependant)
    if any(name not in known for name in given):
        those = f"it knows {', '.join(known)}" if known else "it knows none"
        raise Problem(422, f"there is a parameter behind the '?' that this does not know; {those}")
    if any(given.count(name) > 1 and not known[name] for name in set(given)):
        raise Problem(422, "a parameter behind the '?' is given twice; give each once")


def parameters(dependant: Dependant) -> Mapping[str, bool]:
    """Return the names of what a route reads behind the `?`, and whether each may be given several times."""
    return dict(_read_by(dependant))


def _read_by(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    for field in dependant.query_params:
        annotation = field.field_info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):  # each of its fields is a parameter
            yield from ((inner.alias or name, _is_list(inner.annotation)) for name, inner in annotation.model_fields.items())
        else:
            yield field.alias, _is_list(annotation)
    for below in dependant.dependencies:
        yield from _read_by(below)


def _is_list(annotation: Any) -> bool:
    origin = get_origin(annotation)
    return origin in (list, tuple, set, frozenset) or any(_is_list(part) for part in get_args(annotation))
