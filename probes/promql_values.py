"""This file is for what is asked beside a query, so that its answer means something: are there series, are they fresh."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from probes.evidence.prometheus import InstantAnswer, Prometheus
from probes.evidence.source import Sample, SampleSource
from probes.matchers import Finding, Matcher, Selection
from probes.outcome import Check, Evidence, Verdict, check, control, note
from probes.promql_nodes import Node, Selector, selectors
from probes.session import Session
from probes.shorten import shorten

NUMERIC = frozenset({"equals", "not_equals", "lt", "le", "gt", "ge", "one_of", "none_of"})
_SELECTORS_AT_MOST = 30
_MADE_OF_NOTHING = "quantile"  # the label of a summary's quantiles, which are NaN until something was observed
_SHOWN = 20


async def instant(source: SampleSource, expression: str) -> InstantAnswer:
    """Ask a source; one that is not Prometheus' own kind has no warnings."""
    if isinstance(source, Prometheus):
        return await source.instant(expression)
    return InstantAnswer(await source.query(expression))


def number(value: float) -> str:
    """Return a value for a sentence."""
    if not math.isfinite(value):
        return "no number (NaN)" if math.isnan(value) else "infinite"
    return f"{value:.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:.6g}"


def series(sample: Sample) -> str:
    """Return the series of a sample for a sentence."""
    labels = {key: value for key, value in sample.labels.items() if key != "__name__"}
    inner = ", ".join(f'{key}="{shorten(value, 60)}"' for key, value in list(labels.items())[:6])
    name = sample.labels.get("__name__", "")
    if not name:
        return f"the value of {{{inner}}}" if inner else "the value"
    return f"{name}{{{inner}}}" if inner else name


def as_evidence(samples: Sequence[Sample], expression: str) -> Evidence:
    shown = [[series(one), number(one.value)] for one in samples[:_SHOWN]]
    return Evidence(
        "numbers", f"{len(samples)} sample{'s' * (len(samples) != 1)} of {shorten(expression, 200)}", {"samples": shown}
    )


async def computes(session: Session, source: SampleSource) -> Check:
    """Ask for a number of our own: who answers everything alike, from a cache or a stub, does not give it back."""
    wanted = float(int(session.nonce[:7], 16))
    session.doing = f"asking {source.describe()} to compute a number"
    answer = await instant(source, f"vector({wanted:.0f})")
    held = [one.value for one in answer.samples] == [wanted]
    return control(
        "the source computes what it is asked",
        holds=held,
        expected=f"{wanted:.0f}",
        observed=", ".join(number(one.value) for one in answer.samples[:3]) or "nothing",
        say=f"{source.describe()} was asked for vector({wanted:.0f}) and answered something else, "
        "so its answers are not to what it is asked",
    )


def in_full(source: SampleSource, answers: Sequence[InstantAnswer]) -> Check:
    warnings = [warning for answer in answers for warning in answer.warnings]
    first = warnings[0] if warnings else ""
    return control(
        "the source answered in full",
        holds=not warnings,
        expected="no warnings",
        observed=first or "none",
        say=f"{source.describe()} answered with a warning, so its answer may be partial: {first}",
    )


