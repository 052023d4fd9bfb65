"""This file is for the ledger of gates: evidence, state and decision of each, which change together or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from reports.gates import AnotherIsOpen, Gate, NameTaken, Newest, Standing, Step
from reports.judgement.gate_decision import Phase
from reports.store.database import Database
from reports.store.ledger.tables import GateEvidenceRow, GateRow

LINES_AT_ONCE = 200  # that are held in memory when evidence is read
PRUNED_AT_ONCE = 500  # lines in one transaction: a few milliseconds

_GATES: Any = GateRow.__table__  # type: ignore[attr-defined]
_EVIDENCE: Any = GateEvidenceRow.__table__  # type: ignore[attr-defined]
_PLAIN = ("id", "name", "service", "policy", "policy_path", "location", "canary_version", "baseline_version", "every_s",
          "opened_at", "opened_by", "ended_at", "fresh_until", "shown_upto", "seq", "decision")  # fmt: skip
_SHOWN = [_GATES.c[name] for name in (*_PLAIN, "weights", "phase")]
_STANDING = [_GATES.c[name] for name in ("decision", "phase", "weights", "fresh_until", "ended_at", "every_s", "shown_upto")]
_SAME = ("service", "policy", "canary_version", "baseline_version")  # of a gate that is opened twice
Found = list[Gate]
Lines = list[str]


class GateLedger:
    """The gates of one store. Every method blocks, and raises StoreError where the store cannot be used."""

    def __init__(self, where: Path | str) -> None:
        self._database = Database(where)

    def open(self, gate: Gate, first: Step) -> tuple[Gate, bool]:
        """Keep a new gate with its first line; where there is one of this name already, return that and False.

        Raises: NameTaken where that one is for something else, AnotherIsOpen where the service has an open gate.
        """
        with self._database.writing() as connection:
            try:
                with connection.begin_nested():
                    connection.execute(insert(GateRow).values(_row(gate, first)))
                    connection.execute(insert(GateEvidenceRow).values(gate_id=gate.id, seq=1, line=first.line))
            except IntegrityError:
                return _already(connection, gate), False
        return replace(gate, seq=1, decision=first.decision, phase=first.phase), True

    def append(self, gate_id: str, after: int, step: Step) -> bool:
        """Keep the line that follows line `after`, with the state and the decision that it leads to.

        False where another line has that place already, or the gate is over or gone: then nothing is changed. One that could
        not decide may be taken up again. Raises: AnotherIsOpen where its service has another gate by then.
        """
        values: dict[str, Any] = {
            "seq": after + 1,
            "state": dict(step.state),
            "decision": dict(step.decision),
            "phase": step.phase.value,
            "shown_upto": step.shown_upto,
            "ended_at": step.ended_at,
        }
        if step.fresh_until is not None:
            values["fresh_until"] = step.fresh_until
        goes_on = or_(_GATES.c.ended_at.is_(None), _GATES.c.phase == Phase.INCONCLUSIVE.value)
        mine = and_(_GATES.c.id == gate_id, _GATES.c.seq == after, goes_on)
        with self._database.writing() as connection:
            try:
                with connection.begin_nested():
                    if connection.execute(update(GateRow).where(mine).values(values)).rowcount != 1:
                        return False
            except IntegrityError:
                raise _another(connection, gate_id) from None
            connection.execute(insert(GateEvidenceRow).values(gate_id=gate_id, seq=after + 1, line=step.line))
        return True

    def standing(self, name: str) -> Standing | None:
        """Return what answers a request for a decision, None where there is no gate of this name."""
        with self._database.reading() as connection:
            row = connection.execute(select(*_STANDING).where(_GATES.c.name == name)).mappings().first()
        return None if row is None else Standing(**{**row, "phase": Phase(row["phase"]), "weights": tuple(row["weights"])})

    def get(self, name: str) -> Gate | None:
        """Return one gate, None where there is none of this name."""
        return next(iter(self._read(select(*_SHOWN).where(_GATES.c.name == name))), None)

    def newest(self, gate_id: str) -> Newest | None:
        """Return what the next line is made from, None where there is no gate of this id."""
        its_line = and_(_EVIDENCE.c.gate_id == _GATES.c.id, _EVIDENCE.c.seq == _GATES.c.seq)
        wanted = select(*_SHOWN, _GATES.c.state, _EVIDENCE.c.line).join_from(_GATES, _EVIDENCE, its_line, isouter=True)
        with self._database.reading() as connection:
            row = connection.execute(wanted.where(_GATES.c.id == gate_id)).mappings().first()
        return None if row is None else Newest(_gate(row), row["state"], row["line"] or "")

    def list(
        self,
        limit: int = 50,
        before: str = "",
        *,
        service: str | None = None,
        policy: str | None = None,
        is_open: bool | None = None,
        location: str | None = None,
    ) -> Found:
        """Return the newest first; `before` is the id of the last one of the page before."""
        wanted = select(*_SHOWN).order_by(_GATES.c.opened_at.desc(), _GATES.c.id.desc()).limit(limit)
        if service is not None:
            wanted = wanted.where(_GATES.c.service == service)
        if policy is not None:
            wanted = wanted.where(_GATES.c.policy == policy)
        if location is not None:
            wanted = wanted.where(_GATES.c.location == location)
        if is_open is not None:
            wanted = wanted.where(_GATES.c.ended_at.is_(None) if is_open else _GATES.c.ended_at.is_not(None))
        if before:
            last = select(_GATES.c.opened_at).where(_GATES.c.id == before).scalar_subquery()
            wanted = wanted.where(or_(_GATES.c.opened_at < last, and_(_GATES.c.opened_at == last, _GATES.c.id < before)))
        return self._read(wanted)

    def unfinished(self, location: str) -> Found:
        """Return the gates that the service of a location has to go on with, the oldest first."""
        wanted = select(*_SHOWN).where(_GATES.c.ended_at.is_(None), _GATES.c.location == location)
        return self._read(wanted.order_by(_GATES.c.opened_at, _GATES.c.id))

    def line(self, gate_id: str, seq: int) -> str | None:
        """Return one line of evidence, None where it is not there, or no longer."""
        mine = and_(_EVIDENCE.c.gate_id == gate_id, _EVIDENCE.c.seq == seq)
        with self._database.reading() as connection:
            return connection.execute(select(_EVIDENCE.c.line).where(mine)).scalar()

    def evidence(self, gate_id: str, after: int = 0) -> Iterator[str]:
        """Yield the lines behind a number, a few at a time, each few in a transaction of its own."""
        while some := self.lines(gate_id, after):
            yield from some
            after += len(some)

    def lines(self, gate_id: str, after: int = 0, limit: int = LINES_AT_ONCE) -> Lines:
        """Return the lines that come next behind a number."""
        mine = and_(_EVIDENCE.c.gate_id == gate_id, _EVIDENCE.c.seq > after)
        wanted = select(_EVIDENCE.c.line).where(mine).order_by(_EVIDENCE.c.seq).limit(limit)
        with self._database.reading() as connection:
            return list(connection.execute(wanted).scalars())

    def prune(self, *, evidence_before: datetime, gates_before: datetime) -> int:
        """Forget the evidence of gates that ended before an instant, and gates that ended before another; return how many lines.

        An open gate forgets nothing.
        """
        with self._database.reading() as connection:
            old = list(connection.execute(select(_GATES.c.id).where(_GATES.c.ended_at < evidence_before)).scalars())
        forgotten = sum(self._forget(gate_id) for gate_id in old)
        with self._database.writing() as connection:
            connection.execute(delete(GateRow).where(_GATES.c.ended_at < gates_before))
        return forgotten

    def close(self) -> None:
        self._database.close()

    def _forget(self, gate_id: str) -> int:
        forgotten = 0
        while True:
            some = select(_EVIDENCE.c.seq).where(_EVIDENCE.c.gate_id == gate_id).order_by(_EVIDENCE.c.seq).limit(PRUNED_AT_ONCE)
            with self._database.writing() as connection:
                old = delete(GateEvidenceRow).where(_EVIDENCE.c.gate_id == gate_id, _EVIDENCE.c.seq.in_(some))
                done = connection.execute(old).rowcount
            forgotten += done
            if done < PRUNED_AT_ONCE:
                return forgotten

    def _read(self, wanted: Select[Any]) -> Found:
        with self._database.reading() as connection:
            return [_gate(row) for row in connection.execute(wanted).mappings()]


def _already(connection: Connection, wanted: Gate) -> Gate:
    """Return the gate of this name. Raises: NameTaken, AnotherIsOpen."""

    def found(*which: ColumnElement[bool]) -> Gate | None:
        row = connection.execute(select(*_SHOWN).where(*which)).mappings().first()
        return None if row is None else _gate(row)

    same_name = found(_GATES.c.name == wanted.name)
    if same_name is not None:
        if all(getattr(same_name, name) == getattr(wanted, name) for name in _SAME):
            return same_name
        raise NameTaken(
            f"there is a gate '{wanted.name}' already, for the policy '{same_name.policy}' and version"
            f" '{same_name.canary_version}' against '{same_name.baseline_version}': choose another name"
        )
    raise _open_for(connection, wanted.service)


def _another(connection: Connection, gate_id: str) -> AnotherIsOpen:
    service = connection.execute(select(_GATES.c.service).where(_GATES.c.id == gate_id)).scalar_one()
    return _open_for(connection, service)


def _open_for(connection: Connection, service: str) -> AnotherIsOpen:
    is_open = and_(_GATES.c.service == service, _GATES.c.ended_at.is_(None))
    name = connection.execute(select(_GATES.c.name).where(is_open)).scalar()
    if name is None:
        raise RuntimeError("the store refused a gate, and neither its name nor its service is why")
    return AnotherIsOpen(name, service)


def _row(gate: Gate, first: Step) -> dict[str, Any]:
    return {
        **{name: getattr(gate, name) for name in _PLAIN},
        "weights": list(gate.weights),
        "phase": first.phase.value,
        "shown_upto": first.shown_upto,
        "decision": dict(first.decision),
        "state": dict(first.state),
        "seq": 1,
    }


def _gate(row: RowMapping) -> Gate:
    fields: dict[str, Any] = {name: row[name] for name in _PLAIN}
    return Gate(**fields, weights=tuple(row["weights"]), phase=Phase(row["phase"]))
