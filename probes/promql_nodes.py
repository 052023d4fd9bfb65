"""This file is for what a PromQL expression is made of, and for the tables of functions and aggregations.

Source: prometheus.io/docs/prometheus/latest/querying (basics, operators, functions), as of Prometheus 2 and 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from probes.operators import found

SCALAR, VECTOR, MATRIX, TEXT = "a number", "an instant vector", "a range", "a text"
_KINDS = {"s": SCALAR, "v": VECTOR, "m": MATRIX, "t": TEXT}

# name: argument kinds; `?` is optional, `*` may be repeated, `=s` after the arguments is what it gives (else a vector)
_FUNCTIONS = """
abs v|absent v|absent_over_time m|acos v|acosh v|asin v|asinh v|atan v|atanh v|avg_over_time m|ceil v|changes m|clamp v s s
clamp_max v s|clamp_min v s|cos v|cosh v|count_over_time m|days_in_month v?|day_of_month v?|day_of_week v?|day_of_year v?
deg v|delta m|deriv m|double_exponential_smoothing m s s|exp v|floor v|histogram_avg v|histogram_count v|histogram_fraction s s v
histogram_quantile s v|histogram_stddev v|histogram_stdvar v|histogram_sum v|holt_winters m s s|hour v?|idelta m|increase m
info v v?|irate m|label_join v t t t*|label_replace v t t t t|last_over_time m|ln v|log10 v|log2 v|mad_over_time m
max_over_time m|min_over_time m|minute v?|month v?|pi =s|predict_linear m s|present_over_time m|quantile_over_time s m|rad v
rate m|resets m|round v s?|scalar v =s|sgn v|sin v|sinh v|sort v|sort_by_label v t*|sort_by_label_desc v t*|sort_desc v|sqrt v
stddev_over_time m|stdvar_over_time m|sum_over_time m|tan v|tanh v|time =s|timestamp v|vector s|year v?
"""
AGGREGATIONS = {
    **dict.fromkeys(("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"), ""),
    **dict.fromkeys(("topk", "bottomk", "quantile", "limitk", "limit_ratio"), SCALAR),
    "count_values": TEXT,
}


@dataclass(frozen=True, slots=True)
class Function:
    """What a function takes and gives. `most` is None where the last argument may be repeated."""

    name: str
    takes: tuple[str, ...]
    least: int
    most: int | None
    gives: str


def _function(line: str) -> Function:
    name, *words = line.split()
    gives = SCALAR if "=s" in words else VECTOR
    words = [word for word in words if not word.startswith("=")]
    least = sum(not word.endswith(("?", "*")) for word in words)
    repeated = bool(words) and words[-1].endswith("*")
    return Function(name, tuple(_KINDS[word[0]] for word in words), least, None if repeated else len(words), gives)


FUNCTIONS = {f.name: f for f in map(_function, _FUNCTIONS.replace("\n", "|").strip("|").split("|"))}


@dataclass(frozen=True, slots=True)
class Matching:
    """One condition on a label: `=`, `!=`, `=~` or `!~`, the last two anchored at both ends."""

    label: str
    operator: str
    value: str

    def holds(self, value: str) -> bool:
        if self.operator in ("=", "!="):
            return (value == self.value) is (self.operator == "=")
        return (found(value, f"^(?s:{self.value})$") is True) is (self.operator == "=~")

    def __str__(self) -> str:
        escaped = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.label}{self.operator}"{escaped}"'


@dataclass(frozen=True, slots=True)
class Number:
    value: float
    kind: str = SCALAR


@dataclass(frozen=True, slots=True)
class Text:
    value: str
    kind: str = TEXT


@dataclass(frozen=True, slots=True)
class Selector:
    """Series by name and labels, perhaps over a range. Its text is the selector alone, as of now."""

    name: str
    matchers: tuple[Matching, ...] = ()
    range_s: float | None = None
    moved: bool = False  # by `offset` or `@`

    @property
    def kind(self) -> str:
        return VECTOR if self.range_s is None else MATRIX

    def selects(self, name: str, labels: dict[str, str]) -> bool:
        if self.name and name != self.name:
            return False
        return all(one.holds(name if one.label == "__name__" else labels.get(one.label, "")) for one in self.matchers)

    def __str__(self) -> str:
        return self.name + (f"{{{', '.join(map(str, self.matchers))}}}" if self.matchers else "")


@dataclass(frozen=True, slots=True)
class Subquery:
    inner: Node
    range_s: float
    kind: str = MATRIX


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    arguments: tuple[Node, ...]
    kind: str = VECTOR


@dataclass(frozen=True, slots=True)
class Aggregate:
    name: str
    inner: Node
    parameter: Node | None = None
    labels: tuple[str, ...] = ()
    without: bool = False
    kind: str = VECTOR


@dataclass(frozen=True, slots=True)
class Paren:
    """An expression in parentheses: behind them no range may stand."""

    inner: Node
    kind: str


@dataclass(frozen=True, slots=True)
class Unary:
    operator: str
    inner: Node
    kind: str


@dataclass(frozen=True, slots=True)
class Binary:
    operator: str
    left: Node
    right: Node
    as_bool: bool = False
    matching: tuple[str, ...] | None = None  # labels of `on` or `ignoring`
    on: bool = False
    kind: str = VECTOR


Node = Number | Text | Paren | Selector | Subquery | Call | Aggregate | Unary | Binary


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and all nodes below it."""
    yield node
    for below in _below(node):
        yield from walk(below)


def _below(node: Node) -> tuple[Node, ...]:
    if isinstance(node, Call):
        return node.arguments
    if isinstance(node, Aggregate):
        return (node.inner,) if node.parameter is None else (node.parameter, node.inner)
    if isinstance(node, Binary):
        return (node.left, node.right)
    return (node.inner,) if isinstance(node, Subquery | Unary | Paren) else ()


def selectors(node: Node) -> list[Selector]:
    """Return the selectors of an expression as of now, each once, but for those that are asked to be absent."""
    kept: dict[str, Selector] = {}
    for one in _present(node):
        kept.setdefault(str(one), Selector(one.name, one.matchers))
    return list(kept.values())


def _present(node: Node) -> Iterator[Selector]:
    if isinstance(node, Selector):
        yield node
    elif not (isinstance(node, Call) and node.name in ("absent", "absent_over_time")):
        for below in _below(node):
            yield from _present(below)
