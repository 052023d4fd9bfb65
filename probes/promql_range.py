"""This file is for knowing which values a PromQL expression can give at all, so that no condition is made that cannot fail.

It knows bounds, not values: a count is never negative, a comparison with `bool` gives 0 or 1, a filter keeps what passes it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from probes.promql_nodes import SCALAR, Aggregate, Binary, Call, Node, Number, Paren, Selector, Subquery, Unary, walk

Range = tuple[float, float]

_ANY: Range = (-math.inf, math.inf)
_POSITIVE: Range = (0.0, math.inf)
_NEVER_NEGATIVE = frozenset(
    ("abs", "absent", "absent_over_time", "changes", "count_over_time", "exp", "increase", "irate", "present_over_time", "rate",
     "resets", "sqrt", "stddev_over_time", "stdvar_over_time", "time", "timestamp", "year")
)  # fmt: skip
_AS_BEFORE = frozenset(
    ("avg_over_time", "label_join", "label_replace", "last_over_time", "max_over_time", "min_over_time", "quantile_over_time",
     "scalar", "sort", "sort_desc", "vector")
)  # fmt: skip
_COUNTED = ("_total", "_count", "_bucket")
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}


def range_of(node: Node) -> Range:
    """Return the smallest and the largest value that an expression can give."""
    if isinstance(node, Number):
        return (node.value, node.value) if not math.isnan(node.value) else _ANY
    if isinstance(node, Paren | Subquery):
        return range_of(node.inner)
    if isinstance(node, Selector):
        return _POSITIVE if node.name.endswith(_COUNTED) else (0.0, 1.0) if node.name == "up" else _ANY
    if isinstance(node, Unary):
        low, high = range_of(node.inner)
        return (low, high) if node.operator == "+" else (-high, -low)
    if isinstance(node, Call):
        return _of_call(node)
    if isinstance(node, Aggregate):
        return _of_aggregate(node)
    return _of_binary(node) if isinstance(node, Binary) else _ANY


def can_be_refused(node: Node, accepts: Callable[[float], bool], marks: list[float]) -> float | None:
    """Return a value that the expression can give and the condition refuses, or None. `marks` are the condition's numbers."""
    low, high = range_of(node)
    tried = [near for mark in [*marks, 0.0, low, high] if math.isfinite(mark) for near in _near(mark)]
    tried += [-1e15, 1e15]
    return next((value for value in tried if low <= value <= high and not accepts(value)), None)


def comparisons(node: Node) -> list[tuple[str, float]]:
    """Return the comparisons of an expression with a number, as `(operator, number)`, the number on the right."""
    made = []
    for one in walk(node):
        if isinstance(one, Binary) and one.operator in _MIRRORED:
            left, right = constant(one.left), constant(one.right)
            if right is not None and left is None:
                made.append((one.operator, right))
            elif left is not None and right is None:
                made.append((_MIRRORED[one.operator], left))
    return made


def constant(node: Node) -> float | None:
    """Return the value of arithmetic on numbers alone, such as `30 * 60`, or None."""
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Paren):
        return constant(node.inner)
    if isinstance(node, Unary):
        inner = constant(node.inner)
        return None if inner is None else inner if node.operator == "+" else -inner
    if not isinstance(node, Binary) or node.kind != SCALAR:
        return None
    left, right = constant(node.left), constant(node.right)
    if left is None or right is None:
        return None
    if node.operator in ("+", "-", "*"):
        return {"+": left + right, "-": left - right, "*": left * right}[node.operator]
    return left / right if node.operator == "/" and right else None


def _near(mark: float) -> tuple[float, ...]:
    step = max(abs(mark), 1.0)
    return (mark, mark + step * 1e-6, mark - step * 1e-6, mark + step, mark - step)


def _of_call(node: Call) -> Range:
    if node.name in ("clamp", "clamp_min", "clamp_max"):
        low, high = range_of(node.arguments[0])
        bounds = [constant(one) for one in node.arguments[1:]]
        if node.name != "clamp_max" and bounds[0] is not None:
            low = max(low, bounds[0])
        top = bounds[-1] if node.name != "clamp_min" else None
        return (low, high if top is None else min(high, top))
    if node.name in _NEVER_NEGATIVE:
        return (1.0, 1.0) if node.name in ("absent", "absent_over_time", "present_over_time") else _POSITIVE
    return range_of(node.arguments[0]) if node.name in _AS_BEFORE and node.arguments else _ANY


def _of_aggregate(node: Aggregate) -> Range:
    if node.name in ("count", "count_values"):
        return (1.0, math.inf)
    if node.name == "group":
        return (1.0, 1.0)
    if node.name in ("stddev", "stdvar"):
        return _POSITIVE
    low, high = range_of(node.inner)
    if node.name == "sum":
        return (0.0 if low >= 0 else -math.inf, 0.0 if high <= 0 else math.inf)
    return (low, high)


def _of_binary(node: Binary) -> Range:
    left, right = range_of(node.left), range_of(node.right)
    if node.operator in _MIRRORED:
        return (0.0, 1.0) if node.as_bool else _filtered(node, left)
    if node.operator == "or":
        return (min(left[0], right[0]), max(left[1], right[1]))
    if node.operator in ("and", "unless"):
        return left
    if node.operator == "+":
        return (left[0] + right[0], left[1] + right[1]) if left[0] >= 0 and right[0] >= 0 else _ANY
    if node.operator in ("*", "/") and left[0] >= 0 and right[0] >= 0:
        return _POSITIVE
    return _ANY


def _filtered(node: Binary, left: Range) -> Range:
    """Return the values that pass a filter such as `x > 5`; where the number is on the left, the series' own pass."""
    operator, mark = node.operator, constant(node.right)
    if constant(node.left) is not None:
        operator, mark, left = _MIRRORED[operator], constant(node.left), range_of(node.right)
    if mark is None:
        return left
    if operator in (">", ">="):
        return (max(left[0], math.nextafter(mark, math.inf) if operator == ">" else mark), left[1])
    if operator in ("<", "<="):
        return (left[0], min(left[1], math.nextafter(mark, -math.inf) if operator == "<" else mark))
    return (mark, mark) if operator == "==" else left
