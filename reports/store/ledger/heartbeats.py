"""This file is for what is known of heartbeats, kept over a restart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, select
from sqlmodel import col

from reports.store.database import Database
from reports.store.ledger.tables import HeartbeatRow
from reports.store.prepared import Prepared
from scenarios.heartbeat_times import Standing

_COLUMNS = tuple(field.name for field in fields(Standing))
_GROUP = 500  # slugs in one statement


class HeartbeatLedger:
    """How each heartbeat stands, by the slug of its series. Every method blocks, and raises StoreError."""

    def __init__(self, where: Path | str) -> None:
        self._database = Database(where)
        self._save: Prepared | None = None

    def load(self) -> dict[str, Standing]:
        """Return all that is known, also of heartbeats that nobody watches at present."""
        self._database.make_ready()
        table = HeartbeatRow.__table__  # type: ignore[attr-defined]
        with self._database.reading() as connection:
            rows = connection.execute(select(table)).mappings().all()
        return {row["slug"]: Standing(**{name: row[name] for name in _COLUMNS}) for row in rows}

    def save(self, standings: Mapping[str, Standing], *, forget: Iterable[str] = ()) -> None:
        """Keep how these stand, and forget those, in one transaction."""
        made = [_row(slug, standing) for slug, standing in standings.items()]
        gone = list(forget)
        with self._database.writing() as connection:
            self._save = self._save or Prepared(connection, _upsert(connection))
            self._save.run(connection, made)
            for start in range(0, len(gone), _GROUP):
                connection.execute(delete(HeartbeatRow).where(col(HeartbeatRow.slug).in_(gone[start : start + _GROUP])))

    def close(self) -> None:
        self._database.close()


def _row(slug: str, standing: Standing) -> dict[str, Any]:
    return {"slug": slug, **{name: getattr(standing, name) for name in _COLUMNS}}


def _upsert(connection: Connection) -> Any:
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]  # the same call, another class
    made = insert(HeartbeatRow)
    return made.on_conflict_do_update(index_elements=["slug"], set_={name: made.excluded[name] for name in _COLUMNS})
