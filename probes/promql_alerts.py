"""This file is for alert rules: what a scenario says of them, and whether those that are loaded are so, and can fire."""

from __future__ import annotations

import difflib
import math
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import Field, field_validator

from probes.bounds import Bounds
from probes.evidence.prometheus import Prometheus, Rule
from probes.evidence.source import SampleSource
from probes.fields import Configured, Duration
from probes.matchers import Selection, TextMatcher
from probes.outcome import Check, Evidence, check, control
from probes.probe import NotGiven
from probes.promql_nodes import Matching, Selector, selectors
from probes.promql_range import comparisons
from probes.promql_syntax import PromqlError, parse
from probes.promql_values import instant
from probes.session import Session
from probes.shorten import shorten

_SIGNS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "equals": "=="}
_NAMES_AT_ONCE = 40
_JOB = "job"  # Prometheus' own label of what it scrapes: of a job that is not there, nothing will come


def _or_names(schema: dict[str, Any]) -> None:
    if "additionalProperties" in schema:
        _also(schema, {"type": "array", "items": {"type": "string"}})


def _or_one(schema: dict[str, Any]) -> None:
    if "items" in schema:  # it is made twice, the second time out of the first
        _also(schema, schema["items"])


def _also(schema: dict[str, Any], short: dict[str, Any]) -> None:
    """Let an editor take the short form of a field too."""
    own = {key: schema.pop(key) for key in ("type", "items", "additionalProperties") if key in schema}
    schema["anyOf"] = [own, short]


class AlertRule(Configured):
    """One alert that must be loaded. What is not given is not looked at; its expression must be healthy in any case."""

    name: str = Field(min_length=1)  # as the rule calls it: HighErrorRate
    severity: str | None = None  # the label `severity`
    pending: Duration | None = Field(None, alias="for")  # how long its condition must hold: 5m
    labels: dict[str, TextMatcher] = Field(default_factory=dict)  # such as {team: backend}
    # names alone mean that they are there: [runbook_url, owner]
    annotations: dict[str, TextMatcher] = Field(default_factory=dict, json_schema_extra=_or_names)
    holds: tuple[str, ...] = ()  # parts that its expression must have, blanks aside
    thresholds: tuple[Bounds, ...] = Field(
        (), json_schema_extra=_or_one
    )  # comparisons that its expression must have: {gt: 0.05} is "> 0.05"
    series: bool = True  # that the metrics which it looks at exist: an alert on nothing never fires
    firing: bool | None = None  # false: it may not be firing now

    @field_validator("annotations", mode="before")
    @classmethod
    def _names_alone(cls, value: Any) -> Any:
        if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
            return {name: {"empty": False} for name in value}
        return value

    @field_validator("thresholds", mode="before")
    @classmethod
    def _one_or_more(cls, value: Any) -> Any:
        return value if isinstance(value, list | tuple) else [value]


