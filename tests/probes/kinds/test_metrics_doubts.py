"""This file is for expositions that look sound and are not, or the other way round: what `metrics_contract` says of them."""

from __future__ import annotations

import time

import pytest

from probes.kinds.metrics_contract import MetricsContract
from probes.metric_labels import Hygiene
from probes.outcome import Verdict
from tests.probes.kinds.loopback import Asked, Loopback, Reply, outcome_of
from tests.probes.kinds.test_metrics_contract import FAMILIES, OPTIONS, THINGS, Shop, ask, line, replaced

pytestmark = pytest.mark.anyio

START = "process_start_time_seconds 1.7e+09"


@pytest.mark.parametrize("ago", [3600, -3600], ids=["an hour ago", "in an hour"])
async def test_values_that_carry_another_time_are_no_values_of_now(ago: int) -> None:
    at = int((time.time() - ago) * 1000)
    outcome = await ask(line(f"late_depth 1 {at}\n"), families=[*FAMILIES, {"name": "late_depth", "help": False}])
    assert outcome.verdict is Verdict.FAIL
    assert "late_depth carries a time 3600 s" in outcome.sentence and "(line" in outcome.sentence


async def test_values_that_carry_the_time_of_now_pass() -> None:
    assert (await ask(line(f"late_depth 1 {int(time.time() * 1000)}\n"))).verdict is Verdict.PASS


async def test_a_counter_that_falls_where_nothing_tells_of_a_restart_is_not_blamed_on_the_counter() -> None:
    def edit(text: str, number: int) -> str:
        return text.replace(START, "nothing 0").replace("cache_hits_total 90", f"cache_hits_total {90 - 10 * (number > 1)}")

    outcome = await ask(Shop(edit=edit))
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "fell from 90 to 80" in outcome.sentence and "several replicas answer in turn" in outcome.sentence


async def test_without_a_start_time_it_is_not_claimed_that_both_scrapes_are_of_one_process() -> None:
    outcome = await ask(replaced(START, "nothing 0"))
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    assert "both scrapes are of one process" not in [made.name for made in outcome.controls]


async def test_a_label_value_that_is_not_agreed_is_not_shown_where_it_is_personal() -> None:
    outcome = await ask(replaced("pending", "anna.b@firma.de"))
    assert outcome.verdict is Verdict.FAIL and "anna" not in repr(outcome)
    assert any("has the label status with a value that is not shown" in made.say for made in outcome.checks)


async def test_what_an_example_of_a_bucket_holds_is_looked_at_too() -> None:
    def edit(text: str, _: int) -> str:
        mark = 'shop_duration_seconds_bucket{le="10.0",method="GET"} 100.0'
        assert mark in text
        return text.replace(mark, f'{mark} # {{user="anna.b@firma.de"}} 0.5')

    outcome = await ask(Shop(openmetrics=True, edit=edit))
    assert outcome.verdict is Verdict.FAIL and "anna" not in repr(outcome)
    assert "the label user of shop_duration_seconds holds an email address" in outcome.sentence


async def test_bounds_on_values_are_said_not_to_be_tried_where_there_is_no_value() -> None:
    text = 'shop_queue_depth{status="pending"} 3.0\n'
    outcome = await ask(Shop(edit=lambda whole, _: whole.replace(text, "")))
    assert any("shop_queue_depth has no sample yet" in made.say for made in outcome.checks)


def test_labels_that_were_not_all_looked_at_are_not_cleared() -> None:
    hygiene, shop = Hygiene(values_at_most=30_000), line("".join(f'late{{w="{n:x}w"}} 1\n' for n in range(20_002)))
    from probes.exposition import read

    for family, sample in read(shop.edit("", 1).encode()).samples():
        hygiene.look(family, sample)
    assert [made.verdict for made in hygiene.checks()] == [Verdict.PASS, Verdict.INCONCLUSIVE]


async def test_a_path_with_personal_data_is_not_shown() -> None:
    outcome = await ask(line('late{path="/users/anna.b@firma.de/507f1f77bcf86cd799439011"} 1\n'))
    assert outcome.verdict is Verdict.FAIL and "anna" not in repr(outcome)
    assert "holds an email address" in outcome.sentence


async def test_a_rate_limit_that_is_meant_to_be_met_excuses_no_counter() -> None:
    shop = Shop()
    moves = {**THINGS, "meets_limit": True}
    async with Loopback(lambda asked: Reply(429) if asked.path == "/things" else shop(asked)).running() as server:
        outcome = await outcome_of(MetricsContract.model_validate({**OPTIONS, "moves": moves}), server.url)
    assert outcome.verdict is Verdict.FAIL and "moved by 0" in outcome.sentence, outcome.sentence


@pytest.mark.parametrize("limited", ["/metrics", "/things"])
async def test_a_rate_limit_is_not_the_metrics_fault(limited: str) -> None:
    shop, seen = Shop(), list[str]()

    def serve(asked: Asked) -> Reply:
        seen.append(asked.path)
        return Reply(429) if asked.path == limited and seen.count(limited) == 2 else shop(asked)

    async with Loopback(serve).running() as server:
        outcome = await outcome_of(MetricsContract.model_validate({**OPTIONS, "moves": THINGS}), server.url)
    assert (outcome.verdict, "met a rate limit" in outcome.sentence) == (Verdict.INCONCLUSIVE, True), outcome.sentence
