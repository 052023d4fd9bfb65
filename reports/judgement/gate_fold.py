"""This file is for the fold of a gate's records into its state."""

from __future__ import annotations

from dataclasses import replace

from reports.judgement import gate_metrics, gate_triggers
from reports.judgement.gate_counting import counted
from reports.judgement.gate_decision import Phase, Verb
from reports.judgement.gate_lacking import (
    INSUFFICIENT,
    TOO_EARLY,
    Lack,
    hopeless,
    incident,
    lacking,
)
from reports.judgement.gate_rules import rules_of
from reports.judgement.gate_state import Clock, End, GateState, Tally, TriggerState
from reports.judgement.gate_words import plain, worse
from reports.judgement.independence import Gap
from scenarios.gates.records import BadRecord, Looked, Opened, Record, RoundSeen, StageBegan, Told, TrafficSeen

_LAST_AT = 253_402_300_799.0  # the year 9999: a later time cannot be shown
_TERMINAL = frozenset({Phase.PROMOTED, Phase.ROLLED_BACK, Phase.CANCELLED})


def begun(opened: Opened) -> GateState:
    """Return the state of a gate that was just opened. Raises: BadRecord where its policy cannot decide."""
    _checked(opened.at)
    rules = rules_of(opened)
    return GateState(
        gate=opened.gate,
        rules=rules,
        phase=Phase.PENDING,
        at=opened.at,
        clock=Clock(opened.at),
        gap=Gap.new(rules.gap_s, rules.every_s),
        metrics=tuple(gate_metrics.fresh(rule) for rule in rules.metrics),
        triggers=tuple(TriggerState() for _ in rules.triggers),
    )


def step(state: GateState, record: Record) -> GateState:
    """Return the state after one more record. Pure; what was decided for good stays decided. Raises: BadRecord."""
    _checked(record.at)
    if isinstance(record, Opened):
        raise BadRecord("a gate is opened once")
    if state.phase in _TERMINAL:
        return state
    before = state.clock.now
    clock, at = state.clock.advanced(record.at)
    state = _spent(replace(state, at=record.at, clock=clock), clock.now - before)
    return _settled(_taken(state, record, at))


def _taken(state: GateState, record: Record, at: float) -> GateState:
    match record:
        case StageBegan():
            return _stage(state, record)
        case RoundSeen():
            return _round(state, record, at)
        case TrafficSeen():
            return _traffic(state, record)
        case Told():
            return _told(state, record)
        case Looked():
            return replace(state, newest=replace(state.newest, trouble=plain(record.trouble, 160)))
    raise BadRecord(f"there is no record of kind '{type(record).__name__}'")


def _checked(at: float) -> None:
    if isinstance(at, bool) or not isinstance(at, int | float) or not (0 <= at <= _LAST_AT):
        raise BadRecord(f"a record is of the time {at!r}: it is seconds since 1970")


def _spent(state: GateState, more_s: float) -> GateState:
    if state.phase is not Phase.RUNNING or state.held_by or state.tally.is_shown:
        return state
    return replace(state, tally=replace(state.tally, spent_s=state.tally.spent_s + more_s))


def _stage(state: GateState, record: StageBegan) -> GateState:
    """The rollout is at a stage. The one that it is at already goes on; any other is to be shown anew.

    A rollout that skipped stages has to show what they ask at the stage it is at; one that went back has to show the
    stages again from there on.
    """
    if not isinstance(record.index, int) or isinstance(record.index, bool) or not 0 <= record.index < len(state.rules.stages):
        raise BadRecord(f"there is no stage {record.index}: there are {len(state.rules.stages)}, from 0 on")
    if record.index == state.stage:
        return state
    metrics = state.metrics
    if 0 <= state.furthest < record.index:
        metrics = tuple(gate_metrics.at_new_stage(one) for one in metrics)
    metrics = tuple(replace(one, of_stage=(0, 0)) for one in metrics)
    return replace(
        state,
        phase=Phase.RUNNING,
        stage=record.index,
        furthest=max(state.furthest, record.index),
        shown_upto=min(state.shown_upto, record.index),
        tally=Tally(since_at=record.at, since=state.clock.now, watched_at=state.clock.now),
        metrics=metrics,
        triggers=tuple(replace(one, armed=0) for one in state.triggers),
        end=None,
    )


def _round(state: GateState, seen: RoundSeen, at: float) -> GateState:
    triggers = []
    fired: gate_triggers.Fired | None = None
    for rule, one in zip(state.rules.triggers, state.triggers, strict=True):
        one, said = gate_triggers.after_round(rule, one, seen)
        triggers.append(one)
        fired = fired or said
    state = replace(state, triggers=tuple(triggers))
    if state.stage >= 0:
        state = counted(state, seen, at)
    return _rolled_back(state, fired)


