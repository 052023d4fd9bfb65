"""This file is for pass ratios over windows: right to the slot, against a plain count, whatever the clock does."""

from __future__ import annotations

import gc
import tracemalloc
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.outcome import Verdict
from reports.store.watch.answers import WINDOWS_S, Counts
from reports.windows import ALL_GOOD, MAINTAINED, PLACES, Steady, Windows
from tests.reports.watched import AT, SetClock

NOW = 29_000_000  # a minute since 1970, not at the start of an hour
PASS, FAIL, SKIPPED = PLACES[Verdict.PASS], PLACES[Verdict.FAIL], PLACES[Verdict.SKIPPED]
SLOT = {"5m": 1, "1h": 1, "24h": 60, "30d": 180}  # minutes
REACH = {"5m": 5, "1h": 60, "24h": 24, "30d": 240}  # slots


def plain(ticks: list[tuple[int, int]], window: str, now: int) -> Counter[int]:
    """Count the plain way: what began in no slot older than the one that the window begins in."""
    slot, reach = SLOT[window], REACH[window]
    return Counter(place for minute, place in ticks if minute // slot >= now // slot - reach)


def test_a_window_without_a_tick_has_no_ratio() -> None:
    assert Windows(NOW).ratios(NOW) == (None, None, None, None)


def test_what_was_only_skipped_or_in_maintenance_has_no_ratio() -> None:
    windows = Windows(NOW)
    windows.add(SKIPPED, NOW)
    windows.add(MAINTAINED, NOW)
    assert windows.ratios(NOW) == (None, None, None, None)
    assert windows.counts("5m", NOW) == Counts(skipped=1, maintained=1)


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE])
def test_what_is_not_good_lowers_every_ratio(verdict: Verdict) -> None:
    windows = Windows(NOW)
    for place in (PASS, PLACES[Verdict.DEGRADED], PASS, PLACES[verdict]):
        windows.add(place, NOW)
    assert windows.ratios(NOW) == (0.75,) * 4


def test_one_failure_of_millions_never_rounds_to_a_ratio_of_one() -> None:
    windows = Windows(NOW)
    windows.add(PASS, NOW, 2_600_000)
    windows.add(FAIL, NOW)
    assert all(ratio is not None and ratio < 1 for ratio in windows.ratios(NOW))


def test_windows_empty_by_themselves() -> None:
    windows = Windows(NOW)
    windows.add(PASS, NOW)
    seen = {after: windows.ratios(NOW + after) for after in (5, 6, 60, 61, 24 * 60, 25 * 60, 30 * 24 * 60, 31 * 24 * 60)}
    assert [sum(ratio is not None for ratio in ratios) for ratios in seen.values()] == [4, 3, 3, 2, 2, 1, 1, 0]


def test_a_leap_over_all_slots_forgets_all_and_counts_on() -> None:
    windows = Windows(NOW)
    windows.add(FAIL, NOW)
    windows.add(PASS, NOW + 10_000_000)
    assert windows.ratios(NOW + 10_000_000) == ALL_GOOD


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400), st.sampled_from([0, 1, 2, 3, 4, 5, 6])), max_size=60), st.integers(0, 50_000))
def test_every_window_counts_what_a_plain_count_counts(steps: list[tuple[int, int]], rest: int) -> None:
    windows, minute, ticks = Windows(NOW), NOW, []
    for step, place in steps:
        minute += step * step // 7  # from nothing to weeks
        windows.add(place, minute)
        ticks.append((minute, place))
        for window in WINDOWS_S:
            assert windows.counts(window, minute) == Counts(*(plain(ticks, window, minute)[n] for n in range(8)))
    for window in WINDOWS_S:
        assert windows.counts(window, minute + rest) == Counts(*(plain(ticks, window, minute + rest)[n] for n in range(8)))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 90), st.sampled_from([0, 2, 5])), min_size=1, max_size=40), st.integers(0, 200))
def test_ratios_that_are_said_to_stay_do_stay(steps: list[tuple[int, int]], wait: int) -> None:
    windows, minute = Windows(NOW), NOW
    for step, place in steps:
        minute += step
        windows.add(place, minute)
    minute += wait
    until, ratios = windows.same_until(minute), windows.ratios(minute)
    assert until >= minute
    assert all(windows.ratios(later) == ratios for later in range(minute, until + 1))


