"""This file is for reading on in the logs of containers, which a program prints again with the time of each line before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from probes.decoding import understood
from probes.evidence.source import LogLine, LogWindow
from probes.log_paging import instant_ns, unix_ns


@dataclass(frozen=True, slots=True)
class Printed:
    """One line as it was printed: of which container, when it was written (None if that cannot be read), and what."""

    where: str
    at_ns: int | None
    text: str
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class ContainerMark:
    """A time, the lines since then that are known, and what the containers were (`state` is the source's own)."""

    since: datetime
    seen: Counter[Printed] = field(default_factory=Counter)
    state: Mapping[str, Any] = field(default_factory=dict)


def printed(raw: bytes, where: str) -> list[Printed]:
    """Return the lines of `--timestamps`: the time, a space, the text."""
    lines = raw.removesuffix(b"\n").split(b"\n") if raw else []
    return [stamped(*understood(line.removesuffix(b"\r")), where) for line in lines]


def stamped(line: str, damaged: bool, where: str) -> Printed:
    head, _, text = line.partition(" ")
    at_ns = instant_ns(head)
    return Printed(where, at_ns, line if at_ns is None else text, damaged)


def since_for(overlap_s: float) -> datetime:
    """Return the time from which lines are asked for now: clocks of other machines may be behind ours."""
    return datetime.now(UTC) - timedelta(seconds=overlap_s)


def known(lines: Iterable[Printed], since: datetime) -> Counter[Printed]:
    """Return the lines since a time, which the program may have cut to whole seconds, and how often each was printed."""
    since_ns = unix_ns(since)
    return Counter(line for line in lines if line.at_ns is None or line.at_ns >= since_ns)


def window(
    mark: ContainerMark,
    lines: Sequence[Printed],
    before: Sequence[Printed],
    *,
    overlap_s: float,
    began: datetime,
    state: Mapping[str, Any],
    doubts: Sequence[str],
    remarks: Sequence[str],
    gone: frozenset[str] = frozenset(),
) -> LogWindow:
    """Return what is new in `lines`, and in `before` (of containers that ended), and the mark that goes on.

    A known line that is not printed any more means that the log was rotated, so that others may be lost unseen;
    of the places in `gone` that is told already.
    """
    there = known([*before, *lines], mark.since)
    left = Counter(mark.seen)
    fresh = []
    for line in sorted(there.elements(), key=lambda line: line.at_ns or 0):
        if left[line]:
            left[line] -= 1
        else:
            fresh.append(LogLine(line.text, line.where, 0, line.damaged))
    lost = dict.fromkeys(line.where for line in left.elements() if line.at_ns is not None and line.where not in gone)
    doubts = [*doubts, *(f"lines of {where} that stood there before are gone; more may be lost with them" for where in lost)]
    since = max(mark.since, began - timedelta(seconds=overlap_s))
    following = ContainerMark(since, known(lines, since), state)
    return LogWindow(tuple(fresh), following, bool(doubts), (*doubts, *remarks))
