"""This file is for a gate's metrics: latency by a bound that was fixed before, real requests, weights, thinned evidence."""

from __future__ import annotations

from typing import Any

import pytest

from reports.judgement.gate import Decision, Verb, decide
from scenarios.gates.records import BadRecord, Record, RoundSeen, Seat, SideSeen, TrafficSeen
from tests.reports.judgement.gate_making import (
    BEGAN,
    EVERY,
    NAMES,
    a_round,
    decided,
    folded,
    opened,
    rounds,
    seen,
    side,
    stage,
)

COUNTERS = dict.fromkeys(("canary_total", "canary_failed", "baseline_total", "baseline_failed"), "up")
SLOW_BY = {"kind": "latency", "weight": 0.5, "calibration": 20}
HALF = {"kind": "rounds", "weight": 0.5}
LONG = {"stages": [{"weight": 25, "margin": 1, "min_rounds": 5, "max_rounds": 4000, "max_time": 400_000}]}


def timed(seconds: float, **given: Any) -> SideSeen:
    return side(scenarios={name: seen(seconds=seconds, **given) for name in NAMES})


def e_of(decision: Decision, name: str) -> float:
    return next(one.e for one in decision.metrics if one.id == name)


def wobbling(many: int, slower: float = 1.0, after: int = 0) -> list[Record]:
    """Rounds whose times go up and down on both sides, the canary's `slower` times as long."""
    times = [0.05 * (1 + 0.1 * (n % 7)) for n in range(many)]
    return [a_round(after + n, timed(t * slower), timed(t)) for n, t in enumerate(times, start=1)]


@pytest.mark.parametrize("above", ["p75", "p95", 0.2], ids=str)
def test_a_slower_canary_is_rolled_back_and_a_sound_one_is_not(above: str | float) -> None:
    start = opened(metrics=[HALF, {**SLOW_BY, "above": above}], **LONG)
    name = "latency_above_0.2s" if above == 0.2 else f"latency_above_{above}"
    sound = decided([stage(), *wobbling(100)], start)
    assert (sound.verb, e_of(sound, name) <= 1) == (Verb.HOLD, True)
    slow = decided([stage(), *wobbling(25), *wobbling(60, 5.0, after=25)], start)
    assert (slow.verb, slow.reason_code) == (Verb.ROLLBACK, "worse")
    assert slow.reason.startswith(f"it is slow more often (above {'0.2 s' if above == 0.2 else above}): in ")


def test_a_bound_is_taken_once_from_the_baseline_and_stays() -> None:
    start = opened(metrics=[HALF, {**SLOW_BY, "above": "p75"}], **LONG)
    early = folded([stage(), *wobbling(19, 5.0)], start)
    assert decide(early).metrics[1].say == "its bound is taken from 20 rounds of the baseline; 19 are seen"
    assert decide(early).metrics[1].e == 1
    fixed = folded([stage(), *wobbling(20, 5.0)], start).metrics[1]
    assert fixed.calibration is None
    later = folded(
        [stage(), *wobbling(20, 5.0), *wobbling(5, after=20), *(a_round(n, timed(9.0), timed(9.0)) for n in (30, 31))], start
    )
    assert later.metrics[1].bounds == fixed.bounds


def test_a_stage_is_not_shown_before_its_latency_was_looked_at() -> None:
    wide = {"stages": [{"weight": 25, "margin": 20, "min_rounds": 5, "max_rounds": 60, "max_time": 3600}]}
    start = opened(metrics=[HALF, {**SLOW_BY, "above": "p75", "calibration": 25}], **wide)
    waiting = decided([stage(), *wobbling(25)], start)
    assert (waiting.verb, waiting.reason_code) == (Verb.HOLD, "metric_unproven")
    assert decided([stage(), *wobbling(26)], start).verb is Verb.PROMOTE
    timeless = [a_round(n, timed(None), timed(None)) for n in range(1, 50)]  # type: ignore[arg-type]
    assert decided([stage(), *timeless], start).reason_code == "metric_unproven"


def test_a_fast_failure_is_not_a_fast_answer() -> None:
    start = opened(metrics=[HALF, {**SLOW_BY, "above": 0.2}], triggers=[], **LONG)
    fast = side(scenarios={name: seen(Seat.BAD, seconds=0.001) for name in NAMES})
    decision = decided([stage(), a_round(1, fast), a_round(2, fast)], start)
    assert e_of(decision, "latency_above_0.2s") == 1


def traffic(number: int, *counts: int, trouble: str = "", metric: int = 1) -> TrafficSeen:
    return TrafficSeen(BEGAN + EVERY * number, metric, *counts, trouble=trouble)


