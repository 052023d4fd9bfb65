"""This file is for which scenarios a round asks of both sides, and why the others are left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from probes.target import Grant, Target
from scenarios.model import Scenario, Suite
from scenarios.plan import breaks_neighbours
from scenarios.referring import references
from scenarios.selection import choose, parse_selection


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A scenario that no round asks, and why."""

    scenario: str
    why: str


@dataclass(frozen=True, slots=True)
class RoundChoice:
    """The scenarios of a round in the suite's order, and those left out of what the tags name (or of all that are here)."""

    scenarios: tuple[Scenario, ...]
    left_out: tuple[LeftOut, ...]


def choose_round(suite: Suite, target: Target, tags: Sequence[str]) -> RoundChoice:
    """Return what a round asks of a side of this target.

    Named by a tag, a scenario is asked where the target grants what it needs. Without tags only those are asked
    that need no grant at all: a round comes back every few seconds.
    """
    named = choose(suite, target.name, parse_selection(tags)).scenarios
    out = {s.name: why for s in named if (why := _why_not(s, target, by_tag=bool(tags)))}
    moved = True
    while moved:
        follow = {s.name: _needed(s, out) for s in named if s.name not in out and _needed(s, out)}
        out |= follow
        moved = bool(follow)
    asked = tuple(s for s in named if s.name not in out)
    return RoundChoice(asked, tuple(LeftOut(s.name, out[s.name]) for s in named if s.name in out))


def _why_not(scenario: Scenario, target: Target, *, by_tag: bool) -> str:
    needs = scenario.probe.needs()
    missing = needs - target.allow
    if scenario.probe.awaits:
        return "the target reports by itself, so there is nothing to ask in a round"
    if missing:
        return f"it needs {_listed(missing)}, which target '{target.name}' does not grant"
    if by_tag:
        return ""
    if needs:
        return f"it needs {_listed(needs)}, and no tag under 'tags' asks for it"
    if breaks_neighbours(scenario, target) and (faults := _faults(scenario)):
        return f"it breaks {faults} on purpose, and no tag under 'tags' asks for it"
    return ""


def _faults(scenario: Scenario) -> str:
    return ", ".join(sorted({f"'{name}'" for _, ref, name in references(scenario.probe) if ref.to == "faults"}))


def _needed(scenario: Scenario, out: dict[str, str]) -> str:
    return next((f"it needs '{need}', which is left out: {out[need]}" for need in scenario.needs if need in out), "")


def _listed(grants: frozenset[Grant]) -> str:
    return ", ".join(sorted(grants))
