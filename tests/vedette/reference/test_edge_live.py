"""This file is for the faces of web sockets and gRPC: sound they pass, and each of their faults is caught and named."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from types import ModuleType

import pytest

from probes.outcome import Verdict
from scenarios.loader import load_suite
from scenarios.runner import run
from vedette.jobs.prove import Seen, judge_fault
from vedette.reference.edge import face_grpc, face_socket
from vedette.reference.fault import Fault

pytestmark = pytest.mark.anyio
FACES: dict[str, ModuleType] = {"websocket": face_socket, "grpc_health": face_grpc}
FAULTS = [fault for face in FACES.values() for fault in face.FAULTS]
SILENT = ("socket_no_echo", "grpc_hangs")  # what never comes need not be waited for for long
LIBRARY = Path(__file__).parents[3] / "scenarios/library/edge.yaml"
VARIABLES = re.findall(r"\$\{([A-Z_]+)\}", LIBRARY.read_text(encoding="utf-8"))


async def asked(kind: str, bugs: Collection[str], folder: Path, *, within_s: float) -> list[Seen]:
    """Run the scenarios of one kind only, with its face alone."""
    pytest.importorskip(FACES[kind].MODULES[0])
    async with FACES[kind].serve(bugs, folder) as environ:
        suite = load_suite("edge", target="staging", environ={**dict.fromkeys(VARIABLES, "9"), **environ})
        own = tuple(
            one.model_copy(update={"probe": one.probe.model_copy(update={"within": within_s})})
            for one in suite.scenarios
            if one.kind == kind
        )
        result = await run(suite.model_copy(update={"scenarios": own}), "staging", run_deadline_s=30.0)
    return [Seen.of(outcome) for outcome in result.outcomes]


@pytest.mark.parametrize("kind", FACES)
async def test_the_sound_face_passes(kind: str, tmp_path: Path) -> None:
    seen = await asked(kind, (), tmp_path, within_s=15)
    assert seen and [(one.verdict, one.sentence) for one in seen if one.verdict is not Verdict.PASS] == []


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_each_fault_is_caught_by_its_owner_and_named(fault: Fault, tmp_path: Path) -> None:
    seen = await asked(fault.owner, {fault.asked_for}, tmp_path, within_s=1 if fault.name in SILENT else 15)
    assert judge_fault(fault, seen).why_missed == ""
