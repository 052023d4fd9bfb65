"""This file is for what a contract states, sentence by sentence, and which scenarios look whether it is so."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scenarios.crosscheck import Draft
from scenarios.mistakes import Mistake, near_or_known
from scenarios.model import Suite
from scenarios.source import Listing, Node, Scalar, Table
from scenarios.statement import Statement
from scenarios.validation import validate
from scenarios.variables import join

_ID = re.compile(r"[a-z0-9][a-z0-9_.-]{0,79}")
_UNREADABLE = Statement(section="?", says="?")  # it is there, and what is wrong with it is told


def read_statements(node: Node, read: Callable[[Scalar], Node], mistakes: list[Mistake]) -> dict[str, Statement]:
    """Return the statements by id, from a mapping or from the file that is named in its place."""
    if isinstance(node, Scalar) and isinstance(node.value, str) and node.value:
        node = read(node)
    if not isinstance(node, Table):
        mistakes.append(
            Mistake("'statements' should be a mapping of ids to statements, or a file of such", node.place, path="statements")
        )
        return {}
    found: dict[str, Statement] = {}
    for name, entry in node.entries.items():
        path = join("statements", name)
        if not _ID.fullmatch(name):
            remedy = "small letters, digits, dots and hyphens, such as log.tenant-id"
            mistakes.append(Mistake(f"'{name}' is no id of a statement", entry.place, remedy, path))
        elif not isinstance(entry.node, Table):
            remedy = "write {section: where the contract says it, says: what it says}"
            mistakes.append(Mistake(f"the statement '{name}' should be a mapping", entry.node.place, remedy, path))
            found[name] = _UNREADABLE
        else:
            found[name] = validate(Statement, entry.node, path, mistakes, key_place=entry.place) or _UNREADABLE
    return found


def wrong_covers(drafts: Sequence[Draft], statements: dict[str, Statement], mistakes: list[Mistake]) -> None:
    """Note each `covers` that names no statement, or one that is said to be out of sight."""
    for draft in drafts:
        node = draft.table.get("covers")
        for number, item in enumerate(node.items if isinstance(node, Listing) else ()):
            name = item.value if isinstance(item, Scalar) else None
            path = f"{draft.path}.covers[{number}]"
            if name not in statements:
                remedy = near_or_known(str(name), statements) or "describe it under 'statements'"
                mistakes.append(Mistake(f"there is no statement '{name}'", item.place, remedy, path))
            elif statements[str(name)].unobservable:
                text = f"the statement '{name}' is said to be unobservable"
                mistakes.append(Mistake(text, item.place, "leave one of the two out", path))


@dataclass(frozen=True, slots=True)
class Coverage:
    """A suite's statements, each with the names of the scenarios that cover it, in the order of the contract."""

    statements: dict[str, Statement]
    scenarios: dict[str, tuple[str, ...]]

    @property
    def unobservable(self) -> list[str]:
        return [name for name, one in self.statements.items() if one.unobservable]

    @property
    def covered(self) -> list[str]:
        return [name for name in self.statements if self.scenarios[name]]

    @property
    def missing(self) -> list[str]:
        """What could be seen and is not looked at."""
        return [name for name, one in self.statements.items() if not one.unobservable and not self.scenarios[name]]


def coverage_of(suite: Suite) -> Coverage:
    by_statement = {
        name: tuple(scenario.name for scenario in suite.scenarios if name in scenario.covers) for name in suite.statements
    }
    return Coverage(dict(suite.statements), by_statement)
