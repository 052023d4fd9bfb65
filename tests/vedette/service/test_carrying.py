"""This file is for history that goes on under another name: over a reload, a store that is not there, and a restart."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from probes.outcome import Verdict
from reports.store.errors import StoreError
from reports.store.watch.answers import Counts
from scenarios.loader import load_suite
from scenarios.model import Suite
from scenarios.watch.events import SeriesKey
from tests.reports.store.watch.ticking import a_tick
from vedette.service.assembly import Assembly, assembled
from vedette.service.state import ServeSettings

pytestmark = pytest.mark.anyio

OLD, NEW = (SeriesKey("shop", name, "staging", "local") for name in ("the basket", "the cart"))
AT = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)


@pytest.fixture
def suite(tmp_path: Path) -> Callable[[str], Suite]:
    def written(scenario: str) -> Suite:
        path = tmp_path / "shop.yaml"
        path.write_text(
            "suite: shop\ntargets: {staging: {base_url: 'http://127.0.0.1:9', private_networks: true}}\n"
            f"scenarios:\n  - {{name: {scenario}, probe: http, schedule: {{every: 1h}}, request: {{path: /}}}}\n"
        )
        return load_suite(str(path))

    return written


BASKET, CART = "the basket", "the cart, formerly: [the basket]"


@asynccontextmanager
async def service(folder: Path, suite: Suite) -> AsyncIterator[Assembly]:
    """Put a service together that asks nothing by itself, and end it in order."""
    settings = ServeSettings(suites=(suite.path,), store=str(folder / "results.db"), state=folder)
    made = assembled(settings, [suite])
    made.service.watcher.begin()
    try:
        yield made
    finally:
        await made.service.watcher.stop(0)
        await made.service.heartbeats.close()
        assert made.service.sink.close(10)
        made.close()


def tell(made: Assembly, key: SeriesKey, *verdicts: Verdict, minute: int = 0) -> None:
    for number, verdict in enumerate(verdicts, minute):
        tick = a_tick(verdict, key=key, at=AT + timedelta(minutes=number))
        made.service.board.take_watched(tick)
        made.service.sink.take_watched(tick)


def kept(made: Assembly, key: SeriesKey) -> Counts:
    now = AT + timedelta(minutes=10)
    return made.service.history.counts_between([key], AT - timedelta(hours=1), now)[key]


async def test_ticks_that_are_just_on_their_way_to_the_store_are_not_left_behind_under_the_old_name(
    tmp_path: Path, suite: Callable[[str], Suite]
) -> None:
    async with service(tmp_path, suite(BASKET)) as made:
        tell(made, OLD, Verdict.PASS, Verdict.FAIL, Verdict.FAIL)
        await made.swap([suite(CART)])
        assert made.service.history.state(OLD) is None
        assert kept(made, NEW) == Counts(passed=1, failed=2)


async def test_a_store_that_does_not_take_it_now_is_asked_again_and_ticks_of_both_names_become_one(
    tmp_path: Path, suite: Callable[[str], Suite], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with service(tmp_path, suite(BASKET)) as made:
        tell(made, OLD, Verdict.FAIL, Verdict.FAIL)

        def locked(old: SeriesKey, new: SeriesKey) -> bool:
            raise StoreError("the store is locked by another process")

        with monkeypatch.context() as outage:
            outage.setattr(made.service.history, "rename", locked)
            await made.swap([suite(CART)])
        tell(made, NEW, Verdict.FAIL, minute=2)
        await made.swap.carrying.carry_over()
        assert made.swap.carrying.owed == []
        state, line = made.service.history.state(NEW), made.service.board.line(NEW)
        assert state is not None and line is not None
        assert (state.since_at, state.in_row) == (line.since_at, line.in_row) == (AT, 3)
        assert kept(made, NEW) == Counts(failed=3)


async def test_a_scenario_that_got_its_new_name_while_nobody_watched_keeps_its_history(
    tmp_path: Path, suite: Callable[[str], Suite]
) -> None:
    async with service(tmp_path, suite(BASKET)) as made:
        tell(made, OLD, Verdict.PASS, Verdict.FAIL, Verdict.FAIL)
    async with service(tmp_path, suite(CART)) as made:
        line = made.service.board.line(NEW)
        assert line is not None
        assert (line.verdict, line.since_at, line.in_row) == (Verdict.FAIL, AT + timedelta(minutes=1), 2)
        assert line.counts("1h") == Counts(passed=1, failed=2)
        assert made.service.history.state(OLD) is None


async def test_what_was_taken_away_in_order_is_not_taken_for_a_former_name(tmp_path: Path, suite: Callable[[str], Suite]) -> None:
    async with service(tmp_path, suite(BASKET)) as made:
        tell(made, OLD, Verdict.FAIL)
        made.service.sink.flush(10)
        made.service.history.retire([OLD], AT)
    async with service(tmp_path, suite(CART)) as made:
        line = made.service.board.line(NEW)
        assert line is not None and line.verdict is None
