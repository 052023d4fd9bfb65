"""This file is for bounds on what an exposition says: a value, a ratio of counters, a quantile of a histogram."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from probes.bounds import Bounds, DurationBounds
from probes.exposition import Exposition
from probes.fields import Configured
from probes.metric_moves import SelectorText, matching
from probes.outcome import Check, check, control
from probes.promql_nodes import Selector
from probes.promql_syntax import selector


def _or_one(schema: dict[str, Any]) -> None:
    """Let an editor take one selector in place of a list."""
    if "items" in schema:  # it is made twice, the second time out of the first
        own = {key: schema.pop(key) for key in ("type", "items", "minItems") if key in schema}
        schema["anyOf"] = [own, own["items"]]


_SELECTORS: Any = Field(min_length=1, json_schema_extra=_or_one)


class Ratio(Configured):
    """A part of a whole: the sums over what is selected."""

    of: tuple[SelectorText, ...] = _SELECTORS  # the part, such as http_requests_total{status=~"5.."}
    to: tuple[SelectorText, ...] = _SELECTORS  # the whole, such as http_requests_total

    @field_validator("of", "to", mode="before")
    @classmethod
    def _one_or_more(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value


class Threshold(Configured):
    """A bound on a `value`, a `ratio` or a `quantile` of a histogram."""

    name: str = Field(min_length=1)  # for sentences: cache hit ratio
    value: SelectorText | None = None  # each sample of it
    ratio: Ratio | None = None  # of counters
    quantile: float | None = Field(None, gt=0, lt=1)  # 0.95 of the histogram `of`
    of: SelectorText | None = None  # http_request_duration_seconds{route="/api"}
    lt: str | float | None = None  # below: a number, of a quantile also a duration such as 2s
    le: str | float | None = None  # at most
    gt: str | float | None = None  # above
    ge: str | float | None = None  # at least
    equals: str | float | None = None  # exactly
    over: Literal["total", "window"] = "total"  # since it started, or between the two scrapes
    soft: bool = False  # true: degraded instead of failed

    @model_validator(mode="after")
    def _one_thing(self) -> Threshold:
        given = [name for name in ("value", "ratio", "quantile") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of 'value', 'ratio' and 'quantile'")
        if (self.quantile is None) != (self.of is None):
            raise ValueError("'quantile' and 'of' belong together")
        if self.value is not None and self.over == "window":
            raise ValueError("'over: window' is for a ratio or a quantile")
        bounds, high = self.bounds, 1.0 if self._part_of_whole() else 1e15
        low = 0.0 if self.value is None else -1e15
        marks = [m for m in (bounds.equals, bounds.lt, bounds.le, bounds.gt, bounds.ge) if m is not None]
        tried = [low, high, *(near for mark in marks for near in (mark, mark - 1e-6, mark + 1e-6))]
        if all(bounds.holds(value) for value in tried if low <= value <= high):
            raise ValueError("the bound holds for every value that there can be, so that it cannot fail")
        return self

    @property
    def bounds(self) -> Bounds:
        given = {name: getattr(self, name) for name in ("equals", "lt", "le", "gt", "ge") if getattr(self, name) is not None}
        return (Bounds if self.quantile is None else DurationBounds).model_validate(given)

    @property
    def unit(self) -> str:
        return " s" if self.of is not None and "_seconds" in self.of else ""

    def names(self) -> Iterator[str]:
        """Yield the names of the metrics that are looked at."""
        both = () if self.ratio is None else (*self.ratio.of, *self.ratio.to)
        for text in (self.value, self.of, *both):
            if text is not None:
                yield selector(text).name

    def _part_of_whole(self) -> bool:
        return self.ratio is not None and {selector(t).name for t in self.ratio.of} <= {selector(t).name for t in self.ratio.to}


@dataclass(frozen=True, slots=True)
class _Found:
    """What a threshold is about: values with where they stand, or why there is none."""

    values: Sequence[tuple[str, float]] = ()
    trouble: str = ""


def judged(thresholds: Sequence[Threshold], first: Exposition, last: Exposition) -> Iterator[Check]:
    for one in thresholds:
        found = _found(one, first if one.over == "window" else None, last)
        if found.trouble:
            say = f"the bound of the {one.name} was not tried: {found.trouble}"
            yield control(f"there is a {one.name}", holds=False, expected=str(one.bounds), observed=found.trouble, say=say)
            continue
        bad = [(where, value) for where, value in found.values if not one.bounds.holds(value)]
        where, value = bad[0] if bad else found.values[0]
        span = " since the process started" if one.over == "total" and one.value is None else ""
        yield check(
            f"the {one.name} {one.bounds}",
            holds=not bad,
            expected=str(one.bounds),
            observed=_shown(value, one.unit),
            say=f"the {one.name} is {_shown(value, one.unit)}{span}, expected that it {one.bounds} ({where})",
            soft=one.soft,
        )


def _found(one: Threshold, first: Exposition | None, last: Exposition) -> _Found:
    for text in filter(None, (one.value, one.of, *((*one.ratio.of, *one.ratio.to) if one.ratio else ()))):
        if trouble := _blind(selector(text), last):
            return _Found(trouble=trouble)
    if one.value is not None:
        samples = matching(last, selector(one.value)) or []
        return _Found([(f"line {s.line}", s.value) for s in samples], "" if samples else f"no sample of {one.value}")
    return _ratio(one.ratio, first, last) if one.ratio is not None else _quantile(one, first, last)


def _blind(one: Selector, made: Exposition) -> str:
    """Return why a selector can select nothing: no such metric, or none of its samples has a label that is asked for."""
    family = made.owner(one.name)
    if family is None:
        return f"there is no metric {one.name}"
    labels = {key for shape in family.shapes for key in shape}
    strange = next((m.label for m in one.matchers if m.label not in labels and not m.holds("")), None)
    return f"no sample of {one.name} has a label {strange}" if strange is not None and family.count else ""


def _ratio(ratio: Ratio, first: Exposition | None, last: Exposition) -> _Found:
    part, whole = (_sum(texts, first, last) for texts in (ratio.of, ratio.to))
    if not whole > 0:
        return _Found(trouble=f"{' + '.join(ratio.to)} counted nothing{' meanwhile' if first else ' yet'}")
    return _Found([(f"{part:g} of {whole:g}", part / whole)])


def _sum(texts: Sequence[str], first: Exposition | None, last: Exposition) -> float:
    made = 0.0
    for text in texts:
        made += sum(s.value for s in matching(last, selector(text)) or ())
        made -= sum(s.value for s in matching(first, selector(text)) or ()) if first is not None else 0.0
    return made


def _quantile(one: Threshold, first: Exposition | None, last: Exposition) -> _Found:
    wanted = selector(one.of or "")
    buckets = _buckets(wanted, last)
    for le, count in _buckets(wanted, first).items() if first is not None else ():
        buckets[le] = buckets.get(le, 0.0) - count
    count = buckets.get(math.inf, 0.0)
    if not count > 0:
        return _Found(trouble=f"{one.of} has no bucket, or counted nothing{' meanwhile' if first else ' yet'}")
    return _Found([(f"of {count:g} observations of {one.of}", quantile(one.quantile or 0.5, buckets))])


def _buckets(wanted: Selector, made: Exposition) -> dict[float, float]:
    found: dict[float, float] = {}
    head = wanted.name.removesuffix("_bucket")
    for sample in matching(made, Selector(f"{head}_bucket", wanted.matchers)) or ():
        try:
            le = float(sample.label("le"))
        except ValueError:
            continue
        found[le] = found.get(le, 0.0) + sample.value
    return found


def quantile(wanted: float, buckets: dict[float, float]) -> float:
    """Return the quantile of cumulative buckets, linear within one, infinite beyond the last bound that is finite.

    Source: Prometheus, histogram_quantile; that gives the last finite bound instead, which would pass for a value.
    """
    rank, low, before = wanted * buckets[math.inf], 0.0, 0.0
    for le in sorted(buckets):
        count = buckets[le]
        if count >= rank:
            if math.isinf(le) or (low == 0.0 and le <= 0):
                return le
            return low + (le - low) * ((rank - before) / (count - before) if count > before else 1.0)
        low, before = le, count
    return math.inf


def _shown(value: float, unit: str) -> str:
    return "above the last bucket" if value == math.inf else f"{value:.4g}{unit}"
