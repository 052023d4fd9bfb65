"""This file is for asking Prometheus what only the inside knows: lag, depth, age, and whether its alerts are as agreed."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import field_validator, model_validator

from probes.bounds import Bounds
from probes.fields import Duration, SampleRef
from probes.matchers import Matcher, Selection
from probes.outcome import Check, broken, check, control, note
from probes.probe import Probe
from probes.promql_alerts import Alerting, AlertRule
from probes.promql_nodes import MATRIX, TEXT, Node, Selector, walk
from probes.promql_range import can_be_refused
from probes.promql_syntax import PromqlError, parse
from probes.promql_values import NUMERIC, Presence, as_evidence, computes, in_full, instant, judged, number, series
from probes.request import fill, names_in
from probes.shorten import shorten

if TYPE_CHECKING:
    from probes.evidence.prometheus import InstantAnswer
    from probes.evidence.source import Sample, SampleSource
    from probes.session import Session

_STANDS_FOR = ("x", "1", "5m")  # what a `{{name}}` may be, where it is not known yet


def _parsed(text: str) -> Node:
    """Return what an expression is made of, whatever its places stand for. Raises: PromqlError."""
    problem: PromqlError | None = None
    for value in _STANDS_FOR if names_in(text) else ("",):
        try:
            return parse(str(fill(f"{text} ", dict.fromkeys(names_in(text), value))).rstrip())
        except PromqlError as trouble:
            problem = problem or trouble
    raise problem or PromqlError("this is not PromQL")


class Promql(Probe, kind="promql"):
    """Ask a query and hold each sample against a condition, or look whether alert rules are loaded as agreed.

    A query that selects nothing is inconclusive; a series that is no number (NaN), stale or gone is a failure. What is no
    number only because nothing was counted, such as a ratio without requests, is inconclusive too.
    With `samples: 0` the query is one that must select nothing, as that of an alert. `alerts` are looked up among the rules.
    The controls: the source computes a number of ours, the series that the query looks at are there and fresh, and the condition
    refuses a value that the query could give.
    """

    source: SampleRef  # a source of metric values, such as `prometheus`
    query: str | None = None  # PromQL, as of now
    expect: Matcher | None = None  # of each sample: a number, or `lt`, `le`, `gt`, `ge`, `equals`, `one_of` and their opposites
    unit: str = ""  # of the values, for sentences: s, bytes, %
    samples: Bounds | None = None  # how many there must be; default: at least one
    every: bool = True  # false: it is enough that one sample holds
    max_age: Duration = 300.0  # how old the newest value of each series may be, by `time() - timestamp(series)`
    gone_within: Duration = 3600.0  # a series that was there so long ago is called gone; one that was not selects nothing
    control: str | None = None  # another query, all of whose samples must be above 0, such as up{job="api"}
    alerts: tuple[AlertRule, ...] = ()  # that must be loaded, as they say
    evaluated_within: Duration = 300.0  # how long ago the rules of `alerts` may have been evaluated

    @field_validator("query", "control")
    @classmethod
    def _an_instant_vector(cls, text: str | None) -> str | None:
        if text is not None and (node := _parsed(text)).kind in (MATRIX, TEXT):
            raise ValueError(f"gives {node.kind}, which is no value; ask for a rate or a last value of it")
        return text

    @field_validator("expect")
    @classmethod
    def _about_numbers(cls, matcher: Matcher | None) -> Matcher | None:
        strange = sorted(matcher.model_fields_set - NUMERIC) if matcher is not None else []
        if strange:
            raise ValueError(f"'{strange[0]}' says nothing of a number; use {', '.join(sorted(NUMERIC))}")
        return matcher

    @model_validator(mode="after")
    def _can_fail(self) -> Promql:
        if self.query is None and not self.alerts:
            raise ValueError("give a 'query', or 'alerts'")
        if self.query is None:
            if self.expect is not None or self.samples is not None:
                raise ValueError("'expect' and 'samples' need a 'query'")
            return self
        if self.expect is None and self.samples is None:
            raise ValueError("a 'query' needs 'expect', or 'samples', or nothing could be wrong with its answer")
        node = _parsed(self.query)
        if not any(isinstance(one, Selector) for one in walk(node)):
            raise ValueError("the query looks at no series, so that its answer proves nothing")
        if self.samples is not None and self.samples.holds(0) and self.samples.holds(1e9) and self.expect is None:
            raise ValueError("'samples' holds for any number of samples, so that nothing could be wrong with the answer")
        if self.expect is not None and not _placed(self.expect) and _refused(node, self.expect) is None:
            raise ValueError("'expect' holds for every value that this query can give, so that it cannot fail")
        return self

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        source = session.sample_source(self.source)
        yield await computes(session, source)
        if self.query is not None:
            try:
                query = str(fill(f"{self.query} ", session.values)).rstrip()
                node, expect = parse(query), self.expect.filled(session.values) if self.expect else None
            except PromqlError as problem:
                yield broken("the query parses", f"with its values filled in, {problem}")
                return
            async for made in self._values(session, source, query, node, expect):
                yield made
        if self.alerts:
            async for made in Alerting(session, source, self.alerts, self.evaluated_within).checks():
                yield made

    async def _values(
        self, session: Session, source: SampleSource, query: str, node: Node, expect: Matcher | None
    ) -> AsyncIterator[Check]:
        session.doing = f"asking {source.describe()} for {shorten(query, 80)}"
        answer = await instant(source, query)
        presence = Presence(session, source, self.max_age, self.gone_within, self.every, self.samples is not None)
        async for made in presence.checks(node):
            yield made
        yield in_full(source, [answer])
        for info in answer.infos:
            yield note("what the source remarks on the query", info)
        if self.control is not None:
            yield await self._controlled(session, source, str(fill(f"{self.control} ", session.values)).rstrip())
        yield self._many(answer, source, query)
        if expect is not None:
            yield _would_refuse(node, expect)
            for made in self._judged(answer, expect, source, session, query):
                yield made

    async def _controlled(self, session: Session, source: SampleSource, query: str) -> Check:
        session.doing = f"asking {source.describe()} for the control"
        answer = await instant(source, query)
        dead = [one for one in answer.samples if not one.value > 0]
        first = f"{series(dead[0])} is {number(dead[0].value)}" if dead else "it selects nothing"
        return control(
            f"the control {shorten(query, 80)} is above 0",
            holds=bool(answer.samples) and not dead,
            expected="above 0",
            observed="above 0" if answer.samples and not dead else first,
            say=f"the control {shorten(query, 80)} does not hold, so the query proves nothing: {first} ({source.describe()})",
        )

    def _many(self, answer: InstantAnswer, source: SampleSource, query: str) -> Check:
        many, bounds = len(answer.samples), self.samples
        where = f"({source.describe()}: {shorten(query, 120)})"
        if many == 0 and (bounds is None or not bounds.holds(0)):
            return control(
                "the query selects samples", holds=False, expected=str(bounds or "at least one"), observed="none",
                say=f"the query selects nothing, so nothing was proven {where}",
            )  # fmt: skip
        if bounds is None:
            return control("the query selects samples", holds=True, expected="at least one", observed=f"{many}")
        worst = "" if not many or bounds.holds(many) else f", such as {self._said(answer.samples[0])}"
        wanted = "none" if bounds.equals == 0 else f"a number that {bounds}"
        return check(
            f"the query selects {wanted}",
            holds=bounds.holds(many),
            expected=str(bounds),
            observed=str(many),
            say=f"the query selects {many} sample{'s' * (many != 1)}{worst}, expected {wanted} {where}",
            evidence=() if bounds.holds(many) else as_evidence(answer.samples, query),
        )

    def _judged(
        self, answer: InstantAnswer, expect: Matcher, source: SampleSource, session: Session, query: str
    ) -> Iterator[Check]:
        """Yield what the samples are. One that is no number is told by its series, else it was computed of nothing, as 0 / 0."""
        samples = [one for one in answer.samples if not math.isnan(one.value)]
        if len(samples) < len(answer.samples) and (self.every or not samples):
            nothing = next(one for one in answer.samples if math.isnan(one.value))
            say = f"{self._said(nothing)}, though the series that it is computed of are: nothing was counted yet, or meanwhile"
            yield control("the query gives numbers", holds=False, observed="NaN", say=f"{say} ({source.describe()})")
        if samples:
            yield self._held(samples, expect, source, session, query)

    def _held(self, samples: Sequence[Sample], expect: Matcher, source: SampleSource, session: Session, query: str) -> Check:
        bad, many = judged(samples, expect, session), len(samples)
        holds = not bad if self.every else len(bad) < many
        phrase = " and ".join(finding.phrase for finding in expect.judge(Selection(), session.now()))
        where = f"({source.describe()}: {shorten(query, 120)})"
        say = ""
        if not holds:
            others = f", as {len(bad) - 1} more of {many}" if len(bad) > 1 else f", one of {many}" if many > 1 else ""
            say = f"{self._said(bad[0][0])}{others}, expected that it {bad[0][1].phrase} {where}"
        return check(
            f"{'each' if self.every else 'one'} sample {phrase}",
            holds=holds,
            expected=phrase,
            observed=f"{many - len(bad)} of {many}",
            say=say,
            evidence=() if holds else as_evidence([one for one, _ in bad], query),
        )

    def _said(self, sample: Sample) -> str:
        unit = f" {self.unit}" if self.unit and self.unit != "%" else self.unit
        return f"{series(sample)} is {number(sample.value)}{unit}"


def _placed(matcher: Matcher) -> bool:
    return any(isinstance(getattr(matcher, name), str) for name in matcher.model_fields_set)


def _refused(node: Node, matcher: Matcher) -> float | None:
    def accepts(value: float) -> bool:
        return all(one.holds for one in matcher.judge(Selection([value]), datetime.now(UTC)))

    marks: list[float] = []
    for name in matcher.model_fields_set:
        given = getattr(matcher, name)
        marks += [float(one) for one in (given if isinstance(given, Sequence) else [given]) if isinstance(one, int | float)]
    return can_be_refused(node, accepts, marks)


def _would_refuse(node: Node, matcher: Matcher) -> Check:
    refused = _refused(node, matcher)
    return control(
        "the condition would refuse another value of this query",
        holds=refused is not None,
        expected="a value that is refused",
        observed="none" if refused is None else number(refused),
        say="the condition holds for every value that this query can give, so that it cannot fail",
    )
