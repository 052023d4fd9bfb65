"""This file is for the reference of all that a suite may say, made from the models and the comments beside their fields."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from probes.bounds import AtLeast, Bounds, DurationBounds
from probes.capture import Capture
from probes.evidence.source import EvidenceSource
from probes.expect import Expectation
from probes.faults.lever import Lever
from probes.fields import Ref, Secret, parse_duration
from probes.matchers import Matcher, TextMatcher
from probes.probe import Probe
from probes.registry import KINDS, LEVERS, SOURCES, Registry
from probes.request import RequestTemplate
from probes.status import StatusMatcher
from probes.target import Grant, Target
from scenarios.burn_in import BurnInPhase
from scenarios.maintenance import RecurringWindow
from scenarios.meanings import comments_in, meanings
from scenarios.model import ScenarioKeys
from scenarios.schema import suite_schema
from vedette.exit_codes import Exit

# Parts that many kinds share are explained once, under these names.
PARTS: Mapping[str, type[BaseModel]] = {
    "target": Target,
    "scenario": ScenarioKeys,
    "request": RequestTemplate,
    "expectation": Expectation,
    "operators": Matcher,
    "bounds": Bounds,
    "capture": Capture,
    "burn_in": BurnInPhase,
    "maintenance": RecurringWindow,
}
_SHORT: Mapping[type[BaseModel], str] = {
    RequestTemplate: "request",
    Expectation: "expectation",
    Matcher: "value or operators",
    TextMatcher: "value or operators",
    StatusMatcher: "status, list of statuses, or operators",
    Bounds: "number or bounds",
    AtLeast: "number or bounds",
    DurationBounds: "duration or bounds",
    Capture: "capture",
    EvidenceSource: "evidence source",
    Lever: "fault lever",
}
_WORDS: Mapping[Any, str] = {
    bool: "true or false", int: "whole number", float: "number", str: "text", date: "date",
    Path: "path of a file", Any: "any value", Secret: "secret",
}  # fmt: skip
NAMES_AT_RUN_TIME: Mapping[str, str] = {
    "nonce": "12 lower-case hexadecimal digits, fresh for each attempt at a scenario",
    "run_id": "the id of the run",
    "now": "the time, ISO 8601 in UTC",
    "today": "the date in UTC; also `today+7d`, `today-1d` and the like, up to 9999 days",
    "vars": "`vars.name` is a value under `vars` of the target",
}


@dataclass(frozen=True, slots=True)
class Key:
    """One key as a person writes it: its path, what stands there, what holds without it, what it means."""

    path: str
    type: str
    default: str
    meaning: str
    depth: int = 0


def keys_of(model: type[BaseModel]) -> Iterator[Key]:
    """Yield every key of a model, each followed by those below it; shared parts are not gone into.

    What is explained once, such as an element of a page, is referred to where it comes again.
    """
    yield from _keys(model, "", 0, {}, {})


def _keys(
    model: type[BaseModel], path: str, depth: int, seen: dict[type[BaseModel], str], told: Mapping[str, str]
) -> Iterator[Key]:
    """Yield the keys but those that mean what was `told`; `seen` is where each model was explained."""
    mean = meanings(model)
    for name, field in model.model_fields.items():
        if (model, name) == (Target, "name") or (name in told and told[name] == mean.get(name)):
            continue  # a target's name is its key in a file
        here = f"{path}{field.alias or name}"
        inner = list(_models_below(field.annotation, here))
        like = next((base for one, _ in inner for base in one.__mro__ if base in seen), None)
        kind = _type(field.annotation, field.metadata, field.default)
        if like is not None:
            kind = kind.replace("mapping", f"mapping as {seen[like]}", 1)
        yield Key(here, kind, _default(field), mean.get(name, ""), depth)
        for one, below in inner:
            base = next((base for base in one.__mro__ if base in seen), None)
            seen.setdefault(one, here)
            if base is not one:
                yield from _keys(one, below, depth + 1, seen, meanings(base) if base else {})


def needs(kind: type[Probe]) -> str:
    """Return which grants a kind needs, for a person."""
    always = ", ".join(sorted(kind.grants))
    by_option = kind.needs is not Probe.needs
    return f"grant {always}" if always else "no grant, unless an option asks for one" if by_option else "no grant"


def markdown() -> str:
    """Return the whole reference, which is `docs/probes.md`."""
    parts = [
        "# Reference\n\nKinds, sources, levers and every key of a suite. Written by `vedette probes --markdown`, not by hand.\n",
        *_chapter("Probe kinds", "", _all(KINDS)),
        "## Shared parts\n",
        *(_section(name, PARTS[name]) for name in ("request", "expectation", "operators", "bounds", "capture")),
        *_chapter("Evidence sources", "`source:` names one of these.\n", _all(SOURCES)),
        *_chapter("Fault levers", "`lever:` names one of these.\n", _all(LEVERS)),
        "## Keys of a suite\n",
        _table(("key", "meaning"), ((f"`{k}`", _described(v)) for k, v in suite_schema()["properties"].items())),
        "## Keys of a target\n",
        _keys_table(Target),
        "### Grants\n",
        _table(("grant", "permits"), ((f"`{g}`", comments_in(Grant).get(g.name, "")) for g in Grant)),
        "## Keys of a scenario\n\nBeside these: `probe` names the kind, `use` names fragments, and the kind's own options.\n",
        _keys_table(ScenarioKeys),
        "## Keys of a phase\n\nOf the list `burn_in`.\n",
        _keys_table(BurnInPhase),
        "## Keys of a recurring window\n\nOf the list `maintenance`.\n",
        _keys_table(RecurringWindow),
        "## Names at run time\n\n`{{name}}` in a request or an expectation. Kinds add names of their own.\n",
        _table(("name", "value"), ((f"`{{{{{name}}}}}`", value) for name, value in NAMES_AT_RUN_TIME.items())),
        "## Exit codes\n\nThe worst wins, in the order of the rows.\n",
        _table(("code", "meaning"), ((str(int(code)), code.meaning) for code in Exit)),
    ]
    return "\n".join(parts)


def _all(registry: Registry[Any]) -> Iterator[tuple[str, type[BaseModel]]]:
    for name in registry.names():
        found = registry.find(name)
        if found is not None:
            yield name, found


def _chapter(title: str, about: str, models: Iterator[tuple[str, type[BaseModel]]]) -> Iterator[str]:
    yield f"## {title}\n"
    if about:
        yield about
    yield from (_section(name, model) for name, model in models)


def _section(name: str, model: type[BaseModel]) -> str:
    grants = f"\n\nNeeds {needs(model)}." if issubclass(model, Probe) else ""
    return f"### {name}\n\n{inspect.getdoc(model) or ''}{grants}\n\n{_keys_table(model)}"


def _keys_table(model: type[BaseModel]) -> str:
    return _table(("key", "type", "default", "meaning"), ((f"`{k.path}`", k.type, k.default, k.meaning) for k in keys_of(model)))


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def _described(schema: Mapping[str, Any]) -> str:
    return str(schema.get("description", ""))


def _models_below(annotation: Any, path: str) -> Iterator[tuple[type[BaseModel], str]]:
    """Yield the models that stand in a type and are explained where they stand, each with the path of its keys."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if annotation not in _SHORT:
            yield annotation, f"{path}."
        return
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in (list, tuple, frozenset):
        yield from _models_below(args[0], f"{path}[]")
    elif origin is dict:
        yield from _models_below(args[1], f"{path}.NAME")
    elif origin is Annotated:
        yield from _models_below(args[0], path)
    elif origin in (Union, UnionType):
        for member in args:
            yield from _models_below(member, path)


