"""This file is for what a run adds up to: its verdict, its counts, and why half a run is never green."""

from __future__ import annotations

import signal
from collections.abc import Sequence

from probes.outcome import Outcome, Verdict
from scenarios.events import Ended, RunResult


def unproven(result: RunResult) -> str:
    """Return why a run is not green although no outcome says so, or an empty text.

    Every format shows this as an entry of its own, so that half a run never looks like a whole one.
    """
    if result.ended is Ended.DEADLINE:
        return "the run's time was over before every scenario was asked"
    if result.ended is Ended.INTERRUPTED:
        return f"the run was interrupted by {signal_name(result.signal)}" if result.signal else "the run was interrupted"
    if not result.outcomes:
        return "no scenario was asked"
    if all(o.verdict is Verdict.SKIPPED for o in result.outcomes):
        return "nothing was asked: every scenario was skipped"
    return ""


def overall(result: RunResult) -> Verdict:
    """Return the run's verdict, which is at best `inconclusive` where the run is unproven."""
    return min(result.verdict, Verdict.INCONCLUSIVE, key=lambda v: v.rank) if unproven(result) else result.verdict


def is_green(result: RunResult) -> bool:
    """Tell whether the run may be shown as good: everything asked was proven, a soft bound may be broken."""
    return overall(result) in (Verdict.PASS, Verdict.DEGRADED)


def worst_first(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return the outcomes with the worst verdict first, within it the gravest severity, else in the order given."""
    return sorted(outcomes, key=lambda o: (o.verdict.rank, o.subject.severity.value))


def counts(result: RunResult) -> dict[Verdict, int]:
    """Return how many outcomes have each verdict, every verdict named."""
    return {verdict: sum(o.verdict is verdict for o in result.outcomes) for verdict in Verdict}


def signal_name(number: int) -> str:
    """Return a signal's name, such as SIGTERM."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
