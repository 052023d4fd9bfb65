"""This file is for the moments at which a series is due: grids that never drift, cron that is right on both clock changes."""

from __future__ import annotations

import itertools
import random
import time
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from math import inf
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.cron import Cron
from scenarios.watch.events import SeriesKey
from scenarios.watch.slots import CRON_GRACE_S, MOST_COUNTED, Beat, Grid, Times, phase

KEY = SeriesKey("shop", "login works", "production", "local")


def no_jitter(room_s: float = 0.0) -> float:
    return 0.0


def grid(interval_s: float, now_s: float = 0.0, offset_s: float = 0.0, key: SeriesKey = KEY) -> Grid:
    return Grid(key, interval_s, now_s, offset_s, no_jitter)


def due_instants(cron: str, zone: str, start: datetime, until: datetime) -> list[str]:
    """Return the local times at which a beat is due when it is looked at each time right when it is due."""
    beat = Beat(Times(Cron(cron, zone)), start.timestamp(), 0.0, None, no_jitter)
    found = []
    while beat.due_s <= until.timestamp():
        found.append(datetime.fromtimestamp(beat.due_s, ZoneInfo(zone)).strftime("%d %H:%M"))
        beat.pop(KEY, beat.due_s)
    return found


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


@settings(deadline=None)
@given(st.floats(1, 10_000), st.floats(0, 1e6), st.floats(0, 2e9))
def test_slots_of_a_grid_are_an_interval_apart_and_the_first_comes_within_one(
    interval_s: float, now_s: float, offset_s: float
) -> None:
    made = grid(interval_s, now_s, offset_s)
    dues = [made.pop(KEY, made.due_s).due_s for _ in range(20)]
    assert now_s - 1e-3 <= dues[0] <= now_s + interval_s + 1e-3
    assert all(abs(later - before - interval_s) < 1e-3 for before, later in itertools.pairwise(dues))


@settings(deadline=None)
@given(st.floats(1, 3600), st.floats(0, 1e5))
def test_the_phase_is_the_same_after_a_restart(interval_s: float, uptime_s: float) -> None:
    before, after = grid(interval_s, 0.0, 1.7e9), grid(interval_s, 5.0, 1.7e9 + uptime_s)
    slots = (after.due_s + 1.7e9 + uptime_s - before.due_s - 1.7e9) / interval_s
    assert abs(slots - round(slots)) * interval_s < 1e-3


def test_series_of_one_interval_are_spread_over_it() -> None:
    phases = sorted(phase(SeriesKey("s", f"scenario {n}", "t", "local")) for n in range(10_000))
    assert max(later - before for before, later in itertools.pairwise(phases)) < 0.002
    assert max(sum(1 for p in phases if n / 100 <= p < (n + 1) / 100) for n in range(100)) < 150


def test_nothing_drifts_in_a_month_of_minutes() -> None:
    made = grid(60.0)
    first = made.due_s
    for _ in range(43_200):
        made.pop(KEY, made.due_s + 0.5)  # each looked at half a second late
    assert made.due_s == pytest.approx(first + 43_200 * 60.0, abs=1e-6)


@settings(deadline=None)
@given(st.floats(0.01, 0.99), st.integers(0, 2**32))
def test_jitter_stays_within_its_bounds_and_the_period_does_not_drift(share: float, seed: int) -> None:
    chance, plain = random.Random(seed).random, grid(60.0)
    moved = Grid(KEY, 60.0, 0.0, 0.0, lambda: chance() * 60 * share)
    for _ in range(50):
        slot, due = plain.pop(KEY, plain.due_s).due_s, moved.pop(KEY, moved.due_s).due_s
        assert slot <= due < slot + 60 * share


def test_slots_that_a_standstill_passed_over_are_counted_exactly_and_the_newest_is_asked() -> None:
    made = grid(10.0)
    first = made.due_s
    due = made.pop(KEY, first + 34.0)
    assert (due.skipped, due.first_s, due.due_s, due.ask) == (3, first, pytest.approx(first + 30.0), True)
    assert made.due_s == pytest.approx(first + 40.0)


def test_a_first_tick_comes_soon_and_the_grid_goes_on_half_an_interval_later() -> None:
    for n in range(500):
        key = SeriesKey("s", str(n), "t", "local")
        made = grid(60.0, 100.0, key=key)
        on_grid = made.due_s
        made.soon(100.0, 5.0)
        first, second = made.pop(key, made.due_s).due_s, made.due_s
        assert 100.0 < first <= 105.0
        assert 30.0 - 1e-6 <= second - first < 90.0 + 1e-6
        assert (second - on_grid) % 60 == pytest.approx(0.0, abs=1e-6) or (second - on_grid) % 60 == pytest.approx(60.0)


