"""This file is for a gate's evidence as lines: each holds a record and what was decided then, chained to the line before it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from reports.judgement.gate_deciding import decide
from reports.judgement.gate_decision import Decision
from reports.judgement.gate_fold import begun, step
from reports.judgement.gate_state import GateState
from scenarios.gates.records import BadRecord, Opened, Record, as_json, read

GENESIS = "0" * 64  # the hash before the first line
_LINE = re.compile(r'(\{.*),"hash":"([0-9a-f]{64})"\}', re.DOTALL)


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
    """Return line `number` (from 1). `before` is the hash of the line before it, `GENESIS` for the first.

    Raises: BadRecord where the record holds a number that is not finite.
    """
    said = {"n": number, "record": as_json(record), **_decided(decision)}
    try:
        text = json.dumps(said, separators=(",", ":"), allow_nan=False)[:-1]
    except ValueError as problem:
        raise BadRecord(f"the record cannot be written: {problem}") from problem
    seal = _hash(before, text)
    return Sealed(f'{text},"hash":"{seal}"}}', seal)


def hash_of(line: str) -> str:
    """Return the hash that a line says of itself: what a gate goes on with after a restart. Raises: ValueError."""
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError("this is no line of evidence, or it is cut off")
    return found[2]


def replay(lines: Iterable[str]) -> Iterator[tuple[Record, Decision]]:
    """Decide again from the records alone, line by line. Empty lines at the end are borne.

    That lines are missing at the end cannot be told from the others; whoever kept the newest line's hash can compare.
    Raises: BadEvidence where the chain is broken, a line is no record, or another decision comes out than the line says.
    """
    before, state, ended = GENESIS, None, 0
    for number, text in enumerate(lines, start=1):
        line = text.rstrip("\r\n")
        if not line.strip():
            ended = ended or number
            continue
        if ended:
            raise BadEvidence(ended, "it is empty, and others follow")
        told, before = _unsealed(number, line, before)
        state, record = _folded(number, state, told)
        decision = decide(state)
        if (said := {name: told.get(name) for name in ("decision", "e", "k")}) != (found := _decided(decision)):
            raise BadEvidence(number, f"it says {_spoken(said)}, and its records lead to {_spoken(found)}")
        yield record, decision
    if state is None:
        raise BadEvidence(1, "there is no line at all")


def _decided(decision: Decision) -> dict[str, Any]:
    return {"decision": decision.verb.value, "e": decision.e, "k": decision.k}


def _spoken(said: dict[str, Any]) -> str:
    return f"'{said['decision']}' (e {said['e']!r}, k {said['k']!r})"


def _hash(before: str, text: str) -> str:
    return hashlib.sha256(f"{before}\n{text}".encode()).hexdigest()


def _unsealed(number: int, line: str, before: str) -> tuple[dict[str, Any], str]:
    """Return what a line holds, and its hash. Raises: BadEvidence."""
    found = _LINE.fullmatch(line)
    if found is None:
        raise BadEvidence(number, "it is no line of evidence, or it is cut off")
    try:
        told = json.loads(f"{found[1]}}}")
    except ValueError as problem:
        raise BadEvidence(number, f"it is no JSON: {problem}") from problem
    if told.get("n") != number:
        raise BadEvidence(number, f"it says of itself to be line {told.get('n')!r}: lines are missing, or in another order")
    if _hash(before, found[1]) != found[2]:
        raise BadEvidence(number, "it is not what was written: it was changed, or the line before it is another one")
    return told, found[2]


def _folded(number: int, state: GateState | None, told: dict[str, Any]) -> tuple[GateState, Record]:
    try:
        record = read(told["record"])
        if state is not None:
            return step(state, record), record
        if isinstance(record, Opened):
            return begun(record), record
    except (KeyError, TypeError, AttributeError) as problem:
        raise BadEvidence(number, f"it holds no record: {problem}") from problem
    except BadRecord as problem:
        raise BadEvidence(number, str(problem)) from problem
    raise BadEvidence(number, "evidence begins with the opening of a gate")
