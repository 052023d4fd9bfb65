"""This file is for watching: what is asked when, what is missed and said so, and that nobody pays for another."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from probes.outcome import Check, Outcome, Verdict, check, control
from probes.session import Session
from scenarios import asking
from scenarios.schedule_spec import ScheduleSpec
from scenarios.watch import asks
from scenarios.watch.asks import NotWatching
from scenarios.watch.events import MissedReason, SeriesKey, Trigger, WatchEvent
from tests.scenarios.making import Flaky, Gate, Granted, Says, scenario
from tests.scenarios.watch.making import NOON, Watching, every, series_of, settled, suite_of, target, within

pytestmark = pytest.mark.anyio


class Awaited(Says, kind="test_awaited"):
    """The target reports by itself."""

    awaits = True


class Swallows(Says, kind="test_swallows"):
    """A kind that does not stop when it is told to, until its gate opens."""

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        self.gate.enter(session.subject.scenario)
        while not self.gate.open.is_set():
            try:
                await self.gate.open.wait()
            except asyncio.CancelledError:
                continue
        yield control("it was asked", holds=True)
        yield check("it ends at last", holds=True)


def key(name: str, at: str = "staging", suite: str = "tiny") -> SeriesKey:
    return SeriesKey(suite, name, at, "local")


async def test_a_series_is_asked_at_its_interval_and_told_with_its_moment() -> None:
    watching = Watching(suite_of([scenario("one", schedule=every(10))]), version_of=lambda suite, at: f"{suite} at {at}")
    await watching.goes_on(60, step_s=0.5)
    ticks = watching.told.ticks
    assert 6 <= len(ticks) <= 7
    gaps = [later.planned_at - before.planned_at for before, later in itertools.pairwise(ticks[1:])]
    assert gaps == [timedelta(seconds=10)] * len(gaps)
    assert all(0 <= t.lateness_s <= 0.5 and t.trigger is Trigger.SCHEDULE and t.outcome.verdict is Verdict.PASS for t in ticks)
    assert {t.version for t in ticks} == {"tiny at staging"}
    await watching.stop()


async def test_ticks_belong_to_a_run_that_is_renewed_at_midnight() -> None:
    at = datetime(2026, 11, 21, 23, 59, 0, tzinfo=UTC)
    watching = Watching(suite_of([scenario("one", schedule=every(10)), scenario("two", schedule=every(10))]), at=at)
    await watching.goes_on(120)
    first, second = watching.told.runs
    assert (first.run.kind, first.run.target, first.planned) == ("watch", "staging", ())
    days = {(tick.outcome.run_id, tick.outcome.started_at.day) for tick in watching.told.ticks}
    assert days == {(first.run.id, 21), (second.run.id, 22)}
    assert watching.told.events.index(first) < watching.told.events.index(watching.told.ticks[0])
    await watching.stop()


async def test_a_tick_that_is_due_while_the_one_before_is_at_work_is_counted_and_not_queued() -> None:
    """Regression: what waits in the queue of a private Checkly agent for 6 minutes is lost without a word."""
    gate = Gate()
    watching = Watching(suite_of([scenario("slow", Says(gate=gate), schedule=every(10), timeout=300)]))
    await watching.goes_on(55)
    assert len(gate.begun) == 1
    missed = watching.told.missed(MissedReason.OVERLAP)
    assert missed in (4, 5) and watching.watcher.figures().missed[MissedReason.OVERLAP] == missed
    gate.open.set()
    await watching.told.until(1)
    assert len(gate.begun) == 1, "nothing was queued"
    await watching.goes_on(10)
    assert len(gate.begun) == 2
    await watching.stop()


async def test_a_hung_target_delays_no_other() -> None:
    """Regression: 18 endpoints a minute that time out take all the turns that Gatus has by default."""
    gate = Gate()
    hung = [scenario(f"hung {n}", Says(gate=gate), schedule=every(10), timeout=600, targets=("hung",)) for n in range(20)]
    fine = [scenario(f"fine {n}", schedule=every(10), targets=("staging",)) for n in range(20)]
    suite = suite_of([*hung, *fine], target("hung", concurrency=8), target("staging"))
    watching = Watching(suite, max_running=20)
    await watching.goes_on(60, step_s=0.1)
    figures = watching.watcher.figures()
    assert len(gate.at_work) == 8 and figures.by_target["tiny", "hung"].running == 8
    assert figures.by_target["tiny", "hung"].waiting == 12
    assert len(watching.told.ticks) >= 120 and not any(name.startswith("hung") for name in watching.told.names)
    assert max(tick.lateness_s for tick in watching.told.ticks) <= 0.11
    assert {m.key.target for m in watching.told.events if hasattr(m, "reason")} == {"hung"}
    gate.open.set()
    await watching.stop()


async def test_waiting_for_a_turn_counts_as_lateness_and_not_as_duration() -> None:
    gate = Gate()
    pair = [scenario("first", Says(gate=gate), schedule=every(60)), scenario("second", schedule=every(60))]
    watching = Watching(suite_of(pair, target(concurrency=1)))
    first = asyncio.create_task(watching.watcher.ask_now(key("first")))
    await within(gate.until(1))
    await watching.goes_on(60, done=lambda: watching.watcher.figures().waiting > 0)
    await watching.goes_on(30)
    gate.open.set()
    await within(first)
    await watching.told.until(2)
    waited = [tick for tick in watching.told.ticks if tick.key.scenario == "second"][-1]
    assert waited.lateness_s >= 25 and waited.outcome.duration_s < 1
    await watching.stop()


async def test_all_in_all_no_more_run_than_is_allowed() -> None:
    gate = Gate()
    many = [scenario(f"s{n}", Says(gate=gate), schedule=every(10)) for n in range(30)]
    watching = Watching(suite_of(many, target(concurrency=100)), max_running=7)
    await watching.goes_on(9)
    assert len(gate.at_work) == 7
    gate.open.set()
    await watching.told.until(30)
    assert max(len(names) for names in gate.seen_together) == 7
    await watching.stop()


async def test_a_scenario_that_breaks_things_has_the_target_to_itself_and_has_its_turn() -> None:
    gate = Gate()
    gate.open.set()
    others = [scenario(f"s{n}", Says(gate=gate, turns=3), schedule=every(1)) for n in range(6)]
    breaking = scenario("break", Granted(gate=gate, turns=3), schedule=every(5))
    watching = Watching(suite_of([*others, breaking], target(allow=["faults"])))
    await watching.goes_on(30, step_s=0.2)
    assert gate.begun.count("break") >= 5
    assert [names for names in gate.seen_together if "break" in names and len(names) > 1] == []
    assert any(len(names) > 1 for names in gate.seen_together), "the others do run together"
    await watching.stop()


async def test_what_is_needed_is_judged_by_its_newest_outcome() -> None:
    answers = ["fail"]

    class Changing(Says):
        async def ask(self, session: Session) -> AsyncIterator[Check]:
            yield control("it was asked", holds=True)
            yield check("it says yes", holds=answers[-1] == "pass", say="it said no")

    pair = [scenario("login", Changing(), schedule=every(10)), scenario("book", needs=("login",), schedule=every(10))]
    watching = Watching(suite_of(pair))
    await watching.goes_on(30)
    book = [tick.outcome for tick in watching.told.ticks if tick.key.scenario == "book"]
    assert book and {(o.verdict, o.sentence) for o in book} == {(Verdict.SKIPPED, "needs 'login', which failed")}
    answers.append("pass")
    await watching.goes_on(20)
    assert watching.told.ticks[-1].outcome.verdict is Verdict.PASS
    assert [t for t in watching.told.ticks if t.key.scenario == "book"][-1].outcome.verdict is Verdict.PASS
    await watching.stop()


async def test_a_tick_whose_need_was_not_asked_yet_is_put_off_until_it_was() -> None:
    gate = Gate()
    pair = [scenario("login", Says(gate=gate), schedule=every(30), timeout=300),
            scenario("book", Says(gate=gate), needs=("login",), schedule=every(60))]  # fmt: skip
    watching = Watching(suite_of(pair))
    await watching.goes_on(20)
    assert gate.begun == ["login"] and watching.watcher.figures().waiting == 1
    gate.open.set()
    await watching.told.until(2)
    assert watching.told.names == ["login", "book"]
    assert watching.told.missed(MissedReason.OVERLAP) == 0
    await watching.stop()


async def test_a_tick_is_not_put_off_for_longer_than_its_interval() -> None:
    gate = Gate()
    pair = [scenario("login", Says(gate=gate), schedule=every(600), timeout=3000),
            scenario("book", needs=("login",), schedule=every(10))]  # fmt: skip
    watching = Watching(suite_of(pair))
    await watching.goes_on(40)
    said = {(tick.outcome.verdict, tick.outcome.sentence) for tick in watching.told.ticks}
    assert said == {(Verdict.SKIPPED, "needs 'login', which was not asked yet")}
    assert 2 <= len(watching.told.ticks) <= 4
    gate.open.set()
    await watching.stop()


async def test_a_tick_at_a_time_of_day_is_put_off_for_a_minute_and_not_for_a_day() -> None:
    gate = Gate()
    pair = [
        scenario("login", Says(gate=gate), schedule=every(6000), timeout=3000),
        scenario("book", needs=("login",), schedule=ScheduleSpec(cron="1 12 * * *")),
    ]
    watching = Watching(suite_of(pair))
    await watching.goes_on(115)
    assert watching.told.ticks == [] and watching.watcher.figures().waiting == 1
    await watching.goes_on(10)
    assert [tick.outcome.sentence for tick in watching.told.ticks] == ["needs 'login', which was not asked yet"]
    gate.open.set()
    await watching.stop()


async def test_what_awaits_a_report_is_never_asked_and_its_outcome_counts_for_those_that_need_it() -> None:
    pair = [scenario("nightly job", Awaited(), schedule=every(5)), scenario("export", needs=("nightly job",), schedule=every(5))]
    watching = Watching(suite_of(pair))
    await watching.goes_on(4)
    assert watching.told.ticks == [] and watching.watcher.next_due(key("nightly job")) is None
    with pytest.raises(ValueError, match="cannot be asked"):
        await watching.watcher.ask_now(key("nightly job"))
    watching.watcher.noted(key("nightly job"), Verdict.PASS)
    await watching.goes_on(5)
    assert set(watching.told.names) == {"export"} and watching.told.ticks[-1].outcome.verdict is Verdict.PASS
    watching.watcher.noted(key("nightly job"), Verdict.FAIL)
    watching.watcher.noted(key("nobody"), Verdict.FAIL)
    await watching.goes_on(5)
    assert watching.told.ticks[-1].outcome.sentence == "needs 'nightly job', which failed"
    await watching.stop()


async def test_a_probe_that_does_not_stop_gives_its_slot_back_and_is_told_as_our_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asks, "MARGIN_S", 0.05)
    monkeypatch.setattr(asks, "GRACE_S", 0.05)
    gate = Gate()
    stuck = scenario("stuck", Swallows(gate=gate), timeout=0.05, schedule=every(10))
    watching = Watching(suite_of([stuck, scenario("fine", schedule=every(10))], target(concurrency=1)))
    await watching.goes_on(10, done=lambda: bool(gate.begun))
    await within(_until_named(watching, "stuck"))
    (left,) = [tick.outcome for tick in watching.told.ticks if tick.key.scenario == "stuck"]
    assert (left.verdict, left.sentence) == (Verdict.ERROR, "the probe did not stop when it was told to, and was left behind")
    figures = watching.watcher.figures()
    assert (figures.left_behind, figures.running) == (1, 0)
    assert figures.trouble == ("'stuck' at target 'staging': the probe did not stop when it was told to, and was left behind",)
    await watching.goes_on(20)
    assert "fine" in watching.told.names, "the only slot of the target was given back"
    later = [tick.outcome.sentence for tick in watching.told.ticks if tick.key.scenario == "stuck"][1:]
    assert later and set(later) == {"its probe did not stop at its deadline, and is still at work"}
    assert gate.begun == ["stuck"], "not one more is left behind while the first is"
    gate.open.set()
    await settled()
    await watching.goes_on(10)
    assert gate.begun == ["stuck", "stuck"], "it is asked again when the one left behind has ended"
    await watching.stop()


async def _until_named(watching: Watching, name: str) -> None:
    while name not in watching.told.names:
        await watching.told.until(len(watching.told.ticks) + 1)


async def test_a_tick_ends_by_its_deadline_with_all_its_retries() -> None:
    assert asking.longest_s(scenario("s", timeout=7, retries=2)) == 21
    assert asking.longest_s(scenario("s", Granted(), timeout=7, retries=2)) == 21 + 2 * asking.UNDO_MOST_S
    probe = Flaky.model_construct(failures=1, sessions=[])
    watching = Watching(suite_of([scenario("flaky", probe, retries=3, schedule=every(10))]))
    await watching.goes_on(5)
    (tick,) = await watching.told.until(1)
    assert (tick.outcome.verdict, tick.outcome.attempts) == (Verdict.DEGRADED, 2)
    await watching.stop()


async def test_ticks_that_a_standstill_of_the_loop_passed_over_are_counted_exactly() -> None:
    watching = Watching(suite_of([scenario("one", schedule=every(1))]), last_seen={key("one"): NOON})
    await watching.goes_on(5, step_s=0.1)
    before = len(watching.told.ticks)
    assert before == 5 and watching.told.missed(MissedReason.CLOCK) == 0
    await watching.goes_on(10.4, step_s=10.4)
    assert len(watching.told.ticks) == before + 1
    await watching.goes_on(4.6, step_s=0.1)
    answered, missed = len(watching.told.ticks), watching.told.missed(MissedReason.CLOCK)
    assert answered + missed == 20 and missed in (9, 10)
    await watching.stop()


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_set_neither_bursts_nor_silences_anybody(hours: int) -> None:
    watching = Watching(suite_of([scenario(f"s{n}", schedule=every(10)) for n in range(20)]))
    await watching.goes_on(30)
    before = len(watching.told.ticks)
    watching.clocks.set_by(hours * 3600)
    await watching.goes_on(30)
    assert len(watching.told.ticks) - before == 60
    assert max(tick.lateness_s for tick in watching.told.ticks) <= 1.0
    assert abs(watching.told.ticks[-1].planned_at - watching.clocks()) < timedelta(seconds=2)
    assert sum(watching.watcher.figures().missed.values()) == 0
    assert watching.watcher.figures().clock_jumps == 1
    await watching.stop()


async def test_what_was_not_asked_while_nobody_watched_is_told() -> None:
    seen = {key("one"): NOON - timedelta(minutes=10), key("removed long ago"): NOON - timedelta(days=9)}
    one = scenario("one", schedule=every(60))
    watching = Watching(suite_of([one]), last_seen=seen)
    assert watching.told.missed(MissedReason.DOWN) == 9
    shorter = Watching(suite_of([one]), last_seen=seen, alive_until=NOON - timedelta(minutes=3))
    assert shorter.told.missed(MissedReason.DOWN) == 2


async def test_due_ticks_start_in_small_batches_so_that_the_loop_is_never_held_up() -> None:
    gate = Gate()
    many = [scenario(f"s{n}", Says(gate=gate), schedule=every(10)) for n in range(200)]
    watching = Watching(suite_of(many, target(concurrency=500)))
    watching.clocks.advance(10)
    watching.watcher.turn()
    seen = [0]
    while len(gate.begun) < 200:
        await asyncio.sleep(0)
        seen.append(len(gate.begun))
    steps = [later - before for before, later in itertools.pairwise(seen)]
    assert 0 < max(steps) <= 50
    gate.open.set()
    await watching.stop()


async def test_asking_now_respects_the_limits_and_returns_the_tick() -> None:
    gate = Gate()
    gate.open.set()
    watching = Watching(suite_of([scenario("one", Says(gate=gate), schedule=every(3600)), scenario("two", schedule=every(3600))]))
    tick = await within(watching.watcher.ask_now(key("one")))
    assert (tick.trigger, tick.outcome.verdict, tick.key) == (Trigger.MANUAL, Verdict.PASS, key("one"))
    assert watching.told.ticks == [tick]
    with pytest.raises(KeyError):
        await watching.watcher.ask_now(key("nobody"))
    await watching.stop()
    with pytest.raises(NotWatching, match="the service is stopping"):
        await watching.watcher.ask_now(key("one"))


async def test_asking_now_while_a_tick_runs_asks_once_more_after_it_for_all_who_ask() -> None:
    gate = Gate()
    watching = Watching(suite_of([scenario("one", Says(gate=gate), schedule=every(10), timeout=300)]))
    await watching.goes_on(10, done=lambda: bool(gate.begun))
    watching.clocks.advance(0.5)
    asking_now = [asyncio.create_task(watching.watcher.ask_now(key("one"))) for _ in range(5)]
    await settled()
    assert len(gate.begun) == 1
    gate.open.set()
    ticks = await within(asyncio.gather(*asking_now))
    assert len(gate.begun) == 2 and len({t.outcome.id for t in ticks}) == 1
    assert ticks[0].outcome.id == watching.told.ticks[1].outcome.id
    await watching.stop()


async def test_who_asked_may_go_away() -> None:
    gate = Gate()
    watching = Watching(suite_of([scenario("one", Says(gate=gate), schedule=every(3600))]))
    call = asyncio.create_task(watching.watcher.ask_now(key("one")))
    await within(gate.until(1))
    call.cancel()
    gate.open.set()
    await watching.told.until(1)
    await watching.stop()


async def test_a_stop_lets_what_runs_finish_and_counts_what_waits() -> None:
    gate = Gate()
    three = [scenario(f"s{n}", Says(gate=gate), schedule=every(10), timeout=300) for n in range(3)]
    watching = Watching(suite_of(three, target(concurrency=2)))
    running = asyncio.create_task(watching.watcher.run())
    await watching.goes_on(9)
    assert len(gate.at_work) == 2 and watching.watcher.figures().waiting == 1
    stopping = asyncio.create_task(watching.watcher.stop(9))
    await settled()
    assert not stopping.done()
    gate.open.set()
    await within(stopping)
    await within(running)
    assert [tick.outcome.verdict for tick in watching.told.ticks] == [Verdict.PASS] * 2
    assert watching.told.missed(MissedReason.STOPPED) == 1
    await watching.goes_on(30)
    assert len(gate.begun) == 2, "nothing starts after a stop"


async def test_a_stop_cancels_what_does_not_finish_and_undoes_it() -> None:
    gate, undone = Gate(), []

    class Breaking(Granted, kind="test_watch_breaking"):
        async def ask(self, session: Any) -> Any:
            async def undo() -> None:
                await asyncio.sleep(0.05)
                undone.append(session.subject.scenario)

            session.undo_later("the test data", undo)
            async for made in super().ask(session):
                yield made

    watching = Watching(
        suite_of([scenario("held", Breaking(gate=gate), schedule=every(5), timeout=300)], target(allow=["faults"]))
    )
    await watching.goes_on(5, done=lambda: bool(gate.begun))
    await within(watching.watcher.stop(0.02))
    (tick,) = watching.told.ticks
    assert (tick.outcome.verdict, undone) == (Verdict.INCONCLUSIVE, ["held"])
    assert tick.outcome.sentence == "stopped before it was finished: the service is stopping"


async def test_a_stop_does_not_wait_for_a_probe_that_does_not_stop() -> None:
    gate = Gate()
    watching = Watching(suite_of([scenario("stuck", Swallows(gate=gate), schedule=every(5), timeout=300)]))
    await watching.goes_on(5, done=lambda: bool(gate.begun))
    await within(watching.watcher.stop(0.05))
    (tick,) = watching.told.ticks
    assert tick.outcome.verdict is Verdict.ERROR and "left behind" in tick.outcome.sentence
    gate.open.set()
    await settled()
    assert len(watching.told.ticks) == 1, "what it says in the end is told to nobody"


async def test_a_reload_keeps_the_time_of_what_has_not_changed() -> None:
    before = [scenario(f"s{n}", schedule=every(60)) for n in range(50)]
    watching = Watching(suite_of(before))
    await watching.goes_on(90)
    due = {k: watching.watcher.next_due(k) for k in watching.watcher.series}
    asked = len(watching.told.ticks)
    again = [scenario(f"s{n}", schedule=every(60)) for n in range(49)]
    renamed = scenario("better name", schedule=every(60), formerly=("s49",))
    made = watching.watcher.replace(series_of(suite_of([*again, renamed, scenario("new", schedule=every(60))])))
    assert (made.unchanged, made.added, made.renamed) == (49, (key("new"),), ((key("s49"), key("better name")),))
    assert all(watching.watcher.next_due(key(f"s{n}")) == due[key(f"s{n}")] for n in range(49))
    assert watching.watcher.next_due(key("better name")) == due[key("s49")]
    await watching.goes_on(1.5, step_s=0.5)
    assert len(watching.told.ticks) - asked <= 5, "a reload is no burst"
    assert "new" in watching.told.names
    await watching.stop()


async def test_what_runs_while_its_series_goes_is_told_under_its_old_key_and_then_retired() -> None:
    gate = Gate()
    two = [scenario("goes", Says(gate=gate), schedule=every(5), timeout=300), scenario("stays", schedule=every(5))]
    watching = Watching(suite_of([*two, scenario("idle", schedule=ScheduleSpec(cron="0 3 * * *"))]))
    await watching.goes_on(10)
    watching.watcher.replace(series_of(suite_of(two[1:])))
    assert watching.told.retired == [key("idle")]
    gate.open.set()
    await within(_until_named(watching, "goes"))
    assert watching.told.retired == [key("idle"), key("goes")]
    await watching.goes_on(20)
    assert watching.told.names.count("goes") == 1
    with pytest.raises(KeyError):
        await watching.watcher.ask_now(key("goes"))
    await watching.stop()


async def test_a_late_tick_of_a_series_that_went_does_not_retire_the_one_that_came_back_under_its_name() -> None:
    gate = Gate()
    goes = scenario("comes back", Says(gate=gate), schedule=every(5), timeout=300)
    stays = scenario("stays", schedule=every(5))
    watching = Watching(suite_of([goes, stays]))
    await watching.goes_on(10)
    watching.watcher.replace(series_of(suite_of([stays])))
    watching.watcher.replace(series_of(suite_of([scenario("comes back", schedule=every(5)), stays])))
    gate.open.set()
    await watching.goes_on(20)
    assert watching.told.names.count("comes back") >= 3
    assert watching.told.retired == [], "it is watched"
    await watching.stop()


async def test_who_waits_for_a_series_that_goes_is_told() -> None:
    gate = Gate()
    two = [scenario("first", Says(gate=gate), schedule=every(3600)), scenario("goes", schedule=every(3600))]
    watching = Watching(suite_of(two, target(concurrency=1)))
    first = asyncio.create_task(watching.watcher.ask_now(key("first")))
    await within(gate.until(1))
    call = asyncio.create_task(watching.watcher.ask_now(key("goes")))
    await settled()
    watching.watcher.replace(series_of(suite_of(two[:1], target(concurrency=1))))
    with pytest.raises(KeyError):
        await within(call)
    gate.open.set()
    await within(first)
    await watching.stop()


async def test_a_changed_schedule_and_a_changed_target_hold_from_the_reload_on() -> None:
    watching = Watching(suite_of([scenario("one", schedule=every(600))]))
    await watching.goes_on(5)
    watching.watcher.replace(series_of(suite_of([scenario("one", schedule=every(2))], target(base_url="http://moved.test"))))
    before = len(watching.told.ticks)
    await watching.goes_on(20)
    assert len(watching.told.ticks) - before >= 9
    assert watching.told.runs[-1].run.base_url == "http://moved.test"
    await watching.stop()


async def test_a_denser_pace_holds_for_one_target_and_ends() -> None:
    suite = suite_of([scenario("one", schedule=every(60))], target("staging"), target("live"))
    watching = Watching(suite)
    await watching.goes_on(60)
    watching.watcher.set_pace("tiny", "live", 0.1, 5.0)
    before = len(watching.told.ticks)
    await watching.goes_on(60)
    names = [tick.key.target for tick in watching.told.ticks[before:]]
    assert (names.count("live"), names.count("staging")) == (10, 1)
    watching.watcher.set_pace("tiny", "live", 1.0, 0.0)
    before = len(watching.told.ticks)
    await watching.goes_on(120)
    assert len(watching.told.ticks) - before == 4
    await watching.stop()


async def test_a_sink_that_raises_is_named_and_logged_once_and_the_others_are_told_all(caplog: pytest.LogCaptureFixture) -> None:
    class Raising:
        def take_watched(self, event: WatchEvent) -> None:
            raise OSError("no space left on device")

    watching = Watching(suite_of([scenario("one", schedule=every(1))]), sinks=[Raising()])
    await watching.goes_on(5)
    figures = watching.watcher.figures()
    assert len(watching.told.ticks) >= 4 and figures.sink_errors == len(watching.told.events)
    assert figures.trouble == ("Raising did not take what was told: no space left on device",)
    assert caplog.messages == list(figures.trouble), "who looks after the service can read it"
    await watching.stop()


async def test_a_book_that_cannot_be_read_costs_no_tick() -> None:
    def broken(*given: object) -> str:
        raise LookupError("locked")

    watching = Watching(suite_of([scenario("one", schedule=every(1))]), version_of=broken, maintenance_of=broken)
    await watching.goes_on(3)
    assert len(watching.told.ticks) >= 2 and len(watching.watcher.figures().trouble) == 2
    await watching.stop()


async def test_ticks_in_maintenance_are_marked() -> None:
    watching = Watching(suite_of([scenario("one", schedule=every(1))]), maintenance_of=lambda watched, at: watched.key.scenario)
    await watching.goes_on(2)
    assert {tick.maintenance for tick in watching.told.ticks} == {"one"}
    await watching.stop()


async def test_verdicts_from_before_the_start_count_for_needs() -> None:
    pair = [scenario("login", schedule=every(3600)), scenario("book", needs=("login",), schedule=every(5))]
    seen = {key("login"): NOON - timedelta(seconds=1)}
    watching = Watching(suite_of(pair), last_seen=seen, last_verdicts={key("login"): Verdict.FAIL})
    await watching.goes_on(5)
    assert watching.told.ticks[0].outcome.sentence == "needs 'login', which failed"
    await watching.stop()


async def test_a_bug_in_asking_is_an_error_and_gives_the_slot_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*given: object) -> Outcome:
        raise RuntimeError("a bug")

    monkeypatch.setattr(asking.Asking, "outcome", broken)
    watching = Watching(suite_of([scenario("one", schedule=every(1))]))
    await watching.goes_on(3)
    assert {tick.outcome.verdict for tick in watching.told.ticks} == {Verdict.ERROR}
    assert len(watching.told.ticks) >= 2 and watching.watcher.figures().running == 0
    await watching.stop()
