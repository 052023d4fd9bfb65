"""This file is for the keys of a suite that say how it is watched: `burn_in` and `maintenance`, every mistake at its line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from scenarios.burn_in import MOST_PHASES, BurnInPhase
from scenarios.crosscheck import Draft
from scenarios.maintenance import RecurringWindow
from scenarios.mistakes import Mistake, Place, near_or_known
from scenarios.source import Listing, Node, Scalar, Table, plain
from scenarios.validation import validate

WATCHING_KEYS = ("burn_in", "maintenance")
Model = TypeVar("Model", BurnInPhase, RecurringWindow)


def read_watching(
    nodes: Mapping[str, Node], mistakes: list[Mistake], *, targets: Sequence[str], drafts: Sequence[Draft]
) -> dict[str, Any]:
    """Return what the suite says, by key. What it does not say has its default in the model."""
    found: dict[str, Any] = {}
    if "burn_in" in nodes:
        found["burn_in"] = _phases(nodes["burn_in"], mistakes)
    if "maintenance" in nodes:
        found["maintenance"] = _windows(nodes["maintenance"], mistakes, targets, drafts)
    return found


def _phases(node: Node, mistakes: list[Mistake]) -> tuple[BurnInPhase, ...]:
    found = _listed(BurnInPhase, "burn_in", "phases", node, mistakes)
    items = node.items if isinstance(node, Listing) else ()
    if isinstance(node, Listing) and not items:
        mistakes.append(Mistake("'burn_in' should not be empty", node.place, "leave it out for the usual phases", "burn_in"))
    if len(items) > MOST_PHASES:
        place = items[MOST_PHASES].place
        mistakes.append(Mistake(f"'burn_in' has {len(items)} phases", place, f"at most {MOST_PHASES}", "burn_in"))
    return found


def _windows(node: Node, mistakes: list[Mistake], targets: Sequence[str], drafts: Sequence[Draft]) -> tuple[RecurringWindow, ...]:
    found = _listed(RecurringWindow, "maintenance", "windows", node, mistakes)
    known = {
        "targets": set(targets),
        "scenarios": {draft.name for draft in drafts if draft.name},
        "tags": {tag for draft in drafts for tag in _texts(plain(draft.table.get("tags") or Listing((), node.place)))},
    }
    mistakes += _unknown_names(node, known)
    return found


def _listed(model: type[Model], key: str, word: str, node: Node, mistakes: list[Mistake]) -> tuple[Model, ...]:
    if not isinstance(node, Listing):
        mistakes.append(Mistake(f"'{key}' should be a list of {word}", node.place, path=key))
        return ()
    found = []
    for number, item in enumerate(node.items):
        path = f"{key}[{number}]"
        if not isinstance(item, Table):
            mistakes.append(Mistake(f"item {number + 1} of '{key}' should be a mapping", item.place, path=path))
            continue
        made = validate(model, item, path, mistakes)
        found += [made] if made is not None else []
    mistakes += _twice_named(key, word, node)
    return tuple(found)


def _twice_named(key: str, word: str, node: Listing) -> Iterator[Mistake]:
    """Yield a mistake for each name that is taken: a phase is waited for by its name, a window is told by it."""
    first: dict[str, Place] = {}
    for number, item in enumerate(node.items):
        name = item.get("name") if isinstance(item, Table) else None
        if not isinstance(name, Scalar) or not isinstance(name.value, str):
            continue
        if name.value in first:
            remedy = f"the first stands in line {first[name.value].line}"
            yield Mistake(f"two {word} are named '{name.value}'", name.place, remedy, f"{key}[{number}].name")
        first.setdefault(name.value, name.place)


def _unknown_names(node: Node, known: Mapping[str, set[str]]) -> Iterator[Mistake]:
    for number, item in enumerate(node.items if isinstance(node, Listing) else ()):
        for key, names in known.items():
            listing = item.get(key) if isinstance(item, Table) else None
            for place, name in enumerate(listing.items if isinstance(listing, Listing) else ()):
                if not isinstance(name, Scalar) or not isinstance(name.value, str) or name.held or name.value in names:
                    continue
                say = f"no scenario has the tag '{name.value}'" if key == "tags" else f"there is no {key[:-1]} '{name.value}'"
                path = f"maintenance[{number}].{key}[{place}]"
                yield Mistake(say, name.place, near_or_known(name.value, names), path)


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
