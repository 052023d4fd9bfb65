"""This file is for writing configured things down without their secrets, and reading them back with the secrets found anew."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from probes.faults.lever import LeverError
from probes.fields import Expanded, Secret
from probes.pii import names_a_secret

# `$${` is the literal `${`, as in suite files; else the name, and what stands for it when it is unset or empty
_PLACE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_HIDDEN = "***"  # how a Secret without an origin is dumped by pydantic


class JournalError(LeverError):
    """An undo could not be written down or read back. As nothing may be broken without it, no lever is moved."""


def dump(value: Any, where: str) -> Any:
    """Return JSON values in which secrets and texts from the environment stand as they do in the suite's file."""
    if isinstance(value, Secret):
        return _origin(value, where)
    if isinstance(value, Expanded):
        return value.template
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return {info.alias or name: dump(getattr(value, name), f"{where}.{name}") for name, info in fields.items()}
    if isinstance(value, Mapping):
        return {dump(str(key), where): dump(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [dump(item, where) for item in value]
    if isinstance(value, str):
        return str(value).replace("${", "$${")
    return to_jsonable_python(value)


def _origin(secret: Secret, where: str) -> Any:
    if secret.origin.startswith("file:"):
        return {"file": str(Path(secret.origin[5:]).resolve())}  # a restore may run in another folder
    if not secret.origin:
        raise JournalError(
            f"{where} holds a secret that comes neither from the environment nor from a file, so its undo "
            "cannot be written down without it; write ${NAME} or {file: PATH}"
        )
    return secret.origin


def refuse_hidden(value: Any, where: str) -> None:
    if isinstance(value, Secret) or value == _HIDDEN:
        raise JournalError(f"{where} holds a secret without an origin, which may not be written down")
    for item in value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ():
        refuse_hidden(item, where)


def expand(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(expand(key)): expand(item) for key, item in value.items()}
    if isinstance(value, list):
        return [expand(item) for item in value]
    if isinstance(value, str) and _PLACE.search(value):
        text = _PLACE.sub(_from_environment, value)
        return Expanded(text, value) if any(place.group(1) for place in _PLACE.finditer(value)) else text
    return value


def secrets_behind(value: Any) -> Iterator[tuple[str, str]]:
    """Yield (value, label) of each variable in a dump that is a secret by its name, for redaction."""
    if isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from secrets_behind(item)
    elif isinstance(value, str):
        names = {place.group(1) for place in _PLACE.finditer(value)}
        yield from ((os.environ[name], name.lower()) for name in names if name in os.environ and names_a_secret(name))


def _from_environment(place: re.Match[str]) -> str:
    name, default = place.group(1), place.group(2)
    if name is None:
        return "${"
    found = os.environ.get(name) or default  # empty counts as unset, as in suite files
    if found is None:
        raise JournalError(f"the environment variable '{name}' is not set, and the undo needs it")
    return found
