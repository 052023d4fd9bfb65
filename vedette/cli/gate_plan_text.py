"""This file is for a gate's plan as text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reports.judgement.planning import Plan, Seen, Spread, StagePlan
    from scenarios.gates.loading import LoadedPolicy

_GAP, _WIDEST = "   ", 120


def render(loaded: LoadedPolicy, plan: Plan) -> str:
    """Return the plan: what is asked, each stage, what becomes of regressions, triggers, and warnings."""
    parts = [
        _head(loaded, plan),
        _stages(plan),
        _regressions(plan),
        *([_traffic(plan)] if plan.traffic else []),
        _triggers(loaded),
        *([_left_out(loaded)] if loaded.left_out else []),
        *([_listed("warnings", plan.warnings)] if plan.warnings else []),
    ]
    return "\n\n".join(parts)


def _head(loaded: LoadedPolicy, plan: Plan) -> str:
    policy, count = loaded.policy, len(loaded.scenarios)
    asks = f"a round asks both sides {count} scenario{'s' * (count != 1)} of suite '{loaded.suite.name}'"
    return "\n".join(
        [
            f"{policy.name}: {policy.service}, {policy.canary.version} as the canary, {policy.baseline.version} as the baseline",
            f"{asks}, every {time(policy.every)}",
            f"taken for granted: a sound side fails in {_percent(plan.baseline_failure)} of its rounds",
        ]
    )


def _stages(plan: Plan) -> str:
    head = (
        "stage",
        "traffic",
        "to be shown",
        "in all, at best",
        "a sound canary takes",
        "9 of 10 at most",
        "pass",
        "excludes by its end",
    )
    rows = [head, *(_stage(one) for one in plan.stages), ("all", "", "", "", *_takes(plan.total), _percent(plan.promoted), "")]
    ends = (
        f"of {plan.rollouts} sound canaries {_percent(plan.promoted)} are promoted, {_percent(plan.rolled_back)} rolled back"
        f" ({_percent(plan.alpha)} at most, however long it takes), {_percent(plan.undecided)} undecided"
    )
    return "\n".join([*table(rows), ends])


def _stage(one: StagePlan) -> Sequence[str]:
    need = "not worse" if one.margin is None else f"< {one.margin:g} points"
    best = "" if one.fewest is None else f"{one.fewest} rounds"
    excludes = "" if one.bound_usual_points is None else f"{one.bound_usual_points:.2g} points"
    return one.name, f"{one.weight:g} %", need, best, *_takes(one.takes), _percent(one.passes), excludes


def _regressions(plan: Plan) -> str:
    rows = [("a canary that fails in", "is rolled back after", "9 of 10 at most", "rolled back", "promoted", "undecided")]
    return "\n".join(table([*rows, *(_regression(one) for one in plan.regressions)]))


def _regression(one: Seen) -> Sequence[str]:
    ends = (_percent(part) for part in (one.rolled_back, one.promoted, one.undecided))
    return f"{_percent(one.rate)} of its rounds", *_takes(one.takes), *ends


def _traffic(plan: Plan) -> str:
    rows = [("real requests", "that fail in", "are seen after")]
    for one in plan.traffic:
        rows.append((f"at {one.weight:g} %", _percent(one.rate), f"about {one.requests} requests of the canary"))
    return "\n".join(table(rows))


def _triggers(loaded: LoadedPolicy) -> str:
    rows = [("rolls back at once", "where seen in", "armed by")]
    for one in loaded.policy.triggers or ():
        names = loaded.triggers[one.id]
        who = "any scenario" if len(names) == len(loaded.scenarios) else ", ".join(f"'{name}'" for name in names)
        rows.append((one.id, "1 round" if one.times == 1 else f"{one.times} rounds in a row", who))
    return "\n".join(table(rows)) if len(rows) > 1 else "nothing rolls back at once"


def _left_out(loaded: LoadedPolicy) -> str:
    return _listed("left out of a round", [f"'{one.scenario}': {one.why}" for one in loaded.left_out])


def _listed(head: str, sentences: Sequence[str]) -> str:
    lines = [textwrap.fill(one, _WIDEST, initial_indent="  ", subsequent_indent="    ") for one in sentences]
    return "\n".join([head, *lines])


def _takes(spread: Spread | None) -> tuple[str, str]:
    if spread is None:
        return "-", "-"
    return f"{spread.rounds:.0f} rounds, {time(spread.seconds)}", f"{spread.rounds_p90:.0f} rounds, {time(spread.seconds_p90)}"


def _percent(part: float) -> str:
    return f"{100 * part:.3g} %"


def time(seconds: float) -> str:
    """Return a time for people: `40 s`, `17 min`, `2 h 30 min`, `3 d 4 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} d {hours % 24} h" if hours % 24 else f"{hours // 24} d"
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows as lines, each column as wide as its widest cell."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        yield _GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
