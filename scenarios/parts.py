"""This file is for the plug-ins that a suite names: its targets' evidence sources and levers, its scenarios' probes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel

from probes.fields import Configured, Expanded
from probes.probe import Probe
from probes.registry import KINDS, LEVERS, SOURCES, Registry, RegistryError
from probes.target import Target
from scenarios.finding import LIBRARY, beside
from scenarios.fragments import PAYLOADS
from scenarios.mistakes import Mistake, near_or_known
from scenarios.model import ScenarioKeys
from scenarios.source import Entry, Listing, Node, Scalar, Table
from scenarios.validation import validate
from scenarios.variables import join

Part = TypeVar("Part", bound=Configured)

COMMON_KEYS = frozenset({*ScenarioKeys.model_fields, "probe"})
RESERVED_KEYS = COMMON_KEYS | {"use"}
_TLS_FILES = frozenset({"ca_file", "client_certificate", "client_key"})
_PATH_KEYS = frozenset({"path", "file", "cwd"})


@dataclass(frozen=True, slots=True)
class Workshop:
    """What building needs: where mistakes go. Relative paths start in the folder of the file in which they stand."""

    mistakes: list[Mistake]

    def target(self, name: str, table: Table, path: str) -> Target | None:
        """Return the target, or None with the reasons noted."""
        before = len(self.mistakes)
        if "name" in table.entries:
            self._wrong("unknown field 'name'", table, "name", path, "a target's name is its key")
        own = Table({k: e for k, e in table.entries.items() if k not in ("name", "evidence", "faults")}, table.place)
        own = self.with_secret_files(self._with_paths_of(own, "tls", _TLS_FILES))
        given = {
            "name": name,
            "evidence": self._parts(SOURCES, "source", table.get("evidence"), join(path, "evidence"), _PATH_KEYS),
            "faults": self._parts(LEVERS, "lever", table.get("faults"), join(path, "faults"), frozenset({"cwd"})),
        }
        made = validate(Target, own, path, self.mistakes, given=given)
        return made if len(self.mistakes) == before else None

    def probe(self, table: Table, path: str) -> tuple[Probe | None, type[Probe] | None]:
        """Return the scenario's probe, or None with the reasons noted, and its kind where that is known."""
        wanted = table.get("probe")
        if wanted is None:
            place = next((e.place for e in table.entries.values()), table.place)
            self.mistakes.append(Mistake("'probe' is missing", place, "'probe' names the kind of question", path))
            return None, None
        kind = self._find(KINDS, "probe", wanted, join(path, "probe"))
        if kind is None:
            return None, None
        taken = {field.alias or n for n, field in kind.model_fields.items()} & RESERVED_KEYS
        if taken:
            text = f"the probe '{kind.kind}' has an option '{sorted(taken)[0]}', which is a key of every scenario"
            self._wrong(text, table, "probe", join(path, "probe"), "the option needs another name")
            return None, kind
        options = Table({k: e for k, e in table.entries.items() if k not in COMMON_KEYS}, table.place)
        keys = _path_fields(kind)
        options = self.with_secret_files(self._with_paths(self._with_bundled(options, keys), keys))
        place, name = table.key_place("probe"), table.get("name")
        called = f"the scenario '{name.value}'" if isinstance(name, Scalar) and name.value else "this"
        made = validate(kind, options, path, self.mistakes, also_known=RESERVED_KEYS, key_place=place, called=called)
        return made, kind

    def _parts(
        self, registry: Registry[Part], word: str, node: Node | None, path: str, path_keys: frozenset[str]
    ) -> dict[str, Part]:
        if node is None:
            return {}
        if not isinstance(node, Table):
            self.mistakes.append(Mistake(f"'{path.rpartition('.')[2]}' should be a mapping of names", node.place, path=path))
            return {}
        made: dict[str, Part] = {}
        for name, entry in node.entries.items():
            part = self._part(registry, word, entry, join(path, name), path_keys)
            if part is not None:
                made[name] = part
        return made

    def _part(self, registry: Registry[Part], word: str, entry: Entry, path: str, path_keys: frozenset[str]) -> Part | None:
        node = entry.node
        wanted = node.get(word) if isinstance(node, Table) else None
        if not isinstance(node, Table) or wanted is None:
            known = ", ".join(registry.names())
            self.mistakes.append(Mistake(f"'{word}' is missing", entry.place, f"'{word}' names the kind: {known}", path))
            return None
        kind = self._find(registry, word, wanted, join(path, word))
        if kind is None:
            return None
        options = Table({k: e for k, e in node.entries.items() if k != word}, node.place)
        options = self.with_secret_files(self._with_paths(options, path_keys | _path_fields(kind)))
        return validate(kind, options, path, self.mistakes, also_known={word}, key_place=entry.place)

    def _find(self, registry: Registry[Part], word: str, wanted: Node, path: str) -> type[Part] | None:
        name = wanted.value if isinstance(wanted, Scalar) else None
        if not isinstance(name, str):
            self.mistakes.append(Mistake(f"'{word}' should be a name", wanted.place, path=path))
            return None
        try:
            kind = registry.find(name)
        except RegistryError as problem:
            self.mistakes.append(Mistake(str(problem), wanted.place, path=path))
            return None
        if kind is None:
            remedy = near_or_known(name, registry.names(), at_most=30)
            self.mistakes.append(Mistake(f"there is no {word} '{name}'", wanted.place, remedy, path))
        return kind

    def _wrong(self, sentence: str, table: Table, key: str, path: str, remedy: str) -> None:
        node = table.get(key)
        place = node.place if key == "probe" and node else table.key_place(key)
        self.mistakes.append(Mistake(sentence, place, remedy, path))

    def _with_paths_of(self, table: Table, key: str, keys: frozenset[str]) -> Table:
        inner = table.get(key)
        if not isinstance(inner, Table):
            return table
        entry = replace(table.entries[key], node=self._with_paths(inner, keys))
        return Table({**table.entries, key: entry}, table.place)

    def _with_bundled(self, table: Table, keys: frozenset[str]) -> Table:
        """Return the table with the files of our own that bundled suites name, such as a journey, found where they lie."""
        entries = dict(table.entries)
        for key in keys & entries.keys():
            node = entries[key].node
            if not isinstance(node, Scalar) or not isinstance(node.value, str) or not node.value or node.held:
                continue
            file = beside(node)
            if LIBRARY in file.parents:
                entries[key] = replace(entries[key], node=replace(node, value=str(file)))
        return Table(entries, table.place)

    def _with_paths(self, table: Table, keys: frozenset[str]) -> Table:
        """Return the table with relative paths under `keys` starting in the folder of their file."""
        entries = {k: replace(e, node=self._absolute(e.node)) if k in keys else e for k, e in table.entries.items()}
        return Table(entries, table.place)

    def with_secret_files(self, table: Table) -> Table:
        """Return the table with the path of every `{file: PATH}` starting in the folder of their file."""
        if list(table.entries) == ["file"]:
            return self._with_paths(table, frozenset({"file"}))
        entries = {}
        for key, entry in table.entries.items():
            inner = entry.node
            skip = key in PAYLOADS - {"headers", "cookies"}
            entries[key] = replace(entry, node=self.with_secret_files(inner)) if isinstance(inner, Table) and not skip else entry
        return Table(entries, table.place)

    def _absolute(self, node: Node) -> Node:
        if isinstance(node, Listing):
            return replace(node, items=tuple(self._absolute(item) for item in node.items))
        if not isinstance(node, Scalar) or not isinstance(node.value, str) or not node.value or node.held:
            return node
        path = os.path.expanduser(node.value)
        value = os.path.normpath(os.path.join(node.place.file.folder.absolute(), path))  # an absolute path stays as it is
        return replace(node, value=Expanded(value, node.value.template) if isinstance(node.value, Expanded) else value)


@cache
def _path_fields(model: type[BaseModel]) -> frozenset[str]:
    """Return the keys of a plug-in that are declared as paths."""
    fields = model.model_fields.items()
    return frozenset(f.alias or n for n, f in fields if any(t is Path for t in _types(f.annotation)))


def _types(annotation: Any) -> Iterator[Any]:
    yield annotation
    for inner in get_args(annotation):
        yield from _types(inner)
