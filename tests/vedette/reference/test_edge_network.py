"""This file is for the faces of certificates, names and ports: sound they pass, and each of their faults is caught and named."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from types import ModuleType

import pytest

from probes.outcome import Verdict
from scenarios.loader import load_suite
from scenarios.runner import run
from scenarios.selection import Selection
from vedette.jobs.prove import Seen, judge_fault
from vedette.reference.edge import face_dns, face_tcp, face_tls
from vedette.reference.fault import Fault

pytestmark = pytest.mark.anyio
FACES: dict[str, ModuleType] = {"dns": face_dns, "tcp": face_tcp, "tls": face_tls}
FAULTS = [fault for face in FACES.values() for fault in face.FAULTS]
LIBRARY = Path(__file__).parents[3] / "scenarios/library/edge.yaml"
VARIABLES = re.findall(r"\$\{([A-Z_]+)\}", LIBRARY.read_text(encoding="utf-8"))


async def asked(kind: str, bugs: Collection[str], folder: Path) -> list[Seen]:
    """Run the scenarios of one kind only, with its face alone."""
    async with FACES[kind].serve(bugs, folder) as environ:
        suite = load_suite("edge", target="staging", environ={**dict.fromkeys(VARIABLES, "9"), **environ})
        result = await run(suite, "staging", Selection((frozenset({kind}),)), run_deadline_s=30.0)
    return [Seen.of(outcome) for outcome in result.outcomes if outcome.verdict is not Verdict.SKIPPED]


@pytest.mark.parametrize("kind", FACES)
async def test_the_sound_face_passes(kind: str, tmp_path: Path) -> None:
    seen = await asked(kind, (), tmp_path)
    assert seen and [(one.verdict, one.sentence) for one in seen if one.verdict is not Verdict.PASS] == []


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_each_fault_is_caught_by_its_owner_and_named(fault: Fault, tmp_path: Path) -> None:
    assert judge_fault(fault, await asked(fault.owner, {fault.asked_for}, tmp_path)).why_missed == ""
