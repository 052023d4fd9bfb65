"""This file is for log lines that stand in a file, which may be rotated or emptied while it is read."""

from __future__ import annotations

import asyncio
import codecs
import os
import stat
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from pydantic import Field, PositiveInt, field_validator

from probes.evidence.source import EvidenceError, LogLine, LogSource, LogWindow, PlainLines

_MIB = 1024 * 1024
_COUNTED_BYTES = 64 * _MIB  # lines before the mark are counted up to this size, else line numbers are unknown
_TAIL_BYTES = 64  # what stood before the mark; when it differs, the file was emptied and written anew
_PIECE_BYTES = _MIB // 2  # read at once; what is longer comes in several windows
_LONG_LINE_BYTES = 4 * _MIB  # so much at once where no line ends
_LINE_CHARACTERS = _MIB  # a longer line comes in pieces
_LINE_BY_LINE = frozenset({"utf-8", "ascii", "iso8859-1", "iso8859-15", "cp1252"})  # no line's bytes change how the next is read
_ROTATIONS = 20  # path.1, path.2, … looked through for files that came and went between two reads


class _Opened:
    """A file held open, so that what is written before a rotation can be read after it. Closed with its last user."""

    def __init__(self, path: str) -> None:
        # Without O_NONBLOCK a pipe of that name would block for ever.
        self.fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self.path = path
        self.close = weakref.finalize(self, os.close, self.fd)
        about = os.fstat(self.fd)
        self.identity = (about.st_dev, about.st_ino)
        if not stat.S_ISREG(about.st_mode):
            self.close()
            raise EvidenceError(
                f"'{path}' is {'a directory' if stat.S_ISDIR(about.st_mode) else 'no regular file'}, not a log file"
            )

    @property
    def size(self) -> int:
        return os.fstat(self.fd).st_size


@dataclass(frozen=True, slots=True)
class FileMark:
    """A place in a file. `file` is None where there was no file yet."""

    file: _Opened | None
    offset: int = 0
    tail: bytes = b""  # what stands right before `offset`
    lines: int | None = 0  # whole lines before `offset`, None if unknown
    waiting: bytes = b""  # the beginning of a line, seen at `offset` by the last read
    used: int = 0  # bytes read since `mark`


class LogFile(LogSource, source="log_file"):
    """Reads a log file from a mark on, over rotation (renamed and made anew) and truncation.

    A last line without a line end is kept back until it stands unchanged in two reads.
    """

    path: str = Field(min_length=1)  # from the suite's folder; may hold {{today}}, the date in UTC, as in app-{{today}}.log
    encoding: str = "utf-8"  # bytes that are wrong in it are replaced
    max_bytes: PositiveInt = 256 * _MIB  # read since one mark; more makes the window cut short
    may_be_missing: bool = False  # true: no file yet is an empty file

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            plain = codecs.lookup(value).encode("\n")[0] == b"\n"
        except LookupError:
            raise ValueError(f"'{value}' is no encoding that Python knows") from None
        if not plain:
            raise ValueError(f"lines cannot be told apart in '{value}'; use an encoding that extends ASCII")
        return value

    def describe(self) -> str:
        return f"log file {self.path}"

    async def mark(self) -> FileMark:
        return await asyncio.to_thread(self._mark)

    async def read_since(self, mark: Any) -> LogWindow:
        return await asyncio.to_thread(self._read_since, mark)

    def _now_path(self) -> str:
        return self.path.replace("{{today}}", datetime.now(UTC).date().isoformat())

    def _open(self) -> _Opened | None:
        path = self._now_path()
        try:
            return _Opened(path)
        except FileNotFoundError:
            return None
        except OSError as problem:
            raise EvidenceError(f"the log file '{path}' cannot be read: {_reason(problem)}") from problem

    def _mark(self) -> FileMark:
        file = self._open()
        if file is None:
            if self.may_be_missing:
                return FileMark(None)
            raise EvidenceError(f"the log file '{self._now_path()}' does not exist")
        try:
            size = file.size
            lines = _count_lines(file, size) if size <= _COUNTED_BYTES else None
            return FileMark(file, size, _tail(file, size), lines)
        except OSError as problem:
            raise EvidenceError(f"the log file '{file.path}' cannot be read: {_reason(problem)}") from problem

    def _read_since(self, mark: FileMark) -> LogWindow:
        try:
            reading = _Reading(self.encoding, self.max_bytes, mark)
            current = self._open()
            old = mark.file
            if old is None:
                if current is not None:
                    reading.read(current, 0)
            elif current is not None and current.identity == old.identity:
                self._read_on(reading, old)
            else:
                self._read_over_rotation(reading, old, current)
        except OSError as problem:
            raise EvidenceError(f"the log file '{self._now_path()}' cannot be read: {_reason(problem)}") from problem
        return reading.window()

    def _read_on(self, reading: _Reading, file: _Opened) -> None:
        """Read the same file on, or from its beginning if it was emptied; a copy of what was lost may be in path.1."""
        mark = reading.mark
        if file.size >= mark.offset and _tail(file, mark.offset) == mark.tail:
            reading.read(file, mark.offset)
            return
        copy = _open_if_there(f"{file.path}.1")
        if copy is not None and copy.size >= mark.offset and _tail(copy, mark.offset) == mark.tail:
            reading.remarks.append(f"'{file.path}' was emptied meanwhile; what was lost stood in its copy")
            reading.read(copy, mark.offset, last=False, at_once=True)
        else:
            reading.remarks.append(f"'{file.path}' was emptied meanwhile; lines written before that may be lost")
            reading.cut_short = True
        reading.restart(file)
        reading.read(file, _first_data(file))

    def _read_over_rotation(self, reading: _Reading, old: _Opened, current: _Opened | None) -> None:
        """Read the rest of the old file, the files that came and went in between, then the new one."""
        reading.remarks.append(f"'{old.path}' was rotated meanwhile")
        reading.read(old, reading.mark.offset, last=current is None)
        for file in [*reversed(_between(current.path, old)), current] if current is not None else []:
            if reading.more:
                return  # the next window goes on in the file in which this one ended
            reading.restart(file)
            reading.read(file, 0, last=file is current)


