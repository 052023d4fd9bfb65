"""This file is for the contract of a report format, for finding formats by name, and for writing files whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TextIO

from probes.registry import Registry
from reports.overall import overall as overall  # for formats, at hand with their base
from reports.overall import unproven as unproven
from reports.store.answers import Point
from scenarios.events import Event, RunFinished, RunResult

History = Callable[[str, str], Sequence[Point]]  # (scenario, target) -> earlier outcomes, the newest first


class ReporterError(Exception):
    """A report cannot be written where it was asked for, or its format is unknown. The text says what would be right."""


class Reporter(ABC):
    """The base of all formats, and a Sink: it is told each event of a run, in order.

    `class Junit(Document, format="junit")`: the file bears the format's name. `output` is a file's path,
    or a stream for standard output. `talk` is where progress is told, `history` knows earlier outcomes.
    """

    format_name: ClassVar[str] = ""

    def __init_subclass__(cls, format: str = "", **more: Any) -> None:
        super().__init_subclass__(**more)
        cls.format_name = format

    def __init__(
        self,
        output: Path | TextIO,
        *,
        talk: TextIO | None = None,
        verbose: bool = False,
        environ: Mapping[str, str] = os.environ,
        history: History | None = None,
    ) -> None:
        self.output = output
        self.talk = talk if talk is not None else sys.stderr
        self.verbose = verbose
        self.environ = environ
        self.history = history

    def prepare(self) -> None:
        """Make sure, before anything is sent, that the report can be written. Raises: ReporterError."""
        if isinstance(self.output, Path):
            check_writable(self.output)

    @abstractmethod
    def take(self, event: Event) -> None:
        """Take one event of the run. Raises: ReporterError when the report cannot be written."""


class Document(Reporter):
    """A format that is one whole text, written when the run is over."""

    @abstractmethod
    def render(self, result: RunResult) -> str:
        """Return the whole report."""

    def take(self, event: Event) -> None:
        if isinstance(event, RunFinished):
            deliver(self.render(event.result), self.output)


FORMATS: Registry[Reporter] = Registry(
    Reporter,  # type: ignore[type-abstract]
    "reports.formats",
    "format_name",
    "vedette.formats",
    frozenset({"reporter", "terminal"}),
)


def parse(asked: str) -> tuple[type[Reporter], Path | None]:
    """Return the format and the path of `NAME[=PATH]`. Raises: ReporterError with the nearest known name."""
    name, equals, path = asked.partition("=")
    found = FORMATS.find(name)
    if found is None:
        near = FORMATS.near(name)
        hint = f"did you mean '{near}'?" if near else "known are " + ", ".join(FORMATS.names())
        raise ReporterError(f"unknown report format '{name}': {hint}")
    if equals and not path:
        raise ReporterError(f"the report '{asked}' names no file: write {name}=PATH, or only {name} for standard output")
    return found, Path(path) if path not in ("", "-") else None


def check_writable(path: Path) -> None:
    """Refuse a path that a report cannot be written to. Raises: ReporterError."""
    folder = path.parent
    try:
        if path.is_dir():
            raise ReporterError(f"the report cannot be written to '{path}': it is a folder")
        if not folder.is_dir():
            what = "is not a folder" if folder.exists() else "is not there"
            raise ReporterError(f"the report cannot be written to '{path}': the folder '{folder}' {what}")
        if _is_device(path):
            return
        if path.exists():
            path.open("ab").close()
        beside = _beside(path)
        os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        beside.unlink()
    except OSError as problem:
        raise ReporterError(f"the report cannot be written to '{path}': {problem.strerror}") from problem


def deliver(text: str, output: Path | TextIO) -> None:
    """Write a whole report: a file appears complete or not at all. Raises: ReporterError."""
    if not isinstance(output, Path):
        say(text, output)
        return
    try:
        if _is_device(output):
            with output.open("ab") as device:
                device.write(text.encode("utf-8", "backslashreplace"))
            return
        _write_whole(text.encode("utf-8", "backslashreplace"), output)
    except OSError as problem:
        raise ReporterError(f"the report cannot be written to '{output}': {problem.strerror}") from problem


def say(text: str, stream: TextIO) -> None:
    """Write to a stream, with escapes for what its encoding cannot hold."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def _write_whole(data: bytes, path: Path) -> None:
    path = path.resolve()  # a link stays a link, its file is replaced
    beside = _beside(path)
    # Made by open, not mkstemp, so that the umask decides who may read the report, as for any other file.
    descriptor = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise


def _beside(path: Path) -> Path:
    return path.resolve().with_name(f".{path.name}.{os.getpid()}.part")


def _is_device(path: Path) -> bool:
    """Tell whether a path stands for a device or pipe, which must be written to, never replaced."""
    if str(path).startswith(("/dev/", "/proc/")):
        return True
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False
