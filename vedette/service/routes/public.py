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
    parts = told.parts(list(service.board.lines()), service.settings.public_tags)
    shown_parts = parts[: told.MOST]
    passed, keys = told.ratios(shown_parts), [key for part in shown_parts for key in part.keys]
    slots, _ = await or_else({}, service.history.strips, keys, strips.SLOTS, slot_s, strips.until(now, slot_s))
    tone, sentence = told.headline(parts)

    def made() -> HTMLResponse:
        return shown(
            "public.html.j2", Frame(now=now, events="", public=True), title=sentence, tone=tone, sentence=sentence,
            places=told.places(shown_parts, passed, slots), left_out=len(parts) - len(shown_parts),
        )  # fmt: skip

    return await run_in_threadpool(made)
