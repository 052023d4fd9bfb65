"""This file is for one open gate at work: round after round of both sides, each kept before the next begins."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from datetime import datetime
from functools import partial

from reports.gates import Gate
from reports.judgement.gate import GateState, Phase
from reports.store.errors import StoreError
from scenarios.gates.records import BadRecord, Looked, Record, RoundSeen
from vedette.service.gate_answers import STALE_AFTER
from vedette.service.gate_keeping import Keeper, Tried
from vedette.service.gating import Asking, CannotAsk

AGAIN_S = 1.0  # after which a store that did not take a record is asked again
LOOK_S = (5.0, 60.0)  # how soon it is looked again whether the sides can be asked: at first, and at the latest
_log = logging.getLogger("vedette.gates")


class Going:
    """Goes on with one gate until it is over. `make` opens what asks its sides; `changed` hears of every step.

    While the store takes nothing, nothing more is asked: what was seen waits here, and is kept before anything else.
    """

    def __init__(
        self,
        gate: Gate,
        keeper: Keeper,
        make: Callable[[Gate], Awaitable[Asking]],
        changed: Callable[[Gate], None],
        *,
        threads: Executor,
        clock: Callable[[], datetime],
    ) -> None:
        self.gate = gate
        self._keeper, self._make, self._changed, self._clock = keeper, make, changed, clock
        self._threads = threads
        self._moved = asyncio.Event()
        self._asking: Asking | None = None
        self._trouble = ""

    def take(self, gate: Gate) -> None:
        """Take note of where the gate stands, if that is news."""
        if gate.seq > self.gate.seq:
            if self._asking is not None and gate.stage != self.gate.stage:
                self._asking.moved()
            self.gate = gate
            self._moved.set()
            self._moved = asyncio.Event()
            self._changed(gate)

    async def run(self, *, again: bool) -> None:
        """Ask until the gate is over; `again` says that another life of the service had begun with it."""
        if again and self.gate.phase is Phase.RUNNING:
            await self._keep(Looked(self._now(), "the service was away and goes on"))
        while self.gate.phase is Phase.PENDING:
            await self._moved.wait()
        asking = self._asking = await self._opened()
        if asking is None:
            return
        try:
            async with asyncio.TaskGroup() as group:
                work = [self._rounds(asking), *(self._traffic(asking, n, every) for n, every in asking.counters.items())]
                tasks = [group.create_task(one) for one in work]
                while not self.gate.phase.is_over:
                    await self._moved.wait()
                for task in tasks:  # what it ends with was told by a person, or is kept: a round at work is no evidence any more
                    task.cancel()
        finally:
            await asking.close()

    async def _opened(self) -> Asking | None:
        """Return what asks the sides; it may take until a file is mended. None where the gate is over before."""
        wait_s = LOOK_S[0]
        while not self.gate.phase.is_over:
            try:
                return await self._make(self.gate)
            except CannotAsk as problem:
                await self._keep(Looked(self._now(), str(problem)))
            except StoreError as problem:
                self._complain(str(problem))
            await self._wait(wait_s)
            wait_s = min(wait_s * 2, LOOK_S[1])
        return None

    async def _rounds(self, asking: Asking) -> None:
        due = time.monotonic()
        while not self.gate.phase.is_over:
            began, at = time.monotonic(), self._now()
            record = await self._asked(asking.round, at, "a round")
            took_s = time.monotonic() - began
            fresh_s = STALE_AFTER * max(self.gate.every_s, took_s) if isinstance(record, RoundSeen) else None
            await self._keep(record, fresh_s=fresh_s)
            due = max(due + self.gate.every_s, time.monotonic())
            await self._wait(due - time.monotonic())

    async def _traffic(self, asking: Asking, metric: int, every_s: float) -> None:
        due = time.monotonic()
        while not self.gate.phase.is_over:
            at = self._now()
            await self._keep(await self._asked(lambda at: asking.traffic(metric, at), at, "a reading of counters"))
            due = max(due + every_s, time.monotonic())
            await self._wait(due - time.monotonic())

    async def _asked(self, ask: Callable[[float], Awaitable[Record]], at: float, what: str) -> Record:
        try:
            return await ask(at)
        except Exception as problem:  # the edge to what asks: whatever breaks there, the gate holds and says so
            _log.exception("%s of the gate '%s' broke", what, self.gate.name)
            return Looked(at, f"{what} broke: {type(problem).__name__}")

    async def _keep(self, record: Record, *, fresh_s: float | None = None) -> None:
        """Keep a record, however long the store takes nothing. What was kept without our hearing of it is not kept again."""
        tried, kept = Tried(), record
        while not self.gate.phase.is_over:
            try:
                keep = partial(self._keeper.keep, self.gate.id, partial(_always, kept), fresh_s=fresh_s, tried=tried)
                self.take(await asyncio.get_running_loop().run_in_executor(self._threads, keep))
            except StoreError as problem:
                self._complain(str(problem))
                await asyncio.sleep(AGAIN_S)
            except BadRecord as problem:
                _log.error("what the gate '%s' saw cannot be judged: %s", self.gate.name, problem)
                kept, tried, fresh_s = Looked(self._now(), "what was seen cannot be judged"), Tried(), None
            else:
                self._complain("")
                return

    async def _wait(self, seconds: float) -> None:
        """Wait so long, or until the gate is over."""
        until = time.monotonic() + seconds
        while (left_s := until - time.monotonic()) > 0 and not self.gate.phase.is_over:
            try:
                async with asyncio.timeout(left_s):
                    await self._moved.wait()
            except TimeoutError:
                return

    def _complain(self, problem: str) -> None:
        if problem and problem != self._trouble:
            _log.warning("the gate '%s' waits for the store: %s", self.gate.name, problem)
        if not problem and self._trouble:
            _log.info("the gate '%s' goes on", self.gate.name)
        self._trouble = problem

    def _now(self) -> float:
        return self._clock().timestamp()


def _always(record: Record, gate: Gate, state: GateState) -> Record:
    return record
