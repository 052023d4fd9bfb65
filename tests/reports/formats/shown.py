"""This file is for showing a run in a format, and for odd texts that a target might send."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from probes.outcome import Outcome, Verdict
from reports.formats.reporter import FORMATS
from scenarios.events import OutcomeReady, RunFinished, RunResult, RunStarted, ScenarioStarted
from tests.reports.sample_runs import mixed, outcome, result

HARMFUL = "\x00\x07\x1b\x7f\x85\x9b\u2028\u202e\ufeff\ufffe\ud800\udfff:,%\r\n\t#\\\"'<>&]|`*@"
odd_text = st.text(st.one_of(st.characters(), st.sampled_from(HARMFUL)), max_size=30)


def show(name: str, run: RunResult, **more: Any) -> str:
    """Return what a format writes to a stream when it is told the whole run."""
    kind = FORMATS.find(name)
    assert kind is not None
    out = io.StringIO()
    reporter = kind(out, **{"environ": {}, "talk": io.StringIO(), **more})
    reporter.prepare()
    reporter.take(RunStarted(run.run, tuple(o.subject for o in run.outcomes)))
    for one in run.outcomes:
        reporter.take(ScenarioStarted(run.run.id, one.subject))
        reporter.take(OutcomeReady(one))
    reporter.take(RunFinished(run))
    return out.getvalue()


def with_verdict(verdict: Verdict, sentence: str = "what was seen") -> Outcome:
    """Return an outcome of a verdict, with the checks that a sound outcome of that verdict has in the sample run."""
    sample = next(o for o in mixed().outcomes if o.verdict is verdict)
    subject = replace(sample.subject, scenario=f"a scenario that is {verdict}")
    return replace(sample, id=f"id-{verdict}", subject=subject, sentence=sentence)


def odd_run(text: str) -> RunResult:
    """Return a run in which everything that may come from outside is the odd text."""
    spoilt = []
    for place, one in enumerate(mixed().outcomes):
        about = replace(one.subject, scenario=text, owner=text, runbook=text, why=text, tags=(text,))
        evidence = [replace(e, summary=text, data={text: text}) for c in one.checks for e in c.evidence]
        checks = tuple(
            replace(c, name=text, expected=text, observed=text, say=text, evidence=tuple(evidence)) for c in one.checks
        )
        exchanges = tuple(replace(e, url=text, trouble=text, correlation_id=text) for e in one.exchanges)
        spoilt.append(
            replace(one, id=str(place), subject=about, sentence=text, checks=checks, exchanges=exchanges, undo_failures=(text,))
        )
    run = result(*spoilt)
    return replace(run, trouble=(text,), run=replace(run.run, remarks=(text,), selection=text, base_url=text))


__all__ = ["mixed", "odd_run", "odd_text", "outcome", "result", "show", "with_verdict"]
