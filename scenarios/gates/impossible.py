"""This file is for what a policy may not say although each of its values could stand: what cannot be shown, or means nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator

from probes.evidence.source import SampleSource
from probes.target import Target
from scenarios.gates.impossible_sides import evidence_that_is_not_there, sides_that_are_one, wrong_sides
from scenarios.gates.impossible_stages import Fewest, rounds_within, wrong_stages
from scenarios.gates.impossible_triggers import wrong_triggers
from scenarios.gates.policy import LatencyMetric, Metric, Policy, TrafficMetric
from scenarios.gates.round_choice import RoundChoice
from scenarios.gates.told_at import PolicyText
from scenarios.mistakes import Mistake, near_or_known
from scenarios.model import Suite
from scenarios.selection import parse_selection, why_nothing
from scenarios.source import Table


def wrong_by_itself(policy: Policy, root: Table, fewest: Fewest) -> Iterator[Mistake]:
    """Yield what is wrong with a policy whatever its suite says: of its stages, its metrics, and of what its sides are."""
    text = PolicyText(root)
    yield from text.known(
        (*wrong_stages(policy, text, fewest), *wrong_sides(policy, text), *_metrics(policy, text), *_calibrations(policy, text))
    )


def wrong_for_suite(policy: Policy, root: Table, suite: Suite, target: Target, choice: RoundChoice) -> Iterator[Mistake]:
    """Yield what is wrong with a policy that is whole, for its suite: of both sides' target, sources, tags and triggers."""
    text = PolicyText(root)
    yield from sides_that_are_one(policy, target, text)
    yield from evidence_that_is_not_there(policy, target, text)
    for number, metric in enumerate(policy.metrics):
        if isinstance(metric, TrafficMetric) and metric.source:
            yield from _source(metric, number, target, text)
    yield from _round(policy, suite, target, choice, text)
    yield from wrong_triggers(policy, suite, target, choice, text)


def _metrics(policy: Policy, text: PolicyText) -> Iterator[Mistake]:
    total = math.fsum(metric.weight for metric in policy.metrics)
    if not math.isclose(total, 1.0, abs_tol=1e-6):
        weights = " + ".join(f"{metric.weight:g}" for metric in policy.metrics)
        remedy = "all weights together should be 1: they share one chance of a false rollback"
        yield text.wrong(f"the weights of the metrics sum to {total:g} ({weights})", remedy, ("metrics",))
    seen: dict[object, int] = {}
    for number, metric in enumerate(policy.metrics):
        first = seen.setdefault(_what(metric), number)
        if first != number:
            say = f"the same {metric.kind} metric stands twice"
            remedy = f"it is that of item {first + 1}; give one of them the weight of both"
            yield text.wrong(say, remedy, ("metrics", number))
        if isinstance(metric, TrafficMetric):
            yield from _counters(metric, number, text)


def _counters(metric: TrafficMetric, number: int, text: PolicyText) -> Iterator[Mistake]:
    """Yield a mistake for two counters of a metric that are one: comparing it with itself shows nothing."""
    one_place = (("canary_total", "baseline_total"), ("canary_failed", "baseline_failed")) if metric.source else ()
    for one, other in (*one_place, ("canary_total", "canary_failed"), ("baseline_total", "baseline_failed")):
        if "".join(getattr(metric, one).split()) == "".join(getattr(metric, other).split()):
            say = f"'{other}' is the same counter as '{one}', so nothing would be compared"
            yield text.wrong(say, "should be another one, by a name or by labels", ("metrics", number, other))


def _calibrations(policy: Policy, text: PolicyText) -> Iterator[Mistake]:
    """Yield a mistake for each latency whose bound is not known before a stage ends that waits for it."""
    stages = policy.stages
    waits = next((n for n, stage in enumerate(stages) if stage.margin is not None), len(stages) - 1)
    possible = sum(rounds_within(policy, stage) for stage in stages[: waits + 1])
    for number, metric in enumerate(policy.metrics):
        if isinstance(metric, LatencyMetric) and isinstance(metric.above, str) and metric.calibration >= possible:
            called = f"the stage '{stages[waits].name}'"
            say = f"the bound is taken from {metric.calibration} rounds, and {called} ends before these are over"
            remedy = f"up to its end there are {possible} rounds at most"
            yield text.wrong(say, remedy, ("metrics", number, "calibration"), ("metrics", number))


def _what(metric: Metric) -> object:
    """Return what a metric looks at; two of the same would count one finding twice."""
    if isinstance(metric, LatencyMetric):
        return metric.kind, metric.above
    if isinstance(metric, TrafficMetric):
        return metric.kind, metric.source, metric.canary_total, metric.canary_failed
    return metric.kind


def _source(metric: TrafficMetric, number: int, target: Target, text: PolicyText) -> Iterator[Mistake]:
    way = ("metrics", number, "source")
    right = sorted(name for name, source in target.evidence.items() if isinstance(source, SampleSource))
    if metric.source not in target.evidence:
        say = f"target '{target.name}' has no evidence source '{metric.source}'"
        remedy = near_or_known(metric.source, right) or "describe it there under 'evidence', or leave it out for '/metrics'"
        yield text.wrong(say, remedy, way)
    elif metric.source not in right:
        kind = target.evidence[metric.source].source_name
        yield text.wrong(f"'{metric.source}' is no source of metric values", f"it is of kind {kind}", way)


def _round(policy: Policy, suite: Suite, target: Target, choice: RoundChoice, text: PolicyText) -> Iterator[Mistake]:
    known = {tag for s in suite.scenarios if s.is_for(target.name) for tag in s.tags}
    unknown = False
    for number, given in enumerate(policy.tags):
        for tag in (part.strip() for part in given.split(",")):
            if tag not in known:
                unknown = True
                remedy = near_or_known(tag, known)
                yield text.wrong(f"no scenario for target '{target.name}' has the tag '{tag}'", remedy, ("tags", number))
    if choice.scenarios or unknown:
        return
    if choice.left_out:
        first, more = choice.left_out[0], len(choice.left_out) - 1
        why = f"'{first.scenario}' is left out: {first.why}" + (f"; and {more} more are" if more else "")
        yield text.wrong("a round would ask nothing", why, ("tags",), ("target",))
    else:
        why = why_nothing(suite, target.name, parse_selection(policy.tags))
        yield text.wrong("a round would ask nothing", why, ("tags",), ("target",))
