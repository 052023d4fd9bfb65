"""This file is for telling of a policy where something in it is wrong, by the way to it through keys and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scenarios.mistakes import Mistake
from scenarios.source import Table
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

    def has(self, *way: Any) -> bool:
        """Return whether the file says something there."""
        return locate(self.root, way)[2] == way
