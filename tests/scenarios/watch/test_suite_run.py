"""This file is for a run of a whole suite in the midst of watching."""

from __future__ import annotations

import asyncio

import pytest

from probes.outcome import Verdict
from scenarios.events import Ended
from scenarios.watch.asks import NotWatching
from scenarios.watch.events import MissedReason, SeriesKey, Trigger
from tests.scenarios.making import Gate, Granted, Keeper, Says, scenario
from tests.scenarios.watch.making import Watching, every, series_of, settled, suite_of, target, within
from tests.scenarios.watch.test_watcher import Awaited, Swallows

pytestmark = pytest.mark.anyio


def key(name: str, at: str = "staging") -> SeriesKey:
    return SeriesKey("tiny", name, at, "local")


async def test_every_scenario_is_asked_once_and_told_as_a_tick_of_the_deployment() -> None:
    suite = suite_of(
        [scenario(f"s{n}", Says(says=says), schedule=every(3600)) for n, says in enumerate(("pass", "fail", "pass"))]
    )
    watching, keeper = Watching(suite, version_of=lambda *_: "1.4.2", vedette_version="0.1"), Keeper()
    result = await within(watching.watcher.run_suite("tiny", "staging", sinks=[keeper]))
    assert (result.run.kind, result.ended, result.verdict) == ("deploy", Ended.COMPLETED, Verdict.FAIL)
    assert watching.told.runs[0].run == result.run and len(watching.told.runs[0].planned) == 3
    assert [t.outcome for t in watching.told.ticks] == list(result.outcomes) or len(watching.told.ticks) == 3
    assert {(t.trigger, t.version, t.outcome.run_id) for t in watching.told.ticks} == {(Trigger.DEPLOY, "1.4.2", result.run.id)}
    assert sorted(keeper.told) == ["s0", "s1", "s2"]
    await watching.stop()


async def test_the_run_waits_for_what_runs_and_then_has_the_target_to_itself_while_others_go_on() -> None:
    gate, other = Gate(), scenario("other", schedule=every(5), targets=("live",))
    mine = [scenario(f"s{n}", Says(gate=gate, turns=2), schedule=every(5), timeout=600, targets=("staging",)) for n in range(3)]
    watching = Watching(suite_of([*mine, other], target("staging", concurrency=2), target("live")))
    await watching.goes_on(5, done=lambda: len(gate.at_work) == 2)
    run = asyncio.create_task(watching.watcher.run_suite("tiny", "staging"))
    await watching.goes_on(20)
    assert len(gate.begun) == 2, "neither the run nor another tick begins before what runs has ended"
    assert watching.told.names.count("other") >= 4
    gate.open.set()
    result = await within(run)
    assert len(result.outcomes) == 3 and len(gate.begun) == 5
    assert sum(watching.watcher.figures().missed.values()) == 0, "the ticks that were due meanwhile count as answered"
    before = len(watching.told.ticks)
    await watching.goes_on(5)
    assert len(watching.told.ticks) - before >= 3, "and go on at their next slots"
    await watching.stop()


async def test_ticks_that_are_due_during_the_run_are_not_asked_beside_it() -> None:
    gate = Gate()
    watching = Watching(suite_of([scenario("one", Says(gate=gate), schedule=every(1), timeout=600)]))
    run = asyncio.create_task(watching.watcher.run_suite("tiny", "staging"))
    await within(gate.until(1))
    await watching.goes_on(10)
    assert gate.begun == ["one"] and watching.watcher.figures().by_target["tiny", "staging"].held
    gate.open.set()
    await within(run)
    assert watching.told.missed(MissedReason.OVERLAP) == 0
    await watching.stop()


async def test_what_awaits_a_report_is_left_out_and_judged_by_what_it_said_last() -> None:
    three = [scenario("nightly", Awaited()), scenario("export", needs=("nightly",)), scenario("plain")]
    watching = Watching(suite_of(three))
    watching.watcher.noted(key("nightly"), Verdict.FAIL)
    result = await within(watching.watcher.run_suite("tiny", "staging"))
    assert [(o.subject.scenario, o.verdict) for o in result.outcomes] == [("export", Verdict.SKIPPED), ("plain", Verdict.PASS)]
    assert result.outcomes[0].sentence == "needs 'nightly', which failed"
    watching.watcher.noted(key("nightly"), Verdict.PASS)
    assert (await within(watching.watcher.run_suite("tiny", "staging"))).outcomes[0].verdict is Verdict.PASS
    await watching.stop()


async def test_two_runs_of_one_target_follow_each_other() -> None:
    gate = Gate()
    watching = Watching(suite_of([scenario("one", Says(gate=gate), schedule=every(3600), timeout=600)]))
    runs = [asyncio.create_task(watching.watcher.run_suite("tiny", "staging")) for _ in range(2)]
    await within(gate.until(1))
    await settled()
    assert gate.begun == ["one"]
    gate.open.set()
    first, second = await within(asyncio.gather(*runs))
    assert first.run.id != second.run.id and len(gate.begun) == 2
    await watching.stop()


