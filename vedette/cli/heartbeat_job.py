"""This file is for running a job and telling how it went, without ever standing in its way."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

from probes.ids import new_id
from vedette.cli.heartbeat_line import Said
from vedette.cli.speech import complain

TIMED_OUT = 124  # as `timeout` of GNU coreutils says it
NOT_RUNNABLE, NOT_FOUND = 126, 127  # as shells say it
KILL_AFTER_S = 10.0  # what a job that is to end has for it
URL_VARIABLE = "VEDETTE_HEARTBEAT_URL"
_PASSED_ON = frozenset({"SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGCONT", "SIGWINCH"})
_FROM_TERMINAL = frozenset({"SIGINT", "SIGQUIT"})  # a terminal sends them to the job as well

Tell = Callable[[Said], str]  # says it, and returns what went wrong


def run_job(command: Sequence[str], tell: Tell, *, timeout_s: float | None = None) -> int:
    """Run a command with our own streams, tell its start, and its exit code and duration; return its exit code.

    What goes wrong with telling is said on standard error and changes nothing: a backup must not fail because
    nobody watches it.
    """
    id = new_id()
    # Not waited for: the job goes first, and by its id a start that arrives after its end is known for what it is.
    threading.Thread(target=tell, args=(Said("start", id=id),), name="vedette-heartbeat", daemon=True).start()
    began = time.monotonic()
    code = _run(command, timeout_s)
    trouble = tell(Said("exit", exit_code=code, duration_s=time.monotonic() - began, id=id))
    if trouble:
        complain(f"nobody could be told that the command ended with exit code {code}: {trouble}")
    return code


def _run(command: Sequence[str], timeout_s: float | None) -> int:
    environ = {name: value for name, value in os.environ.items() if name != URL_VARIABLE}  # the job need not know it
    with _passing_on() as job:
        try:
            child = job.child = subprocess.Popen(command, env=environ)
        except (OSError, ValueError) as problem:
            why = getattr(problem, "strerror", None) or "it holds a NUL"
            complain(f"the command '{command[0]}' cannot be run: {why}")
            return NOT_FOUND if isinstance(problem, FileNotFoundError) else NOT_RUNNABLE
        job.pass_on_what_came()
        try:
            return _exit_code(child.wait(timeout_s))
        except subprocess.TimeoutExpired:
            complain(f"the command was still at work after {timeout_s:g} s and is ended")
            _end(child)
            return TIMED_OUT


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(KILL_AFTER_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _exit_code(returned: int) -> int:
    return 128 - returned if returned < 0 else returned


class _Job:
    """The running child, and the signals that came before it ran."""

    def __init__(self) -> None:
        self.child: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def take(self, number: int, frame: FrameType | None = None) -> None:
        if self.child is None:
            self._early.append(number)
        elif signal.Signals(number).name not in _FROM_TERMINAL or not _shares_terminal():
            self.child.send_signal(number)

    def pass_on_what_came(self) -> None:
        early, self._early = self._early, []
        for number in early:
            self.take(number)


@contextlib.contextmanager
def _passing_on() -> Iterator[_Job]:
    """Give every signal that we get to the job instead; it is the job that decides what becomes of it."""
    job = _Job()
    numbers = [getattr(signal, name) for name in _PASSED_ON if hasattr(signal, name)]
    wanted = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]  # `nohup` stays `nohup`
    before = [(number, signal.signal(number, job.take)) for number in wanted]
    try:
        yield job
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _shares_terminal() -> bool:
    """Return whether we are in the foreground of a terminal: what is typed there reaches the job without us."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
