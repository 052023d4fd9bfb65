"""This file is for reading log entries on from an API that only knows ranges of time: each entry once, late ones too."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import blake2b

from probes.evidence.source import LogLine, LogWindow
from probes.net.answer import Answer

S_NS = 1_000_000_000
_PAGES = 500  # of one reading; a server that never comes to an end is not asked for ever
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9})\d*)?(Z|[+-]\d\d:?\d\d)")
_CLOCK_TOLD_S = 5.0  # a difference of clocks that is worth a remark; Date has a resolution of 1 s


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: when it happened, what it is known by within the source, and its line."""

    at_ns: int
    key: bytes
    line: LogLine


@dataclass(frozen=True, slots=True)
class Page:
    """One answer. `full` says that there may be more; `doubts` that it is not all it should be, so nothing can be cleared."""

    entries: Sequence[Entry]
    full: bool
    doubts: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    clock_offset_s: float | None = None  # how far its clock is ahead of ours, None where it did not say


@dataclass(frozen=True, slots=True)
class TimeMark:
    """Where reading goes on: what happened since `start_ns` is read again, and what is in `seen` does not count again."""

    start_ns: int
    clock_offset_s: float = 0.0
    seen: Mapping[bytes, int] = field(default_factory=dict)
    used: int = 0  # bytes read since the mark was set
    remarks: tuple[str, ...] = ()  # of the mark itself


Ask = Callable[[int, int], Awaitable[Page]]  # entries from start_ns (inclusive), the oldest first, at most so many


@dataclass(slots=True)
class Reading:
    """One reading of everything since a mark, page by page."""

    ask: Ask
    mark: TimeMark
    max_bytes: int
    sizes: Sequence[int]  # entries of a page; the next size is tried where a page holds entries of one instant only
    fresh: list[Entry] = field(default_factory=list)
    known: dict[bytes, int] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    cut_short: bool = False
    clock_offset_s: float | None = None

    async def run(self) -> Reading:
        """Ask until there is no more. Raises: EvidenceError, as `ask` does."""
        self.known, at, size, used = dict(self.mark.seen), self.mark.start_ns, 0, self.mark.used
        for _ in range(_PAGES):
            page = await self.ask(at, self.sizes[size])
            self._note(page)
            for entry in page.entries:
                if entry.at_ns >= self.mark.start_ns and entry.key not in self.known:
                    self.known[entry.key] = entry.at_ns
                    self.fresh.append(entry)
                    used += len(entry.line.text)
            if used > self.max_bytes:
                return self._cut(f"more than {self.max_bytes} bytes were logged; the rest was not read")
            if not page.full:
                return self
            last = max((entry.at_ns for entry in page.entries), default=at)
            if last > at:
                at, size = last, 0
            elif size + 1 < len(self.sizes):
                size += 1
            else:
                return self._cut(f"more than {self.sizes[size]} entries carry the same time, so not all of them could be read")
        return self._cut(f"there were more than {_PAGES} pages; the rest was not read")

    def window(self, now_ns: int, overlap_s: float) -> LogWindow:
        """Return what is new, in order of time, and the mark that goes on. `now_ns` was the time when the reading began."""
        lines = tuple(entry.line for entry in sorted(self.fresh, key=lambda entry: entry.at_ns))
        used = self.mark.used + sum(len(line.text) for line in lines)
        remarks = tuple(dict.fromkeys([*self.mark.remarks, *self.remarks]))
        return LogWindow(lines, self.next_mark(now_ns, overlap_s, used), self.cut_short, remarks)

    def next_mark(self, now_ns: int, overlap_s: float, used: int) -> TimeMark:
        start = max(self.mark.start_ns, now_ns - int(overlap_s * S_NS))
        offset = self.mark.clock_offset_s if self.clock_offset_s is None else self.clock_offset_s
        return TimeMark(start, offset, {key: at for key, at in self.known.items() if at >= start}, used, self.mark.remarks)

    def _note(self, page: Page) -> None:
        if page.clock_offset_s is not None and self.clock_offset_s is None:
            self.clock_offset_s = page.clock_offset_s
        self.cut_short = self.cut_short or bool(page.doubts)
        self.remarks += [text for text in (*page.doubts, *page.remarks) if text not in self.remarks]

    def _cut(self, why: str) -> Reading:
        self.cut_short = True
        self.remarks.append(why)
        return self


def now_ns(offset_s: float = 0.0) -> int:
    """Return the time of day of a clock that is so far ahead of ours."""
    return unix_ns(datetime.now(UTC)) + int(offset_s * S_NS)


def unix_ns(at: datetime) -> int:
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * S_NS + since.microseconds * 1000


def instant_ns(text: str) -> int | None:
    """Return the nanoseconds of an RFC 3339 time, of which Python would keep microseconds only; None for anything else."""
    match = _INSTANT.fullmatch(text)
    if match is None:
        return None
    day, time, fraction, zone = match.groups()
    try:
        at = datetime.fromisoformat(f"{day}T{time}{'+00:00' if zone == 'Z' else zone}")
    except ValueError:
        return None
    return unix_ns(at) + int((fraction or "").ljust(9, "0"))


def as_instant(at_ns: int) -> str:
    """Return an RFC 3339 time in UTC with all nine digits."""
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at_ns // S_NS)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at_ns % S_NS:09d}Z"


def key_of(*parts: str) -> bytes:
    """Return a short name for something that these texts tell apart from all others."""
    return blake2b(b"\0".join(part.encode("utf-8", "surrogatepass") for part in parts), digest_size=16).digest()


def clock_offset_s(answer: Answer, told: datetime | None = None) -> float | None:
    """Return how far the server's clock is ahead of ours, by what it told or by its Date header; None where it has none."""
    half = timedelta(seconds=0.5)  # Date is cut to whole seconds
    if told is None:
        try:
            told = parsedate_to_datetime(answer.header("date") or "") + half
        except (TypeError, ValueError):
            return None
        told = told if told.tzinfo else told.replace(tzinfo=UTC)
    return (told - answer.sent_at).total_seconds() - answer.duration_s / 2


def clock_remark(called: str, offset_s: float | None) -> tuple[str, ...]:
    """Return what is worth knowing of a clock that differs from ours, or that nobody knows."""
    if offset_s is None:
        return (f"{called} does not say what time it is, so lines were looked for by our clock",)
    if abs(offset_s) <= _CLOCK_TOLD_S:
        return ()
    return (f"the clock of {called} is {far(offset_s)}; lines were looked for by its clock",)


def far(offset_s: float) -> str:
    """Return how far a clock is off, for a sentence."""
    return f"{abs(offset_s):.0f} s {'ahead of' if offset_s > 0 else 'behind'} ours"
