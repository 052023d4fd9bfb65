"""This file is for loading a suite: from a name or a path to a checked `Suite`, or to every mistake at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from probes.probe import Probe
from probes.registry import KINDS, LEVERS, SOURCES, RegistryError
from probes.target import Target
from scenarios.crosscheck import (
    Draft,
    twice_named,
    unfilled_places,
    unknown_needs,
    unknown_targets,
    without_schedule,
)  # fmt: skip
from scenarios.extending import EXTENDING_KEYS, extended
from scenarios.finding import LIBRARY, bundled_suites, find_suite, named_beside, read_named, read_suite, shown, told_at
from scenarios.fragments import Fragments, lay_under
from scenarios.mistakes import Mistake, SuiteError, near_or_known
from scenarios.model import Scenario, ScenarioKeys, Suite
from scenarios.parts import COMMON_KEYS, Workshop
from scenarios.referring import source_kinds, unknown_references
from scenarios.source import Listing, Node, Scalar, Table, plain
from scenarios.statement import Statement
from scenarios.statements import read_statements, wrong_covers
from scenarios.validation import validate
from scenarios.variables import Expansion, has_held, join
from scenarios.watching_keys import WATCHING_KEYS, read_watching

TOP_KEYS = (
    *("suite", "description", *EXTENDING_KEYS, "plugins", "targets", "defaults", "fragments", "scenarios", "statements"),
    *WATCHING_KEYS,
)
__all__ = ["LIBRARY", "TOP_KEYS", "bundled_suites", "find_suite", "load_suite"]

_NOT_FOR_ALL = ("name", "probe", "needs")  # what a default would make no sense of


def load_suite(
    name_or_path: str, *, target: str | None = None, environ: Mapping[str, str] | None = None, all_targets: bool = False
) -> Suite:
    """Return the suite of a file, or of a bundled name such as `askpro`.

    Variables must be set where they are used: in the scenarios and in the `target` chosen (with
    `all_targets`, in every target). Another target that lacks some is left out of `Suite.targets`.

    Raises: SuiteError with every mistake, nothing having been sent.
    """
    path, bundled = find_suite(name_or_path)
    mistakes: list[Mistake] = []
    root = with_bases(read_suite(path, bundled, mistakes), path, mistakes)
    loading = _Loading(root, path, os.environ if environ is None else environ, mistakes)
    return loading.suite(path.stem, target, all_targets)


def with_bases(root: Table, path: Path, mistakes: list[Mistake]) -> Table:
    """Return the root of the suite file at `path` laid over all that it extends. Raises: SuiteError."""
    paths = {root.place.file: path}

    def read(item: Scalar) -> tuple[str, Table]:
        found, bundled = named_beside(item, paths[item.place.file])
        with told_at(item):
            base = read_suite(found, bundled, mistakes)
        paths[base.place.file] = found
        return shown(found), base

    def read_part(item: Scalar) -> Node:
        return read_named(item, mistakes)

    return extended(root, shown(path), read, mistakes, read_part=read_part, scenario_keys=COMMON_KEYS)


class _Loading:
    """One load: collects mistakes over all steps, and raises them together at the end."""

    def __init__(self, root: Table, path: Path, environ: Mapping[str, str], mistakes: list[Mistake]) -> None:
        self.mistakes = mistakes
        self._path = path
        self._environ = environ
        self._workshop = Workshop(self.mistakes)
        self._secrets: dict[str, str] = {}
        self._drafts: list[Draft] = []
        self._root = self._checked_root(root)

    def suite(self, stem: str, target: str | None, all_targets: bool) -> Suite:
        self._load_plugins()
        fragments = Fragments(self._root.get("fragments"), self.mistakes)
        raw_targets = self._raw_targets(fragments)
        if target is not None and raw_targets and target not in raw_targets:
            place = self._root.key_place("targets")
            raise SuiteError([Mistake(f"there is no target '{target}'", place, near_or_known(target, raw_targets))])
        targets = {
            name: made
            for name, table in raw_targets.items()
            if (made := self._target(name, table, strict=all_targets or name == target)) is not None
        }
        scenarios = self._scenarios(fragments, target, raw_targets)
        nodes = {key: self._laid(key, fragments) for key in WATCHING_KEYS if key in self._root.entries}
        statements = self._statements()
        watching = read_watching(nodes, self.mistakes, targets=list(raw_targets), drafts=self._drafts)
        name = self._text("suite") or stem
        description = self._text("description")
        if self.mistakes:
            raise SuiteError(self.mistakes)
        suite = Suite(
            name=name,
            path=shown(self._path),
            statements=statements,
            description=description,
            targets=targets,
            target_names=tuple(raw_targets),
            scenarios=tuple(scenarios),
            **watching,
        )
        suite._secrets = tuple(self._secrets.items())
        return suite

    def _checked_root(self, root: Table) -> Table:
        for key, entry in root.entries.items():
            if key not in TOP_KEYS:
                self.mistakes.append(Mistake(f"unknown field '{key}'", entry.place, near_or_known(key, TOP_KEYS), key))
        return root

    def _text(self, key: str) -> str:
        node = self._root.get(key)
        if node is None:
            return ""
        node = self._expanded(node, key, strict=True)
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return str(node.value)
        self.mistakes.append(Mistake(f"'{key}' should be text", node.place, path=key))
        return ""

    def _expanded(self, node: Node, path: str, *, strict: bool) -> Node:
        expansion = Expansion(self._environ)
        made = expansion.of(node, path)
        self._secrets |= expansion.secrets
        if strict:
            self.mistakes += expansion.unset
        return made

    def _statements(self) -> dict[str, Statement]:
        node = self._root.get("statements")

        def read(named: Scalar) -> Node:
            return read_named(named, self.mistakes)

        found = {} if node is None else read_statements(self._expanded(node, "statements", strict=True), read, self.mistakes)
        wrong_covers(self._drafts, found, self.mistakes)
        return found

    def _laid(self, key: str, fragments: Fragments) -> Node:
        return self._expanded(fragments.laid(self._root.entries[key].node, key), key, strict=True)

    def _load_plugins(self) -> None:
        node = self._root.get("plugins")
        if node is None:
            return
        if not isinstance(node, Listing):
            self.mistakes.append(Mistake("'plugins' should be a list of Python files", node.place, path="plugins"))
            return
        for number, item in enumerate(node.items):
            path = f"plugins[{number}]"
            value = plain(self._expanded(item, path, strict=True))
            if not isinstance(value, str):
                self.mistakes.append(Mistake("a plug-in should be the path of a Python file", item.place, path=path))
                continue
            self._load_plugin(item.place.file.folder / value, item, path)

    def _load_plugin(self, file: Path, item: Node, path: str) -> None:
        try:
            found = [name for registry in (KINDS, SOURCES, LEVERS) for name in registry.load_file(file)]
        except RegistryError as problem:
            self.mistakes.append(Mistake(str(problem), item.place, path=path))
            return
        if not found:
            text = f"the file '{file}' defines no probe, evidence source or lever"
            self.mistakes.append(Mistake(text, item.place, 'class MyProbe(Probe, kind="my_probe")', path))

    def _raw_targets(self, fragments: Fragments) -> dict[str, Table]:
        node = self._root.get("targets")
        if node is None or not isinstance(node, Table) or not node.entries:
            what = "'targets' is missing" if node is None else "'targets' should be a mapping of names to targets"
            place = (
                self._root.key_place("targets")
                if node
                else next((e.place for e in self._root.entries.values()), self._root.place)
            )
            self.mistakes.append(Mistake(what, place, "a suite needs at least one target", "targets"))
            return {}
        found = {}
        for name, entry in node.entries.items():
            path = join("targets", name)
            laid = fragments.laid(entry.node, path)
            if isinstance(laid, Table):
                found[name] = laid
            else:
                self.mistakes.append(Mistake(f"the target '{name}' should be a mapping", entry.place, path=path))
        return found

    def _target(self, name: str, table: Table, *, strict: bool) -> Target | None:
        path = join("targets", name)
        expanded = self._expanded(table, path, strict=strict)
        if not isinstance(expanded, Table):
            return None
        if strict:
            return self._workshop.target(name, expanded, path)
        noted: list[Mistake] = []
        made = Workshop(noted).target(name, expanded, path)
        # Another place's secret files need not lie here; whatever else is wrong with the target is told.
        self.mistakes += [m for m in noted if "secret file" not in m.remedy]
        return None if has_held(expanded) else made

    def _scenarios(self, fragments: Fragments, target: str | None, targets: Mapping[str, Table]) -> list[Scenario]:
        node = self._root.get("scenarios")
        if not isinstance(node, Listing) or not node.items:
            what = "'scenarios' is missing" if node is None else "'scenarios' should be a list with at least one scenario"
            place = (
                self._root.key_place("scenarios")
                if node
                else next((e.place for e in self._root.entries.values()), self._root.place)
            )
            self.mistakes.append(Mistake(what, place, "a suite without scenarios would check nothing", "scenarios"))
            return []
        defaults = self._defaults(fragments)
        drafts, scenarios = [], []
        for number, item in enumerate(node.items):
            path = f"scenarios[{number}]"
            if not isinstance(item, Table):
                self.mistakes.append(Mistake("a scenario should be a mapping", item.place, "name, probe and its options", path))
                continue
            laid = fragments.laid(item, path)
            if isinstance(laid, Table):
                draft, scenario = self._scenario(lay_under(laid, defaults), path, target)
                drafts.append(draft)
                scenarios += [scenario] if scenario else []
        self._drafts = drafts
        self._check_across(drafts, targets)
        return scenarios

    def _defaults(self, fragments: Fragments) -> Table:
        node = self._root.get("defaults")
        if node is None:
            return Table({}, self._root.place)
        laid = fragments.laid(node, "defaults")
        if not isinstance(laid, Table):
            self.mistakes.append(Mistake("'defaults' should be a mapping", node.place, path="defaults"))
            return Table({}, node.place)
        allowed = COMMON_KEYS.difference(_NOT_FOR_ALL)
        for key, entry in laid.entries.items():
            if key not in allowed:
                remedy = near_or_known(key, allowed)
                self.mistakes.append(Mistake(f"unknown field '{key}'", entry.place, remedy, join("defaults", key)))
        return Table({k: e for k, e in laid.entries.items() if k in allowed}, laid.place)

    def _scenario(self, raw: Table, path: str, target: str | None) -> tuple[Draft, Scenario | None]:
        names = plain(raw.get("targets") or Table({}, raw.place))
        used = target is None or not isinstance(names, list) or not names or target in names
        table = self._expanded(raw, path, strict=used)
        assert isinstance(table, Table)
        common = Table({k: e for k, e in table.entries.items() if k in COMMON_KEYS and k != "probe"}, table.place)
        first_key = next((e.place for e in raw.entries.values()), raw.place)
        keys = validate(ScenarioKeys, common, path, self.mistakes, key_place=first_key)
        probe, kind = self._workshop.probe(table, path)
        options = Table({k: e for k, e in table.entries.items() if k not in COMMON_KEYS}, table.place)
        name = plain(table.get("name") or Scalar("", table.place))
        draft = Draft(table, path, options, probe, kind, name if isinstance(name, str) else "")
        return draft, None if keys is None or probe is None or has_held(table) else _joined(keys, probe)

    def _check_across(self, drafts: list[Draft], targets: Mapping[str, Table]) -> None:
        have = {sort: {n for t in targets.values() for n in _names(t.get(sort))} for sort in ("evidence", "faults")}
        sources = source_kinds(targets.values())
        variables = {name for table in targets.values() for name in _names(table.get("vars"))}
        self.mistakes += twice_named(drafts)
        self.mistakes += unknown_needs(drafts)
        self.mistakes += unknown_targets(drafts, list(targets))
        for draft in drafts:
            self.mistakes += unknown_references(draft, have, sources)
            self.mistakes += unfilled_places(draft, variables)
            self.mistakes += without_schedule(draft)


def _joined(keys: ScenarioKeys, probe: Probe) -> Scenario:
    return Scenario.model_construct(**{name: getattr(keys, name) for name in type(keys).model_fields}, probe=probe)


def _names(node: Node | None) -> list[str]:
    return list(node.entries) if isinstance(node, Table) else []