@dataclass(frozen=True, slots=True)
class Presence:
    """Looks whether the series of an expression are there, are numbers, and how old their newest values are.

    `each` tells that every series matters, `counted` that the scenario says how many there must be.
    """

    session: Session
    source: SampleSource
    max_age_s: float
    gone_within_s: float
    each: bool = True
    counted: bool = False

    async def checks(self, node: Node) -> AsyncIterator[Check]:
        looked_at = selectors(node)
        for one in looked_at[:_SELECTORS_AT_MOST]:
            made = await self._of(one)
            yield made
            if made.control and made.verdict is Verdict.PASS:
                for more in [await self._numbers(one) if self.each else None, None if self.counted else await self._lost(one)]:
                    if more is not None:
                        yield more
        if len(looked_at) > _SELECTORS_AT_MOST:
            say = f"the query looks at {len(looked_at)} sorts of series, more than the {_SELECTORS_AT_MOST} that are looked for"
            yield control("every series was looked for", holds=False, say=say)
        if not looked_at:  # all of them stand in absent(): what is absent must be told from what is there
            yield await self._absence()

    async def _of(self, one: Selector) -> Check:
        self.session.doing = f"asking {self.source.describe()} how old the values of {one} are"
        answer = await instant(self.source, f"topk(3, time() - timestamp({one}))")
        if not answer.samples:
            return await self._gone(one)
        oldest = max(answer.samples, key=lambda sample: sample.value)
        if oldest.value <= self.max_age_s:
            return control(
                f"{one} has series with fresh values", holds=True, expected=f"at most {self.max_age_s:g} s old",
                observed=f"{oldest.value:.0f} s old",
            )  # fmt: skip
        return check(
            f"{one} has fresh values",
            holds=False,
            expected=f"at most {self.max_age_s:g} s old",
            observed=f"{oldest.value:.0f} s old",
            say=f"{_named(oldest, one)} is stale: its last value is {oldest.value:.0f} s old, more than {self.max_age_s:g} s "
            f"({self.source.describe()})",
        )

    async def _numbers(self, one: Selector) -> Check | None:
        """Return a failure where a value is no number: a comparison, `max` and their like leave it out in silence."""
        answer = await instant(self.source, f"topk({_SHOWN}, {one} unless ({one} <= Inf))")
        bad = [s for s in answer.samples if math.isnan(s.value) and _MADE_OF_NOTHING not in s.labels]
        if not bad:
            return None
        say = f"{_named(bad[0], one)} is no number (NaN), which a comparison or a maximum leaves out ({self.source.describe()})"
        return check(f"{one} is a number", holds=False, expected="a number", observed=f"NaN in {len(bad)} series", say=say)

    async def _lost(self, one: Selector) -> Check | None:
        """Return a note where one of several series is gone: that may be a pod of yesterday, or a replica of today."""
        if not one.name:
            return None
        span = max(1, math.ceil(self.gone_within_s))
        lost = (await instant(self.source, f"topk(3, last_over_time({one}[{span}s]) unless {one})")).samples
        if not lost:
            return None
        say = f"{_named(lost[0], one)} is gone, and was there in the last {span} s; say in 'samples' how many there must be"
        return note(f"all series of {one} are still there", f"{say} ({self.source.describe()})")

    async def _gone(self, one: Selector) -> Check:
        """Tell what was there a while ago from what was never there."""
        span = max(1, math.ceil(self.gone_within_s))
        answer = await instant(self.source, f"topk(3, count_over_time({one}[{span}s]))")
        if not answer.samples:
            return control(
                f"{one} selects series", holds=False, expected="at least one", observed="none",
                say=f"{one} selects nothing at {self.source.describe()}, now or in the last {span} s, so nothing was proven",
            )  # fmt: skip
        last = await instant(self.source, f"time() - max_over_time(timestamp({one})[{span}s:{max(15, span // 200)}s])")
        newest = min((one.value for one in last.samples), default=None)
        when = f"within the last {span} s" if newest is None else f"{newest:.0f} s ago"
        return check(
            f"{one} has fresh values",
            holds=False,
            expected=f"at most {self.max_age_s:g} s old",
            observed=f"gone: its last value was {when}",
            say=f"{_named((last.samples or answer.samples)[0], one)} is gone: its last value was {when} "
            f"({self.source.describe()})",
        )

    async def _absence(self) -> Check:
        answer = await instant(self.source, f"absent(vedette_absent_{self.session.nonce})")
        return control(
            "what is not there is called absent",
            holds=len(answer.samples) == 1,
            say=f"{self.source.describe()} does not say of a made-up series that it is absent, so absence was not tried",
        )


def _named(sample: Sample, one: Selector) -> str:
    """Return the series for a sentence, with the selector's name where the functions that were applied took it away."""
    labels = {"__name__": one.name, **sample.labels} if one.name else sample.labels
    return series(Sample(labels, sample.value, sample.at_s)) if labels else str(one)


def judged(samples: Sequence[Sample], matcher: Matcher, session: Session) -> list[tuple[Sample, Finding]]:
    """Return the samples that do not hold, each with the first reason."""
    bad = []
    for sample in samples:
        findings = matcher.judge(Selection([sample.value]), session.now())
        broken = next((one for one in findings if not one.holds), None)
        if broken is not None:
            bad.append((sample, broken))
    return bad