TRAFFIC = {"metrics": [HALF, {"kind": "traffic", "weight": 0.5, **COUNTERS}]}


def test_real_requests_that_fail_more_often_roll_back() -> None:
    readings = [traffic(n, 50, 3, 950, 5) for n in range(1, 30)]
    decision = decided([stage(), *readings], opened(**TRAFFIC, **LONG))
    assert (decision.verb, decision.reason_code) == (Verb.ROLLBACK, "worse")
    assert decision.reason.startswith("its real requests fail more often: ")


def test_real_requests_that_fail_on_both_say_nothing() -> None:
    readings = [traffic(n, 50, 5, 950, 95) for n in range(1, 60)]
    decision = decided([stage(), *readings], opened(**TRAFFIC, **LONG))
    assert (decision.verb, e_of(decision, "traffic") < 1) == (Verb.HOLD, True)


def test_real_requests_are_read_again_and_the_stage_is_shown() -> None:
    start = opened(**TRAFFIC)
    away: list[Record] = [stage(), traffic(1, 5, 0, 95, 0), *rounds(30)]
    waiting = decided(away, start)
    assert (waiting.reason_code, waiting.reason) == ("traffic_unread", "metric 'traffic' is not read for 290 s")
    assert any("traffic" in one for one in waiting.warnings)
    assert decided([*away, traffic(31, 0, 0, 95, 0)], start).verb is Verb.PROMOTE


def test_before_any_request_goes_to_the_canary_none_is_waited_for() -> None:
    start = opened(**TRAFFIC, stages=[{"weight": 0, "min_rounds": 3}, {"weight": 5, "margin": 20}])
    state = folded([stage(), *rounds(2), traffic(2, 0, 0, 10, 10), a_round(3)], start)
    assert decide(state).verb is Verb.PROMOTE
    assert state.metrics[1].e == 1


def test_a_reading_that_fails_keeps_the_stage_from_being_shown_at_once() -> None:
    start = opened(**TRAFFIC)
    seen: list[Record] = [stage(), *rounds(30), traffic(31, 5, 0, 95, 0, trouble="Prometheus is gone")]
    seen.insert(1, traffic(0, 5, 0, 95, 0))
    waiting = decided([*seen[:-2], seen[-1], seen[-2]], start)
    assert (waiting.verb, waiting.reason_code) == (Verb.HOLD, "traffic_unread")
    assert "Prometheus is gone" in waiting.reason


@pytest.mark.parametrize("metric", [0, 2, -1, "1"], ids=str)
def test_a_reading_of_no_metric_of_traffic_is_refused(metric: Any) -> None:
    with pytest.raises(BadRecord, match="none of traffic"):
        folded([stage(), traffic(1, 5, 0, 95, 0, metric=metric)], opened(**TRAFFIC))


@pytest.mark.parametrize("counts", [(5, 6, 95, 0), (5, 0, 95, 96), (-5, 0, 95, 0), (5, -1, 95, 0), (1.5, 0, 95, 0)], ids=str)
def test_a_reading_that_cannot_be_is_no_evidence(counts: tuple[Any, ...]) -> None:
    decision = decided([stage(), traffic(1, *counts)], opened(**TRAFFIC))
    assert e_of(decision, "traffic") == 1
    assert decision.metrics[1].say.startswith("not read: ")


def test_each_metric_has_an_id_of_its_own() -> None:
    metrics = [{**HALF, "weight": 0.2}, *({"kind": "traffic", "weight": 0.4, **COUNTERS} for _ in range(2))]
    assert [one.id for one in decided([], opened(metrics=metrics)).metrics] == ["rounds", "traffic", "traffic#2"]


def test_weights_that_are_a_trifle_above_1_in_binary_decide() -> None:
    metrics = [{"kind": "latency", "weight": w, "above": "p75"} for w in (0.1,) * 3] + [{**HALF, "weight": 0.7000000001}]
    assert decided([stage(), *rounds(20)], opened(metrics=metrics)).e == pytest.approx(1, abs=0.1)


def test_failures_in_bursts_are_told() -> None:
    bursts = [a_round(n, side("search") if n % 60 < 6 else None, side("search") if n % 60 < 6 else None) for n in range(1, 200)]
    decision = decided([stage(), *bursts], opened(triggers=[], **LONG))
    assert any(one.startswith("evidence thinned") for one in decision.warnings)


def test_rounds_within_a_gap_count_once() -> None:
    fast: list[RoundSeen] = [RoundSeen(BEGAN + n, side(), side()) for n in range(1, 101)]
    decision = decided([stage(), *fast], opened(every=1.0, **LONG))
    assert decision.rounds == 10


