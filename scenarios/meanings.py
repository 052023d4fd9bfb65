"""This file is for what the keys of a model mean: read from the comments beside its fields, the one place where that stands."""

from __future__ import annotations

import ast
import inspect
import io
import linecache
import tokenize
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, get_args

from pydantic import BaseModel


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """Return what each field means, by its name: the comment behind it, or the comment lines right above it.

    A field may take several lines; a comment above and one behind are read as one. Base classes come first.
    A `description=` of the field wins. What is undescribed is left out.
    """
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            found |= comments_in(base)
    described = {name: field.description for name, field in model.model_fields.items() if field.description}
    return {name: text for name, text in found.items() if name in model.model_fields} | described


def models_in(annotation: Any, seen: set[Any] | None = None) -> Iterator[type[BaseModel]]:
    """Yield every model that stands in a type, at any depth, each once."""
    seen = set() if seen is None else seen
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if annotation in seen:
            return
        seen.add(annotation)
        yield annotation
        for field in annotation.model_fields.values():
            yield from models_in(field.annotation, seen)
    for inner in get_args(annotation):
        yield from models_in(inner, seen)


def comments_in(thing: type) -> dict[str, str]:
    """Return the comments at the fields of one class, or the members of an enumeration, by name."""
    try:
        path = inspect.getsourcefile(thing)
    except TypeError:  # made in memory
        return {}
    return _comments_of(path).get(thing.__qualname__, {}) if path else {}


@lru_cache(256)
def _comments_of(path: str) -> dict[str, dict[str, str]]:
    """Return the comments of all classes of a file, by the class's qualified name. Each file is read once."""
    source = "".join(linecache.getlines(path))
    behind, alone = _comments(source)
    return {name: dict(_at_fields(node, behind, alone)) for name, node in _classes(ast.parse(source), "")}


def _classes(within: ast.AST, before: str) -> Iterator[tuple[str, ast.ClassDef]]:
    for node in ast.iter_child_nodes(within):
        if isinstance(node, ast.ClassDef):
            yield before + node.name, node
            yield from _classes(node, f"{before}{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _classes(node, f"{before}{node.name}.<locals>.")
        else:
            yield from _classes(node, before)


def _at_fields(node: ast.ClassDef, behind: dict[int, str], alone: dict[int, str]) -> Iterator[tuple[str, str]]:
    for statement in node.body:
        name = _name_set_by(statement)
        lines = range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
        parts = [*_above(alone, statement.lineno), *(behind[line] for line in lines if line in behind)]
        if name and parts:
            yield name, " ".join(parts)


def _name_set_by(statement: ast.stmt) -> str:
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return statement.target.id
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id
    return ""


def _comments(source: str) -> tuple[dict[int, str], dict[int, str]]:
    """Return the comments by line: those behind code, and those that stand alone. Directives to tools are none."""
    behind: dict[int, str] = {}
    alone: dict[int, str] = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        text = token.string.lstrip("# ").strip()
        if token.type == tokenize.COMMENT and not text.startswith(("type:", "noqa", "fmt:")):
            (alone if token.line.lstrip().startswith("#") else behind)[token.start[0]] = text
    return behind, alone


def _above(alone: dict[int, str], line: int) -> list[str]:
    first = line
    while first - 1 in alone:
        first -= 1
    return [alone[n] for n in range(first, line)]
