"""This file is for loading a gate's policy: from a file to a checked policy with its suite, or to every mistake at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from probes.target import Target
from scenarios.finding import named_beside, shown, told_at
from scenarios.gates.impossible import wrong_by_itself, wrong_for_suite
from scenarios.gates.impossible_stages import Fewest, fewest_by_law
from scenarios.gates.policy import Policy, Stage, Trigger
from scenarios.gates.profiles import STAGES, Default, arms, default_triggers
from scenarios.gates.reading import read_policy
from scenarios.gates.round_choice import LeftOut, RoundChoice, choose_round
from scenarios.loader import load_suite
from scenarios.mistakes import Mistake, SuiteError
from scenarios.model import Scenario, Suite
from scenarios.source import Scalar, Table


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    """A policy that can be followed. `policy` is whole: its profile's stages and its default triggers stand in it.

    `triggers` are the names of the scenarios that arm each trigger: one of these that is proven to pass shows that
    the trigger would have been seen. Where the trigger has a danger, it is seen where one of them tells of it
    (`unreachable`: where the whole side is); else where one of them fails.
    """

    policy: Policy
    path: str  # of its file, as people know it
    suite: Suite
    target: Target  # of the suite; both sides are this target but for what they say themselves
    scenarios: tuple[Scenario, ...]  # that a round asks, in the suite's order
    left_out: tuple[LeftOut, ...]  # scenarios that no round asks, and why
    triggers: Mapping[str, tuple[str, ...]]
    not_armed: tuple[Default, ...]  # default triggers that this suite cannot have, and why
    secrets: tuple[tuple[str, str], ...]  # (value, label) of the environment's, the suite's among them, for redaction

    def recorded(self) -> dict[str, Any]:
        """Return the policy as JSON for evidence: whole, but for secrets and the values of headers and cookies."""
        told: dict[str, Any] = _without(self.policy.model_dump(mode="json"), tuple(value for value, _ in self.secrets))
        for side in ("canary", "baseline"):
            for key in ("headers", "cookies"):
                told[side][key] = dict.fromkeys(told[side][key], "***")
        return told


def load_policy(path: str | Path, environ: Mapping[str, str] | None = None, *, fewest: Fewest = fewest_by_law) -> LoadedPolicy:
    """Return the policy of a file with its suite, both read and checked.

    A suite that is no bundled one lies where the policy says, seen from the policy's own folder. `fewest` tells how many
    rounds without any failure show a margin, by whoever judges; without it, by what nobody can do better.

    Raises: SuiteError with every mistake of the policy and of the suite, nothing having been sent.
    """
    environment = os.environ if environ is None else environ
    mistakes: list[Mistake] = []
    read = read_policy(Path(path), environment, mistakes)
    if read.policy is not None:
        mistakes += wrong_by_itself(_whole(read.policy, ()), read.root, fewest)
    suite = _suite(read.root, read.path, environment, mistakes)
    target = suite.targets.get(_text(read.root, "target")) if suite is not None else None
    if read.policy is None or suite is None or target is None:
        raise SuiteError(mistakes)
    choice = choose_round(suite, target, read.policy.tags)
    defaults = default_triggers(choice.scenarios)
    policy = _whole(read.policy, defaults)
    mistakes += wrong_for_suite(policy, read.root, suite, target, choice)
    if mistakes:
        raise SuiteError(mistakes)
    return LoadedPolicy(
        policy=policy,
        path=shown(read.path),
        suite=suite,
        target=target,
        scenarios=choice.scenarios,
        left_out=choice.left_out,
        triggers={one.id: _arming(one, choice) for one in policy.triggers or ()},
        not_armed=tuple(one for one in defaults if one.trigger is None) if read.policy.triggers is None else (),
        secrets=(*read.secrets.items(), *suite.secrets),
    )


def _suite(root: Table, path: Path, environ: Mapping[str, str], mistakes: list[Mistake]) -> Suite | None:
    """Return the suite, or None with every reason noted; a target that it has not is told where the policy names it."""
    named, target = root.get("suite"), root.get("target")
    if not isinstance(named, Scalar) or not isinstance(named.value, str) or named.held or not named.value:
        return None
    wanted = _text(root, "target")
    try:
        with told_at(named):
            found, _ = named_beside(named, path)
            return load_suite(str(found), target=wanted or None, environ=environ)
    except SuiteError as problem:
        for one in problem.mistakes:
            here = target is not None and one.sentence == f"there is no target '{wanted}'"
            mistakes.append(replace(one, place=target.place, path="target") if here and target is not None else one)
        return None


def _whole(policy: Policy, defaults: tuple[Default, ...]) -> Policy:
    stages = tuple(_named(stage) for stage in policy.stages or STAGES[policy.profile])
    triggers = policy.triggers
    if triggers is None:
        triggers = tuple(one.trigger for one in defaults if one.trigger is not None)
    return policy.model_copy(update={"stages": stages, "triggers": triggers})


def _named(stage: Stage) -> Stage:
    return stage if stage.name else stage.model_copy(update={"name": f"{stage.weight:g} %"})


def _arming(trigger: Trigger, choice: RoundChoice) -> tuple[str, ...]:
    return tuple(s.name for s in choice.scenarios if arms(trigger, s))


def _text(root: Table, key: str) -> str:
    node = root.get(key)
    return node.value if isinstance(node, Scalar) and isinstance(node.value, str) and not node.held else ""


def _without(value: Any, secrets: tuple[str, ...]) -> Any:
    if isinstance(value, dict):
        return {key: _without(inner, secrets) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without(inner, secrets) for inner in value]
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, "***")
    return value
