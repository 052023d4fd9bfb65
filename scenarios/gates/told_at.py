"""This file is for telling of a policy where something in it is wrong, by the way to it through keys and numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from scenarios.mistakes import Mistake
from scenarios.source import Listing, Node, Table
from scenarios.validation import doc_path, locate


@dataclass(frozen=True, slots=True)
class PolicyText:
    """The policy as it stands in its file."""

    root: Table

    def wrong(self, sentence: str, remedy: str, *ways: tuple[Any, ...]) -> Mistake:
        """Return a mistake at the value at the end of the first way that the file has; at its first key where it has none."""
        for way in ways:
            node, _, walked = locate(self.root, way)
            if walked == way:
                return Mistake(sentence, node.place, remedy, doc_path("", way))
        return Mistake(sentence, next(iter(self.root.entries.values())).place, remedy)

    def known(self, mistakes: Iterable[Mistake]) -> Iterator[Mistake]:
        """Yield the mistakes but those of a value whose variable has none, which is told itself."""
        held = set(_held(self.root))
        yield from (one for one in mistakes if one.place is None or (one.place.line, one.place.column) not in held)

    def has(self, *way: Any) -> bool:
        """Return whether the file says something there."""
        return locate(self.root, way)[2] == way


def _held(node: Node) -> Iterator[tuple[int, int]]:
    if isinstance(node, Table):
        for entry in node.entries.values():
            yield from _held(entry.node)
    elif isinstance(node, Listing):
        for item in node.items:
            yield from _held(item)
    elif node.held:
        yield node.place.line, node.place.column
