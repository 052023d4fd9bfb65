"""This file is for deciding again from a gate's evidence: the same in every line, or the first line that is not as it was."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vedette.cli.service_client import one_line
from vedette.cli.speech import UsageError
from vedette.exit_codes import Exit

if TYPE_CHECKING:
    from reports.judgement.gate import Decision

LARGEST = 1 << 30  # bytes of a file of evidence


@dataclass(slots=True)
class Replayed:
    """What came of a replay. `line` and `problem` are of the first line that is not as it was."""

    records: Counter[str]
    newest: Decision | None = None
    hash: str = ""
    line: int | None = None
    problem: str = ""

    @property
    def is_same(self) -> bool:
        return self.line is None and self.newest is not None


def replay_file(path: str, *, wanted_hash: str | None = None, as_json: bool = False) -> Exit:
    """Replay a file and tell what came of it: 0 the same, 1 not. Raises: UsageError for what cannot be read."""
    found = replayed(_lines(path), wanted_hash)
    if as_json:
        sys.stdout.write(json.dumps(document(found), indent=2, allow_nan=False) + "\n")
    else:
        sys.stdout.write(f"{one_line(sentence(found))}\n")
    return Exit.PASSED if found.is_same else Exit.FAILED


def replayed(lines: list[str], wanted_hash: str | None = None) -> Replayed:
    """Decide again, line by line. `wanted_hash` is that of the newest line, as whoever keeps it has it."""
    from reports.judgement.gate import BadEvidence, replay
    from reports.judgement.gate_evidence import hash_of

    found = Replayed(Counter())
    try:
        for record, decision in replay(lines):
            found.records[record.kind] += 1
            found.newest = decision
    except BadEvidence as problem:
        found.line, found.problem = problem.line, str(problem)
        return found
    found.hash = hash_of(lines[-1])
    if wanted_hash is not None and found.hash != wanted_hash.strip().lower():
        found.line = len(lines) + 1
        found.problem = f"line {found.line}: it is missing, or the lines are those of another gate: the newest has another hash"
    return found


def sentence(found: Replayed) -> str:
    """Return for people what came of a replay."""
    lines = sum(found.records.values())
    if not found.is_same or found.newest is None:
        return f"differs: {found.problem} (the {lines} lines before it decide the same)"
    newest = found.newest
    counted = f"{lines} lines, {found.records['round']} rounds: each decides the same"
    return f"the same: {counted}; in the end {newest.verb.value} at {newest.weight:g} %: {newest.reason}"


def document(found: Replayed) -> dict[str, Any]:
    """Return for programs what came of a replay."""
    newest = found.newest
    return {
        "same": found.is_same,
        "lines": sum(found.records.values()),
        "records": dict(sorted(found.records.items())),
        "hash": found.hash or None,
        "first_line_that_differs": found.line,
        "problem": found.problem or None,
        "decision": newest.as_json(session=newest.gate) if newest is not None else None,
    }


def _lines(path: str) -> list[str]:
    """Return the lines of a file; `-` is standard input. Raises: UsageError."""
    from vedette.jobs.gate_evidence import lines_of

    try:
        if path == "-":
            content = sys.stdin.buffer.read(LARGEST + 1)
        else:
            with open(path, "rb") as file:
                content = file.read(LARGEST + 1)
    except (OSError, ValueError) as problem:
        raise UsageError(f"'{path}' cannot be read: {getattr(problem, 'strerror', None) or 'this is no name'}") from None
    if len(content) > LARGEST:
        raise UsageError(f"'{path}' is larger than {LARGEST >> 20} MiB, so it is no evidence of a gate")
    lines = lines_of(content, path)
    if not lines:
        raise UsageError(f"'{path}' is empty: there is nothing to replay")
    if not _is_json(lines[0]):
        raise UsageError(f"'{path}' does not begin with a line of evidence, so it is none of a gate")
    return lines


def _is_json(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
