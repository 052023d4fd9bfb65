"""This file is for the members of the evidence against a canary: rounds, latency, and real requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reports.judgement.count_process import CountProcess
from reports.judgement.gate_rounds import Weighed
from reports.judgement.gate_rules import MetricRule, Rules
from reports.judgement.gate_state import NAMES_KEPT, MetricState
from reports.judgement.gate_triggers import in_window
from reports.judgement.independence import Unit
from reports.judgement.latency_bits import Bounds, Calibration
from reports.judgement.pair_process import PairProcess
from reports.judgement.rounds_process import RoundsProcess
from scenarios.gates.records import TrafficSeen

SILENT_AFTER = 3  # times `every`: then traffic counts as unread
SILENT_MIN_S = 60.0
UNREACHED = 20  # requests that the canary should have had by its weight; none of them by chance: once in 10^8


def fresh(rule: MetricRule) -> MetricState:
    """Return a metric before anything was seen."""
    if rule.kind == "rounds":
        return MetricState(pairs=PairProcess.new())
    if rule.kind == "traffic":
        return MetricState(counts=CountProcess.new())
    if isinstance(rule.above, str):
        return MetricState(pairs=PairProcess.new(), calibration=Calibration(rule.calibration))
    return MetricState(pairs=PairProcess.new(), bounds=Bounds.absolute(rule.above))


def after_round(
    rules: Rules, states: tuple[MetricState, ...], weighed: Weighed, block: Unit | None, counts: bool
) -> tuple[MetricState, ...]:
    """Return the metrics after a round that is evidence. `block`: what it closed; `counts`: it is independent of those before."""
    return tuple(_after_round(rule, one, weighed, block, counts) for rule, one in zip(rules.metrics, states, strict=True))


def _after_round(rule: MetricRule, state: MetricState, weighed: Weighed, block: Unit | None, counts: bool) -> MetricState:
    pairs = state.pairs
    if pairs is None:
        return state
    if rule.kind == "rounds":
        return state if block is None else _after_block(state, pairs, weighed, block)
    if not counts:
        return state
    if state.calibration is not None:
        return _calibrated(rule, state, state.calibration.updated(weighed.baseline_s))
    bits = None if state.bounds is None else state.bounds.bits(weighed.canary_s, weighed.baseline_s)
    return state if bits is None else replace(state, pairs=pairs.updated(1, bits[1], 1, bits[0]))


def _after_block(state: MetricState, pairs: PairProcess, weighed: Weighed, block: Unit) -> MetricState:
    """Which scenarios have evidence of their own is fixed by the first block, whatever came of them in it."""
    process = RoundsProcess(pairs, state.scenarios)
    names = sorted({*block.scenarios, *weighed.scenarios, *weighed.left_out})
    if not pairs.canary_asked and 1 < len(names) <= NAMES_KEPT:
        process = RoundsProcess(pairs, RoundsProcess.new(names).scenarios)
    process = process.updated(block)
    return replace(state, pairs=process.whole, scenarios=process.scenarios)


def _calibrated(rule: MetricRule, state: MetricState, calibration: Calibration) -> MetricState:
    if not calibration.is_ready:
        return replace(state, calibration=calibration)
    return replace(state, calibration=None, bounds=calibration.bounds(str(rule.above)))  # it stays as it is from now on


def after_traffic(rule: MetricRule, state: MetricState, seen: TrafficSeen, now: float) -> MetricState:
    """Return a traffic metric after one reading of counters. What cannot be is trouble, and no evidence."""
    trouble = seen.trouble or _impossible(seen)
    if trouble or state.counts is None:
        return replace(state, trouble=(trouble or "it is no metric of traffic")[:200])
    counts = (seen.canary_total, seen.canary_failed, seen.baseline_total, seen.baseline_failed)
    state = replace(in_window(rule, state, now, counts), counts=state.counts.updated(*counts), read_at=now, trouble="")
    state = replace(state, of_stage=(state.of_stage[0] + seen.canary_total, state.of_stage[1] + seen.baseline_total))
    return replace(state, stood=_stood(state, now, rule.settle_s)) if rule.settle_s else state


def _stood(state: MetricState, now: float, settle_s: float) -> tuple[tuple[float, float], ...]:
    """Return since when evidence is at least so much, over the last `settle_s`; the least, of all of them, comes first.

    In a shared incident the canary's failures may be counted before the baseline's: then the evidence falls again.
    """
    kept, since, newest = list(state.stood), now, state.newest_e
    while kept and kept[-1][1] >= newest:
        since = kept.pop()[0]
    kept.append((since, newest))
    while len(kept) > 1 and kept[1][0] <= now - settle_s:
        kept.pop(0)
    return tuple(kept)


def is_silent(rule: MetricRule, state: MetricState, now: float) -> bool:
    """Return whether nobody knows how traffic is now: the newest reading failed, or the last good one is too old."""
    if rule.kind != "traffic":
        return False
    return bool(state.trouble) or state.read_at is None or now - state.read_at > max(SILENT_MIN_S, SILENT_AFTER * rule.every)


def is_unreached(state: MetricState, weight: float) -> bool:
    """Return whether so many requests were made that the canary should have had some at this weight, and it had none."""
    canary, baseline = state.of_stage
    return not canary and baseline * weight / 100 >= UNREACHED


def at_new_stage(state: MetricState) -> MetricState:
    """Return a metric where a later stage begins."""
    return replace(
        state,
        pairs=state.pairs and state.pairs.at_new_stage(),
        scenarios={name: one.at_new_stage() for name, one in state.scenarios.items()},
        counts=state.counts and state.counts.at_new_stage(),
        window=None,
    )


def say_of(rule: MetricRule, state: MetricState, now: float) -> str:
    """Return what keeps a metric from gathering evidence, or an empty text."""
    if state.calibration is not None:
        return f"its bound is taken from {state.calibration.wanted} rounds of the baseline; {state.calibration.seen} are seen"
    if state.trouble:
        return f"not read: {state.trouble}"
    if is_silent(rule, state, now):
        return "not read yet" if state.read_at is None else f"not read for {now - state.read_at:.0f} s"
    return ""


def against(rule: MetricRule, state: MetricState) -> str:
    """Return in words what a metric saw against the canary, all stages together."""
    process: PairProcess | CountProcess | None = state.pairs or state.counts
    assert process is not None
    canary = f"{process.canary_failed} of {process.canary_asked}"
    baseline = f"{process.baseline_failed} of {process.baseline_asked}"
    if rule.kind == "traffic":
        return f"its real requests fail more often: {canary}, of the baseline {baseline}"
    if rule.kind == "latency":
        bound = rule.above if isinstance(rule.above, str) else f"{rule.above:g} s"
        return f"it is slow more often (above {bound}): in {canary} rounds, the baseline in {baseline}"
    return f"it fails more often: in {canary} rounds, the baseline in {baseline}"


def most_failing(failing: Mapping[str, tuple[int, int]]) -> str:
    """Return in words which scenario fails more often on the canary, or an empty text."""
    worst = max(failing.items(), key=lambda one: (one[1][0] - one[1][1], one[0]), default=None)
    if worst is None or worst[1][0] <= worst[1][1]:
        return ""
    return f"most in '{worst[0][:60]}', {worst[1][0]} against {worst[1][1]}"


def _impossible(seen: TrafficSeen) -> str:
    counts = (seen.canary_total, seen.canary_failed, seen.baseline_total, seen.baseline_failed)
    if any(not isinstance(one, int) or isinstance(one, bool) or one < 0 for one in counts):
        return "a counter grew by what is no count"
    if seen.canary_failed > seen.canary_total or seen.baseline_failed > seen.baseline_total:
        return "more requests failed than there were"
    return ""
