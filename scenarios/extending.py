"""This file is for `extends`: a suite on top of others, which may be bundled ones, as if all stood in one file."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from scenarios.fragments import lay_under
from scenarios.mistakes import Mistake, SuiteError, near, near_or_known
from scenarios.source import Listing, Node, Scalar, Table

EXTENDING_KEYS = ("extends", "without")
_KINDS = ("source", "lever", "probe")  # a part that names another kind than the one below it replaces it
_DEEPEST = 8
_WITHOUT = ("scenarios", "targets")

Read = Callable[[Scalar], tuple[str, Table]]  # a name or path -> what the file is known by, and its root
ReadPart = Callable[[Scalar], Node]  # a path -> the root of the file


def extended(
    own: Table, known_by: str, read: Read, mistakes: list[Mistake], *, read_part: ReadPart, scenario_keys: Collection[str]
) -> Table:
    """Return the table laid over all that it extends; `scenario_keys` are those that go with any probe.

    Targets, fragments, defaults and statements are joined at any depth, own keys win. A scenario with the name of one
    below is laid over it. `without` takes scenarios and targets away. `read_part` reads statements in a file of their own.
    """
    return _Extending(read, read_part, mistakes, frozenset(scenario_keys)).of(own, (known_by,))


class _Extending:
    def __init__(self, read: Read, read_part: ReadPart, mistakes: list[Mistake], scenario_keys: frozenset[str]) -> None:
        self._read = read
        self._read_part = read_part
        self._mistakes = mistakes
        self._scenario_keys = scenario_keys

    def of(self, own: Table, way: tuple[str, ...]) -> Table:
        bases = self._bases(own, way)
        if not bases:
            if "without" in own.entries:
                place = own.key_place("without")
                self._mistakes.append(Mistake("'without' takes away from nothing", place, "it goes with 'extends'", "without"))
            return _less(own, EXTENDING_KEYS)
        below = bases[0]
        for base in bases[1:]:
            below = self._over(base, below)
        return self._over(_less(own, EXTENDING_KEYS), self._reduced(below, own.get("without")))

    def _bases(self, own: Table, way: tuple[str, ...]) -> list[Table]:
        node = own.get("extends")
        if node is None:
            return []
        found = []
        for item in node.items if isinstance(node, Listing) else (node,):
            if not isinstance(item, Scalar) or not isinstance(item.value, str) or not item.value:
                wrong = Mistake("'extends' should name suites", item.place, "a bundled one, or a path", "extends")
                raise SuiteError([*self._mistakes, wrong])  # what the file lacks without it would be noise
            known_by, root = self._read(item)
            if known_by in way:
                text = "suites extend each other in a circle"
                raise SuiteError([*self._mistakes, Mistake(text, item.place, " extends ".join([*way, known_by]), "extends")])
            if len(way) >= _DEEPEST:
                text = f"suites extend each other more than {_DEEPEST} deep"
                raise SuiteError([*self._mistakes, Mistake(text, item.place, path="extends")])
            found.append(self.of(root, (*way, known_by)))
        return found

    def _over(self, own: Table, base: Table) -> Table:
        entries = dict(base.entries)
        for key, entry in own.entries.items():
            below = entries.get(key)
            entries[key] = replace(entry, node=self._part_over(key, entry.node, below.node)) if below else entry
        ordered = [*own.entries, *(key for key in entries if key not in own.entries)]
        return Table({key: entries[key] for key in ordered}, own.place)

    def _part_over(self, key: str, own: Node, base: Node) -> Node:
        if key == "scenarios" and isinstance(own, Listing) and isinstance(base, Listing):
            return self._scenarios(own, base)
        if key == "plugins" and isinstance(own, Listing) and isinstance(base, Listing):
            return Listing((*base.items, *own.items), own.place)
        if key == "targets" and isinstance(own, Table) and isinstance(base, Table):
            own = self._without_misspelt_targets(own, base)
        if key == "statements":
            own, base = self._whole(own), self._whole(base)
        if isinstance(own, Table) and isinstance(base, Table):
            return _joined(own, base)
        return own

    def _whole(self, statements: Node) -> Node:
        """Return what stands in the file that is named in place of statements, for only that can be joined."""
        named = isinstance(statements, Scalar) and isinstance(statements.value, str) and "${" not in statements.value
        return self._read_part(statements) if named else statements  # type: ignore[arg-type]

    def _scenarios(self, own: Listing, base: Listing) -> Listing:
        mine = {name: item for item in own.items if (name := _name(item))}
        laid = [self._scenario(mine[name], item) if (name := _name(item)) in mine else item for item in base.items]
        taken = {_name(item) for item in base.items} - {""}
        added = [item for item in own.items if _name(item) not in taken and not self._is_misspelt(item, taken)]
        return Listing((*laid, *added), own.place)

    def _is_misspelt(self, item: Node, below: Collection[str]) -> bool:
        """Note a scenario that says nothing of its kind and is called nearly as one below: that one was to be changed."""
        name = _name(item)
        if not isinstance(item, Table) or {"probe", "use"} & item.entries.keys() or not (hint := near(name, below, likeness=0.8)):
            return False
        self._mistakes.append(Mistake(f"there is no scenario '{name}' below", item.entries["name"].node.place, hint, "scenarios"))
        return True

    def _without_misspelt_targets(self, own: Table, base: Table) -> Table:
        """The same for targets, which need an address of their own where there is none below."""
        gone = []
        for name, entry in own.entries.items():
            new = (
                name not in base.entries and isinstance(entry.node, Table) and not {"base_url", "use"} & entry.node.entries.keys()
            )
            if new and (hint := near(name, base.entries, likeness=0.8)):
                self._mistakes.append(Mistake(f"there is no target '{name}' below", entry.place, hint, "targets"))
                gone.append(name)
        return _less(own, gone)

    def _scenario(self, own: Node, base: Node) -> Node:
        if not isinstance(own, Table) or not isinstance(base, Table):
            return own
        if _other_kind(own, base):
            base = Table({key: entry for key, entry in base.entries.items() if key in self._scenario_keys}, base.place)
        return _joined(own, base)

    def _reduced(self, base: Table, without: Node | None) -> Table:
        if without is None:
            return base
        if not isinstance(without, Table):
            remedy = "write without: {scenarios: [...], targets: [...]}"
            self._mistakes.append(Mistake("'without' should be a mapping", without.place, remedy, "without"))
            return base
        for key, entry in without.entries.items():
            if key not in _WITHOUT:
                text = f"unknown field '{key}'"
                self._mistakes.append(Mistake(text, entry.place, near_or_known(key, _WITHOUT), f"without.{key}"))
        scenarios, targets = base.get("scenarios"), base.get("targets")
        entries = dict(base.entries)
        if isinstance(scenarios, Listing):
            gone = self._named(without, "scenarios", [_name(item) for item in scenarios.items])
            kept = tuple(item for item in scenarios.items if _name(item) not in gone)
            entries["scenarios"] = replace(entries["scenarios"], node=Listing(kept, scenarios.place))
        if isinstance(targets, Table):
            gone = self._named(without, "targets", targets.entries)
            entries["targets"] = replace(entries["targets"], node=_less(targets, gone))
            left = entries.get("scenarios")
            if gone and left is not None and isinstance(left.node, Listing):
                entries["scenarios"] = replace(left, node=_for_others(left.node, gone))
        return Table(entries, base.place)

    def _named(self, without: Table, key: str, known: Collection[str]) -> list[str]:
        node = without.get(key)
        path = f"without.{key}"
        if node is None:
            return []
        if not isinstance(node, Listing):
            self._mistakes.append(Mistake(f"'{key}' should be a list of names", node.place, path=path))
            return []
        found = []
        for item in node.items:
            name = item.value if isinstance(item, Scalar) else None
            if name in known:
                found.append(str(name))
            else:
                text = f"there is no {key[:-1]} '{name}' to do without"
                self._mistakes.append(Mistake(text, item.place, near_or_known(str(name), known), path))
        return found


def _joined(own: Table, base: Table) -> Table:
    """Lay a table over another at any depth; a source or lever of another kind replaces the one below it."""
    entries = {}
    for key, entry in own.entries.items():
        below = base.get(key)
        both = isinstance(entry.node, Table) and isinstance(below, Table)
        entries[key] = replace(entry, node=_joined(entry.node, below)) if both else entry  # type: ignore[arg-type]
    laid = Table(entries, own.place)
    return laid if _other_kind(own, base, but="probe") else lay_under(laid, base, without=list(entries))


def _other_kind(own: Table, base: Table, but: str = "") -> bool:
    return any(
        isinstance(mine := own.get(word), Scalar) and isinstance(below := base.get(word), Scalar) and mine.value != below.value
        for word in _KINDS
        if word != but
    )


def _less(table: Table, keys: Collection[str]) -> Table:
    return Table({key: entry for key, entry in table.entries.items() if key not in keys}, table.place)


def _for_others(scenarios: Listing, gone: Collection[str]) -> Listing:
    """Return the scenarios without those that are only for targets that are gone."""
    kept = []
    for item in scenarios.items:
        entry = item.entries.get("targets") if isinstance(item, Table) else None
        if entry is None or not isinstance(item, Table) or not isinstance(entry.node, Listing) or not entry.node.items:
            kept.append(item)
            continue
        left = tuple(one for one in entry.node.items if not isinstance(one, Scalar) or one.value not in gone)
        if left:  # an empty list would mean every target
            listing = replace(entry, node=Listing(left, entry.node.place))
            kept.append(Table({**item.entries, "targets": listing}, item.place))
    return Listing(tuple(kept), scenarios.place)


def _name(item: Node) -> str:
    name = item.get("name") if isinstance(item, Table) else None
    return name.value if isinstance(name, Scalar) and isinstance(name.value, str) else ""
