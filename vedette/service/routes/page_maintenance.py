"""This file is for the page of maintenance, and for the forms on it that start and end a window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from probes.fields import parse_duration
from reports.status.maintenance import COMING_SHOWN, page_of
from vedette.service.access import Caller, Scope, needs
from vedette.service.calendar import NewWindow, NotAllowed
from vedette.service.deploying import Unknown
from vedette.service.pages.frames import frame_of, shown
from vedette.service.pages.reading import or_else
from vedette.service.problems import Problem
from vedette.service.security.limits import body_of
from vedette.service.state import Service, the_service

router = APIRouter(include_in_schema=False)

The = Annotated[Service, Depends(the_service)]
Reader = Annotated[Caller, needs(Scope.READ)]
Writer = Annotated[Caller, needs(Scope.WRITE)]
PAST_SHOWN = 30
FIELDS_MOST = 50
_SAID = {"started": "The window is open: what is seen from now on counts for nothing.", "ended": "The window is closed."}


@dataclass(frozen=True, slots=True)
class Given:
    """What somebody filled in, so that a mistake does not cost them the rest."""

    target: str = ""
    suite: str = ""
    lasts: str = ""
    why: str = ""


@router.get("/maintenance")
async def maintenance(request: Request, service: The, caller: Reader, said: str = "") -> HTMLResponse:
    """Show what is in maintenance, what will be, what comes back, and what was."""
    return await _page(request, service, caller, _SAID.get(said, ""), "pass")


@router.post("/maintenance")
async def start(request: Request, service: The, caller: Writer) -> Response:
    """Open a window now."""
    given = Given(**{name: text for name, text in _fields(request).items() if name in Given.__dataclass_fields__})
    try:
        wanted = NewWindow(_seconds(given.lasts), given.why, suite=given.suite, targets=(given.target,) if given.target else ())
        await run_in_threadpool(service.calendar.start, wanted, caller.name)
    except (NotAllowed, Unknown) as problem:
        return await _page(request, service, caller, f"Nothing was started: {problem}", "fail", given, 422)
    return RedirectResponse("/maintenance?said=started", 303)


@router.post("/maintenance/end")
async def end(request: Request, service: The, caller: Writer) -> Response:
    """Close a window before its time."""
    try:
        await run_in_threadpool(service.calendar.end, _fields(request).get("id", ""), caller.name)
    except Unknown as problem:
        return await _page(request, service, caller, f"Nothing was ended: {problem}", "fail", status=404)
    return RedirectResponse("/maintenance?said=ended", 303)


async def _page(
    request: Request, service: Service, caller: Caller, said: str, said_tone: str, given: Given | None = None, status: int = 200
) -> HTMLResponse:
    calendar, now, suites = service.calendar, service.clock(), dict(service.suites)
    windows = await run_in_threadpool(lambda: [*calendar.active(now), *calendar.upcoming()[:COMING_SHOWN]])
    past, trouble = await or_else([], calendar.past, PAST_SHOWN)
    page = await run_in_threadpool(page_of, windows, past, suites, now)
    return await run_in_threadpool(
        shown, "maintenance.html.j2", frame_of(request, service, caller), status, title="Maintenance", here="maintenance",
        tone="skipped", page=page, trouble=trouble, said=said, said_tone=said_tone, given=given or Given(),
        targets=sorted({name for suite in suites.values() for name in suite.targets}), suites=sorted(suites),
    )  # fmt: skip


def _fields(request: Request) -> Mapping[str, str]:
    """Return the fields of a form, each with its first value."""
    text = body_of(request.scope).decode("utf-8", "replace")
    try:
        return {name: values[0].strip() for name, values in parse_qs(text, max_num_fields=FIELDS_MOST).items()}
    except ValueError as problem:
        raise Problem(400, "this is not the form of this page") from problem


def _seconds(text: str) -> float:
    try:
        return float(parse_duration(text))
    except ValueError as problem:
        raise NotAllowed(f"the length {problem}") from None
