"""This file is for counters that others move too: what `metrics_contract` takes for proof that a target counts our requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from probes.kinds.metrics_contract import MetricsContract
from probes.metric_rounds import at_least_by_chance
from probes.outcome import Outcome, Verdict
from tests.probes.kinds.loopback import Asked, Loopback, Reply, outcome_of
from tests.probes.kinds.test_metrics_contract import OPTIONS, TEXT, THINGS, Shop

pytestmark = pytest.mark.anyio

EXACTLY = {**THINGS, "by": [{"of": 'shop_requests_total{route="/things"}', "equals": 3}]}
OTHERS = "/others"  # a request as somebody else makes it


@dataclass
class Busy:
    """A shop at which others ask too: before scrape number `n`, `others(n)` times."""

    shop: Shop
    others: Callable[[int], int]
    serve: Callable[[Asked], Reply] | None = None

    def __call__(self, asked: Asked) -> Reply:
        if asked.path.startswith("/metrics"):
            for _ in range(self.others(self.shop.scrapes + 1)):
                self.shop.requests.labels("GET", "/things", "200").inc()
        return (self.serve or self.shop)(asked)


async def ask(shop: Shop, others: Callable[[int], int], target: dict[str, Any] | None = None, **options: Any) -> Outcome:
    async with Loopback(Busy(shop, others)).running() as server:
        probe = MetricsContract.model_validate({**OPTIONS, "moves": THINGS, **options})
        return await outcome_of(probe, server.url, **(target or {}))


def deaf() -> Shop:
    """Return a shop that counts none of our requests."""
    return Shop(route=lambda asked: "/elsewhere")


async def test_a_counter_that_others_happen_to_move_after_our_requests_proves_nothing() -> None:
    outcome = await ask(deaf(), lambda scrape: 0 if scrape == 2 else 3)
    assert outcome.verdict is Verdict.INCONCLUSIVE, outcome.sentence
    assert "without any request of ours, and moved by" in outcome.sentence
    assert "select fewer of its series, or send more requests" in outcome.sentence


@pytest.mark.parametrize(
    ("others", "options"),
    [
        pytest.param(lambda scrape: scrape % 8 == 4, {}, id="now and then"),
        pytest.param(lambda scrape: 3, {"moves": {**THINGS, "times": 10}}, id="as many as one of our rounds, each time"),
    ],
)
async def test_a_counter_that_others_move_less_than_we_do_is_shown_to_count_us(
    others: Callable[[int], int], options: dict[str, Any]
) -> None:
    outcome = await ask(Shop(), others, **options)
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    assert any("does not move as much by itself" in made.name for made in outcome.controls)


async def test_a_burst_of_others_is_no_better_proof_than_our_few_requests_are() -> None:
    outcome = await ask(deaf(), lambda scrape: 30 if scrape % 2 else 2)  # every odd scrape follows requests of ours
    assert outcome.verdict is Verdict.INCONCLUSIVE, outcome.sentence


async def test_what_shows_late_is_tried_once_more_because_others_may_have_come_by() -> None:
    outcome = await ask(deaf(), lambda scrape: 3 if scrape == 4 else 0)  # scrape 3 is the first after our requests
    assert outcome.verdict is Verdict.INCONCLUSIVE, outcome.sentence
    assert "moved only a while after our requests, and not again when they were sent once more" in outcome.sentence
    once = await ask(deaf(), lambda scrape: 3 if scrape == 4 else 0, moves={**THINGS, "rounds": 1})
    assert once.verdict is Verdict.PASS  # the scenario wants it so


async def test_a_counter_that_counts_a_thing_only_once_is_not_blamed_for_a_second_round() -> None:
    """Others move one counter, so that all is sent again; the other counts what it sees for the first time, as a cache does."""
    shop, seen = Shop(), set[str]()

    def serve(asked: Asked) -> Reply:
        reply = shop(asked)
        if asked.path.startswith("/things") and asked.path not in seen:
            seen.add(asked.path)
            shop.misses.inc()
        return reply

    both = {**THINGS, "by": [{"of": 'shop_requests_total{route="/things"}'}, {"of": "shop_cache_misses_total"}]}
    async with Loopback(Busy(shop, lambda scrape: scrape == 2, serve)).running() as server:
        outcome = await outcome_of(MetricsContract.model_validate({**OPTIONS, "moves": both}), server.url)
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    assert len([one for one in outcome.exchanges if "/things" in one.url]) > 3


async def test_each_request_of_each_round_has_a_number_of_its_own() -> None:
    shop = Shop(route=lambda asked: "/things")
    numbered = {**THINGS, "requests": [{"path": "/things?n={{attempt}}"}] * 3, "rounds": 2}
    async with Loopback(Busy(shop, lambda scrape: 1)).running() as server:
        outcome = await outcome_of(MetricsContract.model_validate({**OPTIONS, "moves": numbered}), server.url)
    numbers = [one.url.rpartition("=")[2] for one in outcome.exchanges if "/things" in one.url]
    assert numbers == ["1", "2", "3", "4", "5", "6"]


async def test_our_requests_are_sent_once_where_nobody_else_moves_the_counter() -> None:
    shop = Shop()
    assert (await ask(shop, lambda scrape: 0)).verdict is Verdict.PASS
    assert shop.requests.labels("GET", "/things", "200")._value.get() == 3


async def test_rounds_are_as_many_as_the_scenario_allows() -> None:
    for rounds in (1, 2):
        shop = Shop()
        outcome = await ask(shop, lambda scrape: 1, moves={**THINGS, "rounds": rounds})
        assert outcome.verdict is Verdict.INCONCLUSIVE
        assert shop.requests.labels("GET", "/things", "200")._value.get() == 3 * rounds + shop.scrapes


async def test_rounds_stay_within_the_targets_limit() -> None:
    outcome = await ask(Shop(), lambda scrape: 1, {"limits": {"requests": 14}})
    assert outcome.verdict is Verdict.INCONCLUSIVE, outcome.sentence


async def test_no_round_is_begun_when_the_others_took_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.metric_rounds._NO_LONGER_S", 0.0)
    shop = Shop()
    assert (await ask(shop, lambda scrape: 1)).verdict is Verdict.INCONCLUSIVE
    assert shop.requests.labels("GET", "/things", "200")._value.get() == 3 + shop.scrapes


async def test_requests_that_must_move_nothing_do_not_show_that_anything_is_counted() -> None:
    outcome = await ask(deaf(), lambda scrape: 0, moves={**EXACTLY, "by": [{"of": "shop_cache_hits_total", "equals": 0}]})
    assert (outcome.verdict, "none of the counters moved" in outcome.sentence) == (Verdict.INCONCLUSIVE, True)


async def test_an_exact_number_needs_a_counter_that_nobody_else_moves() -> None:
    outcome = await ask(Shop(), lambda scrape: 1, moves=EXACTLY)
    assert (outcome.verdict, "without any request of ours" in outcome.sentence) == (Verdict.INCONCLUSIVE, True)
    assert (await ask(Shop(), lambda scrape: 0, moves=EXACTLY)).verdict is Verdict.PASS


async def test_what_is_counted_twice_is_seen_though_it_shows_late() -> None:
    outcome = await ask(Shop(), lambda scrape: 3 if scrape == 4 else 0, moves=EXACTLY)
    assert (outcome.verdict, "moved by 6 instead of exactly 3" in outcome.sentence) == (Verdict.FAIL, True)


async def test_the_time_without_our_requests_is_several_times_as_long_as_with_them() -> None:
    outcome = await ask(Shop(), lambda scrape: 0)
    scrapes = [one for one in outcome.exchanges if one.url.endswith("/metrics")]
    ends = [one.offset_s + one.duration_s for one in scrapes]
    ours, quiet = ends[2] - ends[1], (ends[1] - ends[0]) + (ends[-1] - ends[2])
    assert quiet >= min(3.9 * ours, 1.0)


@pytest.mark.parametrize(
    ("ours", "of_all", "share", "chance"),
    [
        pytest.param(0, 5, 0.5, 1.0, id="nothing moved"),
        pytest.param(3, 3, 0.5, 0.125, id="all of three in half of the time"),
        pytest.param(2, 3, 0.5, 0.5, id="two of three"),
        pytest.param(1, 1, 0.2, 0.2, id="one in a fifth of the time"),
        pytest.param(15, 16, 0.5, 17 / 65536, id="fifteen of sixteen"),
        pytest.param(3, 3, 1.0, 1.0, id="nothing to compare with"),
    ],
)
def test_chance_is_that_of_a_binomial_tail(ours: int, of_all: int, share: float, chance: float) -> None:
    assert at_least_by_chance(ours, of_all, share) == pytest.approx(chance)


def test_chance_is_a_number_for_very_busy_counters() -> None:
    assert at_least_by_chance(500, 3_000_000, 0.1) == pytest.approx(1.0)


@pytest.mark.parametrize("header", [TEXT], ids=["text"])
async def test_the_requests_are_repeated_as_often_as_the_scenario_says(header: tuple[str, str]) -> None:
    shop = Shop(headers=(header,))
    outcome = await ask(shop, lambda scrape: 0, moves={**THINGS, "times": 4, "by": [{"of": "shop_requests_total", "equals": 12}]})
    assert outcome.verdict is Verdict.PASS, outcome.sentence
