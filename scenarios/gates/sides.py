"""This file is for both sides of a canary: how each is reached, and what a round asks of them."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import ValidationError

from probes.evidence.source import EvidenceSource
from probes.jsonpath import finder
from probes.promql_nodes import Selector
from probes.promql_syntax import selector
from probes.target import Route, Target, http_address
from scenarios.gates.counting import PARTS
from scenarios.gates.policy import Identity, Policy, Side, TrafficMetric
from scenarios.gates.round_choice import choose_round
from scenarios.model import Scenario, Suite
from scenarios.selection import parse_selection, why_nothing

RETRIES = 1  # of one scenario in one round, at most: more would hide what fails now and then


class BadSides(ValueError):
    """The policy's sides cannot be asked as it says. The text is one sentence for a person."""


@dataclass(frozen=True, slots=True)
class OneSide:
    """One side, ready to be asked: the suite with the scenarios of a round, and its target as this side is reached."""

    name: str  # canary or baseline
    version: str  # that its answers must say
    suite: Suite
    target: Target


@dataclass(frozen=True, slots=True)
class Sides:
    """Both sides, and how their answers say which version gave them."""

    canary: OneSide
    baseline: OneSide
    identity: Identity

    @property
    def scenarios(self) -> tuple[Scenario, ...]:
        """Return what a round asks, in the suite's order."""
        return self.canary.suite.scenarios


def both(suite: Suite, policy: Policy) -> Sides:
    """Return both sides of the policy's target. Raises: BadSides."""
    target = suite.targets.get(policy.target)
    if target is None:
        unready = "is not ready: a variable has no value" if policy.target in suite.target_names else "is not there"
        raise BadSides(f"target '{policy.target}' of suite '{suite.name}' {unready}")
    if policy.canary.version == policy.baseline.version:
        raise BadSides(f"both sides have the version '{policy.canary.version}', so nothing would be compared")
    _can_tell(policy.identity)
    for metric in policy.metrics:
        if isinstance(metric, TrafficMetric) and not metric.source:
            selectors_of(metric)
    choice = choose_round(suite, target, policy.tags)
    if not choice.scenarios:
        why = f"'{choice.left_out[0].scenario}': {choice.left_out[0].why}" if choice.left_out else ""
        raise BadSides(f"a round would ask nothing: {why or why_nothing(suite, target.name, parse_selection(policy.tags))}")
    canary, baseline = _reached(target, policy.canary, "canary"), _reached(target, policy.baseline, "baseline")
    if (canary.base_url, canary.route) == (baseline.base_url, baseline.route):
        raise BadSides("both sides are reached in the same way; give one of them 'base_url', 'headers', 'cookies' or 'host'")
    scenarios = tuple(_tried_twice_at_most(s) for s in choice.scenarios)
    return Sides(
        canary=_side("canary", policy.canary, suite, scenarios, canary),
        baseline=_side("baseline", policy.baseline, suite, scenarios, baseline),
        identity=policy.identity,
    )


def selectors_of(metric: TrafficMetric) -> dict[str, Selector]:
    """Return which series of the sides' own metrics each counter is. Raises: BadSides for what only Prometheus can answer."""
    found = {}
    for part in PARTS:
        try:
            found[part] = selector(str(getattr(metric, part)))
        except ValueError as problem:
            raise BadSides(f"'{part}' should be a name with labels, or the metric needs a 'source': {problem}") from None
    return found


def _side(name: str, side: Side, suite: Suite, scenarios: tuple[Scenario, ...], target: Target) -> OneSide:
    asked = suite.model_copy(update={"targets": {target.name: target}, "scenarios": scenarios})
    return OneSide(name, side.version, asked, target)


def _tried_twice_at_most(scenario: Scenario) -> Scenario:
    return scenario if scenario.retries <= RETRIES else scenario.model_copy(update={"retries": RETRIES})


def _can_tell(identity: Identity) -> None:
    """Raise BadSides where no answer could say its version."""
    if identity.header is None and (identity.path is None or identity.field is None):
        raise BadSides("'identity' needs 'header', or 'path' with 'field' or 'header': else no answer says its version")
    if identity.field is not None and identity.path is None:
        raise BadSides("'identity.field' needs 'identity.path', in whose answer it is")
    if identity.field is not None:
        try:
            finder(identity.field)
        except ValueError as problem:
            raise BadSides(f"'identity.field' is no JSONPath: {problem}") from None


def _reached(target: Target, side: Side, name: str) -> Target:
    """Return the target as a side is reached. Raises: BadSides."""
    given = target.route
    try:
        base_url = target.base_url if side.base_url is None else http_address(side.base_url)
        route = Route(
            headers={**given.headers, **side.headers},
            cookies={**given.cookies, **side.cookies},
            host=given.host if side.host is None else side.host,
        )
    except ValidationError as problem:
        first = problem.errors()[0]
        raise BadSides(f"the {name}'s {first['loc'][0]} cannot be sent: {first['msg'].removeprefix('Value error, ')}") from None
    except ValueError as problem:
        raise BadSides(f"the {name}'s base_url {problem}") from None
    tls = target.tls
    if side.host is not None and tls.server_name is None and base_url.startswith("https://"):
        tls = tls.model_copy(update={"server_name": urlsplit(f"https://{side.host}/").hostname})  # as whoever asks by that name
    evidence = {**target.evidence, **{named: _evidence(target, own, name) for named, own in side.evidence.items()}}
    return target.model_copy(update={"base_url": base_url, "route": route, "tls": tls, "evidence": evidence})


def _evidence(target: Target, own: str, name: str) -> EvidenceSource:
    if own not in target.evidence:
        raise BadSides(f"the {name}'s evidence '{own}' is not there: target '{target.name}' has no source of this name")
    return target.evidence[own]
