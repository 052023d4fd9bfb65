"""This file is for log lines that a command prints, such as `kubectl logs`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import Field, PositiveInt

from probes.decoding import understood
from probes.evidence.source import LogLine, LogSource, LogWindow
from probes.fields import Duration
from probes.redact import Redactor
from probes.running import Program

_Line = tuple[str, bool, bool]  # the text, whether it came on standard error, and whether it could not all be decoded


@dataclass(frozen=True, slots=True)
class CommandMark:
    """A time, and how often each line was seen since: a command has no place to continue from, so it prints lines again."""

    since: datetime
    seen: Counter[_Line] = field(default_factory=Counter)
    lines: int = 0


class Command(LogSource, source="command"):
    """Runs a program, without a shell, and takes each line of its output and of its standard error for a log line.

    `{{since}}` in an argument becomes the time of the mark, such as 2026-11-21T10:00:00.123456Z. Lines that
    were there when the mark was set, or were read before, do not count again. The program and all that it
    started are killed when the time is over.
    """

    argv: list[str] = Field(min_length=1)  # the program and its arguments
    timeout: Duration = 10.0  # of one run of it
    max_bytes: PositiveInt = 16 * 1024 * 1024  # read of one run; more makes the window cut short
    env: list[str] = Field(default_factory=list)  # names of environment variables that the program needs, beside the usual
    encoding: str = "utf-8"  # bytes that are wrong in it are replaced

    def describe(self) -> str:
        return f"command {Redactor().text(' '.join(self.argv[:2]))}"

    async def mark(self) -> CommandMark:
        since = datetime.now(UTC)
        lines, _ = await self._run(since)
        return CommandMark(since, Counter(lines), len(lines))

    async def read_since(self, mark: Any) -> LogWindow:
        lines, cut_short = await self._run(mark.since)
        seen: Counter[_Line] = Counter()
        numbers: Counter[bool] = Counter()
        fresh: list[LogLine] = []
        for line in lines:
            text, aside, damaged = line
            seen[line] += 1
            numbers[aside] += 1
            if seen[line] > mark.seen[line]:
                where = self.describe() + (", standard error" if aside else "")
                fresh.append(LogLine(text, where, numbers[aside], damaged))
        remarks = (f"the command printed more than {self.max_bytes} bytes; the rest was not read",) if cut_short else ()
        return LogWindow(tuple(fresh), CommandMark(mark.since, mark.seen | seen, len(lines)), cut_short, remarks)

    async def _run(self, since: datetime) -> tuple[list[_Line], bool]:
        """Run once and return the lines, and whether there were more than may be read."""
        stamp = since.isoformat(timespec="microseconds").replace("+00:00", "Z")
        program = Program(self.describe(), self.timeout, self.max_bytes, self.env)
        ran = await program.run([part.replace("{{since}}", stamp) for part in self.argv])
        return [*self._lines(ran.out, aside=False), *self._lines(ran.err, aside=True)], ran.cut_short

    def _lines(self, raw: bytes, *, aside: bool) -> list[_Line]:
        text, damaged = understood(raw, self.encoding)
        lines = text.removesuffix("\n").split("\n") if raw else []
        return [(line.removesuffix("\r"), aside, damaged and "\ufffd" in line) for line in lines]
