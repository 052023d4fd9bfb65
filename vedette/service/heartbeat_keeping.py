"""This file is for what the desk of heartbeats must not forget: reports at once in a journal, standings soon in the store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from reports.store.errors import StoreError
from scenarios.heartbeat_times import Standing
from vedette.service.heartbeat_journal import HeartbeatJournal, Report

if TYPE_CHECKING:
    from reports.store.ledger.heartbeats import HeartbeatLedger
    from vedette.service.heartbeat_register import Register

JOURNAL_FILE = "heartbeats.jsonl"
AGAIN_S = 5.0  # after the store did not take it
STORED_AFTER = timedelta(hours=1)  # by then a tick is in the store, or in the spool beside it

_LOG = logging.getLogger("vedette.heartbeats")


class Keeping:
    """Keeps what jobs said. The store may be locked or gone for a while: the journal bridges that."""

    def __init__(self, state: Path, ledger: HeartbeatLedger) -> None:
        self.journal = HeartbeatJournal(state / JOURNAL_FILE)
        self.left_over = self.journal.found  # what an earlier life of the service took and may not have told
        self._ledger = ledger
        self._saving: asyncio.Task[None] | None = None
        self._from_s = 0.0

    def begin(self, register: Register, now: datetime, now_s: float) -> None:
        """Begin to keep in the store what has changed; does nothing while that is going on, or has just failed."""
        if not (register.dirty or register.gone) or now_s < self._from_s:
            return
        if self._saving is not None and not self._saving.done():
            return
        self._saving = asyncio.get_running_loop().create_task(self._save(register, now, now_s))

    async def close(self, register: Register, now: datetime) -> None:
        """Keep all, and end."""
        if self._saving is not None:
            await asyncio.gather(self._saving, return_exceptions=True)
        if register.dirty or register.gone:
            await self._save(register, now, 0.0)
        await self.journal.close()
        self._ledger.close()

    async def _save(self, register: Register, now: datetime, now_s: float) -> None:
        dirty, register.dirty = register.dirty, set()
        gone, register.gone = register.gone, set()
        standings: Mapping[str, Standing] = {slug: register.beats[slug].standing for slug in dirty if slug in register.beats}
        try:
            await asyncio.to_thread(self._ledger.save, standings, forget=gone)
        except StoreError as problem:  # nothing is lost: the journal has it
            register.dirty |= dirty & set(register.beats)
            register.gone |= gone - set(register.beats)
            self._from_s = now_s + AGAIN_S
            _LOG.warning("the standing of heartbeats is not stored yet: %s", problem)
            return
        self.journal.tidy(self._is_done(now))

    def _is_done(self, now: datetime) -> Callable[[Report], bool]:
        marks = self.journal.marks
        return lambda report: report.at <= max(marks.get(report.slug, now - STORED_AFTER), now - STORED_AFTER)
