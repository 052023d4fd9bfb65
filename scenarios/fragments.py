"""This file is for fragments: `use: [NAME]` lays a named piece under a table's own keys, and defaults under every scenario."""

from __future__ import annotations

from collections.abc import Collection

from scenarios.mistakes import Mistake, SuiteError, near_or_known
from scenarios.source import NODES, Entry, Listing, Node, Scalar, Table, size
from scenarios.variables import join

# What is sent as it stands may have a key `use` of its own.
PAYLOADS = frozenset({"json", "form", "query", "headers", "cookies", "vars"})


def lay_under(own: Table, under: Table, *, without: Collection[str] = ()) -> Table:
    """Return `own` with the keys of `under` that it lacks; tables are joined at any depth, lists are not."""
    entries = {key: entry for key, entry in under.entries.items() if key not in without}
    for key, entry in own.entries.items():
        below = entries.get(key)
        if below and isinstance(entry.node, Table) and isinstance(below.node, Table):
            entry = Entry(entry.place, lay_under(entry.node, below.node))
        entries[key] = entry
    ordered = [*own.entries, *(k for k in entries if k not in own.entries)]
    return Table({key: entries[key] for key in ordered}, own.place)


class Fragments:
    """The named pieces of one suite. Unknown names and circles are noted as mistakes, once, where they stand."""

    def __init__(self, pieces: Node | None, mistakes: list[Mistake]) -> None:
        self._mistakes = mistakes
        self._pieces: dict[str, Table] = {}
        self._ready: dict[str, Table | None] = {}  # None: at work on it
        if pieces is None:
            return
        if not isinstance(pieces, Table):
            mistakes.append(Mistake("'fragments' should be a mapping of names to pieces", pieces.place, path="fragments"))
            return
        for name, entry in pieces.entries.items():
            if isinstance(entry.node, Table):
                self._pieces[name] = entry.node
            else:
                path = join("fragments", name)
                mistakes.append(Mistake(f"the fragment '{name}' should be a mapping", entry.node.place, path=path))

    def laid(self, node: Node, path: str) -> Node:
        """Return the node with every `use` in it replaced by what it names."""
        if isinstance(node, Listing):
            return Listing(tuple(self.laid(item, f"{path}[{n}]") for n, item in enumerate(node.items)), node.place)
        if not isinstance(node, Table):
            return node
        entries = {
            key: entry if key in PAYLOADS else Entry(entry.place, self.laid(entry.node, join(path, key)))
            for key, entry in node.entries.items()
            if key != "use"
        }
        made = Table(entries, node.place)
        use = node.get("use")
        for name in reversed(self._names(use, join(path, "use"))):
            piece = self._piece(name, join(path, "use"))
            if piece is not None:
                made = lay_under(made, piece)
        if use is not None and size(made) > NODES:
            too_large = Mistake("the fragments grow too large when laid out", use.place, f"at most {NODES} values", path)
            raise SuiteError([*self._mistakes, too_large])
        return made

    def _names(self, use: Node | None, path: str) -> list[Scalar]:
        if use is None:
            return []
        items = use.items if isinstance(use, Listing) else (use,)
        for item in items:
            if not isinstance(item, Scalar) or not isinstance(item.value, str):
                self._mistakes.append(Mistake("'use' should name fragments", item.place, "write use: [NAME]", path))
        return [item for item in items if isinstance(item, Scalar) and isinstance(item.value, str)]

    def _piece(self, wanted: Scalar, path: str) -> Table | None:
        name = str(wanted.value)
        if name not in self._pieces:
            remedy = near_or_known(name, self._pieces) or "the suite has no fragments"
            self._mistakes.append(Mistake(f"there is no fragment '{name}'", wanted.place, remedy, path))
            return None
        if name not in self._ready:
            self._ready[name] = None
            laid = self.laid(self._pieces[name], join("fragments", name))
            self._ready[name] = laid if isinstance(laid, Table) else None
        elif self._ready[name] is None:
            self._mistakes.append(Mistake(f"the fragment '{name}' uses itself", wanted.place, path=path))
        return self._ready[name]
