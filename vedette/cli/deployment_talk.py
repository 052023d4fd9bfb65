"""This file is for what `vedette deployed` says to a service and to people: it tells, lists, ends, and waits in bounded time."""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from vedette.cli.service_client import Client, Json, ServiceRefused, ServiceUnreachable, one_line
from vedette.cli.speech import UsageError, complain, tell
from vedette.exit_codes import Exit, worst

HERE = "/api/v1/deployments"
EVERY_S = 2.0  # between two looks
LONGER_S = 300.0  # than the phase, for ticks that began in it and for a store that is late
_CODES = {"pass": Exit.PASSED, "fail": Exit.FAILED}


def start(client: Client, args: argparse.Namespace) -> list[Json]:
    """Tell of a deployment, and return what was noted: one for each suite. Raises: UsageError."""
    from probes.ids import new_id

    if not args.target or not args.version:
        raise UsageError("what was deployed where? give --target and --version")
    body = {"target": args.target, "version": args.version, "suite": args.suite or "", "note": args.note}
    made = client.post(HERE, body, idempotency_key=new_id())["items"]
    for one in made:
        phases = ", ".join(one_line(phase["name"]) for phase in one["phases"])
        _say(f"{_named(one)}: noted as {one['id']}, watched through {phases}")
    return list(made)


def list_them(client: Client, args: argparse.Namespace) -> int:
    """List deployments, the newest first."""
    query = {"limit": min(args.limit, 500), "target": args.target, "suite": args.suite}
    found = client.get(HERE, query)["items"]
    for one in found:
        phases = "  ".join(f"{one_line(p['name'])}: {p['verdict'] or '…'}" for p in one["phases"])
        _say(f"{one['id']}  {_when(one['deployed_at'])}  {_named(one)}  {one_line(one['state'])}  {phases}")
    if not found:
        tell("no deployment was told")
    return Exit.PASSED


def cancel(client: Client, deployment_id: str) -> int:
    """End a burn-in before its time."""
    ended = client.delete(f"{HERE}/{plain_id(deployment_id)}")
    _say(f"{_named(ended)}: {one_line(ended['state'])} since {_when(ended['ended_at'])}")
    return Exit.PASSED


def plain_id(text: str) -> str:
    """Return an id as it may stand in an address. Raises: UsageError for what is none."""
    if not re.fullmatch(r"[0-9A-Za-z_-]{1,64}", text):
        raise UsageError(f"'{one_line(text)}' is no id; the list shows them")
    return text


def wait(
    client: Client,
    made: Sequence[Json],
    name: str | None,
    timeout_s: float | None,
    *,
    pause: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> int:
    """Wait until the named phase of each deployment has its verdict, else the first; return the code of the worst.

    A service that is away for a while, as during its restart, is waited for as well. Raises: UsageError.
    """
    left_s = max(_length_s(one, _place(one, name)) for one in made) + LONGER_S if timeout_s is None else timeout_s
    over_s = monotonic() + left_s
    codes, open_ones, trouble = [], list(made), ""
    while True:
        still_open = []
        for one in open_ones:
            try:
                seen = client.get(f"{HERE}/{one['id']}")
            except (ServiceUnreachable, ServiceRefused) as problem:
                if isinstance(problem, ServiceRefused) and problem.status < 500:
                    raise
                trouble = str(problem)
                still_open.append(one)
                continue
            code = _code(seen, _place(seen, name))
            codes += [] if code is None else [code]
            still_open += [one] if code is None else []
        if not still_open:
            return worst(codes)
        open_ones = still_open
        if monotonic() >= over_s:
            named = ", ".join(_named(one) for one in open_ones)
            complain(f"no verdict of {named} within {left_s:g} s; {trouble or 'the burn-in goes on'}")
            return worst([Exit.DEADLINE, *codes])
        pause(min(EVERY_S, max(0.0, over_s - monotonic())))


def _code(seen: Json, place: int) -> Exit | None:
    """Say the verdict of a phase, or that there will be none, and return its code; None while it is waited for."""
    phase = seen["phases"][place]
    of = f"{_named(seen)}: phase '{one_line(phase['name'])}'"
    if phase["verdict"] is not None:
        _say(f"{of}: {one_line(phase['verdict'])}, {one_line(phase['sentence'])}")
        return _CODES.get(phase["verdict"], Exit.INCONCLUSIVE)
    if seen["ended_at"] is not None:
        _say(f"{of} was not judged: the burn-in is {one_line(seen['state'])}")
        return Exit.INCONCLUSIVE
    return None


def _place(one: Json, name: str | None) -> int:
    names = [phase["name"] for phase in one["phases"]]
    if name is None:
        return 0
    if name in names:
        return names.index(name)
    from scenarios.mistakes import near_or_known

    hint = near_or_known(name, names)
    raise UsageError(f"the deployment is noted, but its burn-in has no phase '{name}'" + (f"; {hint}" if hint else ""))


def _length_s(one: Json, place: int) -> float:
    """Return how long a phase goes on, by the service's clock: ours may differ."""
    return max(0.0, (_at(one["phases"][place]["ends_at"]) - _at(one["now_at"])).total_seconds())


def _named(one: Json) -> str:
    return one_line(f"{one['version']} on {one['target']} (suite {one['suite']})")


def _at(text: Any) -> datetime:
    return datetime.fromisoformat(str(text))


def _when(text: Any) -> str:
    return f"{_at(text).astimezone():%Y-%m-%d %H:%M %Z}"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
