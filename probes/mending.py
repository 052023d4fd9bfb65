"""This file is for mending within a session: undos registered before the deed, run whatever happens, each bounded in time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from probes.faults.lever import LeverError
from probes.probe import NotGiven
from probes.target import Grant

if TYPE_CHECKING:
    from probes.session import Session
    from probes.undo import Journal

UNDO_S = 15.0  # for each try of an undo
_GRACE_S = 1.0  # for an undo that was cancelled to let go

_at_work: ContextVar[bool] = ContextVar("an undo is at work", default=False)


@dataclass(slots=True, eq=False)
class _Undo:
    what: str
    action: Callable[[], Awaitable[None]]
    entry_id: str = ""  # in the journal


class Mending:
    """What one session has broken and still has to mend, the last first."""

    def __init__(self, session: Session, journal: Journal | None, suite_path: str) -> None:
        self._session = session
        self._journal = journal
        self._suite_path = suite_path
        self._open: list[_Undo] = []

    @property
    def at_work(self) -> bool:
        """Say whether the code that asks is an undo: no limit on requests may stop that."""
        return _at_work.get()

    @property
    def has_open(self) -> bool:
        """Say whether something is still to be undone."""
        return bool(self._open)

    def undo_later(self, what: str, action: Callable[[], Awaitable[None]]) -> None:
        self._open.append(_Undo(what, action))

    @contextlib.asynccontextmanager
    async def fault(self, name: str) -> AsyncIterator[None]:
        """Put the fault in, and take it out at the end of the block.

        An inject that raises is undone too: it may have done half of its deed.
        Raises: NotGiven; LeverError when the fault does not go in, or not out (`close` then tries once more).
        """
        session = self._session
        lever = session.target.faults.get(name)
        if Grant.FAULTS not in session.target.allow:
            raise NotGiven(f"target '{session.target.name}' does not grant faults, so '{name}' may not be put in")
        if lever is None:
            raise NotGiven(f"target '{session.target.name}' has no fault '{name}' under 'faults'")
        undo = _Undo(f"fault '{name}'", lambda: lever.undo(session), self._journalled(name))
        self._open.append(undo)
        try:
            await lever.inject(session)
            yield
        except BaseException:
            await self._mend(undo)
            raise
        if trouble := await self._mend(undo):
            raise LeverError(f"{trouble}; it is tried once more at the end")

    async def close(self) -> list[str]:
        """Undo everything that is open, the last first, and return the sentences of what failed."""
        failures = []
        while self._open:
            undo = self._open[-1]
            trouble, _ = await self._surely(undo)
            if trouble:
                failures.append(trouble)
                self._open.remove(undo)
        return failures

    def _journalled(self, name: str) -> str:
        if self._journal is None:
            return ""
        from probes.undo import Entry

        lever = self._session.target.faults[name]
        entry = Entry.of(what=f"fault '{name}'", target=self._session.target, lever=lever, suite_path=self._suite_path)
        return self._journal.register(entry)

    async def _mend(self, undo: _Undo) -> str:
        """Undo, even if cancelled meanwhile; the cancellation goes on afterwards."""
        trouble, stop = await self._surely(undo)
        if stop is not None:
            raise stop
        return trouble

    async def _surely(self, undo: _Undo) -> tuple[str, asyncio.CancelledError | None]:
        """Run one undo to its end. Returns what went wrong, and the cancellation that came meanwhile."""
        work = asyncio.create_task(_run(undo))
        loop = asyncio.get_running_loop()
        last_call, stop = loop.time() + UNDO_S + _GRACE_S, None
        while not work.done() and loop.time() < last_call:
            try:
                await asyncio.wait({work}, timeout=last_call - loop.time())
            except asyncio.CancelledError as cancelled:
                stop = cancelled
        if not work.done():
            return f"{undo.what} was not undone: its undo did not end", stop
        trouble = work.result()
        if trouble:
            return f"{undo.what} was not undone: {self._session.redactor.text(trouble)}", stop
        if undo.entry_id and self._journal is not None:
            try:
                self._journal.done(undo.entry_id)
            except LeverError as problem:
                return f"{undo.what} was undone, but stays in the journal: {problem}", stop
        if undo in self._open:
            self._open.remove(undo)
        return "", stop


async def _run(undo: _Undo) -> str:
    """Return what went wrong with the undo, or an empty text."""
    _at_work.set(True)
    limit = asyncio.timeout(UNDO_S)
    try:
        async with limit:
            await undo.action()
    except TimeoutError as problem:
        return f"it took more than {UNDO_S:g} s" if limit.expired() else str(problem) or "a time-out"
    except asyncio.CancelledError:
        return "it was cancelled"
    except Exception as problem:  # an undo of a stranger may raise anything, and the others must still run
        return str(problem) or type(problem).__name__
    return ""
