"""This file is for the ledger of maintenance: the windows that somebody opened, and those of recurring ones that were open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Insert, RowMapping, and_, delete, or_, select, update

from reports.store.database import Database
from reports.store.ledger.tables import MaintenanceRow
from scenarios.maintenance import LONGEST_S, Window

_TABLE: Any = MaintenanceRow.__table__  # type: ignore[attr-defined]
_PLAIN = ("id", "suite", "name", "starts_at", "ends_at", "why", "started_by", "created_at", "ended_by")
_LISTS = ("targets", "scenarios", "tags")


class MaintenanceBook:
    """The maintenance windows of one store. Every method blocks, and raises StoreError where the store cannot be used."""

    def __init__(self, where: Path | str) -> None:
        self._database = Database(where)

    def keep(self, windows: Sequence[Window]) -> None:
        """Keep windows; one that is there already stays as it is."""
        if windows:
            with self._database.writing() as connection:
                connection.execute(_insert(connection), [_row(window) for window in windows])

    def end(self, window: Window, at: datetime, by: str) -> bool:
        """End a window before its time; false when it is over, or was ended before. One that is not kept yet is kept.

        One that has not begun is over before it begins: it never was.
        """
        with self._database.writing() as connection:
            connection.execute(_insert(connection), _row(window))
            goes_on = and_(_TABLE.c.id == window.id, _TABLE.c.ends_at > at, _TABLE.c.ended_by == "")
            values = {"ends_at": max(at, window.starts_at), "ended_by": by}
            return connection.execute(update(MaintenanceRow).where(goes_on).values(values)).rowcount == 1

    def get(self, window_id: str) -> Window | None:
        """Return one window, None where there is none of that id."""
        with self._database.reading() as connection:
            found = connection.execute(select(_TABLE).where(_TABLE.c.id == window_id)).mappings().first()
        return None if found is None else _window(found)

    def live(self, at: datetime) -> list[Window]:
        """Return what may still matter: windows that are not over, and times of recurring ones that were ended early.

        Of the latter the calendar alone would say that they are still open.
        """
        cut_short = and_(_TABLE.c.name != "", _TABLE.c.ended_by != "", _TABLE.c.starts_at > at - timedelta(seconds=LONGEST_S))
        wanted = select(_TABLE).where(or_(_TABLE.c.ends_at > at, cut_short)).order_by(_TABLE.c.starts_at, _TABLE.c.id)
        with self._database.reading() as connection:
            return [_window(row) for row in connection.execute(wanted).mappings()]

    def past(self, at: datetime, limit: int = 50, before: str = "") -> list[Window]:
        """Return the windows that are over, the one that began last first; `before` is the last one's id of the page before."""
        never_was = and_(_TABLE.c.ended_by != "", _TABLE.c.ends_at == _TABLE.c.starts_at)
        over = select(_TABLE).where(or_(_TABLE.c.ends_at <= at, never_was))
        wanted = over.order_by(_TABLE.c.starts_at.desc(), _TABLE.c.id.desc()).limit(limit)
        if before:
            last = select(_TABLE.c.starts_at).where(_TABLE.c.id == before).scalar_subquery()
            wanted = wanted.where(or_(_TABLE.c.starts_at < last, and_(_TABLE.c.starts_at == last, _TABLE.c.id < before)))
        with self._database.reading() as connection:
            return [_window(row) for row in connection.execute(wanted).mappings()]

    def prune(self, before: datetime) -> int:
        """Forget the windows that ended before an instant; return how many."""
        with self._database.writing() as connection:
            return len(connection.execute(delete(_TABLE).where(_TABLE.c.ends_at < before).returning(_TABLE.c.id)).all())

    def close(self) -> None:
        self._database.close()


def _insert(connection: Connection) -> Insert:
    made: Any
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]  # the same call, another class
    made = insert(MaintenanceRow).on_conflict_do_nothing()
    return made  # type: ignore[no-any-return]


def _row(window: Window) -> dict[str, Any]:
    row = {name: getattr(window, name) for name in _PLAIN} | {name: list(getattr(window, name)) for name in _LISTS}
    return row | {"created_at": window.created_at or window.starts_at}


def _window(row: RowMapping) -> Window:
    fields: dict[str, Any] = {name: row[name] for name in _PLAIN} | {name: tuple(row[name]) for name in _LISTS}
    return Window(**fields)
