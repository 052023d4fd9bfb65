"""This file is for the pages of gates as data: the rollout as a track of stages, what was shown, and what is still missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from reports.gates import Gate, is_fresh
from reports.judgement.gate import Decision, Phase, TriggerStands, Verb
from reports.status.gate_curve import Drawn, drawn, figure
from reports.status.gate_past import Past, StageSeen
from reports.status.gate_rounds import ShownRound, shown_round
from reports.status.words import age, count
from scenarios.gates.records import Told

_PHASES = {
    Phase.PENDING: ("coming", "Waiting for its first stage"),
    Phase.PROMOTED: ("pass", "Promoted"),
    Phase.ROLLED_BACK: ("fail", "Rolled back"),
    Phase.INCONCLUSIVE: ("inconclusive", "Could not be decided"),
    Phase.CANCELLED: ("skipped", "Cancelled"),
}
_VERBS = {
    Verb.HOLD: ("running", "Gathering evidence"),
    Verb.PROMOTE: ("pass", "This stage is shown"),
    Verb.ROLLBACK: ("fail", "Roll back"),
    Verb.INCONCLUSIVE: ("inconclusive", "Could not be decided"),
}
_HELD = ("degraded", "Held by a person")
_TRIGGERS = {"clear": ("pass", "clear"), "unproven": ("inconclusive", "not proven"), "watched": ("degraded", "seen"),
             "fired": ("fail", "fired")}  # fmt: skip
_STALE = "no round was asked lately: what is told here may no longer hold"
_WORST_FIRST = ("fired", "watched", "unproven", "clear")
_ACTIONS = {"hold": "held it", "resume": "let it go on", "promote": "promoted it", "rollback": "rolled it back",
            "cancel": "cancelled it"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ShownStage:
    """One stage of the track. `tone` is what came of it, or running, or coming, or skipped."""

    name: str
    tone: str
    word: str
    current: bool
    wanted: str
    percent: int | None  # of the rounds that it is about to need, None where it is not going on
    beside: tuple[str, ...]  # figures of the stage: rounds, failures, the bound


@dataclass(frozen=True, slots=True)
class ShownTrigger:
    """One trigger with its control."""

    id: str
    tone: str
    word: str
    control: str
    seen: str
    say: str


@dataclass(frozen=True, slots=True)
class ShownMetric:
    """One metric with its part of the evidence."""

    id: str
    weight: str
    e: str
    say: str


@dataclass(frozen=True, slots=True)
class ShownAct:
    """What a person did, and why."""

    at: datetime
    by: str
    did: str
    reason: str


@dataclass(frozen=True, slots=True)
class ShownGate:
    """One gate as its page shows it. `tone` and `word` tell how it stands."""

    gate: Gate
    decision: Decision
    tone: str
    word: str
    reason: str
    trigger: str  # that rolled it back, empty where none did
    stage: str
    since: datetime | None  # of the stage
    e: str
    k: str
    warnings: tuple[str, ...]
    samples: tuple[tuple[str, str], ...]
    stages: tuple[ShownStage, ...]
    curves: Drawn | None
    refresh_ms: int  # how soon it is worth while to look again, 0 where nothing comes any more
    is_forgotten: bool  # its evidence is no longer kept
    thresholds: tuple[str, str]
    triggers: tuple[ShownTrigger, ...]
    metrics: tuple[ShownMetric, ...]
    rounds: tuple[ShownRound, ...]
    acts: tuple[ShownAct, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """One gate in the list of all."""

    gate: Gate
    tone: str
    word: str
    reason: str
    trigger: str
    shadow: bool
    beads: tuple[tuple[str, str, str], ...]  # name, tone and word of each stage


def standing(phase: Phase, verb: Verb, held_by: str) -> tuple[str, str]:
    """Return tone and words for how a gate stands."""
    if phase.is_over or phase is Phase.PENDING:
        return _PHASES[phase]
    return _HELD if held_by else _VERBS[verb]


def listed(gate: Gate) -> Listed:
    """Return a gate as the list shows it, from the decision that is stored with it."""
    told = gate.decision
    verb, held = Verb(told.get("decision", Verb.HOLD)), str(told.get("held_by") or "")
    tone, word = standing(gate.phase, verb, held)
    here = gate.stage if gate.stage is not None else -1
    names = [f"{weight:g} %" for weight in gate.weights]
    beads = tuple((name, *_stage_stands(place, here, gate.phase, verb)) for place, name in enumerate(names))
    trigger = _trigger_of(str(told.get("reason_code", "")))
    return Listed(gate, tone, word, str(told.get("reason", "")), trigger, bool(told.get("shadow")), beads)


def shown(gate: Gate, decision: Decision, past: Past, now: datetime) -> ShownGate:
    """Return a gate as its page shows it."""
    tone, word = standing(decision.phase, decision.verb, decision.held_by)
    plans = past.policy.get("stages") or [{"weight": weight} for weight in gate.weights]
    names = [_stage_name(plan) for plan in plans]
    if decision.phase is Phase.RUNNING and decision.verb is Verb.PROMOTE and not decision.held_by:
        word = f"{names[decision.stage]} is shown"
    return ShownGate(
        gate=gate,
        decision=decision,
        tone=tone,
        word=word,
        reason=decision.reason,
        trigger=_trigger_of(decision.reason_code),
        stage=_where(decision, names),
        since=_instant(decision.stage_since) if decision.stage_since is not None else None,
        e=figure(decision.e),
        k="–" if decision.margin is None else figure(decision.k),
        warnings=(*decision.warnings, *(() if is_fresh(gate, now) or decision.phase is not Phase.RUNNING else (_STALE,))),
        samples=tuple(_samples(decision)),
        stages=tuple(_stage(place, plan, decision, past) for place, plan in enumerate(plans)),
        curves=drawn(past.curve.points, decision, [f"{plan.get('weight', 0):g} %" for plan in plans]),
        refresh_ms=0 if decision.phase.is_over else int(1000 * min(30.0, max(5.0, gate.every_s))),
        is_forgotten=not past.lines,
        thresholds=(
            f"At {figure(decision.e_threshold)} the canary is rolled back; a sound one gets there"
            f" in at most {decision.alpha * 100:g} of 100 rollouts, however often it is looked at.",
            f"At {figure(decision.k_threshold)} the stage is shown; one that is worse than its margin gets there"
            f" in at most {decision.beta * 100:g} of 100.",
        ),
        triggers=tuple(_trigger(one) for one in sorted(decision.triggers, key=_rank)),
        metrics=tuple(ShownMetric(one.id, f"{one.weight:.2g}", figure(one.e), one.say) for one in decision.metrics),
        rounds=tuple(shown_round(one) for one in reversed(past.rounds)),
        acts=tuple(_act(one) for one in reversed(past.acts)),
    )


def _trigger_of(reason_code: str) -> str:
    what, _, name = reason_code.partition(":")
    return name.replace("_", " ") if what == "trigger" else ""


def _where(decision: Decision, names: Sequence[str]) -> str:
    if decision.phase is Phase.PENDING or not 0 <= decision.stage < len(names):
        return "none yet"
    return f"{names[decision.stage]} ({decision.stage + 1} of {len(names)})"


def _samples(decision: Decision) -> list[tuple[str, str]]:
    """Return the figures of the stage, each with what it is."""
    expected = f" of about {decision.rounds_expected:,}" if decision.rounds_expected and not decision.final else ""
    told = [("Rounds that count", f"{decision.rounds:,}{expected}")]
    if decision.rounds_all != decision.rounds:
        told.append(("In the whole rollout", f"{decision.rounds_all:,}"))
    told.append(("Rounds that failed", f"canary {decision.canary_failed:,}, baseline {decision.baseline_failed:,}"))
    told.append(("Rounds that prove nothing", f"{decision.no_evidence:,}"))
    if decision.upper_bound is not None:
        told.append(("The canary fails more often by", f"less than {_points(decision.upper_bound)}"))
    return told


def _stage_name(plan: Mapping[str, Any]) -> str:
    weight = f"{plan.get('weight', 0):g} %"
    name = plan.get("name")
    return f"{name} ({weight})" if name and name != weight else weight


def _stage(place: int, plan: Mapping[str, Any], decision: Decision, past: Past) -> ShownStage:
    here = -1 if decision.phase is Phase.PENDING else decision.stage
    tone, word = _stage_stands(place, here, decision.phase, decision.verb)
    if place == here and decision.held_by and not decision.phase.is_over:
        tone, word = _HELD[0], "held"
    margin = plan.get("margin")
    return ShownStage(
        name=_stage_name(plan),
        tone=tone,
        word=word,
        current=place == here and not decision.phase.is_over,
        wanted=_wanted(plan),
        percent=_percent(decision) if tone == "running" else None,
        beside=tuple(_beside(decision) if place == here else _seen_before(past.stages.get(place), margin)),
    )


def _stage_stands(place: int, here: int, phase: Phase, verb: Verb) -> tuple[str, str]:
    if phase is Phase.PROMOTED or place < here:
        return "pass", "shown"
    if place > here:
        return ("skipped", "not begun") if phase.is_over else ("coming", "to come")
    if phase is Phase.CANCELLED:
        return "skipped", "cancelled"
    return {
        Verb.HOLD: ("running", "going on"),
        Verb.PROMOTE: ("pass", "shown"),
        Verb.ROLLBACK: ("fail", "rolled back"),
        Verb.INCONCLUSIVE: ("inconclusive", "not decided"),
    }[verb]


def _percent(decision: Decision) -> int:
    """Return how much of the rounds is there that a sound canary is about to need."""
    needed = max(decision.rounds_expected or 0, decision.min_rounds, 1)
    return min(99, int(100 * decision.rounds / needed))


def _wanted(plan: Mapping[str, Any]) -> str:
    """Return what is to be shown, and between which rounds and times it is decided."""
    if "max_rounds" not in plan:
        return ""  # the policy went with the evidence, which is no longer kept
    margin = plan.get("margin")
    rounds = f"{plan.get('min_rounds', 0):,} to {plan['max_rounds']:,} rounds"
    least, most = plan.get("min_time") or 0, plan.get("max_time") or 0
    times = f"{age(least)} to {age(most)}" if least else f"at most {age(most)}"
    return f"wanted: {f'increase < {_points(margin)}' if margin else 'not worse'}; {rounds}, {times}"


def _beside(at: Decision) -> list[str]:
    if not at.rounds:
        return ["no round counts yet"]
    failed = f"{at.canary_failed:,} failed on the canary, {at.baseline_failed:,} on the baseline"
    told = [f"{count(at.rounds, 'round')}, {failed if at.canary_failed or at.baseline_failed else 'none failed'}"]
    if at.upper_bound is not None and at.margin is not None:
        told.append(f"increase < {_points(at.upper_bound)}")
    return told


def _seen_before(seen: StageSeen | None, margin: float | None) -> list[str]:
    if seen is None:
        return []
    return [f"{count(seen.rounds, 'round')} asked", *([f"K was {figure(seen.k)} at its end"] if margin else [])]


def _points(value: float) -> str:
    return f"{value:.2g} point{'' if f'{value:.2g}' == '1' else 's'}"


def _rank(one: TriggerStands) -> int:
    return _WORST_FIRST.index(one.state) if one.state in _WORST_FIRST else 0


def _trigger(one: TriggerStands) -> ShownTrigger:
    tone, word = _TRIGGERS.get(one.state, ("inconclusive", one.state))
    control = f"armed in {count(one.armed_rounds, 'round')}" if one.armed_rounds else "never armed in this stage"
    seen = f"{count(one.seen, 'round')} in a row" if one.seen else "not seen"
    return ShownTrigger(one.id.replace("_", " "), tone, word, control, seen, one.say)


def _act(one: Told) -> ShownAct:
    return ShownAct(_instant(one.at), one.by, _ACTIONS.get(one.action, one.action), one.reason)


def _instant(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
