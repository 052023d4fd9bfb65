"""This file is for asking who would be told of an alert, and which alert keeps others from being sent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, model_validator

from probes.fields import AlertmanagerRef, Configured
from probes.outcome import Check, Evidence, check, control
from probes.probe import NotGiven, Probe

if TYPE_CHECKING:
    from probes.alert_routes import Routing
    from probes.session import Session

_MADE_UP = "vedette_made_up"


def _way(text: str) -> str:
    if not text.strip() or text != " ".join(text.split()):
        raise ValueError("should be an integration, and perhaps its place: pagerduty, or 'slack #incidents'")
    return text


Way = Annotated[str, AfterValidator(_way)]


class RoutedAlert(Configured):
    """One alert by its labels, and who must be told of it."""

    labels: dict[str, str] = Field(min_length=1)  # such as {alertname: HighErrorRate, severity: P1, team: backend}
    to: tuple[Way, ...] = ()  # each must be told: an integration (pagerduty, webhook), or one with its place (slack #incidents)
    never: tuple[Way, ...] = ()  # who may not be told of it
    always: bool = True  # true: no time interval may keep it from being sent

    @model_validator(mode="after")
    def _says_something(self) -> RoutedAlert:
        if not self.to:
            raise ValueError("'to' names nobody; who must be told of it?")
        both = next((one for one in self.to if any(_is(one, other) or _is(other, one) for other in self.never)), None)
        if both is not None:
            raise ValueError(f"'{both}' stands in 'to', and 'never' rules it out")
        return self

    @property
    def called(self) -> str:
        return _called(self.labels)


class InhibitedAlert(Configured):
    """An alert that must not be sent while another one fires; or, with `holds: false`, that must be sent all the same."""

    while_firing: dict[str, str] = Field(alias="while", min_length=1)  # the labels of the alert that fires
    labels: dict[str, str] = Field(min_length=1)  # the labels of the one that it holds back
    holds: bool = True  # false: it is sent all the same

    @model_validator(mode="after")
    def _two_alerts(self) -> InhibitedAlert:
        if self.while_firing == self.labels:
            raise ValueError("'while' and 'labels' are the same alert, which never holds itself back")
        return self


class AlertRouting(Probe, kind="alert_routing"):
    """Read Alertmanager's configuration and work out who would be told of alerts; nothing is sent.

    `routes` are alerts by their labels, with those who must be told; `inhibits` are alerts that must be held back while
    another one fires. The way through the routes is that of Alertmanager: the deepest route that matches, and its siblings
    where it says `continue`.
    The controls: alerts that are made up go another way than these, and hold none of them back.
    """

    source: AlertmanagerRef  # a source of kind `alertmanager`
    routes: tuple[RoutedAlert, ...] = ()  # alerts, and who must be told of each
    inhibits: tuple[InhibitedAlert, ...] = ()  # alerts that are held back while another one fires

    @model_validator(mode="after")
    def _something(self) -> AlertRouting:
        if not self.routes and not self.inhibits:
            raise ValueError("give 'routes', or 'inhibits'")
        return self

    async def ask(self, session: Session) -> AsyncIterator[Check]:
        from probes.evidence.alertmanager import Alertmanager

        source = session.target.evidence.get(self.source)
        if not isinstance(source, Alertmanager):
            raise NotGiven(f"target '{session.target.name}' has no source of kind 'alertmanager' called '{self.source}'")
        session.doing = f"reading the configuration of {source.describe()}"
        loaded = await source.routing()
        where = f"({source.describe()})"
        for one in self.routes:
            for made in _told(one, loaded, where):
                yield made
        if self.routes:
            yield self._tells_apart(loaded, where)
        for other in self.inhibits:
            for made in _held_back(other, loaded, where):
                yield made

    def _tells_apart(self, loaded: Routing, where: str) -> Check:
        """Return the control that labels matter: where every alert goes everywhere, these going there shows nothing of them."""
        elsewhere = loaded.ways({"alertname": _MADE_UP, "severity": _MADE_UP, "team": _MADE_UP})
        apart = [one for one in self.routes if set(loaded.ways(one.labels)) != set(elsewhere)]
        return control(
            "an alert that is made up goes another way",
            holds=bool(apart),
            expected="another way",
            observed=", ".join(elsewhere) or "nobody",
            say=f"an alert that is made up goes the same way as each of these, so their labels do not matter {where}",
        )


def _told(one: RoutedAlert, loaded: Routing, where: str) -> Iterator[Check]:
    ways = loaded.ways(one.labels)
    route = f"receiver {', '.join(loaded.names(one.labels)) or 'none'}, {_joined(ways)}"
    missing = [way for way in one.to if not any(_is(given, way) for given in ways)]
    yield _checked(
        f"{one.called} is sent to {_joined(one.to)}",
        missing,
        f"{one.called} would not be sent to {_joined(missing)}, but only to {_joined(ways)}" if ways
        else f"{one.called} would be sent to nobody",
        route, where, _joined(one.to),
    )  # fmt: skip
    wrong = [given for given in ways if any(_is(given, way) for way in one.never)]
    if one.never:
        say = f"{one.called} would also be sent to {_joined(wrong)}, which is not for it"
        yield _checked(f"{one.called} is not sent to {_joined(one.never)}", wrong, say, route, where, "others")
    times = loaded.quiet_at_times(one.labels) if one.always else []
    if one.always:
        say = f"{one.called} would not be sent at all times: the time interval {', '.join(times)} keeps it back"
        yield _checked(f"{one.called} is sent at all times", times, say, route, where, "at all times")


def _held_back(one: InhibitedAlert, loaded: Routing, where: str) -> Iterator[Check]:
    does = loaded.silences(one.while_firing, one.labels)
    other, mine = _called(one.while_firing), _called(one.labels)
    say = (
        f"{mine} would be sent as well while {other} fires: no inhibition holds it back {where}"
        if one.holds
        else f"{mine} would not be sent while {other} fires, though it tells of something else {where}"
    )
    name = f"{mine} is {'held back' if one.holds else 'sent'} while {other} fires"
    wanted = "held back" if one.holds else "sent"
    yield check(name, holds=does is one.holds, expected=wanted, observed="held back" if does else "sent", say=say)
    if one.holds:
        stranger = dict.fromkeys(one.while_firing, _MADE_UP)
        yield control(
            f"{mine} is sent while an alert that is made up fires",
            holds=not loaded.silences(stranger, one.labels),
            say=f"{mine} would be held back by any alert, whatever its labels, so it was not shown that {other} does it {where}",
        )


def _checked(name: str, trouble: Sequence[str], say: str, route: str, where: str, expected: str) -> Check:
    evidence = () if not trouble else (Evidence("route", route),)
    return check(name, holds=not trouble, expected=expected, observed=route, say=f"{say} {where}", evidence=evidence)


def _is(given: str, wanted: str) -> bool:
    """Tell whether a way is one that is meant: `slack` means every place in Slack, `slack #incidents` this one."""
    return given == wanted or (" " not in wanted and given.partition(" ")[0] == wanted)


def _called(labels: Mapping[str, str]) -> str:
    rest = ", ".join(f"{name} {value}" for name, value in labels.items() if name != "alertname")
    return f"the alert {labels.get('alertname', 'of any name')}" + (f" ({rest})" if rest else "")


def _joined(ways: Sequence[str]) -> str:
    return " and ".join(ways) if len(ways) < 3 else f"{', '.join(ways[:-1])} and {ways[-1]}" if ways else "nobody"