def _traffic(state: GateState, seen: TrafficSeen) -> GateState:
    rules = state.rules
    if (
        not isinstance(seen.metric, int)
        or not 0 <= seen.metric < len(rules.metrics)
        or rules.metrics[seen.metric].kind != "traffic"
    ):
        raise BadRecord(f"metric {seen.metric} of the policy is none of traffic")
    if state.stage < 0 or not rules.stages[state.stage].weight:
        return state  # nobody's request goes to the canary
    one = gate_metrics.after_traffic(rules.metrics[seen.metric], state.metrics[seen.metric], seen, state.clock.now)
    metrics = (*state.metrics[: seen.metric], one, *state.metrics[seen.metric + 1 :])
    state = replace(state, metrics=metrics)
    if seen.trouble:
        return state
    triggers, fired = list(state.triggers), None
    for place, rule in enumerate(rules.triggers):
        triggers[place], said = gate_triggers.after_traffic(rule, triggers[place], one, rules.metrics[seen.metric].settle_s)
        fired = fired or said
    return _rolled_back(replace(state, triggers=tuple(triggers)), fired)


def _rolled_back(state: GateState, fired: gate_triggers.Fired | None) -> GateState:
    if fired is None:
        return state
    return _over(state, Phase.ROLLED_BACK, Verb.ROLLBACK, f"trigger:{fired.id}", fired.say)


def _told(state: GateState, told: Told) -> GateState:
    """A person decided. What passes a stage without evidence needs a name and a reason."""
    by, reason = plain(told.by, 100), plain(told.reason, 200)
    words = f"{by or 'somebody'}: {reason}" if reason else by or "somebody"
    match told.action:
        case "hold":
            return replace(state, held_by=words)
        case "resume":
            return replace(state, held_by="")
        case "cancel":
            return _over(state, Phase.CANCELLED, Verb.INCONCLUSIVE, "cancelled", f"cancelled by {words}")
        case "rollback":
            return _over(state, Phase.ROLLED_BACK, Verb.ROLLBACK, "told", f"rolled back by {words}")
        case "promote":
            if not by or not reason:
                raise BadRecord("a promotion without evidence needs the name of a person, and a reason")
            return _promoted_by(state, words)
    raise BadRecord(f"nobody can tell a gate to '{plain(told.action, 40)}'")


def _promoted_by(state: GateState, words: str) -> GateState:
    if state.stage < 0:
        raise BadRecord("no stage has begun that could be promoted")
    tally = replace(state.tally, is_shown=True, told_by=words, k=None, upper_bound=None)
    return replace(state, phase=Phase.RUNNING, tally=tally, shown_upto=state.stage + 1, held_by="", end=None)


def _over(state: GateState, phase: Phase, verb: Verb, code: str, say: str) -> GateState:
    return replace(state, phase=phase, end=End(verb, code, plain(say, 400)))


def _settled(state: GateState) -> GateState:
    """Return the state with what follows from it."""
    if state.phase in _TERMINAL or state.stage < 0:
        return state
    if state.e >= 1 / state.rules.alpha:
        return _over(state, Phase.ROLLED_BACK, Verb.ROLLBACK, "worse", worse(state))
    if state.phase is not Phase.RUNNING:
        return state
    if not state.tally.is_shown:
        state = _shown_or_ended(state)
    is_last = state.stage == len(state.rules.stages) - 1
    if state.tally.is_shown and is_last and not state.held_by and (state.tally.told_by or incident(state) is None):
        return replace(state, phase=Phase.PROMOTED)
    return state


def _shown_or_ended(state: GateState) -> GateState:
    asked, tally = state.asked, state.tally
    if (lack := hopeless(state)) is not None:
        return _inconclusive(state, lack)
    if state.held_by:  # nothing is shown behind the back of who holds it: what counts is how it stands when they let go
        return state
    lack = lacking(state)
    if lack is None:
        tally = replace(tally, is_shown=True)
        if asked.margin is not None:
            bets = state.bets(asked.margin)
            tally = replace(tally, k=bets.k, upper_bound=bets.upper_bound_points)
        return replace(state, tally=tally, shown_upto=state.stage + 1)
    late = "out_of_time" if tally.spent_s > asked.max_time else ""
    if not late and tally.rounds >= asked.max_rounds and lack.code != TOO_EARLY:
        late = "out_of_rounds"
    if not late:
        return state
    much = f"{tally.spent_s:.0f} s" if late == "out_of_time" else f"{tally.rounds} rounds"
    code = late if lack.code in (INSUFFICIENT, TOO_EARLY) else lack.code
    return _inconclusive(state, Lack(code, f"not shown after {much}: {lack.say}"))


def _inconclusive(state: GateState, lack: Lack) -> GateState:
    return _over(state, Phase.INCONCLUSIVE, Verb.INCONCLUSIVE, lack.code, lack.say)
