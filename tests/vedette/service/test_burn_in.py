"""This file is for what happens after a deploy: phases judged once, at their time, through restarts and clocks that jump."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from probes.outcome import Verdict
from reports.deployments import DeploymentState
from reports.store.errors import StoreError
from scenarios.burn_in import DEFAULT_PHASES
from tests.vedette.service.deploys import AT, World, as_started, later, phase, suite_of
from vedette.service.deploying import Unknown, Wanted
from vedette.service.phase_evidence import LONGEST_WAIT_S

pytestmark = pytest.mark.anyio
DENSE, NORMAL = (0.2, 5.0), (1.0, 0.0)
LANE = ("shop", "production")


@pytest.fixture
def where(empty_store: Path, tmp_path: Path) -> Path:
    path = tmp_path / "results.db"
    path.write_bytes(empty_store.read_bytes())
    return path


@pytest.fixture
def world(where: Path) -> Iterator[World]:
    made = World(where)
    yield made
    made.ledger.close()


async def test_the_whole_suite_is_asked_at_once_and_its_run_is_linked(world: World) -> None:
    async with world.going():
        made = await world.deploy()
        assert world.versions.of(*LANE) == "1.4.2"
        kept = world.kept(made)
    assert as_started(kept) == made and (made.reported_by, made.deployed_at) == ("ci", AT)
    assert kept.run is not None
    assert (kept.run.id, kept.run.verdict, kept.run.sentence) == (world.watcher.runs[0], Verdict.PASS, "3 of 3 scenarios passed")
    assert world.closed_sinks == [5]  # started, three outcomes, finished


async def test_a_good_version_walks_through_all_phases_and_watching_is_normal_again(world: World) -> None:
    async with world.going():
        made = await world.deploy()
        await world.pass_time(300)
        assert world.verdicts(made) == ["pass", "", "", ""]
        for seconds in (7200, 86_400):
            await world.pass_time(seconds, step_s=600)
        await world.pass_time(7 * 86_400, step_s=3600)
    kept = world.kept(made)
    assert world.verdicts(made) == ["pass"] * 4
    assert (kept.state, kept.ended_at) == (DeploymentState.PASSED, kept.phases[-1].ends_at)
    assert [pace[2:] for pace in world.watcher.paces] == [DENSE, (0.5, 5.0), (1.0, 5.0), NORMAL]
    judged = [told.phase.name for told in world.told if told.phase]
    assert judged == ["verification", "intensive", "extended", "validation"]
    assert [p.judged_at for p in kept.phases] == [p.ends_at for p in kept.phases]
    assert "18 of 18 ticks of 3 scenarios were good" in kept.phases[0].sentence
    assert world.burn_ins.active == []


async def test_a_failed_phase_fails_the_burn_in_and_watching_goes_on_at_the_normal_pace(world: World) -> None:
    async with world.going():
        made = await world.deploy(phases=[phase("first"), phase("second"), phase("third")])
        await world.pass_time(240)
        await world.pass_time(60, every="failed", only=["checkout"])
        assert (world.kept(made).state, world.kept(made).ended_at) == (DeploymentState.FAILED, None)
        assert world.watcher.paces[-1][2:] == NORMAL
        await world.pass_time(600)
    kept = world.kept(made)
    assert (world.verdicts(made), kept.state) == (["fail", "pass", "pass"], DeploymentState.FAILED)
    assert kept.phases[0].sentence == "'checkout' failed 1 of 6 ticks, and none of a P0 may fail"
    assert kept.ended_at == kept.phases[-1].ends_at


async def test_a_run_that_fails_decides_the_first_phase_at_once(world: World) -> None:
    world.watcher.verdicts["search"] = Verdict.FAIL
    async with world.going():
        made = await world.deploy()
        world.clock.go(2)
        await world.burn_ins.turn()
        first = world.phases(made)[0]
        assert (first.verdict, first.judged_at) == (Verdict.FAIL, later(AT, 2))
        assert first.sentence.startswith("the run after the deployment failed: 'search' failed: it said fail")
        assert world.watcher.paces[-1][2:] == NORMAL
        await world.burn_ins.turn()
    assert sum(told.phase is not None for told in world.told) == 1


async def test_what_was_not_asked_in_a_phase_is_asked_before_its_end(world: World) -> None:
    plans = [phase("first"), phase("second", 3600)]
    async with world.going():
        made = await world.deploy(phases=plans)
        await world.pass_time(300)
        await world.pass_time(3540, only=["checkout", "search"])
        assert world.watcher.asked == ["a rare one"]
        await world.pass_time(60, only=["checkout", "search"])
    assert world.verdicts(made) == ["pass", "pass"]


async def test_what_cannot_be_asked_leaves_the_phase_unproven(world: World) -> None:
    async with world.going():
        made = await world.deploy(phases=[phase("first"), phase("second", 3600)])
        await world.pass_time(300)
        world.watcher.ask_now = _not_there  # type: ignore[method-assign]
        await world.pass_time(3600, only=["checkout", "search"])
    kept = world.kept(made)
    assert (world.verdicts(made), kept.state) == (["pass", "inconclusive"], DeploymentState.INCONCLUSIVE)
    assert kept.phases[1].sentence == "'a rare one' was never asked"


async def _not_there(*_: object) -> None:
    raise KeyError("gone")


async def test_a_phase_in_which_everything_was_in_maintenance_is_no_pass(world: World) -> None:
    async with world.going():
        made = await world.deploy(phases=[phase("first"), phase("second")])
        await world.pass_time(300)
        world.watcher.in_maintenance = True
        await world.pass_time(300, every="maintained")
    assert world.verdicts(made) == ["pass", "inconclusive"]
    assert world.phases(made)[1].sentence == "nothing was asked outside maintenance (18 ticks in maintenance not counted)"


# Restarts


async def test_a_killed_service_goes_on_in_the_midst_of_a_phase(world: World) -> None:
    async with world.going():
        made = await world.deploy()
        await world.pass_time(120)
    after = world.restarted(down_s=20)
    async with after.going():
        assert after.watcher.paces == [(*LANE, *DENSE)]
        assert after.watcher.runs == []  # the suite was asked already
        await after.pass_time(150)
        assert after.verdicts(made)[0] == ""
        await after.pass_time(10)
        assert after.verdicts(made)[0] == "pass"
        assert "(nobody watched for 20 s)" in after.phases(made)[0].sentence
    after.ledger.close()


async def test_phases_that_passed_while_the_service_was_down_are_judged_at_the_start_and_are_no_pass(world: World) -> None:
    async with world.going():
        made = await world.deploy()
        await world.pass_time(240)
    after = world.restarted(down_s=7200)
    async with after.going():
        assert after.verdicts(made) == ["inconclusive", "", "", ""]
        assert "nobody watched for 1 min of 5 min" in after.phases(made)[0].sentence
        await after.pass_time(60)
        assert after.verdicts(made) == ["inconclusive", "inconclusive", "", ""]
        assert "nobody watched for 1 h 59 min of 2 h" in after.phases(made)[1].sentence
    again = after.restarted()
    async with again.going():
        assert [told.phase for told in again.told] == []  # nothing is judged twice
    again.ledger.close()


async def test_a_burn_in_whose_whole_time_passed_while_the_service_was_down_ends_at_the_start(world: World) -> None:
    async with world.going():
        made = await world.deploy(phases=[phase("first", 60), phase("second", 60)])
    after = world.restarted(down_s=1000)
    async with after.going():
        kept = after.kept(made)
        assert (after.verdicts(made), kept.state) == (["inconclusive"] * 2, DeploymentState.INCONCLUSIVE)
        assert after.watcher.paces == [] and after.burn_ins.active == []
    after.ledger.close()


async def test_a_run_that_a_kill_cut_short_is_made_anew(world: World) -> None:
    world.watcher.may_end.clear()
    async with world.going():
        made = await world.deploy()
    assert len(world.watcher.stopped_runs) == 1
    after = world.restarted(down_s=10)
    async with after.going():
        await after.quiet()
        run = after.kept(made).run
        assert run is not None and (run.id, run.verdict) == (after.watcher.runs[0], Verdict.PASS)
    after.ledger.close()


async def test_a_run_waits_until_watching_has_begun(world: World) -> None:
    world.watcher.is_open = False
    async with world.going():
        made = await world.deploy()
        assert world.kept(made).run is None
        world.watcher.is_open = True
        await world.burn_ins.turn()
        await world.quiet()
        assert world.kept(made).run is not None
    assert len(world.watcher.runs) == 1


async def test_a_phase_whose_run_never_took_place_is_no_pass(world: World) -> None:
    world.watcher.is_open = False
    async with world.going():
        made = await world.deploy()
        await world.pass_time(300)
    assert world.verdicts(made)[0] == "inconclusive"
    assert world.phases(made)[0].sentence == "the run of the whole suite after the deployment did not take place"


# Clocks


async def test_a_clock_that_jumps_ahead_makes_no_pass_of_what_nobody_watched(world: World) -> None:
    async with world.going():
        made = await world.deploy()
        await world.pass_time(300)
        await world.pass_time(600)
        world.clock.set(3 * 3600)
        await world.burn_ins.turn()
        await world.burn_ins.turn()
    assert world.verdicts(made) == ["pass", "inconclusive", "", ""]
    assert "nobody watched for 1 h 50 min of 2 h" in world.phases(made)[1].sentence


async def test_a_clock_that_jumps_back_judges_nothing_twice(world: World) -> None:
    async with world.going():
        made = await world.deploy(phases=[phase("first"), phase("second")])
        await world.pass_time(300)
        first = world.phases(made)[0]
        world.clock.set(-3600)
        await world.pass_time(3600)
        assert world.phases(made)[0] == first
        await world.pass_time(300)
    assert world.verdicts(made) == ["pass", "pass"]
    assert [told.phase.name for told in world.told if told.phase] == ["first", "second"]


# What belongs to a phase


async def test_a_tick_that_is_still_at_work_at_the_end_of_its_phase_is_waited_for(world: World) -> None:
    async with world.going():
        made = await world.deploy()
        await world.pass_time(299, step_s=299)
        world.watcher.at_work = 1
        await world.pass_time(1, step_s=1)
        assert world.verdicts(made)[0] == ""
        world.history.ticks.append((next(iter(world.watcher.series)), later(AT, 299.5), "failed"))  # it began in the phase
        world.watcher.at_work = 0
        await world.burn_ins.turn()
    assert world.verdicts(made)[0] == "fail"


async def test_ticks_that_are_always_at_work_hold_no_verdict_up_for_ever(world: World) -> None:
    async with world.going():
        made = await world.deploy()
        world.watcher.at_work = 1
        await world.pass_time(300)
        assert world.verdicts(made)[0] == ""
        await world.pass_time(30)  # the longest time-out
        assert world.verdicts(made)[0] == "pass"
    assert LONGEST_WAIT_S == 120


async def test_a_phase_is_judged_when_the_store_has_what_was_asked_in_it(world: World) -> None:
    async with world.going():
        made = await world.deploy()
        world.is_stored = False
        await world.pass_time(320)
        assert world.verdicts(made)[0] == ""
        world.is_stored, world.history.is_down = True, True
        await world.burn_ins.turn()
        assert world.verdicts(made)[0] == ""
        world.history.is_down = False
        await world.burn_ins.turn()
    assert world.verdicts(made)[0] == "pass"


async def test_ticks_after_a_phase_do_not_count_for_it(world: World) -> None:
    async with world.going():
        made = await world.deploy()
        world.clock.go(300)
        world.history.ticks.append((next(iter(world.watcher.series)), world.clock.now, "failed"))
        await world.burn_ins.turn()
    assert world.verdicts(made)[0] == "pass"


# Several deployments


async def test_a_newer_deployment_supersedes_the_one_before_and_stops_its_run(world: World) -> None:
    async with world.going():
        old = await world.deploy("1.4.1")
        await world.pass_time(300)
        world.watcher.may_end.clear()
        stuck = await world.deploy("1.4.2")
        new = await world.deploy("1.4.3", phases=[phase(factor=0.5)])
        world.watcher.may_end.set()
        await world.quiet()
        await world.pass_time(60)
        states = [world.kept(one).state for one in (old, stuck, new)]
        assert states == [DeploymentState.SUPERSEDED, DeploymentState.SUPERSEDED, DeploymentState.BURNING_IN]
        assert world.versions.of(*LANE) == "1.4.3"
        assert world.watcher.paces[-1] == (*LANE, 0.5, 5.0)
        assert world.watcher.stopped_runs == [world.watcher.runs[1]]
        assert [one.id for one in world.burn_ins.active] == [new.id]
        assert world.verdicts(old)[0] == "pass" and world.verdicts(stuck)[0] == ""


async def test_a_cancelled_burn_in_is_over_and_its_run_stopped(world: World) -> None:
    world.watcher.may_end.clear()
    async with world.going():
        made = await world.deploy()
        cancelled = await world.burn_ins.cancel(made.id)
        assert cancelled.state is DeploymentState.CANCELLED
        assert world.watcher.paces[-1][2:] == NORMAL
        await asyncio.wait(world.burn_ins._tasks)
        await world.pass_time(600)
        assert (await world.burn_ins.cancel(made.id)).state is DeploymentState.CANCELLED
    assert len(world.watcher.stopped_runs) == 1 and world.verdicts(made) == [""] * 4
    assert world.versions.of(*LANE) == "1.4.2"  # it is there, whether it is watched or not


async def test_every_suite_that_watches_the_target_is_concerned(where: Path) -> None:
    world = World(where, suite_of("blog", ("production", "staging")), suite_of("shop"))
    async with world.going() as burn_ins:
        both = await burn_ins.start(Wanted("production", "2"), "ci")
        await world.quiet()
        assert [one.suite for one in both] == ["blog", "shop"] and len(world.watcher.runs) == 2
        (only,) = await burn_ins.start(Wanted("production", "3", "blog"), "ci")
        await world.quiet()
        assert only.suite == "blog" and world.versions.all() == {("blog", "production"): "3", LANE: "2"}
    world.ledger.close()


async def test_a_suite_says_its_own_phases(where: Path) -> None:
    world = World(where, suite_of("shop", burn_in=(phase("mine"),)), suite_of("blog"))
    async with world.going() as burn_ins:
        made = await burn_ins.start(Wanted("production", "2"), "ci")
        await world.quiet()
    names = {one.suite: [p.name for p in one.phases] for one in made}
    assert names == {"shop": ["mine"], "blog": [p.name for p in DEFAULT_PHASES]}
    world.ledger.close()


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (Wanted("productoin", "1"), "no target 'productoin' is watched here; did you mean 'production'?"),
        (Wanted("production", "1", "shpo"), "no suite 'shpo' is watched here; did you mean 'shop'?"),
        (Wanted("x", "1", "shop"), "no target 'x' is watched here; known here: production"),
    ],
)
async def test_what_is_not_watched_is_refused_with_what_would_be_right(world: World, wanted: Wanted, sentence: str) -> None:
    async with world.going() as burn_ins:
        with pytest.raises(Unknown) as refused:
            await burn_ins.start(wanted, "ci")
    assert str(refused.value) == sentence and world.ledger.list() == []


async def test_what_a_reload_took_away_is_no_pass(world: World) -> None:
    async with world.going():
        made = await world.deploy()
        world.watcher.series = {}
        await world.pass_time(300)
    assert world.phases(made)[0].sentence.startswith("nothing is watched there any more")
    assert world.verdicts(made)[0] == "inconclusive"


async def test_a_store_that_does_not_answer_at_the_start_is_asked_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world.going():
        await world.deploy()
    after = world.restarted()
    real = after.ledger.unfinished

    def gone(location: str) -> None:
        raise StoreError("gone")

    monkeypatch.setattr(after.ledger, "unfinished", gone)
    assert not await after.burn_ins.resume()
    monkeypatch.setattr(after.ledger, "unfinished", real)
    assert await after.burn_ins.resume() and len(after.burn_ins.active) == 1
    after.ledger.close()
