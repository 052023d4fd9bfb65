"""This file is for gates at work: every record is kept once and before it is told, and nothing is promoted without proof."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from reports.gates import AnotherIsOpen, NameTaken
from reports.judgement.gate import Phase
from reports.store.errors import StoreError
from scenarios.gates.records import Looked, Opened, StageBegan, Told
from tests.vedette.service.gate_world import KEY, NAMES, NoHistory, World, side, until
from vedette.service import gate_going
from vedette.service import gates as gates_module
from vedette.service.deploying import Unknown
from vedette.service.gate_answers import NoSuchStage
from vedette.service.gate_opening import Opener
from vedette.service.gating import CannotAsk, NoSuchGate, NotNow, NotPossible, Wanted

pytestmark = pytest.mark.anyio


@pytest.fixture
def world(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(gate_going, "AGAIN_S", 0.01)
    monkeypatch.setattr(gate_going, "LOOK_S", (0.01, 0.02))
    where = tmp_path / "results.db"
    where.write_bytes(empty_store.read_bytes())
    folder = tmp_path / "policies"
    folder.mkdir()
    made = World(folder, where)
    yield made
    made.gates.close()


# The life of a gate


async def test_before_its_first_stage_a_gate_asks_nothing_and_promotes_nothing(world: World) -> None:
    async with world.going():
        gate = await world.open()
        await asyncio.sleep(0.05)
        told = await world.gates.decision("shop@2")
    assert (gate.phase, gate.service, gate.opened_by, gate.weights) == (Phase.PENDING, "shop/checkout", "ci", (5, 50, 100))
    assert (told["decision"], told["reason_code"], told["stage"], told["fresh"]) == ("hold", "not_begun", None, False)
    assert world.waiting == world.asked == 0 and world.kinds() == ["opened"]


async def test_a_sound_canary_goes_through_all_stages(world: World) -> None:
    async with world.going() as gates:
        await world.open(weight=5)
        for weight in (50, 100):
            await world.rounds(25)
            assert (await gates.decision("shop@2"))["decision"] == "promote"
            await gates.stage("shop@2", weight, "ci")
            assert (await gates.decision("shop@2"))["decision"] == "hold"
            assert (await gates.decision("shop@2", 5))["decision"] == "promote"
        await world.rounds(25)
        await until(lambda: not gates.active)
        told = await gates.decision("shop@2")
    assert (told["decision"], told["phase"], told["fresh"]) == ("promote", "promoted", True)
    assert world.kept().ended_at is not None and world.replayed().phase is Phase.PROMOTED
    assert [made.closed for made in world.askings] == [True] and world.askings[0].moves == 2


async def test_a_canary_that_breaks_what_matters_is_rolled_back_for_good(world: World) -> None:
    async with world.going() as gates:
        await world.open(weight=5)
        await world.rounds(2)
        await world.rounds(2, side("health is told"))
        await until(lambda: not gates.active)
        for weight in (None, 5, 50, 100):
            assert (await gates.decision("shop@2", weight))["decision"] == "rollback"
        with pytest.raises(NotNow, match=r"the gate 'shop@2' is over \(rolled_back\)"):
            await gates.stage("shop@2", 50, "ci")
        with pytest.raises(NotNow, match="is over"):
            await gates.tell("shop@2", "promote", "jo", "I know better")
    assert world.replayed().reason_code == "trigger:critical_errors"


async def test_what_is_told_is_what_a_replay_of_the_evidence_comes_to(world: World) -> None:
    async with world.going() as gates:
        await world.open(weight=5)
        for number in range(12):
            await world.rounds(1, side("shelves are shown") if number % 3 == 0 else side())
            assert (await gates.decision("shop@2"))["samples"]["pairs"] == number + 1
            world.replayed()


async def test_a_stage_that_is_not_shown_keeps_the_next_from_beginning(world: World) -> None:
    async with world.going() as gates:
        await world.open(weight=5)
        await world.rounds(3)
        with pytest.raises(NotNow, match="the stage of 5 % is not shown: "):
            await gates.stage("shop@2", 50, "ci")
        assert (await gates.decision("shop@2", 50))["reason_code"] == "stage_not_begun"
    assert world.kinds().count("stage") == 1


async def test_a_stage_that_begins_twice_begins_once(world: World) -> None:
    async with world.going() as gates:
        await world.open()
        for _ in range(3):
            await gates.stage("shop@2", 5, "ci")
    assert world.kinds() == ["opened", "stage"]


async def test_a_stage_that_is_left_out_is_not_called_shown(world: World) -> None:
    async with world.going() as gates:
        await world.open(weight=50)
        assert (await gates.decision("shop@2", 5))["reason_code"] == "stage_skipped"
        await gates.stage("shop@2", 5, "ci")  # the rollout went back
        assert (await gates.decision("shop@2", 50))["decision"] == "hold"


async def test_a_weight_that_no_stage_has_is_refused(world: World) -> None:
    async with world.going() as gates:
        await world.open()
        for asking in (gates.stage("shop@2", 51, "ci"), gates.decision("shop@2", 51), world.open("other", weight=51)):
            with pytest.raises(NoSuchStage, match="its stages have 5, 50, 100"):
                await asking


async def test_what_is_not_there_is_not_made_up(world: World) -> None:
    async with world.going() as gates:
        for asking in (gates.get("x"), gates.decision("x"), gates.stage("x", 5, "ci"), gates.tell("x", "hold", "jo", "why")):
            with pytest.raises(NoSuchGate):
                await asking


# Who may be opened


async def test_a_policy_that_was_not_given_cannot_be_named(world: World) -> None:
    with pytest.raises(Unknown, match="this service was given no policy 'shoop'; did you mean 'shop'"):
        await world.open(policy="shoop")
    assert world.ledger.list() == []


async def test_the_same_version_on_both_sides_is_refused(world: World) -> None:
    with pytest.raises(NotPossible, match="both sides have the version '2'"):
        await world.open(baseline_version="2")
    assert world.ledger.list() == []


async def test_versions_come_from_who_opens_or_from_the_file(world: World) -> None:
    async with world.going():
        gate = await world.open(canary_version="2.1-rc1")
    assert (gate.canary_version, gate.baseline_version) == ("2.1-rc1", "1")
    (opened, *_) = world.records()
    assert isinstance(opened, Opened) and opened.policy["canary"]["version"] == "2.1-rc1"


async def test_the_same_again_is_the_gate_that_is_there(world: World) -> None:
    async with world.going() as gates:
        made = [await gates.open(Wanted("shop", "shop@2", weight=5), "ci") for _ in range(3)]
    assert [is_new for _, is_new in made] == [True, False, False]
    assert world.kinds() == ["opened", "stage"] and len(world.ledger.list()) == 1
    with pytest.raises(NameTaken):
        await world.open(canary_version="3")


async def test_two_gates_for_one_service_are_refused_however_they_race(world: World) -> None:
    async with world.going() as gates:
        opening = (gates.open(Wanted("shop", f"gate-{n}"), "ci") for n in range(8))
        ended = await asyncio.gather(*opening, return_exceptions=True)
        opened = [one for one in ended if isinstance(one, tuple)]
        refused = [one for one in ended if isinstance(one, AnotherIsOpen)]
        assert len(opened) == 1 and len(refused) == 7
        assert {one.name for one in refused} == {opened[0][0].name} and len(gates.active) == 1


async def test_another_service_may_have_its_own_gate(world: World) -> None:
    world.write("blog", "blog")
    world.reload()
    async with world.going() as gates:
        await world.open()
        await world.open("blog@1", policy="blog")
        assert [one.name for one in gates.active] == ["shop@2", "blog@1"]


async def test_so_many_gates_are_open_and_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates_module, "MOST_OPEN", 1)
    world.write("blog", "blog")
    world.reload()
    async with world.going():
        await world.open()
        with pytest.raises(NotNow, match="1 gates are open here already"):
            await world.open("blog@1", policy="blog")
        assert (await world.open()).name == "shop@2"


# People


async def test_a_gate_that_is_held_promotes_nothing_until_it_is_resumed(world: World) -> None:
    async with world.going() as gates:
        await world.open(weight=5)
        await gates.tell("shop@2", "hold", "jo", "I look first")
        await world.rounds(25)
        held = await gates.decision("shop@2")
        assert (held["decision"], held["held_by"]) == ("hold", "jo: I look first")
        with pytest.raises(NotNow):
            await gates.stage("shop@2", 50, "ci")
        await gates.tell("shop@2", "resume", "jo", "it is well")
        assert (await gates.decision("shop@2"))["decision"] == "promote"


async def test_who_decides_instead_stands_in_the_evidence(world: World) -> None:
    async with world.going() as gates:
        await world.open(weight=5)
        await gates.tell("shop@2", "rollback", "jo", "customers call")
        await until(lambda: not gates.active)
    told = world.records()[-1]
    assert isinstance(told, Told) and (told.action, told.by, told.reason) == ("rollback", "jo", "customers call")
    assert world.replayed().phase is Phase.ROLLED_BACK


async def test_a_gate_is_cancelled_and_frees_its_service(world: World) -> None:
    async with world.going() as gates:
        await world.open()
        await gates.tell("shop@2", "cancel", "jo", "the rollout was given up")
        await until(lambda: not gates.active)
        assert (await gates.decision("shop@2"))["decision"] == "inconclusive"
        await world.open("shop@3", canary_version="3")


async def test_nothing_is_promoted_before_a_stage_has_begun(world: World) -> None:
    async with world.going() as gates:
        await world.open()
        with pytest.raises(NotNow, match="no stage has begun"):
            await gates.tell("shop@2", "promote", "jo", "go")
    assert world.kinds() == ["opened"]


async def test_a_person_may_decide_what_a_gate_could_not(world: World) -> None:
    async with world.going() as gates:
        await world.open(weight=5)
        await world.rounds(60, side(none=["shelves are shown"]))
        await until(lambda: not gates.active)
        assert world.kept().phase is Phase.INCONCLUSIVE
        await gates.tell("shop@2", "promote", "jo", "seen by hand")
        assert (await gates.decision("shop@2"))["decision"] == "promote"
        await gates.stage("shop@2", 50, "ci")
        await world.rounds(3)
        assert (await gates.decision("shop@2"))["samples"]["pairs"] == 3
        assert (await gates.decision("shop@2", 5))["decision"] == "promote"
    assert world.replayed().phase is Phase.RUNNING


async def test_reasons_lose_what_must_not_be_shown(world: World) -> None:
    async with world.going() as gates:
        await world.open(weight=5)
        await gates.tell("shop@2", "hold", "jo", f"{KEY} leaked to sam.miller@example.com")
    everything = "\n".join(world.ledger.evidence(world.kept().id)) + json.dumps(world.kept().decision)
    assert KEY not in everything and "sam.miller" not in everything and "leaked to" in everything


# What goes wrong


async def test_a_store_that_is_away_costs_no_evidence_and_no_round_is_asked_meanwhile(world: World) -> None:
    async with world.going() as gates:
        await world.open(weight=5)
        await world.rounds(2)
        world.ledger.away = True
        for _ in range(3):
            world.turns.put_nowait((side(), side()))
        await until(lambda: world.asked == 3)
        await asyncio.sleep(0.1)
        assert world.asked == 3 and (await gates.decision("shop@2"))["samples"]["pairs"] == 2
        with pytest.raises(StoreError):
            await gates.tell("shop@2", "hold", "jo", "why")
        world.ledger.away = False
        await until(lambda: world.kept().decision["samples"]["pairs"] == 5)
    assert world.kinds() == ["opened", "stage", *["round"] * 5]
    world.replayed()


async def test_what_the_store_took_without_saying_so_is_not_kept_twice(world: World) -> None:
    async with world.going():
        await world.open(weight=5)
        world.ledger.deaf = 2
        await world.rounds(5)
        await until(lambda: world.kept().decision["samples"]["pairs"] == 5)
    assert world.kinds() == ["opened", "stage", *["round"] * 5]
    world.replayed()


async def test_a_round_that_breaks_is_no_evidence_and_the_gate_goes_on(world: World) -> None:
    async with world.going() as gates:
        await world.open(weight=5)
        world.turns.put_nowait(RuntimeError(f"a bug with {KEY}"))
        await until(lambda: world.lines() == 3)
        await world.rounds(2)
        told = await gates.decision("shop@2")
        assert (told["decision"], told["samples"]["pairs"], told["fresh"]) == ("hold", 2, True)
    assert [one.trouble for one in world.records() if isinstance(one, Looked)] == ["a round broke: RuntimeError"]


async def test_while_the_sides_cannot_be_asked_the_gate_holds_and_says_why(world: World) -> None:
    world.cannot_ask = "the policy's files cannot be used: there is no file 'suite.yaml'"
    async with world.going() as gates:
        await world.open(weight=5)
        await until(lambda: world.lines() >= 4)
        told = await gates.decision("shop@2")
        assert (told["decision"], told["fresh"], told["samples"]["pairs"]) == ("hold", False, 0)
        world.cannot_ask = ""
        await world.rounds(2)
    assert any(isinstance(one, Looked) and one.trouble == "the policy's files cannot be used: there is no file 'suite.yaml'"
               for one in world.records())  # fmt: skip


async def test_a_decision_whose_rounds_stopped_says_that_it_does_not_speak_for_now(world: World) -> None:
    async with world.going() as gates:
        await world.open(weight=5)
        await world.rounds(2)
        assert (await gates.decision("shop@2"))["fresh"] is True
        world.clock.go(3600)
        stale = await gates.decision("shop@2")
    assert stale["fresh"] is False and stale["warnings"][-1].startswith("rounds are no longer asked")


# Restarts


async def test_a_gate_goes_on_after_a_restart_in_the_middle_of_a_stage(world: World) -> None:
    async with world.going():
        await world.open(weight=5)
        await world.rounds(4)
    for _ in range(3):
        world = world.restarted(away_s=20)
        async with world.going():
            await world.rounds(4)
    assert world.kept().decision["samples"]["pairs"] == 14 or world.kept().decision["decision"] == "promote"
    assert world.kinds().count("round") == 13
    assert [one.trouble for one in world.records() if isinstance(one, Looked)] == ["the service was away and goes on"] * 3
    world.replayed()


async def test_a_scenario_that_the_suite_lost_meanwhile_is_not_done_without(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world.going():
        await world.open(weight=5)
        await world.rounds(1)
    opened = world.records()[0]
    assert isinstance(opened, Opened) and set(opened.scenarios) == set(NAMES)
    gate = world.kept()
    suite = world.folder / "suite.yaml"
    suite.write_text(suite.read_text().replace("name: shelves are shown", "name: shelves are seen"))
    monkeypatch.setenv("CANARY_KEY", KEY)
    opener = Opener(world.ledger, world.policies, NoHistory(), location="local")
    with pytest.raises(CannotAsk, match="has no scenario 'shelves are shown' for this target any more"):
        await opener.asking(gate)


async def test_a_gate_that_had_not_begun_waits_on_after_a_restart(world: World) -> None:
    async with world.going():
        await world.open()
    world = world.restarted()
    async with world.going() as gates:
        await gates.stage("shop@2", 5, "ci")
        await world.rounds(2)
    assert world.kinds() == ["opened", "stage", "round", "round"]


async def test_a_gate_of_another_location_is_left_to_it(world: World) -> None:
    async with world.going():
        await world.open(weight=5)
    elsewhere = World(world.folder, world.where, world.clock, location="fra1")
    async with elsewhere.going() as gates:
        assert gates.active == []
        assert (await gates.decision("shop@2"))["decision"] == "hold"
        await gates.tell("shop@2", "hold", "jo", "seen from elsewhere")
        assert gates.active == []
    elsewhere.gates.close()
    world = world.restarted()
    async with world.going():
        await world.rounds(2)
    assert [one.kind for one in world.records()] == ["opened", "stage", "told", "looked", "round"]
    world.gates.close()


async def test_a_changed_policy_holds_for_new_gates_only(world: World) -> None:
    async with world.going() as gates:
        await world.open(weight=5)
        text = (world.folder / "shop.yaml").read_text().replace("weight: 50,", "weight: 40,")
        (world.folder / "shop.yaml").write_text(text)
        world.reload()
        assert world.policies.named("shop").policy.stages[1].weight == 40
        await world.rounds(25)
        assert (await gates.stage("shop@2", 50, "ci")).weights == (5, 50, 100)
    assert [one.index for one in world.records() if isinstance(one, StageBegan)] == [0, 1]
