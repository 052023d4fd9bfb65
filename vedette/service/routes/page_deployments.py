"""This file is for the pages of deployments: the list, and one with its burn-in as a track of phases."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from reports.status.deployments import shown as as_shown
from vedette.service.access import Caller, Scope, needs
from vedette.service.pages.frames import frame_of, shown
from vedette.service.pages.reading import or_else
from vedette.service.problems import Problem
from vedette.service.state import Service, the_service

router = APIRouter(include_in_schema=False)

The = Annotated[Service, Depends(the_service)]
Reader = Annotated[Caller, needs(Scope.READ)]
SHOWN = 20


@router.get("/deployments")
async def deployments(request: Request, service: The, caller: Reader, before: str = "") -> HTMLResponse:
    """List the deployments, the newest first."""
    found, trouble = await or_else([], service.burn_ins.ledger.list, SHOWN + 1, before)
    now, items = service.clock(), found[:SHOWN]
    told = [as_shown(one, now) for one in items]
    return await run_in_threadpool(
        shown, "deployments.html.j2", frame_of(request, service, caller), title="Deployments", here="deployments",
        tone=told[0].tone if told else "skipped", items=told, trouble=trouble,
        older=items[-1].id if len(found) > SHOWN else "",
    )  # fmt: skip


@router.get("/deployments/{deployment_id}")
async def deployment(request: Request, service: The, caller: Reader, deployment_id: str) -> HTMLResponse:
    """Show one deployment with the phases of its burn-in."""
    found = await run_in_threadpool(service.burn_ins.ledger.get, deployment_id)
    if found is None:
        raise Problem(404, "there is no deployment with this id")
    told = as_shown(found, service.clock())
    return await run_in_threadpool(
        shown, "deployment.html.j2", frame_of(request, service, caller), title=f"{found.version}: {told.word}",
        tone=told.tone, here="deployments", s=told,
    )  # fmt: skip
