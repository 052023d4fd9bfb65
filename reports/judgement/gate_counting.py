"""This file is for the counts of a gate: what one round adds to its stage, and to the evidence of all stages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from reports.judgement import gate_metrics
from reports.judgement.gate_rounds import Weighed, weigh
from reports.judgement.gate_state import NAMES_KEPT, GateState, Newest, Tally
from reports.judgement.independence import Gap
from scenarios.gates.records import RoundSeen, SideSeen

_AWAY_ROUNDS = 3  # rounds that may be missing before time counts as not watched
_AWAY_MIN_S = 60.0


def counted(state: GateState, seen: RoundSeen, at: float) -> GateState:
    """Return the state with one round counted. `at`: when it began, in the gate's time."""
    weighed = weigh(seen)
    state = replace(state, newest=_newest(state.newest, weighed, seen))
    of_stage = at >= state.tally.since  # one that began before the stage was asked of another share of the traffic
    if not weighed.is_evidence:
        return _no_evidence(state, weighed, of_stage=of_stage, strayed=seen.canary.wrong > 0)
    taken = state.gap.taken(_not_before(state.gap, at), weighed.canary_bad, weighed.baseline_bad, weighed.scenarios)
    metrics = gate_metrics.after_round(state.rules, state.metrics, weighed, taken.block, taken.for_promotion)
    echoes = state.echoes if taken.block is None else state.echoes.updated(taken.block.canary_bad)
    state = replace(state, gap=taken.gap, metrics=metrics, echoes=echoes, failing=_failing(state.failing, weighed))
    if of_stage:
        state = replace(state, tally=_usable(state, weighed))
    return _independent(state, weighed, of_stage=of_stage) if taken.for_promotion else state


def _not_before(gap: Gap, at: float) -> float:
    """Return when a round counts as begun: one that comes out of order is not the first of a new gap."""
    return max(at, at if gap.counted_at is None else gap.counted_at, at if gap.open is None else gap.open.at)


def _independent(state: GateState, weighed: Weighed, *, of_stage: bool) -> GateState:
    """A round in which both sides failed says nothing about a canary's being sound, however many there are."""
    worse = weighed.against and not weighed.baseline_bad
    better = weighed.baseline_bad and not weighed.against
    same = not weighed.against and not weighed.baseline_bad
    state = replace(
        state,
        rounds_all=state.rounds_all + 1,
        worse=state.worse + worse,
        better=state.better + better,
        same=state.same + same,
    )
    if not of_stage:
        return state
    tally = state.tally
    tally = replace(
        tally,
        rounds=tally.rounds + 1,
        canary_failed=tally.canary_failed + weighed.canary_bad,
        baseline_failed=tally.baseline_failed + weighed.baseline_bad,
        worse=tally.worse + worse,
        better=tally.better + better,
    )
    return replace(state, tally=tally)


def _no_evidence(state: GateState, weighed: Weighed, *, of_stage: bool, strayed: bool) -> GateState:
    against = weighed.against
    tally = state.tally
    if of_stage:
        tally = replace(
            tally,
            seen=tally.seen + 1,
            misrouted=tally.misrouted + weighed.misrouted,
            strayed=tally.strayed + (weighed.misrouted and strayed),
            unproven=tally.unproven + (not weighed.misrouted),
            worse=tally.worse + against,
            good_in_a_row=0 if weighed.canary_out or against else tally.good_in_a_row,
        )
    return replace(state, tally=tally, worse=state.worse + against)


def _usable(state: GateState, weighed: Weighed) -> Tally:
    tally, rules, now = state.tally, state.rules, state.clock.now
    longest = max(_AWAY_MIN_S, _AWAY_ROUNDS * max(rules.every_s, rules.gap_s))
    since = tally.since if tally.watched_at is None else tally.watched_at
    left_out, more = _left_out(tally.left_out, weighed.left_out)
    return replace(
        tally,
        seen=tally.seen + 1,
        usable=tally.usable + 1,
        flawed=(tally.flawed[0] + weighed.flawed[0], tally.flawed[1] + weighed.flawed[1]),
        watched_s=tally.watched_s + min(longest, now - since),
        watched_at=now,
        good_in_a_row=0 if weighed.against else tally.good_in_a_row + 1,
        left_out=left_out,
        left_out_more=tally.left_out_more or more,
    )


def _newest(newest: Newest, weighed: Weighed, seen: RoundSeen) -> Newest:
    apart = None
    if seen.canary.clock_offset_s is not None and seen.baseline.clock_offset_s is not None:
        apart = abs(seen.canary.clock_offset_s - seen.baseline.clock_offset_s)
    return Newest(
        both_bad=newest.both_bad + 1 if weighed.canary_out and weighed.baseline_out else 0,
        baseline_bad=newest.baseline_bad + 1 if weighed.baseline_out else 0,
        clocks_apart_s=apart if apart is None or apart < 1e9 else 1e9,
        canary_said=_said(seen.canary),
        baseline_said=_said(seen.baseline),
    )


def _said(side: SideSeen) -> tuple[str, ...]:
    return tuple(one[:60] for one in side.said_versions[:3])


def _left_out(kept: Mapping[str, int], names: Iterable[str]) -> tuple[Mapping[str, int], bool]:
    counts, more = dict(kept), False
    for name in names:
        if name in counts or len(counts) < NAMES_KEPT:
            counts[name] = counts.get(name, 0) + 1
        else:
            more = True
    return counts, more


def _failing(kept: Mapping[str, tuple[int, int]], weighed: Weighed) -> Mapping[str, tuple[int, int]]:
    counts = dict(kept)
    for name, (canary, baseline) in weighed.failing.items():
        if name in counts or len(counts) < NAMES_KEPT:
            had = counts.get(name, (0, 0))
            counts[name] = (had[0] + canary, had[1] + baseline)
    return counts
