"""This file is for what keeps a stage from being shown: the first thing that is missing, in words."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from reports.judgement import gate_metrics
from reports.judgement.foresight import FAR, rounds_to_promotion
from reports.judgement.gate_state import SETBACKS_MAX, GateState
from scenarios.gates.policy import WhenShared

CLOCKS_APART_S = 30.0
BASELINE_BAD_IN_A_ROW = 3
BASELINE_BAD_SHARE = 0.1  # of a stage's rounds: a baseline that fails more often is no measure
GOOD_IN_A_ROW = 3  # of the canary, for a stage without a margin
MISROUTED_AFTER = 10  # rounds, before which a share says nothing
_RATE_BAD, _RATE_ROUNDS = 1, 200  # what a baseline is taken for before it was seen

NO_DATA, INSUFFICIENT, TOO_EARLY = "no_data", "insufficient_evidence", "too_early"
SHARED_INCIDENT, BASELINE_BROKEN, MISROUTED = "shared_incident", "baseline_broken", "misrouted"


@dataclass(frozen=True, slots=True)
class Lack:
    """What is missing: a word for machines, a sentence for people."""

    code: str
    say: str


def lacking(state: GateState) -> Lack | None:
    """Return the first thing that keeps the stage from being shown, None where it is shown."""
    return next((lack for look in _LOOKS if (lack := look(state)) is not None), None)


def incident(state: GateState) -> Lack | None:
    """Return what is going on just now: it also holds back what was shown before."""
    for rule, one in zip(state.rules.triggers, state.triggers, strict=True):
        if one.shared and rule.shared is WhenShared.HOLD:
            return Lack(SHARED_INCIDENT, f"the baseline shows '{rule.id}', too, or cannot be compared: {one.say}")
    if state.newest.both_bad:
        return Lack(SHARED_INCIDENT, f"both sides failed in the newest {_rounds(state.newest.both_bad)}")
    for rule, one in zip(state.rules.triggers, state.triggers, strict=True):
        if one.seen:
            return Lack(
                "trigger_watched", f"'{rule.id}' was seen in the newest {_rounds(one.seen)}, {rule.times} roll back: {one.say}"
            )
    return _unsettled(state)


def _unsettled(state: GateState) -> Lack | None:
    """Return that real requests speak against the canary, but it may be only that the baseline's are counted later."""
    spikes = any(
        rule.settle_s and one.spiked_since is not None for rule, one in zip(state.rules.metrics, state.metrics, strict=True)
    )
    if not spikes and state.newest_e < 1 / state.rules.alpha:
        return None
    return Lack("traffic_unsettled", "real requests of the canary fail more often, unless the baseline's are only counted later")


def hopeless(state: GateState) -> Lack | None:
    """Return what ends the stage before its time: nothing that is still to come can show it."""
    if state.clock.setbacks > SETBACKS_MAX:
        return Lack("clock_unsteady", "the clock was set back again and again: nobody knows what was seen when")
    return _same_version(state) or (_misrouted(state) if state.tally.seen >= MISROUTED_AFTER else None)


def expected_rounds(state: GateState) -> int | None:
    """Return how many rounds of this stage a sound canary is about to need, with those it had. None: too many to tell.

    From now on both sides are taken to fail as often as the baseline did up to now.
    """
    asked = state.asked
    if asked.margin is None:
        return asked.min_rounds
    rate = _rate(state)
    more = rounds_to_promotion(state.bets(asked.margin), rate, rate)
    return None if more is None else max(asked.min_rounds, state.tally.rounds + more)


def _same_version(state: GateState) -> Lack | None:
    if not state.rules.same_version:
        return None
    return Lack("same_version", "both sides are to be of the same version, so there is nothing to compare")


def _misrouted(state: GateState) -> Lack | None:
    tally, borne = state.tally, state.rules.misrouted
    if not tally.misrouted or tally.misrouted <= borne * tally.seen:
        return None
    said = _said(state)
    return Lack(
        MISROUTED,
        f"{tally.misrouted} of {tally.seen} rounds were answered by another version or did not say by which"
        f"{said}; {borne:.0%} are borne",
    )


def _baseline_broken(state: GateState) -> Lack | None:
    streak, tally = state.newest.baseline_bad, state.tally
    if streak >= BASELINE_BAD_IN_A_ROW:
        return Lack(BASELINE_BROKEN, f"the baseline failed in the newest {_rounds(streak)}, so there is nothing to compare with")
    if tally.baseline_failed > max(1, BASELINE_BAD_SHARE * tally.rounds):
        share = f"{tally.baseline_failed} of {tally.rounds} rounds"
        return Lack(BASELINE_BROKEN, f"the baseline failed in {share}; above {BASELINE_BAD_SHARE:.0%} it is no measure")
    return None


def _traffic_unread(state: GateState) -> Lack | None:
    if not state.asked.weight:  # no request of anybody goes to the canary yet
        return None
    for rule, one in zip(state.rules.metrics, state.metrics, strict=True):
        if gate_metrics.is_silent(rule, one, state.clock.now):
            return Lack("traffic_unread", f"metric '{rule.id}' is {gate_metrics.say_of(rule, one, state.clock.now)}")
        if gate_metrics.is_unreached(one, state.asked.weight):
            say = f"metric '{rule.id}': none of {one.of_stage[1]} real requests went to the canary, which should have"
            return Lack("canary_unreached", f"{say} {state.asked.weight:g} %")
    return None


def _clocks_apart(state: GateState) -> Lack | None:
    apart = state.newest.clocks_apart_s
    if apart is None or apart <= CLOCKS_APART_S:
        return None
    return Lack("clocks_apart", f"the clocks of both sides are {apart:.0f} s apart, {CLOCKS_APART_S:g} s are borne")


