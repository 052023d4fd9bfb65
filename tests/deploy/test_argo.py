"""This file is for our templates under Argo's own rules: each rollout ends as it should, and never promoted without proof."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from reports.judgement.gate import Phase as GatePhase
from tests.deploy.argo_rollout import TEMPLATES, Rollout
from tests.deploy.argo_rules import Counted, End, Phase, Run, assessed, end_of, measured, refused, with_args
from tests.deploy.shipped import named
from tests.deploy.world import BLIND, BOTH_BROKEN, BROKEN, SOUND, World
from vedette.service.scopes import Scope

WEB, KAYENTA = "vedette-gate", "vedette-gate-kayenta"
BOTH = pytest.mark.parametrize("template", [WEB, KAYENTA])
WEIGHTS = {0: 1, 5: 4, 25: 6, 50: 8}  # the place of each stage's analysis among the steps


def at_step(world: World, weight: float, do: Callable[[], None]) -> Callable[[int], None]:
    """Return what does something when the step of a weight's analysis begins."""

    def before(place: int) -> None:
        if place == WEIGHTS[int(weight)]:
            do()

    return before


@BOTH
def test_a_sound_canary_is_promoted_step_by_step(world: World, template: str) -> None:
    rollout = Rollout(world, template)
    assert rollout.go() == "promoted"
    assert rollout.weights == [5, 25, 50, 100]
    assert world.gate().phase is GatePhase.PROMOTED
    assert world.gate().name == "checkout-7f6d9c5b8d"


@BOTH
@pytest.mark.parametrize("weight", [0, 5, 25, 50, 100])
def test_a_canary_that_breaks_aborts_the_rollout(world: World, template: str, weight: int) -> None:
    world.sides_at = lambda now: BROKEN if now >= weight else SOUND
    rollout = Rollout(world, template)
    assert rollout.go() == "aborted"
    assert max(rollout.weights, default=0) == weight
    assert (world.gate().phase, rollout.ended) == (GatePhase.ROLLED_BACK, Phase.FAILED)


@BOTH
@pytest.mark.parametrize("sides", [BLIND, BOTH_BROKEN], ids=["blind", "shared incident"])
def test_what_could_not_be_decided_pauses(world: World, template: str, sides: Any) -> None:
    world.sides_at = lambda weight: sides if weight == 25 else SOUND
    rollout = Rollout(world, template)
    assert rollout.go() == "paused"
    assert (rollout.weights, world.gate().phase) == ([5, 25], GatePhase.INCONCLUSIVE)


@BOTH
def test_it_pauses_as_soon_as_the_gate_says_so(world: World, template: str) -> None:
    world.sides_at = lambda weight: BLIND if weight == 5 else SOUND
    rollout = Rollout(world, template)
    assert rollout.go() == "paused"
    ended = world.gate().ended_at
    assert ended is not None
    assert world.now - ended.timestamp() <= 30


def test_holds_to_the_end_of_the_polls_pause(world: World) -> None:
    world.sides_at = lambda weight: BOTH_BROKEN if weight == 5 else SOUND
    rollout = Rollout(world, given={"polls": "40"})
    assert rollout.go() == "paused"
    assert world.gate().phase is GatePhase.RUNNING


@BOTH
@pytest.mark.parametrize("weight", [0, 5, 25, 50])
def test_without_the_gate_a_canary_is_never_promoted(world: World, template: str, weight: int) -> None:
    rollout = Rollout(world, template)
    rollout.before_step = at_step(world, weight, lambda: setattr(world, "is_down", True))
    assert rollout.go() == "aborted"
    assert (rollout.ended, max(rollout.weights, default=0)) == (Phase.ERROR, weight)


@BOTH
@pytest.mark.parametrize("weight", [5, 25, 50])
def test_a_gate_that_answers_and_watches_nothing_never_promotes(world: World, template: str, weight: int) -> None:
    rollout = Rollout(world, template, given={"polls": "40"} if template == WEB else {}, patience_s=3600)
    rollout.before_step = at_step(world, weight, lambda: setattr(world, "is_deaf", True))
    if template == WEB:
        assert rollout.go() == "paused"
    else:  # Kayenta waits as long as it takes
        with pytest.raises(AssertionError, match="never ends"):
            rollout.go()
    assert max(rollout.weights, default=0) == weight


