"""This file is for a policy before anybody waits for it: whether it can be followed, how long it takes, what it can show."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vedette.cli.speech import UsageError, complain_of_suite, tell
from vedette.exit_codes import Exit

if TYPE_CHECKING:
    from reports.judgement.planning import Plan
    from scenarios.gates.loading import LoadedPolicy

_WORST = 0.5  # of a sound side's rounds that fail; above it there is nothing to compare with


@dataclass(frozen=True, slots=True)
class PlanOrder:
    """What `vedette gate plan` was asked for. `baseline_failure` is a ratio of rounds, None for the usual one."""

    policy: str
    as_json: bool = False
    baseline_failure: float | None = None


def load(path: str | Path, environ: Mapping[str, str] | None = None) -> LoadedPolicy:
    """Return a policy that our judgement can come to an end with. Raises: SuiteError, with every mistake at its line."""
    from reports.judgement.planning import fewest_rounds
    from scenarios.gates.loading import load_policy

    return load_policy(path, environ, fewest=fewest_rounds)


def failure_rate(text: str) -> float:
    """Return the ratio that a person writes as `0.5%` or `0.005`. Raises: UsageError."""
    number = text.strip().removesuffix("%")
    try:
        rate = float(number) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        rate = -1.0
    if not 0 <= rate <= _WORST:  # false for nan, too
        raise UsageError(f"'{text}' is no part of the rounds: write 0.5% or 0.005, at most {_WORST:.0%}")
    return rate


def validate(path: str) -> Exit:
    """Find every mistake of a policy and of its suite, without sending anything."""
    from scenarios.mistakes import SuiteError

    try:
        loaded = load(path)
    except SuiteError as problem:
        complain_of_suite(problem)
        return Exit.USAGE
    stages, scenarios = len(loaded.policy.stages), len(loaded.scenarios)
    asked = f"{stages} stage{'s' * (stages != 1)}, {scenarios} scenario{'s' * (scenarios != 1)} of suite '{loaded.suite.name}'"
    tell(f"{loaded.path}: {asked}, {len(loaded.triggers)} triggers: no mistakes")
    return Exit.PASSED


def plan(order: PlanOrder) -> Exit:
    """Say how long a sound canary takes, what each stage can exclude, and when a regression is seen; nothing is sent."""
    from scenarios.mistakes import SuiteError
    from vedette.cli.gate_plan_text import render

    try:
        loaded = load(order.policy)
    except SuiteError as problem:
        complain_of_suite(problem)
        return Exit.USAGE
    made = planned(loaded, order.baseline_failure)
    text = json.dumps(as_json(loaded, made), ensure_ascii=False, allow_nan=False) if order.as_json else render(loaded, made)
    sys.stdout.write(text + "\n")
    return Exit.PASSED


def triggers() -> Exit:
    """Print the dangers that a trigger may name, and the triggers that stand without being named."""
    from scenarios.gates.dangers import known_dangers
    from scenarios.gates.profiles import DEFAULT_TRIGGERS
    from vedette.cli.gate_plan_text import table

    dangers = known_dangers(())
    rows = [("trigger", "where seen in", "if the baseline shows it", "it is")]
    rows += [
        (name, _times(one.times), str(one.shared), dangers.get(one.danger, one.means)) for name, one in DEFAULT_TRIGGERS.items()
    ]
    sys.stdout.write("\n".join([*table(rows), "", *table([("danger", "means"), *dangers.items()])]) + "\n")
    return Exit.PASSED


def _times(times: int) -> str:
    return "1 round" if times == 1 else f"{times} rounds in a row"


def planned(loaded: LoadedPolicy, baseline_failure: float | None = None) -> Plan:
    """Return the plan of a policy, with its warnings. The same policy has the same plan each time."""
    from reports.judgement.plan_warnings import warnings_of
    from reports.judgement.planning import BASELINE_FAILURE, plan_of
    from scenarios.gates.bursts import LEAST_S

    gap_s = LEAST_S if loaded.policy.gap is None else loaded.policy.gap
    rate = BASELINE_FAILURE if baseline_failure is None else baseline_failure
    made = plan_of(loaded.policy, gap_s=gap_s, baseline_failure=rate, scenarios=len(loaded.scenarios))
    return replace(made, warnings=warnings_of(loaded, made))


def as_json(loaded: LoadedPolicy, made: Plan) -> dict[str, Any]:
    """Return the plan with what a round asks and which triggers it arms, as JSON values."""
    return {
        **made.as_json(),
        "service": loaded.policy.service,
        "scenarios": [scenario.name for scenario in loaded.scenarios],
        "left_out": {one.scenario: one.why for one in loaded.left_out},
        "triggers": {name: list(names) for name, names in loaded.triggers.items()},
        "not_armed": {one.id: one.lacking for one in loaded.not_armed},
    }
