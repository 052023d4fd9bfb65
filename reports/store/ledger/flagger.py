"""This file is for the ledger of rollouts that Flagger makes: which gate judges each, and how far it was let."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert, or_, select

from reports.store.database import Database
from reports.store.ledger.tables import FlaggerRow

KEPT = timedelta(days=180)  # since a rollout was last spoken of

_TABLE: Any = FlaggerRow.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class FlaggerRollout:
    """One rollout, by the name that Flagger's requests give it."""

    key: str  # namespace.name@checksum
    gate: str
    at: datetime
    attempt: int = 1  # the same build rolled out again is judged again, by another gate
    increases: int = 0  # that were granted
    granted_weight: float | None = None  # of the stage that the last one leads to
    told_weight: float | None = None  # that Flagger's events said last
    closed: bool = False  # Flagger said that it is over


class FlaggerBook:
    """The rollouts of one store. Every method blocks, and raises StoreError where the store cannot be used."""

    def __init__(self, where: Path | str) -> None:
        self._database = Database(where)

    def get(self, key: str) -> FlaggerRollout | None:
        """Return one rollout, None where none is known by this key."""
        with self._database.reading() as connection:
            row = connection.execute(select(_TABLE).where(_TABLE.c.key == key)).mappings().first()
        return None if row is None else FlaggerRollout(**row)

    def keep(self, rollout: FlaggerRollout) -> None:
        """Keep a rollout as it is now, and forget those that nobody has spoken of for long."""
        with self._database.writing() as connection:
            connection.execute(delete(_TABLE).where(or_(_TABLE.c.key == rollout.key, _TABLE.c.at < rollout.at - KEPT)))
            connection.execute(insert(_TABLE).values(asdict(rollout)))

    def close(self) -> None:
        self._database.close()
