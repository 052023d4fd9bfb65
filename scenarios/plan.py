"""This file is for deciding what may run next, and for the longest chain of what had to wait: pure functions of a run's state."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from probes.outcome import Verdict
from probes.target import Grant, Target
from scenarios.model import Scenario
from scenarios.referring import references

_GOOD = (Verdict.PASS, Verdict.DEGRADED)
PARTICIPLE = {
    Verdict.FAIL: "failed",
    Verdict.ERROR: "could not be asked",
    Verdict.INCONCLUSIVE: "was inconclusive",
    Verdict.SKIPPED: "was skipped",
}


@dataclass(frozen=True, slots=True)
class Span:
    """When one scenario ran, in seconds from the run's start."""

    began_s: float
    ended_s: float


def breaks_neighbours(scenario: Scenario, target: Target) -> bool:
    """Return whether the scenario must have this target to itself: it says so, or it puts a fault in."""
    if scenario.alone:
        return True
    if Grant.FAULTS not in target.allow:
        return False
    names_fault = any(ref.to == "faults" for _, ref, _ in references(scenario.probe))
    return names_fault or Grant.FAULTS in scenario.probe.needs()


def next_to_start(
    waiting: Sequence[Scenario],
    running: Collection[str],
    settled: Collection[str],
    alone: Collection[str],
    chains: Mapping[str, int],
    jobs: int,
) -> list[Scenario]:
    """Return which of the waiting scenarios may start now, those first on which the longest chains wait.

    Those that must be alone start when nothing runs and nobody else could: so they hold up as few as possible.
    """
    ready = [s for s in waiting if all(need in settled for need in s.needs)]
    if any(name in alone for name in running):
        return []
    free = max(0, jobs - len(running))
    together = sorted((s for s in ready if s.name not in alone), key=lambda s: -chains[s.name])
    if together:
        return together[:free]
    if running:
        return []
    return sorted(ready, key=lambda s: -chains[s.name])[:1]


def waiting_chains(scenarios: Sequence[Scenario]) -> dict[str, int]:
    """Return for each scenario how many others wait for it one behind the other, along the longest chain."""
    chains = {s.name: 0 for s in scenarios}
    for _ in scenarios:  # no chain is longer than that, and a circle must not keep us
        moved = False
        for scenario in scenarios:
            for need in scenario.needs:
                if need in chains and chains[need] <= chains[scenario.name] < len(scenarios):
                    chains[need], moved = chains[scenario.name] + 1, True
        if not moved:
            break
    return chains


def why_not(scenario: Scenario, verdicts: Mapping[str, Verdict], chosen: Collection[str], target_name: str) -> str:
    """Return why a scenario can no longer run, given what is settled, or an empty text."""
    for need in scenario.needs:
        if need not in chosen:
            return f"needs '{need}', which is not for target '{target_name}'"
        if need in verdicts and verdicts[need] not in _GOOD:
            return f"needs '{need}', which {PARTICIPLE[verdicts[need]]}"
    return ""


def critical_path_s(scenarios: Sequence[Scenario], spans: Mapping[str, Span], alone: Collection[str]) -> float:
    """Return the longest chain, in seconds, of scenarios that waited for each other by `needs` or by being alone."""
    longest: dict[str, float] = {}
    for scenario in sorted((s for s in scenarios if s.name in spans), key=lambda s: spans[s.name].began_s):
        span = spans[scenario.name]
        others = list(longest) if scenario.name in alone else [n for n in (*scenario.needs, *alone) if n in longest]
        before = [longest[n] for n in others if _waited_for(scenario, n, spans, alone)]
        longest[scenario.name] = max(before, default=0.0) + span.ended_s - span.began_s
    return max(longest.values(), default=0.0)


def _waited_for(scenario: Scenario, other: str, spans: Mapping[str, Span], alone: Collection[str]) -> bool:
    if other in scenario.needs:
        return True
    apart = scenario.name in alone or other in alone
    return apart and spans[other].ended_s <= spans[scenario.name].began_s
