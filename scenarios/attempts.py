"""This file is for what several attempts at one scenario say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from probes.dangers import LASTING
from probes.outcome import Check, Evidence, Outcome, Verdict, check, judge, note


def joined(outcome: Outcome, earlier: Sequence[Outcome], retries: int) -> Outcome:
    """Return the last attempt's outcome with what the earlier ones said; a pass after a failure is degraded (flaky)."""
    if not earlier:
        return outcome
    attempts = len(earlier) + 1
    seen = [
        Evidence("attempt", f"attempt {number}: {before.verdict}: {before.sentence}", {"verdict": str(before.verdict)})
        for number, before in enumerate(earlier, start=1)
    ]
    if outcome.verdict in (Verdict.PASS, Verdict.DEGRADED):
        say = f"flaky: passed at attempt {attempts} of {retries + 1}; before: {earlier[-1].sentence}"
        flaky = check("passed at the first attempt", holds=False, soft=True, say=say, evidence=seen)
        judged = judge((flaky, *outcome.checks))
        checks = (flaky, *outcome.checks, *_told_before(outcome, earlier, lasting=True))
        return replace(outcome, verdict=judged.verdict, sentence=judged.sentence, checks=checks, attempts=attempts)
    extra = replace(note("earlier attempts", f"{attempts} attempts were made, none passed"), evidence=tuple(seen))
    told = _told_before(outcome, earlier, lasting=False)
    made = replace(outcome, checks=(*outcome.checks, extra, *told), attempts=attempts)
    worst = min(earlier, key=lambda before: before.verdict.rank)
    if worst.verdict.rank >= outcome.verdict.rank:
        return made
    # None passed, so what an earlier attempt saw still stands: a last one that was cut short must not make it milder.
    say = f"{worst.sentence} (attempt {earlier.index(worst) + 1}; the last attempt: {outcome.sentence})"
    stands = Check("what an earlier attempt saw", worst.verdict, say=say)
    return replace(made, verdict=worst.verdict, sentence=say, checks=(stands, *made.checks))


def _told_before(outcome: Outcome, earlier: Sequence[Outcome], *, lasting: bool) -> list[Check]:
    """Return what keeps the dangers that earlier attempts told of; of a pass after them only those that a pass does not undo."""
    dangers: dict[str, str] = {}
    for before in earlier:
        for made in before.checks:
            if made.danger and (made.danger in LASTING or not lasting):
                dangers.setdefault(made.danger, made.say)
    for made in outcome.checks:
        dangers.pop(made.danger, "")
    return [replace(note("what an earlier attempt told of", say), danger=danger) for danger, say in dangers.items()]
