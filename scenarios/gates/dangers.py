"""This file is for the dangers that a gate's triggers may name, and which scenarios could tell of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from probes.dangers import DANGERS
from scenarios.model import Scenario

UNREACHABLE = "unreachable"  # no check tells of it: nothing answered in the whole round (`SideSeen.unreachable`)


def known_dangers(scenarios: Iterable[Scenario]) -> Mapping[str, str]:
    """Return every danger that can be named, with what it means: ours, and those of strangers' kinds in use."""
    strangers = {danger: f"told by the kind '{s.kind}'" for s in scenarios for danger in sorted(s.probe.dangers)}
    return {**strangers, **{str(name): say for name, say in DANGERS.items()}, UNREACHABLE: "nothing answered in the whole round"}


def can_tell(scenario: Scenario, danger: str) -> bool:
    """Return whether a failing of the scenario could tell of the danger."""
    return danger == UNREACHABLE or danger in scenario.probe.dangers
