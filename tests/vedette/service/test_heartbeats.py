"""The desk of heartbeats: reports and silence become ticks, over restarts, gaps, clock changes, and what jobs send twice."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from probes.outcome import Verdict
from reports.store.watch.answers import Gap
from scenarios.events import RunInfo, RunStarted
from scenarios.heartbeat_times import Standing
from scenarios.schedule_spec import ScheduleSpec
from scenarios.watch.events import Trigger
from tests.vedette.service.desks import NAME, START, Hands, Told, job, opened, series_of, watch_for
from vedette.service import heartbeats
from vedette.service.heartbeats import Heartbeats, NoSuchHeartbeat, NotKept, TooManyReports

pytestmark = pytest.mark.anyio
MINUTE, HOUR, SECOND = timedelta(minutes=1), timedelta(hours=1), timedelta(seconds=1)
SLUG = series_of(job())[0].key.slug


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def desk(tmp_path: Path, told: Told, hands: Hands) -> Any:
    made = opened(tmp_path, told, hands)
    yield made
    await made.close()


# Reports


async def test_a_success_in_time_passes_and_names_its_control(desk: Heartbeats, told: Told, hands: Hands) -> None:
    watch_for(desk, hands, 40 * MINUTE)
    await desk.report(SLUG, "success", note="4 GB written")
    tick = told.ticks[0]
    assert (told.verdicts, tick.trigger, tick.planned_at) == (["pass"], Trigger.HEARTBEAT, hands.now)
    assert [c.name for c in told.last.controls] == ["silence would be noticed"]
    assert told.last.checks[1].evidence[0].data == {"text": "4 GB written"}


async def test_a_pass_is_not_proven_where_nobody_looks_for_silence(desk: Heartbeats, told: Told, hands: Hands) -> None:
    hands.pass_(11 * SECOND)  # no sweep in all this time
    await desk.report(SLUG, "success")
    assert told.last.verdict is Verdict.INCONCLUSIVE
    assert "does not look for silence any more" in told.last.sentence


@pytest.mark.parametrize(
    ("what", "code", "verdict", "sentence"),
    [
        ("fail", None, "fail", f"the job '{NAME}' failed and said so itself"),
        ("exit", 3, "fail", f"the job '{NAME}' failed with exit code 3"),
        ("exit", 0, "pass", ""),
    ],
)
async def test_a_failure_is_told_with_its_exit_code(
    desk: Heartbeats, told: Told, what: str, code: int | None, verdict: str, sentence: str
) -> None:
    await desk.report(SLUG, what, exit_code=code)
    assert told.verdicts == [verdict]
    assert told.last.sentence.startswith(sentence)
    assert ("exit_code", code) in [(m.name, m.value) for m in told.last.measurements] or code is None


async def test_an_exit_code_that_the_suite_calls_success_is_one(tmp_path: Path, told: Told, hands: Hands) -> None:
    desk = opened(tmp_path, told, hands, series_of(job(success_codes=(0, 24))))
    await desk.report(SLUG, "exit", exit_code=24)
    await desk.report(SLUG, "exit", exit_code=1)
    assert told.verdicts == ["pass", "fail"]
    await desk.close()


async def test_the_time_from_start_to_end_is_measured_and_what_the_job_says_itself_counts_more(
    desk: Heartbeats, told: Told, hands: Hands
) -> None:
    await desk.report(SLUG, "start", id="a")
    watch_for(desk, hands, 90 * SECOND)
    await desk.report(SLUG, "success", id="a")
    assert told.last.duration_s == 90.0
    await desk.report(SLUG, "start", id="b")
    watch_for(desk, hands, 10 * SECOND)
    await desk.report(SLUG, "exit", exit_code=0, duration_s=9.5, id="b")
    assert told.last.duration_s == 9.5
    assert len(told.ticks) == 2  # a start alone is no answer


async def test_a_late_success_is_degraded_and_says_by_how_much(desk: Heartbeats, told: Told, hands: Hands) -> None:
    watch_for(desk, hands, 70 * MINUTE)
    await desk.report(SLUG, "success")
    assert told.verdicts == ["fail", "degraded"]
    assert told.last.sentence == f"the job '{NAME}' reported 10 min after it was due"


async def test_a_report_that_is_sent_twice_counts_once(desk: Heartbeats, told: Told, hands: Hands) -> None:
    for _ in range(3):
        await desk.report(SLUG, "success", id="run-1")
    await desk.report(SLUG, "success", id="run-2")
    await desk.report(SLUG, "success", id="run-1")  # sent again by a job that was slow to give up
    assert len(told.ticks) == 2


async def test_a_start_that_comes_after_its_own_end_opens_nothing(tmp_path: Path, told: Told, hands: Hands) -> None:
    desk = opened(tmp_path, told, hands, series_of(job(longest="10m")))
    await desk.report(SLUG, "success", id="run-1")
    await desk.report(SLUG, "start", id="run-1")
    watch_for(desk, hands, 30 * MINUTE)
    assert told.verdicts == ["pass"]
    await desk.close()


async def test_two_reports_at_the_same_instant_are_two_ticks(desk: Heartbeats, told: Told) -> None:
    await desk.report(SLUG, "success")
    await desk.report(SLUG, "success")
    assert len({tick.outcome.started_at for tick in told.ticks}) == 2


async def test_a_job_that_reports_too_often_is_held_back_and_only_that_job(tmp_path: Path, told: Told, hands: Hands) -> None:
    series = series_of(job(), job("billing"))
    desk = opened(tmp_path, told, hands, series)
    for _ in range(heartbeats.BURST):
        await desk.report(SLUG, "start")
    with pytest.raises(TooManyReports):
        await desk.report(SLUG, "start")
    await desk.report(series[1].key.slug, "success")
    hands.pass_(SECOND)
    await desk.report(SLUG, "success")
    await desk.close()


async def test_what_a_job_sends_is_redacted_before_it_is_written_anywhere(
    tmp_path: Path, told: Told, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    from probes.fields import Secret

    series = series_of(job(), headers={"X-Key": Secret("s3cr3t-of-the-target", "${SHOP_KEY}")})
    desk = opened(tmp_path, told, hands, series)
    await desk.report(SLUG, "success", note="s3cr3t-of-the-target jane.doe@example.com password=hunter22 \x00 done")
    desk.sweep()
    await desk.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    for planted in (b"s3cr3t-of-the-target", b"jane.doe", b"hunter22"):
        assert planted not in kept
        assert planted.decode() not in str(told.last)
    assert b"[shop_key]" in kept


# Silence


async def test_silence_fails_once_the_grace_is_over_and_again_for_each_interval(
    desk: Heartbeats, told: Told, hands: Hands
) -> None:
    await desk.report(SLUG, "success")
    watch_for(desk, hands, 65 * MINUTE - 5 * SECOND)
    assert told.verdicts == ["pass"]
    watch_for(desk, hands, 10 * SECOND)
    assert told.verdicts == ["pass", "fail"]
    assert told.last.sentence == f"the job '{NAME}' was due by 13:00 UTC and has not reported; last success 1 h 5 min ago"
    assert told.last.started_at == START + 65 * MINUTE
    watch_for(desk, hands, 3 * HOUR)
    assert told.verdicts == ["pass", "fail", "fail", "fail", "fail"]


async def test_a_desk_that_never_looks_tells_no_silence_which_is_what_its_control_is_for(
    desk: Heartbeats, told: Told, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Break the desk: it looks and notices nothing. Reports then prove nothing, for it does not count as looking."""
    monkeypatch.setattr(Heartbeats, "sweep", lambda self: None)
    watch_for(desk, hands, 3 * HOUR)
    assert told.ticks == []
    await desk.report(SLUG, "success")
    assert told.verdicts == ["inconclusive"]


