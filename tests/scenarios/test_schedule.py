"""This file is for what happens by the clock, with the real APScheduler: chores, clocks that are set, and the way out."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import apscheduler.schedulers.base
import pytest

from scenarios.schedule import COARSEST_S, FINEST_S, Clockwork
from tests.scenarios.watch.making import FakeClocks, settled, within

pytestmark = pytest.mark.anyio


class WallClock:
    """The real time of day, which a test may set."""

    def __init__(self) -> None:
        self.set_by = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.set_by


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> WallClock:
    """Let APScheduler read a clock that can be set."""
    clock = WallClock()

    class Set(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return clock().astimezone(tz)

    monkeypatch.setattr(apscheduler.schedulers.base, "datetime", Set)
    return clock


class Bell:
    """A chore that can be waited for."""

    def __init__(self) -> None:
        self.rung = 0
        self._changed = asyncio.Event()

    def __call__(self) -> None:
        self.rung += 1
        self._changed.set()

    async def until(self, times: int) -> None:
        async with asyncio.timeout(10):
            while self.rung < times:
                self._changed.clear()
                await self._changed.wait()


async def test_chores_run_again_and_again_plain_ones_and_others() -> None:
    bell, other, clockwork = Bell(), Bell(), Clockwork()

    async def chore() -> None:
        await asyncio.sleep(0)
        other()

    clockwork.every("plain", 0.02, bell)
    clockwork.every("other", 0.02, chore)
    clockwork.start()
    clockwork.start()
    await bell.until(3)
    await other.until(3)
    clockwork.drop("plain")
    clockwork.drop("nobody")
    rung = bell.rung
    await other.until(other.rung + 5)
    assert bell.rung == rung
    await clockwork.stop()
    assert not clockwork.is_running


async def test_a_chore_that_fails_is_named_and_runs_again() -> None:
    trouble: list[str] = []
    bell, other = Bell(), Bell()

    def fails() -> None:
        bell()
        raise OSError("disk full")

    async def fails_later() -> None:
        other()
        raise OSError("disk full")

    clockwork = Clockwork(trouble=trouble.append)
    clockwork.every("prune", 0.02, fails)
    clockwork.every("write", 0.02, fails_later)
    clockwork.start()
    await bell.until(2)
    await other.until(2)
    await clockwork.stop()
    assert {"prune failed: OSError: disk full", "write failed: OSError: disk full"} == set(trouble)


async def test_a_chore_never_runs_beside_itself() -> None:
    gate, begun = asyncio.Event(), 0
    bell, clockwork = Bell(), Clockwork()

    async def slow() -> None:
        nonlocal begun
        begun += 1
        await gate.wait()

    clockwork.every("slow", 0.01, slow)
    clockwork.every("bell", 0.01, bell)
    clockwork.start()
    await bell.until(10)
    assert begun == 1
    gate.set()
    await clockwork.stop(1)


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_set_silences_no_chore_and_lets_none_burst(wall: WallClock, hours: int) -> None:
    bell, due, clockwork, heard = Bell(), Bell(), Clockwork(clock=wall), []
    clockwork.every("chore", 0.05, bell)
    clockwork.when_due("ticks", lambda: 0.05, due)
    clockwork.on_clock_set(heard.append)
    clockwork.start()
    await bell.until(2)
    wall.set_by += timedelta(hours=hours)
    clockwork.beat()
    at_jump = bell.rung, due.rung
    began = asyncio.get_running_loop().time()
    await bell.until(at_jump[0] + 3)
    await due.until(at_jump[1] + 3)
    passed = asyncio.get_running_loop().time() - began
    assert bell.rung - at_jump[0] <= passed / 0.05 + 2
    assert clockwork.jumps == 1 and heard == [clockwork.offset_s]
    await clockwork.stop()


async def test_without_following_the_clock_an_hour_of_silence_would_come(wall: WallClock) -> None:
    """The control of the test above: APScheduler alone does fall silent when its clock is set back."""
    bell, clockwork = Bell(), Clockwork()  # whose own clock is not the one that is set, so that it notices nothing
    clockwork.every("chore", 0.05, bell)
    clockwork.start()
    await bell.until(2)
    wall.set_by -= timedelta(hours=1)
    rung = bell.rung
    clockwork.beat()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await bell.until(rung + 2)
    await clockwork.stop()


async def test_the_next_look_is_never_sooner_than_the_finest_step_nor_later_than_the_coarsest(wall: WallClock) -> None:
    bell, clockwork = Bell(), Clockwork(clock=wall)
    answers: list[float | None] = [None]
    clockwork.when_due("ticks", lambda: answers[-1], bell)
    clockwork.start()
    job = clockwork._scheduler.get_job("ticks")
    assert timedelta(seconds=COARSEST_S - 1) < job.next_run_time - wall() <= timedelta(seconds=COARSEST_S)
    answers.append(-5.0)
    began = asyncio.get_running_loop().time()
    clockwork.wake("ticks")
    clockwork.wake("nobody")
    await bell.until(10)
    assert asyncio.get_running_loop().time() - began >= 9 * FINEST_S
    await clockwork.stop()


async def test_the_clockwork_says_how_late_the_loop_is_and_follows_small_drifts_in_silence() -> None:
    clocks, heard, beats = FakeClocks(), [], Bell()
    clockwork = Clockwork(clock=clocks, monotonic=clocks.monotonic)
    clockwork.on_clock_set(heard.append)
    clockwork.on_beat(beats)
    for lag_s in (0.0, 2.5, 0.0):
        clocks.advance(1.0 + lag_s)
        clockwork.beat()
    assert (clockwork.lag_s, clockwork.worst_lag_s, beats.rung) == (0.0, 2.5, 3)
    clocks.set_by(0.1)
    clocks.advance(1.0)
    clockwork.beat()
    assert (clockwork.jumps, len(heard)) == (0, 1)
    clocks.set_by(-3600)
    clocks.advance(1.0)
    clockwork.beat()
    clocks.advance(1.0)
    clockwork.beat()
    assert (clockwork.jumps, len(heard)) == (1, 2)
    assert clockwork.offset_s == pytest.approx(clocks.wall_s - clocks.mono_s)


async def test_the_beat_goes_on_by_itself_and_ends_with_the_clockwork(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scenarios.schedule.BEAT_S", 0.01)
    clockwork, bell = Clockwork(), Bell()

    def broken() -> None:
        bell()
        raise OSError("a bug")

    clockwork.on_beat(broken)
    clockwork.start()
    await bell.until(3)
    await clockwork.stop()
    rung = bell.rung
    await settled()
    assert bell.rung == rung


async def test_a_stop_lets_a_chore_finish_within_its_time_and_cancels_it_after() -> None:
    for within_s, ended in ((5.0, "finished"), (0.0, "cancelled")):
        fates: list[str] = []
        begun, gate, clockwork = asyncio.Event(), asyncio.Event(), Clockwork()

        async def chore(fates: list[str] = fates, begun: asyncio.Event = begun, gate: asyncio.Event = gate) -> None:
            begun.set()
            try:
                await gate.wait()
                fates.append("finished")
            except asyncio.CancelledError:
                fates.append("cancelled")
                raise

        clockwork.every("chore", 0.01, chore)
        clockwork.start()
        await within(begun.wait())
        stopping = asyncio.create_task(clockwork.stop(within_s))
        await settled()
        if within_s:
            gate.set()
        await within(stopping)
        await settled()
        assert fates == [ended]
    await clockwork.stop()


async def test_a_cron_chore_is_due_at_its_time_on_the_day_the_clocks_change(wall: WallClock) -> None:
    wall.set_by = datetime(2026, 3, 29, 0, 30, tzinfo=UTC) - datetime.now(UTC)
    clockwork = Clockwork(clock=wall)
    clockwork.at_cron("nightly", "0 0 * * *", "Europe/Berlin", lambda: None)
    trigger = clockwork._scheduler.get_jobs()[0].trigger
    first = trigger.get_next_fire_time(None, wall())
    second = trigger.get_next_fire_time(first, first)
    assert (first, second) == (datetime(2026, 3, 29, 22, tzinfo=UTC), datetime(2026, 3, 30, 22, tzinfo=UTC))
    with pytest.raises(ValueError, match="cron"):
        clockwork.at_cron("wrong", "every day", "UTC", lambda: None)
    with pytest.raises(ValueError, match="between its runs"):
        clockwork.every("wrong", 0, lambda: None)