@dataclass(frozen=True, slots=True)
class Alerting:
    """Holds the rules of a source against what a scenario says of them."""

    session: Session
    source: SampleSource
    wanted: Sequence[AlertRule]
    within_s: float

    async def checks(self) -> AsyncIterator[Check]:
        if not isinstance(self.source, Prometheus):
            raise NotGiven(f"{self.source.describe()} has no alert rules to look at; use a source 'prometheus'")
        self.session.doing = f"reading the rules of {self.source.describe()}"
        rules = [rule for rule in await self.source.rules() if rule.kind == "alerting"]
        found = {one.name: [rule for rule in rules if rule.name == one.name] for one in self.wanted}
        yield self._evaluated([rule for several in found.values() for rule in several])
        looked_at = [rule for one in self.wanted if one.series for rule in found[one.name]]
        missing = await self._missing(looked_at, await self._metrics(looked_at))
        for one in self.wanted:
            for made in self._alert(one, found[one.name], rules, missing):
                yield made

    def _evaluated(self, rules: Sequence[Rule]) -> Check:
        """Return the control that the rules are at work: one that is loaded and never evaluated fires for nobody."""
        oldest = self.session.now() - timedelta(seconds=self.within_s)
        idle = [rule for rule in rules if rule.evaluated_at is None or rule.evaluated_at < oldest]
        when = "" if not idle or idle[0].evaluated_at is None else f" since {idle[0].evaluated_at:%Y-%m-%d %H:%M:%S} UTC"
        said = f"the alert {idle[0].name} was not evaluated{when}" if idle else "none of the alerts is loaded"
        return control(
            "the rules are evaluated",
            holds=bool(rules) and not idle,
            expected=f"each within the last {self.within_s:g} s",
            observed="all" if rules and not idle else said,
            say=f"{said}, so what is loaded may not be at work ({self.source.describe()})",
        )

    async def _metrics(self, rules: Sequence[Rule]) -> set[str]:
        """Return which of the metrics exist that the rules look at."""
        names = sorted({one.name for rule in rules for one in _selectors(rule.expression)})
        there: set[str] = set()
        for start in range(0, len(names), _NAMES_AT_ONCE):
            some = "|".join(names[start : start + _NAMES_AT_ONCE])  # a metric's name has no sign that means something in a regex
            answer = await instant(self.source, f'count by (__name__) ({{__name__=~"{some}"}})')
            there |= {sample.labels.get("__name__", "") for sample in answer.samples}
        return there

    async def _missing(self, rules: Sequence[Rule], there: set[str]) -> dict[str, str]:
        """Return, by expression, what there is nothing of: a metric, one of its labels, or a job.

        Of other labels the value may well be one that has not come yet, such as the status 500.
        """
        made: dict[str, str] = {}
        for rule in rules:
            for one in _selectors(rule.expression):
                if rule.expression not in made and (one.name not in there or not await self._labelled(one)):
                    made[rule.expression] = one.name if one.name not in there else str(one)
        return made

    async def _labelled(self, one: Selector) -> bool:
        named = [m for m in one.matchers if m.label != "__name__" and not m.holds("")]
        wanted = tuple(m if m.label == _JOB else Matching(m.label, "!=", "") for m in named)
        if not wanted:
            return True
        return bool((await instant(self.source, f"count({Selector(one.name, wanted)})")).samples)

    def _alert(self, one: AlertRule, found: Sequence[Rule], rules: Sequence[Rule], missing: dict[str, str]) -> Iterator[Check]:
        yield self._loaded(one, found, rules)
        fitting = [rule for rule in found if not self._misfits(one, rule)] or list(found[:1])
        if not fitting:
            return
        rule = fitting[0]
        misfits = self._misfits(one, rule)
        yield check(
            f"the alert {one.name} is as agreed",
            holds=not misfits,
            expected="as the scenario says",
            observed="; ".join(misfits) or "as the scenario says",
            say=f"the alert {one.name} {'; '.join(misfits)} (group {rule.group}, {self.source.describe()})",
            evidence=() if not misfits else Evidence("rule", rule.name, {"expr": rule.expression, "labels": dict(rule.labels)}),
        )
        yield check(
            f"the alert {one.name} is healthy",
            holds=rule.health != "err",
            expected="ok",
            observed=rule.health,
            say=f"the alert {one.name} cannot be evaluated: {rule.last_error or rule.health} ({self.source.describe()})",
        )
        if one.firing is not None:
            state = next((each.state for each in fitting if each.state == "firing"), rule.state)  # of several any may fire
            yield check(
                f"the alert {one.name} is {'firing' if one.firing else 'not firing'}",
                holds=(state == "firing") is one.firing,
                expected="firing" if one.firing else "not firing",
                observed=state,
                say=f"the alert {one.name} is {state or 'in no state'} ({self.source.describe()})",
            )
        if one.series:
            yield self._can_fire(one, missing.get(rule.expression, ""))

    def _loaded(self, one: AlertRule, found: Sequence[Rule], rules: Sequence[Rule]) -> Check:
        near = difflib.get_close_matches(one.name, [rule.name for rule in rules], 1, 0.6)
        like = f"; there is '{near[0]}'" if near else ""
        return check(
            f"the alert {one.name} is loaded",
            holds=bool(found),
            expected="loaded",
            observed="loaded" if found else f"not among {len(rules)} alerts",
            say=f"there is no alert '{one.name}' among the {len(rules)} that {self.source.describe()} has loaded{like}, "
            "so nobody would be told",
        )

    def _misfits(self, one: AlertRule, rule: Rule) -> list[str]:
        made = []
        severity = rule.labels.get("severity")
        if one.severity is not None and severity != one.severity:
            made.append(
                f"has severity '{severity}' instead of '{one.severity}'"
                if severity
                else f"has no severity instead of '{one.severity}'"
            )
        if one.pending is not None and not math.isclose(rule.for_s, one.pending, abs_tol=0.5):
            made.append(f"fires after {rule.for_s:g} s instead of {one.pending:g} s")
        for what, wanted, given in (("label", one.labels, rule.labels), ("annotation", one.annotations, rule.annotations)):
            for name, matcher in wanted.items():
                selected = Selection([given[name]] if name in given else [])
                broken = next((f for f in matcher.judge(selected, self.session.now()) if not f.holds), None)
                if broken is not None:
                    made.append(
                        f"has no {what} '{name}'" if name not in given else f"has the {what} '{name}' that {broken.reason}"
                    )
        bare = "".join(rule.expression.split())
        made += [
            f"does not hold '{part}' in its expression {shorten(rule.expression, 120)}"
            for part in one.holds
            if "".join(part.split()) not in bare
        ]
        return made + _other_thresholds(one.thresholds, rule.expression)

    def _can_fire(self, one: AlertRule, missing: str) -> Check:
        return control(
            f"the alert {one.name} looks at metrics that exist",
            holds=not missing,
            expected="all of them",
            observed=f"no {missing}" if missing else "all of them",
            say=f"the alert {one.name} looks at {missing}, of which {self.source.describe()} has no "
            "series, so it was not shown that it can fire",
        )


def _selectors(expression: str) -> list[Selector]:
    """Return what an expression looks at, by name; what must be absent is not among it."""
    try:
        return [one for one in selectors(parse(expression)) if one.name]
    except PromqlError:  # newer than what we know; Prometheus itself took it
        return []


def _other_thresholds(wanted: Sequence[Bounds], expression: str) -> list[str]:
    if not wanted:
        return []
    try:
        has = comparisons(parse(expression))
    except PromqlError:
        has = []
    missing = []
    for bounds in wanted:
        for name, sign in _SIGNS.items():
            value = getattr(bounds, name)
            if value is not None and not any(s == sign and math.isclose(number, value, rel_tol=1e-9) for s, number in has):
                missing.append(f"{sign} {value:g}")
    instead = ", ".join(f"{sign} {number:g}" for sign, number in has) or "no comparison with a number"
    return [f"compares with {instead} instead of {one}" for one in missing]
