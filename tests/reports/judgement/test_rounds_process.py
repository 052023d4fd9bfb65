"""This file is for evidence of rounds with many scenarios: one that only the canary breaks is not drowned by a flaky one."""

from __future__ import annotations

import json
import math
from itertools import product
from random import Random

import pytest

from reports.judgement.e_values import CAP, BadState, laid_anew, log_sum, shown, weighted_mean
from reports.judgement.independence import Unit
from reports.judgement.rounds_process import RoundsProcess

NAMES = ("checkout", "search", "login", "health")


def unit(**bad: tuple[bool, bool]) -> Unit:
    scenarios = {name: bad.get(name, (False, False)) for name in NAMES}
    return Unit(0, any(one for one, _ in scenarios.values()), any(other for _, other in scenarios.values()), 1, scenarios)


def test_a_scenario_that_only_the_canary_breaks_is_seen_beside_one_that_both_break() -> None:
    random, process, rounds = Random(4), RoundsProcess.new(NAMES), 0
    while process.e < 20 and rounds < 1000:
        flaky = (random.random() < 0.2, random.random() < 0.2)
        process, rounds = process.updated(unit(search=flaky, checkout=(random.random() < 0.06, False))), rounds + 1
    assert rounds < 300 and process.worst is not None and process.worst[0] == "checkout"
    assert process.whole.e < 20  # the round alone had not seen it


def test_sides_that_are_bad_by_different_scenarios_say_nothing_against_the_canary() -> None:
    process = RoundsProcess.new(NAMES)
    for _ in range(30):
        process = process.updated(unit(search=(True, False), login=(False, True)))
    assert process.e < 1


@pytest.mark.parametrize("rates", [(0.3, 0.3), (0.05, 0.02), (0.5, 0.9)], ids=str)
def test_no_unit_gains_on_average_while_the_canary_is_no_worse(rates: tuple[float, float]) -> None:
    """All results of two scenarios on both sides, with these chances of failing; after some rounds, so that a rate is known."""
    start = RoundsProcess.new(("search", "login"))
    for number in range(40):
        bad = (False, number % 8 == 0)
        start = start.updated(Unit(0, *bad, 1, {"search": bad, "login": (False, False)}))
    mean = 0.0
    for results in product((True, False), repeat=4):
        chances = (rate if bad else 1 - rate for rate, bad in zip((*rates, *rates), results, strict=True))
        c1, c2, b1, b2 = results
        mean += math.prod(chances) * start.updated(Unit(0, c1 or c2, b1 or b2, 1, {"search": (c1, b1), "login": (c2, b2)})).e
    assert mean <= start.e * (1 + 1e-9)


def test_a_dead_canary_is_seen_within_six_rounds() -> None:
    process = RoundsProcess.new(NAMES)
    for _ in range(6):
        process = process.updated(unit(**dict.fromkeys(NAMES, (True, False))))
    assert process.e >= 20


@pytest.mark.parametrize("names", [(), ("checkout",)], ids=str)
def test_a_round_of_one_scenario_is_that_scenario(names: tuple[str, ...]) -> None:
    process = RoundsProcess.new(names).updated(Unit(0, True, False, 1, dict.fromkeys(names, (True, False))))
    assert process.e == process.whole.e > 1


def test_a_scenario_that_one_side_did_not_answer_says_nothing() -> None:
    process = RoundsProcess.new(NAMES).updated(Unit(0, True, False, 1, {"checkout": (True, False), "stranger": (True, False)}))
    assert set(process.scenarios) == set(NAMES)
    assert [name for name in NAMES if process.scenarios[name].canary_asked] == ["checkout"]


def test_what_is_read_is_what_was_told_and_goes_on_the_same() -> None:
    random, process = Random(9), RoundsProcess.new(NAMES)
    for number in range(200):
        process = process.updated(unit(login=(random.random() < 0.1, random.random() < 0.1)))
        process = process.at_new_stage() if number == 100 else process
    again = RoundsProcess.read(json.loads(json.dumps(process.as_json(), allow_nan=False)))
    assert again == process and again.e == process.e
    for changes in ({"whole": None}, {"scenarios": {"a": 1}}, {"scenarios": []}):
        with pytest.raises(BadState):
            RoundsProcess.read(process.as_json() | changes)


def test_a_mean_of_e_values_counts_what_is_not_laid_as_one() -> None:
    assert weighted_mean([(0.5, 10.0), (0.2, 0.0)]) == pytest.approx(5.3)
    assert weighted_mean([]) == 1 and weighted_mean([(1.0, 1e300)]) == CAP


@pytest.mark.parametrize(
    "parts", [[(0.7, 1.0), (0.7, 1.0)], [(-0.1, 1.0)], [(0.5, float("nan"))], [(0.5, float("inf"))]], ids=str
)
def test_a_mean_of_what_are_no_weights_or_no_e_values_is_refused(parts: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match=r"weight|weights"):
        weighted_mean(parts)


def test_logarithms_of_any_size_are_summed_and_shown() -> None:
    assert log_sum((-1e9, -1e9)) == pytest.approx(-1e9 + 0.6931, abs=1e-3)
    assert shown(1e9) == CAP and shown(-1e9) == 0
    assert log_sum(laid_anew((-1e6, -5.0), (0.5, 0.5), 0.1)) == pytest.approx(-5.0)
