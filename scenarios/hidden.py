"""This file is for what a run knows and must not show: the secrets of its target, of its probes and of the environment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from probes.fields import Secret

_NAME = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)")


def secrets_in(value: Any) -> Iterator[tuple[str, str]]:
    """Yield (value, label) of every secret in a model, at any depth."""
    if isinstance(value, Secret):
        name = _NAME.search(value.origin)
        yield value.reveal(), name.group(1).lower() if name else "secret"
    elif isinstance(value, BaseModel):
        for field in type(value).model_fields:
            yield from secrets_in(getattr(value, field))
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from secrets_in(inner)
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from secrets_in(inner)
