"""This file is for answers to writes that carried an idempotency key: asking again gets the same answer and does nothing.

Source: draft-ietf-httpapi-idempotency-key-header-07.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from reports.store.database import Database
from reports.store.ledger.tables import AnswerRow

KEPT = timedelta(hours=24)
KEYS_OF_ONE = 10_000  # that one caller may have at a time; the oldest go first
LARGEST_BODY = 256 * 1024  # characters of an answer


@dataclass(frozen=True, slots=True)
class Answer:
    """What stands under a key. `status` is None while the first request is at work, or when it was cut off."""

    request_hash: str
    at: datetime
    status: int | None = None
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class Answers:
    """The answers of one store. Every method blocks, and raises StoreError where the store cannot be used."""

    def __init__(self, where: Path | str) -> None:
        self._database = Database(where)

    def claim(self, who: str, key: str, request_hash: str, at: datetime) -> Answer | None:
        """Take a key for a request: None means that it is ours now, otherwise the answer says who had it before."""
        with self._database.writing() as connection:
            connection.execute(delete(AnswerRow).where(col(AnswerRow.at) < at - KEPT))
            _make_room(connection, who)
            try:
                with connection.begin_nested():
                    connection.execute(
                        insert(AnswerRow).values(who=who, key=key, request_hash=request_hash, at=at, body="", headers={})
                    )
            except IntegrityError:
                row = connection.execute(select(AnswerRow.__table__).where(*_of(who, key))).mappings().one()  # type: ignore[attr-defined]
                return Answer(row["request_hash"], row["at"], row["status"], row["body"], row["headers"])
        return None

    def finish(self, who: str, key: str, status: int, body: str, headers: Mapping[str, str]) -> None:
        """Keep the answer to the request that had taken this key. A body that is too long is not kept."""
        kept = {"status": status, "body": body if len(body) <= LARGEST_BODY else "", "headers": dict(headers)}
        with self._database.writing() as connection:
            connection.execute(update(AnswerRow).where(*_of(who, key)).values(kept))

    def release(self, who: str, key: str) -> None:
        """Give a key back whose request was refused: nothing was done, so it may be asked again."""
        with self._database.writing() as connection:
            connection.execute(delete(AnswerRow).where(*_of(who, key), col(AnswerRow.status).is_(None)))

    def close(self) -> None:
        self._database.close()


def _of(who: str, key: str) -> tuple[ColumnElement[bool], ...]:
    return col(AnswerRow.who) == who, col(AnswerRow.key) == key


def _make_room(connection: Connection, who: str) -> None:
    mine = col(AnswerRow.who) == who
    if connection.execute(select(func.count()).where(mine)).scalar_one() < KEYS_OF_ONE:
        return
    oldest = select(col(AnswerRow.key)).where(mine).order_by(col(AnswerRow.at)).limit(KEYS_OF_ONE // 10)
    connection.execute(delete(AnswerRow).where(mine, col(AnswerRow.key).in_(oldest)))
