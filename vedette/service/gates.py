"""This file is for the gates of a service: opened, told what happens to the rollout, asked for their decisions, ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any

from reports.gates import Gate
from reports.judgement.gate import GateState, Phase, Verb
from reports.store.errors import StoreError
from reports.store.ledger.gates import GateLedger
from scenarios.gates.records import BadRecord, Record, StageBegan, Told
from scenarios.hidden import redactor_of
from scenarios.runner import utc_now
from vedette.service.gate_answers import place_of, told
from vedette.service.gate_going import Going
from vedette.service.gate_keeping import Keeper, Making, Whose
from vedette.service.gate_opening import Opener
from vedette.service.gate_policies import Policies
from vedette.service.gating import NoSuchGate, NotNow, NotPossible, Wanted

AGAIN_S = 1.0  # after which a store that did not tell which gates are open is asked again
BROKEN_S = 10.0  # after which a gate at which something of ours broke is gone on with
KEEPING = 2  # threads that keep what was seen: the store takes one write after the other anyway
MOST_OPEN = 100  # each asks both sides every few seconds
_log = logging.getLogger("vedette.gates")


class Gates:
    """The gates of one service: all state is in the ledger, so they go on after a restart.

    Every method but `run` is for routes; all are to be called on the event loop's thread, and raise StoreError where the
    store cannot be used. `tell` hears of every gate after every step.
    """

    def __init__(
        self,
        ledger: GateLedger,
        policies: Policies,
        opener: Opener,
        *,
        location: str = "local",
        tell: Sequence[Callable[[Gate], None]] = (),
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.ledger, self.policies = ledger, policies
        self._keeper, self._opener = Keeper(ledger), opener
        self._location, self._listeners, self._clock = location, tell, clock
        self._going: dict[str, Going] = {}  # by the gate's id
        self._verbs: dict[str, str] = {}  # what each open gate decided last
        self._tasks: set[asyncio.Task[None]] = set()
        self._group: asyncio.TaskGroup | None = None
        # Of their own: while the store is locked they wait, and whoever asks for a decision must not wait with them.
        self._threads = ThreadPoolExecutor(KEEPING, "gates")

    @property
    def active(self) -> list[Gate]:
        """The gates that this service goes on with, as they stand, the oldest first."""
        return [going.gate for going in self._going.values()]

    async def open(self, wanted: Wanted, by: str) -> tuple[Gate, bool]:
        """Open a gate and return it with True; the same again returns what is there with False.

        What has begun is finished, even if nobody waits for the answer any more. Raises: Unknown for a policy that was not
        given to this service, NoSuchStage, NotPossible for what could judge nothing (such as the same version on both
        sides), NotNow where too many are open, NameTaken, AnotherIsOpen.
        """
        return await asyncio.shield(self._open(wanted, by))

    async def _open(self, wanted: Wanted, by: str) -> tuple[Gate, bool]:
        weights = tuple(stage.weight for stage in self.policies.named(wanted.policy).policy.stages)
        if wanted.weight is not None:
            place_of(weights, wanted.weight)
        if len(self._going) >= MOST_OPEN and await self._find(wanted.name) is None:
            raise NotNow(f"{MOST_OPEN} gates are open here already, and each asks its sides again and again: end one of them")
        beginning = await asyncio.to_thread(self._opener.begin, wanted, self._clock().timestamp())
        whose = Whose(beginning.path, self._location, by)
        try:
            gate, is_new = await asyncio.to_thread(self._keeper.open, beginning.opened, beginning.policy, whose)
        except BadRecord as problem:
            raise NotPossible(f"the policy cannot decide: {problem}") from problem
        if is_new:
            _log.info("the gate '%s' was opened: version %s of %s", gate.name, gate.canary_version, gate.service)
            self._opener.remember(gate, beginning)
            self._go_on(gate, again=False)
        if wanted.weight is not None and gate.phase is Phase.PENDING:
            gate = await self._stage(gate, wanted.weight)
        return gate, is_new

    async def stage(self, name: str, weight: float, by: str) -> Gate:
        """Take note that the rollout is at the stage of a weight; the same again changes nothing.

        A stage that is left out is to be shown at the one that begins; one that begins again is to be shown anew.
        Raises: NoSuchGate, NoSuchStage, NotNow where the stage that it is at is not shown, or the gate is over.
        """
        gate = await self._stage(await self.get(name), weight)
        _log.info("the gate '%s' is at the stage of %g %%, by '%s'", name, weight, by)
        return gate

    async def _stage(self, gate: Gate, weight: float) -> Gate:
        wanted, at = place_of(gate.weights, weight), self._clock().timestamp()

        def made(now: Gate, state: GateState) -> Record | None:
            here = now.stage
            if here == wanted:
                return None
            _may_begin(now, wanted)
            return StageBegan(at, wanted)

        if gate.phase.is_over and gate.stage == wanted:
            return gate
        return await self._kept(gate, made)

    async def tell(self, name: str, action: str, by: str, reason: str) -> Gate:
        """Take note that a person decided: hold, resume, promote, rollback or cancel.

        One that could not decide may be decided by a person, too.
        Raises: NoSuchGate, NotNow where the gate is over, or there is nothing to promote yet, AnotherIsOpen where one that
        could not decide would go on beside another of its service.
        """
        gate, at = await self.get(name), self._clock().timestamp()
        said = self.redacted(reason)
        return await self._kept(gate, lambda now, state: Told(at, action, by, said))

    async def decision(self, name: str, weight: float | None = None) -> dict[str, Any]:
        """Return the decision as it is told, read from the store and nothing else; `fresh` says whether it speaks for now.

        Raises: NoSuchGate, NoSuchStage.
        """
        standing = await asyncio.to_thread(self.ledger.standing, name)
        if standing is None:
            raise NoSuchGate
        return told(standing, self._clock(), weight)

    async def get(self, name: str) -> Gate:
        """Return one gate. Raises: NoSuchGate."""
        found = await self._find(name)
        if found is None:
            raise NoSuchGate
        return found

    def evidence(self, gate: Gate) -> Iterator[str]:
        """Yield the gate's lines of evidence, without line ends. Blocks: for a thread."""
        return self.ledger.evidence(gate.id)

    def policy_names(self) -> tuple[str, ...]:
        """Return the names of the policies that gates can be opened with."""
        return tuple(self.policies.given)

    def redacted(self, text: str) -> str:
        """Return a text of somebody's without what must not be shown: secrets of the policies, and personal data."""
        return redactor_of(self.policies.secrets).text(text)

    async def run(self) -> None:
        """Go on with what a restart interrupted, and with what comes, until cancelled."""
        async with self.at_work():
            while True:
                if await self.resume():
                    break
                await asyncio.sleep(AGAIN_S)
            await asyncio.Event().wait()

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Let gates be gone on with while the block goes on; at its end they are stopped."""
        async with asyncio.TaskGroup() as self._group:
            for going in self._going.values():  # opened before
                self._begin(self._group, going, again=False)
            try:
                yield
            finally:
                self._group = None
                for task in self._tasks:
                    task.cancel()

    def close(self) -> None:
        """Give back what was opened; nothing may be asked any more. Blocks."""
        self._threads.shutdown()
        self.ledger.close()

    async def resume(self) -> bool:
        """Take up the gates that are not over; false where the store does not answer yet."""
        try:
            unfinished = await asyncio.to_thread(self.ledger.unfinished, self._location)
        except StoreError as problem:
            _log.warning("gates cannot be taken up yet: %s", problem)
            return False
        for gate in unfinished:
            if gate.id not in self._going:
                self._go_on(gate, again=True)
        return True

    async def _find(self, name: str) -> Gate | None:
        return await asyncio.to_thread(self.ledger.get, name)

    async def _kept(self, gate: Gate, made: Making) -> Gate:
        """Keep what is made for the gate. Raises: NotNow where it is over by now."""
        was_made = False

        def noticed(now: Gate, state: GateState) -> Record | None:
            nonlocal was_made
            was_made = True
            return made(now, state)

        try:
            kept = await asyncio.shield(asyncio.to_thread(partial(self._keeper.keep, gate.id, noticed, again=True)))
        except BadRecord as problem:
            raise NotNow(str(problem)) from problem
        if not was_made:
            raise NotNow(f"the gate '{kept.name}' is over ({kept.phase.value})")
        if gate.id in self._going:
            self._going[gate.id].take(kept)
        elif kept.location == self._location and not kept.phase.is_over:
            self._go_on(kept, again=False)
        elif kept.seq > gate.seq:  # of another location's service
            self._changed(kept)
        return kept

    def _go_on(self, gate: Gate, *, again: bool) -> None:
        made = Going(gate, self._keeper, self._opener.asking, self._changed, threads=self._threads, clock=self._clock)
        going = self._going[gate.id] = made
        self._changed(gate)
        if self._group is not None:
            self._begin(self._group, going, again=again)

    def _begin(self, group: asyncio.TaskGroup, going: Going, *, again: bool) -> None:
        task = group.create_task(self._go(going, again=again), name=f"gate {going.gate.name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _go(self, going: Going, *, again: bool) -> None:
        """Go on until the gate is over; one that could not decide may be taken up again at any moment."""
        try:
            while not going.gate.phase.is_over:
                try:
                    await going.run(again=again)
                    again = False
                except Exception:  # the edge to one gate: whatever is wrong with it, the others and the watching go on
                    _log.exception("the gate '%s' broke, and is tried again", going.gate.name)
                    again = False
                    await asyncio.sleep(BROKEN_S)
        finally:
            self._going.pop(going.gate.id, None)

    def _changed(self, gate: Gate) -> None:
        said = f"{gate.decision.get('decision')}: {gate.decision.get('reason')}"
        if gate.phase.is_over:
            _log.info("the gate '%s' is over (%s), %s", gate.name, gate.phase.value, said)
        elif gate.decision.get("decision") != self._verbs.get(gate.id):
            _log.info("the gate '%s' decides %s", gate.name, said)
        self._verbs[gate.id] = str(gate.decision.get("decision"))
        if gate.phase.is_over:
            del self._verbs[gate.id]
        for listener in self._listeners:
            listener(gate)


def _may_begin(gate: Gate, wanted: int) -> None:
    """Raise NotNow where the stage that a gate is at is not shown, and a later one is to begin."""
    here = gate.stage
    if here is not None and wanted > here and gate.decision.get("decision") != Verb.PROMOTE.value:
        raise NotNow(f"the stage of {gate.weights[here]:g} % is not shown: {gate.decision.get('reason', '')}".rstrip(": "))
