"""This file is for what a record does to a gate: folded into its state, and kept before anybody is told what is decided now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from probes.ids import new_id
from reports.gates import Gate, Step
from reports.judgement.gate import GENESIS, GateState, Phase, begun, decide, sealed, step
from reports.judgement.gate_evidence import hash_of
from reports.store.ledger.gates import GateLedger
from scenarios.gates.policy import Policy
from scenarios.gates.records import Opened, Record
from vedette.service.gating import NoSuchGate

API = "/api/v1/gates"
_TRIES = 20  # against others that write to the same gate; each needs a few milliseconds

Making = Callable[[Gate, GateState], Record | None]


@dataclass(frozen=True, slots=True)
class Whose:
    """What is known of a gate when it is opened, beside its policy."""

    policy_path: str
    location: str
    opened_by: str


@dataclass(slots=True)
class Tried:
    """What was handed to a store that may have taken it although it answered nothing."""

    seq: int = 0
    line: str = ""


class Keeper:
    """Keeps records of the gates of one store. Every method blocks, and raises StoreError."""

    def __init__(self, ledger: GateLedger) -> None:
        self._ledger = ledger

    def open(self, opened: Opened, policy: Policy, whose: Whose) -> tuple[Gate, bool]:
        """Keep a new gate; where there is the same already, return that and False. Raises: NameTaken, AnotherIsOpen."""
        state = begun(opened)
        at = instant(opened.at)
        gate = Gate(
            id=new_id(), name=opened.gate, service=policy.service, policy=policy.name, policy_path=whose.policy_path,
            location=whose.location, canary_version=policy.canary.version, baseline_version=policy.baseline.version,
            weights=tuple(stage.weight for stage in policy.stages), every_s=policy.every, opened_at=at,
            opened_by=whose.opened_by, phase=state.phase, decision={}, seq=1,
        )  # fmt: skip
        return self._ledger.open(gate, _step(gate, state, GENESIS, opened, None))

    def keep(
        self, gate_id: str, made: Making, *, fresh_s: float | None = None, tried: Tried | None = None, again: bool = False
    ) -> Gate:
        """Keep the record that `made` returns for the gate as it is; None, or a gate that is over, leaves it as it is.

        With `again` one that could not decide is not over: a person may decide, or the stage begin anew.
        `made` may be called again, where another record came between. `fresh_s` is for how long a round speaks for now. With
        the same `tried` it may be called again after a StoreError: what the store took then is not kept twice.
        Raises: NoSuchGate, BadRecord, AnotherIsOpen.
        """
        tried = tried or Tried()
        for _ in range(_TRIES):
            newest = self._ledger.newest(gate_id)
            if newest is None:
                raise NoSuchGate
            gate = newest.gate
            if tried.line and self._ledger.line(gate_id, tried.seq) == tried.line:
                return gate
            if gate.phase.is_over and not (again and gate.phase is Phase.INCONCLUSIVE and newest.line):
                return gate
            state = GateState.read(newest.state)
            record = made(gate, state)
            if record is None:
                return gate
            following = _step(gate, step(state, record), hash_of(newest.line), record, fresh_s, number=gate.seq + 1)
            tried.seq, tried.line = gate.seq + 1, following.line
            if self._ledger.append(gate_id, gate.seq, following):
                return _after(gate, following)
        raise RuntimeError(f"the gate '{gate.name}' was written to by others {_TRIES} times in a row")


def instant(at: float) -> datetime:
    """Return a record's time as an instant."""
    return datetime.fromtimestamp(at, UTC)


def _step(gate: Gate, state: GateState, before: str, record: Record, fresh_s: float | None, number: int = 1) -> Step:
    decision = decide(state)
    told: dict[str, Any] = decision.as_json(
        session=gate.name, evidence_url=f"{API}/{gate.name}/evidence", next_poll_s=next_poll_s(gate.every_s)
    )
    return Step(
        line=sealed(number, before, record, decision).line,
        state=state.as_json(),
        decision=told,
        phase=decision.phase,
        shown_upto=state.shown_upto,
        ended_at=instant(record.at) if decision.phase.is_over else None,
        fresh_until=None if fresh_s is None else instant(record.at) + timedelta(seconds=fresh_s),
    )


def next_poll_s(every_s: float) -> float:
    """Return how soon it makes sense to ask for the decision again."""
    return min(15.0, max(1.0, every_s))


def _after(gate: Gate, kept: Step) -> Gate:
    return replace(
        gate, phase=kept.phase, decision=kept.decision, seq=gate.seq + 1, ended_at=kept.ended_at, shown_upto=kept.shown_upto,
        fresh_until=kept.fresh_until or gate.fresh_until,
    )  # fmt: skip
