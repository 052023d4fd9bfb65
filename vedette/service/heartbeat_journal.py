"""This file is for reports being on the disk before they are acknowledged, also while the store is locked or gone."""

from __future__ import annotations

import asyncio
import json
import os
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
    """A file of one line a report. Reports that come at the same time share one wait for the disk."""

    def __init__(self, path: Path, *, largest_bytes: int = LARGEST_BYTES, tidy_bytes: int = TIDY_BYTES) -> None:
        self._path = path
        self._largest, self._tidy_at = largest_bytes, tidy_bytes
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._waiting: list[tuple[Report, bytes, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._bytes = 0
        self._kept = self._read()

    @property
    def found(self) -> list[Report]:
        """Return what an earlier life of the service left, in order."""
        return list(self._kept)

    async def keep(self, report: Report) -> None:
        """Return once the report is on the disk. Raises: OSError where it could not be kept."""
        line = _line(report)
        if self._bytes + len(line) > self._largest:
            raise JournalFull(f"more than {self._largest} bytes of reports wait to be stored")
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((report, line, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        await asyncio.shield(done)  # a caller that goes away does not take the others' reports with it

    def tidy(self, is_stored: Callable[[Report], bool]) -> None:
        """Begin to write the file anew without what is stored elsewhere, where it has grown and nothing is being written."""
        if self._bytes < self._tidy_at or (self._writing is not None and not self._writing.done()):
            return
        left = [report for report in self._kept if not is_stored(report)]
        if len(left) == len(self._kept):
            self._tidy_at = max(self._tidy_at, 2 * self._bytes)  # not again and again for nothing
            return
        self._writing = asyncio.create_task(self._tidied(left))

    async def close(self) -> None:
        """Wait for what is being written, and end. Nothing is kept any more."""
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

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
        try:
            await asyncio.to_thread(self._replace, b"".join(_line(report) for report in left))
            self._kept = left
        except OSError:
            self._tidy_at = 2 * self._bytes  # the old file is still there and whole; later there may be room
        await self._write_all()  # what came meanwhile

    def _append(self, lines: bytes) -> None:
        """Write whole lines, or leave nothing of them behind: half a line would spoil the one after it."""
        try:
            written = 0
            while written < len(lines):
                written += os.pwrite(self._file, lines[written:], self._bytes + written)
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, self._bytes)
            raise
        self._bytes += len(lines)

    def _read(self) -> list[Report]:
        """Return what stands in the file; what a power cut left of a last line is cut off."""
        content = self._path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) != len(content):
            os.ftruncate(self._file, len(whole))
        self._bytes = len(whole)
        found = (_report(line) for line in whole.splitlines())
        return [report for report in found if report is not None]

    def _replace(self, lines: bytes) -> None:
        fresh = self._path.with_name(f"{self._path.name}.new")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
        number = os.open(fresh, os.O_RDWR)
        fresh.replace(self._path)
        os.close(self._file)
        self._file, self._bytes = number, len(lines)


def _line(report: Report) -> bytes:
    return json.dumps({**asdict(report), "at": report.at.isoformat()}).encode() + b"\n"


def _report(line: bytes) -> Report | None:
    try:
        data: dict[str, Any] = json.loads(line)
        return Report(**{**data, "at": datetime.fromisoformat(data["at"])})
    except (ValueError, TypeError, KeyError):
        return None