def test_what_was_shown_while_nobody_watches_any_more_is_no_promotion(world: World) -> None:
    rollout = Rollout(world, given={"polls": "20"})

    def shown_and_deaf() -> None:
        opened = {
            "policy": "checkout",
            "name": "checkout-7f6d9c5b8d",
            "canary_version": "7f6d9c5b8d",
            "baseline_version": "5c4b3a",
        }
        world.ask("POST", "/api/v1/gates", {"Content-Type": "application/json"}, json.dumps({**opened, "stage": 0}))
        world.go(300)
        assert world.gate().decision["decision"] == "promote"
        world.is_deaf = True
        world.go(300)

    rollout.before_step = at_step(world, 0, shown_and_deaf)
    assert (rollout.go(), rollout.weights) == ("paused", [])


@BOTH
def test_a_short_absence_of_the_gate_is_borne(world: World, template: str) -> None:
    rollout = Rollout(world, template)
    back = world.now

    def away() -> None:
        nonlocal back
        world.is_down, back = True, world.now + 60

    rollout.before_step = at_step(world, 25, away)
    go = world.go

    def going(seconds: float) -> None:
        go(seconds)
        if world.is_down and world.now >= back:
            world.is_down = False

    world.go = going  # type: ignore[method-assign]
    assert rollout.go() == "promoted"


@BOTH
def test_an_unknown_policy_aborts(world: World, template: str) -> None:
    assert Rollout(world, template, given={"policy": "unknown"}).go() == "aborted"


@BOTH
def test_a_stage_that_the_policy_has_not_aborts(world: World, template: str) -> None:
    assert Rollout(world, template, given={"stage": "33"}).go() == "aborted"


@BOTH
@pytest.mark.parametrize("scopes", [(), (Scope.READ,), (Scope.METRICS,)], ids=["none", "read", "metrics"])
def test_a_wrong_token_never_promotes(make_world: Callable[..., World], template: str, scopes: tuple[Scope, ...]) -> None:
    world = make_world(require_tokens=True)
    token = world.token(*scopes) if scopes else "vdt_0123456789ab_" + "0" * 48
    assert Rollout(world, template, given={"token": token}).go() == "aborted"
    assert world.gates.ledger.list(1) == []


@BOTH
def test_a_right_token_is_let_in(make_world: Callable[..., World], template: str) -> None:
    world = make_world(require_tokens=True)
    assert Rollout(world, template, given={"token": world.token(Scope.GATE, Scope.READ)}).go() == "promoted"
    assert world.gate().opened_by == "t0"


@BOTH
def test_a_person_holds_and_lets_go(world: World, template: str) -> None:
    until = 0.0

    def hold() -> None:
        nonlocal until
        world.tell("hold")
        until = world.now + 1200

    rollout = Rollout(world, template)
    rollout.before_step = at_step(world, 25, hold)
    go = world.go

    def going(seconds: float) -> None:
        go(seconds)
        if until and world.now == until:
            assert world.weight == 25
            world.tell("resume")

    world.go = going  # type: ignore[method-assign]
    assert rollout.go() == "promoted"


@BOTH
def test_the_same_build_again_is_not_promoted_by_what_was_shown_before(world: World, template: str) -> None:
    world.sides_at = lambda weight: BROKEN if weight == 5 else SOUND
    assert Rollout(world, template).go() == "aborted"
    world.sides_at = lambda weight: SOUND
    assert Rollout(world, template).go() == "aborted"


def test_the_value_that_argo_keeps_is_one_word(world: World) -> None:
    rollout = Rollout(world)
    rollout.go()
    assert rollout.providers is not None
    assert set(rollout.providers.values) == {"checkout-7f6d9c5b8d", "hold", "promote"}


def test_a_page_of_somebody_else_in_the_way_never_promotes(world: World) -> None:
    world.ask = lambda *_: (200, "<html>welcome</html>")  # type: ignore[method-assign]
    rollout = Rollout(world, given={"polls": "40"})
    assert rollout.go() == "paused"


# Job: its command's exit code is all that Argo sees.