async def test_a_job_by_calendar_is_late_in_its_own_time_zone(tmp_path: Path, told: Told, hands: Hands) -> None:
    schedule = ScheduleSpec(cron="0 15 * * *", timezone="Europe/Berlin")  # 13:00 UTC
    desk = opened(tmp_path, told, hands, series_of(job(schedule=schedule)))
    watch_for(desk, hands, 65 * MINUTE)
    assert told.last.sentence == (
        f"the job '{NAME}' was due by 15:00 Europe/Berlin and has not reported; it was never heard of to succeed since 12:00 UTC"
    )
    await desk.close()


async def test_a_run_that_does_not_end_fails_and_then_counts_as_silence(tmp_path: Path, told: Told, hands: Hands) -> None:
    desk = opened(tmp_path, told, hands, series_of(job(longest="2h")))
    watch_for(desk, hands, 50 * MINUTE)
    await desk.report(SLUG, "start")
    watch_for(desk, hands, HOUR)
    assert told.verdicts == []  # it was due at 13:00, and is at work since 12:50
    watch_for(desk, hands, HOUR)
    assert told.last.sentence == f"the job '{NAME}' started at 12:50 UTC and has not ended within 2 h"
    watch_for(desk, hands, HOUR)
    assert told.verdicts == ["fail", "fail"]
    await desk.close()


