"""This file is for the public page: chosen scenarios only, without evidence, sentences or addresses."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from reports.status import public as told
from reports.status import strip as strips
from reports.status.pages import Frame
from vedette.service.access import Scope, needs
from vedette.service.pages.frames import shown
from vedette.service.pages.reading import or_else
from vedette.service.state import Service, the_service

router = APIRouter(include_in_schema=False)

RANGE = "30d"


@router.get("/public", dependencies=[needs(Scope.READ)])
async def public(service: Annotated[Service, Depends(the_service)]) -> HTMLResponse:
    """Show the scenarios that have one of the public tags."""
    now, slot_s = service.clock(), strips.RANGES_S[RANGE]
    chosen = told.chosen(list(service.board.lines()), service.settings.public_tags)
    lines = chosen[: told.MOST]
    keys = [line.key for line in lines]
    slots, _ = await or_else({}, service.history.strips, keys, strips.SLOTS, slot_s, strips.until(now, slot_s))
    drawn = {key: strips.strip([told.public_slot(slot) for slot in slots.get(key, ())]) for key in keys}
    places = told.entries(lines, drawn)
    tone, sentence = told.headline(chosen)
    frame = Frame(now=now, events="", public=True)
    return await run_in_threadpool(
        shown,
        "public.html.j2",
        frame,
        title=sentence,
        tone=tone,
        sentence=sentence,
        places=places,
        left_out=len(chosen) - len(lines),
    )
