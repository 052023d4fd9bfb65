"""This file is for what Flagger asks of a gate, hook by hook: from what is stored, never by a probe, and no where it is not sure.

Flagger tells no weight with its requests, so the steps that were granted are counted here and compared with what its
events say. Source of when it asks what: Flagger, pkg/controller/scheduler.go and scheduler_hooks.go.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from reports.gates import AnotherIsOpen, Gate, NameTaken
from reports.judgement.gate import Phase, Verb
from reports.store.errors import StoreError
from reports.store.ledger.audit import Audit
from reports.store.ledger.flagger import FlaggerBook, FlaggerRollout
from vedette.service.deploying import Unknown
from vedette.service.flagger_seen import Seen
from vedette.service.flagger_words import Asked, Hook, No, Said, one_line, yes
from vedette.service.gate_answers import STALE_AFTER, NoSuchStage
from vedette.service.gates import Gates
from vedette.service.gating import NoSuchGate, NotNow, NotPossible, Wanted

_log = logging.getLogger(__name__)

GRACE_S = 30.0  # that the first round of a stage may take to be asked and answered
LONGEST_NAME = 196  # of a gate, with room for the number of an attempt
_OPEN_AT_ONCE = 50


class FlaggerDesk:
    """Answers the hooks of Flagger. Raises StoreError where the store cannot be used."""

    def __init__(self, gates: Gates, book: FlaggerBook, audit: Audit, clock: Callable[[], datetime]) -> None:
        self._gates = gates
        self._book = book
        self._audit = audit
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()  # a request that Flagger repeats must not count twice

    async def answer(self, hook: Hook, asked: Asked, by: str) -> Said:
        """Return what a hook is told."""
        hooks = {
            Hook.CONFIRM_ROLLOUT: self._confirm_rollout,
            Hook.PRE_ROLLOUT: self._pre_rollout,
            Hook.ROLLOUT: self._rollout,
            Hook.CONFIRM_TRAFFIC_INCREASE: self._confirm_traffic_increase,
            Hook.CONFIRM_PROMOTION: self._confirm_promotion,
            Hook.ROLLBACK: self._rollback,
            Hook.POST_ROLLOUT: self._post_rollout,
            Hook.EVENT: self._event,
        }
        async with self._one_at_a_time:
            try:
                return await hooks[hook](asked, by)
            except No as no:
                return Said(202 if hook.only_tells else hook.refusal, one_line(str(no)))

    def close(self) -> None:
        """Give back what was opened."""
        self._book.close()

    async def _confirm_rollout(self, asked: Asked, by: str) -> Said:
        """Say whether a gate could be opened. The checksum is still that of the rollout before, so none is opened yet."""
        policy = self._policy(asked)
        for gate in await self._open_gates(policy):
            if not gate.name.startswith(f"{asked.canary}@"):
                raise No(f"the gate '{gate.name}' is open for the policy '{policy}': end it, or wait for its end")
        return yes(f"the policy '{policy}' is ready")

    async def _pre_rollout(self, asked: Asked, by: str) -> Said:
        """Open the gate, where there is none for this attempt, and say whether its first stage, without traffic, is shown."""
        seen = await self._opened(asked, by)
        if seen.is_shadow:
            return self._unbound(seen)
        if seen.verb in (Verb.ROLLBACK, Verb.INCONCLUSIVE) or seen.gate.phase is Phase.CANCELLED:
            raise No(f"{seen.verb}: {seen.reason}")
        if seen.gate.weights[0] > 0:
            return yes("nothing is to be shown before the first step")
        if seen.verb == Verb.PROMOTE:
            return yes(seen.reason)
        if asked.passes_on_hold and self._is_alive(seen):
            return yes(f"goes on, the first step is held: {seen.reason}")
        raise No(f"{seen.verb}: {seen.reason}")

    async def _rollout(self, asked: Asked, by: str) -> Said:
        seen = await self._caught_up(await self._seen(asked), by)
        if seen.is_shadow:
            return self._unbound(seen)
        if seen.verb == Verb.ROLLBACK:
            raise No(f"rollback: {seen.reason}")
        if not self._is_alive(seen):
            raise No("no round was asked lately, so nobody watches this canary")
        return yes(f"{seen.verb}: {seen.reason}")

    async def _confirm_traffic_increase(self, asked: Asked, by: str) -> Said:
        seen = await self._seen(asked)
        if seen.is_shadow:
            await self._grant(seen)
            return self._unbound(seen)
        if seen.gate.phase is Phase.PROMOTED:
            await self._grant(seen)
            return yes(seen.reason)
        if (weight := seen.waits_for) is not None:
            await self._caught_up(seen, by)
            raise No(f"hold: the step to {weight:g} % was granted before, and nothing is shown about it yet")
        if seen.place >= 0 or seen.gate.weights[0] == 0:
            self._must_be_shown(seen)
        elif seen.gate.phase.is_over or seen.told.get("held_by"):
            raise No(f"{seen.verb}: {seen.reason}")
        await self._grant(seen)
        return yes(seen.reason)

    async def _confirm_promotion(self, asked: Asked, by: str) -> Said:
        seen = await self._seen(asked)
        if seen.is_shadow:
            return self._unbound(seen)
        if seen.gate.phase is Phase.PROMOTED:
            return yes(seen.reason)
        self._must_be_shown(seen)
        if missing := [f"{one:g} %" for one in seen.gate.weights[seen.place + 1 :] if one < 100]:
            raise No(f"hold: not shown yet: {', '.join(missing)}; are Flagger's steps the stages of the policy?")
        return yes(seen.reason)

    async def _rollback(self, asked: Asked, by: str) -> Said:
        """Say yes for a rollback only: here a yes rolls back, so all that is not sure is a no."""
        seen = await self._seen(asked)
        if seen.rollout.closed:
            raise No("this rollout is over")
        if seen.verb != Verb.ROLLBACK:
            raise No(f"{seen.verb}: {seen.reason}")
        if seen.is_shadow:
            raise No(self._unbound(seen).text)
        return yes(f"rollback: {seen.reason}")

    async def _post_rollout(self, asked: Asked, by: str) -> Said:
        seen = await self._seen(asked)
        await self._keep(replace(seen.rollout, closed=True))
        if not seen.gate.phase.is_over:
            how = {"Succeeded": "promoted it", "Failed": "rolled it back"}.get(asked.phase, "ended")
            await self._cancel(seen.gate, by, f"the rollout is over: Flagger {how}")
        return Said(202, "noted")

    async def _event(self, asked: Asked, by: str) -> Said:
        weight = asked.weight_set
        if weight is None:
            return Said(202, "nothing to note")
        seen = await self._seen(asked)
        await self._keep(replace(seen.rollout, told_weight=weight))
        if weight == seen.waits_for:
            await self._begin(seen.gate, weight, by)
        return Said(202, "noted")

    def _policy(self, asked: Asked) -> str:
        policy, known = asked.metadata.get("policy", ""), self._gates.policy_names()
        if policy not in known:
            raise No(
                f"metadata.policy should name a policy of this service: {', '.join(known) or 'it was started without --gate'}"
            )
        return policy

    async def _seen(self, asked: Asked) -> Seen:
        rollout = await asyncio.to_thread(self._book.get, asked.key)
        if rollout is None:
            raise No(f"no gate was opened for {asked.key}: the hook pre-rollout opens it")
        return await self._now(rollout)

    async def _now(self, rollout: FlaggerRollout) -> Seen:
        try:
            return Seen(rollout, await self._gates.get(rollout.gate), await self._gates.decision(rollout.gate))
        except NoSuchGate:
            raise No(f"the gate '{rollout.gate}' is gone") from None

    async def _opened(self, asked: Asked, by: str) -> Seen:
        """Return the gate of this attempt, opened where there is none.

        Flagger asks this at no traffic only: a gate that let the canary have some judged an attempt before this one.
        """
        policy = self._policy(asked)
        rollout = await asyncio.to_thread(self._book.get, asked.key)
        attempt = 1
        if rollout is not None:
            with suppress(No):
                seen = await self._now(rollout)
                stands = rollout.increases == 0 or seen.is_shadow or seen.gate.phase in (Phase.ROLLED_BACK, Phase.INCONCLUSIVE)
                if stands and not rollout.closed:
                    return seen
            attempt = rollout.attempt + 1
        for old in await self._open_gates(policy):
            if old.name.startswith(f"{asked.canary}@"):
                await self._cancel(old, by, "Flagger began anew")
        name = asked.key if attempt == 1 else f"{asked.key}-{attempt}"
        if len(asked.key) > LONGEST_NAME:
            raise No("namespace and name are too long for the name of a gate")
        try:
            gate, _ = await self._gates.open(Wanted(policy, name, asked.metadata.get("canary_version", "")), by)
        except (Unknown, NotPossible, NoSuchStage, NotNow, NameTaken, AnotherIsOpen) as problem:
            raise No(str(problem)) from problem
        await self._noted(by, "gate.open", name, {"policy": policy, "service": gate.service, "asked_by": "flagger"})
        if gate.weights[0] == 0:
            await self._begin(gate, 0.0, by)
        made = FlaggerRollout(asked.key, name, self._clock(), attempt)
        await self._keep(made)
        return await self._now(made)

    async def _open_gates(self, policy: str) -> list[Gate]:
        return await asyncio.to_thread(self._gates.ledger.list, _OPEN_AT_ONCE, policy=policy, is_open=True)

    async def _begin(self, gate: Gate, weight: float, by: str) -> None:
        """Tell the gate where the rollout is; where that cannot be, the weights differ, and that holds the rollout."""
        with suppress(NotNow, NoSuchStage, NoSuchGate):
            await self._gates.stage(gate.name, weight, by)

    async def _cancel(self, gate: Gate, by: str, why: str) -> None:
        with suppress(NotNow, NoSuchGate):  # it ended by itself meanwhile
            await self._gates.tell(gate.name, "cancel", by, why)
            await self._noted(by, "gate.cancel", gate.name, {"reason": why})

    async def _caught_up(self, seen: Seen, by: str) -> Seen:
        """Begin the stage that was granted, where no events tell when: Flagger took the step before it asked again."""
        if seen.waits_for is None or seen.rollout.told_weight is not None:
            return seen
        await self._begin(seen.gate, seen.waits_for, by)
        return await self._now(seen.rollout)

    async def _grant(self, seen: Seen) -> None:
        """Count a step. None waits to be begun after the last stage: Flagger asks at its largest weight, too."""
        if seen.waits_for is None:
            weight = None if seen.gate.phase.is_over else seen.next_weight
            rollout = replace(seen.rollout, increases=seen.rollout.increases + 1, granted_weight=weight)
            await self._keep(rollout)

    async def _keep(self, rollout: FlaggerRollout) -> None:
        await asyncio.to_thread(self._book.keep, replace(rollout, at=self._clock()))

    async def _noted(self, by: str, action: str, of: str, details: dict[str, Any]) -> None:
        try:
            await asyncio.to_thread(self._audit.note, by, action, of, details)
        except StoreError as problem:
            _log.error("the audit trail misses '%s %s' by '%s': %s", action, of, by, problem)

    def _must_be_shown(self, seen: Seen) -> None:
        """Raise No where the stage at which the rollout is was not shown, or is not the gate's."""
        told = seen.rollout.told_weight
        if told is not None and told not in seen.gate.weights[: seen.place + 1]:
            here = f"{seen.gate.weights[seen.place]:g} %" if seen.place >= 0 else "no stage yet"
            raise No(f"hold: Flagger said that the canary has {told:g} %, and the gate is at {here}")
        if seen.verb != Verb.PROMOTE:
            raise No(f"{seen.verb}: {seen.reason}")

    def _is_alive(self, seen: Seen) -> bool:
        """Return whether rounds are asked, or have just begun to be."""
        if seen.is_fresh:
            return True
        patience = timedelta(seconds=GRACE_S + STALE_AFTER * seen.gate.every_s)
        return seen.gate.fresh_until is None and self._clock() - seen.rollout.at <= patience

    @staticmethod
    def _unbound(seen: Seen) -> Said:
        return yes(f"{seen.verb}: {seen.reason}")  # which says that nobody is bound
