"""This file is for the standard streams, which may be closed, full, or without half of the letters: none may change a verdict."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from typing import TextIO, cast


def steady() -> None:
    """Make the standard streams safe to use, whatever state we were started with.

    A descriptor that is closed is taken by the next file that is opened, our database say, and a child's output
    would go there: so /dev/null takes it. Talk that cannot be told is dropped, data that cannot be given is not.
    """
    with contextlib.suppress(OSError):
        while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
            os.set_inheritable(number, True)
        os.close(number)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    if not isinstance(sys.stdout, _Data):
        sys.stdout = cast(TextIO, _Data(sys.stdout))
    if not isinstance(sys.stderr, _Talk):
        sys.stderr = cast(TextIO, _Talk(sys.stderr))


def undelivered() -> OSError | None:
    """Return why standard output did not take all that was written to it, or None."""
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    return sys.stdout.lost if isinstance(sys.stdout, _Data) else None


class _Data:
    """Standard output that remembers what went wrong with it: a reader that got half of it must not see a 0."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream if stream is not None else io.StringIO()
        self._closed = stream is None
        self.lost: OSError | None = None

    def write(self, text: str) -> int:
        try:
            if self._closed:
                raise OSError(errno.EBADF, "it is closed")
            return self._stream.write(text)
        except OSError as problem:
            self._lose(problem)
            raise

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as problem:
            self._lose(problem)
            raise

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def _lose(self, problem: OSError) -> None:
        self.lost = self.lost or problem
        # Or the interpreter tries again at its end, and makes 120 of our exit code.
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


class _Talk(_Data):
    """Standard error that never raises: whether talk is heard decides nothing."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            super().flush()
