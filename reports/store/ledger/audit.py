"""This file is for the audit trail: who did what, when. Entries are added, read and in the end forgotten, never changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert, select
from sqlmodel import col

from probes.ids import new_id
from reports.store.database import Database
from reports.store.ledger.tables import AuditRow

_LONGEST = 500  # characters of one text
_LARGEST = 4000  # characters of all details as JSON
_SECRET_WORDS = ("token", "secret", "password", "authorization", "cookie", "credential")


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that somebody did."""

    id: str
    at: datetime
    who: str
    action: str
    object: str
    details: Mapping[str, Any]


class Audit:
    """The audit trail of one store. Every method blocks, and raises StoreError where the store cannot be used."""

    def __init__(self, where: Path | str, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = Database(where)
        self._clock = clock

    def note(self, who: str, action: str, object: str, details: Mapping[str, Any] | None = None) -> None:
        """Add an entry. Details whose names speak of secrets are left out, and long ones are cut: no caller can fill the disk."""
        entry = {
            "id": new_id(),
            "at": self._clock(),
            "who": who[:_LONGEST],
            "action": action[:_LONGEST],
            "object": object[:_LONGEST],
            "details": _safe(details or {}),
        }
        with self._database.writing() as connection:
            connection.execute(insert(AuditRow).values(entry))

    def list(self, limit: int = 100, before: str = "") -> list[Entry]:
        """Return the newest entries first; `before` is the id of the last one of the page before."""
        wanted = select(AuditRow.__table__).order_by(col(AuditRow.id).desc()).limit(limit)  # type: ignore[attr-defined]
        if before:
            wanted = wanted.where(col(AuditRow.id) < before)  # ids are UUIDs of version 7: they sort by their time
        with self._database.reading() as connection:
            return [Entry(**row) for row in connection.execute(wanted).mappings()]

    def prune(self, before: datetime) -> int:
        """Forget entries that are older than an instant; return how many."""
        with self._database.writing() as connection:
            old = delete(AuditRow).where(col(AuditRow.at) < before).returning(col(AuditRow.id))
            return len(connection.execute(old).all())

    def close(self) -> None:
        self._database.close()


def _safe(details: Mapping[str, Any]) -> dict[str, Any]:
    kept = {str(name)[:_LONGEST]: _without_secrets(str(name), value) for name, value in details.items()}
    text = json.dumps(kept, default=str, ensure_ascii=False)
    return json.loads(text) if len(text) <= _LARGEST else {"left_out": f"details of {len(text)} characters"}


def _without_secrets(name: str, value: Any) -> Any:
    if any(word in name.lower() for word in _SECRET_WORDS):
        return "[left out]"
    if isinstance(value, str):
        return value[:_LONGEST]
    if isinstance(value, Mapping):
        return {str(inner): _without_secrets(str(inner), below) for inner, below in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_secrets(name, below) for below in value]
    return value
