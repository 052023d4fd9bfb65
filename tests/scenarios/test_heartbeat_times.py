"""When a job that reports by itself is late: by interval, by calendar, over clock changes, gaps and clocks that are set."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.heartbeat_times import Deadline, Deaf, Lack, Standing, Terms, deadline, doubt, late_by, shifted
from scenarios.loader import load_suite
from scenarios.mistakes import SuiteError
from scenarios.schedule_spec import ScheduleSpec

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2025-{text}").replace(tzinfo=UTC)


def hourly(grace: timedelta = 5 * MINUTE, longest: timedelta | None = None) -> Terms:
    return Terms(ScheduleSpec(every=3600.0), grace, longest)


def nightly(zone: str = "UTC", cron: str = "30 2 * * *", grace: timedelta = 30 * MINUTE) -> Terms:
    return Terms(ScheduleSpec(cron=cron, timezone=zone), grace)


NEW = Standing(watched_since=at("06-01 12:00"))
REPORTED = replace(NEW, reported_at=at("06-01 13:10"))


def test_a_job_that_never_reported_is_due_one_interval_after_it_was_first_watched() -> None:
    assert deadline(hourly(), NEW) == Deadline(at("06-01 13:00"), at("06-01 13:05"), Lack.REPORT)


def test_the_next_report_is_due_one_interval_after_the_last() -> None:
    assert deadline(hourly(), REPORTED).due == at("06-01 14:10")


def test_silence_is_told_again_for_each_interval_and_never_twice_for_one() -> None:
    told = replace(REPORTED, told_for=at("06-01 14:10"))
    assert deadline(hourly(), told).due == at("06-01 15:10")
    assert deadline(hourly(), replace(told, told_for=at("06-01 18:30"))).due == at("06-01 19:10")


def test_a_report_after_silence_begins_the_count_anew() -> None:
    back = replace(REPORTED, told_for=at("06-01 14:10"), reported_at=at("06-01 14:40"))
    assert deadline(hourly(), back).due == at("06-01 15:40")


@pytest.mark.parametrize(
    ("reported", "due"),
    [
        ("06-02 02:31", "06-03 02:30"),
        ("06-02 02:29:30", "06-03 02:30"),  # the job's clock is half a minute ahead of ours
        ("06-02 02:28", "06-02 02:30"),  # somebody ran it by hand; the nightly run is still due
        ("06-02 09:00", "06-03 02:30"),
    ],
    ids=["in time", "a little early", "too early to be meant", "late"],
)
def test_a_report_counts_for_what_the_calendar_has_around_it(reported: str, due: str) -> None:
    assert deadline(nightly(), replace(NEW, reported_at=at(reported))).due == at(due)


def test_a_report_every_minute_is_never_taken_for_an_early_one_of_the_next_minute_but_one() -> None:
    every_minute = nightly(cron="* * * * *", grace=MINUTE)
    assert deadline(every_minute, replace(NEW, reported_at=at("06-02 02:30:10"))).due == at("06-02 02:31")
    assert deadline(every_minute, replace(NEW, reported_at=at("06-02 02:30:45"))).due == at("06-02 02:32")


def test_a_night_job_is_due_once_on_both_days_on_which_clocks_change() -> None:
    berlin = nightly("Europe/Berlin")
    spring = replace(NEW, reported_at=at("03-29 01:31"))
    assert deadline(berlin, spring).due == at("03-30 01:00")  # 02:30 is not there, so it is due at 03:00 local time
    autumn = replace(NEW, reported_at=at("10-25 00:31"))
    first = deadline(berlin, autumn).due
    assert first == at("10-26 00:30")  # 02:30 in summer time, the first of the two
    assert deadline(berlin, replace(autumn, reported_at=at("10-26 00:31"))).due == at("10-27 01:30")
    assert deadline(berlin, replace(autumn, told_for=first)).due == at("10-27 01:30")


def test_an_interval_is_time_that_passes_whatever_the_calendar_does() -> None:
    daily = Terms(ScheduleSpec(every=86_400.0), HOUR)
    assert deadline(daily, replace(NEW, reported_at=at("03-29 12:00"))).due == at("03-30 12:00")


@given(
    reported_s=st.integers(0, 10**6),
    told_s=st.integers(0, 10**7),
    every_s=st.integers(1, 10**5),
    grace_s=st.integers(1, 10**5),
)
def test_the_next_due_time_is_the_first_after_all_that_was_told(reported_s: int, told_s: int, every_s: int, grace_s: int) -> None:
    terms = Terms(ScheduleSpec(every=float(every_s)), timedelta(seconds=grace_s))
    reported = NEW.watched_since + timedelta(seconds=reported_s)
    told = NEW.watched_since + timedelta(seconds=told_s)
    found = deadline(terms, replace(NEW, reported_at=reported, told_for=told))
    every = timedelta(seconds=every_s)
    assert found.due > told or found.due == reported + every
    assert (found.due - reported) % every == timedelta()
    assert found.due - every <= max(told, reported)


# Runs that are open


def test_an_open_run_is_waited_for_as_long_as_it_may_take() -> None:
    terms, running = hourly(longest=3 * HOUR), replace(REPORTED, started_at=at("06-01 14:10"), open_since=at("06-01 14:10"))
    assert deadline(terms, running) == Deadline(at("06-01 17:10"), at("06-01 17:10"), Lack.END)
    told = replace(running, told_for=at("06-01 17:10"))
    assert deadline(terms, told) == Deadline(at("06-01 18:10"), at("06-01 18:15"), Lack.REPORT)


def test_a_start_alone_does_not_hold_off_the_silence() -> None:
    running = replace(REPORTED, started_at=at("06-01 14:10"), open_since=at("06-01 14:10"))
    assert deadline(hourly(), running).at == at("06-01 14:15")


# Late reports


@pytest.mark.parametrize(
    ("reported", "late"),
    [("06-01 13:30", None), ("06-01 14:15", None), ("06-01 14:16", 6 * MINUTE), ("06-01 20:10", 6 * HOUR)],
    ids=["early", "within its grace", "just late", "hours late"],
)
def test_a_report_is_late_once_its_grace_is_over(reported: str, late: timedelta | None) -> None:
    assert late_by(hourly(), REPORTED, at(reported)) == late
    assert late_by(hourly(), replace(REPORTED, told_for=at("06-01 19:10")), at(reported)) == late


def test_a_long_run_that_began_in_time_is_not_late() -> None:
    running = replace(REPORTED, open_since=at("06-01 14:12"))
    assert late_by(hourly(longest=3 * HOUR), running, at("06-01 17:00")) is None
    assert late_by(hourly(longest=3 * HOUR), running, at("06-01 17:13")) == timedelta(hours=3, minutes=3)
    assert late_by(hourly(longest=3 * HOUR), replace(running, open_since=at("06-01 14:16")), at("06-01 15:00")) == 50 * MINUTE


# Times in which nothing could be heard


def gap(begin: str, end: str) -> Deaf:
    return Deaf(at(begin), at(end), "the service was down")


@pytest.mark.parametrize(
    ("deaf", "doubted"),
    [
        ([], False),
        ([gap("06-01 14:12", "06-01 14:12:20")], False),
        ([gap("06-01 14:12", "06-01 14:12:40")], True),
        ([gap("06-01 13:30", "06-01 13:34")], False),
        ([gap("06-01 13:30", "06-01 13:36")], True),
        ([gap("06-01 09:00", "06-01 13:00")], False),
        ([gap("06-01 14:15", "06-01 16:00")], False),
        ([gap("06-01 09:00", "06-01 20:00")], True),
    ],
    ids=[
        "none", "retries bridge it", "longer than retries bridge, when it was due", "shorter than the grace, before",
        "longer than the grace, before", "before the last report", "after all was over", "all the time",
    ],
)  # fmt: skip
def test_silence_proves_nothing_where_a_report_may_have_been_lost(deaf: list[Deaf], doubted: bool) -> None:
    missed = deadline(hourly(), REPORTED)
    assert (doubt(hourly(), REPORTED, missed, deaf) is not None) is doubted


def test_a_gap_before_what_was_told_last_excuses_nothing_after_it() -> None:
    told = replace(REPORTED, told_for=at("06-01 14:10"))
    deaf = [gap("06-01 14:00", "06-01 14:09")]
    assert doubt(hourly(), told, deadline(hourly(), told), deaf) is None


def test_the_end_of_a_run_may_be_lost_at_any_time_of_it() -> None:
    running = replace(REPORTED, open_since=at("06-01 14:10"))
    terms = hourly(longest=3 * HOUR)
    missed = deadline(terms, running)
    assert doubt(terms, running, missed, [gap("06-01 15:00", "06-01 15:01")]) is not None
    assert doubt(terms, running, missed, [gap("06-01 13:00", "06-01 14:00")]) is None


# Clocks that are set


@pytest.mark.parametrize("by", [HOUR, -HOUR], ids=["forward", "back"])
def test_an_interval_goes_on_from_where_it_was_when_the_clock_is_set(by: timedelta) -> None:
    assert deadline(hourly(), shifted(REPORTED, by, every=True)).at == deadline(hourly(), REPORTED).at + by


@pytest.mark.parametrize("by", [HOUR, -HOUR], ids=["forward", "back"])
def test_the_calendar_stays_where_it_is_when_the_clock_is_set(by: timedelta) -> None:
    known = replace(NEW, reported_at=at("06-02 02:31"), told_for=at("06-01 02:30"))
    assert deadline(nightly(), shifted(known, by, every=False)) == deadline(nightly(), known)


@pytest.mark.parametrize("where", ["scenario", "defaults", "nowhere"])
def test_a_job_that_does_not_say_when_it_is_due_is_refused_at_its_line(tmp_path: Path, where: str) -> None:
    schedule = "schedule: {every: 1d}"
    defaults = f"defaults: {{{schedule}}}\n" if where == "defaults" else ""
    own = f"\n    {schedule}" if where == "scenario" else ""
    path = tmp_path / "shop.yaml"
    path.write_text(
        "suite: shop\ntargets: {local: {environment: development, base_url: http://127.0.0.1:9}}\n"
        f"{defaults}scenarios:\n  - name: nightly backup\n    probe: heartbeat{own}\n"
    )
    if where != "nowhere":
        assert load_suite(str(path)).scenarios
        return
    with pytest.raises(SuiteError) as refusal:
        load_suite(str(path))
    assert "a heartbeat does not say when it is due" in refusal.value.render()
    assert "shop.yaml:5" in refusal.value.render()
