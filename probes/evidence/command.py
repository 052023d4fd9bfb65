"""This file is for log lines that a command prints, such as `kubectl logs`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import Field, PositiveInt

from probes.evidence.source import EvidenceError, LogLine, LogSource, LogWindow
from probes.fields import Duration
from probes.redact import Redactor

# What a program needs to be found and to find its own configuration; no token of ours is among them.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "KUBECONFIG", "DOCKER_HOST", "XDG_RUNTIME_DIR", "SSL_CERT_FILE")
_CHUNK = 64 * 1024
_AFTER_KILL_S = 2.0


_Line = tuple[str, bool]  # the text, and whether it came on standard error


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
            text, aside = line
            seen[line] += 1
            numbers[aside] += 1
            if seen[line] > mark.seen[line]:
                fresh.append(LogLine(text, self.describe() + (", standard error" if aside else ""), numbers[aside]))
        remarks = (f"the command printed more than {self.max_bytes} bytes; the rest was not read",) if cut_short else ()
        return LogWindow(tuple(fresh), CommandMark(mark.since, mark.seen | seen, len(lines)), cut_short, remarks)

    async def _run(self, since: datetime) -> tuple[list[_Line], bool]:
        """Run once and return the lines, and whether there were more than may be read."""
        stamp = since.isoformat(timespec="microseconds").replace("+00:00", "Z")
        argv = [part.replace("{{since}}", stamp) for part in self.argv]
        names = {*_PASSED_ON, *self.env}
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={name: value for name, value in os.environ.items() if name in names},
                start_new_session=True,  # its own process group, so that its children can be killed with it
            )
        except (OSError, ValueError) as problem:
            reason = getattr(problem, "strerror", None) or str(problem)
            raise EvidenceError(f"the {self.describe()} could not be started: {reason.lower()}") from problem
        try:
            async with asyncio.timeout(self.timeout):
                return await self._output(process)
        except TimeoutError as problem:
            raise EvidenceError(f"the {self.describe()} was not done after {self.timeout:g} s and was stopped") from problem
        finally:
            _kill(process)  # at once: a second cancellation may not leave it running
            await asyncio.shield(_end(process))

    async def _output(self, process: asyncio.subprocess.Process) -> tuple[list[_Line], bool]:
        assert process.stdout is not None and process.stderr is not None
        async with asyncio.TaskGroup() as both:
            complaint = both.create_task(self._read_pipe(process, process.stderr))
            output = both.create_task(self._read_pipe(process, process.stdout))
        (raw, long), (aside, long_aside) = output.result(), complaint.result()
        cut_short = long or long_aside
        if not cut_short and await process.wait() != 0:
            first = next(iter(aside.decode("utf-8", "replace").strip().splitlines()), "it said nothing")
            how = _ending(process.returncode or 0)
            raise EvidenceError(f"the {self.describe()} {how}: {self._redactor().text(first)[:300]}")
        return [*self._lines(raw, aside=False), *self._lines(aside, aside=True)], cut_short

    def _lines(self, raw: bytes, *, aside: bool) -> list[_Line]:
        text = raw.decode(self.encoding, "replace").removesuffix("\n")
        return [(line.removesuffix("\r"), aside) for line in text.split("\n")] if raw else []

    async def _read_pipe(self, process: asyncio.subprocess.Process, pipe: asyncio.StreamReader) -> tuple[bytes, bool]:
        """Read up to the limit; what would print more is stopped at once, since nobody will read it."""
        pieces, length = [], 0
        while piece := await pipe.read(_CHUNK):
            pieces.append(piece)
            length += len(piece)
            if length > self.max_bytes:
                _kill(process)
                return b"".join(pieces)[: self.max_bytes], True
        return b"".join(pieces), False

    def _redactor(self) -> Redactor:
        """Return one that knows the values which the program was given by name."""
        redactor = Redactor()
        for name in self.env:
            redactor.add(os.environ.get(name, ""), name)
        return redactor


def _kill(process: asyncio.subprocess.Process) -> None:
    """Kill the whole group, also what outlived the program itself."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Wait briefly for what was killed, and let go of its pipes."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_AFTER_KILL_S):
            await process.wait()
    transport = getattr(process, "_transport", None)
    if transport is not None:
        transport.close()  # pipes that a grandchild in another group still holds would stay open


def _ending(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
