"""This file is for the canary gate on demand: load, begin or resume, walk through the stages, tell the end, decide."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from vedette.cli.speech import UsageError, complain, complain_of_suite
from vedette.exit_codes import Exit, worst
from vedette.settings import Settings, make_state_folder, no_state_folder, read_settings

if TYPE_CHECKING:
    from scenarios.gates.loading import LoadedPolicy
    from scenarios.gates.sides import Sides
    from vedette.jobs.gate_evidence import EvidenceFile
    from vedette.jobs.gate_walk import Walk

NOTHING_ASKED = "a round would ask nothing"  # how the loader begins the mistake


@dataclass(frozen=True, slots=True)
class GateOrder:
    """What a person asked for. `stage` is the weight of the only stage to judge; without it, all are walked through."""

    policy: str
    stage: float | None = None
    advance: str | None = None
    evidence: Path | None = None
    resume: bool = False
    timeout_s: float | None = None
    canary_version: str | None = None
    baseline_version: str | None = None
    shadow: bool = False
    as_json: bool = False
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)


def gate(order: GateOrder) -> Exit:
    """Walk through a policy's stages and return the exit code. Raises: UsageError."""
    loaded = _loaded(order)
    if isinstance(loaded, Exit):
        return loaded
    settings = read_settings()
    before = _ready(settings)
    if before is not Exit.PASSED:
        return before
    name = gate_name(loaded.policy.name, order.canary_version or loaded.policy.canary.version)
    with _evidence(order, loaded, settings, name) as evidence:
        loaded = _as_asked(order, loaded, evidence)
        walk = _walk(order, loaded, evidence, settings, name)
        return _end(order, walk, settings)


def _loaded(order: GateOrder) -> LoadedPolicy | Exit:
    """Return the policy, or the exit code after every mistake was told."""
    from scenarios.mistakes import SuiteError
    from vedette.jobs.gate_plan import load

    try:
        return load(order.policy, order.environ)
    except SuiteError as problem:
        complain_of_suite(problem)
        asks_nothing = all(one.sentence.startswith(NOTHING_ASKED) for one in problem.mistakes)
        return Exit.NOTHING_SELECTED if asks_nothing and problem.mistakes else Exit.USAGE


def _ready(settings: Settings) -> Exit:
    """Make the state folder, and mend what an earlier run left broken."""
    from vedette.jobs.mend import mended_before

    try:
        make_state_folder(settings)
        settings.gates.mkdir(exist_ok=True)
    except OSError as problem:
        complain(no_state_folder(settings, problem))
        return Exit.INCONCLUSIVE
    return Exit.PASSED if mended_before(settings) else Exit.UNDO_FAILED


def _evidence(order: GateOrder, loaded: LoadedPolicy, settings: Settings, name: str) -> EvidenceFile:
    from vedette.jobs.gate_evidence import EvidenceFile, newest_in

    policy = loaded.policy.name
    if not order.resume:
        return EvidenceFile(order.evidence or settings.gates / f"{name}.jsonl")
    path = order.evidence or newest_in(settings.gates, policy)
    if path is None:
        raise UsageError(f"no gate of the policy '{policy}' was begun here; leave --resume out, or name its file with --evidence")
    return EvidenceFile(path, resume=True)


def gate_name(policy: str, version: str) -> str:
    """Return the name of a gate that runs alone: policy, version, and when it began."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", version)[:60]
    return f"{policy}@{plain}-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"


def _as_asked(order: GateOrder, loaded: LoadedPolicy, evidence: EvidenceFile) -> LoadedPolicy:
    """Return the policy for these versions. Raises: UsageError where the evidence was gathered under another one."""
    opened = evidence.found.opened.policy if evidence.found else {}
    new = {}
    for side, given in (("canary", order.canary_version), ("baseline", order.baseline_version)):
        had = opened.get(side, {}).get("version")
        if given and had and given != had:
            raise UsageError(f"'{evidence.path}' is about version '{had}' of the {side}, not '{given}'")
        one = getattr(loaded.policy, side)
        new[side] = one.model_copy(update={"version": given or had or one.version})
    shadow = bool(opened["shadow"]) if opened else order.shadow or loaded.policy.shadow
    if order.shadow and not shadow:
        raise UsageError(f"'{evidence.path}' was not begun in shadow mode")
    made = replace(loaded, policy=loaded.policy.model_copy(update={**new, "shadow": shadow}))
    if opened and dict(opened) != made.recorded():
        raise UsageError(f"the policy '{loaded.path}' is another one than '{evidence.path}' was gathered under; begin anew")
    asked = evidence.found.opened.scenarios if evidence.found else ()
    if gone := sorted({*asked} - {one.name for one in made.scenarios}):  # what is not asked any more is not shown
        raise UsageError(f"the suite has no scenario '{gone[0]}' any more, with which '{evidence.path}' was begun; begin anew")
    return made


def _sides(loaded: LoadedPolicy) -> Sides:
    from scenarios.gates.sides import BadSides, both

    try:
        return both(loaded.suite, loaded.policy)
    except BadSides as problem:
        raise UsageError(f"the policy '{loaded.path}' cannot be followed: {problem}") from problem


def _walk(order: GateOrder, loaded: LoadedPolicy, evidence: EvidenceFile, settings: Settings, name: str) -> Walk:
    from probes.undo import Journal
    from vedette.jobs.gate_advance import words_of
    from vedette.jobs.gate_walk import Walk
    from vedette.service.gate_sides import SidesAsking
    from vedette.service.gating import CannotAsk

    sides, artifacts = _sides(loaded), settings.artifacts.absolute()
    try:
        asking = SidesAsking(loaded.policy, sides, journal=Journal(settings.undo_journal), artifacts=artifacts)
    except CannotAsk as problem:
        raise UsageError(f"the policy '{loaded.path}' cannot be followed: {problem}") from problem
    return Walk(
        loaded,
        asking,
        evidence,
        name=name,
        only=None if order.stage is None else place_of(loaded, order.stage),
        advance=None if order.advance is None else words_of(order.advance),
        timeout_s=order.timeout_s,
        clock=time.time,
    )


def place_of(loaded: LoadedPolicy, weight: float) -> int:
    """Return the place of the stage of a weight. Raises: UsageError."""
    weights = [stage.weight for stage in loaded.policy.stages]
    if weight in weights:
        return weights.index(weight)
    known = ", ".join(f"{one:g}" for one in weights)
    raise UsageError(f"the policy '{loaded.path}' has no stage of {weight:g} %; its stages have {known}")


def _end(order: GateOrder, walk: Walk, settings: Settings) -> Exit:
    """Walk, tell the verdict, and return its code."""
    from vedette.jobs.gate_verdict import tell_verdict
    from vedette.jobs.mend import own_open_faults
    from vedette.jobs.stopping import Signals

    with Signals() as signals:
        end = asyncio.run(walk.run(signals))
        broken = own_open_faults(settings)
    for sentence in broken:
        complain(f"a fault could not be taken out: {sentence}; see `vedette restore`")
    binding = Exit.PASSED if end.is_decided and walk.loaded.policy.shadow else end.code
    code = worst([binding, Exit.UNDO_FAILED]) if broken else binding
    tell_verdict(end, walk, code, as_json=order.as_json)
    return code
