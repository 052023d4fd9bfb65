"""This file is for breaking something by running a program, such as `kubectl` or a script of the team's own."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, field_validator

from probes.faults.lever import Lever, LeverError
from probes.fields import Duration, HeaderValue, Secret

if TYPE_CHECKING:
    from probes.session import Session

UNDO_WAITS_S = (0.2, 1.0)
_KEPT_BYTES = 64 * 1024  # of what the program says, its end: a chatty program must not fill our memory
_SHOWN_CHARACTERS = 300
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")  # nothing else of our environment, tokens least of all

Argv = Annotated[list[HeaderValue], Field(min_length=1)]


class Command(Lever, lever="command"):
    """Break by one program (`inject: [program, argument, …]`) and mend by another (`undo`), without a shell.

    Each must end with exit code 0 within `timeout`, else its whole process group is killed. `undo` must be safe to
    run twice, and when nothing is broken; it is tried three times. `env` is added to a minimal environment.
    """

    inject_argv: Argv = Field(alias="inject")  # the program that breaks, and its arguments
    undo_argv: Argv = Field(alias="undo")  # the program that mends, and its arguments
    env: dict[str, HeaderValue] = Field(default_factory=dict)  # environment variables for both
    folder: str = Field(default_factory=os.getcwd)  # where it runs; kept as a full path, so that a restore finds it
    timeout: Duration = 30.0  # of each run

    @field_validator("folder")
    @classmethod
    def _full_path(cls, value: str) -> str:
        return str(Path(value).expanduser().resolve())

    async def inject(self, session: Session) -> None:
        await self._run(self.inject_argv, session, "put in")

    async def undo(self, session: Session) -> None:
        for wait_s in UNDO_WAITS_S:
            try:
                await self._run(self.undo_argv, session, "taken out")
                return
            except LeverError:
                await session.sleep(wait_s)
        await self._run(self.undo_argv, session, "taken out")

    def describe(self) -> str:
        return f"command {_shown(self.inject_argv[0])}"

    async def _run(self, argv: list[str | Secret], session: Session, deed: str) -> None:
        plain = [_revealed(item, session) for item in argv]
        extra = {name: _revealed(value, session) for name, value in self.env.items()}
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | extra
        title = f"the fault was not {deed}: the command '{_shown(argv[0])}'"
        try:
            code, said = await _run(plain, environment, self.folder, self.timeout)
        except TimeoutError:
            raise LeverError(f"{title} was killed, as it took more than {self.timeout:g} s") from None
        except OSError as problem:
            raise LeverError(f"{title} could not be started in '{self.folder}' ({problem.strerror})") from None
        if code != 0:
            end = session.redactor.text(said)[-_SHOWN_CHARACTERS:].strip()
            ended = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
            raise LeverError(f"{title} {ended}" + (f": {end}" if end else ""))


async def _run(argv: list[str], environment: dict[str, str], folder: str, timeout_s: float) -> tuple[int, str]:
    """Run a program to its end and return its exit code and the end of what it said. Raises: OSError, TimeoutError."""
    # a pipe of our own: asyncio's would make us wait for grandchildren that hold it open
    ours, theirs = os.pipe()
    os.set_blocking(ours, False)
    kept: deque[bytes] = deque(maxlen=_KEPT_BYTES // 4096)
    loop = asyncio.get_running_loop()
    loop.add_reader(ours, _drain, ours, kept)
    try:
        try:
            process = await asyncio.create_subprocess_exec(
                *argv, stdin=asyncio.subprocess.DEVNULL, stdout=theirs, stderr=theirs,
                env=environment, cwd=folder, start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(theirs)
        code = await _ended(process, timeout_s)
        _drain(ours, kept)
    finally:
        loop.remove_reader(ours)
        os.close(ours)
    return code, b"".join(kept).decode("utf-8", "replace")


async def _ended(process: asyncio.subprocess.Process, timeout_s: float) -> int:
    try:
        async with asyncio.timeout(timeout_s):
            return await process.wait()
    finally:
        if process.returncode is None:  # too slow, or we were cancelled: nothing of it may go on behind our back
            with suppress(ProcessLookupError, PermissionError):  # it may end at this very moment
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.shield(process.wait())


def _drain(handle: int, kept: deque[bytes]) -> None:
    """Read what is there, and go on reading to the end, so that the program never waits for us."""
    while True:
        try:
            chunk = os.read(handle, 4096)
        except BlockingIOError:
            return
        if not chunk:
            asyncio.get_running_loop().remove_reader(handle)  # an ended pipe stays readable for ever
            return
        kept.append(chunk)


def _revealed(value: str | Secret, session: Session) -> str:
    return session.plant(value.reveal(), "fault lever secret") if isinstance(value, Secret) else value


def _shown(value: str | Secret) -> str:
    return value.origin if isinstance(value, Secret) else value
