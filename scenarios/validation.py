"""This file is for turning pydantic's errors into mistakes at their place, in words for people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from probes.fields import Expanded
from scenarios.annotations import known_fields
from scenarios.mistakes import Mistake, Place, listed, looks_secret, near, near_or_known, without_password
from scenarios.source import Listing, Node, Scalar, Table, plain
from scenarios.variables import join

Model = TypeVar("Model", bound=BaseModel)
Loc = tuple[Any, ...]

_SHOULD = {
    "string_type": "should be text",
    "int_type": "should be a whole number",
    "int_parsing": "should be a whole number",
    "int_from_float": "should be a whole number",
    "float_type": "should be a number",
    "float_parsing": "should be a number",
    "bool_type": "should be true or false",
    "bool_parsing": "should be true or false",
    "list_type": "should be a list",
    "tuple_type": "should be a list",
    "set_type": "should be a list",
    "frozen_set_type": "should be a list",
    "dict_type": "should be a mapping",
    "mapping_type": "should be a mapping",
    "model_type": "should be a mapping",
    "model_attributes_type": "should be a mapping",
    "none_required": "should be left out",
    "greater_than": "should be more than {gt}",
    "greater_than_equal": "should be at least {ge}",
    "less_than": "should be less than {lt}",
    "less_than_equal": "should be at most {le}",
    "string_too_short": "should have at least {min_length} characters",
    "string_too_long": "should have at most {max_length} characters",
    "string_pattern_mismatch": "should match {pattern}",
    "too_short": "should have at least {min_length} items",
    "too_long": "should have at most {max_length} items",
    "enum": "should be {expected}",
    "literal_error": "should be {expected}",
}
_LISTS = frozenset({"list_type", "tuple_type", "set_type", "frozen_set_type"})
_MAPPINGS = frozenset({"model_type", "model_attributes_type"})
_SHOWN_KEYS = 14
_SHOWN_SIGNS = 40
_SHOWN_CHOICES = 20
_WRONG_SHAPE = frozenset(kind for kind in _SHOULD if kind.endswith(("_type", "_parsing")) or kind == "none_required")


@dataclass(frozen=True, slots=True)
class _Problem:
    """One error of pydantic with its place in our document. `branches` are the union members that pydantic tried."""

    kind: str
    doc: Loc
    branches: tuple[tuple[int, str], ...]
    message: str
    context: Mapping[str, Any]
    missing: str = ""
    of_key: bool = False  # the key of a mapping is wrong, not what stands under it


def validate(
    model: type[Model],
    node: Table,
    path: str,
    mistakes: list[Mistake],
    *,
    given: Mapping[str, Any] | None = None,
    also_known: Iterable[str] = (),
    key_place: Place | None = None,
    called: str = "this",
) -> Model | None:
    """Return the model that the table describes, or None with every reason appended to `mistakes`.

    `given` are values that do not come from the table; `also_known` are keys that belong to somebody else
    and are only for did-you-mean; `key_place` is where a missing key is reported. `called` is what it is, for sentences.
    """
    try:
        return model.model_validate({**plain(node), **(given or {})})
    except ValidationError as problem:
        found = [_problem(node, error) for error in problem.errors(include_url=False, include_input=False)]
        for one in _without_other_branches(found):
            mistakes.extend(_mistake(model, node, path, one, set(also_known), key_place, called))
        return None


def locate(node: Node, loc: Iterable[Any]) -> tuple[Node, Place, Loc]:
    """Return the deepest node on the way, the place of its key (or itself), and the part of the way that exists."""
    place, walked = node.place, []
    for part in loc:
        below = _child(node, part)
        if below is None:
            continue
        place = node.key_place(part) if isinstance(node, Table) else below.place
        node = below
        walked.append(part)
    return node, place, tuple(walked)


def doc_path(path: str, loc: Iterable[Any]) -> str:
    for part in loc:
        path = f"{path}[{part}]" if isinstance(part, int) else join(path, str(part))
    return path


def _child(node: Node, part: Any) -> Node | None:
    if isinstance(node, Table):
        return node.get(part) if isinstance(part, str) else None
    if isinstance(node, Listing) and isinstance(part, int) and part < len(node.items):
        return node.items[part]
    return None


def _problem(root: Node, error: Any) -> _Problem:
    node, doc, branches, missing = root, [], [], ""
    loc = error["loc"]
    of_key = len(loc) > 1 and loc[-1] == "[key]"
    for place, part in enumerate(loc[:-1] if of_key else loc):
        below = _child(node, part)
        if below is not None:
            node = below
            doc.append(part)
        elif error["type"] == "missing" and place == len(loc) - 1:
            missing = str(part)
        else:
            branches.append((len(doc), str(part)))
    message = str(error.get("ctx", {}).get("error", "")) or error["msg"]
    return _Problem(error["type"], tuple(doc), tuple(branches), message, error.get("ctx", {}), missing, of_key)


def _without_other_branches(problems: list[_Problem]) -> list[_Problem]:
    """Return the problems of the union member that was meant; where none stands out, one problem that names all.

    A member is out of the question where the value has another shape altogether.
    """
    groups: dict[tuple[Loc, int], dict[str, list[_Problem]]] = {}
    kept = []
    for problem in problems:
        if not problem.branches:
            kept.append(problem)
            continue
        depth, label = problem.branches[0]
        groups.setdefault((problem.doc[:depth], depth), {}).setdefault(label, []).append(problem)
    for (doc, _), by_label in groups.items():
        members = [[_peeled(p) for p in group] for group in by_label.values()]
        likely = [m for m in members if not all(p.kind in _WRONG_SHAPE and p.doc == doc for p in m)]
        if likely and not all(p.doc == doc and not p.missing for m in likely for p in m):
            kept += _without_other_branches(min(likely, key=len))
        else:
            kept.append(_joined(likely or members))
    return kept


def _peeled(problem: _Problem) -> _Problem:
    return replace(problem, branches=problem.branches[1:])


def _joined(members: list[list[_Problem]]) -> _Problem:
    first = members[0][0]
    wanted = list(dict.fromkeys(_should(p).removeprefix("should be ") for m in members for p in m if p.kind != "none_required"))
    text = wanted[0] if len(wanted) == 1 else ""
    message = f"should be {listed(wanted)}" if not text or text != _should(first) else text
    return _Problem("no_member", first.doc, (), message, {})


def _mistake(
    model: Any, root: Table, path: str, problem: _Problem, also_known: set[str], key_place: Place | None, called: str
) -> Iterator[Mistake]:
    node, place, _ = locate(root, problem.doc)
    where = doc_path(path, problem.doc)
    if problem.missing:
        at = place if problem.doc else key_place or _first_key(root)
        at = _first_key(node) if problem.doc and isinstance(problem.doc[-1], int) else at
        yield Mistake(f"'{problem.missing}' is missing", at, f"'{problem.missing}' must be given here", where)
        return
    if problem.kind == "extra_forbidden":
        known = known_fields(model, problem.doc[:-1]) | (also_known if len(problem.doc) == 1 else set())
        yield Mistake(f"unknown field '{problem.doc[-1]}'", place, near_or_known(str(problem.doc[-1]), known), where)
        return
    if _is_held(node) or _is_echo(node, problem):
        return
    name = _name(problem.doc) if problem.doc else called
    value_place = node.place if problem.doc else key_place or _first_key(root)
    if problem.of_key:
        yield Mistake(f"the key {name} is not right", place, _unexpanded(_should(problem), node), where)
        return
    if problem.kind == "value_error" and isinstance(node, Table):
        value_place = place if problem.doc else value_place
        yield Mistake(f"{name} is not right", value_place, _unexpanded(problem.message, node), where)
        return
    remedy = _unexpanded(_should(problem), node) + _of_what_shape(model, node, problem)
    yield Mistake(f"{name} cannot be {_found(node, problem)}", value_place, remedy, where)


def _of_what_shape(model: Any, node: Node, problem: _Problem) -> str:
    """Return how a list or a mapping would look, where something else stands in its place."""
    if not isinstance(node, Scalar) or problem.kind not in _LISTS | _MAPPINGS:
        return ""
    if problem.kind in _MAPPINGS:
        known = sorted(known_fields(model, problem.doc))
        return f"; known in it: {', '.join(known)}" if 0 < len(known) <= _SHOWN_KEYS else ""
    short = isinstance(node.value, str) and not isinstance(node.value, Expanded) and 0 < len(node.value) <= _SHOWN_SIGNS
    return f", such as [{node.value}]" if short and not any(looks_secret(str(part)) for part in problem.doc[-2:]) else ""


def _is_echo(node: Node, problem: _Problem) -> bool:
    """Return whether a list is called too short only because items of it are wrong, which is told of them."""
    return problem.kind == "too_short" and isinstance(node, Listing) and len(node.items) >= problem.context["min_length"]


def _should(problem: _Problem) -> str:
    if problem.kind in ("too_short", "string_too_short") and problem.context.get("min_length") == 1:
        return "should not be empty"
    if problem.kind in _SHOULD:
        return _SHOULD[problem.kind].format(**problem.context)
    text = problem.message.removeprefix("Value error, ").replace("Input should", "should")
    return text[:1].lower() + text[1:]


def _found(node: Node, problem: _Problem) -> str:
    """Return what stands there, in words; a value from the environment or a secret is not repeated."""
    if isinstance(node, Table):
        return "a mapping"
    if isinstance(node, Listing):
        return "a list"
    if isinstance(node.value, Expanded):
        return f"the value of '{node.value.template}'"
    keys = [str(part) for part in problem.doc]
    if any(looks_secret(key) for key in keys[-2:]) or "secret" in problem.message:
        return "this value"
    if node.value is None:
        return "empty"
    if isinstance(node.value, bool):
        return str(node.value).lower()
    text = without_password(str(node.value))
    return f"'{text if len(text) <= 60 else text[:59] + '…'}'" if isinstance(node.value, str) else text


def _unexpanded(text: str, node: Node) -> str:
    """Return a validator's sentence with the template where it repeats a value of the environment."""
    for value in _expanded_in(node):
        if value and len(value) >= 3:
            text = text.replace(str(value), value.template)
    options = re.findall(r"'([^']*)'", text) if text.startswith("should be '") else []
    if options and isinstance(node, Scalar) and isinstance(node.value, str) and not isinstance(node.value, Expanded):
        hint = near(node.value, options)
        return (hint if len(options) > _SHOWN_CHOICES else f"{hint} it {text}") if hint else text
    if text == "should be text" and isinstance(node, Scalar) and isinstance(node.value, bool | int | float):
        return "should be text: put it in quotes"
    return text


