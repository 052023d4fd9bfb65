"""This file is for answering the few PromQL questions that the suite asks, over data that the face of Prometheus makes up.

It computes; a canned answer would not be taken for one. What it does not know it refuses as Prometheus does, with 422.
"""

from __future__ import annotations

import math
import operator
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from probes.promql_nodes import Aggregate, Binary, Call, Node, Number, Paren, Selector, Subquery

Labels = Mapping[str, str]
Vector = list[tuple[Labels, float]]
Value = float | Vector

_ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda left, right: left / right if right else math.nan if not left else math.copysign(math.inf, left),
}
_COMPARING: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
}
_LOOK_BACK_S = 300.0


class CannotAnswer(Exception):
    """The question is none of those that are known here."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series with its newest value, `age_s` seconds old; a counter grows by `per_s`."""

    name: str
    labels: Labels = field(default_factory=dict)
    value: float = 0.0
    age_s: float = 2.0
    per_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One question over some series, as of one instant."""

    series: Sequence[Series]
    now_s: float = field(default_factory=time.time)

    def of(self, node: Node) -> Value:
        if isinstance(node, Number):
            return node.value
        if isinstance(node, Paren):
            return self.of(node.inner)
        if isinstance(node, Selector) and node.range_s is None:
            return [({"__name__": one.name, **one.labels}, one.value) for one in self._selected(node, _LOOK_BACK_S)]
        if isinstance(node, Call):
            return self._call(node)
        if isinstance(node, Aggregate):
            return self._aggregate(node)
        if isinstance(node, Binary):
            return self._binary(node)
        raise CannotAnswer(f"no {type(node).__name__.lower()} is known here")

    def _selected(self, selector: Selector, within_s: float) -> list[Series]:
        return [one for one in self.series if one.age_s < within_s and selector.selects(one.name, dict(one.labels))]

    def _call(self, node: Call) -> Value:
        first = node.arguments[0] if node.arguments else None
        if node.name == "time":
            return self.now_s
        if node.name == "vector" and first is not None:
            return [({}, _number(self.of(first)))]
        if node.name == "hour" and first is not None:
            return [(_nameless(labels), float(int(value) % 86_400 // 3600)) for labels, value in _vector(self.of(first))]
        if node.name == "absent" and first is not None:
            return [] if self.of(first) else [({}, 1.0)]
        if node.name == "timestamp" and isinstance(first, Selector):
            return [(one.labels, self.now_s - one.age_s) for one in self._selected(first, _LOOK_BACK_S)]
        if node.name == "rate" and isinstance(first, Selector) and first.range_s is not None:
            return [(one.labels, one.per_s) for one in self._selected(first, first.range_s)]
        if node.name == "increase" and isinstance(first, Selector) and first.range_s is not None:
            return [(one.labels, one.per_s * first.range_s) for one in self._selected(first, first.range_s)]
        if node.name == "histogram_quantile" and first is not None:
            return _quantiles(_number(self.of(first)), _vector(self.of(node.arguments[1])))
        if node.name == "count_over_time" and isinstance(first, Selector) and first.range_s is not None:
            return [(one.labels, 1.0) for one in self._selected(first, first.range_s)]
        if node.name == "last_over_time" and isinstance(first, Selector) and first.range_s is not None:
            return [({"__name__": one.name, **one.labels}, one.value) for one in self._selected(first, first.range_s)]
        if node.name == "max_over_time" and isinstance(first, Subquery) and isinstance(first.inner, Call):
            inner = first.inner.arguments[0]
            if first.inner.name == "timestamp" and isinstance(inner, Selector):
                return [(one.labels, self.now_s - one.age_s) for one in self._selected(inner, first.range_s)]
        raise CannotAnswer(f"the function {node.name} is not known here in this form")

    def _aggregate(self, node: Aggregate) -> Vector:
        given = _vector(self.of(node.inner))
        if node.name == "topk" and node.parameter is not None:
            return sorted(given, key=lambda one: -one[1])[: int(_number(self.of(node.parameter)))]
        groups: dict[tuple[tuple[str, str], ...], list[float]] = {}
        for labels, value in given:
            groups.setdefault(tuple((name, labels.get(name, "")) for name in node.labels), []).append(value)
        known: Mapping[str, Callable[[list[float]], float]] = {
            "sum": sum,
            "max": max,
            "min": min,
            "count": lambda all_: float(len(all_)),
        }
        if node.name not in known or node.without:
            raise CannotAnswer(f"the aggregation {node.name} is not known here in this form")
        return [(dict(key), known[node.name](values)) for key, values in groups.items()]

    def _binary(self, node: Binary) -> Value:
        left, right = self.of(node.left), self.of(node.right)
        if node.operator == "or":
            return _vector(left) or _vector(right)
        if node.operator == "unless":
            there = {tuple(sorted(_nameless(labels).items())) for labels, _ in _vector(right)}
            return [one for one in _vector(left) if tuple(sorted(_nameless(one[0]).items())) not in there]
        if node.operator in _COMPARING and isinstance(right, float):
            return [one for one in _vector(left) if _COMPARING[node.operator](one[1], right)]
        compute = _ARITHMETIC.get(node.operator)
        if compute is None:
            raise CannotAnswer(f"the operator {node.operator} is not known here in this form")
        if isinstance(left, float) and isinstance(right, float):
            return compute(left, right)
        if isinstance(left, float):
            return [(_nameless(labels), compute(left, value)) for labels, value in _vector(right)]
        if isinstance(right, float):
            return [(_nameless(labels), compute(value, right)) for labels, value in left]
        pairs = {tuple(sorted(_nameless(labels).items())): value for labels, value in right}
        matched = ((_nameless(labels), value, tuple(sorted(_nameless(labels).items()))) for labels, value in left)
        return [(labels, compute(value, pairs[key])) for labels, value, key in matched if key in pairs]


def _quantiles(share: float, buckets: Vector) -> Vector:
    """Return the upper bound of the bucket in which each histogram's quantile lies, which is as exact as is asked here."""
    histograms: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    for labels, value in buckets:
        key = tuple(sorted((name, text) for name, text in labels.items() if name not in ("le", "__name__")))
        histograms.setdefault(key, []).append((float(labels["le"]), value))
    made: Vector = []
    for key, bounds in histograms.items():
        bounds.sort()
        rank = share * bounds[-1][1]
        made.append((dict(key), next(bound for bound, value in bounds if value >= rank) if rank else math.nan))
    return made


def _nameless(labels: Labels) -> Labels:
    return {name: value for name, value in labels.items() if name != "__name__"}


def _vector(value: Value) -> Vector:
    if isinstance(value, float):
        raise CannotAnswer("a number stands where a vector should")
    return value


def _number(value: Value) -> float:
    if isinstance(value, float):
        return value
    raise CannotAnswer("a vector stands where a number should")
