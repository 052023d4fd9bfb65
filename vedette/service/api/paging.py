"""This file is for lists that come in pages: the place where the next page begins, and the link to it."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field

from vedette.service.problems import Problem

LONGEST_CURSOR = 8000  # four names of a series, each a few hundred letters of up to four bytes
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REFUSED = "'cursor' is not one that this list gave out with these filters; begin without it"


class Asked(BaseModel):
    """What stands behind the `?`. A parameter that is not known is refused: a misspelt filter must not show everything."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Paging(Asked):
    """How much of a list is wanted, and from where on."""

    limit: int = Field(100, ge=1, le=500, description="at most so many items")
    cursor: str = Field("", max_length=LONGEST_CURSOR, description="where to go on: as `next` of the page before has it")


def place_in(paging: Paging, listing: str, *types: type) -> list[Any] | None:
    """Return the position that a cursor names, one value for each type, None for the beginning.

    A cursor says where to go on and nothing else, so one that somebody made up can show nothing that the list would
    not show: it is checked for its shape, and for belonging to this list with these filters.

    Raises: Problem 422 for one that this list never gave out.
    """
    if not paging.cursor:
        return None
    try:
        given = json.loads(base64.b64decode(paging.cursor + "=" * (-len(paging.cursor) % 4), b"-_", validate=True))
    except (ValueError, RecursionError):
        raise Problem(422, _REFUSED) from None
    right = isinstance(given, list) and len(given) == len(types) + 1 and given[0] == _mark(paging, listing)
    if not right or any(type(value) is not wanted for value, wanted in zip(given[1:], types, strict=True)):
        raise Problem(422, _REFUSED)
    if any(isinstance(value, str) and not value.isprintable() for value in given[1:]):
        raise Problem(422, _REFUSED)
    return list(given[1:])


def next_link(request: Request, paging: Paging, listing: str, *position: str | int) -> str:
    """Return the address of the page that goes on after a position, without scheme and host: a proxy may stand before us."""
    text = json.dumps([_mark(paging, listing), *position], ensure_ascii=False, separators=(",", ":"))
    cursor = base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode().rstrip("=")
    url = request.url.include_query_params(cursor=cursor)
    return f"{url.path}?{url.query}"


def instant_at(micros: int) -> datetime:
    """Return the instant so many microseconds after 1970. Raises: Problem 422 for one that no clock shows."""
    try:
        return _EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        raise Problem(422, _REFUSED) from None


def micros_of(at: datetime) -> int:
    """Return an instant as microseconds since 1970, without rounding."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def split_at(found: Sequence[Any], limit: int) -> tuple[Sequence[Any], bool]:
    """Return the page of a list that was asked for one item more than wanted, and whether there is more."""
    return found[:limit], len(found) > limit


def _mark(paging: Paging, listing: str) -> str:
    """Return what a cursor begins with: the list, and the filters that it was given with."""
    filters = paging.model_dump_json(exclude={"limit", "cursor"})
    return sha256(f"{listing}\x00{filters}".encode("utf-8", "surrogatepass")).hexdigest()[:12]
