"""This file is for what is due next: spread starts, clocks that are set, paces, gaps, and places that are kept."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import UTC, datetime

import pytest

from scenarios.schedule_spec import ScheduleSpec
from scenarios.watch.agenda import Agenda, Pace, first_within_s
from scenarios.watch.events import SeriesKey
from tests.scenarios.watch.making import NOON, every

OFFSET_S = NOON.timestamp() - 1000.0
NOW_S = 1000.0
MANY = 10_000


def key(name: object = "one") -> SeriesKey:
    return SeriesKey("shop", str(name), "staging", "local")


def agenda_of(count: int, spec: ScheduleSpec, seen_s: float | None = None) -> Agenda:
    agenda = Agenda(OFFSET_S)
    for n in range(count):
        agenda.put(key(n), spec, NOW_S, seen_s=seen_s, within_s=first_within_s(count))
    return agenda


def starts(agenda: Agenda, from_s: float, until_s: float, step_s: float = 0.1) -> Counter[int]:
    """Return how many start in each step when the agenda is looked at that often."""
    found: Counter[int] = Counter()
    steps = round((until_s - from_s) / step_s)
    for step in range(1, steps + 1):
        found[step] = len(agenda.due(from_s + step * step_s, MANY * 10))
    return found


def only(agenda: Agenda, now_s: float) -> float | None:
    return agenda.due_s(key(0)) and agenda.due(now_s, 10) and agenda.due_s(key(0))


def test_ten_thousand_new_series_do_not_start_together() -> None:
    agenda = agenda_of(MANY, every(60))
    found = starts(agenda, NOW_S, NOW_S + 150)
    assert max(found.values()) <= 60, "a tenth of a second bears about 17"
    assert sum(found.values()) >= 2 * MANY


def test_a_restart_does_not_ask_those_again_that_were_asked_in_time() -> None:
    agenda = agenda_of(MANY, every(60))
    for step in range(1, 700):
        agenda.due(NOW_S + step * 0.1, MANY)
    now_s = NOW_S + 70
    seen = {key(n): (agenda.due_s(key(n)) or 0) - 60 + OFFSET_S for n in range(MANY)}
    again = Agenda(OFFSET_S)
    for n in range(MANY):
        again.put(key(n), every(60), now_s, seen_s=seen[key(n)], within_s=first_within_s(MANY))
    kept = sum(abs((again.due_s(key(n)) or 0) - (agenda.due_s(key(n)) or 0)) < 0.01 for n in range(MANY))
    assert kept > MANY * 0.95
    assert max(starts(again, now_s, now_s + 60).values()) <= 60


def test_after_a_long_down_time_all_are_asked_soon_but_spread() -> None:
    agenda = agenda_of(MANY, every(900), seen_s=NOON.timestamp() - 86_400)
    found = starts(agenda, NOW_S, NOW_S + 60)
    assert sum(found.values()) >= MANY and max(found.values()) <= 60


def test_a_few_series_are_asked_at_once() -> None:
    agenda = agenda_of(10, every(3600))
    assert len(agenda.due(NOW_S + 1.0, 100)) == 10


def test_a_slot_that_passed_while_nobody_watched_is_caught_up_though_the_series_was_seen_within_its_interval() -> None:
    agenda = Agenda(OFFSET_S)
    agenda.put(key(0), every(60), NOW_S, seen_s=None, within_s=60)
    slot_s = agenda.due_s(key(0)) or 0
    again = Agenda(OFFSET_S)
    again.put(key(0), every(60), slot_s + 5, seen_s=slot_s - 54 + OFFSET_S, within_s=1)
    assert (again.due_s(key(0)) or 0) <= slot_s + 6


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_set_by_an_hour_neither_bursts_nor_silences_intervals(hours: int) -> None:
    agenda = agenda_of(1000, every(60))
    starts(agenda, NOW_S, NOW_S + 120)
    before = [agenda.due_s(key(n)) for n in range(1000)]
    agenda.clock_set(OFFSET_S + hours * 3600, NOW_S + 120)
    assert [agenda.due_s(key(n)) for n in range(1000)] == before
    found = starts(agenda, NOW_S + 120, NOW_S + 180)
    assert sum(found.values()) == 1000 and max(found.values()) <= 10


def test_cron_slots_follow_a_clock_that_is_set() -> None:
    agenda = Agenda(OFFSET_S)
    agenda.put(key(0), ScheduleSpec(cron="30 13 * * *"), NOW_S, seen_s=None, within_s=1)
    assert agenda.due_s(key(0)) == pytest.approx(NOW_S + 5400)
    agenda.clock_set(OFFSET_S + 3600, NOW_S)
    assert agenda.due_s(key(0)) == pytest.approx(NOW_S + 1800)
    assert agenda.due(NOW_S + 1799, 10) == []
    (due,) = agenda.due(NOW_S + 1800, 10)
    assert due.ask and due.skipped == 0


def test_a_scenario_with_a_cron_expression_waits_for_its_time_at_the_start() -> None:
    agenda = Agenda(OFFSET_S)
    agenda.put(key(0), ScheduleSpec(cron="0 3 * * *"), NOW_S, seen_s=None, within_s=1)
    assert agenda.due_s(key(0)) == pytest.approx(NOW_S + 15 * 3600)


def test_a_pace_makes_intervals_denser_but_not_denser_than_the_least_and_normal_again() -> None:
    agenda = agenda_of(200, every(60))
    starts(agenda, NOW_S, NOW_S + 60)
    keys = [key(n) for n in range(200)]
    agenda.set_pace(keys, Pace(0.2, 5.0), NOW_S + 60)
    found = starts(agenda, NOW_S + 60, NOW_S + 120)
    assert sum(found.values()) == 1000 and max(found.values()) <= 10, "every 12 s, spread"
    agenda.set_pace(keys, Pace(0.01, 30.0), NOW_S + 120)
    assert sum(starts(agenda, NOW_S + 120, NOW_S + 180).values()) == 400
    agenda.set_pace(keys, Pace(), NOW_S + 180)
    assert sum(starts(agenda, NOW_S + 180, NOW_S + 240).values()) == 200


def test_a_pace_never_makes_an_interval_longer_and_leaves_cron_alone() -> None:
    assert Pace(0.2, 5.0).of(1.0) == 1.0
    agenda = Agenda(OFFSET_S)
    agenda.put(key(0), ScheduleSpec(cron="0 3 * * *"), NOW_S, seen_s=None, within_s=1)
    agenda.set_pace([key(0), key("nobody")], Pace(0.1, 1.0), NOW_S)
    assert agenda.due_s(key(0)) == pytest.approx(NOW_S + 15 * 3600)


def test_what_was_taken_off_is_due_no_more_and_what_was_renamed_keeps_its_place() -> None:
    agenda = agenda_of(2, every(60))
    place = agenda.due_s(key(1))
    agenda.take(key(0))
    agenda.take(key("nobody"))
    agenda.rename(key(1), key("other"))
    assert agenda.due_s(key(0)) is None and agenda.due_s(key("other")) == place
    assert {due.key for due in agenda.due(NOW_S + 600, 10)} == {key("other")}
    assert len(agenda) == 1


def test_what_was_entered_anew_is_due_once() -> None:
    agenda = agenda_of(1, every(60))
    agenda.put(key(0), every(10), NOW_S, seen_s=NOON.timestamp(), within_s=1)
    assert len(agenda.due(NOW_S + 9.999, 10)) == 1


def test_an_empty_agenda_is_never_due() -> None:
    agenda = Agenda(OFFSET_S)
    assert agenda.next_due_s() is None and agenda.due(NOW_S, 10) == []


def test_a_batch_takes_the_earliest_and_leaves_the_rest() -> None:
    agenda = agenda_of(100, every(60))
    first = agenda.due(NOW_S + 60, 10)
    second = agenda.due(NOW_S + 60, 100)
    assert len(first) == 10 and max(d.due_s for d in first) <= min(d.due_s for d in second)


def gap_ticks(spec: ScheduleSpec, seen: datetime) -> int:
    agenda = Agenda(OFFSET_S)
    agenda.put(key(0), spec, NOW_S, seen_s=seen.timestamp(), within_s=1)
    return sum(gap.ticks for gap in agenda.gaps({key(0): seen.timestamp(), key("gone"): 0.0}, NOW_S))


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-21T{text}").replace(tzinfo=UTC)


def test_slots_that_passed_while_nobody_watched_are_counted_but_for_the_one_that_is_asked_late() -> None:
    assert gap_ticks(every(60), at("11:00:00")) == 59
    assert gap_ticks(every(60), at("11:59:59")) == 0
    assert gap_ticks(ScheduleSpec(cron="*/10 * * * *"), at("11:05:00")) == 5, "noon itself is within the grace, and asked"
    assert gap_ticks(ScheduleSpec(cron="55 * * * *"), at("08:55:30")) == 3
    assert gap_ticks(ScheduleSpec(cron="0 3 * * *"), at("03:00:01")) == 0


def test_jitter_is_drawn_anew_for_each_slot_and_counted_from_the_grid() -> None:
    draws = iter([0.0, 0.999] * 50)
    agenda = Agenda(OFFSET_S, chance=lambda: next(draws))
    agenda.put(key(0), every(60, jitter=20), NOW_S, seen_s=NOON.timestamp(), within_s=1)
    dues = []
    for _ in range(20):
        due_s = agenda.due_s(key(0)) or 0
        dues.append(due_s)
        agenda.due(due_s, 1)
    gaps = {round(later - before, 1) for before, later in itertools.pairwise(dues)}
    assert gaps == {80.0, 40.0}
    assert dues[18] - dues[0] == pytest.approx(18 * 60)
