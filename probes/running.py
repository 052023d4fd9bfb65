"""This file is for running a program whose output is evidence: without a shell, bounded in time and size, and surely ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from probes.evidence.source import EvidenceError
from probes.redact import Redactor

# What a program needs to be found and to find its own configuration; no token of ours is among them.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "KUBECONFIG", "DOCKER_HOST", "XDG_RUNTIME_DIR", "SSL_CERT_FILE")
_CHUNK = 64 * 1024
_AFTER_KILL_S = 2.0


@dataclass(frozen=True, slots=True)
class Ran:
    """What a program wrote. `cut_short` says that it was stopped because it wrote more than may be read."""

    out: bytes
    err: bytes
    cut_short: bool


@dataclass(frozen=True, slots=True)
class Program:
    """A program to run. `called` is what a person would call it, `env` names variables that it is given beside the usual."""

    called: str
    timeout: float
    max_bytes: int
    env: Sequence[str] = ()

    async def run(self, argv: Sequence[str]) -> Ran:
        """Run it once. Raises: EvidenceError where it does not start, takes too long, or ends with an exit code."""
        process = await self._started(argv)
        try:
            async with asyncio.timeout(self.timeout):
                return await self._output(process)
        except TimeoutError as problem:
            raise EvidenceError(f"the {self.called} was not done after {self.timeout:g} s and was stopped") from problem
        finally:
            _kill(process)  # at once: a second cancellation may not leave it running
            await asyncio.shield(_end(process))

    async def _started(self, argv: Sequence[str]) -> asyncio.subprocess.Process:
        """Return the running program. If we are cancelled meanwhile it may run already, and nobody else would end it."""
        names = {*_PASSED_ON, *self.env}
        starting = asyncio.ensure_future(
            asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={name: value for name, value in os.environ.items() if name in names},
                start_new_session=True,  # its own process group, so that its children can be killed with it
            )
        )
        try:
            return await asyncio.shield(starting)
        except (OSError, ValueError) as problem:
            reason = getattr(problem, "strerror", None) or str(problem)
            raise EvidenceError(f"the {self.called} could not be started: {reason.lower()}") from problem
        except asyncio.CancelledError:
            starting.add_done_callback(_unwanted)
            with contextlib.suppress(OSError, ValueError):
                await asyncio.shield(_end(await asyncio.shield(starting)))
            raise

    async def _output(self, process: asyncio.subprocess.Process) -> Ran:
        assert process.stdout is not None and process.stderr is not None
        async with asyncio.TaskGroup() as both:
            complaint = both.create_task(self._read_pipe(process, process.stderr))
            output = both.create_task(self._read_pipe(process, process.stdout))
        (raw, long), (aside, long_aside) = output.result(), complaint.result()
        cut_short = long or long_aside
        if not cut_short and await process.wait() != 0:
            first = next(iter(aside.decode("utf-8", "replace").strip().splitlines()), "it said nothing")
            how = _ending(process.returncode or 0)
            raise EvidenceError(f"the {self.called} {how}: {self._redactor().text(first)[:300]}")
        return Ran(raw, aside, cut_short)

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


def _unwanted(started: asyncio.Future[asyncio.subprocess.Process]) -> None:
    if not started.cancelled() and started.exception() is None:
        _kill(started.result())


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