@pytest.mark.parametrize(("code", "end"), [(0, "promoted"), *((code, "aborted") for code in (1, 2, 3, 4, 5, 70, 143))])
def test_a_job_promotes_by_nothing_but_zero(world: World, code: int, end: str) -> None:
    asked: list[list[str]] = []

    def job(args: list[str]) -> int:
        asked.append(args)
        return code

    rollout = Rollout(world, "vedette-gate-job", given={"image": "vedette:0.1.0"}, job=job)
    assert rollout.go() == end
    assert len(asked) == (5 if code == 0 else 1)  # one for each stage, and none twice


# The rules themselves, on what is known of them: so that a mistake in them is seen.


def _metric(**more: Any) -> dict[str, Any]:
    return {"name": "one", "interval": "15s", "count": 240, "provider": {"web": {}}, **more}


def _ended(metric: Mapping[str, Any], results: list[Any]) -> tuple[Phase, int]:
    seen, taken = Counted(), 0
    for result in results:
        seen.add(Phase.ERROR if result is None else measured(result, metric))
        taken += 1
        if (phase := assessed(metric, seen, terminating=False)).is_end:
            return phase, taken
    return Phase.RUNNING, taken


CONDITIONS = {"successCondition": 'result == "promote"', "failureCondition": 'result == "rollback"'}
OURS = {**CONDITIONS, "consecutiveSuccessLimit": 1, "inconclusiveLimit": 240, "consecutiveErrorLimit": 12}


@pytest.mark.parametrize(
    ("metric", "results", "phase", "taken"),
    [
        (_metric(**OURS), ["hold"] * 50 + ["promote"], Phase.SUCCESSFUL, 51),
        (_metric(**OURS), ["hold"] * 50 + ["rollback"], Phase.FAILED, 51),
        (_metric(**OURS), ["hold"] * 240, Phase.INCONCLUSIVE, 240),
        (_metric(**OURS), [None] * 13, Phase.ERROR, 13),
        (_metric(**OURS), ([None] * 12 + ["hold"]) * 3, Phase.RUNNING, 39),
        (_metric(**CONDITIONS), ["hold"], Phase.INCONCLUSIVE, 1),
        (_metric(**CONDITIONS, inconclusiveLimit=240), ["hold"] * 240, Phase.SUCCESSFUL, 240),
        (_metric(successCondition=CONDITIONS["successCondition"]), ["hold"], Phase.FAILED, 1),
        (_metric(), ["rollback"] * 240, Phase.SUCCESSFUL, 240),
        (_metric(**OURS | {"failureLimit": 2}), ["rollback", "hold", "rollback", "rollback"], Phase.FAILED, 4),
        (_metric(**OURS | {"failureLimit": -1}), ["rollback"] * 240, Phase.FAILED, 240),
        (_metric(**CONDITIONS), [None] * 5, Phase.ERROR, 5),
    ],
    ids=["promote", "rollback", "holds", "down", "up and down", "defaults pause at once", "holds end well without a limit",
         "one condition fails a hold", "no condition passes all", "failures add up", "failures are off", "errors by default"],
)  # fmt: skip
def test_the_rules_are_those_that_are_known(metric: dict[str, Any], results: list[Any], phase: Phase, taken: int) -> None:
    assert _ended(metric, results) == (phase, taken)


def test_a_run_that_is_ended_before_it_measured_is_successful() -> None:  # so background analysis is not for us
    run = Run([_metric()], (), lambda *_: Phase.FAILED, 0.0, {"other": Counted(phase=Phase.INCONCLUSIVE)})
    assert end_of(run.reconcile(0.0)) is End.NEXT


@pytest.mark.parametrize(
    ("metric", "why"),
    [
        (_metric(count=0), "never ends"),
        (_metric(count=10, inconclusiveLimit=11), "below a limit"),
        (_metric(failureLimit=-1), "both off"),
        ({**_metric(), "interval": ""}, "no interval"),
    ],
    ids=["endless", "limit above count", "no limits", "no interval"],
)
def test_what_argo_refuses_is_refused(metric: dict[str, Any], why: str) -> None:
    assert why in refused(metric)


def test_arguments_reach_every_place() -> None:
    for name in (WEB, KAYENTA, "vedette-gate-job"):
        spec = named(TEMPLATES, "AnalysisTemplate", name)["spec"]
        args = {one["name"]: f"value-of-{one['name']}" for one in spec["args"]}
        filled = json.dumps([with_args(one, args) for one in spec["metrics"]])
        assert "{{" not in filled
        assert [arg for arg in args.values() if arg not in filled] == []
