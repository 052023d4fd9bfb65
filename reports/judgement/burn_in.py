"""This file is for the verdict at the end of a burn-in's phase: was every scenario asked, and was it good often enough."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from probes.outcome import Severity, Verdict
from reports.deployments import FirstRun
from reports.store.watch.answers import Counts
from scenarios.burn_in import BurnInPhase
from scenarios.runner import spoken_duration

UNWATCHED_RATIO = 0.1  # of a phase; if nobody looked for longer, what was seen says too little of it
KEPT_SCENARIOS = 200  # in the figures, the worst first


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of one scenario in a phase. `awaits`: it reports by itself, and nobody can ask it."""

    scenario: str
    severity: Severity
    counts: Counts
    awaits: bool = False


@dataclass(frozen=True, slots=True)
class PhaseVerdict:
    """`pass`, `fail` or `inconclusive`, a sentence that names the worst and its figures, and all figures as JSON."""

    verdict: Verdict
    sentence: str
    figures: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Finding:
    """What is to be said of one scenario. `skipped` decides nothing: it was not for us to ask."""

    seen: Seen | None
    verdict: Verdict
    say: str = ""


def judge_phase(
    plan: BurnInPhase,
    seen: Sequence[Seen],
    *,
    length_s: float,
    unwatched_s: float = 0.0,
    is_first: bool = False,
    run: FirstRun | None = None,
) -> PhaseVerdict:
    """Judge one phase that lasted `length_s`, of which nobody watched for `unwatched_s`.

    A target that was seen to fail too often fails the phase. What our side could not ask, did not ask often enough, or
    slept through makes it inconclusive; so does a phase in which nothing was asked. In the first phase the run right
    after the deployment counts as well. Ticks in maintenance count for nothing; missed ones are told.
    """
    findings = [_of_scenario(plan, one) for one in seen]
    findings += [*_of_run(run if is_first else None, is_first=is_first), *_of_watching(seen, length_s, unwatched_s)]
    worst = sorted(findings, key=_gravity)
    first = worst[0]
    verdict = first.verdict if first.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE) else Verdict.PASS
    sentence = _passed(plan, seen, findings) if verdict is Verdict.PASS else first.say + _others(findings, first)
    sentence += _beside(seen, findings, unwatched_s)
    return PhaseVerdict(verdict, sentence, _figures(worst, seen, length_s, unwatched_s, run))


def _of_scenario(plan: BurnInPhase, seen: Seen) -> _Finding:
    counts, name = seen.counts, f"'{seen.scenario}'"
    if counts.failed and seen.severity in plan.never_fail:
        return _Finding(seen, Verdict.FAIL, f"{name} failed {_of(counts.failed, counts)}, and none of a {seen.severity} may fail")
    needed = max(counts.asked, 1 if seen.awaits else plan.asked)  # even if all that is missing were good
    if counts.failed and (needed - counts.failed) / needed < plan.pass_ratio:
        say = f"{name} failed {_of(counts.failed, counts)}, {_percent(plan.pass_ratio)} of them must be good"
        return _Finding(seen, Verdict.FAIL, say)
    if not counts.asked:
        return _unasked(seen)
    if counts.asked < plan.asked and not seen.awaits:
        say = f"{name} was asked {_times(counts.asked)}, at least {plan.asked} are needed"
        return _Finding(seen, Verdict.INCONCLUSIVE, say)
    if counts.good / counts.asked < plan.pass_ratio:
        unproven = counts.asked - counts.good
        say = f"{name} was not proven in {_of(unproven, counts)}, {_percent(plan.pass_ratio)} of them must be good"
        return _Finding(seen, Verdict.INCONCLUSIVE, say)
    return _Finding(seen, Verdict.PASS)


def _unasked(seen: Seen) -> _Finding:
    counts, name = seen.counts, f"'{seen.scenario}'"
    if counts.maintained:
        say = f"{name} was asked in maintenance only, where nothing counts"
        return _Finding(seen, Verdict.INCONCLUSIVE, say)
    if counts.skipped:
        return _Finding(seen, Verdict.SKIPPED, f"{name} was skipped")
    if seen.awaits:
        return _Finding(seen, Verdict.SKIPPED, f"{name} had no report to make")
    missed = f", {counts.missed} times it was missed" if counts.missed else ""
    return _Finding(seen, Verdict.INCONCLUSIVE, f"{name} was never asked{missed}")


def _of_run(run: FirstRun | None, *, is_first: bool) -> Iterator[_Finding]:
    if not is_first:
        return
    if run is None:
        yield _Finding(None, Verdict.INCONCLUSIVE, "the run of the whole suite after the deployment did not take place")
    elif run.verdict is None:
        yield _Finding(None, Verdict.INCONCLUSIVE, "the run of the whole suite after the deployment did not come to its end")
    elif run.verdict is Verdict.FAIL:
        yield _Finding(None, Verdict.FAIL, f"the run after the deployment failed: {run.sentence}")
    elif run.verdict not in (Verdict.PASS, Verdict.DEGRADED):
        yield _Finding(None, Verdict.INCONCLUSIVE, f"the run after the deployment proved nothing: {run.sentence}")