async def test_a_job_that_starts_again_and_again_does_not_look_alive(tmp_path: Path, told: Told, hands: Hands) -> None:
    desk = opened(tmp_path, told, hands, series_of(job(longest="30m")))
    for _ in range(7):
        await desk.report(SLUG, "start")
        watch_for(desk, hands, 5 * MINUTE)
    assert told.verdicts == ["fail"]
    await desk.close()


# Restarts


def known_of(desk: Heartbeats) -> Standing:
    found = desk.standing(SLUG)
    assert found is not None
    return found[0]


async def restarted(tmp_path: Path, told: Told, hands: Hands, desk: Heartbeats, down: timedelta, **options: Any) -> Heartbeats:
    """Stop a desk, let time pass, and return the next one, which is told when none was there."""
    await desk.close()
    before = hands.now
    hands.pass_(down)
    seen = {tick.key: tick.outcome.started_at for tick in told.ticks}
    return opened(tmp_path, told, hands, gaps=[Gap("local", before, hands.now, graceful=True)], last_seen=seen, **options)


async def test_a_restart_does_not_give_a_silent_job_more_time(tmp_path: Path, told: Told, hands: Hands, desk: Heartbeats) -> None:
    await desk.report(SLUG, "success")
    for _ in range(6):  # one each ten minutes, none of them long
        watch_for(desk, hands, 10 * MINUTE)
        desk = await restarted(tmp_path, told, hands, desk, 10 * SECOND)
    watch_for(desk, hands, 5 * MINUTE)
    assert told.verdicts == ["pass", "fail"]
    assert told.last.started_at == START + 65 * MINUTE
    await desk.close()


async def test_silence_during_which_the_service_was_down_proves_nothing(
    tmp_path: Path, told: Told, hands: Hands, desk: Heartbeats
) -> None:
    await desk.report(SLUG, "success")
    watch_for(desk, hands, 58 * MINUTE)
    desk = await restarted(tmp_path, told, hands, desk, 20 * MINUTE)
    desk.sweep()
    assert told.verdicts == ["pass", "inconclusive"]
    assert told.last.sentence == (
        f"the service was down from 12:58:00 to 13:18:00 UTC, a report of '{NAME}' then would have been lost"
    )
    watch_for(desk, hands, 50 * MINUTE)  # the next one is judged again
    assert told.verdicts == ["pass", "inconclusive", "fail"]
    await desk.close()


async def test_a_long_pause_is_told_once_not_once_for_each_interval_of_it(
    tmp_path: Path, told: Told, hands: Hands, desk: Heartbeats
) -> None:
    await desk.report(SLUG, "success")
    desk = await restarted(tmp_path, told, hands, desk, timedelta(days=30))
    watch_for(desk, hands, MINUTE)
    assert told.verdicts == ["pass", "inconclusive"]
    await desk.close()


@pytest.mark.parametrize("how", ["the store says so", "only the spool had it"])
async def test_silence_that_was_told_before_a_kill_is_not_told_again(tmp_path: Path, told: Told, hands: Hands, how: str) -> None:
    """Regression: heartbeats of Gatus are wrong after a restart (its issue 1237)."""
    series = series_of(job())
    desk = opened(tmp_path, told, hands, series)
    before = desk._keeping._ledger.load() or {SLUG: desk._register.beats[SLUG].standing}
    watch_for(desk, hands, 66 * MINUTE)
    assert told.verdicts == ["fail"]
    at = told.last.started_at
    if how == "only the spool had it":
        desk.stored(series[0].key, at)
    await desk.close()
    desk._keeping._ledger.save(before)  # killed: what the store knows of the standing is from before
    again = Told()
    seen = {series[0].key: at} if how == "the store says so" else {}
    next_one = opened(tmp_path, again, hands, series, last_seen=seen)
    watch_for(next_one, hands, 10 * MINUTE)
    assert again.verdicts == []
    watch_for(next_one, hands, 50 * MINUTE)
    assert again.verdicts == ["fail"]
    await next_one.close()


async def test_a_report_whose_tick_was_in_the_spool_at_a_kill_is_not_told_twice(tmp_path: Path, told: Told, hands: Hands) -> None:
    series = series_of(job())
    desk = opened(tmp_path, told, hands, series)
    await desk.report(SLUG, "success")
    desk.stored(series[0].key, told.last.started_at)
    after = Told()
    next_one = opened(tmp_path, after, hands, series)
    next_one.sweep()
    assert after.ticks == []
    assert (known_of(next_one).reported_at, known_of(next_one).failed) == (told.last.started_at, False)
    await next_one.close()