def test_rounds_that_fail_within_a_gap_are_one_failure() -> None:
    def burst(many: int) -> list[RoundSeen]:
        return [RoundSeen(BEGAN + 100 + n, side("search"), side()) for n in range(many)]

    start = opened(every=1.0, triggers=[], **LONG)
    good: list[RoundSeen] = [RoundSeen(BEGAN + n, side(), side()) for n in range(100)]
    one = decided([stage(), *good, *burst(1), RoundSeen(BEGAN + 111, side(), side())], start)
    many = decided([stage(), *good, *burst(9), RoundSeen(BEGAN + 111, side(), side())], start)
    assert one.e == many.e > 1


def test_what_failed_most_is_named() -> None:
    decision = decided([stage(), *rounds(20), *rounds(9, side("search"), after=20)], opened(triggers=[], **LONG))
    assert "most in 'search'" in decision.reason
    assert decision.reason.startswith("it fails more often: in ")


def test_the_words_say_how_far_it_is() -> None:
    stages = [{"weight": 25, "margin": 2.0, "min_rounds": 200, "max_rounds": 1200, "max_time": 40_000}]
    bad = side("search")
    records = [a_round(n, bad if n in (50, 150) else None, bad if n == 100 else None) for n in range(1, 213)]
    decision = decided([stage(), *records], opened(stages=stages))
    assert decision.reason == "212 of about 433 rounds; increase < 3.6 points at 95 %, need < 2.0"
    assert (decision.rounds, decision.rounds_expected) == (212, 433)


def test_a_round_in_which_both_failed_does_not_show_that_the_canary_is_sound() -> None:
    start = opened(triggers=[], **LONG)
    before = decided([stage(), *rounds(10)], start)
    after = decided([stage(), *rounds(10), *rounds(20, side("search"), side("search"), after=10)], start)
    assert (after.rounds, after.k) == (30, before.k)


def test_a_shared_incident_that_is_counted_at_the_canary_first_is_none_of_its() -> None:
    """A source scrapes each process at a moment of its own."""
    start = opened(metrics=[HALF, {"kind": "traffic", "weight": 0.5, "source": "prom", **COUNTERS}], **LONG)
    first: list[Record] = [stage(), traffic(0, 0, 0, 0, 0), *rounds(2), traffic(3, 100, 60, 1900, 0)]
    waiting = decided(first, start)
    assert (waiting.verb, waiting.reason_code, e_of(waiting, "traffic")) == (Verb.HOLD, "traffic_unsettled", 1)
    then: list[Record] = [traffic(n, 100, 60, 1900, 1140) for n in range(4, 20)]
    shared = decided([*first, *then], start)
    assert (shared.verb, e_of(shared, "traffic") < 1) == (Verb.HOLD, True)
    alone: list[Record] = [traffic(n, 100, 2, 1900, 0) for n in range(4, 9)]
    assert decided([*first, *alone], start).verb is Verb.HOLD
    worse = decided([*first, *alone, traffic(9, 100, 2, 1900, 0)], start)
    assert (worse.verb, worse.reason_code) == (Verb.ROLLBACK, "worse")


def test_evidence_that_wavers_and_stands_is_settled() -> None:
    start = opened(metrics=[HALF, {"kind": "traffic", "weight": 0.5, "source": "prom", **COUNTERS}], **LONG)
    readings: list[Record] = [traffic(n, 100, 3 * (n == 1), 1900, n % 2) for n in range(1, 8)]
    assert decided([stage(), traffic(0, 0, 0, 0, 0), *readings], start).verb is Verb.HOLD
    sure: list[Record] = [traffic(n, 100, 9 * (n == 1), 1900, n % 2) for n in range(1, 8)]
    assert decided([stage(), traffic(0, 0, 0, 0, 0), *sure], start).reason_code == "worse"


def test_a_stage_without_a_real_request_to_the_canary_is_not_shown() -> None:
    start = opened(**TRAFFIC)
    records: list[Record] = [stage(), traffic(0, 0, 0, 0, 0), *rounds(30)]
    unmoved = decided([*records, traffic(31, 0, 0, 5000, 0)], start)
    assert (unmoved.verb, unmoved.reason_code) == (Verb.HOLD, "canary_unreached")
    assert unmoved.reason == "metric 'traffic': none of 5000 real requests went to the canary, which should have 25 %"
    assert decided([*records, traffic(31, 1, 0, 5000, 0)], start).verb is Verb.PROMOTE
    assert decided([*records, traffic(31, 0, 0, 70, 0)], start).verb is Verb.PROMOTE
