"""This file is for reports being on the disk before they are acknowledged, also while the store is locked or gone."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

LARGEST_BYTES = 64 * 1024 * 1024  # more is not waited for: a report then is refused, and the job told so
TIDY_BYTES = 1024 * 1024  # a journal larger than this is written anew, without what is stored elsewhere


@dataclass(frozen=True, slots=True)
class Report:
    """What a job said, redacted already. `exit_code` is None for a plain success or failure; `what` is start, success or fail."""

    slug: str
    at: datetime
    what: str
    exit_code: int | None = None
    duration_s: float | None = None
    note: str = ""
    id: str = ""  # as the job gave it


class JournalFull(OSError):
    """So many reports wait to be stored that no more is taken."""


class HeartbeatJournal:
    """A file of one line a report. Reports that come at the same time share one wait for the disk.

    Between them stand marks: up to which instant the ticks of a job are at rest elsewhere, in the store or its spool.
    """

    def __init__(self, path: Path, *, largest_bytes: int = LARGEST_BYTES, tidy_bytes: int = TIDY_BYTES) -> None:
        self._path = path
        self._largest, self._tidy_at = largest_bytes, tidy_bytes
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = _Descriptor(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._lock = threading.Lock()  # marks come from another thread; guards the file and its length
        self._waiting: list[tuple[Report, bytes, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._closed = False
        self._bytes = 0
        self._kept: list[Report] = []
        self._marks: dict[str, datetime] = {}
        self._read()

    @property
    def found(self) -> list[Report]:
        """Return what an earlier life of the service left, in order."""
        return list(self._kept)

    @property
    def marks(self) -> dict[str, datetime]:
        """Return up to which instant the ticks of each job are at rest elsewhere."""
        return dict(self._marks)

    async def keep(self, report: Report) -> None:
        """Return once the report is on the disk. Raises: OSError where it could not be kept."""
        line = _line(report)
        if self._closed:
            raise OSError(errno.ESHUTDOWN, "the service is stopping")
        if self._bytes + len(line) > self._largest:
            raise JournalFull(f"more than {self._largest} bytes of reports wait to be stored")
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((report, line, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        await asyncio.shield(done)  # a caller that goes away does not take the others' reports with it

    def mark(self, slug: str, at: datetime) -> None:
        """Take note that the tick of a job at this instant is at rest elsewhere. May be called on any thread.

        The disk is not waited for: a kill leaves what the system was given, and after a power cut the store knows best.
        """
        with contextlib.suppress(OSError), self._lock:  # without the mark the store is asked instead
            self._marks[slug] = at
            line = _mark_line(slug, at)
            if self._bytes + len(line) <= self._largest:
                self._bytes += os.pwrite(self._file.number, line, self._bytes)

    def tidy(self, is_stored: Callable[[Report], bool]) -> None:
        """Begin to write the file anew without what is stored elsewhere, where it has grown and nothing is being written."""
        if self._bytes < self._tidy_at or (self._writing is not None and not self._writing.done()):
            return
        left = [report for report in self._kept if not is_stored(report)]
        self._writing = asyncio.create_task(self._tidied(left))

    async def close(self) -> None:
        """Wait for what is being written. No report is kept any more; marks are, as the last ticks come to rest after this."""
        self._closed = True
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)

    async def _write_all(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            try:
                await asyncio.to_thread(self._append, b"".join(line for _, line, _ in group))
            except OSError as problem:
                for _, _, done in group:
                    done.set_exception(problem)
                    done.exception()  # whoever asked may be gone
            else:
                self._kept += [report for report, _, _ in group]
                for _, _, done in group:
                    done.set_result(None)

    async def _tidied(self, left: list[Report]) -> None:
        # What cannot be thrown away is not looked through again before the file has grown by half.
        try:
            await asyncio.to_thread(self._replace, b"".join(_line(report) for report in left))
            self._kept = left
        except OSError:  # the old file is still there and whole; later there may be room
            pass
        self._tidy_at = max(self._tidy_at, self._bytes + self._bytes // 2)
        await self._write_all()  # what came meanwhile

    def _append(self, lines: bytes) -> None:
        """Write whole lines, or leave nothing of them behind: half a line would spoil the one after it."""
        with self._lock:
            try:
                written = 0
                while written < len(lines):
                    written += os.pwrite(self._file.number, lines[written:], self._bytes + written)
                os.fsync(self._file.number)
            except OSError:
                os.ftruncate(self._file.number, self._bytes)
                raise
            self._bytes += len(lines)

    def _read(self) -> None:
        """Read what stands in the file; what a power cut left of a last line is cut off."""
        content = self._path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) != len(content):
            os.ftruncate(self._file.number, len(whole))
        self._bytes = len(whole)
        for line in whole.splitlines():
            with contextlib.suppress(ValueError, TypeError, KeyError):  # a line that is none must not cost the others
                data: dict[str, Any] = json.loads(line)
                if "stored" in data:
                    self._marks[str(data["slug"])] = datetime.fromisoformat(data["stored"])
                else:
                    self._kept.append(Report(**{**data, "at": datetime.fromisoformat(data["at"])}))

    def _replace(self, lines: bytes) -> None:
        fresh = self._path.with_name(f"{self._path.name}.new")
        with self._lock:
            lines += b"".join(_mark_line(slug, at) for slug, at in self._marks.items())
            with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())
            opened = _Descriptor(os.open(fresh, os.O_RDWR))
            fresh.replace(self._path)
            self._file, self._bytes = opened, len(lines)


class _Descriptor:
    """An open file that is closed with the last who knows it."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        os.close(self.number)


def _line(report: Report) -> bytes:
    return json.dumps({**asdict(report), "at": report.at.isoformat()}).encode() + b"\n"


def _mark_line(slug: str, at: datetime) -> bytes:
    return json.dumps({"slug": slug, "stored": at.isoformat()}).encode() + b"\n"
