"""This file is for what a gate says to people: why it decides so, and what they should know besides."""

from __future__ import annotations

from reports.judgement import gate_metrics
from reports.judgement.gate_lacking import CLOCKS_APART_S, increase
from reports.judgement.gate_state import GateState
from reports.judgement.independence import THIN

_SHORT = 160  # characters of a warning


def plain(text: object, longest: int) -> str:
    """Return text on one line, without anything that a terminal or a log could take for a command."""
    said = " ".join("".join(one if one.isprintable() else " " for one in str(text)).split())
    return said if len(said) <= longest else f"{said[: longest - 1]}…"


def worse(state: GateState) -> str:
    """Say by what the canary is worse: the metric with the most evidence against it."""
    rule, one = max(zip(state.rules.metrics, state.metrics, strict=True), key=lambda pair: pair[0].weight * pair[1].e)
    said = gate_metrics.against(rule, one)
    where = gate_metrics.most_failing(state.failing) if rule.kind == "rounds" else ""
    return f"{said}{'; ' if where else ''}{where}; evidence {state.e:.3g}, {1 / state.rules.alpha:g} rolls back"


def shown(state: GateState) -> str:
    """Say what is shown of the stage."""
    asked, tally = state.asked, state.tally
    if tally.told_by:
        return f"promoted by {tally.told_by}"
    if asked.margin is None or tally.upper_bound is None:
        return f"{tally.rounds} rounds on both sides, the newest good on the canary; each trigger could have been seen, none was"
    return f"{tally.rounds} rounds; {increase(tally.upper_bound, asked.margin, state.rules.beta)}, as needed"


def warnings(state: GateState) -> tuple[str, ...]:
    """Return what should be known besides the decision."""
    said = [*_of_rounds(state), *_of_metrics(state), *_of_triggers(state)]
    if state.skipped:
        first, last = state.rules.stages[state.shown_upto], state.rules.stages[state.stage]
        said.append(f"stages from {first.weight:g} % on were skipped: what they ask is asked at {last.weight:g} %, too")
    if state.clock.setbacks:
        said.append("the clock was set back; time is counted on from there")
    return tuple(plain(one, _SHORT) for one in said)


def _of_rounds(state: GateState) -> list[str]:
    newest, said = state.newest, []
    if newest.trouble:
        said.append(f"the newest round could not be asked: {newest.trouble}")
    if newest.clocks_apart_s is not None and newest.clocks_apart_s > CLOCKS_APART_S:
        said.append(f"the clocks of both sides are {newest.clocks_apart_s:.0f} s apart")
    for side, versions in (("canary", newest.canary_said), ("baseline", newest.baseline_said)):
        if versions:
            said.append(f"answers of the {side} say another version: {', '.join(versions)}")
    canary, baseline = state.tally.flawed
    if canary > baseline:
        rounds = f"{canary} of {state.tally.usable} rounds"
        said.append(f"good on the canary, but flaky or slow, in {rounds}, on the baseline in {baseline}")
    if state.tally.strayed:
        rounds = f"{state.tally.strayed} of {state.tally.seen} rounds"
        said.append(f"another version answered for the canary in {rounds}: where a proxy steps in for a failure, that hides it")
    effect = state.echoes.design_effect
    if effect is not None and effect > THIN:
        said.append(f"evidence thinned: failures come in bursts, {effect:.1f} rounds count as one; a longer 'gap' would be right")
    return said


def _of_metrics(state: GateState) -> list[str]:
    rows = zip(state.rules.metrics, state.metrics, strict=True)
    return [f"metric '{rule.id}': {say}" for rule, one in rows if (say := gate_metrics.say_of(rule, one, state.clock.now))]


def _of_triggers(state: GateState) -> list[str]:
    rows = zip(state.rules.triggers, state.triggers, strict=True)
    return [f"'{rule.id}' was seen on the baseline, too" for rule, one in rows if one.elsewhere]