async def test_an_acknowledged_report_whose_tick_was_lost_in_a_kill_is_told_after_the_restart(
    tmp_path: Path, told: Told, hands: Hands
) -> None:
    series = series_of(job())
    desk = opened(tmp_path, told, hands, series)
    await desk.report(SLUG, "start", id="a")
    hands.pass_(5 * SECOND)
    await desk.report(SLUG, "success", id="a", note="first")
    hands.pass_(5 * SECOND)
    await desk.report(SLUG, "exit", exit_code=2, note="second")
    # Killed here: neither standing nor ticks were stored; the next life reads the same folder.
    after = Told()
    stored = {series[0].key: told.ticks[0].outcome.started_at}
    next_one = opened(tmp_path, after, hands, series, last_seen=stored)
    next_one.sweep()
    assert (after.verdicts, after.last.started_at) == (["fail"], told.last.started_at)  # the first was stored
    assert (known_of(next_one).exit_code, known_of(next_one).succeeded_at) == (2, told.ticks[0].outcome.started_at)
    await next_one.close()
    await desk._keeping.journal.close()


async def test_a_report_is_kept_while_the_store_is_locked_and_stored_afterwards(
    tmp_path: Path, told: Told, hands: Hands, desk: Heartbeats, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3

    monkeypatch.setattr("reports.store.database.LOCKED_WAIT_S", 0.05)
    blocker = sqlite3.connect(tmp_path / "results.db", isolation_level=None)
    blocker.execute("BEGIN EXCLUSIVE")
    await desk.report(SLUG, "success")
    assert told.verdicts == ["pass"]
    blocker.execute("ROLLBACK")
    blocker.close()
    await desk.close()
    from reports.store.ledger.heartbeats import HeartbeatLedger

    assert HeartbeatLedger(tmp_path / "results.db").load()[SLUG].reported_at == START


# A disk that takes nothing


async def test_a_report_that_cannot_be_kept_is_refused_and_silence_then_proves_nothing(
    desk: Heartbeats, told: Told, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    watch_for(desk, hands, 58 * MINUTE)
    with monkeypatch.context() as broken:
        broken.setattr("vedette.service.heartbeat_journal.os.pwrite", full)
        with pytest.raises(NotKept, match="No space left"):
            await desk.report(SLUG, "success")
    assert told.ticks == []
    watch_for(desk, hands, 10 * MINUTE)
    assert told.verdicts == ["inconclusive"]
    assert "the service could not keep reports from 12:58:00" in told.last.sentence
    await desk.report(SLUG, "success")
    assert told.verdicts[1:] == ["pass"]


# Clocks


async def test_a_clock_that_jumps_ahead_an_hour_accuses_nobody(desk: Heartbeats, told: Told, hands: Hands) -> None:
    await desk.report(SLUG, "success")
    watch_for(desk, hands, 30 * MINUTE)
    hands.jump(HOUR)
    watch_for(desk, hands, 34 * MINUTE)
    assert told.verdicts == ["pass"]
    watch_for(desk, hands, 2 * MINUTE)  # 66 minutes have passed now, unless the machine slept, which looks the same
    assert told.verdicts == ["pass", "inconclusive"]
    watch_for(desk, hands, HOUR)
    assert told.verdicts == ["pass", "inconclusive", "fail"]


async def test_a_clock_that_jumps_back_an_hour_hides_nobody(desk: Heartbeats, told: Told, hands: Hands) -> None:
    await desk.report(SLUG, "success")
    watch_for(desk, hands, 30 * MINUTE)
    hands.jump(-HOUR)
    watch_for(desk, hands, 34 * MINUTE)
    assert told.verdicts == ["pass"]
    watch_for(desk, hands, 2 * MINUTE)
    assert told.verdicts == ["pass", "fail"]


async def test_what_the_calendar_had_in_an_hour_that_was_jumped_over_proves_nothing(
    tmp_path: Path, told: Told, hands: Hands
) -> None:
    desk = opened(tmp_path, told, hands, series_of(job(schedule=ScheduleSpec(cron="30 12 * * *"))))
    watch_for(desk, hands, 10 * MINUTE)
    hands.jump(HOUR)
    watch_for(desk, hands, MINUTE)
    assert told.verdicts == ["inconclusive"]
    assert "the clock was set forward" in told.last.sentence
    await desk.close()


async def test_a_service_that_stood_still_does_not_accuse(desk: Heartbeats, told: Told, hands: Hands) -> None:
    await desk.report(SLUG, "success")
    watch_for(desk, hands, 58 * MINUTE)
    hands.pass_(20 * MINUTE)
    desk.sweep()
    assert told.verdicts == ["pass", "inconclusive"]
    assert "the service stood still" in told.last.sentence


# Suites that are read again


async def test_a_job_that_is_renamed_keeps_its_history_and_its_old_address(
    tmp_path: Path, told: Told, hands: Hands, desk: Heartbeats
) -> None:
    await desk.report(SLUG, "success")
    old_path = desk.path(SLUG)
    watch_for(desk, hands, 50 * MINUTE)
    renamed = series_of(job("backup of the shop", formerly=(NAME,)))
    desk.watch(renamed)
    _, _, slug, secret = old_path.split("/")
    desk.knows(slug, secret)
    watch_for(desk, hands, 16 * MINUTE)
    assert told.verdicts == ["pass", "fail"]  # the hour goes on from the last report
    await desk.report(slug, "success")
    assert told.last.subject.scenario == "backup of the shop"
    assert desk.path(slug) == desk.path(renamed[0].key.slug) != old_path


async def test_a_job_that_is_watched_no_longer_is_forgotten_and_begins_anew(desk: Heartbeats, told: Told, hands: Hands) -> None:
    desk.watch([])
    watch_for(desk, hands, 3 * HOUR)
    with pytest.raises(NoSuchHeartbeat):
        await desk.report(SLUG, "success")
    desk.watch(series_of(job()))
    watch_for(desk, hands, 50 * MINUTE)
    assert told.ticks == []


# Runs


async def test_ticks_belong_to_the_run_that_the_watcher_opened(desk: Heartbeats, told: Told) -> None:
    run = RunInfo("run-1", "tiny", "tiny.yaml", "staging", "test", "http://127.0.0.1:9", START, "1", kind="watch")
    desk.take_watched(RunStarted(run, ()))
    await desk.report(SLUG, "success")
    assert (told.last.run_id, told.runs) == ("run-1", [])


async def test_where_nobody_opened_a_run_one_is_opened_and_renewed_at_midnight(
    desk: Heartbeats, told: Told, hands: Hands
) -> None:
    await desk.report(SLUG, "success")
    hands.pass_(MINUTE)
    await desk.report(SLUG, "success")
    assert [run.run.id for run in told.runs] == [told.last.run_id]
    hands.pass_(13 * HOUR)
    await desk.report(SLUG, "success")
    assert [run.run.kind for run in told.runs] == ["watch", "watch"]
    assert told.runs[1].run.id == told.last.run_id


async def test_ticks_carry_the_version_and_the_maintenance_window(tmp_path: Path, told: Told, hands: Hands) -> None:
    desk = opened(tmp_path, told, hands, version_of=lambda suite, target: "1.4.2", maintenance_of=lambda watched, at: "window-1")
    await desk.report(SLUG, "success")
    assert (told.ticks[0].version, told.ticks[0].maintenance) == ("1.4.2", "window-1")
    await desk.close()


# Many


@pytest.fixture
def ten_thousand(tmp_path: Path, told: Told, hands: Hands) -> Heartbeats:
    return opened(tmp_path, told, hands, series_of(*[job(f"job {number}") for number in range(10_000)]))


def _fastest_s(call: Callable[[], object]) -> float:
    def once() -> float:
        began = time.perf_counter()
        call()
        return time.perf_counter() - began

    return min(once() for _ in range(5))


async def test_looking_for_silence_costs_next_to_nothing_with_ten_thousand_jobs(
    ten_thousand: Heartbeats, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ten_thousand._keeping, "begin", lambda *_: None)

    def look() -> None:
        hands.pass_(SECOND)
        ten_thousand.sweep()

    assert _fastest_s(look) < 0.001  # a walk over all of them takes several times as long


async def test_a_thousand_silences_at_once_are_told_in_portions(
    ten_thousand: Heartbeats, told: Told, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ten_thousand._keeping, "begin", lambda *_: None)
    hands.pass_(66 * MINUTE)
    ten_thousand.sweep()
    assert len(told.ticks) == heartbeats.AT_ONCE
    hands.pass_(SECOND)
    ten_thousand.sweep()
    assert len({tick.key for tick in told.ticks}) == 2 * heartbeats.AT_ONCE


async def test_what_is_remembered_of_deadlines_does_not_grow_with_the_reports(desk: Heartbeats, hands: Hands) -> None:
    for _ in range(500):
        hands.pass_(SECOND)
        await desk.report(SLUG, "success")
    assert len(desk._register._heap) < 200
