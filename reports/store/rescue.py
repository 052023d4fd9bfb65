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
        self._run_id = run_id
        self._folders = list(folders)
        self._file: int | None = None
        self._whole = 0  # bytes of whole lines
        self.path: Path | None = None

    def add(self, record: Record) -> None:
        """Append one record; it is on the disk when this returns. Raises: StoreError when no folder takes it."""
        self._append_somewhere((to_line(record) + "\n").encode("utf-8"))

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _append(self, data: bytes) -> None:
        if self._file is None:
            path = self._folders[0] / f"vedette-unsaved-{self._run_id}.jsonl"
            # O_EXCL: in a folder for everybody, a file or link that another user put there must not be written to.
            self._file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
            self.path = path
        try:
            _write_all(self._file, data)
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, self._whole)  # what a full disk took of a line is no line
            os.lseek(self._file, self._whole, os.SEEK_SET)
            raise
        self._whole += len(data)

    def _move_on(self, problem: OSError) -> None:
        """Carry the whole lines over to the next folder, or say that there is none; then they stay where they are."""
        if len(self._folders) == 1:
            raise StoreError(f"the folder '{self._folders[0]}' takes no more: {problem.strerror}") from problem
        next_one = Rescue(self._run_id, self._folders[1:])
        if self._file is not None and self._whole:
            next_one._append_somewhere(os.pread(self._file, self._whole, 0))
        left = self.path
        self.close()
        self._folders, self._file, self._whole, self.path = next_one._folders, next_one._file, next_one._whole, next_one.path
        if left is not None:
            with contextlib.suppress(OSError):
                left.unlink()

    def _append_somewhere(self, data: bytes) -> None:
        while True:
            try:
                self._append(data)
                return
            except OSError as problem:
                self._move_on(problem)


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