def _expanded_in(node: Node) -> Iterator[Expanded]:
    if isinstance(node, Table):
        for entry in node.entries.values():
            yield from _expanded_in(entry.node)
    elif isinstance(node, Listing):
        for item in node.items:
            yield from _expanded_in(item)
    elif isinstance(node.value, Expanded):
        yield node.value


def _is_held(node: Node) -> bool:
    """Return whether a variable without a value is in it: that is told itself, and what follows from it is noise."""
    if isinstance(node, Scalar):
        return node.held
    inner = [entry.node for entry in node.entries.values()] if isinstance(node, Table) else list(node.items)
    return any(isinstance(one, Scalar) and one.held for one in inner)


def _name(loc: Loc) -> str:
    numbers = [part for part in loc if isinstance(part, int)]
    if isinstance(loc[-1], int):
        words = [part for part in loc if isinstance(part, str)]
        return f"item {numbers[-1] + 1} of '{words[-1]}'" if words else f"item {numbers[-1] + 1}"
    return f"'{loc[-1]}'"


def _first_key(node: Node) -> Place:
    if isinstance(node, Table) and node.entries:
        places = [entry.place for entry in node.entries.values()]
        return next((p for p in places if p.line == node.place.line and p.file is node.place.file), places[0])
    return node.place
