"""This file is for reading several log sources on, from marks that were set before something was sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from probes.evidence.source import LogLine, LogSource
from probes.outcome import Evidence


@dataclass(slots=True)
class LogWatch:
    """All lines since the marks. `cut_short` once anything was written that could not be read."""

    sources: Sequence[tuple[str, LogSource]]
    marks: list[Any]
    lines: list[LogLine] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    cut_short: bool = False

    @classmethod
    async def begin(cls, sources: Sequence[tuple[str, LogSource]]) -> LogWatch:
        """Set the marks. Raises: EvidenceError."""
        return cls(sources, [await source.mark() for _, source in sources])

    async def read(self) -> None:
        """Take what was written since the last read. Raises: EvidenceError."""
        for place, (_, source) in enumerate(self.sources):
            window = await source.read_since(self.marks[place])
            self.marks[place] = window.next_mark
            self.lines += window.lines
            self.remarks += [remark for remark in window.remarks if remark not in self.remarks]
            self.cut_short = self.cut_short or window.cut_short

    @property
    def names(self) -> str:
        return ", ".join(source.describe() for _, source in self.sources)

    def evidence(self) -> Evidence:
        return Evidence("log window", f"{len(self.lines)} lines of {self.names}", {"remarks": list(self.remarks)})
