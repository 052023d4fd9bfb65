"""This file is for the latency chart as data: lines only where something was seen, and every mark at its time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.durations import bucket_of
from reports.status.chart import HEIGHT, RANGES_S, WIDTH, _nice, bounds, chart, filled
from reports.store.watch.answers import Bucket, Counts, Gap

SINCE, UNTIL, SPAN = datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC), 900
PHASES = {"dns": 0.01, "connect": 0.02, "first_byte": 0.07}


def bucket(place: int, seconds: float = 0.1, phases: Mapping[str, float] = PHASES, **counts: int) -> Bucket:
    at = SINCE + timedelta(seconds=SPAN * place)
    timed = {bucket_of(seconds): 10} if not counts else {}
    return Bucket(at, SPAN, Counts(**counts) if counts else Counts(passed=10), timed, seconds, phases if timed else {})


def drawn(*buckets: Bucket, **more: object):  # type: ignore[no-untyped-def]
    return chart("24h", filled(buckets, SINCE, UNTIL, SPAN), SINCE, UNTIL, **more)


@pytest.mark.parametrize("name", RANGES_S)
def test_a_chart_ends_with_the_stretch_that_goes_on_and_lies_on_the_grid(name: str) -> None:
    now = datetime(2026, 11, 21, 10, 7, 3, tzinfo=UTC)
    since, until, span = bounds(name, now)
    assert until - timedelta(seconds=span) <= now < until
    assert (since.timestamp() % span, (until - since).total_seconds(), span % 300) == (0, RANGES_S[name][0], 0)


def test_stretches_that_hold_nothing_are_there_and_empty() -> None:
    whole = filled([bucket(3)], SINCE, UNTIL, SPAN)
    assert (len(whole), [b.counts.asked for b in whole[2:5]]) == (96, [0, 10, 0])


def test_a_line_is_broken_where_nothing_good_was_seen() -> None:
    lines = dict(drawn(bucket(0), bucket(1), bucket(4), bucket(5)).lines)
    assert {name: d.count("M") for name, d in lines.items()} == {"p50": 2, "p95": 2, "p99": 2}


def test_a_failing_stretch_has_no_latency() -> None:
    found = drawn(bucket(0, failed=10))
    assert (found.lines, found.empty) == ((), True)
    assert found.words == "No good tick in the last 24 hours, so there is no latency to show."


def test_a_single_stretch_is_still_seen() -> None:
    assert "L" in dict(drawn(bucket(10)).lines)["p50"]


def test_percentiles_stand_above_each_other() -> None:
    wide = Bucket(SINCE, SPAN, Counts(passed=100), {bucket_of(0.1): 90, bucket_of(1.0): 8, bucket_of(5.0): 2}, 0.2, PHASES)
    lines = dict(drawn(wide).lines)
    heights = [float(lines[name].split()[1].partition("L")[0]) for name in ("p50", "p95", "p99")]
    assert heights == sorted(heights, reverse=True) and len(set(heights)) == 3


def test_phases_are_stacked_in_their_order_and_those_that_never_were_are_left_out() -> None:
    assert [name for name, _ in drawn(bucket(0), bucket(1)).phases] == ["dns", "connect", "first_byte"]


def test_a_deployment_stands_at_its_time() -> None:
    found = drawn(bucket(0), deploys=[(SINCE + timedelta(hours=12), "1.4.2"), (SINCE - timedelta(days=1), "old")])
    assert [(d.x, d.label, d.side) for d in found.deploys] == [(50.0, "1.4.2", "start")]


def test_maintenance_is_shaded_and_gaps_are_hatched() -> None:
    gap = Gap("local", SINCE - timedelta(hours=1), SINCE + timedelta(hours=6), False)
    found = drawn(bucket(48, maintained=5), bucket(49, maintained=5), gaps=[gap])
    assert [(s.x, s.width) for s in found.maintained] == [(50.0, 2.08)]
    assert [(s.x, s.width) for s in found.gaps] == [(0.0, 25.0)]
    assert "not watched: the service did not run" in found.gaps[0].title


def test_failures_are_marked_at_their_time() -> None:
    found = drawn(bucket(48, failed=3, passed=1), bucket(49))
    assert [(s.x, s.title.partition(",")[0]) for s in found.bad] == [(50.0, "3 of 4 ticks not good")]


def test_the_table_behind_the_chart_holds_every_stretch_with_ticks_newest_first() -> None:
    found = drawn(bucket(0), bucket(2, failed=3, passed=1))
    assert [(f.at, f.ticks, f.bad) for f in found.figures] == [(bucket(2).at, "4 ticks", 3), (bucket(0).at, "10 ticks", 0)]
    assert [f.p50 for f in found.figures] == ["–", "88 ms"]


@given(st.floats(1e-6, 5000))
def test_an_axis_ends_at_a_round_number_just_above(most: float) -> None:
    assert most * 0.99999 <= _nice(most) <= most * 1.5


@given(st.lists(st.tuples(st.integers(0, 95), st.floats(0.001, 100)), max_size=30))
def test_nothing_is_drawn_outside_the_box(found: list[tuple[int, float]]) -> None:
    made = {place: bucket(place, seconds) for place, seconds in found}
    for _, d in (*drawn(*made.values()).lines, *drawn(*made.values()).phases):
        for point in d.replace("z", "").replace("M", "L").split("L")[1:]:
            x, y = map(float, point.split())
            assert -3 <= x <= WIDTH + 3 and 0 <= y <= HEIGHT
