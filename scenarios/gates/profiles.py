"""This file is for what a policy need not say: the stages of a profile, and the triggers that a suite's scenarios can arm."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from probes.outcome import Severity
from scenarios.gates.dangers import UNREACHABLE, can_tell
from scenarios.gates.policy import Profile, Stage, Trigger, WhenShared
from scenarios.model import Scenario

_MINUTE, _HOUR = 60.0, 3600.0

_SMOKE = Stage(name="smoke", weight=0, min_rounds=3, max_rounds=60, max_time=10 * _MINUTE)
_BAKE = Stage(name="bake", weight=100, min_rounds=3, max_rounds=1000, min_time=_HOUR, max_time=3 * _HOUR)

# Bounds of rounds: the simulated table of the standard profile, for rounds that fail once in two hundred on a sound side.
STAGES: Mapping[Profile, tuple[Stage, ...]] = {
    Profile.COARSE: (
        _SMOKE,
        *(Stage(weight=w, margin=4.5, min_rounds=40, max_rounds=400, max_time=2 * _HOUR) for w in (5, 25, 50)),
        Stage(name="bake", weight=100, min_rounds=3, max_rounds=400, min_time=10 * _MINUTE, max_time=_HOUR),
    ),
    Profile.STANDARD: (
        _SMOKE,
        Stage(weight=5, margin=4.5, min_rounds=100, max_rounds=400, max_time=2 * _HOUR),
        Stage(weight=25, margin=2.0, min_rounds=200, max_rounds=1200, max_time=6 * _HOUR),
        Stage(weight=50, margin=1.0, min_rounds=300, max_rounds=2500, max_time=12 * _HOUR),
        _BAKE,
    ),
    Profile.STRICT: (
        _SMOKE,
        Stage(weight=5, margin=2.0, min_rounds=200, max_rounds=1200, max_time=6 * _HOUR),
        Stage(weight=25, margin=1.0, min_rounds=300, max_rounds=4000, max_time=18 * _HOUR),
        Stage(weight=50, margin=0.5, min_rounds=600, max_rounds=12_000, max_time=48 * _HOUR),
        _BAKE,
    ),
}


@dataclass(frozen=True, slots=True)
class DefaultTrigger:
    """A trigger that a suite has without its policy saying so, wherever a scenario can arm it."""

    danger: str
    times: int = 1
    shared: WhenShared = WhenShared.HOLD
    only: Callable[[Scenario], bool] | None = None  # without a danger: the scenarios whose failing counts
    means: str = ""  # without a danger
    lacking: str = ""  # said where no scenario can arm it


def _pages_a_person(scenario: Scenario) -> bool:
    return scenario.severity is Severity.P0


# Times: what a sound canary may show by chance is borne once or twice, what can only be a leak is not.
DEFAULT_TRIGGERS: Mapping[str, DefaultTrigger] = {
    "cross_tenant_leak": DefaultTrigger("cross_tenant_leak", shared=WhenShared.ROLLBACK),
    "pii_in_logs": DefaultTrigger("personal_data_in_logs", shared=WhenShared.ROLLBACK),
    "breaker_stuck_open": DefaultTrigger("breaker_stuck_open", times=3),
    "rate_limiter_blocks_legit": DefaultTrigger("limit_blocks_legitimate", times=3),
    "critical_errors": DefaultTrigger(
        "",
        times=3,
        only=_pages_a_person,
        means="a scenario of severity P0 fails",
        lacking="no scenario of a round has severity P0",
    ),
    "five_xx_spike": DefaultTrigger("server_errors", times=5),
    "canary_unreachable": DefaultTrigger(UNREACHABLE, times=5),
}


@dataclass(frozen=True, slots=True)
class Default:
    """One default trigger, or `lacking`: why this suite has it not."""

    id: str
    trigger: Trigger | None
    lacking: str = ""


def default_triggers(scenarios: Iterable[Scenario]) -> tuple[Default, ...]:
    """Return the triggers that stand without being named, each only where one of these scenarios can arm it."""
    asked = tuple(scenarios)
    return tuple(_default(name, known, asked) for name, known in DEFAULT_TRIGGERS.items())


def _default(name: str, known: DefaultTrigger, asked: tuple[Scenario, ...]) -> Default:
    names = tuple(s.name for s in asked if known.only is not None and known.only(s))
    if (known.danger and any(can_tell(s, known.danger) for s in asked)) or names:
        made = Trigger(id=name, danger=known.danger, scenarios=names, times=known.times, shared=known.shared)
        return Default(name, made)
    return Default(name, None, known.lacking or f"no scenario of a round can tell of '{known.danger}'")


def arms(trigger: Trigger, scenario: Scenario) -> bool:
    """Return whether a proven pass of the scenario shows that the trigger would have been seen.

    Where a trigger names a danger and scenarios, the danger must be told by one of these.
    """
    narrowed = bool(trigger.kinds or trigger.tags or trigger.scenarios)
    named = (
        scenario.kind in trigger.kinds or not set(trigger.tags).isdisjoint(scenario.tags) or scenario.name in trigger.scenarios
    )
    if trigger.danger:
        return can_tell(scenario, trigger.danger) and (named or not narrowed)
    return named
