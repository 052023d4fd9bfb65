"""This file is for taking in changed suites while the service goes on: validate, then swap; on a mistake the old ones stay."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from vedette.service.gate_policies import Policies, files_of_policies, load_policies
from vedette.service.loading import NotLoaded, files_of, load
from vedette.service.state import ReloadResult

if TYPE_CHECKING:
    from scenarios.model import Suite
    from scenarios.watch.changes import Changes

Fingerprint = tuple[tuple[str, int, int, int], ...]
_log = logging.getLogger("vedette.watch")


class Also:
    """The policies of gates, which are taken in with the suites: both or none."""

    def __init__(self, files: Sequence[str], policies: Policies) -> None:
        self.files, self.policies = files, policies

    async def load(self) -> Callable[[], list[str]]:
        """Return what puts the policies in as their files are now, and says what that changes. Raises: NotLoaded."""
        given = await asyncio.to_thread(load_policies, self.files)
        return lambda: self.policies.take(given)


class Reloader:
    """Reloads one at a time. Nothing is stopped before the new suites are whole and right.

    `seen` is how the files were before they were loaded for the first time: what changed since then is taken in.
    """

    def __init__(
        self,
        suites: Sequence[str],
        targets: Sequence[str],
        swap: Callable[[list[Suite]], Awaitable[Changes]],
        clock: Callable[[], datetime],
        told: Sequence[Callable[[ReloadResult], None]] = (),
        *,
        seen: Fingerprint | None = None,
        gates: Also | None = None,
    ) -> None:
        self._suites = suites
        self._targets = targets
        self._swap = swap
        self._clock = clock
        self._told = told
        self._turn = asyncio.Lock()
        self._gates = gates or Also((), Policies())
        self._seen = self._fingerprint() if seen is None else seen
        self._changing = self._seen
        self.last: ReloadResult | None = None

    async def reload(self, asked_by: str) -> ReloadResult:
        """Take in the suites as their files are now; `asked_by` is file, signal or api."""
        async with self._turn:
            self._seen = self._changing = await asyncio.to_thread(self._fingerprint)
            try:
                suites = await load(self._suites, self._targets)
                take_policies = await self._gates.load()
                changes = (*(await self._swap(suites)).sentences(), *take_policies())
            except NotLoaded as problem:
                result = ReloadResult(self._clock(), False, asked_by, error=str(problem))
            except Exception as problem:  # the edge to whatever a suite makes us do: the old ones go on, and everybody is told
                _log.exception("the reload broke")
                result = ReloadResult(self._clock(), False, asked_by, error=f"the reload broke: {type(problem).__name__}")
            else:
                result = ReloadResult(self._clock(), True, asked_by, changes=changes)
            self.last = result
            for listener in self._told:
                listener(result)
            return result

    async def look(self) -> None:
        """Reload if a file has changed and has then been left alone since the last look: nobody is writing it just now."""
        if self._turn.locked():
            return
        now = await asyncio.to_thread(self._fingerprint)
        settled, self._changing = now == self._changing, now
        if settled and now != self._seen:
            await self.reload("file")

    def _fingerprint(self) -> Fingerprint:
        return fingerprint(self._suites, self._gates.files)


def fingerprint(suites: Sequence[str], policies: Sequence[str] = ()) -> Fingerprint:
    """Return what tells whether the files of suites or policies have changed."""
    return tuple(_state_of(path) for path in (*files_of(suites), *files_of_policies(policies)))


def _state_of(path: Path) -> tuple[str, int, int, int]:
    try:
        seen = path.stat()  # follows links, as a mounted ConfigMap is one
    except OSError:
        return (str(path), 0, 0, 0)
    return (str(path), seen.st_mtime_ns, seen.st_size, seen.st_ino)
