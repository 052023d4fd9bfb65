"""This file is for rounds that come in bursts: blocks are chosen by time alone, and what is left of dependence is told."""

from __future__ import annotations

import json
import math
from random import Random

import pytest

from reports.judgement.e_values import BadState
from reports.judgement.independence import (
    ECHOES_MIN,
    LAGS,
    Echoes,
    Gap,
    Unit,
    design_effect,
)


def taken(gap: Gap, rounds: list[tuple[float, bool, bool]]) -> tuple[Gap, list[Unit], list[float]]:
    blocks, counted_at = [], []
    for at, canary_bad, baseline_bad in rounds:
        counted = gap.taken(at, canary_bad, baseline_bad)
        gap = Gap.read(json.loads(json.dumps(counted.gap.as_json())))
        assert gap == counted.gap
        blocks += [counted.block] if counted.block else []
        counted_at += [at] if counted.for_promotion else []
    return gap, blocks, counted_at


def test_a_block_is_bad_where_badness_began_in_it() -> None:
    rounds = [(float(at), at == 3, at == 14) for at in range(30)]
    _, blocks, counted_at = taken(Gap.new(10, every_s=1), rounds)
    assert [(unit.at, unit.canary_bad, unit.baseline_bad, unit.rounds) for unit in blocks] == [
        (0, True, False, 10),
        (10, False, True, 10),
        (20, False, False, 10),
    ]
    assert counted_at == [0, 10, 20]


def test_a_burst_that_reaches_into_the_next_block_counts_once_unless_it_lasts_through_it() -> None:
    def bad_blocks(seconds: range) -> list[bool]:
        _, blocks, _ = taken(Gap.new(10, every_s=1), [(float(at), at in seconds, False) for at in range(50)])
        return [unit.canary_bad for unit in blocks]

    assert bad_blocks(range(8, 13)) == [True, False, False, False, False]
    assert bad_blocks(range(8, 32)) == [True, True, True, False, False]
    assert bad_blocks(range(10, 20)) == [False, True, False, False, False]
    assert bad_blocks(range(50)) == [True] * 5


def test_badness_after_a_long_pause_is_new() -> None:
    rounds = [(0.0, True, False), (5.0, True, False), (100.0, True, False), (105.0, False, False), (110.0, False, False)]
    _, blocks, _ = taken(Gap.new(10, every_s=5), rounds)
    assert [unit.canary_bad for unit in blocks] == [True, True]


def test_a_round_that_no_other_can_join_is_a_block_at_once() -> None:
    _, blocks, counted_at = taken(Gap.new(10, every_s=10), [(0, True, False), (9.8, False, False), (20.1, False, True)])
    assert [unit.canary_bad for unit in blocks] == [True, False, False]
    assert counted_at == [0, 9.8, 20.1]


def test_without_a_gap_each_round_is_a_block() -> None:
    _, blocks, counted_at = taken(Gap.new(0), [(0, True, False), (0, False, False), (1, False, True)])
    assert len(blocks) == 3 and counted_at == [0, 0, 1]


def test_a_block_waits_for_the_round_that_ends_it_where_rounds_come_as_they_like() -> None:
    gap, blocks, _ = taken(Gap.new(10), [(0, False, False), (4, True, False), (9, False, False), (25, False, True)])
    assert [(unit.at, unit.canary_bad, unit.rounds) for unit in blocks] == [(0, True, 3)]
    assert gap.open is not None and gap.open.closed == Unit(25, False, True, 1)


def test_what_counts_depends_on_time_and_never_on_results() -> None:
    times = [number * 3.7 for number in range(100)]
    random = Random(1)
    _, blocks, counted_at = taken(Gap.new(10, every_s=3.7), [(at, False, False) for at in times])
    for _ in range(20):
        _, others, others_at = taken(
            Gap.new(10, every_s=3.7), [(at, random.random() < 0.5, random.random() < 0.5) for at in times]
        )
        assert [(unit.at, unit.rounds) for unit in others] == [(unit.at, unit.rounds) for unit in blocks]
        assert others_at == counted_at


def test_a_clock_that_runs_backwards_neither_stops_evidence_nor_loses_a_failure() -> None:
    rounds = [(1000.0, True, False), (5.0, False, False), (15.0, False, False), (26.0, False, False)]
    _, blocks, counted_at = taken(Gap.new(10), rounds)
    assert [(unit.canary_bad, unit.rounds) for unit in blocks] == [(True, 2), (False, 1)]
    assert counted_at == [1000.0, 5.0, 15.0, 26.0]


def test_the_scenarios_of_a_block_are_those_of_all_its_rounds() -> None:
    gap = Gap.new(10, every_s=5).taken(0, True, False, {"a": (True, False), "b": (False, False)}).gap
    gap = Gap.read(json.loads(json.dumps(gap.as_json())))
    block = gap.taken(5.0, False, True, {"a": (False, False), "c": (False, True)}).block
    assert block is not None and block.scenarios == {"a": (True, False), "b": (False, False), "c": (False, True)}


@pytest.mark.parametrize(("length_s", "every_s"), [(-1, 0), (math.inf, 0), (math.nan, 0), (10, -1), (10, math.nan)], ids=str)
def test_a_gap_that_cannot_be_is_refused(length_s: float, every_s: float) -> None:
    with pytest.raises(ValueError, match="both are 0 or above"):
        Gap.new(length_s, every_s)


@pytest.mark.parametrize(
    "changes",
    [
        {"length_s": None},
        {"open": [1, 2]},
        {"open": {"at": 1, "seen": {}}},
        {"open": {"at": math.nan, "seen": {"": [1, 0, 0, 0, 0]}}},
        {"open": {"at": 1, "seen": {"": [1, -1, 0, 0, 0]}}},
        {"counted_at": "x"},
        {"last": {"": 1}},
    ],
    ids=str,
)
def test_a_state_of_a_gap_that_we_did_not_write_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(BadState):
        Gap.read(Gap.new(10).as_json() | changes)


def bursts(random: Random, units: int, mean: float) -> list[bool]:
    made: list[bool] = []
    bad = False
    while len(made) < units:
        bad = random.random() >= 1 / mean if bad else random.random() < 0.02
        made.append(bad)
    return made


def test_independent_units_have_no_effect_and_bursts_have_a_large_one() -> None:
    random = Random(7)
    alone = [design_effect([random.random() < 0.02 for _ in range(2000)]) for _ in range(20)]
    together = [design_effect(bursts(random, 2000, 5)) for _ in range(20)]
    assert all(effect is not None and effect < 1.5 for effect in alone)
    assert all(effect is not None and effect > 3 for effect in together)


def test_too_few_units_have_no_effect_to_tell_of() -> None:
    assert design_effect([True, False] * (ECHOES_MIN // 2 - 1)) is None
    assert design_effect([False] * ECHOES_MIN) == design_effect([True] * ECHOES_MIN) == 1


def test_echoes_are_read_as_they_were_told() -> None:
    echoes = Echoes()
    for bad in bursts(Random(3), 200, 5):
        echoes = echoes.updated(bad)
    assert Echoes.read(json.loads(json.dumps(echoes.as_json()))) == echoes
    for changes in ({"both": [0]}, {"last": [True] * (LAGS + 1)}, {"units": -1}):
        with pytest.raises(BadState):
            Echoes.read(echoes.as_json() | changes)
