"""This file is for log lines of a Docker container."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import Field, PositiveInt

from probes.container_logs import ContainerMark, Printed, known, printed, since_for, window
from probes.evidence.source import LogSource, LogWindow
from probes.fields import Duration
from probes.running import Program

# Where Docker's own configuration is, beside DOCKER_HOST.
_DOCKERS_OWN = ("DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "SSH_AUTH_SOCK")


class DockerLogs(LogSource, source="docker_logs"):
    """Reads what a container writes to its standard output and error, by `docker logs --timestamps --since`.

    A container that was replaced by another of its name (as `docker compose up` does) took its last lines with it, which is told.
    Source: https://docs.docker.com/reference/cli/docker/container/logs/
    """

    container: str = Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.-]*$")  # its name or id
    host: str | None = None  # of the Docker daemon, such as ssh://web-1; default: that of the environment
    overlap: Duration = Field(30.0, gt=0)  # how far the daemon's clock may be behind ours
    timeout: Duration = Field(10.0, gt=0)  # of one run of docker
    max_bytes: PositiveInt = 16 * 1024 * 1024  # read of one run; more makes the window cut short

    def describe(self) -> str:
        return f"log of the container {self.container}"

    async def mark(self) -> ContainerMark:
        since = since_for(self.overlap)
        state = await self._state()
        lines, _ = await self._lines(since)
        return ContainerMark(since, known(lines, since), state)

    async def read_since(self, mark: Any) -> LogWindow:
        began, state = datetime.now(UTC), await self._state()
        lines, cut_short = await self._lines(mark.since)
        doubts, gone = [], frozenset[str]()
        if cut_short:
            doubts.append(f"docker printed more than {self.max_bytes} bytes; the rest was not read")
        if state != mark.state:
            doubts.append(f"the container {self.container} was replaced by another; what the old one wrote last is lost")
            gone = frozenset(line.where for line in mark.seen)
        return window(
            mark, lines, (), overlap_s=self.overlap, began=began, state=state, doubts=doubts, remarks=(), gone=gone
        )  # fmt: skip

    async def _state(self) -> dict[str, str]:
        ran = await self._program.run([*self._docker, "inspect", "--type=container", "--format={{.Id}}", self.container])
        return {"id": ran.out.decode("utf-8", "replace").strip()}

    async def _lines(self, since: datetime) -> tuple[list[Printed], bool]:
        stamp = since.isoformat(timespec="microseconds").replace("+00:00", "Z")
        ran = await self._program.run([*self._docker, "logs", "--timestamps", f"--since={stamp}", self.container])
        aside = printed(ran.err, f"{self.describe()}, standard error")
        return [*printed(ran.out, self.describe()), *aside], ran.cut_short

    @property
    def _docker(self) -> list[str]:
        return ["docker", *([f"--host={self.host}"] if self.host else [])]

    @property
    def _program(self) -> Program:
        return Program(f"command docker for the container {self.container}", self.timeout, self.max_bytes, _DOCKERS_OWN)
