"""This file is for our Canary under Flagger's own rules: each rollout ends as it should, and never promoted without proof."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from reports.judgement.gate import Phase
from reports.store.errors import StoreError
from tests.deploy.flagger_rules import Flagger
from tests.deploy.shipped import documents
from tests.deploy.world import BLIND, BOTH_BROKEN, BROKEN, POLICY, SOUND, World
from vedette.service.scopes import Scope

(CANARY,) = documents("flagger/canary.yaml")
TICK_S = 30.0
LONG = 400  # ticks


def flagger_in(world: World, webhooks: Callable[[list[dict[str, Any]]], list[dict[str, Any]]] = list) -> Flagger:
    """Return Flagger with our Canary in a world, a new build being there."""
    analysis = CANARY["spec"]["analysis"]

    def sets(weight: int) -> None:
        world.weight = weight

    spec = {**CANARY["spec"], "analysis": {**analysis, "webhooks": webhooks(analysis["webhooks"])}}
    return Flagger(spec, "shop", "checkout", world.post, sets, target="7f6d9c")


def ticked(world: World, flagger: Flagger, ticks: int = LONG) -> str:
    """Let Flagger tick until the rollout is over, and return its phase."""
    for _ in range(ticks):
        flagger.tick()
        world.go(TICK_S)
        if flagger.phase in ("Succeeded", "Failed"):
            break
    return flagger.phase


def without(*kinds: str) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    return lambda hooks: [hook for hook in hooks if hook["type"] not in kinds]


def test_a_sound_canary_is_promoted_step_by_step(world: World) -> None:
    flagger = flagger_in(world)
    assert ticked(world, flagger) == "Succeeded"
    assert flagger.weights == [5, 25, 50, 0]
    assert flagger.failed_checks == 0  # what is only held must not count as failed


def test_a_sound_canary_takes_no_step_before_its_stage_is_shown(world: World) -> None:
    flagger = flagger_in(world)
    while flagger.phase != "Promoting":
        before = flagger.weight
        stage = world.gates.ledger.list(1)
        flagger.tick()
        if flagger.weight > before > 0:
            told = stage[0].decision
            assert (told["decision"], told["stage"]["weight"]) == ("promote", before)
        world.go(TICK_S)


@pytest.mark.parametrize("weight", [0, 5, 25, 50])
def test_a_canary_that_breaks_is_rolled_back_at_once(world: World, weight: float) -> None:
    world.sides_at = lambda now: BROKEN if now >= weight else SOUND
    flagger = flagger_in(world)
    assert ticked(world, flagger) == "Failed"
    assert max(flagger.weights, default=0) == weight
    assert "Rolling back: manual webhook invoked" in flagger.events
    assert world.gate().phase is Phase.ROLLED_BACK


def test_a_shared_incident_holds_and_ends_nothing(world: World) -> None:
    world.sides_at = lambda weight: BOTH_BROKEN if weight == 25 else SOUND
    flagger = flagger_in(world)
    assert ticked(world, flagger, 60) == "Progressing"
    assert flagger.weight == 25


def test_what_could_not_be_decided_waits_for_a_person(world: World) -> None:
    world.sides_at = lambda weight: BLIND if weight == 25 else SOUND
    flagger = flagger_in(world)
    assert ticked(world, flagger, 200) == "Progressing"
    assert (flagger.weight, world.gate().phase) == (25, Phase.INCONCLUSIVE)


@pytest.mark.parametrize("weight", [0, 5, 25, 50])
def test_without_the_gate_a_canary_is_never_promoted(world: World, weight: float) -> None:
    flagger = flagger_in(world)
    while flagger.weight < weight or flagger.phase == "Succeeded":
        flagger.tick()
        world.go(TICK_S)
    world.is_down = True
    assert ticked(world, flagger) == "Failed"
    assert max(flagger.weights, default=0) == weight
    assert any("failed checks threshold reached" in event for event in flagger.events)


@pytest.mark.parametrize("weight", [0, 5, 25, 50])
def test_a_gate_that_answers_and_watches_nothing_never_promotes(world: World, weight: float) -> None:
    flagger = flagger_in(world)
    while flagger.weight < weight or flagger.phase == "Succeeded":
        flagger.tick()
        world.go(TICK_S)
    world.is_deaf = True
    assert ticked(world, flagger) == "Failed"
    assert max(flagger.weights, default=0) == weight
    assert any("so nobody watches this canary" in event or "no round" in event for event in flagger.events)


def test_a_gate_that_is_down_before_the_rollout_lets_it_wait(world: World) -> None:
    world.is_down = True
    flagger = flagger_in(world)
    assert ticked(world, flagger, 50) == "Waiting"
    world.is_down = False
    assert ticked(world, flagger) == "Succeeded"


def test_a_short_absence_of_the_gate_is_borne(world: World) -> None:
    flagger = flagger_in(world)
    while flagger.weight < 25:
        flagger.tick()
        world.go(TICK_S)
    world.is_down = True
    flagger.tick()
    world.go(TICK_S)
    world.is_down = False
    assert ticked(world, flagger) == "Succeeded"
    assert flagger.failed_checks == 1


def test_a_person_holds_and_lets_go(world: World) -> None:
    flagger = flagger_in(world)
    while flagger.weight < 25:
        flagger.tick()
        world.go(TICK_S)
    world.tell("hold")
    assert ticked(world, flagger, 60) == "Progressing"
    assert flagger.weight == 25
    world.tell("resume")
    assert ticked(world, flagger) == "Succeeded"


def test_a_person_rolls_back(world: World) -> None:
    flagger = flagger_in(world)
    while flagger.weight < 25:
        flagger.tick()
        world.go(TICK_S)
    world.tell("rollback")
    assert ticked(world, flagger, 2) == "Failed"


@pytest.mark.parametrize("sides", [SOUND, BROKEN, BLIND], ids=["sound", "broken", "blind"])
def test_in_shadow_mode_nobody_is_bound(make_world: Callable[..., World], sides: Any) -> None:
    world = make_world(policy=POLICY + "shadow: true\n")
    world.sides_at = lambda weight: sides
    flagger = flagger_in(world)
    assert ticked(world, flagger) == "Succeeded"
    assert flagger.failed_checks == 0


def test_a_step_that_was_granted_and_not_made_holds(world: World) -> None:
    flagger = flagger_in(world)
    while flagger.weight < 5:
        flagger.tick()
        world.go(TICK_S)

    def fails(weight: int) -> None:
        if weight == 25:
            raise OSError("no routes")

    flagger.sets_weight = fails
    assert ticked(world, flagger, 60) == "Progressing"
    assert (flagger.weight, world.gate().decision["stage"]["weight"]) == (5, 5)


def test_without_events_the_steps_are_counted(world: World) -> None:
    flagger = flagger_in(world, without("event"))
    assert ticked(world, flagger) == "Succeeded"
    assert flagger.weights == [5, 25, 50, 0]


def test_steps_that_are_no_stages_hold(world: World) -> None:
    flagger = flagger_in(world)
    flagger.spec = {**flagger.spec, "analysis": {**flagger.analysis, "stepWeights": [10, 50]}}
    assert ticked(world, flagger, 60) == "Progressing"
    assert flagger.weight == 10


@pytest.mark.parametrize("events", [True, False], ids=["told", "not told"])
def test_fewer_steps_than_stages_are_not_promoted(world: World, events: bool) -> None:
    flagger = flagger_in(world, list if events else without("event"))
    flagger.spec = {**flagger.spec, "analysis": {**flagger.analysis, "stepWeights": [5]}}
    assert ticked(world, flagger, 60) == "WaitingPromotion"


def test_a_new_build_meanwhile_gets_a_gate_of_its_own(world: World) -> None:
    flagger = flagger_in(world)
    while flagger.weight < 25:
        flagger.tick()
        world.go(TICK_S)
    flagger.target = "8a8a8a"
    assert ticked(world, flagger) == "Succeeded"
    new, old = world.gates.ledger.list(2)
    assert (new.name, old.name) == ("shop.checkout@8a8a8a", "shop.checkout@7f6d9c")
    assert old.phase is Phase.CANCELLED
    assert flagger.weights == [5, 25, 0, 5, 25, 50, 0]


@pytest.mark.parametrize("hears_the_end", [True, False], ids=["told of the end", "not told"])
def test_the_same_build_again_is_judged_again(world: World, hears_the_end: bool) -> None:
    flagger = flagger_in(world, list if hears_the_end else without("post-rollout"))
    assert ticked(world, flagger) == "Succeeded"
    flagger.target = "other"
    assert ticked(world, flagger) == "Succeeded"
    flagger.target = "7f6d9c"
    world.sides_at = lambda weight: BROKEN if weight == 5 else SOUND
    flagger.weights.clear()
    flagger.tick()
    assert ticked(world, flagger) == "Failed"
    assert flagger.weights == [5, 0]
    assert world.gate().name == "shop.checkout@7f6d9c-2"


def test_a_build_that_was_rolled_back_may_come_again(world: World) -> None:
    world.sides_at = lambda weight: BROKEN
    flagger = flagger_in(world)
    assert ticked(world, flagger) == "Failed"
    flagger.applied = "other"
    world.sides_at = lambda weight: SOUND
    flagger.tick()
    assert ticked(world, flagger) == "Succeeded"


# One hook at a time.


def asked(world: World, hook: str, key: str = "7f6d9c", **metadata: str) -> tuple[int, str]:
    body = {"name": "checkout", "namespace": "shop", "phase": "Progressing", "checksum": key}
    return world.post(f"/api/v1/flagger/{hook}", json.dumps({**body, "metadata": {"policy": "checkout", **metadata}}))


NO = {"confirm-rollout": 403, "pre-rollout": 409, "rollout": 409, "confirm-traffic-increase": 403, "confirm-promotion": 403,
      "rollback": 403}  # fmt: skip


def test_smoke_that_is_not_shown_is_a_no_unless_the_hook_says_that_another_holds(world: World) -> None:
    assert asked(world, "pre-rollout")[0] == 409
    assert asked(world, "pre-rollout", on_hold="pass")[0] == 200
    assert asked(world, "confirm-traffic-increase")[0] == 403
    world.go(60)
    assert asked(world, "pre-rollout")[0] == 200


@pytest.mark.parametrize("hook", [hook for hook in NO if hook not in ("confirm-rollout", "pre-rollout")])
def test_a_rollout_that_no_gate_knows_gets_a_no(world: World, hook: str) -> None:
    status, text = asked(world, hook, "unknown")
    assert (status, text) == (NO[hook], "no gate was opened for shop.checkout@unknown: the hook pre-rollout opens it")


@pytest.mark.parametrize("hook", NO)
@pytest.mark.parametrize("metadata", [{}, {"token": ""}, {"token": "vdt_0123456789ab_" + "0" * 48}, {"token": "read"}], ids=str)
def test_a_wrong_token_gets_a_no(make_world: Callable[..., World], hook: str, metadata: Mapping[str, str]) -> None:
    world = make_world(require_tokens=True)
    sent = {**metadata, **({"token": world.token(Scope.READ)} if metadata.get("token") == "read" else {})}
    status, text = asked(world, hook, **sent)
    assert status == NO[hook]
    assert text.startswith("metadata.token: ")
    assert sent.get("token", "") == "" or sent["token"] not in text


def test_a_right_token_is_let_in(make_world: Callable[..., World]) -> None:
    world = make_world(require_tokens=True)
    token = world.token(Scope.GATE)
    assert asked(world, "confirm-rollout", token=token)[0] == 200
    assert asked(world, "pre-rollout", token=token, on_hold="pass")[0] == 200
    assert world.gate().opened_by == "t0"
    (entry,) = world.service.audit.list(1)
    assert (entry.who, entry.action, entry.object) == ("t0", "gate.open", "shop.checkout@7f6d9c")


@pytest.mark.parametrize("hook", NO)
@pytest.mark.parametrize(
    "body",
    ["", "null", "[]", "{}", '{"name": "../..", "namespace": "shop", "checksum": "1"}', '{"name": "a", "namespace": "b"}',
     '{"name": "a", "namespace": "b", "checksum": "1", "metadata": {"policy": 1}}', "\x00", "[" * 2000],
    ids=["nothing", "null", "list", "empty", "hostile name", "no checksum", "no text", "no JSON", "deep"],
)  # fmt: skip
def test_what_flagger_does_not_send_gets_a_no(world: World, hook: str, body: str) -> None:
    status, text = world.post(f"/api/v1/flagger/{hook}", body)
    assert status == NO[hook]
    assert len(text) <= 200


@pytest.mark.parametrize("hook", NO)
def test_a_store_that_is_down_gets_a_no_and_no_5xx(world: World, hook: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked(world, "pre-rollout")

    def down(*_: object, **__: object) -> None:
        raise StoreError("the disk is gone")

    for name in ("get", "standing", "list", "open"):
        monkeypatch.setattr(world.gates.ledger, name, down)
    status, text = asked(world, hook)
    assert status == NO[hook]
    assert text == "hold: the gate's store or its tokens cannot be read"


@pytest.mark.parametrize("hook", NO)
def test_an_error_of_ours_gets_a_no(world: World, hook: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked(world, "pre-rollout")
    monkeypatch.setattr(world.app.state.flagger, "_book", None)
    monkeypatch.setattr(world.gates.policies, "given", None)
    assert asked(world, hook)[0] == NO[hook]


def test_nothing_is_asked_of_the_sides_and_no_page_of_another_site_gets_in(world: World) -> None:
    body = '{"name": "checkout", "namespace": "shop", "checksum": "1", "metadata": {"policy": "checkout"}}'
    status, _ = world.ask("POST", "/api/v1/flagger/pre-rollout", {"Content-Type": "text/plain"}, body)
    assert status == 409
    assert world.gates.ledger.list(5) == []


def test_another_gate_for_the_service_is_named(world: World) -> None:
    asked(world, "pre-rollout")
    body = {"name": "other", "namespace": "shop", "phase": "Progressing", "checksum": "1", "metadata": {"policy": "checkout"}}
    for hook, status in (("confirm-rollout", 403), ("pre-rollout", 409)):
        said = world.post(f"/api/v1/flagger/{hook}", json.dumps(body))
        assert said[0] == status
        assert "shop.checkout@7f6d9c" in said[1]


def test_answers_are_one_short_line(world: World) -> None:
    asked(world, "pre-rollout")
    world.tell("hold", "a long reason\n" * 30)
    status, text = asked(world, "confirm-traffic-increase")
    assert status == 403
    assert len(text) <= 200 and "\n" not in text


def test_what_only_tells_is_answered_202(world: World) -> None:
    for hook in ("event", "post-rollout"):
        assert asked(world, hook)[0] == 202


def test_a_restart_forgets_no_step(world: World) -> None:
    flagger = flagger_in(world)
    while flagger.weight < 25:
        flagger.tick()
        world.go(TICK_S)
    before = world.app.state.flagger._book.get("shop.checkout@7f6d9c")
    world.app.state.flagger.close()
    world.open()
    assert world.app.state.flagger._book.get("shop.checkout@7f6d9c") == before
    assert (before.increases, before.granted_weight, before.told_weight) == (2, 25.0, 25.0)
    assert ticked(world, flagger) == "Succeeded"


def test_what_was_shown_while_nobody_watches_any_more_is_a_no(world: World) -> None:
    asked(world, "pre-rollout")
    world.go(120)
    assert world.gate().decision["decision"] == "promote"
    world.is_deaf = True
    world.go(120)
    for hook in ("pre-rollout", "confirm-traffic-increase", "confirm-promotion"):
        status, text = asked(world, hook)
        assert status == NO[hook]
        assert "this was shown, but rounds are no longer asked" in text
    world.tell("promote")
    assert asked(world, "confirm-traffic-increase")[0] == 200  # a person's word stands without rounds


def test_a_weight_that_is_not_the_stages_is_not_promoted(world: World) -> None:
    flagger = flagger_in(world)
    while flagger.weight < 50:
        flagger.tick()
        world.go(TICK_S)
    world.go(1200)
    assert asked(world, "event", eventMessage="Advance checkout.shop canary weight 75")[0] == 202
    status, text = asked(world, "confirm-promotion")
    assert (status, text) == (403, "hold: Flagger said that the canary has 75 %, and the gate is at 50 %")
