"""This file is for errors of our own that nobody caught: told without their text, and never a 0 or a 1."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from vedette.cli.speech import complain
from vedette.exit_codes import Exit

_OURS = tuple(f"{Path(__file__).parents[2] / package}{os.sep}" for package in ("probes", "scenarios", "reports", "vedette"))


def confess(bug: BaseException) -> Exit:
    """Tell of a bug where it is, never by its text: that may hold a secret."""
    try:
        complain(
            f"vedette itself broke: {_name(bug)} at {_place(bug)}"
            " (set VEDETTE_TRACEBACK=1 to see where from; the text of the error is left out, it may hold secrets)"
        )
        if os.environ.get("VEDETTE_TRACEBACK") == "1":
            sys.stderr.write(_trail(bug))
    except Exception:  # memory that is gone, a stream that is closed: the code must come out all the same
        return Exit.INTERNAL
    return Exit.INTERNAL


class Threads:
    """Hears of what nobody caught on other threads while the block goes on: it must not end there unseen."""

    def __init__(self) -> None:
        self._broke = False

    def __enter__(self) -> Threads:
        self._before = threading.excepthook
        threading.excepthook = self._came
        return self

    def __exit__(self, *_: object) -> None:
        threading.excepthook = self._before

    def worse_than(self, code: int) -> int:
        """Return the code, or 70 where code of ours broke on a thread meanwhile."""
        return Exit.INTERNAL if self._broke else code

    def _came(self, broken: threading.ExceptHookArgs) -> None:
        if broken.exc_value is None or not _is_ours(broken.exc_value):
            self._before(broken)
            return
        self._broke = True
        confess(broken.exc_value)


def _is_ours(bug: BaseException) -> bool:
    """Say whether code of ours had a part in it: a stranger's thread is not ours to judge."""
    trail = bug.__traceback__
    while trail is not None:
        if trail.tb_frame.f_code.co_filename.startswith(_OURS):
            return True
        trail = trail.tb_next
    return False


def _place(bug: BaseException) -> str:
    import traceback

    frames = traceback.extract_tb(bug.__traceback__)
    return f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else "an unknown place"


def _trail(bug: BaseException) -> str:
    """Return where a bug came from: files, lines and types, never the text of an error, which may hold a secret."""
    import traceback

    lines = []
    seen: BaseException | None = bug
    while seen is not None:
        frames = traceback.extract_tb(seen.__traceback__)
        lines += [f"  {frame.filename}:{frame.lineno} in {frame.name}\n    {frame.line}\n" for frame in frames]
        lines.append(f"{_name(seen)} (its text is left out)\n")
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
        if seen is not None:
            lines.append("which came of:\n")
    return "".join(lines)


def _name(bug: BaseException) -> str:
    return type(bug).__qualname__
