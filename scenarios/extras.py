"""This file is for telling beforehand what a suite needs that is not installed here."""

from __future__ import annotations

from collections.abc import Iterable

from probes.extras import is_lacking, remedy
from probes.target import Target
from scenarios.model import Scenario
from scenarios.referring import references


def lacking(scenarios: Iterable[Scenario], targets: Iterable[Target]) -> str:
    """Return one sentence on the extras that these scenarios and their evidence sources lack, or an empty text."""
    found: dict[str, set[str]] = {}
    all_targets = list(targets)
    for scenario in scenarios:
        for extra, what in _needed(scenario, all_targets):
            if is_lacking(extra):
                found.setdefault(extra, set()).add(what)
    if not found:
        return ""
    told = "; ".join(f"{', '.join(sorted(whose))} needs the extra '{extra}'" for extra, whose in sorted(found.items()))
    return f"not installed here: {told}: {remedy(*found)}"


def _needed(scenario: Scenario, targets: Iterable[Target]) -> Iterable[tuple[str, str]]:
    if scenario.probe.extra:
        yield scenario.probe.extra, f"the kind '{scenario.kind}'"
    for target in targets:
        for _, ref, name in references(scenario.probe):
            source = target.evidence.get(name) if ref.to == "evidence" else None
            if source is not None and source.extra:
                yield source.extra, f"the source '{name}'"