def _type(annotation: Any, metadata: Any = (), default: Any = None) -> str:
    """Return what may stand there, for a person. `null` is named only where it says something else than the default."""
    for mark in metadata:
        if isinstance(mark, Ref):
            return "name of an evidence source" if mark.to == "evidence" else "name of a fault"
        if isinstance(mark, BeforeValidator) and mark.func is parse_duration:
            return "duration"
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(args[0], args[1:])
    if origin in (Union, UnionType):
        members = [_type(a) for a in args if a is not type(None)]
        null = ["null"] if type(None) in args and default is not None else []
        return " or ".join(dict.fromkeys([*members, *null]))
    if origin is Literal:
        return _choice([str(a) for a in args])
    if origin in (list, tuple, frozenset):
        return f"list of {_type(args[0])}"
    if origin is dict:
        return f"mapping of {'names' if args[0] is str else _type(args[0])} to {_type(args[1])}"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _choice([str(member.value) for member in annotation])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _SHORT.get(annotation, "mapping")
    return _WORDS.get(annotation, str(annotation)) + _range(metadata)


def _choice(words: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _range(metadata: Any) -> str:
    words = {Gt: "above", Ge: "from", Lt: "below", Le: "to"}
    bounds = sorted((m for m in metadata if type(m) in words), key=lambda m: list(words).index(type(m)))
    said = [f"{words[type(m)]} {_number(getattr(m, type(m).__name__.lower()))}" for m in bounds]
    return f" {' '.join(said)}" if said else ""


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:g}"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default_factory is os.getcwd:
        return "default the folder where it is started"
    value = field.get_default(call_default_factory=True)
    is_duration = _type(field.annotation, field.metadata) == "duration"
    text = _duration(value) if is_duration and value is not None else _shown(value)
    return f"default {text}" if text else "optional"


def _shown(value: Any) -> str:
    if isinstance(value, StatusMatcher):
        return " or ".join(value.codes)
    if isinstance(value, BaseModel):
        given = (n for n in type(value).model_fields if n in value.model_fields_set)
        return ", ".join(f"{name}: {_shown(getattr(value, name))}" for name in given)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, set | frozenset):
        return ", ".join(sorted(_shown(item) for item in value))
    if isinstance(value, list | tuple | dict):
        return ", ".join(_shown(item) for item in value)
    return "" if value is None else str(value)


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:g}ms" if 0 < seconds < 1 else f"{seconds:g}s"