def test_slots_are_counted_from_what_was_seen_last() -> None:
    made = grid(10.0, 1000.0)
    newest = made.due_s - 10.0
    assert made.slots_since(newest) == 0, "the newest slot itself was seen"
    assert made.slots_since(newest + 0.002 - 10.0) == 1
    assert (made.slots_since(newest - 25.0), made.first_after(newest - 25.0)) == (3, pytest.approx(newest - 20.0))


@pytest.mark.parametrize(
    ("cron", "zone", "start", "days", "expected"),
    [
        ("0 0 * * *", "Europe/Berlin", utc(2026, 3, 28, 12), 3, ["29 00:00", "30 00:00", "31 00:00"]),
        ("30 2 * * *", "Europe/Berlin", utc(2026, 3, 28, 12), 2, ["29 03:00", "30 02:30"]),
        ("30 2 * * *", "Europe/Berlin", utc(2026, 10, 24, 12), 2, ["25 02:30", "26 02:30"]),
        ("30 2 * * *", "America/New_York", utc(2026, 3, 7, 12), 2, ["08 03:00", "09 02:30"]),
        ("30 1 * * *", "America/New_York", utc(2026, 10, 31, 12), 2, ["01 01:30", "02 01:30"]),
        ("15 2 * * *", "Australia/Lord_Howe", utc(2026, 10, 3, 10), 2, ["04 02:30", "05 02:15"]),
        ("45 1 * * *", "Australia/Lord_Howe", utc(2026, 4, 4, 10), 2, ["05 01:45", "06 01:45"]),
    ],
    ids=[
        "midnight in spring",
        "spring",
        "autumn",
        "New York spring",
        "New York autumn",
        "half an hour spring",
        "half an hour autumn",
    ],
)
def test_a_time_of_day_is_neither_lost_nor_twice_when_the_clocks_change(
    cron: str, zone: str, start: datetime, days: int, expected: list[str]
) -> None:
    assert due_instants(cron, zone, start, start + timedelta(days=days)) == expected


@pytest.mark.parametrize("minutes", range(0, 130, 10))
def test_a_restart_in_the_hour_that_comes_twice_runs_nothing_twice(minutes: int) -> None:
    start = utc(2026, 10, 25, 0, 0) + timedelta(minutes=minutes)  # 02:00 in Berlin, for the first time
    seen = utc(2026, 10, 25, 0, 30).timestamp()
    beat = Beat(Times(Cron("30 2 * * *", "Europe/Berlin")), start.timestamp(), 0.0, seen if minutes > 30 else None, no_jitter)
    expected = utc(2026, 10, 25, 0, 30) if minutes < 30 else utc(2026, 10, 26, 1, 30)
    assert datetime.fromtimestamp(beat.due_s, UTC) == expected


def test_a_beat_goes_on_through_both_passes_of_an_hour() -> None:
    found = due_instants("*/30 * * * *", "Europe/Berlin", utc(2026, 10, 24, 23, 45), utc(2026, 10, 25, 2, 0))
    assert found == ["25 02:00", "25 02:30", "25 02:00", "25 02:30", "25 03:00"]


NIGHTLY, MINUTELY, HOURLY = (Times(Cron(text)) for text in ("0 3 * * *", "* * * * *", "0 * * * *"))


def run_once(cron: Times, at: datetime) -> Beat:
    """Return a beat whose newest slot was asked at that time; the monotonic clock stands at the wall's seconds."""
    beat = Beat(cron, at.timestamp() - 30, 0.0, None, no_jitter)
    assert beat.pop(KEY, at.timestamp()).ask
    return beat


def wall_of(beat: Beat, offset_s: float) -> datetime:
    return datetime.fromtimestamp(beat.due_s + offset_s, UTC)


def test_a_slot_that_was_run_is_not_run_again_when_the_clock_went_back() -> None:
    beat = run_once(NIGHTLY, utc(2026, 6, 1, 3, 0))
    beat.clock_set(-3600.0, utc(2026, 6, 1, 3, 10).timestamp())
    assert wall_of(beat, -3600.0) == utc(2026, 6, 2, 3, 0)


@pytest.mark.parametrize(("cron", "soonest_s"), [(MINUTELY, 60), (HOURLY, 3600)], ids=["every minute", "every hour"])
def test_a_clock_that_goes_back_silences_nobody_for_longer_than_usual(cron: Times, soonest_s: float) -> None:
    at = utc(2026, 6, 1, 3, 0)
    beat = run_once(cron, at)
    beat.clock_set(-3600.0, at.timestamp() + 10)
    assert 0 < beat.due_s - at.timestamp() - 10 <= soonest_s