class _Reading:
    """What one `read_since` has read so far."""

    def __init__(self, encoding: str, max_bytes: int, mark: FileMark) -> None:
        self.encoding, self.max_bytes, self.mark = encoding, max_bytes, mark
        self.lines: list[Sequence[LogLine]] = []
        self.remarks: list[str] = []
        self.cut_short = False
        self.more = False

    def restart(self, file: _Opened) -> None:
        self.mark = FileMark(file, used=self.mark.used)

    def read(self, file: _Opened, offset: int, *, last: bool = True, at_once: bool = False) -> None:
        """Take the lines from `offset` on, a piece or all. What is not the last file will not grow: its rest is a line."""
        mark = self.mark
        allowed = self.max_bytes - mark.used
        there = max(0, file.size - offset)  # looked up once: what is written while we read is for the next read
        wanted = min(allowed, there)
        self.more = wanted > _PIECE_BYTES and not at_once
        raw = _read_at(file, offset, _PIECE_BYTES if self.more else wanted)
        if self.more and b"\n" not in raw:
            self.more = wanted > _LONG_LINE_BYTES
            raw = _read_at(file, offset, min(wanted, _LONG_LINE_BYTES))
        if there > allowed and not self.more:
            self.cut_short = True
            self.remarks.append(f"more than {self.max_bytes} bytes were written to '{file.path}'; the rest was not read")
        end = raw.rfind(b"\n") + 1
        rest = raw[end:]
        waiting = rest
        ends_here = end == 0 if self.more else not last or self.cut_short or (end == 0 and rest == mark.waiting)
        if rest and ends_here:
            end, waiting = len(raw), b""
        lines = self._take(file.path, raw[:end], mark.lines)
        at = offset + end
        self.mark = FileMark(file, at, _tail(file, at), lines, waiting, mark.used + end)

    def _take(self, where: str, raw: bytes, before: int | None) -> int | None:
        text = self._plain(raw)
        if text is not None:
            plain = PlainLines(text, where, 0 if before is None else before + 1)
            self.lines.append(plain)
            return None if before is None else before + len(plain)
        lines: list[LogLine] = []
        number = before
        for line in raw.split(b"\n")[: None if raw and not raw.endswith(b"\n") else -1]:
            number = None if number is None else number + 1
            text = line.decode(self.encoding, "replace").removesuffix("\r").lstrip("\0")
            damaged = "\ufffd" in text and _is_damaged(line, self.encoding)
            for start in range(0, max(1, len(text)), _LINE_CHARACTERS):
                lines.append(LogLine(text[start : start + _LINE_CHARACTERS], where, number or 0, damaged))
        self.lines.append(lines)
        return number

    def _plain(self, raw: bytes) -> str | None:
        """Return lines that can be told apart later, since nothing about any of them is special; else None."""
        if not raw or codecs.lookup(self.encoding).name not in _LINE_BY_LINE:
            return None
        text = str(memoryview(raw)[: -1 if raw.endswith(b"\n") else None], self.encoding, "replace")
        if "\ufffd" in text or "\0" in text or len(text) > _LINE_CHARACTERS:
            return None
        return text.replace("\r\n", "\n").removesuffix("\r") if "\r" in text else text

    def window(self) -> LogWindow:
        read = [some for some in self.lines if some]
        lines = read[0] if len(read) == 1 else tuple(chain.from_iterable(read))
        return LogWindow(lines, replace(self.mark), self.cut_short, tuple(self.remarks), self.more)


def _is_damaged(raw: bytes, encoding: str) -> bool:
    """Tell bytes that are wrong from a U+FFFD that somebody wrote."""
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return True
    return False


def _between(path: str, old: _Opened) -> list[_Opened]:
    """Return the files younger than `old` that are already rotated away, the youngest first; none if `old` is not found."""
    found: list[_Opened] = []
    for number in range(1, _ROTATIONS + 1):
        file = _open_if_there(f"{path}.{number}")
        if file is None:
            return []
        if file.identity == old.identity:
            return found
        found.append(file)
    return []


def _open_if_there(path: str) -> _Opened | None:
    try:
        return _Opened(path)
    except (OSError, EvidenceError):
        return None


def _read_at(file: _Opened, offset: int, length: int) -> bytes:
    """Read up to `length` bytes; `pread` may give fewer at a time."""
    pieces = []
    while length > 0 and (piece := os.pread(file.fd, min(length, _MIB), offset)):
        pieces.append(piece)
        offset += len(piece)
        length -= len(piece)
    return b"".join(pieces)


def _tail(file: _Opened, offset: int) -> bytes:
    start = max(0, offset - _TAIL_BYTES)
    return _read_at(file, start, offset - start)


def _count_lines(file: _Opened, size: int) -> int:
    count = at = 0
    while at < size and (piece := os.pread(file.fd, min(_MIB, size - at), at)):
        count += piece.count(b"\n")
        at += len(piece)
    return count


def _first_data(file: _Opened) -> int:
    """Return where data begins: a writer that keeps its place in an emptied file leaves a hole before it."""
    try:
        return os.lseek(file.fd, 0, os.SEEK_DATA)
    except OSError:
        return 0


def _reason(problem: OSError) -> str:
    return (problem.strerror or type(problem).__name__).lower()
