"""This file is for the evidence of a gate that runs alone: a file, each line of it whole before anybody acts on it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from reports.judgement.gate import GENESIS, BadEvidence, Decision, GateState, begun, replay, sealed, step
from reports.judgement.gate_evidence import hash_of
from scenarios.gates.records import BadRecord, Opened, Record
from vedette.cli.speech import UsageError, tell
from vedette.exit_codes import Exit


class EvidenceLost(UsageError):
    """A line could not be kept, so nothing may be decided from it."""

    exit = Exit.INCONCLUSIVE


@dataclass(frozen=True, slots=True)
class Found:
    """What a file of evidence holds: the record that opened the gate, and where the gate stands."""

    opened: Opened
    state: GateState
    newest: Decision


class EvidenceFile:
    """One file of evidence, held by one process at a time.

    A line counts once it is on the disk. What a `kill -9` or a full disk cut off was never acted on, so it is taken away.
    """

    def __init__(self, path: Path, *, resume: bool = False) -> None:
        """Raises: UsageError where the file is there already (to be made) or cannot be gone on with (to be resumed)."""
        self.path, self._is_new = path, not resume
        self._number, self._before = 0, GENESIS
        self._file = _opened(path, resume=resume)
        try:
            self.found = self._read() if resume else None
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, record: Record, decision: Decision) -> None:
        """Keep one record with what it decides. Blocks until it is on the disk. Raises: EvidenceLost."""
        line = sealed(self._number + 1, self._before, record, decision)
        end = os.lseek(self._file, 0, os.SEEK_END)
        try:
            left = f"{line.line}\n".encode()
            while left:
                left = left[os.write(self._file, left) :]
            os.fsync(self._file)
        except OSError as problem:
            self._cut_off(end)
            raise EvidenceLost(
                f"the evidence cannot be written to '{self.path}', so nothing is decided: {problem.strerror}"
            ) from None
        self._number, self._before = self._number + 1, line.hash

    @property
    def newest_hash(self) -> str:
        """Return the hash of the newest line: with it, whoever keeps it can tell that no line is missing at the end."""
        return self._before

    def close(self) -> None:
        """Give the file free; one that was made for nothing goes."""
        if not self._number and self._is_new:
            with contextlib.suppress(OSError):
                self.path.unlink()
        os.close(self._file)

    def _read(self) -> Found:
        with open(os.dup(self._file), "rb") as file:
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            tell(f"the last line of '{self.path}' was cut off before anybody acted on it, and is taken away")
            self._cut_off(len(whole))
        lines = lines_of(whole, self.path)
        try:
            found = folded(lines)
        except (BadEvidence, BadRecord) as problem:
            raise UsageError(f"'{self.path}' cannot be gone on with: {problem}") from problem
        if found is None:
            raise UsageError(f"'{self.path}' holds no evidence to go on with; leave --resume out to begin")
        self._number, self._before = len(lines), hash_of(lines[-1])
        return found

    def _cut_off(self, end: int) -> None:
        try:
            os.ftruncate(self._file, end)
            os.fsync(self._file)
        except OSError as problem:
            raise EvidenceLost(f"a half line cannot be taken out of '{self.path}': {problem.strerror}") from None


def folded(lines: list[str]) -> Found | None:
    """Return where the gate of these lines stands, each line proven; None for no line. Raises: BadEvidence, BadRecord."""
    opened: Opened | None = None
    state: GateState | None = None
    for record, decision in replay(lines):
        if state is None:
            if not isinstance(record, Opened):
                raise BadEvidence(1, "it does not open the gate")
            opened, state = record, begun(record)
        else:
            state = step(state, record)
        newest = decision
    return None if opened is None or state is None else Found(opened, state, newest)


def lines_of(content: bytes, path: Path | str) -> list[str]:
    """Return the lines of a file of evidence, those that are empty at its end left out. Raises: UsageError."""
    try:
        lines = content.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        raise UsageError(f"'{path}' is not UTF-8, so it is no evidence of a gate") from None
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def newest_in(folder: Path, policy: str) -> Path | None:
    """Return the newest file of evidence of a policy in the folder where gates that run alone keep it."""
    return max(_of_policy(folder, policy), key=lambda path: path.stat().st_mtime_ns, default=None)


def _of_policy(folder: Path, policy: str) -> Iterator[Path]:
    yield from (path for path in folder.glob("*.jsonl") if path.name.startswith(f"{policy}@"))


def _opened(path: Path, *, resume: bool) -> int:
    flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | (0 if resume else os.O_CREAT | os.O_EXCL)
    try:
        file = os.open(path, flags, 0o600)
    except FileExistsError:
        raise UsageError(f"'{path}' is there already; --resume goes on with it, --evidence names another") from None
    except FileNotFoundError:
        missing = path if resume else path.parent
        raise UsageError(f"'{missing}' is not there") from None
    except (OSError, ValueError) as problem:
        raise UsageError(f"'{path}' cannot be used for evidence: {getattr(problem, 'strerror', None) or problem}") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not resume:
            _keep_name(path.parent)
    except BlockingIOError:
        os.close(file)
        raise UsageError(f"another process writes to '{path}'") from None
    except OSError as problem:
        os.close(file)
        raise UsageError(f"'{path}' cannot be used for evidence: {problem.strerror}") from None
    return file


def _keep_name(folder: Path) -> None:
    """Bring the new name to the disk: a file that is whole and has no name is lost all the same."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