def test_a_slot_that_a_clock_jumped_over_and_back_again_is_run_at_its_time() -> None:
    at = utc(2026, 6, 1, 3, 0)
    beat = run_once(NIGHTLY, at)
    now_s = at.timestamp() + 86_400 - 1800
    beat.clock_set(3600.0, now_s)  # half past three on the wall, an hour too early
    due = beat.pop(KEY, now_s)
    assert (due.ask, due.skipped) == (False, 1)
    beat.clock_set(0.0, now_s + 60)
    assert wall_of(beat, 0.0) == utc(2026, 6, 2, 3, 0)


def test_a_slot_passed_over_by_less_than_the_grace_is_asked_late() -> None:
    at = utc(2026, 6, 1, 3, 0)
    for late_s, asked in ((CRON_GRACE_S - 1, True), (CRON_GRACE_S + 1, False)):
        beat = Beat(NIGHTLY, at.timestamp() - 100, 0.0, None, no_jitter)
        due = beat.pop(KEY, at.timestamp() + late_s)
        assert (due.ask, due.skipped) == (asked, 0 if asked else 1)
        assert wall_of(beat, 0.0) == utc(2026, 6, 2, 3, 0)


def test_slots_of_a_beat_that_a_standstill_passed_over_are_counted_exactly() -> None:
    at = utc(2026, 6, 1, 3, 0)
    beat = Beat(MINUTELY, at.timestamp() - 1, 0.0, None, no_jitter)
    due = beat.pop(KEY, at.timestamp() + 5 * 60 + 1)
    assert (due.skipped, due.ask, due.due_s) == (5, True, at.timestamp() + 300)


def test_a_restart_right_after_a_slot_does_not_lose_it_and_one_after_its_run_does_not_repeat_it() -> None:
    at = utc(2026, 6, 1, 3, 0)
    yesterday = (at - timedelta(days=1)).timestamp()
    lost = Beat(NIGHTLY, at.timestamp() + 20, 0.0, yesterday, no_jitter)
    run = Beat(NIGHTLY, at.timestamp() + 20, 0.0, at.timestamp() + 0.01, no_jitter)
    never_seen = Beat(NIGHTLY, at.timestamp() + 20, 0.0, None, no_jitter)
    assert wall_of(lost, 0.0) == at
    assert wall_of(run, 0.0) == wall_of(never_seen, 0.0) == utc(2026, 6, 2, 3, 0)


def test_jitter_of_a_beat_ends_before_the_next_slot() -> None:
    at = utc(2026, 6, 1, 3, 0).timestamp()
    beat = Beat(MINUTELY, at, 0.0, None, lambda room_s: 500.0)
    assert beat.due_s == at + 60 + 59


def test_an_expression_that_never_comes_again_is_never_due() -> None:
    far = Beat(Times(Cron("0 0 1 1 *")), datetime(9995, 6, 1, tzinfo=UTC).timestamp(), 0.0, None, no_jitter)
    assert far.due_s == float("inf")


@settings(deadline=None)
@given(st.lists(st.integers(0, 5000), min_size=1, max_size=30))
def test_shared_times_say_the_same_as_the_expression_in_whatever_order_they_are_asked(minutes: list[int]) -> None:
    cron, base = Cron("*/7 3-5 * * *", "Europe/Berlin"), utc(2026, 10, 24, 0, 0)
    times = Times(cron)
    for minute in minutes:
        at = base + timedelta(minutes=minute)
        assert times.after(at.timestamp()) == next(cron.after(at)).timestamp()
        until = at + timedelta(minutes=minutes[0])
        slots = [slot.timestamp() for slot in takewhile(lambda slot, until=until: slot <= until, cron.after(at))]
        assert times.passed(at.timestamp(), until.timestamp()) == (
            len(slots),
            slots[0] if slots else inf,
            slots[-1] if slots else inf,
        )


def test_a_clock_that_jumps_by_years_is_followed_in_no_time() -> None:
    at = utc(2026, 6, 1, 3, 0)
    beats = [Beat(MINUTELY, at.timestamp() - 1, 0.0, None, no_jitter) for _ in range(200)]
    began = time.process_time()
    for beat in beats:
        beat.clock_set(1e9, at.timestamp() + 5)
        due = beat.pop(KEY, at.timestamp() + 5)
        assert (due.ask, due.skipped) == (False, MOST_COUNTED + 1)
        assert 0 < beat.due_s - at.timestamp() - 5 <= 60
    assert time.process_time() - began < 2
