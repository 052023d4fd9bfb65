"""This file is for log lines in batches that are looked at as one text, the line before each line end in it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from probes.evidence.source import LogLine, PlainLines

_BATCH = 64 * 1024  # characters that are passed over, or looked at closely, at once


class Batch:
    """Some of many lines of one source, from the one at `first` on."""

    def __init__(self, among: Sequence[LogLine], first: int, text: str, count: int) -> None:
        self.text, self.count = text, count
        self._among, self._first = among, first

    @property
    def is_odd(self) -> bool:
        """Whether a line has a line end of its own: the text does not tell where lines are."""
        return not isinstance(self._among, PlainLines) and self.text.count("\n") >= self.count

    def lines(self) -> Sequence[LogLine]:
        if isinstance(self._among, PlainLines):
            return self._among.part(self.text, self._first)
        return self._among[self._first : self._first + self.count]

    def last_lines(self, signs: int) -> Sequence[LogLine]:
        """Return the last lines that have so many signs or more together, or all."""
        start = self.text.rfind("\n", 0, max(0, len(self.text) - signs)) + 1
        if isinstance(self._among, PlainLines):
            return self._among.part(self.text[start:], self._first + self.text.count("\n", 0, start))
        return self.lines()[-self.text.count("\n", start) - 1 :]


def batches(lines: Sequence[LogLine]) -> Iterator[Batch]:
    """Yield all lines of one source."""
    if isinstance(lines, PlainLines):
        yield from _of_text(lines)
        return
    sizes = list(accumulate(len(line.text) for line in lines))
    start = 0
    while start < len(lines):
        end = bisect_left(sizes, _BATCH + (sizes[start - 1] if start else 0)) + 1
        texts = [line.text for line in lines[start:end]]
        yield Batch(lines, start, "\n".join(texts), len(texts))
        start = end


def _of_text(lines: PlainLines) -> Iterator[Batch]:
    at = first = 0
    while at <= len(lines.text):
        end = lines.text.find("\n", at + _BATCH)
        end = len(lines.text) if end < 0 else end
        text = lines.text[at:end]
        count = text.count("\n") + 1
        yield Batch(lines, first, text, count)
        at, first = end + 1, first + count