def _no_data(state: GateState) -> Lack | None:
    tally = state.tally
    if tally.usable:
        return None
    if not tally.seen:
        trouble = f": {state.newest.trouble}" if state.newest.trouble else ""
        return Lack(NO_DATA, f"no round was asked in this stage yet{trouble}")
    return Lack(
        NO_DATA,
        f"none of {_rounds(tally.seen)} is evidence: {tally.misrouted} answered by another version or without one,"
        f" {tally.unproven} proved nothing on both sides",
    )


def _too_few(state: GateState) -> Lack | None:
    asked, tally = state.asked, state.tally
    if asked.margin is None:
        if tally.rounds >= asked.min_rounds:
            return None
        return Lack(INSUFFICIENT, f"{tally.rounds} of at least {_rounds(asked.min_rounds)}")
    bets = state.bets(asked.margin)
    own = 100 * (tally.worse - tally.better) <= asked.margin * tally.rounds
    if bets.is_shown and own and tally.rounds >= asked.min_rounds:
        return None
    return Lack(INSUFFICIENT, progress(state))


def progress(state: GateState) -> str:
    """Return what is shown and what is still missing: `212 of about 344 rounds; increase < 2.9 points at 95 %, need < 2.0`."""
    asked, tally = state.asked, state.tally
    assert asked.margin is not None
    bets = state.bets(asked.margin)
    expected = expected_rounds(state)
    many = f"of more than {FAR}" if expected is None else f"of about {expected}"
    if bets.is_shown and tally.rounds < asked.min_rounds:
        many = f"of at least {asked.min_rounds}"
    elif bets.is_shown:
        return (
            f"in this stage's {tally.rounds} rounds the canary failed {tally.worse - tally.better} times more often,"
            f" {asked.margin * tally.rounds / 100:.1f} are borne"
        )
    bound = bets.upper_bound_points
    need = f"need < {asked.margin:{_form(asked.margin)}}"
    return f"{tally.rounds} {many} rounds; {increase(bound, asked.margin, state.rules.beta)}, {need}"


def increase(bound: float, margin: float, beta: float) -> str:
    """Return a bound in words, rounded up: it stays true."""
    digits = 1 if _form(margin) == ".1f" else 2
    up = math.ceil(bound * 10**digits - 1e-9) / 10**digits
    return f"increase < {up:.{digits}f} points at {100 * (1 - beta):g} %"


def _unproven(state: GateState) -> Lack | None:
    tally = state.tally
    if tally.left_out_more:
        return Lack("unproven", "more scenarios than can be named were not proven on both sides")
    worst = max(tally.left_out.items(), key=lambda one: (one[1], one[0]), default=("", 0))
    if 2 * worst[1] <= tally.usable:
        return None
    return Lack("unproven", f"scenario '{worst[0][:80]}' was not proven on both sides in {worst[1]} of {_rounds(tally.usable)}")


def _unarmed(state: GateState) -> Lack | None:
    for rule, one in zip(state.rules.triggers, state.triggers, strict=True):
        if not one.armed:
            return Lack("trigger_unproven", f"no round of this stage shows that '{rule.id}' would have been noticed")
    return None


def _not_good_now(state: GateState) -> Lack | None:
    asked, tally = state.asked, state.tally
    if asked.margin is not None:
        return None
    wanted = asked.min_rounds if not asked.weight else min(GOOD_IN_A_ROW, asked.min_rounds)
    if tally.good_in_a_row >= wanted:
        return None
    return Lack(
        "canary_failed", f"the canary was good in the newest {_rounds(tally.good_in_a_row)}, {wanted} in a row are needed"
    )


def _uncalibrated(state: GateState) -> Lack | None:
    if state.asked.margin is None and state.stage < len(state.rules.stages) - 1:
        return None
    for rule, one in zip(state.rules.metrics, state.metrics, strict=True):
        if rule.kind == "latency" and (one.bounds is None or one.pairs is None or not one.pairs.canary_asked):
            say = gate_metrics.say_of(rule, one, state.clock.now) or "no round could be compared by it yet"
            return Lack("metric_unproven", f"metric '{rule.id}': {say}")
    return None


def _too_early(state: GateState) -> Lack | None:
    asked, watched = state.asked, state.tally.watched_s
    if watched >= asked.min_time:
        return None
    return Lack(TOO_EARLY, f"watched for {watched:.0f} s, the stage lasts at least {asked.min_time:.0f} s")


_LOOKS: tuple[Callable[[GateState], Lack | None], ...] = (
    incident,
    _misrouted,
    _baseline_broken,
    _clocks_apart,
    _no_data,
    _traffic_unread,
    _too_few,
    _unproven,
    _unarmed,
    _not_good_now,
    _uncalibrated,
    _too_early,
)


def _rate(state: GateState) -> float:
    """Return about how often a round of the baseline fails."""
    rounds = [
        one.pairs for rule, one in zip(state.rules.metrics, state.metrics, strict=True) if rule.kind == "rounds" and one.pairs
    ]
    asked, failed = (rounds[0].baseline_asked, rounds[0].baseline_failed) if rounds else (0, 0)
    return min(0.5, (failed + _RATE_BAD) / (asked + _RATE_ROUNDS))


def _said(state: GateState) -> str:
    said = [*state.newest.canary_said, *state.newest.baseline_said]
    return f" ('{said[0][:60]}')" if said else ""


def _form(margin: float) -> str:
    return ".1f" if abs(margin * 10 - round(margin * 10)) < 1e-9 else "g"


def _rounds(count: int) -> str:
    return "1 round" if count == 1 else f"{count} rounds"
