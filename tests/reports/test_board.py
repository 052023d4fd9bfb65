"""This file is for the board: each line as the ticks say, problems worst first, and silence told as a problem of its own."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from probes.outcome import CERTIFICATE_ENDS, UNIX_TIME, Measurement, Severity, Verdict
from reports.board import Board
from reports.line import Line, Mark
from reports.store.watch.answers import Counts, SeriesState
from scenarios.events import RunInfo, RunStarted
from scenarios.schedule_spec import ScheduleSpec
from scenarios.watch.events import Missed, MissedReason, Retired, SeriesKey, Trigger
from tests.reports.watched import AT, SetClock, key, scenario, series, tick

SLOTS, HOURS = key(), key("hours are kept")


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def board(clock: SetClock) -> Board:
    made = Board(clock=clock)
    made.watch(series("slots are shown", "hours are kept"))
    return made


def line_of(board: Board, of: SeriesKey = SLOTS) -> Line:
    found = board.line(of)
    assert found is not None
    return found


def counted(board: Board) -> dict[str, int]:
    return {str(mark): count for mark, count in board.totals().items() if count}


# A line


def test_a_line_is_as_its_ticks_say(board: Board) -> None:
    bad = tick(SLOTS, Verdict.FAIL, at=AT, version="1.4.2")
    board.take_watched(tick(SLOTS, at=AT - timedelta(minutes=1)))
    board.take_watched(bad)
    board.take_watched(tick(SLOTS, Verdict.ERROR, at=AT + timedelta(minutes=1), version="1.4.3"))
    line = line_of(board)
    assert (line.verdict, line.since_at, line.in_row) == (Verdict.ERROR, AT, 2)
    assert (line.last_at, line.last_good_at) == (AT + timedelta(minutes=1), AT - timedelta(minutes=1))
    assert (line.duration_s, line.version, line.sentence) == (0.04, "1.4.3", "the log is not there")
    assert line.is_problem and line.trouble == line.sentence
    assert board.by_slug(SLOTS.slug) is line and board.by_slug("no such slug") is None


def test_the_store_and_the_board_say_the_same_after_a_restart(board: Board, clock: SetClock) -> None:
    state = SeriesState(
        id=7, key=SLOTS, subject=line_of(board).subject, first_seen_at=AT - timedelta(days=9), verdict=Verdict.FAIL,
        sentence="tenant 20 saw tenant 15", since_at=AT - timedelta(hours=1), last_at=AT, last_good_at=AT - timedelta(hours=2),
        duration_s=0.5, in_row=60, outcome_id="o-1", version="1.4.2", certificate_expires_at=AT + timedelta(days=3), good=False,
    )  # fmt: skip
    again = Board([state], clock=clock)
    again.watch(series("slots are shown", "hours are kept"))
    line = line_of(again)
    fields = [name for name in SeriesState.__dataclass_fields__ if name != "retired_at"]
    assert {name: getattr(line, name) for name in fields} == {name: getattr(state, name) for name in fields}
    assert again.problems() == [line]
    again.take_watched(tick(SLOTS, Verdict.FAIL))
    assert (line.since_at, line.in_row) == (AT - timedelta(hours=1), 61)


def test_windows_are_refilled_and_count_on(board: Board) -> None:
    at = AT.timestamp()
    board.refill(
        {SLOTS: [(at - 600, Counts(failed=1)), (at, Counts(passed=1))]}, iter([(SLOTS, [(at - 7200, Counts(failed=2))])])
    )
    board.take_watched(tick(SLOTS))
    assert line_of(board).ratios() == {"5m": 1.0, "1h": 2 / 3, "24h": 1 / 3, "30d": 1 / 3}
    assert line_of(board).counts("1h") == Counts(passed=2, failed=1)
    assert set(line_of(board, HOURS).ratios().values()) == {None}


def test_a_refill_with_a_series_that_is_not_watched_does_no_harm(board: Board) -> None:
    board.refill({key("gone"): [(AT.timestamp(), Counts(passed=1))]}, {key("gone"): [(AT.timestamp(), Counts(passed=1))]})
    assert board.line(key("gone")) is None


@pytest.mark.parametrize("told_as", ["slots", "shown"])
def test_a_past_that_comes_later_is_counted_once_whichever_name_the_store_knows(
    board: Board, clock: SetClock, told_as: str
) -> None:
    about = line_of(board).subject
    states = [SeriesState(n, one, about, AT, verdict=Verdict.PASS) for n, one in enumerate((SLOTS, HOURS), 1)]
    again = Board(states, clock=clock)
    again.refill({}, {}, past_follows=True)
    again.rename(SLOTS, key("shown"))
    again.watch(series("shown", "hours are kept", "new"))
    for one in (key("shown"), HOURS, key("new")):
        again.take_watched(tick(one))
    assert [line_of(again, key(n)).ratios()["30d"] for n in ("shown", "hours are kept", "new")] == [None, None, 1.0]
    name = SLOTS if told_as == "slots" else key("shown")
    past = {name: [(AT.timestamp() - 5 * 86_400, Counts(failed=1))]}
    for _ in range(2):  # the store did not answer at once, so all is read again
        again.refill_past(past, is_all=False)
    assert not again.past_is_known and line_of(again, HOURS).ratios()["30d"] is None
    again.refill_past({}, is_all=True)
    assert [line_of(again, key(n)).ratios()["30d"] for n in ("shown", "hours are kept", "new")] == [0.5, 1.0, 1.0]
    assert again.past_is_known


def test_answers_in_maintenance_show_and_count_for_nothing(board: Board) -> None:
    """Regression: with Gatus what fails in maintenance counts as downtime."""
    board.take_watched(tick(SLOTS))
    board.take_watched(tick(SLOTS, Verdict.FAIL, maintenance="window-1"))
    line = line_of(board)
    assert (line.verdict, line.maintenance, line.in_row, line.good) == (Verdict.FAIL, "window-1", 1, True)
    assert line.ratios()["5m"] == 1.0 and line.counts("5m") == Counts(passed=1, maintained=1)
    assert board.problems() == [] and counted(board) == {"maintenance": 1, "unasked": 1}
    board.take_watched(tick(SLOTS, Verdict.FAIL))
    assert board.problems() == [line]


def test_a_certificates_end_is_kept_while_the_target_is_down(board: Board) -> None:
    ends = datetime(2027, 1, 1, tzinfo=UTC)
    seen = {"measurements": (Measurement(CERTIFICATE_ENDS, ends.timestamp(), UNIX_TIME),)}
    board.take_watched(tick(SLOTS, outcome=seen))
    board.take_watched(tick(SLOTS, Verdict.FAIL))
    assert line_of(board).certificate_expires_at == ends


def test_the_outcome_that_can_be_read_whole_is_the_newest_that_is_kept(board: Board) -> None:
    first, second, bad = tick(SLOTS), tick(SLOTS, at=AT + timedelta(minutes=1)), tick(SLOTS, Verdict.FAIL)
    board.take_watched(first)
    board.take_watched(second)
    assert line_of(board).outcome_id == first.outcome.id  # a pass like the one before is not kept whole
    board.take_watched(bad)
    assert line_of(board).outcome_id == bad.outcome.id
    deployed = tick(SLOTS, Verdict.FAIL, trigger=Trigger.DEPLOY)
    board.take_watched(deployed)
    assert line_of(board).outcome_id == deployed.outcome.id


def test_missed_ticks_are_counted_when_they_were_due(board: Board) -> None:
    board.take_watched(Missed(SLOTS, AT - timedelta(hours=2), MissedReason.DOWN, 120))
    board.take_watched(Missed(SLOTS, AT, MissedReason.OVERLAP))
    board.take_watched(Missed(key("gone"), AT, MissedReason.OVERLAP))
    assert (line_of(board).counts("5m").missed, line_of(board).counts("24h").missed) == (1, 121)


def test_a_run_that_begins_changes_nothing(board: Board) -> None:
    info = RunInfo("r", "shop", "shop.yaml", "production", "", "", AT, "0.2", kind="watch")
    board.take_watched(RunStarted(info, ()))
    assert counted(board) == {"unasked": 2}


# What comes and goes


def test_a_scenario_that_is_removed_is_gone_at_once_and_a_late_tick_does_not_bring_it_back(board: Board) -> None:
    board.take_watched(tick(SLOTS, Verdict.FAIL))
    board.watch(series("hours are kept"))
    board.take_watched(tick(SLOTS, Verdict.FAIL))
    assert board.line(SLOTS) is None and board.by_slug(SLOTS.slug) is None
    assert board.problems() == [] and counted(board) == {"unasked": 1} and len(board) == 1


def test_what_is_retired_is_gone_though_it_was_told_twice(board: Board) -> None:
    board.take_watched(Retired((SLOTS, key("never there"))))
    board.take_watched(Retired((SLOTS,)))
    assert [line.key for line in board.lines()] == [HOURS]


def test_a_board_that_was_not_told_what_is_watched_takes_in_whatever_it_hears(clock: SetClock) -> None:
    board = Board(clock=clock)
    board.take_watched(tick(SLOTS, Verdict.DEGRADED))
    assert [line.key for line in board.lines()] == [SLOTS] and counted(board) == {"degraded": 1}


def test_a_reload_leaves_what_is_known_and_takes_on_what_is_new(board: Board) -> None:
    board.take_watched(tick(SLOTS, Verdict.FAIL))
    board.watch(series(scenario("slots are shown", severity=Severity.P0, owner="night shift"), "hours are kept"))
    line = line_of(board)
    assert (line.verdict, line.subject.severity, line.subject.owner) == (Verdict.FAIL, Severity.P0, "night shift")
    assert line.ratios()["5m"] == 0.0


def test_a_line_goes_on_under_its_new_name(board: Board) -> None:
    board.take_watched(tick(SLOTS, Verdict.FAIL))
    before, new = line_of(board), key("free slots are shown")
    board.rename(SLOTS, new)
    board.rename(key("never there"), key("nor this"))
    board.watch(series("free slots are shown", "hours are kept"))
    line = line_of(board, new)
    assert line is before and line.slug == new.slug and line.subject.scenario == new.scenario
    assert board.line(SLOTS) is None and board.problems() == [line] and counted(board) == {"fail": 1, "unasked": 1}
    assert line.ratios()["5m"] == 0.0


def test_no_secret_that_a_name_took_from_the_environment_is_shown() -> None:
    (one,) = series("tenant s3cr3t-of-ours is served")
    one.suite._secrets = (("s3cr3t-of-ours", "tenant_token"),)
    board = Board(clock=SetClock())
    board.watch([one])
    assert line_of(board, one.key).subject.scenario == "tenant [tenant_token] is served"


# Problems


def test_the_worst_comes_first_by_severity_then_verdict_then_age(clock: SetClock) -> None:
    names = {"p2 new": Severity.P2, "p2 old": Severity.P2, "p2 unproven": Severity.P2, "p0": Severity.P0, "p3": Severity.P3}
    board = Board(clock=clock)
    board.watch(series(*(scenario(name, severity=severity) for name, severity in names.items()), scenario("good")))
    for name, verdict, minutes in (
        ("p3", Verdict.FAIL, 9), ("p2 unproven", Verdict.INCONCLUSIVE, 8), ("p2 new", Verdict.FAIL, 1),
        ("p2 old", Verdict.FAIL, 5), ("p0", Verdict.INCONCLUSIVE, 0), ("good", Verdict.PASS, 0),
    ):  # fmt: skip
        told = tick(key(name), verdict, at=AT - timedelta(minutes=minutes))
        board.take_watched(told)
    assert [line.key.scenario for line in board.problems()] == ["p0", "p2 old", "p2 new", "p2 unproven", "p3"]
    board.take_watched(tick(key("p0")))
    board.take_watched(tick(key("p2 new"), Verdict.INCONCLUSIVE))
    assert [line.key.scenario for line in board.problems()] == ["p2 old", "p2 unproven", "p2 new", "p3"]


def test_totals_add_up_to_all_lines_whatever_happens(board: Board, clock: SetClock) -> None:
    for verdict in (*Verdict, *reversed(Verdict)):
        for maintenance in ("", "w", ""):
            board.take_watched(tick(SLOTS, verdict, maintenance=maintenance))
            board.take_watched(tick(HOURS, Verdict.PASS))
            clock.on(minutes=3)
            assert sum(board.totals().values()) == len(board) == 2
            assert counted(board).get("pass", 0) == 1 + (verdict is Verdict.PASS and not maintenance)


def test_asking_again_for_the_problems_of_ten_thousand_costs_next_to_nothing(clock: SetClock) -> None:
    board = Board(clock=clock)
    one = tick(SLOTS, Verdict.FAIL)
    for number in range(10_000):
        subject = replace(one.outcome.subject, scenario=f"scenario {number}")
        of = key(subject.scenario)
        board.take_watched(replace(one, key=of, outcome=replace(one.outcome, subject=subject)))
    assert len(board.problems()) == 10_000
    began = time.process_time()
    for _ in range(100):
        board.problems()
        board.totals()
    assert time.process_time() - began < 0.5  # 100 sorts would take more


# Silence


def test_a_scenario_that_is_no_longer_asked_becomes_a_problem_after_three_intervals(board: Board, clock: SetClock) -> None:
    board.take_watched(tick(SLOTS))
    board.take_watched(tick(HOURS))
    clock.on(seconds=190)  # three intervals and its own time-out
    board.take_watched(tick(HOURS))
    assert board.problems() == []
    clock.on(seconds=1)
    (line,) = board.problems()
    assert line.key == SLOTS and line.stale and line.mark is Mark.STALE
    assert line.trouble == "not asked since 2026-11-21 10:00:00 UTC, although it is due every 60 s"
    assert counted(board) == {"pass": 1, "stale": 1}
    board.take_watched(tick(SLOTS))
    assert board.problems() == [] and not line.stale
    clock.on(seconds=191)
    assert len(board.problems()) == 2


def test_a_dead_scheduler_leaves_nothing_green(board: Board, clock: SetClock) -> None:
    board.take_watched(tick(SLOTS, Verdict.FAIL))
    clock.on(minutes=10)
    failed, never = board.problems()
    assert counted(board) == {"fail": 1, "stale": 1}
    assert never.trouble == "never asked, although it is due every 60 s"
    assert failed.trouble.startswith("not asked since") and failed.trouble.endswith("before that: tenant 20 saw tenant 15")


def test_silence_is_found_though_nobody_asks_for_problems(board: Board, clock: SetClock) -> None:
    clock.on(minutes=10)
    assert line_of(board).stale and all(line.stale for line in board.lines())
    found = board.by_slug(SLOTS.slug)
    assert found is not None and found.stale


def test_after_a_restart_silence_counts_from_the_start(clock: SetClock) -> None:
    state = SeriesState(1, SLOTS, series("slots are shown")[0].scenario.subject("shop", series("x")[0].target), AT,
                        Verdict.PASS, last_at=AT - timedelta(days=3), good=True)  # fmt: skip
    board = Board([state], clock=clock)
    board.watch(series("slots are shown"))
    clock.on(seconds=190)
    assert board.problems() == []
    clock.on(seconds=1)
    assert board.problems()[0].trouble.startswith("not asked since 2026-11-18 10:00:00 UTC")


SCHEDULES = {
    "each second": (ScheduleSpec(every=1), 40.0),  # never less than half a minute, and its time-out
    "each day": (ScheduleSpec(every=86_400), 3 * 86_400 + 10.0),
    "by cron": (ScheduleSpec(cron="0 */6 * * *"), 14 * 3600 + 30 + 10.0),  # 12:00, 18:00, 24:00 after 10:00
}


@pytest.mark.parametrize(("schedule", "allowed_s"), SCHEDULES.values(), ids=SCHEDULES.keys())
def test_how_long_it_may_be_silent_follows_its_schedule(schedule: ScheduleSpec, allowed_s: float, clock: SetClock) -> None:
    board = Board(clock=clock)
    board.watch(series(scenario("slots are shown", schedule=schedule)))
    board.take_watched(tick(SLOTS))
    clock.on(seconds=allowed_s)
    assert board.problems() == []
    clock.on(seconds=1)
    assert len(board.problems()) == 1


def test_a_reload_that_asks_more_often_is_held_to_it_from_then_on(clock: SetClock) -> None:
    board = Board(clock=clock)
    board.watch(series(scenario("slots are shown", schedule=ScheduleSpec(every=86_400))))
    board.take_watched(tick(SLOTS))
    clock.on(hours=1)
    board.watch(series(scenario("slots are shown", schedule=ScheduleSpec(every=60))))
    assert board.problems() == []
    clock.on(seconds=191)
    assert len(board.problems()) == 1


def test_a_reload_that_changes_nothing_gives_no_more_time(board: Board, clock: SetClock) -> None:
    for _ in range(4):
        clock.on(seconds=60)
        board.watch(series("slots are shown", "hours are kept"))
    assert len(board.problems()) == 2


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_jumps_an_hour_neither_hides_silence_nor_freezes_ratios(board: Board, clock: SetClock, hours: int) -> None:
    board.take_watched(tick(SLOTS, Verdict.FAIL))
    clock.on(hours=hours)
    board.take_watched(tick(SLOTS, at=clock()))
    board.take_watched(tick(HOURS, at=clock()))
    assert board.problems() == []
    assert line_of(board).ratios()["5m"] == (1.0 if hours > 0 else 0.5)
    clock.on(minutes=6)
    board.take_watched(tick(SLOTS, at=clock()))
    assert line_of(board).ratios()["5m"] == 1.0
    assert [line.key for line in board.problems()] == [HOURS]


def test_when_it_is_due_next_comes_from_whoever_schedules(board: Board) -> None:
    assert line_of(board).next_due is None
    board.next_due_of = {SLOTS: AT}.get
    assert (line_of(board).next_due, line_of(board, HOURS).next_due) == (AT, None)
