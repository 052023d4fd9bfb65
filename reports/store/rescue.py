"""This file is for what the store could not take: kept in a file of lines, so that nothing is lost."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from reports.store.errors import StoreError
from reports.store.lines import Record, to_line


class Rescue:
    """A file `vedette-unsaved-<run id>.jsonl` in the first of the folders that takes it, readable for its owner only."""

    def __init__(self, run_id: str, folders: Sequence[Path]) -> None:
        self._name = f"vedette-unsaved-{run_id}.jsonl"
        self._folders = list(folders)
        self._file: int | None = None
        self._whole = 0  # bytes of whole lines; beyond it is what a full disk cut off
        self.path: Path | None = None

    def add(self, record: Record) -> None:
        """Append one record; it is on the disk when this returns. Raises: StoreError when no folder takes it."""
        line = (to_line(record) + "\n").encode("utf-8")
        while True:
            try:
                self._append(line)
                return
            except OSError as problem:
                self._move_on(problem)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _append(self, line: bytes) -> None:
        if self._file is None:
            self._open(self._folders[0] / self._name)
        assert self._file is not None
        os.ftruncate(self._file, self._whole)
        os.lseek(self._file, self._whole, os.SEEK_SET)
        _write_all(self._file, line)
        os.fsync(self._file)
        self._whole += len(line)

    def _open(self, path: Path) -> None:
        # O_EXCL: in a folder for everybody, a file or link that another user put there must not be written to.
        self._file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        self.path = path

    def _move_on(self, problem: OSError) -> None:
        """Carry the whole lines over to the next folder, or say that there is none."""
        kept = os.pread(self._file, self._whole, 0) if self._file is not None else b""
        left = self.path
        refused = self._folders.pop(0)
        if not self._folders:
            raise StoreError(f"neither the store nor the folder '{refused}' takes more: {problem.strerror}") from problem
        if self._file is not None:
            self.close()
        self._whole = 0
        if kept:
            try:
                self._append(kept)
            except OSError as next_problem:
                raise StoreError(
                    f"the rescue file '{left}' cannot grow ({problem.strerror}), nor move to '{self._folders[0]}'"
                ) from next_problem
        if left is not None and left != self.path:
            with contextlib.suppress(OSError):
                left.unlink()


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
