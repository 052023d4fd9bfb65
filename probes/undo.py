"""This file is for mending what was broken on purpose: an undo journal on disk that outlives a `kill -9`, and its restore."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from probes.faults.lever import Lever, LeverError
from probes.ids import new_id
from probes.outcome import Subject
from probes.secretless import JournalError, dump, expand, refuse_hidden, secrets_behind
from probes.target import Target

__all__ = ["Entry", "Fate", "Journal", "JournalError", "Restored", "rebuild", "restore"]

UNDO_TIMEOUT_S = 60.0
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_FORM = 1  # of an entry's file; another number is an entry of another version of ours


def _process_started(pid: int) -> str:
    """Return what tells this process from a later one of the same id, or an empty text where /proc is not there.

    Source: proc(5), field 22 of /proc/PID/stat counts clock ticks since boot, so the boot's id belongs to it.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
    state, *rest = stat.rpartition(")")[2].split()
    return "" if state in "ZX" else f"{boot}/{rest[18]}"  # a zombie undoes nothing any more


@dataclass(frozen=True, slots=True)
class Entry:
    """One undo to be done: which lever of which target, in a form that needs neither the suite nor secrets on disk.

    Make it with `Entry.of`. In `target` and `lever_options`, what came from the environment stands as `${NAME}`.
    """

    what: str
    target: Mapping[str, Any]
    lever: str
    lever_options: Mapping[str, Any]
    suite_path: str = ""
    id: str = field(default_factory=new_id)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    pid: int = field(default_factory=os.getpid)
    process_started: str = field(default_factory=lambda: _process_started(os.getpid()))

    @classmethod
    def of(cls, *, what: str, target: Target, lever: Lever, suite_path: str = "") -> Entry:
        """Return the entry that undoes `lever` on `target`. Raises: JournalError for a secret without an origin."""
        # an undo reads no proof and moves one lever only
        bare = target.model_copy(update={"evidence": {}, "faults": {}, "description": ""})
        return cls(
            what=what,
            target=dump(bare, "target"),
            lever=lever.lever_name,
            lever_options=dump(lever, f"lever '{lever.lever_name}'"),
            suite_path=suite_path,
        )

    @property
    def target_name(self) -> str:
        return str(self.target.get("name", "?"))

    def is_of_living_run(self) -> bool:
        """Say whether the process that wrote this is still there to undo it itself."""
        if self.process_started:
            return _process_started(self.pid) == self.process_started
        if os.name == "nt":
            return True  # signal 0 would end the process there; `force` decides
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


