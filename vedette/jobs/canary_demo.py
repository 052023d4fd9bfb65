"""This file is for the demo of a canary: two versions behind a proxy, walked through the stages of a policy in quicker time."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vedette.cli.speech import UsageError, complain, complain_of_suite, tell
from vedette.exit_codes import Exit
from vedette.jobs.demo import broken_by, kept_in_state, on_a_thread
from vedette.settings import make_state_folder, no_state_folder, read_settings

if TYPE_CHECKING:
    from scenarios.gates.loading import LoadedPolicy
    from scenarios.gates.sides import Sides
    from vedette.jobs.gate_walk import End, Walk
    from vedette.reference.rollout import Rollout

QUICK = "canary-quick"
FASTEST = 1000.0


@dataclass(frozen=True, slots=True)
class CanaryOrder:
    """What a person asked for. `speed` is how many times as fast as in reality the time between rounds goes by."""

    faults: tuple[str, ...] = ()  # of the canary
    policy: str = QUICK
    seed: int = 0
    speed: float = 50.0
    evidence: Path | None = None
    as_json: bool = False


def demo_canary(order: CanaryOrder) -> Exit:
    """Roll the canary out as its gate decides, and return what the gate says. Raises: UsageError."""
    from vedette.reference.faults import named
    from vedette.reference.rollout import CANARY, rollout

    if not 1 <= order.speed <= FASTEST:
        raise UsageError(f"--speed is between 1 and {FASTEST:g}, not {order.speed:g}")
    try:
        bugs = [named(fault).asked_for for fault in order.faults]
    except ValueError as problem:
        raise UsageError(str(problem)) from problem
    settings = read_settings()
    folder = kept_in_state("demo-canary")
    try:
        make_state_folder(settings)
        folder.mkdir(parents=True)
    except OSError as problem:
        complain(no_state_folder(settings, problem))
        return Exit.INCONCLUSIVE
    with on_a_thread(rollout(bugs, folder=folder, seed=order.seed)) as running:
        tell(f"two versions of the booking service stand behind the proxy on {running.variables['VEDETTE_PROXY_URL']};")
        tell(f"version {CANARY} is the canary{broken_by(order.faults) or ', and sound'}")
        code = _walked(order, running, order.evidence or folder / "evidence.jsonl")
        _tell_of_callers(running)
    return code


def _walked(order: CanaryOrder, running: Rollout, path: Path) -> Exit:
    from vedette.jobs.gate_evidence import EvidenceFile
    from vedette.jobs.gate_verdict import tell_verdict
    from vedette.jobs.gate_walk import Walk
    from vedette.jobs.stopping import Signals
    from vedette.service.gate_sides import SidesAsking

    loaded = _loaded(order.policy, {**os.environ, **running.variables})
    if loaded is None:
        return Exit.USAGE
    sides = _sides(loaded, running.variables)

    async def move(weight: float) -> None:
        running.proxy.turn_to(weight)
        tell(f"{weight:g} % of the callers are given to the canary")

    with EvidenceFile(path) as evidence:
        walk = Walk(
            loaded, SidesAsking(loaded.policy, sides), evidence, name=f"{loaded.policy.name}@{loaded.policy.canary.version}",
            move=move, clock=_quicker(order.speed), hurry=order.speed,
        )  # fmt: skip
        with Signals() as signals:
            end = asyncio.run(walk.run(signals))
        running.proxy.turn_to(100 if end.code is Exit.PASSED else 0)
        _tell_cause(end, walk)
        tell_verdict(end, walk, end.code, as_json=order.as_json)
    return end.code


def _loaded(policy: str, environ: Mapping[str, str]) -> LoadedPolicy | None:
    """Return the policy, None after every mistake was told."""
    from scenarios.gates.loading import load_policy
    from scenarios.mistakes import SuiteError

    try:
        return load_policy(policy, environ)
    except SuiteError as problem:
        complain_of_suite(problem)
        return None


def _sides(loaded: LoadedPolicy, variables: Mapping[str, str]) -> Sides:
    """Return both sides. Raises: UsageError, also for an address that is not the demo's: nobody expects it to ask others."""
    from scenarios.gates.sides import BadSides, both

    try:
        sides = both(loaded.suite, loaded.policy)
    except BadSides as problem:
        raise UsageError(f"the policy '{loaded.path}' cannot be followed: {problem}") from problem
    ours = {value.rstrip("/") for value in variables.values() if value.startswith("http://")}
    for side in (sides.canary, sides.baseline):
        if side.target.base_url.rstrip("/") not in ours:
            raise UsageError(f"the {side.name} of '{loaded.path}' is at {side.target.base_url}, which the demo did not start")
    return sides


def _quicker(speed: float) -> Callable[[], float]:
    """Return a clock that begins now and runs so many times as fast as others."""
    now, began = time.time(), time.monotonic()
    return lambda: now + (time.monotonic() - began) * speed


def _tell_cause(end: End, walk: Walk) -> None:
    """Name what a rollback was for: a trigger that fired, or the scenario that says most against the canary."""
    fired = [one for one in end.decision.triggers if one.state == "fired"]
    for one in fired:
        tell(f"cause: the trigger '{one.id}': {one.say}")
    if end.code is Exit.FAILED and not fired:
        tell(f"cause: {end.decision.reason}")


def _tell_of_callers(running: Rollout) -> None:
    from vedette.reference.proxy import Way

    told = []
    for way in Way:
        asked, failed = running.proxy.counted(way), running.proxy.counted(way, errors=True)
        told.append(f"{asked} to the {way} ({failed} failed)")
    tell(f"callers meanwhile: {' and '.join(told)}; now all are given to the {'canary' if running.proxy.weight else 'baseline'}")