def _of_watching(seen: Sequence[Seen], length_s: float, unwatched_s: float) -> Iterator[_Finding]:
    if not seen:
        yield _Finding(None, Verdict.INCONCLUSIVE, "nothing is watched there any more")
    elif not any(one.counts.asked for one in seen):
        outside = " outside maintenance" if any(one.counts.maintained for one in seen) else ""
        yield _Finding(None, Verdict.INCONCLUSIVE, f"nothing was asked{outside}")
    if length_s and unwatched_s / length_s > UNWATCHED_RATIO:
        say = f"nobody watched for {_spoken(unwatched_s)} of {_spoken(length_s)}"
        yield _Finding(None, Verdict.INCONCLUSIVE, say)


def _gravity(finding: _Finding) -> tuple[int, bool, str, float]:
    """Order the worst first: by verdict; what concerns all before single scenarios; by severity; by the share that was good."""
    seen = finding.seen
    rank = finding.verdict.rank
    return (rank, True, seen.severity.value, _ratio(seen)) if seen else (rank, False, "", 0.0)


def _others(findings: Sequence[_Finding], told: _Finding) -> str:
    if told.seen is None and told.verdict is not Verdict.FAIL:
        return ""  # what concerns all says it of each
    others = sum(f.verdict is told.verdict and f is not told and f.seen is not None for f in findings)
    more = "more " if told.seen else ""
    word = "failed" if told.verdict is Verdict.FAIL else "not proven"
    return f"; {others} {more}scenario{'s' * (others != 1)} {word}" if others else ""


def _passed(plan: BurnInPhase, seen: Sequence[Seen], findings: Sequence[_Finding]) -> str:
    judged = [f.seen for f in findings if f.seen is not None and f.verdict is Verdict.PASS]
    good, asked = (sum(getattr(one.counts, name) for one in judged) for name in ("good", "asked"))
    say = f"{good} of {asked} tick{'s' * (asked != 1)} of {len(judged)} scenario{'s' * (len(judged) != 1)} were good"
    worst = min(judged, key=_ratio)
    if worst.counts.good < worst.counts.asked:
        share = f"{_percent(_ratio(worst))}, {_percent(plan.pass_ratio)} asked for"
        say += f"; the worst: '{worst.scenario}' with {worst.counts.good} of {worst.counts.asked} ({share})"
    return say


def _beside(seen: Sequence[Seen], findings: Sequence[_Finding], unwatched_s: float) -> str:
    """Return what a reader must know beside the verdict: what was left out of it."""
    total = sum((one.counts for one in seen), Counts())
    skipped = sum(f.verdict is Verdict.SKIPPED for f in findings)
    parts = []
    if skipped:
        parts.append(f"{skipped} scenario{'s' * (skipped != 1)} not asked, by {'its' if skipped == 1 else 'their'} own rules")
    if total.maintained:
        parts.append(f"{total.maintained} tick{'s' * (total.maintained != 1)} in maintenance not counted")
    if total.missed:
        parts.append(f"{total.missed} tick{'s' * (total.missed != 1)} missed")
    if unwatched_s >= 1 and not any(f.seen is None and f.say.startswith("nobody watched") for f in findings):
        parts.append(f"nobody watched for {_spoken(unwatched_s)}")
    return f" ({', '.join(parts)})" if parts else ""


def _figures(
    worst: Sequence[_Finding], seen: Sequence[Seen], length_s: float, unwatched_s: float, run: FirstRun | None
) -> dict[str, Any]:
    scenarios = [(f, f.seen) for f in worst if f.seen is not None]
    total = sum((one.counts for one in seen), Counts())
    return {
        "length_s": length_s,
        "unwatched_s": round(unwatched_s, 3),
        "total": _counted(total),
        "scenarios": [
            {"scenario": one.scenario, "severity": one.severity.value, "verdict": f.verdict.value, "sentence": f.say}
            | _counted(one.counts)
            for f, one in scenarios[:KEPT_SCENARIOS]
        ],
        "scenarios_left_out": max(0, len(scenarios) - KEPT_SCENARIOS),
        "beside": [f.say for f in worst if f.seen is None],
        "run": run and {"id": run.id, "verdict": run.verdict and run.verdict.value, "sentence": run.sentence},
    }


def _counted(counts: Counts) -> dict[str, Any]:
    own = {name: getattr(counts, name) for name in Counts.__dataclass_fields__}
    return {"asked": counts.asked, "good": counts.good, "pass_ratio": counts.pass_ratio, **own}


def _ratio(seen: Seen) -> float:
    ratio = seen.counts.pass_ratio
    return -1.0 if ratio is None else ratio


def _of(part: int, counts: Counts) -> str:
    return f"{part} of {counts.asked} tick{'s' * (counts.asked != 1)}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _percent(ratio: float) -> str:
    """Return `99.98 %`, rounded down: what is not all good is never called 100 %."""
    return f"{math.floor(ratio * 10_000 + 1e-6) / 100:g} %"


def _spoken(seconds: float) -> str:
    return spoken_duration(float(round(seconds)))
