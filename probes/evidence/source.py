"""This file is for the contract of an evidence source: a place where proof is read, beside the target's answers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from probes.fields import Configured
from probes.outcome import Json


class EvidenceError(Exception):
    """The source could not be read. The text is one clear sentence without secrets; the outcome is `error`."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line as it stands in the source, without its line end. `number` counts from 1 within `where`, 0 if unknown.

    `damaged` tells that bytes of it could not be decoded, and that U+FFFD stands in `text` for them.
    """

    text: str
    where: str
    number: int
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class LogWindow:
    """What was written since a mark. `next_mark` continues where this ended; `remarks` tell of rotation and the like."""

    lines: tuple[LogLine, ...]
    next_mark: Any
    cut_short: bool = False  # more was written than may be read; what is not read cannot be cleared
    remarks: tuple[str, ...] = ()
    more: bool = False  # there is more to be read at once, from `next_mark` on: a long window comes in pieces


class EvidenceSource(Configured):
    """The base of all sources; `source:` in the file names the kind, the file's own name."""

    source_name: ClassVar[str] = ""

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
