"""This file is for the program that moves the traffic before each stage: a gate never moves any itself."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import sys
from collections.abc import Sequence

from vedette.cli.speech import UsageError
from vedette.exit_codes import Exit

WITHIN_S = 300.0  # the program, from its start to its end
KILL_AFTER_S = 10.0  # what it has to end by itself when it is told to
PLACE = "{weight}"


class NotMoved(UsageError):
    """The traffic was not moved, or nobody can say whether it was: the stage cannot be judged."""

    exit = Exit.INCONCLUSIVE


def words_of(command: str) -> list[str]:
    """Return the program and its words, as a shell would part them; no shell is asked. Raises: UsageError."""
    try:
        words = shlex.split(command)
    except ValueError as problem:
        raise UsageError(f"--advance '{command}' cannot be read: {str(problem).lower()}") from None
    if not words or "\0" in command:
        raise UsageError("--advance needs a program, such as --advance 'set-weight {weight}'")
    return words


async def advance(words: Sequence[str], weight: float, *, within_s: float = WITHIN_S) -> None:
    """Run the program for a weight, its output on our standard error, and see it end well. Raises: NotMoved."""
    line = [word.replace(PLACE, f"{weight:g}") for word in words]
    say = f"the traffic was not moved to {weight:g} %: '{line[0]}'"
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(*line, stdin=asyncio.subprocess.DEVNULL, stdout=_talk(), start_new_session=True)
    )
    try:
        async with asyncio.timeout(within_s):
            program = await asyncio.shield(starting)  # it may be at work before we hear that it was started
            code = await program.wait()
    except BaseException as problem:
        if isinstance(problem, OSError | ValueError) and not isinstance(problem, TimeoutError):
            why = getattr(problem, "strerror", None) or "it holds what no program may"
            raise NotMoved(f"{say} cannot be run: {why}") from None
        await asyncio.shield(_ended(starting))
        if isinstance(problem, TimeoutError):
            raise NotMoved(f"{say} was still at work after {within_s:g} s, and was ended") from None
        raise
    if code:
        how = f"exit code {code}" if code > 0 else signal.Signals(-code).name
        raise NotMoved(f"{say} ended with {how}")


def _signal(program: asyncio.subprocess.Process, number: int) -> None:
    """Tell the program and all that it started; what it started may outlive it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(program.pid, number)


async def _ended(starting: asyncio.Future[asyncio.subprocess.Process]) -> None:
    """See the program end, by itself or not, and with it all that it started."""
    program = await starting
    _signal(program, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(KILL_AFTER_S):
            await program.wait()
    _signal(program, signal.SIGKILL)
    await program.wait()


def _talk() -> int:
    """Return where its output goes: standard output is data, and the verdict's alone."""
    try:
        return sys.stderr.fileno()
    except (OSError, ValueError, AttributeError):
        return asyncio.subprocess.DEVNULL
