"""This file is for where Alertmanager would send an alert, and which alert would silence which, by its configuration.

Source: prometheus.io/docs/alerting/latest/configuration, sections route, matcher, inhibit_rule and receiver.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from probes.operators import found
from probes.outcome import Json

Labels = Mapping[str, str]

_ROUTES_AT_MOST = 5000  # YAML's anchors can make a small file hold any number of them
_INTEGRATION = "_configs"
_MATCHER = re.compile(r'\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"\s*|[^",{}]*)(?:,|$)')
_PLACES = ("channel", "to", "room_id", "chat_id", "topic")  # what tells one destination of an integration from another
_TIMES = ("mute_time_intervals", "active_time_intervals")


class NoRouting(ValueError):
    """The configuration is none of Alertmanager's. The text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class LabelMatcher:
    """One condition on a label; a label that is not there is empty, and a regex is anchored at both ends."""

    label: str
    sign: str
    value: str

    def holds(self, labels: Labels) -> bool:
        given = labels.get(self.label, "")
        same = given == self.value if self.sign in ("=", "!=") else found(given, f"^(?s:{self.value})$") is True
        return same is not self.sign.startswith("!")


Matchers = tuple[LabelMatcher, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """One route with those below it. `times` names the intervals outside or inside of which it keeps quiet."""

    receiver: str
    matchers: Matchers = ()
    goes_on: bool = False
    times: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()

    def of(self, labels: Labels) -> list[Route]:
        """Return the routes that take an alert: the deepest that match, and their next siblings while they say `continue`."""
        if not all(one.holds(labels) for one in self.matchers):
            return []
        taken: list[Route] = []
        for route in self.routes:
            below = route.of(labels)
            taken += below
            if below and not route.goes_on:
                break
        return taken or [self]


@dataclass(frozen=True, slots=True)
class Inhibition:
    """While an alert that fits `source` fires, those that fit `target` are not sent, if they are `equal` in these labels."""

    source: Matchers
    target: Matchers
    equal: tuple[str, ...] = ()

    def silences(self, source: Labels, target: Labels) -> bool:
        """Tell whether `source` keeps `target` from being sent."""
        if not (_all(self.source, source) and _all(self.target, target)):
            return False
        if _all(self.source, target) and _all(self.target, source):
            return False  # what fits both sides does not inhibit itself or its like
        return all(source.get(name, "") == target.get(name, "") for name in self.equal)


@dataclass(frozen=True, slots=True)
class Routing:
    """One configuration. `receivers` has what each of them sends by, such as `slack #incidents`."""

    top: Route
    receivers: Mapping[str, tuple[str, ...]]
    inhibitions: tuple[Inhibition, ...] = ()

    def ways(self, labels: Labels) -> list[str]:
        """Return by what an alert is sent, in order, each once."""
        return list(dict.fromkeys(way for route in self.top.of(labels) for way in self.receivers.get(route.receiver, ())))

    def names(self, labels: Labels) -> list[str]:
        return [route.receiver for route in self.top.of(labels)]

    def quiet_at_times(self, labels: Labels) -> list[str]:
        """Return the names of the time intervals that keep an alert from being sent at times."""
        return [name for route in self.top.of(labels) for name in route.times]

    def silences(self, source: Labels, target: Labels) -> bool:
        return any(rule.silences(source, target) for rule in self.inhibitions)


def routing(config: Json) -> Routing:
    """Return what a configuration says, read from its YAML. Raises: NoRouting."""
    if not isinstance(config, Mapping) or not isinstance(config.get("route"), Mapping):
        raise NoRouting("it has no 'route'")
    top = _Reading().route(config["route"], _Parent())
    receivers = {str(one.get("name", "")): tuple(_ways(one)) for one in _maps(config.get("receivers"))}
    unknown = next((name for name in _all_receivers(top) if name not in receivers), None)
    if unknown is not None:
        raise NoRouting(f"a route leads to the receiver '{unknown}', which it does not have")
    rules = tuple(
        Inhibition(_matchers(rule, "source_"), _matchers(rule, "target_"), tuple(map(str, rule.get("equal") or ())))
        for rule in _maps(config.get("inhibit_rules"))
    )
    return Routing(top, receivers, rules)


@dataclass(frozen=True, slots=True)
class _Parent:
    """What a route takes over from the one above it."""

    receiver: str = ""


@dataclass(slots=True)
class _Reading:
    """Counts what is read, so that a file made to be endless comes to an end."""

    seen: int = field(default=0)

    def route(self, given: Mapping[str, Json], parent: _Parent) -> Route:
        self.seen += 1
        if self.seen > _ROUTES_AT_MOST:
            raise NoRouting(f"it has more than {_ROUTES_AT_MOST} routes")
        receiver = str(given.get("receiver") or parent.receiver)
        times = tuple(str(name) for key in _TIMES for name in given.get(key) or ())
        below = tuple(self.route(one, _Parent(receiver)) for one in _maps(given.get("routes")))
        return Route(receiver, _matchers(given), given.get("continue") is True, times, below)


def _all_receivers(route: Route) -> Iterator[str]:
    yield route.receiver
    for one in route.routes:
        yield from _all_receivers(one)


def _ways(receiver: Mapping[str, Json]) -> Iterator[str]:
    """Yield what a receiver sends by: the integration, and the place where it has one: `slack #incidents`, `pagerduty`."""
    for key, configs in receiver.items():
        if key.endswith(_INTEGRATION):
            for one in _maps(configs):
                place = next((str(one[name]) for name in _PLACES if one.get(name)), "")
                yield f"{key.removesuffix(_INTEGRATION)} {place}".strip()


def _matchers(given: Mapping[str, Json], prefix: str = "") -> Matchers:
    """Return the conditions, in the form of today (`matchers`) and in the older one (`match`, `match_re`)."""
    made = [one for text in _texts(given.get(f"{prefix}matchers")) for one in _parsed(text)]
    made += [LabelMatcher(str(k), "=", str(v)) for k, v in _pairs(given.get(f"{prefix}match"))]
    made += [LabelMatcher(str(k), "=~", str(v)) for k, v in _pairs(given.get(f"{prefix}match_re"))]
    return tuple(made)


def _parsed(text: str) -> Iterator[LabelMatcher]:
    """Yield the matchers of one text: `severity="P0"`, or several, in braces or not."""
    left = text.strip()
    left = left[1:-1] if left.startswith("{") and left.endswith("}") else left
    while left.strip():
        match = _MATCHER.match(left)
        if match is None:
            raise NoRouting(f"'{text[:80]}' is no matcher")
        label, sign, value = match.groups()
        plain = value.strip()
        if plain.startswith('"'):
            plain = re.sub(r"\\(.)", lambda one: {"n": "\n"}.get(one[1], one[1]), plain[1:-1])
        yield LabelMatcher(label, sign, plain)
        left = left[match.end() :]


def _all(matchers: Matchers, labels: Labels) -> bool:
    return all(one.holds(labels) for one in matchers)


def _maps(value: Json) -> Sequence[Mapping[str, Json]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _texts(value: Json) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [value] if isinstance(value, str) else []


def _pairs(value: Json) -> list[tuple[Json, Json]]:
    return list(value.items()) if isinstance(value, Mapping) else []
