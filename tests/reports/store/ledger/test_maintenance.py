"""This file is for the promises of the ledger of maintenance windows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reports.store.database import Database
from reports.store.ledger.maintenance import MaintenanceBook
from scenarios.maintenance import Window

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def ledger(anywhere: str) -> Iterator[MaintenanceBook]:
    database = Database(anywhere)
    database.make_ready()
    database.close()
    made = MaintenanceBook(anywhere)
    yield made
    made.close()


def window(own_id: str = "w", starts: float = 0, lasts: float = 1, **keys: Any) -> Window:
    starts_at = AT + starts * HOUR
    given = {"id": own_id, "starts_at": starts_at, "ends_at": starts_at + lasts * HOUR, "why": "a move", "created_at": AT}
    return Window(**given | {"started_by": "jo"} | keys)


def test_what_is_kept_comes_back_equal_in_every_field(ledger: MaintenanceBook) -> None:
    full = window(suite="shop", name="nightly", targets=("a", "b"), scenarios=("c",), tags=("d",), ended_by="mo")
    ledger.keep([full, window("bare")])
    assert (ledger.get("w"), ledger.get("bare"), ledger.get("none")) == (full, window("bare"), None)


def test_keeping_again_changes_nothing(ledger: MaintenanceBook) -> None:
    ledger.keep([window()])
    ledger.keep([window(lasts=5), window("other")])
    assert ledger.get("w") == window() and ledger.get("other") == window("other")


def test_a_window_is_ended_early_once(ledger: MaintenanceBook) -> None:
    ledger.keep([window()])
    at = AT + 0.5 * HOUR
    assert (ledger.end(window(), at, "mo"), ledger.end(window(), at, "jo")) == (True, False)
    assert ledger.get("w") == replace(window(), ends_at=at, ended_by="mo")


def test_what_is_over_cannot_be_ended(ledger: MaintenanceBook) -> None:
    ledger.keep([window()])
    assert not ledger.end(window(), AT + HOUR, "mo")
    assert ledger.get("w") == window()


def test_a_window_that_was_not_kept_yet_is_kept_when_it_is_ended(ledger: MaintenanceBook) -> None:
    at = AT + 0.25 * HOUR
    assert ledger.end(window("r1", name="nightly", suite="shop"), at, "mo")
    kept = ledger.get("r1")
    assert kept is not None and (kept.ends_at, kept.ended_by) == (at, "mo")


def test_a_window_that_is_ended_before_it_begins_never_was(ledger: MaintenanceBook) -> None:
    coming = window(starts=5)
    ledger.keep([coming])
    assert ledger.end(coming, AT, "mo")
    kept = ledger.get("w")
    assert kept is not None and kept.starts_at == kept.ends_at and not kept.is_open(kept.starts_at)
    assert [w.id for w in ledger.past(AT)] == ["w"]


def test_what_matters_is_what_is_not_over_and_what_was_cut_short_of_a_recurring_one(ledger: MaintenanceBook) -> None:
    cut, long_ago = window("cut", -2, 9, name="nightly"), window("long ago", -32 * 24, 24 * 31, name="nightly")
    ledger.keep([window("over", -3), window("was open", -9, name="nightly"), window("open", -0.5), window("coming", 3), cut])
    ledger.keep([long_ago])
    ledger.end(cut, AT - HOUR, "mo")
    ledger.end(long_ago, AT - 32 * 24 * HOUR, "mo")
    assert [w.id for w in ledger.live(AT)] == ["cut", "open", "coming"]


def test_the_past_goes_page_by_page_also_where_two_began_at_once(ledger: MaintenanceBook) -> None:
    ledger.keep([window("a", -9), window("b", -5), window("c", -5), window("d", -2), window("open", 0)])
    pages, before = [], ""
    while page := ledger.past(AT, 2, before):
        pages.append([w.id for w in page])
        before = page[-1].id
    assert pages == [["d", "c"], ["b", "a"]]


def test_what_ended_long_ago_is_forgotten_when_asked(ledger: MaintenanceBook) -> None:
    ledger.keep([window("long ago", -50), window("lately", -2), window("open", -60, 90)])
    assert ledger.prune(AT - 24 * HOUR) == 1
    assert [ledger.get(name) is not None for name in ("long ago", "lately", "open")] == [False, True, True]
