"""This file is for the routes of maintenance windows: open one, see what is open, coming and past, end one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime, Field
from starlette.concurrency import run_in_threadpool

from vedette.service.access import Caller, Scope, needs
from vedette.service.api.deploy_models import WindowBody, WindowPage, WindowsAnswer, WindowStanding, window_told
from vedette.service.api.noting import noted
from vedette.service.api.paging import Asked, Paging, next_link, place_in, split_at
from vedette.service.calendar import FURTHEST, NewWindow, NotAllowed
from vedette.service.deploying import Unknown
from vedette.service.problems import Problem
from vedette.service.routes.api_outcomes import Id
from vedette.service.state import Service, the_service

router = APIRouter(prefix="/api/v1/maintenance", tags=["maintenance"])

TheService = Annotated[Service, Depends(the_service)]
_NONE = "there is no maintenance window with this id; `/api/v1/maintenance` lists them"


class Coming(Asked):
    """Which of the windows that come are wanted."""

    until: AwareDatetime | None = Field(None, description="of recurring windows, tell those until then; null: a week")


@router.post("", operation_id="start_maintenance", status_code=201)
async def start(
    body: WindowBody, response: Response, service: TheService, caller: Annotated[Caller, needs(Scope.WRITE)]
) -> WindowStanding:
    """Open a window, now or later: probing goes on, and what is seen in it counts for nothing."""
    wanted = NewWindow(
        body.lasts, body.why, body.starts_at, suite=body.suite, targets=body.targets, scenarios=body.scenarios, tags=body.tags
    )
    try:
        window = await run_in_threadpool(service.calendar.start, wanted, caller.name)
    except (NotAllowed, Unknown) as problem:
        raise Problem(422, str(problem)) from problem
    details = {"scope": window.scope, "why": window.why, "starts_at": str(window.starts_at), "ends_at": str(window.ends_at)}
    await noted(service, caller, "maintenance.start", window.id, details)
    response.headers["Location"] = f"{router.prefix}/{window.id}"
    return window_told(window)


@router.get("", operation_id="list_maintenance", dependencies=[needs(Scope.READ)])
async def windows(
    service: TheService,
    wanted: Annotated[Coming, Query()],
) -> WindowsAnswer:
    """List the windows that are open, and those that come."""
    now = service.clock()
    furthest = None if wanted.until is None else min(wanted.until, now + FURTHEST)
    active = await run_in_threadpool(service.calendar.active, now)
    upcoming = await run_in_threadpool(service.calendar.upcoming, furthest)
    return WindowsAnswer(now_at=now, active=tuple(map(window_told, active)), upcoming=tuple(map(window_told, upcoming)))


@router.get("/past", operation_id="list_past_maintenance", dependencies=[needs(Scope.READ)])
async def past(request: Request, wanted: Annotated[Paging, Query()], service: TheService) -> WindowPage:
    """List the windows that are over, the one that began last first."""
    place = place_in(wanted, "maintenance", str)
    found = await run_in_threadpool(service.calendar.past, wanted.limit + 1, place[0] if place else "")
    page, more = split_at(found, wanted.limit)
    link = next_link(request, wanted, "maintenance", page[-1].id) if more else None
    return WindowPage(items=tuple(map(window_told, page)), next=link)


@router.get("/{window_id}", operation_id="get_maintenance", dependencies=[needs(Scope.READ)])
async def window(window_id: Id, service: TheService) -> WindowStanding:
    """Tell one window, such as the one that an outcome fell into."""
    found = await run_in_threadpool(service.calendar.get, window_id)
    if found is None:
        raise Problem(404, _NONE)
    return window_told(found)


@router.delete("/{window_id}", operation_id="end_maintenance")
async def end(window_id: Id, service: TheService, caller: Annotated[Caller, needs(Scope.WRITE)]) -> WindowStanding:
    """End a window before its time; of a recurring one this time only. One that is over stays as it is."""
    try:
        ended = await run_in_threadpool(service.calendar.end, window_id, caller.name)
    except Unknown:
        raise Problem(404, _NONE) from None
    await noted(service, caller, "maintenance.end", ended.id, {"scope": ended.scope, "ends_at": str(ended.ends_at)})
    return window_told(ended)
