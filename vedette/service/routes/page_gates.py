"""This file is for the pages of gates: the list, and one with its rollout, its evidence and what is still missing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from reports.gates import Gate
from reports.judgement.gate import BadState
from reports.status.gate import listed
from reports.status.gate import shown as as_shown
from reports.store.errors import StoreError
from scenarios.gates.records import BadRecord
from vedette.service.access import Caller, Scope, needs
from vedette.service.pages.frames import frame_of, shown
from vedette.service.pages.gate_pasts import GatePasts
from vedette.service.pages.reading import tried
from vedette.service.problems import Problem
from vedette.service.state import Service, the_service

router = APIRouter(include_in_schema=False)

The = Annotated[Service, Depends(the_service)]
Reader = Annotated[Caller, needs(Scope.READ)]
SHOWN = 20
_pasts = GatePasts()  # ids of gates are unique everywhere


@router.get("/gates")
async def gates(request: Request, service: The, caller: Reader, before: str = "") -> HTMLResponse:
    """List the gates, the newest first."""
    frame = frame_of(request, service, caller)

    def made() -> HTMLResponse:
        none: list[Gate] = []
        found, trouble = tried(none, service.gates.ledger.list, SHOWN + 1, before)
        items = [listed(one) for one in found[:SHOWN]]
        return shown(
            "gates.html.j2", frame, title="Gates", here="gates", tone=items[0].tone if items else "skipped", items=items,
            trouble=trouble, older=items[-1].gate.id if len(found) > SHOWN else "",
        )  # fmt: skip

    return await run_in_threadpool(made)


@router.get("/gates/{name}")
async def gate(request: Request, service: The, caller: Reader, name: str) -> HTMLResponse:
    """Show one gate: where its rollout is, and what that rests on."""
    frame = frame_of(request, service, caller)

    def made() -> HTMLResponse:
        try:
            found = _pasts.read(service.gates.ledger, name)
        except StoreError as problem:
            raise Problem(503, f"the gate cannot be read at present: {problem}", headers={"Retry-After": "5"}) from problem
        except (BadState, BadRecord) as problem:
            raise Problem(500, f"what is kept of this gate is of another version, or damaged: {problem}") from problem
        if found is None:
            raise Problem(404, "there is no gate of this name")
        told = as_shown(*found, service.clock())
        return shown("gate.html.j2", frame, title=f"{told.word}: {told.gate.name}", tone=told.tone, here="gates", s=told)

    return await run_in_threadpool(made)
