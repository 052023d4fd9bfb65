"""This file is for the audit trail: who did what to which thing, before and after, in records that are only ever added."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from vedette.reference.kit.call import current

Record = dict[str, Any]
_LATE = timedelta(minutes=10)


class Trail:
    """Keeps the records, writes each as a line of JSON, and links them by a chain of hashes where `chained`."""

    def __init__(self, path: Path | None, bugs: Collection[str], clock: Callable[[], datetime], *, chained: bool = False) -> None:
        self._path = path
        self._bugs = bugs
        self._clock = clock
        self._chained = chained
        self.records: list[Record] = []

    def add(
        self,
        action: str,
        entity: str,
        entity_id: int | str | None,
        *,
        before: Any = None,
        after: Any = None,
        actor: int | None = None,
        actor_type: str = "user",
    ) -> None:
        """Add one record for the current call. `actor` is the person, where it is not who the call belongs to."""
        call = current()
        if "audit_nothing" in self._bugs or f"audit_without_{action}" in self._bugs:
            return
        record: Record = {
            "audit_id": str(uuid.uuid4()),
            "timestamp": self._time().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "tenant_id": 0 if "audit_tenant_lost" in self._bugs else call.tenant,
            "actor_id": None if "audit_actor_lost" in self._bugs else actor if actor is not None else call.user,
            "actor_type": actor_type,
            "action": action,
            "entity_type": entity,
            "entity_id": entity_id,
            "before": None if "audit_before_lost" in self._bugs else before,
            "after": after,
            "ip": call.ip,
            "user_agent": call.agent,
            "correlation_id": str(uuid.uuid4()) if "audit_correlation_lost" in self._bugs else call.correlation,
        }
        for _ in range(2 if "audit_doubled" in self._bugs else 1):
            self._keep(dict(record, audit_id=str(uuid.uuid4())))

    def of(self, correlation: str) -> list[Record]:
        return [record for record in self.records if record["correlation_id"] == correlation]

    def find(self, audit_id: str) -> Record | None:
        return next((record for record in self.records if record["audit_id"] == audit_id), None)

    def change(self, audit_id: str, changed: Record) -> bool:
        """Change a record. The sound trail never does."""
        record = self.find(audit_id)
        if record is None or "audit_changeable" not in self._bugs:
            return False
        record.update(changed)
        return True

    def _keep(self, record: Record) -> None:
        if self._chained and "audit_chain_missing" not in self._bugs:
            before = self.records[-1]["hash"] if self.records else "0" * 64
            if "audit_chain_broken" in self._bugs and len(self.records) % 2:
                before = "0" * 64  # each worker begins a chain of its own
            record["previous_hash"] = before
            record["hash"] = hash_of(record) if "audit_hash_wrong" not in self._bugs else hashlib.sha256(b"").hexdigest()
        self.records.append(record)
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record, ensure_ascii=False) + "\n")

    def _time(self) -> datetime:
        return self._clock() - _LATE if "audit_time_wrong" in self._bugs else self._clock()


def hash_of(record: Record) -> str:
    """Return the SHA-256 of a record without its own hash, as JSON with sorted keys and no spaces."""
    told = {name: value for name, value in record.items() if name != "hash"}
    return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()
