"""This file is for talking to a person: talk goes to stderr, data to stdout, colour only where it is wanted."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

from vedette.exit_codes import Exit

if TYPE_CHECKING:
    from scenarios.mistakes import SuiteError


class UsageError(Exception):
    """The command line or a file is wrong. The text is the whole message, ready to be read."""

    exit = Exit.USAGE


def complain(message: str) -> None:
    """Write one error to stderr; a message that is already laid out is left as it is."""
    head = "" if message.startswith(("error", "\x1b[")) else "error: "
    sys.stderr.write(f"{head}{message.rstrip()}\n")


def tell(message: str) -> None:
    """Write one remark to stderr."""
    sys.stderr.write(f"{message.rstrip()}\n")


def wants_colour(stream: TextIO) -> bool:
    """Return whether to colour: a terminal that is not dumb, and NO_COLOR unset. Source: no-color.org."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and stream.isatty()


def complain_of_suite(problem: SuiteError) -> None:
    """Write every mistake of a suite to stderr, each at its line."""
    sys.stderr.write(problem.render(color=wants_colour(sys.stderr)).rstrip() + "\n")