async def test_a_run_that_breaks_things_holds_up_another_suite_at_the_same_address() -> None:
    gate = Gate()
    at = target(allow=["faults"])
    breaking = suite_of([scenario("break", Granted(gate=gate), schedule=every(3600), timeout=600)], at, name="tiny")
    other = suite_of([scenario("other", schedule=every(1))], at, name="second")
    watching = Watching(breaking, other)
    await watching.goes_on(3)
    run = asyncio.create_task(watching.watcher.run_suite("tiny", "staging"))
    await within(gate.until(1))
    before = len(watching.told.ticks)
    await watching.goes_on(5)
    assert len(watching.told.ticks) == before
    gate.open.set()
    await within(run)
    await watching.goes_on(2)
    assert len(watching.told.ticks) > before + 1
    await watching.stop()


async def test_the_outcomes_of_the_run_count_for_what_is_needed_afterwards() -> None:
    pair = [scenario("login", Says(says="fail"), schedule=every(3600)), scenario("book", needs=("login",), schedule=every(3600))]
    watching = Watching(suite_of(pair))
    await within(watching.watcher.run_suite("tiny", "staging"))
    tick = await within(watching.watcher.ask_now(key("book")))
    assert tick.outcome.sentence == "needs 'login', which failed"
    await watching.stop()


async def test_a_stop_ends_the_run_and_tells_what_was_seen() -> None:
    gate = Gate()
    two = [scenario("held", Says(gate=gate), timeout=600), scenario("later", needs=("held",))]
    watching = Watching(suite_of(two))
    run = asyncio.create_task(watching.watcher.run_suite("tiny", "staging"))
    await within(gate.until(1))
    await within(watching.watcher.stop(1.0))
    result = await within(run)
    assert [o.sentence for o in result.outcomes] == [
        "stopped before it was finished: the service is stopping",
        "not run: the service is stopping",
    ]
    assert len(watching.told.ticks) == 2


async def test_a_run_that_waits_for_its_target_is_called_off_by_a_stop() -> None:
    gate = Gate()
    watching = Watching(suite_of([scenario("held", Says(gate=gate), schedule=every(5), timeout=600)]))
    await watching.goes_on(5, done=lambda: bool(gate.begun))
    run = asyncio.create_task(watching.watcher.run_suite("tiny", "staging"))
    await settled()
    await within(watching.watcher.stop(0.05))
    with pytest.raises(NotWatching, match="the service is stopping"):
        await within(run)
    with pytest.raises(NotWatching):
        await watching.watcher.run_suite("tiny", "staging")


async def test_a_stop_does_not_wait_for_a_run_whose_probe_does_not_stop() -> None:
    gate = Gate()
    watching = Watching(suite_of([scenario("stuck", Swallows(gate=gate), timeout=600)]))
    run = asyncio.create_task(watching.watcher.run_suite("tiny", "staging"))
    await within(gate.until(1))
    await within(watching.watcher.stop(0.05))
    gate.open.set()
    await within(run)


async def test_whoever_asked_for_the_run_may_go_away() -> None:
    gate = Gate()
    watching = Watching(suite_of([scenario("one", Says(gate=gate), schedule=every(3600), timeout=600)]))
    run = asyncio.create_task(watching.watcher.run_suite("tiny", "staging"))
    await within(gate.until(1))
    run.cancel()
    gate.open.set()
    (tick,) = await watching.told.until(1)
    assert tick.outcome.verdict is Verdict.PASS
    await settled()
    assert not watching.watcher.figures().by_target["tiny", "staging"].held
    await watching.stop()


async def test_an_unknown_suite_or_target_is_refused() -> None:
    watching = Watching(suite_of([scenario("one")]))
    with pytest.raises(KeyError):
        await watching.watcher.run_suite("tiny", "production")
    await watching.stop()


async def test_a_reload_in_the_midst_of_a_run_neither_loses_what_was_renamed_nor_brings_back_what_went() -> None:
    gate = Gate()
    two = [scenario(name, Says(gate=gate), schedule=every(3600), timeout=600) for name in ("old name", "goes")]
    watching, keeper = Watching(suite_of(two)), Keeper()
    run = asyncio.create_task(watching.watcher.run_suite("tiny", "staging", sinks=[keeper]))
    await within(gate.until(1))
    renamed = scenario("new name", Says(gate=gate), schedule=every(3600), timeout=600, formerly=("old name",))
    watching.watcher.replace(series_of(suite_of([renamed])))
    gate.open.set()
    await within(run)
    assert sorted(keeper.told) == ["goes", "old name"], "the run itself is whole"
    assert watching.told.names == ["new name"]
    await watching.stop()
