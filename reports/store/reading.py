"""This file is for reading whole outcomes: of a run, of a part of one, or one by its id."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, func, select
from sqlmodel import SQLModel

from probes.outcome import Outcome
from reports.store import rows
from reports.store.tables import CheckRow, MeasurementRow, OutcomeRow

_OUTCOMES: Any = OutcomeRow.__table__  # type: ignore[attr-defined]


def outcomes_of(connection: Connection, run_id: str) -> list[Outcome]:
    """Return all outcomes of a run, in its order."""
    return _whole(connection, select(_OUTCOMES.c.id).where(_OUTCOMES.c.run_id == run_id))


def newest_outcomes(connection: Connection, run_id: str, most: int) -> tuple[list[Outcome], int]:
    """Return the outcomes of a run that came last, in their order, and how many there are in all."""
    of_run = _OUTCOMES.c.run_id == run_id
    number = connection.execute(select(func.count()).select_from(_OUTCOMES).where(of_run)).scalar() or 0
    last = select(_OUTCOMES.c.id).where(of_run).order_by(_OUTCOMES.c.place.desc()).limit(most)
    return _whole(connection, last), number


def outcome_by_id(connection: Connection, outcome_id: str) -> Outcome | None:
    """Return one outcome, None where there is none."""
    found = _whole(connection, select(_OUTCOMES.c.id).where(_OUTCOMES.c.id == outcome_id))
    return found[0] if found else None


def _whole(connection: Connection, chosen: Select[Any]) -> list[Outcome]:
    found = connection.execute(select(_OUTCOMES).where(_OUTCOMES.c.id.in_(chosen)).order_by(_OUTCOMES.c.place, _OUTCOMES.c.id))
    checks = _of_outcomes(connection, CheckRow, chosen)
    measurements = _of_outcomes(connection, MeasurementRow, chosen)
    return [rows.outcome_of(row, checks[row["id"]], measurements[row["id"]]) for row in found.mappings()]


def _of_outcomes(connection: Connection, of: type[SQLModel], chosen: Select[Any]) -> defaultdict[str, list[RowMapping]]:
    table = of.__table__  # type: ignore[attr-defined]
    wanted = select(table).where(table.c.outcome_id.in_(chosen)).order_by(table.c.outcome_id, table.c.place)
    grouped: defaultdict[str, list[RowMapping]] = defaultdict(list)
    for row in connection.execute(wanted).mappings():
        grouped[row["outcome_id"]].append(row)
    return grouped