def test_many_ticks_in_one_slot_are_all_counted() -> None:
    windows = Windows(NOW)
    for ticks in (200, 200, 70_000, 5_000_000_000):  # each bursts a smaller kind of counter
        windows.add(PASS, NOW, ticks)
    assert windows.counts("30d", NOW).passed == 5_000_070_400
    assert windows.counts("30d", NOW + 60 * 24 * 31).passed == 0


def test_a_refill_is_as_if_nothing_had_stopped() -> None:
    through, ticks = Windows(NOW - 50_000), []
    for minute in range(NOW - 50_000, NOW + 1):
        place = FAIL if minute % 13 in (0, 5) else PASS
        through.add(place, minute)
        ticks.append((minute, place))

    def counted(size: int) -> list[tuple[float, Counts]]:
        found: dict[int, Counter[int]] = {}
        for minute, place in ticks:
            found.setdefault(minute // size, Counter())[place] += 1
        return [(slot * size * 60.0, Counts(*(c[n] for n in range(8)))) for slot, c in found.items()]

    again = Windows(NOW)
    again.add(FAIL, NOW)  # is forgotten
    again.clear(NOW)
    again.fill_short([one for one in counted(1) if one[0] >= (NOW - 61) * 60])
    again.fill_long(counted(60))
    for later in (0, 3, 59, 600, 5000):
        assert again.ratios(NOW + later) == through.ratios(NOW + later)
        assert again.same_until(NOW + later) == through.same_until(NOW + later)


def test_a_refill_from_a_future_that_never_came_counts_as_now() -> None:
    windows = Windows(NOW)
    windows.fill_short([((NOW + 60) * 60.0, Counts(passed=1))])
    windows.fill_long([((NOW + 600) * 60.0, Counts(failed=1))])
    assert windows.ratios(NOW) == (1.0, 1.0, 0.0, 0.0)
    assert windows.same_until(NOW) == NOW + 5  # and goes when what was counted now goes
    assert [windows.counts(window, NOW + 31 * 24 * 60) for window in WINDOWS_S] == [Counts()] * 4


def test_what_was_missed_long_ago_is_counted_then() -> None:
    windows = Windows(NOW - 500)
    windows.add_past(NOW - 120, Counts(missed=7), NOW)
    assert [windows.counts(window, NOW).missed for window in WINDOWS_S] == [0, 0, 7, 7]


def test_ten_thousand_series_fit_into_ten_megabytes() -> None:
    gc.collect()
    tracemalloc.start()
    try:
        series = []
        for _ in range(200):
            windows = Windows(NOW)
            for minute in (NOW, NOW + 1, NOW + 61):
                windows.add(PASS, minute, 60)
            series.append(windows)
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert taken / len(series) * 10_000 < 10e6


def test_time_never_goes_back_and_goes_on_from_where_it_stood() -> None:
    clock = SetClock()
    steady = Steady(clock)
    began = steady.now_s()
    clock.on(hours=-1)
    assert steady.now_s() == began
    clock.on(seconds=30)
    assert steady.now_s() == began + 30
    clock.on(hours=1)  # as it was at first
    assert steady.now_s() == began + 3630
    clock.on(days=400)
    assert steady.now_s() == began + 3630 + timedelta(days=400).total_seconds()
    assert clock() > AT


def test_nothing_is_said_of_thirty_days_until_the_past_is_known() -> None:
    windows, past, hour = Windows(NOW), [((NOW - 2880) * 60.0, Counts(failed=3))], [((NOW - 60) * 60.0, Counts(passed=1))]
    windows.past_is_known = False
    windows.fill_long(hour)
    windows.add(PASS, NOW)
    assert windows.ratios(NOW) == (1.0, 1.0, 1.0, None)
    assert (windows.counts("24h", NOW), windows.counts("30d", NOW)) == (Counts(passed=2), Counts())
    assert windows.same_until(NOW) == NOW  # it may be known in a minute
    windows.fill_past(past)
    assert windows.ratios(NOW) == (1.0, 1.0, 1.0, 2 / 5)
    assert (windows.counts("24h", NOW), windows.counts("30d", NOW)) == (Counts(passed=2), Counts(passed=2, failed=3))
