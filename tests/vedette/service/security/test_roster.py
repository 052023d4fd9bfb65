"""This file is for the copy of the tokens: how fresh it is, and what happens while the store is away."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reports.store.errors import StoreError
from reports.store.ledger.tokens import Token, Tokens
from vedette.service.problems import Problem
from vedette.service.security.roster import FRESH_S, PATIENCE_S, STALE_S, Roster

pytestmark = pytest.mark.anyio
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.s = 1000.0

    def monotonic(self) -> float:
        return self.s

    def now(self) -> datetime:
        return AT + timedelta(seconds=self.s - 1000)


class Fragile(Tokens):
    """Tokens of a real store that can be taken away, or made slow."""

    away = False
    reads = 0

    def __init__(self, where: Path) -> None:
        super().__init__(where)
        self.free = threading.Event()
        self.free.set()
        self.noted: list[datetime] = []

    def list(self) -> list[Token]:
        self.reads += 1
        self.free.wait(10)
        if self.away:
            raise StoreError("the store is gone")
        return super().list()

    def used(self, token_id: str, at: datetime) -> None:
        self.noted.append(at)
        super().used(token_id, at)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[Fragile]:
    made = Fragile(tmp_path / "results.db")
    yield made
    made.free.set()
    made.close()


@pytest.fixture
def text(tokens: Fragile) -> str:
    return tokens.create("ci", ["read"], at=AT)[1]


@pytest.fixture
def roster(tokens: Fragile, clock: Clock) -> Roster:
    return Roster(tokens, clock=clock.now, monotonic=clock.monotonic)


def test_what_is_promised_of_revocations_fits_the_constants() -> None:
    assert FRESH_S + PATIENCE_S < 2


async def test_the_store_is_read_once_while_the_copy_is_fresh(roster: Roster, tokens: Fragile, text: str, clock: Clock) -> None:
    for _ in range(100):
        assert await roster.of_text(text) is not None
    clock.s += FRESH_S
    assert await roster.of_text(text) is not None
    assert tokens.reads == 2


async def test_many_at_once_share_one_reading(roster: Roster, tokens: Fragile, text: str) -> None:
    found = await asyncio.gather(*(roster.of_text(text) for _ in range(50)))
    assert all(found) and tokens.reads == 1


async def test_invented_tokens_make_no_work_for_the_store(roster: Roster, tokens: Fragile, text: str) -> None:
    for number in range(200):
        assert await roster.of_text(f"vdt_{number:012x}_{'0' * 48}") is None
    assert tokens.reads == 1


async def test_a_revocation_by_another_process_counts_once_the_copy_is_old(
    roster: Roster, tokens: Fragile, text: str, clock: Clock, tmp_path: Path
) -> None:
    assert await roster.of_text(text) is not None
    other = Tokens(tmp_path / "results.db")
    other.revoke("ci", at=AT)
    other.close()
    clock.s += FRESH_S
    assert await roster.of_text(text) is None


async def test_a_token_that_was_made_a_moment_ago_is_known_at_once(roster: Roster, tokens: Fragile, text: str) -> None:
    await roster.of_text(text)
    _, another = tokens.create("new", ["read"], at=AT)
    assert await roster.of_text(another) is not None


async def test_a_revocation_while_the_store_is_being_read_is_not_overlooked(
    roster: Roster, tokens: Fragile, text: str, clock: Clock
) -> None:
    await roster.of_text(text)
    clock.s += FRESH_S
    reading = asyncio.create_task(roster.of_text(text))
    await asyncio.sleep(0)
    tokens.revoke("ci", at=AT)
    await reading
    assert await roster.of_text(text) is None


async def test_without_its_store_the_service_goes_on_for_a_while_with_what_it_knows(
    roster: Roster, tokens: Fragile, text: str, clock: Clock
) -> None:
    await roster.of_text(text)
    tokens.away = True
    clock.s += STALE_S - 1
    assert await roster.of_text(text) is not None
    clock.s += 2
    with pytest.raises(Problem) as refused:
        await roster.of_text(text)
    assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "5"})
    tokens.away = False
    assert await roster.of_text(text) is not None


async def test_a_store_that_was_never_there_lets_nobody_in(roster: Roster, tokens: Fragile, text: str) -> None:
    tokens.away = True
    with pytest.raises(Problem):
        await roster.of_text(text)


async def test_a_store_that_hangs_holds_no_request_for_long(
    roster: Roster, tokens: Fragile, text: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vedette.service.security.roster.PATIENCE_S", 0.01)
    await roster.of_text(text)
    tokens.free.clear()
    clock.s += FRESH_S
    async with asyncio.timeout(5):
        assert await roster.of_text(text) is not None
    tokens.free.set()
    await roster.close()


async def test_an_expired_token_lets_nobody_in_though_the_copy_is_fresh(roster: Roster, tokens: Fragile, clock: Clock) -> None:
    _, text = tokens.create("short", ["read"], at=AT, expires_at=AT + timedelta(seconds=0.5))
    assert await roster.of_text(text) is not None
    clock.s += 0.5
    assert await roster.of_text(text) is None


async def test_the_last_use_is_stored_at_most_once_a_minute(roster: Roster, tokens: Fragile, text: str, clock: Clock) -> None:
    for _ in range(120):
        token = await roster.of_text(text)
        assert token is not None
        roster.used(token)
        clock.s += 1
    await roster.close()
    assert [at - AT for at in tokens.noted] == [timedelta(0), timedelta(seconds=60)]
    assert tokens.list()[0].last_used_at == tokens.noted[-1]


async def test_after_a_restart_the_minute_goes_on(tokens: Fragile, text: str, clock: Clock) -> None:
    for _ in range(2):
        roster = Roster(tokens, clock=clock.now, monotonic=clock.monotonic)
        token = await roster.of_text(text)
        assert token is not None
        roster.used(token)
        await roster.close()
    assert len(tokens.noted) == 1
