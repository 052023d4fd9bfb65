"""This file is for the contract of an evidence source: a place where proof is read, beside the target's answers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, overload

from probes.fields import Configured
from probes.outcome import Json


class EvidenceError(Exception):
    """The source could not be read. The text is one clear sentence without secrets; the outcome is `error`."""


class LogLine(NamedTuple):
    """One line as it stands in the source, without its line end. `number` counts from 1 within `where`, 0 if unknown.

    `damaged` tells that bytes of it could not be decoded, and that U+FFFD stands in `text` for them.
    """

    text: str
    where: str
    number: int
    damaged: bool = False


class PlainLines(Sequence[LogLine]):
    """Lines that stand one after the other in one place, none of them damaged, in one text that has at least one line and no NUL.

    Neither lines nor their texts are made before they are asked for: there may be millions, and mostly they are passed over.
    """

    def __init__(self, text: str, where: str, first: int) -> None:
        self.text, self.where = text, where
        self._first = first  # its number, 0 if unknown
        self._length = text.count("\n") + 1

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, at: int) -> LogLine: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[LogLine]: ...

    def __getitem__(self, at: int | slice) -> LogLine | Sequence[LogLine]:
        if isinstance(at, slice):
            return [self[place] for place in range(*at.indices(self._length))]
        return self.part(self.texts[at], range(self._length)[at])[0]

    @cached_property
    def texts(self) -> Sequence[str]:
        return self.text.split("\n")

    def part(self, text: str, before: int) -> list[LogLine]:
        """Return the lines of a part of the text before which there are so many lines."""
        first, step = (self._first + before, 1) if self._first else (0, 0)
        return [LogLine(line, self.where, first + step * number) for number, line in enumerate(text.split("\n"))]


def text_of(lines: Sequence[LogLine]) -> str:
    """Return the text of all lines."""
    return lines.text if isinstance(lines, PlainLines) else "\n".join([line.text for line in lines])


@dataclass(frozen=True, slots=True)
class LogWindow:
    """What was written since a mark. `next_mark` continues where this ended; `remarks` tell of rotation and the like."""

    lines: Sequence[LogLine]
    next_mark: Any
    cut_short: bool = False  # more was written than may be read; what is not read cannot be cleared
    remarks: tuple[str, ...] = ()
    more: bool = False  # there is more to be read at once, from `next_mark` on: a long window comes in pieces


class EvidenceSource(Configured):
    """The base of all sources; `source:` in the file names the kind, the file's own name."""

    source_name: ClassVar[str] = ""
    extra: ClassVar[str] = ""  # without this extra of the package it cannot be read

    def __init_subclass__(cls, source: str = "", **more: Any) -> None:
        super().__init_subclass__(**more)
        if source:
            cls.source_name = source

    def describe(self) -> str:
        """Return what a person would call this source, without secrets, such as `log file storage/logs/app.log`."""
        return self.source_name.replace("_", " ")


class LogSource(EvidenceSource):
    """A source of log lines that are read from a mark on."""

    @abstractmethod
    async def mark(self) -> Any:
        """Return the place after the last line there is now. Raises: EvidenceError."""

    @abstractmethod
    async def read_since(self, mark: Any) -> LogWindow:
        """Return the whole lines written since `mark`, bounded. Raises: EvidenceError."""


class KeySource(EvidenceSource):
    """A source of cache keys."""

    @abstractmethod
    async def keys(self, pattern: str, limit: int = 10_000) -> frozenset[str]:
        """Return the keys that match a glob pattern, without blocking the server. Raises: EvidenceError."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of one series. `at_s` is the Unix time that the source gives the value for."""

    labels: Mapping[str, str]
    value: float
    at_s: float


class SampleSource(EvidenceSource):
    """A source of metric values, asked in its own query language."""

    @abstractmethod
    async def query(self, expression: str) -> tuple[Sample, ...]:
        """Return the samples of an instant query as of now; none is an answer too. Raises: EvidenceError."""


class RowSource(EvidenceSource):
    """A source of records, such as a database that is read and never written."""

    @abstractmethod
    async def rows(self, statement: str, parameters: Mapping[str, Any], *, limit: int = 1000) -> tuple[Mapping[str, Json], ...]:
        """Return the rows of one reading statement; `:name` in it is bound, never pasted.

        Raises: EvidenceError, also when there are more than `limit` rows.
        """
