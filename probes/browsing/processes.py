"""This file is for ending a program with all that it started, at once and for sure, also what left its process group."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

_ROUNDS = 5  # what a process started while we looked is found in the next round


def family(pid: int) -> set[int]:
    """Return the process and all that descend from it or live in the sessions of those; it alone where /proc is not there."""
    known = _table()
    members, sessions = {pid}, {known[pid][1]} if known.get(pid, (0, 0))[1] == pid else set()
    grew = True
    while grew:
        more = {one for one, (parent, session) in known.items() if parent in members or session in sessions} - members
        sessions |= {known[one][1] for one in more if known[one][1] in more}  # a session that one of them leads
        members |= more
        grew = bool(more)
    return members


def kill_family(pid: int, *, spare_head: bool = False) -> set[int]:
    """Kill the process, unless it is spared, and its family, and return who they were. It never waits."""
    if not spare_head:
        _signal(pid, signal.SIGSTOP)  # it may start nothing more while we look
    killed: set[int] = set()
    sessions: set[int] = set()
    for _ in range(_ROUNDS):
        known = _table()
        members = family(pid) | {one for one, (_, session) in known.items() if session in sessions}
        fresh = members - killed - {os.getpid(), *([pid] if spare_head else [])}
        if not fresh:
            break
        sessions |= {known[one][1] for one in fresh if known.get(one, (0, 0))[1] in fresh}
        for one in fresh:
            _signal(one, signal.SIGKILL)
        killed |= fresh
    return killed


def argument(pid: int, name: str) -> str:
    """Return what a process was given as `--name=…`, or an empty text."""
    with contextlib.suppress(OSError):
        for word in Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0"):
            if word.startswith(f"--{name}="):
                return word.partition("=")[2]
    return ""


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _table() -> dict[int, tuple[int, int]]:
    """Return parent and session of each living process. Source: proc(5), fields 3, 4 and 6 of /proc/PID/stat."""
    found = {}
    with contextlib.suppress(OSError):
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            with contextlib.suppress(OSError, IndexError, ValueError):
                rest = Path(f"/proc/{entry}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
                if rest[0] not in "ZX":
                    found[int(entry)] = (int(rest[1]), int(rest[3]))
    return found
