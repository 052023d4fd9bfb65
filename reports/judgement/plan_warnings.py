"""This file is for what a person should hear of a policy before they wait for it: what will not work well, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reports.judgement.planning import Plan, StagePlan, rounds_per_unit
from scenarios.extras import lacking
from scenarios.gates.bursts import MOST_S
from scenarios.gates.loading import LoadedPolicy
from scenarios.gates.policy import RoundsMetric, TrafficMetric

_PASSES = 0.9  # part of the sound canaries that a stage should let pass
_LONG_S = 86_400.0
_SEEN = 0.9  # part of the canaries with so many failures that should be rolled back
_LARGE = 0.05  # a regression that a gate is for


def warnings_of(loaded: LoadedPolicy, plan: Plan) -> tuple[str, ...]:
    """Return what should be known before a gate is opened, in sentences."""
    return (*_stages(plan), *_evidence(loaded, plan), *_gap(loaded, plan), *_triggers(loaded), *_installed(loaded))


def _stages(plan: Plan) -> Iterator[str]:
    for stage in plan.stages:
        if stage.margin is not None and stage.passes < _PASSES:
            yield (
                f"the stage '{stage.name}' is too short for its margin: {stage.passes:.0%} of the sound canaries that come to it"
                f" pass it within its {stage.max_rounds} rounds{_enough(stage)}"
            )
        if stage.lasts_rounds > stage.bound_rounds:
            yield (
                f"the stage '{stage.name}' lasts for {stage.lasts_rounds} rounds at least, and its 'max_rounds' are"
                f" {stage.bound_rounds}: one failure after these ends it undecided"
            )
    if plan.total is not None and plan.total.seconds_p90 > _LONG_S:
        yield f"one of ten sound canaries takes longer than {plan.total.seconds_p90 / _LONG_S:.1f} days"
    if plan.total is None:
        yield "no sound canary comes to the end of this policy"
    if all(stage.margin is None for stage in plan.stages):
        yield "no stage has a margin: nothing is shown by counting, a promotion only says that nothing was noticed"


def _enough(stage: StagePlan) -> str:
    usual = stage.bound_usual_points
    return "" if usual is None or usual <= (stage.margin or 0.0) else f"; it usually can exclude {usual:.2g} points by then"


def _evidence(loaded: LoadedPolicy, plan: Plan) -> Iterator[str]:
    metrics = loaded.policy.metrics
    if not any(isinstance(one, RoundsMetric) for one in metrics):
        yield "no metric is of kind 'rounds': failing scenarios keep a stage from being shown, but roll nothing back by counting"
    for one in plan.regressions:
        if one.rate >= _LARGE and one.rolled_back < _SEEN:
            yield (
                f"a canary that fails in {one.rate:.0%} of its rounds is rolled back in {one.rolled_back:.0%} of the cases,"
                f" and promoted in {one.promoted:.0%}"
            )
    for stage in (stage for stage in plan.stages if not 0 < stage.weight < 100):
        if any(isinstance(one, TrafficMetric) for one in metrics):
            yield f"at the stage '{stage.name}' one side has no real traffic: there, counters of it show nothing"
    if loaded.policy.shadow:
        yield "it is a shadow: it decides, and nobody is bound by it"


def _gap(loaded: LoadedPolicy, plan: Plan) -> Iterator[str]:
    policy = loaded.policy
    if policy.gap is None:
        longest = rounds_per_unit(policy.every, MOST_S) * policy.every
        yield (
            f"'gap' is not given: it is taken from the history of failures when the gate is opened. Here {plan.round_s:g} s are"
            f" taken from one independent round to the next; with long bursts of failures it may be up to {longest:g} s"
            + _too_long(plan)
        )
    if plan.rounds_per_unit > 1:
        yield f"of {plan.rounds_per_unit} rounds one counts as independent: 'every' is shorter than the gap"


def _too_long(plan: Plan) -> str:
    """Return from which gap on a stage has too little time for its margin, where that may come to be."""
    spent_s, found = 0.0, []
    for stage in plan.stages:
        spent_s += stage.max_s
        if stage.fewest is not None and (limit := spent_s / stage.fewest) < MOST_S:
            found.append((limit, stage.name))
    return f", and above {min(found)[0]:.0f} s '{min(found)[1]}' cannot be shown in its time" if found else ""


def _triggers(loaded: LoadedPolicy) -> Iterator[str]:
    if not loaded.triggers:
        yield "no trigger is armed: nothing rolls back at once"
    for one in loaded.not_armed:
        yield f"the trigger '{one.id}' is not armed: {one.lacking}{_could(loaded, one.id)}"


def _could(loaded: LoadedPolicy, trigger: str) -> str:
    """Return which scenario that is left out would arm a default trigger, and why it is left out."""
    from scenarios.gates.profiles import default_triggers

    out = {one.scenario: one.why for one in loaded.left_out}
    for scenario in loaded.suite.scenarios:
        if scenario.name in out and any(d.id == trigger and d.trigger for d in default_triggers([scenario])):
            return f"; '{scenario.name}' could, but is left out: {out[scenario.name]}"
    return ""


def _installed(loaded: LoadedPolicy) -> Iterable[str]:
    missing = lacking(loaded.scenarios, [loaded.target])
    return [missing] if missing else []
