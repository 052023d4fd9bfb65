"""This file is for what the history of watching answers, on every database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import insert

from probes.outcome import CERTIFICATE_ENDS, UNIX_TIME, Measurement, Verdict
from reports.durations import bucket_of
from reports.store import StoreError
from reports.store.database import Database
from reports.store.ledger.tables import HeartbeatRow
from reports.store.watch.answers import Counts, Gap
from reports.store.watch.history import WatchHistory
from reports.store.watch.rollups import COUNTS
from reports.store.watch.sink import TickSink
from scenarios.watch.events import Missed, MissedReason, Retired, Tick, Trigger
from tests.reports.store.watch.looking import assert_rollups_add_up, rows
from tests.reports.store.watch.ticking import AT, a_key, a_run, a_tick, every

HOUR = datetime(2026, 11, 21, 10, tzinfo=UTC)
NOW = HOUR + timedelta(days=1)


@pytest.fixture
def history(anywhere: str) -> Iterator[WatchHistory]:
    made = WatchHistory(anywhere, clock=lambda: NOW)
    made.begin("first life", "local", "0.1.0", HOUR)
    yield made
    made.close()


@pytest.fixture
def tell(anywhere: str, tmp_path: Path, history: WatchHistory) -> Iterator[TickSink]:
    """Return a sink whose store has the history."""
    sink = TickSink(anywhere, spool=tmp_path / "spool")
    yield sink
    sink.close()


def told(sink: TickSink, events: Iterable[object]) -> None:
    for event in events:
        sink.take_watched(event)  # type: ignore[arg-type]
    assert sink.flush()


def ticks_every(seconds: float, *verdicts: Verdict, since: datetime = HOUR, **more: object) -> list[Tick]:
    return [
        a_tick(verdict, at=at, **more) for verdict, at in zip(verdicts, every(seconds, len(verdicts), since=since), strict=True)
    ]  # type: ignore[arg-type]


def test_counts_become_answers_by_place() -> None:
    assert tuple(field.name for field in fields(Counts)) == COUNTS


def test_a_series_stands_after_a_restart_as_it_stood_before(history: WatchHistory, tell: TickSink) -> None:
    ends = HOUR + timedelta(days=30)
    certificate = (Measurement(CERTIFICATE_ENDS, ends.timestamp(), UNIX_TIME),)
    told(
        tell,
        [
            *ticks_every(60, Verdict.PASS, Verdict.FAIL, measurements=certificate),
            a_tick(Verdict.ERROR, at=HOUR + timedelta(minutes=3), sentence="no way"),
        ],
    )
    (state,) = history.states("local")
    assert state == history.state(a_key())
    assert (state.key, state.subject.owner, state.first_seen_at) == (a_key(), "backend", HOUR)
    assert (state.verdict, state.sentence, state.good, state.in_row) == (Verdict.ERROR, "no way", False, 2)
    assert (state.since_at, state.last_at) == (HOUR + timedelta(minutes=1), HOUR + timedelta(minutes=3))
    assert (state.last_good_at, state.certificate_expires_at, state.version) == (HOUR, ends, "1.4.2")
    assert history.outcome(state.outcome_id or "") is not None
    assert (history.states("elsewhere"), history.state(a_key("unknown")), history.outcome("unknown")) == ([], None, None)


def test_a_tick_in_maintenance_shows_and_changes_nothing_of_the_stretch(history: WatchHistory, tell: TickSink) -> None:
    told(
        tell, [*ticks_every(60, Verdict.PASS, Verdict.PASS), a_tick(Verdict.FAIL, at=HOUR + timedelta(hours=1), maintenance="w")]
    )
    state = history.state(a_key())
    assert state is not None
    assert (state.verdict, state.maintenance, state.good, state.in_row, state.since_at) == (Verdict.FAIL, "w", True, 2, HOUR)
    assert history.counts_between([a_key()], HOUR, NOW)[a_key()] == Counts(passed=2, maintained=1)


@pytest.mark.parametrize(
    ("since", "until"),
    [
        (0, 86_400),
        (1, 86_399),
        (299.999999, 300.000001),
        (3600, 7200),
        (3599, 7201),
        (100, 200),
        (0, 0),
        (500, 50_000.5),
    ],
)
@pytest.mark.parametrize("late", [False, True], ids=["while fine rollups are there", "when they are gone"])
def test_counts_between_two_instants_are_exact(
    anywhere: str, history: WatchHistory, tell: TickSink, since: float, until: float, late: bool
) -> None:
    verdicts = [list(Verdict)[n % 6] for n in range(400)]
    ticks = ticks_every(217.3, *verdicts)
    told(tell, [*ticks, a_tick(key=a_key("another"), at=HOUR + timedelta(seconds=150))])
    if late:
        history._clock = lambda: NOW + timedelta(days=30)
        history.prune(HOUR, fine_rollups_before=NOW + timedelta(days=20))
        assert rows(anywhere, "SELECT count(*) FROM rollups WHERE span_s = 300") == [(0,)]
    start, end = HOUR + timedelta(seconds=since), HOUR + timedelta(seconds=until)
    wanted = [t.outcome.verdict for t in ticks if start <= t.outcome.started_at < end]
    found = history.counts_between([a_key(), a_key("unknown")], start, end)
    assert found[a_key()] == Counts(
        wanted.count(Verdict.PASS), wanted.count(Verdict.DEGRADED), wanted.count(Verdict.FAIL),
        wanted.count(Verdict.ERROR), wanted.count(Verdict.INCONCLUSIVE), wanted.count(Verdict.SKIPPED),
    )  # fmt: skip
    assert found[a_key("unknown")] == Counts()


def test_missed_ticks_are_counted_once_whatever_the_cut(history: WatchHistory, tell: TickSink) -> None:
    told(tell, [Missed(a_key(), at, MissedReason.OVERLAP, 2) for at in every(1000, 20, since=HOUR)])
    cuts = [HOUR + timedelta(seconds=s) for s in (0, 1, 700, 3600, 9001, 86_400)]
    parts = [history.counts_between([a_key()], a, b)[a_key()].missed for a, b in pairwise(cuts)]
    assert sum(parts) == 40


def test_windows_end_now_and_hold_the_tick_of_now(history: WatchHistory, tell: TickSink) -> None:
    ages_s = [0, 299, 301, 3599, 3601, 86_399, 86_401, 29 * 86_400, 31 * 86_400]
    told(tell, [a_tick(at=NOW - timedelta(seconds=age)) for age in sorted(ages_s, reverse=True)])
    told(tell, [a_tick(key=a_key("gone")), Retired((a_key("gone"),))])
    found = history.window_counts("local", NOW)
    assert {name: counts.passed for name, counts in found[a_key()].items()} == {"5m": 2, "1h": 4, "24h": 6, "30d": 8}
    assert a_key("gone") not in found


def test_minutes_and_hours_add_up_to_all_ticks(history: WatchHistory, tell: TickSink) -> None:
    told(tell, [*ticks_every(25, *[Verdict.PASS] * 100, Verdict.FAIL), Missed(a_key(), HOUR, MissedReason.CLOCK, 7)])
    minutes = dict(history.minute_counts("local", HOUR))[a_key()]
    assert minutes[0] == (HOUR.timestamp(), Counts(passed=3, missed=7))
    assert minutes[1][0] - minutes[0][0] == 60
    assert sum((counts for _, counts in minutes), Counts()) == Counts(passed=100, failed=1, missed=7)
    more = ticks_every(1800, *[Verdict.DEGRADED] * 20, since=HOUR - timedelta(hours=10))
    told(tell, more)
    hours = dict(history.hour_counts("local", HOUR - timedelta(days=1)))[a_key()]
    assert hours[0] == ((HOUR - timedelta(hours=10)).timestamp(), Counts(degraded=2))
    assert sum((counts for _, counts in hours), Counts()) == Counts(passed=100, failed=1, missed=7, degraded=20)
    coarse = dict(history.hour_counts("local", HOUR - timedelta(days=1), whole=HOUR - timedelta(hours=1)))[a_key()]
    assert [at % 10_800 for at, _ in coarse[:2]] == [0, 0]
    assert len(coarse) < len(hours)
    assert sum((counts for _, counts in coarse), Counts()) == sum((counts for _, counts in hours), Counts())


@pytest.mark.parametrize("slot_s", [300, 900, 3600, 7200])
def test_a_strip_shows_the_worst_of_each_slot(history: WatchHistory, tell: TickSink, slot_s: int) -> None:
    verdicts = [Verdict.PASS, Verdict.ERROR, Verdict.PASS, Verdict.FAIL, Verdict.DEGRADED, Verdict.SKIPPED]
    for place, verdict in enumerate(verdicts):  # the slot's own verdict among passes that are milder, or a skip alone
        at = HOUR + timedelta(seconds=place * slot_s)
        told(tell, [a_tick(verdict, at=at)] + ([] if verdict is Verdict.SKIPPED else [a_tick(at=at + timedelta(seconds=60))]))
    found = history.strips([a_key(), a_key("unknown")], 8, slot_s, HOUR + timedelta(seconds=7 * slot_s))
    strip = found[a_key()]
    assert [slot.at for slot in strip] == [HOUR + timedelta(seconds=(place - 1) * slot_s) for place in range(8)]
    assert [slot.worst for slot in strip] == [None, *verdicts, None]
    assert strip[4].counts == Counts(passed=1, failed=1)
    assert [slot.worst for slot in found[a_key("unknown")]] == [None] * 8
    assert [slot.at for slot in found[a_key("unknown")]] == [slot.at for slot in strip]


def test_the_last_slot_is_the_one_that_goes_on(history: WatchHistory, tell: TickSink) -> None:
    told(tell, [a_tick(at=HOUR + timedelta(seconds=301))])
    for second, worst in ((300, None), (300.000001, Verdict.PASS), (302, Verdict.PASS), (600, Verdict.PASS)):
        assert history.strips([a_key()], 2, 300, HOUR + timedelta(seconds=second))[a_key()][-1].worst is worst
    with pytest.raises(ValueError, match="a stretch of 100 s cannot be drawn"):
        history.strips([a_key()], 2, 100, NOW)


def test_a_strip_longer_than_five_minute_rollups_are_kept_has_hours_in_its_older_part(
    history: WatchHistory, tell: TickSink
) -> None:
    days = every(86_400, 6, since=NOW - timedelta(days=6))
    told(tell, [a_tick(Verdict.FAIL, at=at + timedelta(minutes=50)) for at in days])
    history.prune(HOUR - timedelta(days=300))
    strip = history.strips([a_key()], 800, 900, NOW)[a_key()]
    assert sum(slot.counts.failed for slot in strip) == 6
    assert {slot.at.minute for slot in strip if slot.worst} == {0, 45}  # the hour's begin, and the quarter itself


def test_a_chart_holds_durations_and_phases_of_good_ticks(history: WatchHistory, tell: TickSink) -> None:
    ticks = [a_tick(at=at, duration_s=0.1 * (n + 1)) for n, at in enumerate(every(600, 12, since=HOUR))]
    told(tell, [*ticks, a_tick(Verdict.FAIL, at=HOUR + timedelta(seconds=5), duration_s=99.0)])
    fine = history.chart(a_key(), HOUR + timedelta(seconds=700), HOUR + timedelta(seconds=1300), 300)
    assert [(bucket.at, bucket.counts) for bucket in fine] == [
        (HOUR + timedelta(seconds=600), Counts(passed=1)), (HOUR + timedelta(seconds=1200), Counts(passed=1)),
    ]  # fmt: skip
    assert fine[0].durations == {bucket_of(0.2): 1}
    assert fine[0].mean_s == pytest.approx(0.2)
    assert fine[0].phases_s == pytest.approx({"dns": 0.001, "connect": 0.002, "tls": 0.003, "first_byte": 0.004, "body": 0.005})
    (whole,) = history.chart(a_key(), HOUR, HOUR + timedelta(hours=2), 7200)
    assert (whole.counts, whole.mean_s) == (Counts(passed=12, failed=1), pytest.approx(0.65))
    assert whole.quantile_s(0.5) == pytest.approx(0.65, rel=0.34)
    assert [b.counts.asked for b in history.chart(a_key(), HOUR, HOUR + timedelta(hours=2), 3600)] == [7, 6]
    assert history.chart(a_key("unknown"), HOUR, NOW, 3600) == []
    summed = history.durations_between([a_key(), a_key("unknown")], HOUR, NOW)
    assert {key: sum(durations.values()) for key, durations in summed.items()} == {a_key(): 12}


def test_the_newest_ticks_come_first_and_in_pages(history: WatchHistory, tell: TickSink) -> None:
    verdicts = [Verdict.FAIL if n % 3 == 0 else Verdict.DEGRADED for n in range(12)]
    told(tell, [*ticks_every(60, *verdicts), a_tick(key=a_key("another"))])
    first = history.recent(a_key(), 5)
    assert [seen.at for seen in first] == list(reversed(every(60, 12, since=HOUR)))[:5]
    rest = history.recent(a_key(), 50, before=first[-1].at)
    assert [seen.at for seen in rest] == list(reversed(every(60, 7, since=HOUR)))
    assert [seen.verdict for seen in history.recent(a_key(), 50, only_bad=True)] == [Verdict.FAIL] * 4
    assert history.recent(a_key("unknown"), 5) == []


def test_a_tick_comes_back_as_it_was_told(history: WatchHistory, tell: TickSink) -> None:
    tick = a_tick(Verdict.FAIL, at=HOUR, trigger=Trigger.HEARTBEAT, maintenance="w", sentence="late")
    told(tell, [a_run(), tick])
    (seen,) = history.recent(a_key(), 1)
    assert (seen.at, seen.verdict, seen.duration_s, seen.lateness_s) == (HOUR, Verdict.FAIL, 0.05, 0.01)
    assert (seen.trigger, seen.in_maintenance, seen.version, seen.sentence) == (Trigger.HEARTBEAT, True, "1.4.2", "late")
    assert history.outcome(seen.outcome_id or "") == tick.outcome


def test_a_gap_lies_between_two_lives(history: WatchHistory) -> None:
    at = [HOUR + timedelta(minutes=n) for n in range(10)]
    history.alive("first life", at[1])
    history.begin("second life", "local", "0.1.0", at[3])
    history.stopped("second life", at[4])
    history.begin("elsewhere", "paris", "0.1.0", at[5])
    history.begin("third life", "local", "0.1.0", at[6])
    history.alive("third life", at[9])
    assert history.gaps("local", HOUR) == [Gap("local", at[1], at[3], False), Gap("local", at[4], at[6], True)]
    assert history.gaps("local", at[3]) == [Gap("local", at[4], at[6], True)]
    assert history.gaps("paris", HOUR) == []


def test_a_retired_series_is_told_as_such(history: WatchHistory, tell: TickSink) -> None:
    told(tell, [a_tick(at=HOUR), a_tick(key=a_key("stays"), at=HOUR)])
    history.retire([a_key(), a_key("unknown")], NOW)
    assert {state.key.scenario: state.retired_at for state in history.states("local")} == {"checkout": NOW, "stays": None}


def test_a_store_that_is_not_there_is_said(tmp_path: Path) -> None:
    history = WatchHistory(tmp_path / "none.db")
    with pytest.raises(StoreError, match="there is no store"):
        history.states("local")


# Renaming


def test_a_renamed_series_keeps_its_history_while_ticks_go_on(anywhere: str, history: WatchHistory, tell: TickSink) -> None:
    new = a_key("pay", suite="till")
    told(tell, ticks_every(60, Verdict.PASS, Verdict.FAIL))
    assert history.rename(a_key(), new)
    assert history.state(a_key()) is None
    told(tell, ticks_every(60, Verdict.FAIL, since=HOUR + timedelta(minutes=2), key=new))
    state = history.state(new)
    assert state is not None
    assert (state.since_at, state.in_row, state.subject.scenario) == (HOUR + timedelta(minutes=1), 2, "pay")
    assert history.counts_between([new], HOUR, NOW)[new] == Counts(passed=1, failed=2)
    assert len(rows(anywhere, "SELECT id FROM series")) == 1
    assert_rollups_add_up(anywhere)
    assert not history.rename(a_key(), new)


def test_two_series_that_were_one_become_one_again(anywhere: str, history: WatchHistory, tell: TickSink) -> None:
    """The writer has both in its memory when they are merged: what it remembers of their rollups is wrong from then on."""
    new = a_key("pay")
    told(tell, ticks_every(60, *[Verdict.PASS] * 5))
    told(
        tell, [*ticks_every(60, *[Verdict.FAIL] * 7, key=new), Missed(new, HOUR, MissedReason.CLOCK, 3)]
    )  # at the same microseconds
    assert history.rename(a_key(), new)
    told(tell, ticks_every(60, *[Verdict.ERROR] * 2, since=HOUR + timedelta(minutes=8), key=new))
    told(tell, [a_tick(Verdict.DEGRADED, at=HOUR + timedelta(minutes=11), key=new)])
    assert history.counts_between([new], HOUR, NOW)[new] == Counts(passed=5, degraded=1, failed=7, errors=2, missed=3)
    assert tell.figures().lost == 0
    ((series,),) = rows(anywhere, "SELECT id FROM series")
    assert_rollups_add_up(anywhere, [(series, int(HOUR.timestamp()), 3)])
    state = history.state(new)
    assert state is not None
    assert (state.verdict, state.first_seen_at) == (Verdict.DEGRADED, HOUR)


def test_a_stretch_goes_on_over_a_rename_that_came_after_the_first_ticks_under_the_new_name(
    history: WatchHistory, tell: TickSink
) -> None:
    """Since when it is broken, for how many ticks, and when it was well for the last time: all under the older name."""
    new, minute = a_key("pay"), timedelta(minutes=1)
    told(tell, ticks_every(60, Verdict.PASS, Verdict.FAIL, Verdict.FAIL))
    told(tell, ticks_every(60, Verdict.SKIPPED, Verdict.FAIL, Verdict.ERROR, since=HOUR + 3 * minute, key=new))
    assert history.rename(a_key(), new)
    state = history.state(new)
    assert state is not None
    assert (state.since_at, state.in_row, state.last_good_at) == (HOUR + minute, 4, HOUR)
    assert (state.verdict, state.last_at) == (Verdict.ERROR, HOUR + 5 * minute)


def test_a_stretch_that_ended_under_the_new_name_is_not_joined_to_the_one_before(history: WatchHistory, tell: TickSink) -> None:
    new, minute = a_key("pay"), timedelta(minutes=1)
    told(tell, ticks_every(60, Verdict.FAIL, Verdict.FAIL))
    told(tell, ticks_every(60, Verdict.PASS, Verdict.FAIL, since=HOUR + 2 * minute, key=new))
    assert history.rename(a_key(), new)
    state = history.state(new)
    assert state is not None
    assert (state.since_at, state.in_row, state.last_good_at) == (HOUR + 3 * minute, 1, HOUR + 2 * minute)


def test_a_series_of_which_only_skipped_ticks_are_told_under_the_new_name_stands_as_before(
    history: WatchHistory, tell: TickSink
) -> None:
    new = a_key("pay")
    told(tell, ticks_every(60, Verdict.FAIL, Verdict.FAIL))
    told(tell, ticks_every(60, Verdict.SKIPPED, since=HOUR + timedelta(minutes=2), key=new))
    assert history.rename(a_key(), new)
    state = history.state(new)
    assert state is not None
    assert (state.good, state.since_at, state.in_row) == (False, HOUR, 2)


def test_a_late_tick_under_the_old_name_is_found_by_renaming_again(anywhere: str, history: WatchHistory, tell: TickSink) -> None:
    new = a_key("pay")
    told(tell, ticks_every(60, Verdict.PASS))
    history.rename(a_key(), new)
    told(tell, ticks_every(60, Verdict.PASS, since=HOUR + timedelta(minutes=1)))  # it was running when the suite changed
    assert history.rename(a_key(), new)
    assert history.counts_between([new], HOUR, NOW)[new] == Counts(passed=2)
    assert len(rows(anywhere, "SELECT id FROM series")) == 1


def test_a_late_tick_of_a_series_that_was_merged_overwrites_nothing(anywhere: str, history: WatchHistory, tell: TickSink) -> None:
    """The writer still knows the old name, and what it knows of its rollups lacks what was merged into them."""
    new = a_key("pay")
    told(tell, [*ticks_every(60, *[Verdict.PASS] * 3), *ticks_every(50, *[Verdict.FAIL] * 4, key=new)])
    history.rename(a_key(), new)
    told(tell, ticks_every(60, Verdict.PASS, since=HOUR + timedelta(minutes=4)))
    history.rename(a_key(), new)
    assert history.counts_between([new], HOUR, NOW)[new] == Counts(passed=4, failed=4)
    assert_rollups_add_up(anywhere)


def test_what_is_known_of_a_job_goes_along(anywhere: str, history: WatchHistory, tell: TickSink) -> None:
    new = a_key("pay")
    told(tell, ticks_every(60, Verdict.PASS))
    database = Database(anywhere)
    for key in (a_key(), a_key("other")):
        with database.writing() as connection:
            connection.execute(insert(HeartbeatRow).values(slug=key.slug, watched_since=HOUR, failed=False, note=key.scenario))
    database.close()
    history.rename(a_key(), new)
    found = rows(anywhere, "SELECT slug, note FROM heartbeats ORDER BY note")
    assert found == [(new.slug, "checkout"), (a_key("other").slug, "other")]


# Forgetting


def test_what_is_old_is_forgotten_and_what_is_not_stays(anywhere: str, history: WatchHistory, tell: TickSink) -> None:
    old, young = a_run(at=HOUR - timedelta(days=3)), a_run(at=HOUR)
    long_ago = HOUR - timedelta(days=2)
    told(tell, [old, *ticks_every(60, *[Verdict.FAIL] * 10, since=long_ago, run_id=old.run.id)])
    told(tell, [young, *ticks_every(60, *[Verdict.ERROR] * 10, run_id=young.run.id)])
    before = HOUR - timedelta(days=1)
    done = history.prune(before, before, before)
    assert (done.ticks, done.rollups, done.runs, done.series, done.more) == (10, 2, 1, 0, False)
    assert done.outcomes > 1
    assert rows(anywhere, "SELECT id FROM runs") == [(young.run.id,)]
    assert rows(anywhere, "SELECT count(*) FROM outcomes WHERE run_id = ?", young.run.id) != [(0,)]
    assert rows(anywhere, "SELECT count(*) FROM checks c LEFT JOIN outcomes o ON o.id = c.outcome_id WHERE o.id IS NULL") == [
        (0,)
    ]
    assert history.counts_between([a_key()], HOUR, NOW)[a_key()] == Counts(errors=10)
    assert history.counts_between([a_key()], long_ago - timedelta(hours=1), long_ago + timedelta(hours=2))[a_key()].failed == 10
    assert history.prune(before, before, before).ticks == 0


def test_forgetting_stops_at_its_limit(anywhere: str, history: WatchHistory, tell: TickSink) -> None:
    told(tell, ticks_every(1, *[Verdict.PASS] * 50))
    assert (history.prune(NOW, limit=30).ticks, len(rows(anywhere, "SELECT 1 FROM ticks"))) == (30, 20)
    assert history.prune(NOW, limit=10).more
    assert [seen.at for seen in history.recent(a_key(), 50)] == list(reversed(every(1, 50, since=HOUR)[40:]))


def test_a_retired_series_is_forgotten_when_nothing_of_it_is_left(anywhere: str, history: WatchHistory, tell: TickSink) -> None:
    told(tell, [a_tick(at=HOUR), a_tick(key=a_key("stays"), at=HOUR)])
    history.retire([a_key()], HOUR)
    done = history.prune(NOW, NOW, NOW, rollups_before=NOW)
    assert (done.series, [state.key.scenario for state in history.states("local")]) == (1, ["stays"])
    told(tell, [a_tick(at=NOW)])  # it is back: what the writer remembers is no longer there
    assert history.counts_between([a_key()], NOW, NOW + timedelta(1))[a_key()] == Counts(passed=1)
    assert tell.figures().lost == 0
    assert_rollups_add_up(anywhere)


def test_a_run_that_goes_on_is_not_forgotten(anywhere: str, history: WatchHistory, tell: TickSink) -> None:
    run = a_run(at=NOW - timedelta(hours=20))
    told(tell, [run])
    history.prune(NOW, NOW, NOW)
    assert rows(anywhere, "SELECT id FROM runs") == [(run.run.id,)]


def test_times_before_the_first_tick_of_a_test_are_real(history: WatchHistory) -> None:
    assert history.counts_between([a_key()], AT - timedelta(days=5000), AT) == {a_key(): Counts()}
