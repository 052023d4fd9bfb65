"""This file is for what no single scenario can know: names that refer to each other, and places that nothing fills."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from probes.probe import Probe
from probes.request import names_in
from scenarios.mistakes import Mistake, Place, near, near_or_known
from scenarios.source import Listing, Node, Scalar, Table
from scenarios.variables import join

COMMON_NAMES = ("nonce", "run_id", "now", "today")
_DAY = re.compile(r"today[+-]\d{1,4}d")


@dataclass(frozen=True, slots=True)
class Draft:
    """One scenario while it is being checked: the table as merged, and what could be built of it."""

    table: Table
    path: str
    options: Table
    probe: Probe | None
    kind: type[Probe] | None
    name: str = ""


def twice_named(drafts: Sequence[Draft]) -> Iterator[Mistake]:
    """Yield a mistake for each scenario whose name is taken."""
    first: dict[str, Place] = {}
    for draft in drafts:
        node = draft.table.get("name")
        if not draft.name or node is None:
            continue
        if draft.name in first:
            before = first[draft.name]
            elsewhere = f" of {before.file.path}" if before.file is not node.place.file else ""
            remedy = f"the first stands in line {before.line}{elsewhere}"
            yield Mistake(f"two scenarios are named '{draft.name}'", node.place, remedy, f"{draft.path}.name")
        first.setdefault(draft.name, node.place)


def without_schedule(draft: Draft) -> Iterator[Mistake]:
    """Yield a mistake for a job that reports by itself and does not say when: nobody could tell that it is silent."""
    if draft.kind is not None and draft.kind.awaits and draft.table.get("schedule") is None:
        node = draft.table.get("probe")
        remedy = "add 'schedule', such as {every: 1d}, or {cron: \"30 2 * * *\", timezone: Europe/Berlin}"
        place = (node or draft.table).place
        yield Mistake(f"a {draft.kind.kind} does not say when it is due", place, remedy, f"{draft.path}.probe")


def unknown_needs(drafts: Sequence[Draft]) -> Iterator[Mistake]:
    """Yield a mistake for each `needs` that names nothing, the scenario itself, or closes a circle."""
    known = {draft.name for draft in drafts if draft.name}
    graph = {draft.name: [str(n.value) for n, _ in _items(draft, "needs")] for draft in drafts}
    told: set[frozenset[str]] = set()
    for draft in drafts:
        for item, path in _items(draft, "needs"):
            wanted = str(item.value)
            if wanted not in known:
                remedy = near(wanted, known - {draft.name}) or "'needs' takes names of scenarios"
                yield Mistake(f"there is no scenario '{wanted}'", item.place, remedy, path)
                continue
            circle = _way(graph, wanted, draft.name)
            if circle and frozenset(circle) not in told:
                told.add(frozenset(circle))
                way = " needs ".join(f"'{name}'" for name in [draft.name, *circle])
                yield Mistake("scenarios wait for each other in a circle", item.place, way, path)


def unknown_targets(drafts: Sequence[Draft], known: Sequence[str]) -> Iterator[Mistake]:
    """Yield a mistake for each name under `targets` that the suite does not have."""
    for draft in drafts:
        for item, path in _items(draft, "targets"):
            if item.value not in known:
                yield Mistake(f"there is no target '{item.value}'", item.place, near_or_known(str(item.value), known), path)


def unfilled_places(draft: Draft, target_vars: set[str]) -> Iterator[Mistake]:
    """Yield a mistake for each `{{name}}` that neither the kind nor the run gives a value."""
    if draft.probe is not None:
        own = draft.probe.variables()
    elif draft.kind is not None and draft.kind.variables is Probe.variables:
        own = frozenset()
    else:
        return  # what the kind fills depends on options that are wrong themselves
    known = {*COMMON_NAMES, *(f"vars.{name}" for name in target_vars), *(n for n in own if not n.endswith("."))}
    heads = tuple(n for n in own if n.endswith("."))
    for text, place, path in _texts(draft.options, draft.path):
        for name in names_in(text):
            if _DAY.fullmatch(name) or name.startswith(heads) or _is_known(name, known):
                continue
            shown = "{{" + name + "}}"
            remedy = near(name, known) or f"known here: {', '.join(sorted(known) + [h + '…' for h in sorted(heads)])}"
            yield Mistake(f"nothing gives '{shown}' a value", _at(place, name), remedy, path)


def _items(draft: Draft, key: str) -> Iterator[tuple[Scalar, str]]:
    node = draft.table.get(key)
    if isinstance(node, Listing):
        for place, item in enumerate(node.items):
            if isinstance(item, Scalar) and isinstance(item.value, str):
                yield item, f"{draft.path}.{key}[{place}]"


def _way(graph: Mapping[str, list[str]], start: str, end: str) -> list[str]:
    """Return the names from `start` to `end` along `needs`, or none."""
    ways, seen = [[start]], {start}
    while ways:
        way = ways.pop()
        if way[-1] == end:
            return way
        for following in graph.get(way[-1], []):
            if following not in seen:
                seen.add(following)
                ways.append([*way, following])
    return []


def _texts(node: Node, path: str) -> Iterator[tuple[str, Place, str]]:
    if isinstance(node, Table):
        for key, entry in node.entries.items():
            below = join(path, key)
            if key == "sign" and isinstance(entry.node, Table) and "secret" in entry.node.entries:
                continue  # its places are those of `Signing`
            if "{{" in key:
                yield key, entry.place, below
            yield from _texts(entry.node, below)
    elif isinstance(node, Listing):
        for number, item in enumerate(node.items):
            yield from _texts(item, f"{path}[{number}]")
    elif isinstance(node.value, str) and "{{" in node.value:
        yield node.value, node.place, path


def _is_known(name: str, known: set[str]) -> bool:
    """Return whether the name, or what it is a part of (`vars.tenant` for `vars.tenant.id`), has a value."""
    return name in known or any(name.startswith(f"{whole}.") for whole in known)


def _at(place: Place, name: str) -> Place:
    """Return the place of `{{name}}` itself where it stands in the line of `place`."""
    line = place.file.line(place.line)
    found = re.compile(r"\{\{\s*" + re.escape(name) + r"\s*\}\}").search(line, place.column - 1)
    return replace(place, column=found.start() + 1, width=found.end() - found.start()) if found else place
