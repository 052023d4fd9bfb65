"""This file is for a small service on loopback that audits what is done to its appointments, and can do it wrongly."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.probes.small_service import Asked, Reply

Keep = Callable[[dict[str, Any]], Awaitable[None]]
BROKEN_LINK = "0" * 64


def digest(record: dict[str, Any]) -> str:
    body = {name: value for name, value in record.items() if name != "hash"}
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@dataclass
class Audited:
    """POST /appointments, PATCH and DELETE below it, POST /login, GET /audit. `bugs` names what is wrong."""

    bugs: frozenset[str] = frozenset()
    keep: Keep | None = None  # where records go beside the audit API
    records: list[dict[str, Any]] = field(default_factory=list)
    appointments: dict[int, dict[str, Any]] = field(default_factory=dict)
    seen: list[Asked] = field(default_factory=list)
    late: list[tuple[int, dict[str, Any]]] = field(default_factory=list)  # records, and the request before which they come

    async def handle(self, asked: Asked) -> Reply:
        self.seen.append(asked)
        for due, record in self.late:
            if due == len(self.seen):
                await self._keep(record)
        path, _, query = asked.path.partition("?")
        if path == "/audit" and asked.method == "GET":
            wanted = query.partition("=")[2]
            return 200, {}, {"items": [one for one in self.records if wanted in ("", one["correlation_id"])]}
        if path.startswith("/audit/"):
            return self._changed(path.rpartition("/")[2], asked)
        if path == "/login":
            await self._audit(asked, "auth.login_failed", entity=("user", None), actor=None, after={"email": "***"})
            return 401, {}, {"error": "no"}
        if path == "/appointments" and asked.method == "GET":
            if "audits_reading" in self.bugs:
                await self._audit(asked, "appointment.listed", entity=("appointment", None))
            return 200, {}, list(self.appointments.values())
        return await self._appointment(asked, path)

    async def _appointment(self, asked: Asked, path: str) -> Reply:
        if "down" in self.bugs:
            return 500, {}, {"error": "boom"}
        if asked.method == "POST":
            number = len(self.appointments) + 1
            made = {"id": number, "status": "confirmed"}
            self.appointments[number] = made
            after = {**made, **({"password": asked.body["password"]} if "keeps_password" in self.bugs else {})}
            if "note_of_password" in self.bugs:
                after["note"] = f"signed up with {asked.body['password']}"
            await self._audit(asked, "appointment.created", entity=("appointment", number), after=after)
            return 201, {}, made
        number = int(path.rpartition("/")[2])
        before = self.appointments.pop(number, None)
        if before is None:
            return 404, {}, {"error": "gone"}
        if asked.method == "DELETE":
            await self._audit(asked, "appointment.cancelled", entity=("appointment", number), before=before, after=None)
            return 200, {}, {}
        self.appointments[number] = {**before, **asked.body}
        await self._audit(asked, "appointment.updated", entity=("appointment", number), before=before, after=asked.body)
        return 200, {}, self.appointments[number]

    def _changed(self, which: str, asked: Asked) -> Reply:
        place = next((n for n, one in enumerate(self.records) if one["audit_id"] == which), None)
        if "no_such_route" in self.bugs or place is None:
            return 404, {}, {"error": "not found"}
        if "can_be_deleted" in self.bugs and asked.method == "DELETE":
            del self.records[place]
            return 200, {}, {}
        if "changes_though_it_refuses" in self.bugs:
            self.records[place]["actor_id"] = 99
        return 403, {}, {"error": "records are written once"}

    async def _audit(
        self,
        asked: Asked,
        action: str,
        *,
        entity: tuple[str, int | None],
        actor: int | None = 7,
        before: Any = None,
        after: Any = None,
    ) -> None:
        record: dict[str, Any] = {
            "audit_id": str(uuid.uuid4()),
            "timestamp": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "tenant_id": 42,
            "actor_id": actor,
            "actor_type": "user" if actor is not None else "system",
            "action": "appointment.create" if "wrong_action" in self.bugs else action,
            "entity_type": entity[0],
            "entity_id": entity[1],
            "before": before,
            "after": after,
            "ip": "192.0.2.7",
            "user_agent": "test",
            "correlation_id": asked.headers.get("x-correlation-id", ""),
        }
        if "silent" in self.bugs:
            return
        self._spoil(record)
        if "late" in self.bugs:  # told only once it was looked for in vain
            self.late.append((len(self.seen) + 2, record))
            return
        await self._keep(record)
        if "twice" in self.bugs:
            await self._keep({**record, "audit_id": str(uuid.uuid4())})

    def _spoil(self, record: dict[str, Any]) -> None:
        if "nobody" in self.bugs:
            record["actor_id"], record["actor_type"] = None, "system"
        if "no_actor" in self.bugs:
            del record["actor_id"]
        if "another_actor" in self.bugs:
            record["actor_id"] = 8
        if "another_id" in self.bugs:
            record["correlation_id"] = str(uuid.uuid4())
        if "local_time" in self.bugs:
            record["timestamp"] = "2026-01-15 14:30"

    async def _keep(self, record: dict[str, Any]) -> None:
        if "chain" in self.bugs or "broken_chain" in self.bugs or "edited" in self.bugs:
            record["previous_hash"] = self.records[-1]["hash"] if self.records else BROKEN_LINK
            if "broken_chain" in self.bugs and len(self.records) == 1:
                record["previous_hash"] = BROKEN_LINK
            record["hash"] = digest(record)
            if "edited" in self.bugs:
                record["tenant_id"] = 43
        self.records.append(record)
        if self.keep is not None:
            await self.keep(record)
