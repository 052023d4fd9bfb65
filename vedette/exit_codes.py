"""This file is for the exit codes of every command: one table, documented, stable; the worst wins."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from enum import IntEnum


class Exit(IntEnum):
    """What a command's exit code means. Members stand in order from the worst to the best."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Exit:
        made = int.__new__(cls, code)
        made._value_ = code
        made.meaning = meaning
        return made

    INTERNAL = 70, "an error of Vedette itself that nobody caught"
    UNDO_FAILED = 6, "a fault that was put in could not be taken out; see `vedette restore`"
    INTERRUPTED = 130, "stopped by SIGINT (Ctrl-C); what was seen until then is reported"
    TERMINATED = 143, "stopped by SIGTERM; what was seen until then is reported"
    USAGE = 2, "the command line or a file is wrong; nothing was sent"
    FAILED = 1, "the target was seen to break its contract"
    DEADLINE = 4, "the time given with --timeout was over before all was asked"
    INCONCLUSIVE = 3, "it could not be decided: nothing was proven, or our side could not read, store or reach what it needs"
    NOTHING_SELECTED = 5, "no scenario was selected, so nothing was asked"
    PASSED = 0, "all passed, each with its proof (degraded counts as passed, unless --strict)"


def worst(codes: Iterable[Exit]) -> Exit:
    """Return the worst of the codes, in the order in which the table lists them; PASSED for none."""
    order = list(Exit)
    return min(codes, key=order.index, default=Exit.PASSED)


def of_signal(number: int) -> Exit:
    """Return the code of a run that a signal stopped."""
    return Exit.TERMINATED if number == signal.SIGTERM else Exit.INTERRUPTED
