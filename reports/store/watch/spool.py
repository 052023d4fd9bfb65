"""This file is for the spool: lines that the store did not take, on the disk until it does, in the order they came."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reports.store.errors import StoreError
from reports.store.watch.lines import Line, TickLine, without_details
from reports.store.watch.spool_lines import Decoder, Encoder

SEGMENT_BYTES = 4 * 1024 * 1024
_PASSES_LIGHT_AT, _ALL_LIGHT_AT = 0.5, 0.75  # of the room
_REFUSED_BYTES = 16 * 1024 * 1024
_FORM = "ticks-*.jsonl"


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines of one life of a sink, to be written together."""

    life: str
    lines: Sequence[Line]


@dataclass(slots=True)
class _Segment:
    path: Path
    ticks: int  # in it, as far as they are not in the store
    size: int


class SpoolFull(Exception):
    """The spool holds as much as it may."""


class Spool:
    """A folder of append-only files, for the owner's eyes only. What `add` was given is on the disk when it returns.

    A file is read from its beginning and deleted when all of it is in the store; the database itself knows how far
    it got (`TickWriter`). Files that an earlier life left behind, killed or not, come first. When half of the room
    is used, passes are kept without their evidence; at three quarters, everything is: ticks count more than proofs.
    """

    def __init__(self, folder: Path, *, life: str, most_bytes: int) -> None:
        self._folder = folder
        self._life = life
        self._most_bytes = most_bytes
        self._lock = _locked(folder)
        left = sorted(path for path in folder.glob(_FORM) if _number(path))
        self._segments = [_Segment(path, _ticks_in(path), path.stat().st_size) for path in left]
        self._number = _number(left[-1]) if left else 0
        self._file: int | None = None
        self._encoder = Encoder()
        self._read: list[Batch] = []  # what is left of the first segment
        self._loaded = False  # whether it was read
        self.unreadable = 0  # lines that came back damaged
        self.shed = 0  # whole outcomes that were left out for want of room

    @property
    def empty(self) -> bool:
        return not self._segments

    @property
    def ticks(self) -> int:
        return sum(segment.ticks for segment in self._segments)

    @property
    def size(self) -> int:
        return sum(segment.size for segment in self._segments)

    def add(self, lines: Sequence[Line]) -> None:
        """Append lines. Raises: SpoolFull, or OSError where the disk takes no more; then none of them is in."""
        lines, shed = self._lightened(lines)
        if self._file is None or self._segments[-1].size >= SEGMENT_BYTES:
            self._begin()
        segment = self._segments[-1]
        data = self._encoder.encode(lines)
        if self.size + len(data) > self._most_bytes:
            self._take_back(segment)
            raise SpoolFull
        assert self._file is not None
        try:
            _write_all(self._file, data)
            os.fsync(self._file)
        except OSError:
            self._take_back(segment)
            raise
        segment.size += len(data)
        segment.ticks += _count(lines)
        self.shed += shed

    def first(self, most: int) -> Batch | None:
        """Return the oldest lines, `most` at most, until `done` says that they are in the store; None when it is empty."""
        while self._segments:
            if not self._read and not self._loaded:
                self._load(self._segments[0], most)
            if self._read:
                return self._read[0]
            self._segments.pop(0).path.unlink(missing_ok=True)
            self._loaded = False
        return None

    def done(self) -> None:
        """Forget the lines that `first` returned."""
        self._segments[0].ticks -= _count(self._read.pop(0).lines)
        if not self._read:
            self._segments.pop(0).path.unlink(missing_ok=True)
            self._loaded = False

    def refuse(self, line: Line, reason: str) -> None:
        """Keep a line that no store takes, for a person to look at, as far as there is room."""
        path = self._folder / "refused.jsonl"
        with contextlib.suppress(OSError):
            file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
            try:
                if os.fstat(file).st_size < _REFUSED_BYTES:
                    _write_all(file, Encoder().encode([line], why=reason))
            finally:
                os.close(file)

    def close(self) -> None:
        self._end()
        os.close(self._lock)

    def _lightened(self, lines: Sequence[Line]) -> tuple[Sequence[Line], int]:
        """Return the lines as they are to be kept, and from how many the evidence was taken."""
        used = self.size / self._most_bytes
        if used < _PASSES_LIGHT_AT:
            return lines, 0
        kept = [without_details(line) if used >= _ALL_LIGHT_AT or _is_pass(line) else line for line in lines]
        return kept, sum(now is not before for now, before in zip(kept, lines, strict=True))

    def _begin(self) -> None:
        self._end()
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"ticks-{self._number + 1:010d}.jsonl"
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            head = Encoder.head(self._life)
            _write_all(file, head)
            _sync_folder(self._folder)  # else a power cut could take the file with all that was fsynced into it
        except OSError:
            os.close(file)
            path.unlink(missing_ok=True)
            raise
        self._number += 1
        self._file, self._encoder = file, Encoder()
        self._segments.append(_Segment(path, 0, len(head)))

    def _end(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _take_back(self, segment: _Segment) -> None:
        """Cut off what a full disk took of some lines; they are no lines, and the next must not be joined to them."""
        assert self._file is not None
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, segment.size)
        self._end()  # series that were numbered in what is cut off have no number: a new file begins anew
        if segment.size == len(Encoder.head(self._life)):
            self._segments.remove(segment)
            with contextlib.suppress(OSError):
                segment.path.unlink(missing_ok=True)

    def _load(self, segment: _Segment, most: int) -> None:
        if segment is self._segments[-1]:
            self._end()  # what comes now goes into another file, so that this one can be finished and deleted
        decoder = Decoder(segment.path)
        try:
            lines = decoder.lines()
        except OSError:  # a broken disk: what else is in the spool must not wait for this for ever
            lines, decoder.damaged = [], segment.ticks
            with contextlib.suppress(OSError):
                segment.path.rename(segment.path.with_suffix(".unreadable"))
        life = decoder.life or segment.path.stem
        self._read = [Batch(life, lines[start : start + most]) for start in range(0, len(lines), most)]
        self._loaded = True
        self.unreadable += decoder.damaged


def _is_pass(line: Line) -> bool:
    return isinstance(line, TickLine) and line.verdict == 4  # Verdict.rank


def _locked(folder: Path) -> int:
    """Return the file whose lock says that the folder is in use. It goes with the process, also with a killed one."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        os.close(file)
        if problem.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise
        raise StoreError(f"the spool folder '{folder}' is in use by another vedette: name another state folder") from problem
    return file


def _number(path: Path) -> int:
    digits = path.stem.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else 0


def _count(lines: Sequence[Line]) -> int:
    return sum(isinstance(line, TickLine) for line in lines)


def _ticks_in(path: Path) -> int:
    with path.open("rb") as file:
        return sum(line.startswith(b'["t"') and line.endswith(b"\n") for line in file)


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
