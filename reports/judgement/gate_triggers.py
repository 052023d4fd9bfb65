"""This file is for triggers: what is so bad that it rolls back at once, and what shows that it would have been noticed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from probes.dangers import Danger
from reports.judgement.gate_rounds import is_gone, is_right
from reports.judgement.gate_rules import MetricRule, TriggerRule
from reports.judgement.gate_state import MetricState, TriggerState
from scenarios.gates.dangers import UNREACHABLE
from scenarios.gates.policy import WhenShared
from scenarios.gates.records import RoundSeen, Seat, SideSeen

COOL_ROUNDS = 2  # after the baseline showed it; only then what the canary alone shows counts again
SPIKE_S = 60.0  # of real requests that are looked at together
SPIKE_REQUESTS = 20  # of the canary, at least
SPIKE_SHARE = 0.5  # of these that failed
SOUND_SHARE = 0.05  # of the baseline's, below which it is its own that fails
Window = tuple[float, int, int, int, int]  # since, requests of the canary, failed, of the baseline, failed


@dataclass(frozen=True, slots=True)
class Fired:
    """A trigger rolls back. `say`: who was hurt, by what."""

    id: str
    say: str


def after_round(rule: TriggerRule, state: TriggerState, seen: RoundSeen) -> tuple[TriggerState, Fired | None]:
    """Return a trigger after one round, and whether it rolls back."""
    here, there = shows(rule, seen.canary), shows(rule, seen.baseline)
    armed = state.armed + arms(rule, seen.canary)
    state = replace(state, armed=armed, elsewhere=state.elsewhere or there is not None, say=(here or "")[:300])
    if rule.shared is WhenShared.ROLLBACK:
        return _at_any_rate(rule, state, here, there)
    if not _is_attributable(rule, seen.canary):
        return state, None  # neither seen nor gone: it was not the canary, or not only
    return _if_alone(rule, state, here, there, comparable=seen.baseline.right > 0 and not seen.baseline.wrong)


def after_traffic(
    rule: TriggerRule, state: TriggerState, metric: MetricState, settle_s: float = 0.0
) -> tuple[TriggerState, Fired | None]:
    """Return a trigger after one reading of counters: a spike of errors among real requests, which lasts for `settle_s`."""
    if rule.danger != Danger.SERVER_ERRORS or metric.window is None:
        return state, None
    _, total, failed, base_total, base_failed = metric.window
    if not _tells(metric.window) or failed < SPIKE_SHARE * total:
        return state, None
    if base_failed >= SOUND_SHARE * base_total:
        say = "real requests of the canary fail, and of the baseline, too"
        return replace(state, shared=True, alone=-COOL_ROUNDS, elsewhere=True, say=say), None
    say = (
        f"{failed} of the canary's {total} real requests failed in {SPIKE_S:g} s, of the baseline's {base_failed} of {base_total}"
    )
    state = replace(state, say=say)
    is_settled = (
        metric.read_at is not None and metric.spiked_since is not None and metric.read_at - metric.spiked_since >= settle_s
    )
    return state, Fired(rule.id, say) if is_settled else None


def in_window(rule: MetricRule, state: MetricState, now: float, counts: tuple[int, int, int, int]) -> MetricState:
    """Return a metric with the counts of its last minute: as (canary, failed, baseline, failed)."""
    old = state.window
    window = (now, *counts)
    if old is not None and now - old[0] <= max(SPIKE_S, rule.every):
        window = (old[0], old[1] + counts[0], old[2] + counts[1], old[3] + counts[2], old[4] + counts[3])
    since = state.spiked_since
    if _tells(window):
        since = None if not _is_spike(window) else now if since is None else since
    return replace(state, window=window, spiked_since=since)


def _tells(window: Window) -> bool:
    """Return whether there were enough requests on both sides."""
    return window[1] >= SPIKE_REQUESTS and window[3] >= SPIKE_REQUESTS


def _is_spike(window: Window) -> bool:
    _, total, failed, base_total, base_failed = window
    return failed >= SPIKE_SHARE * total and base_failed < SOUND_SHARE * base_total


def shows(rule: TriggerRule, side: SideSeen) -> str | None:
    """Return the sentence of what a side shows of a trigger, None where it shows nothing."""
    if rule.danger == UNREACHABLE:
        return "nothing answered in the whole round" if is_gone(side) else None
    for name in side.scenarios if rule.anywhere else rule.scenarios:
        one = side.scenarios.get(name)
        if one is None or (rule.danger not in one.dangers if rule.danger else one.seat is not Seat.BAD):
            continue
        return one.say or f"scenario '{name}' failed"
    return None


def arms(rule: TriggerRule, side: SideSeen) -> bool:
    """Return whether a round shows that the trigger would have been noticed on this side."""
    if not is_right(side):
        return False
    if rule.danger == UNREACHABLE:
        return True  # something answered as the canary, so nothing answering would be seen
    return any(one is not None and one.armed for one in map(side.scenarios.get, rule.scenarios))


def _is_attributable(rule: TriggerRule, canary: SideSeen) -> bool:
    if rule.danger == UNREACHABLE or is_gone(canary):
        return not canary.wrong
    return canary.right > 0 and not canary.wrong


def _at_any_rate(
    rule: TriggerRule, state: TriggerState, here: str | None, there: str | None
) -> tuple[TriggerState, Fired | None]:
    """What is worse than a rollback of something sound: whoever else shows it."""
    state = replace(state, seen=0 if here is None else state.seen + 1, shared=here is not None and there is not None)
    if here is None or state.seen < rule.times:
        return state, None
    before = "; preexisting, the baseline shows it, too" if state.elsewhere else ""
    return state, Fired(rule.id, f"{state.say}{before}")


def _if_alone(
    rule: TriggerRule, state: TriggerState, here: str | None, there: str | None, *, comparable: bool
) -> tuple[TriggerState, Fired | None]:
    """What may be a shared incident: only what the canary shows by itself rolls back."""
    alone = state.alone
    if there is not None:
        alone = -COOL_ROUNDS
    elif here is None:
        alone = min(0, alone + 1)
    elif comparable:
        alone += 1
    seen = 0 if here is None else state.seen + 1
    state = replace(state, seen=seen, alone=alone, shared=here is not None and (alone <= 0 or not comparable))
    if here is None or alone < rule.times:
        return state, None
    often = (
        f" in {seen} rounds in a row, and the baseline did not show it"
        if rule.times > 1
        else ", and the baseline does not show it"
    )
    return state, Fired(rule.id, f"{state.say}{often}")