class Journal:
    """The undo entries that are open, one file each in one folder, so that several processes never share a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def register(self, entry: Entry) -> str:
        """Write an entry down and return its id; when this returns it survives a crash of the machine.

        Raises: JournalError when it cannot be written, or holds a secret in the clear; then do not do the deed.
        """
        refuse_hidden(entry.target, "target")
        refuse_hidden(entry.lever_options, f"lever '{entry.lever}'")
        draft, final = self.folder / f".{entry.id}.draft", self._file(entry.id)
        try:
            self._make_folder()
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(handle, "w", encoding="utf-8") as file:
                json.dump(_to_json(entry), file, indent=1)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, final)  # whole or not there: a half-written entry never counts
            _sync_folder(self.folder)
        except (OSError, TypeError, ValueError) as problem:
            with suppress(OSError):
                draft.unlink()
            raise JournalError(f"the undo of '{entry.what}' could not be written to '{self.folder}' ({problem})") from problem
        return entry.id

    def done(self, entry_id: str) -> None:
        """Strike an entry out; one that is no longer there is no error, as two may have mended the same. Raises: JournalError."""
        try:
            self._file(entry_id).unlink(missing_ok=True)
            if self.folder.is_dir():
                _sync_folder(self.folder)
        except OSError as problem:
            raise JournalError(f"'{entry_id}' could not be struck out of the journal ({problem.strerror})") from problem

    def open_entries(self) -> list[Entry]:
        """Return what is still to be undone, oldest first. What cannot be read is told by `damaged`."""
        return [entry for _, entry in self._read() if isinstance(entry, Entry)]

    def damaged(self) -> list[tuple[Path, str]]:
        """Return the files that should be entries and are not, each with the reason."""
        return [(path, reason) for path, reason in self._read() if isinstance(reason, str)]

    def _read(self) -> list[tuple[Path, Entry | str]]:
        found: list[tuple[Path, Entry | str]] = []
        for path in sorted(self.folder.glob("*.json")):
            try:
                found.append((path, _from_json(json.loads(path.read_text(encoding="utf-8")))))
            except FileNotFoundError:
                continue  # another process struck it out meanwhile
            except (OSError, ValueError, KeyError, TypeError, RecursionError) as problem:
                found.append((path, f"the journal entry '{path}' cannot be read ({type(problem).__name__}: {problem})"))
        return found

    def _file(self, entry_id: str) -> Path:
        if not _ID.fullmatch(entry_id):
            raise JournalError(f"'{entry_id}' is not the id of a journal entry")
        return self.folder / f"{entry_id}.json"

    def _make_folder(self) -> None:
        if not self.folder.is_dir():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _sync_folder(self.folder.parent)


class Fate(StrEnum):
    """What became of an open entry in a restore."""

    UNDONE = "undone"
    FAILED = "failed"
    LEFT = "left"  # its run is alive and will undo it itself


@dataclass(frozen=True, slots=True)
class Restored:
    """One entry after a restore, with the sentence for a person."""

    id: str
    what: str
    target: str
    fate: Fate
    sentence: str


async def restore(journal: Journal, *, force: bool = False, timeout_s: float = UNDO_TIMEOUT_S) -> list[Restored]:
    """Undo what dead runs left broken, oldest first; `force` undoes what belongs to living runs too.

    An entry whose undo failed stays open, so that a later restore tries it again.
    """
    results = [Restored(path.stem, path.name, "?", Fate.FAILED, reason) for path, reason in journal.damaged()]
    for entry in journal.open_entries():
        if entry.is_of_living_run() and not force:
            sentence = f"'{entry.what}' on target '{entry.target_name}' was left alone: its run is alive (process {entry.pid})"
            results.append(Restored(entry.id, entry.what, entry.target_name, Fate.LEFT, sentence))
            continue
        results.append(await _undo(journal, entry, timeout_s))
    return results


async def _undo(journal: Journal, entry: Entry, timeout_s: float) -> Restored:
    try:
        async with asyncio.timeout(timeout_s):
            await _move_back(entry)
        journal.done(entry.id)
    except TimeoutError:
        trouble = f"it took more than {timeout_s:g} s"
    except Exception as problem:  # a lever of a stranger may raise anything, and the other entries must still be undone
        trouble = str(problem) or type(problem).__name__
    else:
        sentence = f"'{entry.what}' on target '{entry.target_name}' was undone (broken at {entry.at:%Y-%m-%d %H:%M:%S} UTC)"
        return Restored(entry.id, entry.what, entry.target_name, Fate.UNDONE, sentence)
    sentence = f"'{entry.what}' on target '{entry.target_name}' is still broken: {trouble}"
    return Restored(entry.id, entry.what, entry.target_name, Fate.FAILED, sentence)


async def _move_back(entry: Entry) -> None:
    from probes.session import Session

    target, lever = rebuild(entry)
    subject = Subject(entry.suite_path, f"restore: {entry.what}", "restore", target.name, target.environment)
    session = Session(target=target, subject=subject, run_id=new_id(), suite_path=entry.suite_path)
    for value, label in secrets_behind([entry.target, entry.lever_options]):
        session.plant(value, label)
    try:
        await lever.undo(session)
    except Exception as problem:  # whatever it says may quote a secret; told once more without
        raise LeverError(session.redactor.text(str(problem) or type(problem).__name__)) from None
    finally:
        await session.close()


def rebuild(entry: Entry) -> tuple[Target, Lever]:
    """Return the target and the lever of an entry, with secrets read anew from where they come from.

    Raises: JournalError that names the environment variable, the lever or the field that is not there.
    """
    from probes.registry import LEVERS, RegistryError

    try:
        kind = LEVERS.find(entry.lever)
    except RegistryError as problem:
        raise JournalError(str(problem)) from problem
    if kind is None:
        where = f"; load the plug-ins of its suite '{entry.suite_path}'" if entry.suite_path else ""
        raise JournalError(f"there is no fault lever '{entry.lever}' here{where}")
    try:
        return Target.model_validate(expand(entry.target)), kind.model_validate(expand(entry.lever_options))
    except ValidationError as problem:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in problem.errors(include_input=False))
        raise JournalError(f"the journal entry cannot be used: {faults}") from None


def _to_json(entry: Entry) -> dict[str, Any]:
    return {"form": _FORM, **{name: getattr(entry, name) for name in Entry.__slots__}, "at": entry.at.isoformat()}


def _from_json(data: Any) -> Entry:
    if not isinstance(data, dict) or data.pop("form", None) != _FORM:
        raise ValueError("it was written by another version")
    entry = Entry(**{**data, "at": datetime.fromisoformat(data["at"])})
    texts = (entry.what, entry.lever, entry.suite_path, entry.id, entry.process_started)
    tables = (entry.target, entry.lever_options)
    if not all(isinstance(t, str) for t in texts) or not all(isinstance(t, dict) for t in tables) or type(entry.pid) is not int:
        raise ValueError("a value in it is of the wrong type")
    if not _ID.fullmatch(entry.id):
        raise ValueError("its id is none")
    return entry


def _sync_folder(folder: Path) -> None:
    """Make the folder's list of names durable; where folders cannot be opened (Windows) there is no way to."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
