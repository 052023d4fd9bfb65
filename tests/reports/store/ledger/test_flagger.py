"""This file is for the ledger of rollouts that Flagger makes: kept, changed, and in the end forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reports.store.database import Database
from reports.store.ledger.flagger import KEPT, FlaggerBook, FlaggerRollout

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ONE = FlaggerRollout("shop.checkout@7f6d9c", "shop.checkout@7f6d9c", AT)


@pytest.fixture
def book(tmp_path: Path) -> Iterator[FlaggerBook]:
    path = tmp_path / "results.db"
    database = Database(path)
    database.make_ready()
    database.close()
    made = FlaggerBook(path)
    yield made
    made.close()


def test_a_rollout_is_given_back_as_it_was_kept(book: FlaggerBook) -> None:
    whole = replace(ONE, attempt=2, increases=3, granted_weight=25.0, told_weight=5.0, closed=True)
    book.keep(whole)
    assert book.get(ONE.key) == whole


def test_nobody_knows_a_rollout_that_was_never_kept(book: FlaggerBook) -> None:
    assert book.get("shop.checkout@other") is None


def test_a_rollout_is_kept_as_it_is_now(book: FlaggerBook) -> None:
    book.keep(ONE)
    book.keep(replace(ONE, increases=1, granted_weight=5.0))
    found = book.get(ONE.key)
    assert found is not None and (found.increases, found.granted_weight) == (1, 5.0)


def test_one_that_nobody_spoke_of_for_long_is_forgotten(book: FlaggerBook) -> None:
    book.keep(ONE)
    book.keep(FlaggerRollout("shop.basket@1", "shop.basket@1", AT + KEPT))
    assert book.get(ONE.key) == ONE
    book.keep(FlaggerRollout("shop.basket@2", "shop.basket@2", AT + KEPT + timedelta(seconds=1)))
    assert book.get(ONE.key) is None
