"""This file is for reading several log sources on, from marks that were set before something was sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from probes.evidence.source import LogLine, LogSource, LogWindow, PlainLines
from probes.outcome import Check, Evidence, control

_UTF16 = "lines of {} hold as many zero bytes as text in UTF-16 does, and could not be understood"


@dataclass(slots=True)
class LogWatch:
    """All lines since the marks. `cut_short` once anything was written that could not be read.

    With `keep`, only those lines stay that it returns; `told` is given all of them as they come.
    """

    sources: Sequence[tuple[str, LogSource]]
    marks: list[Any]
    lines: list[LogLine] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    cut_short: bool = False
    silent: set[int] = field(default_factory=set)  # places of sources in which nothing was written since the marks
    count: int = 0  # of all lines
    keep: Callable[[Sequence[LogLine]], Iterable[LogLine]] | None = None
    told: Callable[[Sequence[LogLine]], None] | None = None

    @classmethod
    async def begin(
        cls,
        sources: Sequence[tuple[str, LogSource]],
        *,
        keep: Callable[[Sequence[LogLine]], Iterable[LogLine]] | None = None,
        told: Callable[[Sequence[LogLine]], None] | None = None,
    ) -> LogWatch:
        """Set the marks. Raises: EvidenceError."""
        marks = [await source.mark() for _, source in sources]
        return cls(sources, marks, silent=set(range(len(marks))), keep=keep, told=told)

    async def read(self) -> None:
        """Take what was written since the last read. Raises: EvidenceError."""
        for place, (_, source) in enumerate(self.sources):
            more = True
            while more:
                window = await source.read_since(self.marks[place])
                self.marks[place] = window.next_mark
                more = window.more
                await self._take(place, source, window)

    async def _take(self, place: int, source: LogSource, window: LogWindow) -> None:
        if self.told is not None and window.lines:
            await asyncio.to_thread(self.told, window.lines)
        self.count += len(window.lines)
        self.lines += window.lines if self.keep is None else self.keep(window.lines)
        self.remarks += [remark for remark in window.remarks if remark not in self.remarks]
        self.cut_short = self.cut_short or window.cut_short
        if window.lines:
            self.silent.discard(place)
        if _is_garbled(window.lines):  # what cannot be understood was not read
            self.cut_short = True
            self.remarks += [remark for remark in [_UTF16.format(source.describe())] if remark not in self.remarks]

    @property
    def names(self) -> str:
        return ", ".join(source.describe() for _, source in self.sources)

    def spoke(self) -> Iterator[Check]:
        """Yield a control for each of several sources: one in which nothing was written may be the wrong one."""
        for place, (name, source) in enumerate(self.sources if len(self.sources) > 1 else ()):
            say = (
                f"nothing was written to '{name}' ({source.describe()}) meanwhile, so nothing shows that it is the right log; "
                "name under 'logs' those that are"
            )
            yield control(f"something was written to '{name}'", holds=place not in self.silent, expected="a line", say=say)

    def evidence(self) -> Evidence:
        return Evidence("log window", f"{self.count} lines of {self.names}", {"remarks": list(self.remarks)})


def _is_garbled(lines: Sequence[LogLine]) -> bool:
    return not isinstance(lines, PlainLines) and any(
        len(line.text) > 8 and line.text.count("\0") * 3 > len(line.text) for line in lines
    )
