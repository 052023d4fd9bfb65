"""This file is for a gate's evidence as lines: each holds a record and what was decided then, chained to the line before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reports.judgement.gate_decision import Decision
from scenarios.gates.records import Record

GENESIS = "0" * 64  # the hash before the first line


class BadEvidence(ValueError):
    """A line is changed, missing, cut off or at another place. `line` is its number, from 1."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line = line


@dataclass(frozen=True, slots=True)
class Sealed:
    """One line of evidence, without its line end. `hash` goes into the next one."""

    line: str
    hash: str


def sealed(number: int, before: str, record: Record, decision: Decision) -> Sealed:
    """Return line `number` (from 1). `before` is the hash of the line before it, `GENESIS` for the first."""
    raise NotImplementedError


def hash_of(line: str) -> str:
    """Return the hash that a line of evidence says of itself: what a gate goes on with after a restart. Raises: BadEvidence."""
    raise NotImplementedError


def replay(lines: Iterable[str]) -> Iterator[tuple[Record, Decision]]:
    """Decide again from the records alone. Empty lines at the end are borne.

    Raises: BadEvidence where the chain is broken, a line is no record, or the decision is another one than the line says.
    """
    raise NotImplementedError
