"""This file is for the reference of a gate's policy, made from the models, the profiles and the comments beside their fields."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence

from pydantic import BaseModel

from scenarios.gates.dangers import known_dangers
from scenarios.gates.policy import (
    Identity,
    LatencyMetric,
    Policy,
    Profile,
    RoundsMetric,
    Side,
    Stage,
    TrafficMetric,
    Trigger,
    WhenShared,
)
from scenarios.gates.profiles import DEFAULT_TRIGGERS, STAGES
from scenarios.meanings import comments_in
from vedette.cli.gate_plan_text import time
from vedette.cli.reference import Key, keys_of

# What stands below a policy's keys, each explained in a chapter of its own.
PARTS: Mapping[str, type[BaseModel]] = {
    "canary and baseline": Side,
    "identity": Identity,
    "stages": Stage,
    "metrics of kind rounds": RoundsMetric,
    "metrics of kind latency": LatencyMetric,
    "metrics of kind traffic": TrafficMetric,
    "triggers": Trigger,
}
_HEAD = (
    "# Reference of gate policies\n\n"
    "Every key of a canary gate's policy. Written by `vedette schema --gate --markdown`, not by hand. `vedette gate validate`"
    " finds every mistake of a policy at its line, `vedette gate plan` says how long it will take.\n"
)


def markdown() -> str:
    """Return the whole reference, which is `docs/gate-policy.md`."""
    parts = [
        _HEAD,
        f"## Keys of a policy\n\n{inspect.getdoc(Policy) or ''}\n",
        _keys(key for key in keys_of(Policy) if not key.depth),
        *(f"## Keys of {name}\n\n{inspect.getdoc(model) or ''}\n\n{_keys(keys_of(model))}" for name, model in PARTS.items()),
        "## What a trigger does when both sides show it\n\nWhat `shared` says.\n",
        _table(("value", "because"), [(f"`{one}`", comments_in(WhenShared).get(one.name, "")) for one in WhenShared]),
        "## Profiles\n\nThe stages of each. Bounds are rounds that count as independent; times hold for `every: 10s`.\n",
        *(_profile(profile) for profile in Profile),
        "## Triggers that stand without being named\n\nEach where a scenario of a round can arm it.\n",
        _table(("trigger", "seen in", "if the baseline shows it", "it is"), list(_triggers())),
        "## Dangers\n\nWhat checks of our own kinds tell of, and a trigger's `danger` may name.\n",
        _table(("danger", "means"), [(f"`{name}`", says) for name, says in known_dangers(()).items()]),
    ]
    return "\n".join(parts)


def _keys(keys: Iterator[Key]) -> str:
    return _table(("key", "type", "default", "meaning"), [(f"`{k.path}`", k.type, _default(k), k.meaning) for k in keys])


def _default(key: Key) -> str:
    """Return what holds where nothing is said. Some keys have a default that their model does not know."""
    if key.path == "kind":
        return "required"
    return "optional" if "default:" in key.meaning else key.default


def _profile(profile: Profile) -> str:
    head = ("stage", "traffic", "margin in points", "rounds, at least", "rounds, at most", "lasts at least", "ends after")
    rows = [
        (
            one.name or f"{one.weight:g} %",
            f"{one.weight:g} %",
            "" if one.margin is None else f"{one.margin:g}",
            str(one.min_rounds),
            str(one.max_rounds),
            time(one.min_time) if one.min_time else "",
            time(one.max_time),
        )
        for one in STAGES[profile]
    ]
    return f"### {profile}\n\n{comments_in(Profile).get(profile.name, '')}\n\n{_table(head, rows)}"


def _triggers() -> Iterator[tuple[str, ...]]:
    dangers = known_dangers(())
    for name, one in DEFAULT_TRIGGERS.items():
        times = "1 round" if one.times == 1 else f"{one.times} rounds in a row"
        yield f"`{name}`", times, str(one.shared), dangers.get(one.danger, one.means)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)
