"""This file is for the lives of services: when each began, was last alive and ended, and the gaps between them."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, insert, select, update

from reports.store.watch.answers import Gap
from reports.store.watch.tables import ServiceRow

_SERVICES: Any = ServiceRow.__table__  # type: ignore[attr-defined]


def begin(connection: Connection, service_id: str, location: str, version: str, at: datetime) -> None:
    """Note that a service began."""
    connection.execute(
        insert(_SERVICES).values(id=service_id, location=location, version=version, started_at=at, alive_at=at, stopped_at=None)
    )


def alive(connection: Connection, service_id: str, at: datetime) -> None:
    """Note that a service is alive."""
    connection.execute(update(_SERVICES).where(_SERVICES.c.id == service_id).values(alive_at=at))


def stopped(connection: Connection, service_id: str, at: datetime) -> None:
    """Note that a service ended in order."""
    connection.execute(update(_SERVICES).where(_SERVICES.c.id == service_id).values(alive_at=at, stopped_at=at))


def gaps(connection: Connection, location: str, since: datetime) -> list[Gap]:
    """Return the times between one life and the next that reach past `since`, the oldest first."""
    query = select(_SERVICES.c.started_at, _SERVICES.c.alive_at, _SERVICES.c.stopped_at)
    lives = connection.execute(query.where(_SERVICES.c.location == location).order_by(_SERVICES.c.started_at)).all()
    found: list[Gap] = []
    for (_, alive_at, stopped_at), (next_at, _, _) in pairwise(lives):
        ended_at = stopped_at or alive_at
        if ended_at < next_at and next_at > since:
            found.append(Gap(location, ended_at, next_at, stopped_at is not None))
    return found
