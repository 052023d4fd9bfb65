"""Make log lines that hold no personal data and no secret, in the formats of real systems, without end.

`harmless_lines(seed)` is what a platform writes on a plain day, as many lines of each format as its part would write: half
of it comes from web servers and proxies, a third from applications, the rest from databases, systems and builds. One message of
an application in five holds a number of trade, one in twelve something that only looks personal, so that a day of
them meets what a scanner meets in a year.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import accumulate

import harmless_apps as apps
import harmless_infra as infra
import harmless_web as web
from harmless_values import Dice

# Events of a thousand that have this format. Source of the proportions: none but a platform's usual make-up.
_MIX: dict[str, tuple[int, Callable[[Dice], str]]] = {
    "nginx": (260, web.nginx),
    "apache": (90, web.apache),
    "web errors": (10, web.web_errors),
    "proxies": (110, web.proxies),
    "laravel": (70, apps.laravel),
    "rails": (30, apps.rails),
    "django": (40, apps.django),
    "spring": (60, apps.spring),
    "node": (60, apps.node),
    "go": (40, apps.golang),
    "dotnet": (20, apps.dotnet),
    "calls": (30, apps.calls),
    "systemd": (50, infra.systemd),
    "postgres": (30, infra.postgres),
    "mysql": (10, infra.mysql),
    "stores": (30, infra.stores),
    "clusters": (30, infra.clusters),
    "clouds": (20, infra.clouds),
    "builds": (10, infra.builds),
}


def harmless_lines(seed: int) -> Iterator[str]:
    """Yield lines for ever; the same seed gives the same lines."""
    for _, line in labelled_lines(seed):
        yield line


def labelled_lines(seed: int) -> Iterator[tuple[str, str]]:
    """Yield each line after the name of its format."""
    dice = Dice(seed)
    names = [(name, make) for name, (_, make) in _MIX.items()]
    until = list(accumulate(share for share, _ in _MIX.values()))
    table = [next(one for one, limit in zip(names, until, strict=True) if number < limit) for number in range(until[-1])]
    while True:
        dice.tick()
        name, make = dice.pick(table)
        for line in make(dice).split("\n"):
            yield name, line
