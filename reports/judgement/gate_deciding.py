"""This file is for what a gate's state means: the decision, with its figures and its reason in words."""

from __future__ import annotations

from dataclasses import replace

from reports.judgement import gate_metrics
from reports.judgement.e_values import CAP
from reports.judgement.gate_decision import Decision, MetricStands, Phase, TriggerStands, Verb
from reports.judgement.gate_lacking import expected_rounds, incident, lacking
from reports.judgement.gate_rules import TriggerRule
from reports.judgement.gate_state import GateState, TriggerState
from reports.judgement.gate_words import plain, shown, warnings

_REASON = 400  # characters


def decide(state: GateState, *, stage: int | None = None) -> Decision:
    """Return what the gate decides now, about the stage that it is at, or about the stage of that place.

    Raises: IndexError where there is no stage of that place.
    """
    if stage is not None and not 0 <= stage < len(state.rules.stages):
        raise IndexError(f"there is no stage {stage}")
    verb, code, say = _verdict(state)
    decision = _figures(state, verb, code, say)
    if stage is None or stage == state.stage or state.phase in (Phase.ROLLED_BACK, Phase.CANCELLED):
        return decision
    return _of_another(state, decision, stage)


def _verdict(state: GateState) -> tuple[Verb, str, str]:
    if state.end is not None:
        return state.end.verb, state.end.code, state.end.say
    if state.held_by:
        return Verb.HOLD, "held", f"held by {state.held_by}"
    if state.stage < 0:
        return Verb.HOLD, "not_begun", "no stage has begun"
    if state.phase is Phase.PROMOTED:
        return Verb.PROMOTE, _shown_code(state), f"all stages are shown; {shown(state)}"
    if state.tally.is_shown:
        now = None if state.tally.told_by else incident(state)
        return (Verb.PROMOTE, _shown_code(state), shown(state)) if now is None else (Verb.HOLD, now.code, now.say)
    lack = lacking(state)
    if lack is None:  # `step` has settled that already
        raise RuntimeError("a stage lacks nothing and is not shown")
    return Verb.HOLD, lack.code, lack.say


def _shown_code(state: GateState) -> str:
    return "told" if state.tally.told_by else "shown"


def _of_another(state: GateState, decision: Decision, stage: int) -> Decision:
    weight = state.rules.stages[stage].weight
    if stage > state.stage:
        say = f"the stage of {weight:g} % has not begun"
        verb, code = Verb.HOLD, "stage_not_begun"
    elif state.held_by:
        return decision
    elif stage < state.shown_upto:
        verb, code, say = Verb.PROMOTE, "shown", f"the stage of {weight:g} % was shown, and the gate is behind it"
    else:
        verb, code, say = Verb.HOLD, "stage_skipped", f"the stage of {weight:g} % was skipped, and not shown since"
    return replace(
        decision, verb=verb, final=verb is Verb.PROMOTE, reason_code=code, reason=_said(state, say), stage=stage, weight=weight
    )


def _figures(state: GateState, verb: Verb, code: str, say: str) -> Decision:
    asked, tally, rules = state.asked, state.tally, state.rules
    bets = None if asked.margin is None else state.bets(asked.margin)
    k, bound = (tally.k, tally.upper_bound) if tally.is_shown else (None, None)
    if bets is not None and k is None:
        k, bound = bets.k, bets.upper_bound_points if tally.seen or state.rounds_all else None
    return Decision(
        phase=state.phase,
        verb=verb,
        final=verb is not Verb.HOLD,
        reason_code=code,
        reason=_said(state, say),
        at=state.at,
        stage=state.stage,
        weight=asked.weight if state.stage >= 0 else 0.0,
        stage_since=tally.since_at,
        e=min(CAP, state.e),
        e_threshold=1 / rules.alpha,
        k=min(CAP, k) if k is not None else 1.0,
        k_threshold=1 / rules.beta,
        margin=asked.margin,
        upper_bound=bound,
        rounds=tally.rounds,
        rounds_all=state.rounds_all,
        rounds_expected=expected_rounds(state),
        canary_failed=tally.canary_failed,
        baseline_failed=tally.baseline_failed,
        no_evidence=tally.misrouted + tally.unproven,
        min_rounds=asked.min_rounds,
        max_rounds=asked.max_rounds,
        triggers=tuple(_trigger(state, *one) for one in zip(rules.triggers, state.triggers, strict=True)),
        metrics=tuple(
            MetricStands(rule.id, rule.weight, min(CAP, one.e), plain(gate_metrics.say_of(rule, one, state.clock.now), 160))
            for rule, one in zip(rules.metrics, state.metrics, strict=True)
        ),
        warnings=warnings(state),
        shadow=rules.shadow,
        held_by=state.held_by,
        gate=state.gate,
        alpha=rules.alpha,
        beta=rules.beta,
    )


def _said(state: GateState, say: str) -> str:
    return plain(f"shadow mode, binds nobody: {say}" if state.rules.shadow else say, _REASON)


def _trigger(state: GateState, rule: TriggerRule, one: TriggerState) -> TriggerStands:
    word = "clear" if one.armed else "unproven"
    if one.seen or one.shared:
        word = "watched"
    if state.end is not None and state.end.code == f"trigger:{rule.id}":
        word = "fired"
    return TriggerStands(rule.id, word, one.armed, one.seen, plain(one.say, 200))
